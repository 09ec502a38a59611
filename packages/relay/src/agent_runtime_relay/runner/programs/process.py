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
_PART = 64 * 1024
_DRAIN = 1.0  # seconds for what is still in the pipes once the group is gone
_LOOK_AGAIN = 0.01  # seconds, where there is no other way than to look


@attrs.frozen(kw_only=True)
class ProgramEnded:
    """What came of a process.

    Attributes:
        exit_code: as `subprocess` tells it, negative for a signal; None when it took too long.
        output: the last MiB of its standard output.
        errors: the last MiB of its standard error.
        output_bytes: how much standard output there was.
    """

    exit_code: int | None
    output: str
    errors: str
    output_bytes: int

    @property
    def took_too_long(self) -> bool:
        """Whether it was stopped at its time limit."""
        return self.exit_code is None

    def last_words(self, at_most: int = 500) -> str:
        """Return the end of what it said on standard error, or else on standard output."""
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
    """Run a program to its end; when the caller is cancelled, it is stopped first.

    Args:
        argv: the program and its arguments.
        text: its standard input.
        environment: all of its environment.
        folder: where it works; None for where this process does.
        time_limit: seconds after which it is stopped.
        grace: seconds between TERM and KILL.
        warden: sees to it when this process dies.

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
                await _end_of(process)
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
        with contextlib.suppress(TimeoutError):  # what left the group may hold the pipes open for ever
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
    """Ask the group to end, and give it some time for that."""
    _signal_group(process, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(grace):
            await _end_of(process)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to the group; its number stays taken as long as its leader was not waited for."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
        os.killpg(process.pid, number)


async def _end_of(process: subprocess.Popen[bytes]) -> None:
    """Return when the process has ended, and leave it to be waited for: its number stays its own until then."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # not Linux, or a sandbox that forbids it
        while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            await asyncio.sleep(_LOOK_AGAIN)
        return
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


@attrs.define(eq=False)
class _Tail:
    """The reading end of a pipe, and the last of what came through it."""

    read_end: int = attrs.field(default=-1, init=False)
    write_end: int = attrs.field(default=-1, init=False)
    size: int = attrs.field(default=0, init=False)
    ended: asyncio.Event = attrs.field(factory=asyncio.Event, init=False)
    _kept: bytearray = attrs.field(factory=bytearray, init=False)

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
        """Read from now on what the process writes, which has the other end by now."""
        os.close(self.write_end)
        self.write_end = -1
        asyncio.get_running_loop().add_reader(self.read_end, self._read)

    @property
    def text(self) -> str:
        """What was kept; what is no UTF-8 in it shows as such."""
        return self._kept[-KEPT:].decode(errors="replace")

    def _read(self) -> None:
        part = os.read(self.read_end, _PART)
        if not part:
            asyncio.get_running_loop().remove_reader(self.read_end)
            self.ended.set()
            return
        self.size += len(part)
        self._kept += part
        if len(self._kept) > 2 * KEPT:
            del self._kept[:-KEPT]
