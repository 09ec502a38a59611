"""The standard descriptors of a process whose standard output carries a protocol."""

import contextlib
import fcntl
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def private_descriptors() -> Iterator[tuple[int, int]]:
    """Move standard input and output to two private descriptors, and restore them afterwards.

    A standard stream that was closed when Python started is `None`, and its descriptor may be that of another file.

    Yields:
        The descriptor to read from and the one to write to.
    """
    with contextlib.ExitStack() as restored:
        opened = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        nothing = fcntl.fcntl(opened, fcntl.F_DUPFD_CLOEXEC, 3)
        os.close(opened)
        restored.callback(os.close, nothing)
        errors = nothing if sys.__stderr__ is None else 2
        source = nothing if sys.__stdin__ is None else _diverted(0, nothing, restored)
        target = nothing if sys.__stdout__ is None else _diverted(1, errors, restored)
        if sys.stdout is not None:
            restored.callback(
                sys.stdout.flush
            )  # before the descriptors are restored: printed text must not reach the wire
        yield source, target


def _diverted(standard: int, elsewhere: int, restored: contextlib.ExitStack) -> int:
    private = fcntl.fcntl(standard, fcntl.F_DUPFD_CLOEXEC, 3)
    restored.callback(os.close, private)
    os.dup2(elsewhere, standard)
    restored.callback(os.dup2, private, standard)
    return private
