"""Copying a database to a new file, which has its name only once it is whole."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from ...errors import StorageFailure
from .failures import storage_failure
from .files import create_private, identity

_UNFINISHED = "agent-runtime-partial"
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


def back_up(connection: apsw.Connection, target: Path) -> None:
    """Copy a database as one moment saw it, while others go on writing, and check the copy.

    The copy is made beside the target under a name that begins with a dot. What a killed process left there, the next
    copy to the same target takes away.

    Args:
        connection: a connection to it, in no transaction.
        target: a file that does not exist yet.

    Raises:
        StorageFailure: the copy can't be written; none is left behind.
    """
    partial = unfinished(target)
    try:
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        with _kept_from_others(partial, target) as descriptor:
            try:
                _copy(connection, partial, target)
                os.fsync(descriptor)
                _give_its_name(partial, target)
            finally:
                remove_unfinished(partial)
        _have_the_name_survive(target.parent)
    except (OSError, apsw.FullError, apsw.IOError) as error:
        if isinstance(error, StorageFailure):
            raise
        raise storage_failure(target, error) from error


def unfinished(target: Path) -> Path:
    """Return the name that a copy has until it is whole."""
    return target.with_name(f".{target.name}.{_UNFINISHED}")


def remove_unfinished(partial: Path) -> None:
    """Take away a copy that is not whole, with the journal that SQLite may have beside it."""
    for path in (Path(f"{partial}-journal"), partial):
        path.unlink(missing_ok=True)


@contextmanager
def _kept_from_others(partial: Path, target: Path) -> Iterator[int]:
    """Make an empty file for this user alone, with a lock on it that ends with the process."""
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
            raise StorageFailure(target, "is being made by another process", "wait for that, or name another") from None
        found = os.fstat(descriptor)
        if identity(partial) == (found.st_dev, found.st_ino):
            return descriptor
        os.close(descriptor)  # who had the lock gave the file its name, or took it away


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
        raise StorageFailure(target, f"the copy is damaged ({verdict})", "`agent-runtime doctor` says what is damaged")


def _give_its_name(partial: Path, target: Path) -> None:
    """Give a whole copy its name, never in place of a file that came meanwhile."""
    try:
        os.link(partial, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        create_private(target)  # where a file can't have two names: an empty one for a moment
        partial.replace(target)


def _have_the_name_survive(folder: Path) -> None:
    """Write a folder's new names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
