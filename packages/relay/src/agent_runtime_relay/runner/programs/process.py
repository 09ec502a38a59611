"""One process of an agent or a check: started without a shell, in a group of its own, ended with all its children."""

import asyncio
import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from .warden import Warden

KEPT = 1024 * 1024  # bytes of standard output, and of standard error
GRACE = 5.0  # seconds between asking a process to end and killing it
_CHUNK = 64 * 1024  # bytes of one read
_DRAIN = 1.0  # seconds to read the pipes to their end once the group is gone
_POLL = 0.01  # seconds between two looks, if the system can't report the end of a process


@attrs.frozen(kw_only=True)
class ProgramEnded:
    """The outcome of a process.

    Attributes:
        exit_code: as `subprocess` reports it, negative for a signal; None if it took too long.
        output: the last MiB of its standard output.
        errors: the last MiB of its standard error.
        output_bytes: the size of all its standard output.
    """

    exit_code: int | None
    output: str
    errors: str
    output_bytes: int

    @property
    def took_too_long(self) -> bool:
        """True if it was stopped at its time limit."""
        return self.exit_code is None

    def last_words(self, at_most: int = 500) -> str:
        """Return the last characters of its standard error, or of its standard output if there is no error."""
        return (self.errors.strip() or self.output.strip())[-at_most:]


async def run_program(
    argv: Sequence[str],
    text: str,
    *,
    environment: Mapping[str, str],
    folder: Path | None = None,
    time_limit: float,
    grace: float,
    warden: Warden,
) -> ProgramEnded:
    """Run a program to its end. If the caller is cancelled, stop the program first.

    Args:
        argv: the program and its arguments.
        text: its standard input.
        environment: its whole environment.
        folder: its working directory; None for that of this process.
        time_limit: seconds after which it is stopped.
        grace: seconds between TERM and KILL.
        warden: kills it when this process dies.

    Raises:
        OSError: it can't be started.
    """
    warden.start()
    with contextlib.ExitStack() as stack:
        output, errors = stack.enter_context(_Tail()), stack.enter_context(_Tail())
        standard_input = stack.enter_context(tempfile.TemporaryFile())
        standard_input.write(text.encode())
        standard_input.seek(0)
        try:
            process = subprocess.Popen(  # noqa: S603 - the command is the user's own, and no shell reads it
                argv,
                stdin=standard_input,
                stdout=output.write_end,
                stderr=errors.write_end,
                env=dict(environment),
                cwd=folder,
                start_new_session=True,
                preexec_fn=warden.enter,
            )
        except (ValueError, subprocess.SubprocessError) as error:
            raise OSError(str(error)) from error
        warden.watch(process.pid)
        output.begin()
        errors.begin()
        took_too_long = False
        try:
            async with asyncio.timeout(time_limit):
                await _wait_for_end(process)
        except TimeoutError:
            took_too_long = True
            await _stop(process, grace)
        except asyncio.CancelledError:
            await _stop(process, grace)
            raise
        finally:
            _signal_group(process, signal.SIGKILL)
            process.wait()
            warden.leave(process.pid)
        with contextlib.suppress(TimeoutError):  # a process that left the group may hold the pipes open for ever
            async with asyncio.timeout(_DRAIN):
                await output.ended.wait()
                await errors.ended.wait()
        return ProgramEnded(
            exit_code=None if took_too_long else process.returncode,
            output=output.text,
            errors=errors.text,
            output_bytes=output.size,
        )


async def _stop(process: subprocess.Popen[bytes], grace: float) -> None:
    """Ask the group to end, and give it some time to do so."""
    _signal_group(process, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(grace):
            await _wait_for_end(process)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to the group. Its number can't be reused until its leader was waited for."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS raises the latter for a group of zombies
        os.killpg(process.pid, number)


async def _wait_for_end(process: subprocess.Popen[bytes]) -> None:
    """Return when the process has ended, without reaping it, so that its number can't be reused yet."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # not Linux, or a sandbox that forbids it
        while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            await asyncio.sleep(_POLL)
        return
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


class _Tail:
    """The reading end of a pipe, and the last bytes that came through it."""

    def __init__(self) -> None:
        self.read_end = -1
        self.write_end = -1
        self.size = 0
        self.ended = asyncio.Event()
        self._kept = bytearray()

    def __enter__(self) -> "_Tail":
        self.read_end, self.write_end = os.pipe()
        os.set_blocking(self.read_end, False)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self.read_end)
        os.close(self.read_end)
        if self.write_end >= 0:
            os.close(self.write_end)

    def begin(self) -> None:
        """Start reading. The program has the writing end by now, so close it here."""
        os.close(self.write_end)
        self.write_end = -1
        asyncio.get_running_loop().add_reader(self.read_end, self._read)

    @property
    def text(self) -> str:
        """The bytes kept, as text; bytes that are not valid UTF-8 show as replacement characters."""
        return self._kept[-KEPT:].decode(errors="replace")

    def _read(self) -> None:
        chunk = os.read(self.read_end, _CHUNK)
        if not chunk:
            asyncio.get_running_loop().remove_reader(self.read_end)
            self.ended.set()
            return
        self.size += len(chunk)
        self._kept += chunk
        if len(self._kept) > 2 * KEPT:
            del self._kept[:-KEPT]
