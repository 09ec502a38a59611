"""Opening the database file: what it may be, how it is made, which settings hold, how its tables move forward."""

import contextlib
import os
import stat
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import apsw
import attrs

from agent_runtime_kernel.errors import SchemaTooNew
from agent_runtime_kernel.schema import Schema

from ...errors import StorageFailure
from .copying import back_up, unfinished
from .files import Identity, create_private, identity, make_private_folders, require_local, side_files

APPLICATION_ID = 0x41475254  # "AGRT"
SYNCHRONOUS = ("FULL", "NORMAL")
_CHECKPOINT = 1000  # pages
_CHECKPOINT_AT_LAST = 8000

_OWNERS = stat.S_IRUSR | stat.S_IWUSR


class Outdated(Exception):
    """The tables of a library are older than the library; whoever opened the file brings them up to date."""


class Newer(Exception):
    """The tables of a library are newer than the library; the cause is its own error."""


@attrs.define(eq=False, repr=False)
class _Checkpoints:
    """Writes the log back each time that it has grown by so many pages.

    SQLite's own way is to do so after each commit as long as the log is that long. It can't begin anew while anybody
    reads or asks for a turn, which among many processes is always: then each commit would wait for the disk.

    Whose commit passes such a mark writes back. Who finds that others have written much since its own last commit
    leaves that to them, but not for ever.
    """

    pages: int = 0  # of the log, after this process's last commit
    written_back: int = 0

    def after_commit(self, connection: apsw.Connection, _name: str, pages: int) -> int:
        """Look how long the log is; what can't be written back now is so later, and is no failure of the commit."""
        before, self.pages = self.pages, pages
        if pages < before:  # the log began anew
            before = self.written_back = 0
        passes = pages // _CHECKPOINT > before // _CHECKPOINT and pages - before < _CHECKPOINT
        if passes or pages - self.written_back >= _CHECKPOINT_AT_LAST:
            self.written_back = pages
            with contextlib.suppress(apsw.Error):
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        return apsw.SQLITE_OK


def require_up_to_date(schema: Schema, connection: apsw.Connection) -> None:
    """Refuse tables that are older or newer than the library that is to use them.

    Raises:
        Outdated: they are older, or not there yet.
        Newer: they are newer.
    """
    try:
        found = schema.version(connection)
    except apsw.SQLError:  # a library that is new in this version has no table yet
        found = 0
    except SchemaTooNew as newer:
        raise Newer from newer
    if found < len(schema.migrations):
        raise Outdated


