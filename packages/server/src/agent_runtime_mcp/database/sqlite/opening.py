"""The opening of a database file: it is validated, created if missing, configured, and migrated if outdated.

1. Only a regular file on a local disk is opened, with a SQLite that does not lose writes.
2. A missing file is created, readable by this user alone.
3. A file with another `application_id`, or with tables but no `application_id`, belongs to another application. It is
   refused and stays as it is.
4. The connection gets its settings: write-ahead log, foreign keys, limits.
5. Outdated tables are migrated in one transaction, after a copy of the file was kept beside it.
6. If the file was replaced meanwhile, the connection is closed again.
"""

import contextlib
import datetime
import glob
import os
import stat
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import apsw

from agent_runtime_kernel.errors import SchemaTooNew
from agent_runtime_kernel.schema import Schema

from ...errors import StorageFailure
from ..engine import Newer, Outdated
from .copying import back_up, unfinished
from .files import Identity, create_private, identity, make_private_folders, require_local, side_files

APPLICATION_ID = 0x41475254  # "AGRT"
SYNCHRONOUS = ("FULL", "NORMAL")
_CHECKPOINT = 1000  # pages
_CHECKPOINT_AT_LAST = 8000

_OWNERS = stat.S_IRUSR | stat.S_IWUSR


class Opening:
    """The way to open one database file.

    Args:
        path: the file.
        schemas: returns the schemas of the file, in the order in which they are migrated.
        synchronous: "FULL", or "NORMAL" to trade the last writes before a loss of power for speed.
        may_create: true to create a missing file.
        default_folder: true to create its missing folder, too.
        checked_at_first_use: true if the users of tables call `require_up_to_date`, so that no table is checked here.
    """

    def __init__(
        self,
        path: Path,
        schemas: Callable[[], Sequence[Schema]],
        synchronous: str = "FULL",
        may_create: bool = True,
        default_folder: bool = False,
        checked_at_first_use: bool = False,
    ) -> None:
        self.path = path
        self.schemas = schemas
        self.synchronous = synchronous
        self.may_create = may_create
        self.default_folder = default_folder
        self.checked_at_first_use = checked_at_first_use

    def open(self) -> tuple[apsw.Connection, Identity]:
        """Return a configured connection to tables that are up to date, and the identity of the file.

        A file that is up to date costs no write lock.

        Raises:
            StorageFailure: the file can't be used; it is unchanged.
            apsw.Error: SQLite refuses it; the errors in `failures.LOCKED` pass with time.
            OSError: the operating system refuses it.
        """
        if self.synchronous.upper() not in SYNCHRONOUS:
            raise StorageFailure(
                self.path,
                f"can't be opened with synchronous {self.synchronous!r}",
                f"choose one of {', '.join(SYNCHRONOUS)}",
            )
        require_sound_sqlite(self.path, apsw.sqlite_lib_version())
        file = self._require_file()
        require_local(self.path, self.path.parent)  # the file alone may be a bind mount
        connection = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READWRITE, statementcachesize=256)
        try:
            connection.config(
                apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1
            )  # leave the -wal of another application alone, too
            is_made = _pragma(connection, "application_id") == APPLICATION_ID
            if not is_made:
                self._require_ours(connection)
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
            try:
                self._configure(connection)
            except (
                apsw.SQLError
            ) as unreadable:  # the statements are correct, so the file is not: "unsupported file format"
                raise StorageFailure(
                    self.path, f"can't be read ({unreadable})", "try a newer SQLite, or a backup"
                ) from unreadable
            if not is_made or (not self.checked_at_first_use and self._is_outdated(connection)):
                self.migrate(connection)
            self._require_unmoved(file)
        except BaseException:
            connection.close()
            raise
        return connection, file

    def copy_to(self, target: Path) -> None:
        """Copy the committed state to a new file, through a second connection, as one that writes can't be copied."""
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
                self.path, "its name is not UTF-8, which SQLite requires", "give it another name"
            ) from None
        except FileNotFoundError:
            self._create()
            found = self.path.stat()
        mode = found.st_mode
        if stat.S_ISDIR(mode):
            raise StorageFailure(self.path, "is a folder", "give the path of a file in it")
        if not stat.S_ISREG(mode):
            raise StorageFailure(self.path, "is not a regular file", "give the path of a regular file")
        self._make_side_files_writable(found)
        return found.st_dev, found.st_ino

    def _make_side_files_writable(self, found: os.stat_result) -> None:
        """Give the owner access to -wal and -shm, which SQLite made while the file was read-only, with its mode."""
        if found.st_mode & _OWNERS != _OWNERS or found.st_uid != os.geteuid():
            return
        for side in side_files(self.path):
            with contextlib.suppress(FileNotFoundError):
                mode = side.stat().st_mode
                if mode & _OWNERS != _OWNERS:
                    side.chmod(stat.S_IMODE(mode) | _OWNERS)

    def _create(self) -> None:
        """Create an empty file that only this user can read; SQLite gives -wal and -shm the same mode."""
        if self.path.is_symlink():
            raise StorageFailure(
                self.path, "is a symbolic link to a missing file", "create that file, or remove the link"
            )
        if not self.may_create:
            raise StorageFailure(
                self.path, "does not exist", "`agent-runtime init` creates a database for this project"
            )
        if self.default_folder:
            make_private_folders(self.path.parent)
        try:
            require_local(self.path.parent)
            create_private(self.path)
        except FileExistsError:
            return  # another process was faster
        except FileNotFoundError:
            raise StorageFailure(
                self.path, f"its folder {self.path.parent} does not exist", "create the folder, or name another file"
            ) from None

    def _require_ours(self, connection: apsw.Connection) -> None:
        """Refuse the file of another application, known by its application_id, or by tables without one."""
        has_tables = connection.execute("SELECT name FROM sqlite_schema LIMIT 1").fetchone() is not None
        found = _pragma(connection, "application_id")  # after the tables: another process may be creating both
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
                "name another file; `agent-runtime import` reads the file of an earlier agent-runtime server",
            )

    def _configure(self, connection: apsw.Connection) -> None:
        for option, value in _OPTIONS:
            connection.config(option, value)
        if _pragma(connection, "journal_mode = WAL") != "wal":
            raise StorageFailure(
                self.path, "its file system does not support a write-ahead log", "name a file on a local disk"
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
        """Migrate all tables in one transaction, unless another process did so while this one waited for the lock."""
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
        """Copy the file beside itself before an upgrade; remove what killed upgrades left of their copies."""
        kept = f"{self.path.name}.before-upgrade-"
        of_killed_upgrades = unfinished(self.path.with_name(f"{glob.escape(kept)}*"))
        for left in self.path.parent.glob(
            f"{of_killed_upgrades.name}*"
        ):  # this process has the lock, so no other upgrade runs
            left.unlink()
        now = datetime.datetime.now(datetime.UTC)
        self.copy_to(self.path.with_name(f"{kept}{now:%Y%m%dT%H%M%S%fZ}"))


def require_up_to_date(schema: Schema, connection: apsw.Connection) -> None:
    """Require that the tables of a library are exactly as new as the library.

    Raises:
        Outdated: they are older or missing.
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


def require_sound_sqlite(path: Path, version: str) -> None:
    """Refuse a version of SQLite in which two simultaneous checkpoints can lose a write.

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


class _Checkpoints:
    """The checkpoints of one connection: the log is written back each time it has grown by so many pages.

    SQLite by itself checkpoints after each commit while the log is that long. The log can't restart while another
    process reads, which among many processes is always, so that each commit would wait for the disk.

    Instead the process whose commit passes a mark checkpoints. A process that finds that others have written much
    since its own last commit leaves the checkpoint to them, but only up to a limit.

    Attributes:
        pages: the length of the log after the last commit of this process.
        written_back: the length of the log at its last checkpoint.
    """

    def __init__(self) -> None:
        self.pages = 0
        self.written_back = 0

    def after_commit(self, connection: apsw.Connection, _name: str, pages: int) -> int:
        """Checkpoint if the log is long enough; a checkpoint that fails now is made later, and the commit stands."""
        before, self.pages = self.pages, pages
        if pages < before:  # the log has restarted
            before = self.written_back = 0
        passes = pages // _CHECKPOINT > before // _CHECKPOINT and pages - before < _CHECKPOINT
        if passes or pages - self.written_back >= _CHECKPOINT_AT_LAST:
            self.written_back = pages
            with contextlib.suppress(apsw.Error):
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        return apsw.SQLITE_OK


_OPTIONS = (
    (apsw.SQLITE_DBCONFIG_ENABLE_FKEY, 1),
    (apsw.SQLITE_DBCONFIG_DQS_DDL, 0),  # a misspelt column in double quotes is an error, not text
    (apsw.SQLITE_DBCONFIG_DQS_DML, 0),
    (apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0),  # reading a foreign file runs no functions of its schema
    (apsw.SQLITE_DBCONFIG_DEFENSIVE, 1),  # SQL can't write to the tables of the schema
    (apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1),  # a statement is not recompiled for each bound value
)

_SETTINGS = (
    "cache_size = -16384",  # at most 16 MiB: the indexes of 100,000 tasks; memory is taken as pages are read
    "temp_store = MEMORY",  # savepoints and sorts are small, and must work when /tmp is full
    "journal_size_limit = 16777216",  # a -wal shrinks again after one large write
    "mmap_size = 0",  # with mapped pages an I/O error would kill the process (SIGBUS)
)


def _pragma(connection: apsw.Connection, text: str) -> Any:
    rows = connection.execute(f"PRAGMA {text}").fetchall()
    return rows[0][0] if rows else None
