"""Sees that no agent outlives its runner, however that ends: a process waits for its end and kills what is left."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType

import attrs

_PROGRAM = Path(__file__).with_name("warden_process.py")


@attrs.define(eq=False)
class Warden:
    """A process that outlives this one by a moment; it is started for the first agent.

    What starts says so itself, before it becomes the agent's program, and holds the pipe open until then. So the end of
    the pipe, by which the warden knows that the runner is gone, never comes before it knows of all that was started.
    """

    _process: subprocess.Popen[bytes] | None = attrs.field(default=None, init=False)
    _pipe: int = attrs.field(default=-1, init=False)
    _watched: set[int] = attrs.field(factory=set, init=False)

    def __enter__(self) -> "Warden":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the process, unless it runs; one that was killed is replaced, and told what there is to watch."""
        if self._process is not None:
            if self._process.poll() is None:
                return
            os.close(self._pipe)
            self._process = None
        read_end, self._pipe = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - a program of this package
                [sys.executable, "-I", "-S", str(_PROGRAM)],
                stdin=read_end,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # what interrupts the runner must not reach it
            )
        finally:
            os.close(read_end)
        for group in self._watched:
            os.write(self._pipe, b"+%d\n" % group)

    def enter(self) -> None:
        """Put the process that calls this under watch: the leader of its group, between fork and exec."""
        os.write(self._pipe, b"+%d\n" % os.getpid())

    def watch(self, group: int) -> None:
        """Remember a process group that entered, for a warden that has to be replaced."""
        self._watched.add(group)

    def leave(self, group: int) -> None:
        """Take a process group that is gone from the watch."""
        self._watched.discard(group)
        with contextlib.suppress(BrokenPipeError):  # who was watching was killed
            os.write(self._pipe, b"-%d\n" % group)

    def close(self) -> None:
        """End the watch; whatever is still under it is killed."""
        if self._process is not None:
            os.close(self._pipe)
            self._process.wait()
            self._process = None
