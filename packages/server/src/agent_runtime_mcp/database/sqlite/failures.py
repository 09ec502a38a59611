"""The failures of a database file: errors of SQLite and the operating system in one sentence, with a hint.

`integrity.damage_behind` tells a damaged file from a bug where SQLite reports neither.
"""

import os
from pathlib import Path

import apsw

from ...errors import StorageFailure

# Another connection has the lock; nothing is wrong. LOCKED is the same within one process, PROTOCOL a lost race for
# the locks of the WAL.
LOCKED: tuple[type[apsw.Error], ...] = (apsw.BusyError, apsw.LockedError, apsw.ProtocolError)

BROKEN: tuple[type[apsw.Error], ...] = (
    apsw.CantOpenError,
    apsw.CorruptError,
    apsw.FormatError,
    apsw.FullError,
    apsw.IOError,
    apsw.NoLFSError,
    apsw.NotADBError,
    apsw.PermissionsError,
    apsw.ReadOnlyError,
    apsw.TooBigError,
)

_NOT_WRITTEN = (
    apsw.SQLITE_IOERR_WRITE,
    apsw.SQLITE_IOERR_FSYNC,
    apsw.SQLITE_IOERR_DIR_FSYNC,
    apsw.SQLITE_IOERR_TRUNCATE,
)
_ANOTHER_FILE = "name another file with --db or AGENT_RUNTIME_DB"


def storage_failure(path: Path, error: Exception) -> StorageFailure:
    """Return the failure to raise for an error that occurred while opening, reading or writing a database file.

    Args:
        path: the database file.
        error: one of `BROKEN`, or an OSError.
    """
    reason, hint = _reason(path, error)
    return StorageFailure(path, reason, hint)


def what_broke(error: apsw.Error) -> apsw.Error | None:
    """Return the error that says that the file is broken or locked: this error or one in its context, or None.

    On a full disk SQLite ends the transaction by itself. apsw then fails to end it again, and raises that error.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, apsw.Error) and isinstance(seen, BROKEN + LOCKED):
            return seen
        seen = seen.__context__
    return None


def leaves_reads_intact(error: apsw.Error) -> bool:
    """Tell whether the connection can still read: on a full disk it may be impossible to open another one."""
    return isinstance(error, apsw.FullError) or (isinstance(error, apsw.IOError) and _extended(error) in _NOT_WRITTEN)


def _reason(path: Path, error: Exception) -> tuple[str, str | None]:
    match error:
        case apsw.FullError():
            return "the disk is full", "nothing was lost; free some space and call again"
        case apsw.NotADBError() | apsw.FormatError():
            return "is not a database", _ANOTHER_FILE
        case apsw.CorruptError() | apsw.TooBigError():  # no value that is stored is too big
            return f"is damaged ({error})", "`agent-runtime doctor` reports the damage; a backup can replace the file"
        case apsw.ReadOnlyError() | apsw.CantOpenError() | apsw.PermissionsError():
            return _missing_permission(path), f"this user must be able to read and write the file and {path.parent}"
        case apsw.Error():
            name = apsw.mapping_extended_result_codes.get(_extended(error), error)
            return (
                f"can't be read or written ({name})",
                "nothing was lost; check the disk and its quota, and call again",
            )
        case OSError():
            return (error.strerror or str(error)).lower(), _ANOTHER_FILE
        case _:
            raise TypeError(f"{error!r} is not an error of a file")


def _extended(error: apsw.Error) -> int:
    return getattr(error, "extendedresult", apsw.SQLITE_ERROR)


def _missing_permission(path: Path) -> str:
    if not os.access(path, os.R_OK):
        return "permission denied"
    if not os.access(path, os.W_OK):
        return "can't be written"
    if not os.access(path.parent, os.W_OK):
        return "its folder can't be written, but SQLite must keep two files there"
    return "can't be opened for writing"
