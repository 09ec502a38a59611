"""Result files: agents write them, so anything may be found there."""

import os
import shutil
import stat
from pathlib import Path

from ..._guard import Result
from .result import AgentFailed

MAX_RESULT_BYTES = 2 * 1024 * 1024  # an output of 1 MiB, escaped


def read_result_file(path: Path) -> str | None:
    """Return the text that a program wrote as its result, or None if it wrote none.

    Raises:
        AgentFailed: the file is too large for a result, or can't be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # do not wait for the writer of a pipe
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(MAX_RESULT_BYTES + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AgentFailed(Result.INVALID_OUTPUT, f"the result file can't be read: {error}") from error
    if len(content) > MAX_RESULT_BYTES:
        raise AgentFailed(
            Result.INVALID_OUTPUT,
            f"the result file is larger than {MAX_RESULT_BYTES} bytes; an output has at most 1 MiB",
        )
    text = content.decode(errors="replace")
    return text if text.strip() else None


def remove(path: Path) -> None:
    """Remove the file or folder at a path, if there is one."""
    try:
        path.unlink(missing_ok=True)
    except OSError:  # a folder
        shutil.rmtree(path, ignore_errors=True)
