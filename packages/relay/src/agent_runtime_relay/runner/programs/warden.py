"""A warden makes sure that no program outlives its runner, however the runner ends.

The warden is a small process that reads a pipe from the runner. Each program is a process group of its own.

- Enter: between fork and exec, the new process writes its own group into the pipe.
- Leave: the runner writes the group into the pipe when the program has ended.
- End of the pipe: the runner is gone. The warden kills every group that entered and did not leave.

Invariant: the pipe can't end before the warden knows every program that was started. The new process holds the
pipe open until it has written its group.

Example: a runner starts agents 100 and 200, agent 100 ends, and the runner is killed. The warden has read `+100`,
`+200` and `-100`, reads the end of the pipe, and kills group 200.
"""

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType

_PROGRAM = Path(__file__).with_name("warden_process.py")


class Warden:
    """A process that kills the programs of this process when this process ends; it starts with the first program."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe = -1
        self._groups: set[int] = set()

    def __enter__(self) -> "Warden":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the process unless it runs. Replace one that was killed, and name it the groups to watch."""
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
                start_new_session=True,  # a signal that interrupts the runner must not reach it
            )
        finally:
            os.close(read_end)
        for group in self._groups:
            os.write(self._pipe, b"+%d\n" % group)

    def enter(self) -> None:
        """Put the calling process under watch: it leads its group, and calls this between fork and exec."""
        os.write(self._pipe, b"+%d\n" % os.getpid())

    def watch(self, group: int) -> None:
        """Remember a process group that entered, in case the warden has to be replaced."""
        self._groups.add(group)

    def leave(self, group: int) -> None:
        """Stop watching a process group that is gone."""
        self._groups.discard(group)
        with contextlib.suppress(BrokenPipeError):  # the warden was killed
            os.write(self._pipe, b"-%d\n" % group)

    def close(self) -> None:
        """End the warden; it kills the groups that are still under watch."""
        if self._process is not None:
            os.close(self._pipe)
            self._process.wait()
            self._process = None