@attrs.frozen(eq=False, repr=False)
class Opening:
    """How a database file is to be opened.

    Args:
        path: the file.
        schemas: returns the tables it has, in the order in which they are made.
        synchronous: "FULL", or "NORMAL" to trade the last writes before a loss of power for speed.
        may_create: whether a missing file is made.
        default_folder: whether its missing folder is made, too.
        checked_at_first_use: whether who uses tables asks with `require_up_to_date`, so that none is looked at here.
    """

    path: Path
    schemas: Callable[[], Sequence[Schema]]
    synchronous: str = "FULL"
    may_create: bool = True
    default_folder: bool = False
    checked_at_first_use: bool = False

    def open(self) -> tuple[apsw.Connection, Identity]:
        """Return a connection with all settings on it, to tables that are up to date, and the identity of the file.

        A file that is up to date costs no write lock.

        Raises:
            StorageFailure: the file can't be used, and is left as it was.
            apsw.Error: SQLite says so; what is in `_storage_failures.LOCKED` goes away with time.
            OSError: the operating system says so.
        """
        if self.synchronous.upper() not in SYNCHRONOUS:
            raise StorageFailure(
                self.path,
                f"can't be opened with synchronous {self.synchronous!r}",
                f"choose one of {', '.join(SYNCHRONOUS)}",
            )
        require_sound_sqlite(self.path, apsw.sqlite_lib_version())
        file = self._require_file()
        require_local(self.path, self.path.parent)  # a bind mount may be of the file alone
        connection = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READWRITE, statementcachesize=256)
        try:
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)  # leave a -wal of others alone, too
            is_made = _pragma(connection, "application_id") == APPLICATION_ID
            if not is_made:
                self._require_ours(connection)
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
            try:
                self._configure(connection)
            except apsw.SQLError as unreadable:  # the words are right, so it is the file: "unsupported file format"
                raise StorageFailure(
                    self.path, f"can't be read ({unreadable})", "a newer SQLite, or a backup, may help"
                ) from unreadable
            if not is_made or (not self.checked_at_first_use and self._is_outdated(connection)):
                self.migrate(connection)
            self._require_unmoved(file)
        except BaseException:
            connection.close()
            raise
        return connection, file

    def copy_to(self, target: Path) -> None:
        """Copy what is committed to a new file; through a connection of its own, as one that writes can't be copied."""
        reader = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            back_up(reader, target)
        finally:
            reader.close()

    def _require_file(self) -> Identity:
        try:
            str(self.path).encode()
            found = self.path.stat()
        except UnicodeEncodeError:
            raise StorageFailure(
                self.path, "its name is not UTF-8, which SQLite needs", "give it another name"
            ) from None
        except FileNotFoundError:
            self._create()
            found = self.path.stat()
        mode = found.st_mode
        if stat.S_ISDIR(mode):
            raise StorageFailure(self.path, "is a folder", "give the path of a file in it")
        if not stat.S_ISREG(mode):
            raise StorageFailure(self.path, "is no regular file", "give the path of another file")
        self._open_side_files_to_the_owner(found)
        return found.st_dev, found.st_ino

    def _open_side_files_to_the_owner(self, found: os.stat_result) -> None:
        """Undo what SQLite did while the file could only be read: it gave -wal and -shm the same mode, for ever."""
        if found.st_mode & _OWNERS != _OWNERS or found.st_uid != os.geteuid():
            return
        for side in side_files(self.path):
            with contextlib.suppress(FileNotFoundError):
                mode = side.stat().st_mode
                if mode & _OWNERS != _OWNERS:
                    side.chmod(stat.S_IMODE(mode) | _OWNERS)

    def _create(self) -> None:
        """Make an empty file that only this user can read; SQLite gives -wal and -shm the same mode."""
        if self.path.is_symlink():
            raise StorageFailure(
                self.path, "is a symbolic link to nothing", "make the file that it points at, or remove it"
            )
        if not self.may_create:
            raise StorageFailure(self.path, "does not exist", "`agent-runtime init` makes a database for this project")
        if self.default_folder:
            make_private_folders(self.path.parent)
        try:
            require_local(self.path.parent)
            create_private(self.path)
        except FileExistsError:
            return  # another process was faster
        except FileNotFoundError:
            raise StorageFailure(
                self.path, f"its folder {self.path.parent} does not exist", "make the folder, or name another file"
            ) from None

    def _require_ours(self, connection: apsw.Connection) -> None:
        """Refuse what others made, told by its application_id, or by tables without one."""
        has_tables = connection.execute("SELECT name FROM sqlite_schema LIMIT 1").fetchone() is not None
        found = _pragma(connection, "application_id")  # after the tables: another process may be making both
        if found == APPLICATION_ID:
            return
        if found:
            raise StorageFailure(
                self.path, f"belongs to another application (application_id {found:#x})", "name another file"
            )
        if has_tables:
            raise StorageFailure(
                self.path,
                "is a database of another application",
                "name another file; what an earlier agent-runtime server wrote is read by `agent-runtime import`",
            )

    def _configure(self, connection: apsw.Connection) -> None:
        for option, value in _OPTIONS:
            connection.config(option, value)
        if _pragma(connection, "journal_mode = WAL") != "wal":
            raise StorageFailure(
                self.path, "its file system can't hold a write-ahead log", "name a file on a local disk"
            )
        _pragma(connection, f"synchronous = {self.synchronous}")
        for setting in _SETTINGS:
            _pragma(connection, setting)
        if sys.platform == "darwin" and self.synchronous == "FULL":
            for setting in ("fullfsync = ON", "checkpoint_fullfsync = ON"):  # fsync(2) leaves it in the drive's cache
                _pragma(connection, setting)
        connection.set_wal_hook(_Checkpoints().after_commit)
        connection.transaction_mode = "IMMEDIATE"

    def _is_outdated(self, connection: apsw.Connection) -> bool:
        for schema in self.schemas():
            try:
                require_up_to_date(schema, connection)
            except Outdated:
                return True
            except Newer as newer:
                raise self.refusal(newer) from newer
        return False

    def migrate(self, connection: apsw.Connection) -> None:
        """Bring all tables up to date in one transaction, unless another process did while this one waited for it."""
        with connection:
            if _pragma(connection, "application_id") != APPLICATION_ID:
                self._require_ours(connection)
                _pragma(connection, f"application_id = {APPLICATION_ID}")
            elif self._is_outdated(connection):
                self._keep_a_copy()
            else:
                return
            try:
                for schema in self.schemas():
                    schema.migrate(connection)
            except SchemaTooNew as newer:
                raise StorageFailure(self.path, str(newer), newer.hint) from newer

    def refusal(self, newer: Newer) -> StorageFailure:
        """Return the failure to raise for tables that are newer than their library."""
        return StorageFailure(self.path, str(newer.__cause__), getattr(newer.__cause__, "hint", None))

    def _require_unmoved(self, file: Identity) -> None:
        if identity(self.path) != file:
            raise StorageFailure(self.path, "was replaced while it was opened", "call again")

    def _keep_a_copy(self) -> None:
        import datetime
        import glob

        kept = f"{self.path.name}.before-upgrade-"
        of_killed_upgrades = unfinished(self.path.with_name(f"{glob.escape(kept)}*"))
        for left in self.path.parent.glob(f"{of_killed_upgrades.name}*"):  # there is no other upgrade at this time
            left.unlink()
        now = datetime.datetime.now(datetime.UTC)
        self.copy_to(self.path.with_name(f"{kept}{now:%Y%m%dT%H%M%S%fZ}"))


