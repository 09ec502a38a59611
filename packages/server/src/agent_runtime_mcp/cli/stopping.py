"""Work that runs to its end or until a signal stops it. The exit code then names the signal."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end, or cancel it on SIGINT or SIGTERM.

    The coroutine may clean up when it is cancelled; a second signal cancels the clean-up. The process then ends with
    128 plus the number of the signal.
    """
    stopped_by = asyncio.run(_run(work))
    if stopped_by is not None:
        sys.stdout.flush()
        sys.exit(128 + stopped_by)


async def _run(work: Coroutine[Any, Any, None]) -> signal.Signals | None:
    task = asyncio.ensure_future(work)
    received: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        received.append(number)
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, stop, number)
    try:
        await task
    except asyncio.CancelledError:
        if not received:
            raise
    return received[0] if received else None
