"""Copies of a database: a copy gets its name only once it is complete and checked.

The copy is written beside the target, under a hidden name with a lock on it. The lock ends with the process, so that
the next copy to the same target recognizes the leftovers of a killed one and overwrites them. At the end the complete
file is linked to its name, which never replaces a file that appeared meanwhile.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from ...errors import StorageFailure
from .failures import storage_failure
from .files import create_private, identity, sync_folder

_UNFINISHED = "agent-runtime-partial"
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


def back_up(connection: apsw.Connection, target: Path) -> None:
    """Copy one state of a database to a new file and check the copy; other processes may go on writing.

    Args:
        connection: a connection to it, outside a transaction.
        target: a file that does not exist yet.

    Raises:
        StorageFailure: the copy can't be written; no partial copy is left.
    """
    partial = unfinished(target)
    try:
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        with _exclusive_file(partial, target) as descriptor:
            try:
                _copy(connection, partial, target)
                os.fsync(descriptor)
                _give_its_name(partial, target)
            finally:
                remove_unfinished(partial)
        sync_folder(target.parent)
    except (OSError, apsw.FullError, apsw.IOError) as error:
        if isinstance(error, StorageFailure):
            raise
        raise storage_failure(target, error) from error


def unfinished(target: Path) -> Path:
    """Return the name of a copy until it is complete."""
    return target.with_name(f".{target.name}.{_UNFINISHED}")


def remove_unfinished(partial: Path) -> None:
    """Remove an incomplete copy, with the journal that SQLite may have left beside it."""
    for path in (Path(f"{partial}-journal"), partial):
        path.unlink(missing_ok=True)


@contextmanager
def _exclusive_file(partial: Path, target: Path) -> Iterator[int]:
    """Create an empty private file with a lock on it that ends with the process."""
    descriptor = _locked(partial, target)
    try:
        os.fchmod(descriptor, 0o600)
        os.ftruncate(descriptor, 0)
        Path(f"{partial}-journal").unlink(missing_ok=True)
        yield descriptor
    finally:
        os.close(descriptor)


def _locked(partial: Path, target: Path) -> int:
    while True:
        descriptor = os.open(partial, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise StorageFailure(
                target, "is being written by another process", "wait for it, or name another file"
            ) from None
        found = os.fstat(descriptor)
        if identity(partial) == (found.st_dev, found.st_ino):
            return descriptor
        os.close(descriptor)  # the process with the lock renamed or removed the file


def _copy(connection: apsw.Connection, partial: Path, target: Path) -> None:
    copy = apsw.Connection(str(partial), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        with copy.backup("main", connection, "main") as backup:
            while not backup.done:
                backup.step(-1)
        copy.execute("PRAGMA journal_mode = DELETE").fetchall()  # the copy is one file
        _require_intact(copy, target)
    finally:
        copy.close(True)


def _require_intact(copy: apsw.Connection, target: Path) -> None:
    [(verdict,), *_] = copy.execute("PRAGMA integrity_check").fetchall()
    if verdict != "ok":
        raise StorageFailure(target, f"the copy is damaged ({verdict})", "`agent-runtime doctor` reports the damage")


def _give_its_name(partial: Path, target: Path) -> None:
    """Give a complete copy its name; never replace a file that appeared meanwhile."""
    try:
        os.link(partial, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        create_private(target)  # without hard links: reserve the name with an empty file
        partial.replace(target)