_OPTIONS = (
    (apsw.SQLITE_DBCONFIG_ENABLE_FKEY, 1),
    (apsw.SQLITE_DBCONFIG_DQS_DDL, 0),  # a misspelt column in double quotes is an error and no text
    (apsw.SQLITE_DBCONFIG_DQS_DML, 0),
    (apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0),  # a file made by others runs no functions by being read
    (apsw.SQLITE_DBCONFIG_DEFENSIVE, 1),  # no SQL can write the schema's tables as data
    (apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1),  # a statement is not compiled anew for each value that is bound to it
)

_SETTINGS = (
    "cache_size = -16384",  # at most 16 MiB: the indexes of 100,000 tasks; nothing is taken before it is read
    "temp_store = MEMORY",  # savepoints and sorts are small, and work when /tmp is full
    "journal_size_limit = 16777216",  # a -wal that one large write blew up shrinks again
    "mmap_size = 0",  # with mapped pages an I/O error is a SIGBUS, which kills the server
)


def require_sound_sqlite(path: Path, version: str) -> None:
    """Refuse a SQLite in which two connections that checkpoint at once can lose a write.

    Source: https://www.sqlite.org/wal.html#walresetbug, fixed in 3.51.3 and in the branches of 3.50.7 and 3.44.6.
    """
    number = tuple(map(int, version.split(".")[:3]))
    if number >= (3, 51, 3) or (3, 50, 7) <= number < (3, 51) or (3, 44, 6) <= number < (3, 45):
        return
    raise StorageFailure(
        path,
        f"SQLite {version} can lose writes of several processes (a race in resetting the write-ahead log)",
        "install an apsw that brings SQLite 3.51.3 or newer",
    )


def _pragma(connection: apsw.Connection, text: str) -> Any:
    rows = connection.execute(f"PRAGMA {text}").fetchall()
    return rows[0][0] if rows else None
