"""Programs that run until they are done or told to stop: a signal cancels them, and is their exit code."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end; when a signal comes, let what runs be ended cleanly, and end with 128 and its number.

    A second signal cancels what is being ended.
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
