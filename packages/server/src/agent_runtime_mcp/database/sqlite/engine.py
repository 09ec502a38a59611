"""The engine SQLite: a file that is opened, and the open file, with every error of SQLite translated.

An open file is left when it was replaced by another one, after a fork, and after an error that leaves the connection in
doubt; `Database` then opens the file again.
"""

import contextlib
import os
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NoReturn, TypeVar

import apsw

from agent_runtime_kernel.connection import Snapshot
from agent_runtime_kernel.errors import AgentRuntimeError

from ...errors import StorageFailure
from ..engine import Locked, Newer, Outdated
from .failures import LOCKED, leaves_reads_intact, storage_failure, what_broke
from .files import Identity, identity, side_files
from .integrity import damage_behind
from .opening import Opening

Result = TypeVar("Result")


class SqliteFile:
    """A database file.

    Args:
        opening: the way to open it.
    """

    def __init__(self, opening: Opening) -> None:
        self._opening = opening

    def open(self) -> "OpenFile":
        """Open the file, and create it if it is missing and may be created.

        Raises:
            Locked: another process holds the lock.
            StorageFailure: the file can't be used; it is unchanged.
        """
        path = self._opening.path
        try:
            connection, file = self._opening.open()
        except StorageFailure:
            raise
        except OSError as error:
            raise storage_failure(path, error) from error
        except apsw.Error as error:
            raise _translated(path, error) from error
        return OpenFile(self._opening, connection, file)

    def copy_to(self, target: Path) -> None:
        """Copy the committed state to a new file and check the copy.

        Raises:
            Locked: another process holds the lock.
            StorageFailure: the file can't be read, or the copy can't be written; no partial copy is left.
        """
        try:
            self._opening.copy_to(target)
        except apsw.Error as error:
            raise _translated(self._opening.path, error) from error


class OpenFile:
    """An open database file, with the facts that tell when its connection must no longer be used.

    Args:
        opening: the way in which it was opened.
        connection: the connection.
        file: the identity of the file.

    Attributes:
        snapshot: makes a context in which several reads see one state.
    """

    def __init__(self, opening: Opening, connection: apsw.Connection, file: Identity) -> None:
        self.connection = connection
        self.snapshot: Snapshot = partial(_Snapshot, connection)
        self._opening = opening
        self._path = opening.path
        self._file = file
        self._side_files = {side: identity(side) for side in side_files(self._path)}
        self._process = os.getpid()
        self._only_reads = False  # a write found that the connection can only read
        self._is_broken = False
        _in_use.add(self)

    def is_usable(self, *, writes: bool) -> bool:
        """Tell whether the next operation can use the connection.

        Raises:
            StorageFailure: the file is gone, or another one is in its place; nothing was written.
        """
        if self._is_broken or self._process != os.getpid() or (writes and self._only_reads):
            return False
        now = identity(self._path)
        if now == self._file or (now is None and not writes):
            return True
        if now is None:
            raise StorageFailure(self._path, "is gone", "put it back; until then it can be read, but not written")
        self._leave()
        raise StorageFailure(self._path, "was replaced by another file", "call again to use the new file")

    def try_the_lock(self) -> None:
        """Take the write lock and release it.

        Raises:
            Locked: another process holds the lock.
        """
        with self._errors_translated():
            self.connection.execute("BEGIN IMMEDIATE")
            self.connection.execute("ROLLBACK")

    def run(self, operation: Callable[[], Result]) -> Result:
        """Run an operation and make sure that it leaves no transaction open.

        Raises:
            Locked: another process holds the lock.
            StorageFailure: the file can't be read or written, or is damaged.
            Outdated: the operation met tables that are older than their library.
        """
        with self._errors_translated():
            try:
                result = operation()
            except BaseException:
                self._roll_back()
                raise
            if self._roll_back():
                raise RuntimeError("the operation did not end its transaction; it was rolled back")
            return result

    def migrate(self) -> None:
        """Migrate all tables in one transaction, unless another process did so meanwhile.

        Raises:
            Locked: another process holds the lock.
            StorageFailure: a newer version wrote the file, or it can't be written.
        """
        with self._errors_translated():
            self._opening.migrate(self.connection)

    def close(self) -> None:
        """Close the connection.

        Raises:
            RuntimeError: this process was forked during a transaction of its parent. It can't close the connection,
                nor open the file a second time beside it.
        """
        if self._process != os.getpid() and self.connection.in_transaction:
            raise RuntimeError("this process was forked during a transaction and can't use the database")
        _in_use.discard(self)
        self.connection.close()

    def _leave(self) -> None:
        """Close a file that was replaced by another one at the same path.

        First write the -wal back into the old file, wherever that is by now. Then remove its -wal and -shm: SQLite
        finds them by name and would take them for those of the new file.
        """
        self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        self.connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        self._give_up()
        for path, its_own in self._side_files.items():
            if its_own is not None and identity(path) == its_own:
                path.unlink()

    def _give_up(self) -> None:
        """Close a connection that must no longer be used."""
        self._is_broken = True
        self.close()

    def _roll_back(self) -> bool:
        unfinished = self.connection.in_transaction
        if unfinished:
            self.connection.execute("ROLLBACK")
        return unfinished

    @contextlib.contextmanager
    def _errors_translated(self) -> Iterator[None]:
        """Translate errors of SQLite, and errors that look like a bug but come from a damaged file."""
        try:
            yield
        except Newer as newer:
            raise self._opening.refusal(newer) from newer
        except (AgentRuntimeError, Locked, Outdated):
            raise
        except apsw.Error as error:
            self._fail(error)
        except Exception as error:
            self._fail_if_damaged(error)
            raise

    def _fail(self, error: apsw.Error) -> NoReturn:
        """Raise the failure behind an error of SQLite; the connection is kept if the next operation can use it."""
        cause = what_broke(error)
        if cause is None:
            self._fail_if_damaged(error)
            raise error
        if isinstance(cause, LOCKED):
            raise Locked from cause
        if isinstance(cause, apsw.ReadOnlyError):
            self._only_reads = True
        elif not leaves_reads_intact(cause) or self.connection.in_transaction:
            self._give_up()
        raise storage_failure(self._path, cause) from error

    def _fail_if_damaged(self, error: Exception) -> None:
        """Raise a failure of the file if damage of it explains an error that looks like a bug."""
        damage = damage_behind(error, self.connection)
        if damage is not None:
            self._give_up()
            raise storage_failure(self._path, apsw.CorruptError(damage)) from error


def _translated(path: Path, error: apsw.Error) -> Exception:
    """Return what to raise for an error of a file that is not open."""
    cause = what_broke(error)
    if cause is None:
        return error
    return Locked() if isinstance(cause, LOCKED) else storage_failure(path, cause)


class _Snapshot:
    """A context in which all statements read one state of the database. A transaction already is one.

    Args:
        connection: the connection that reads.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self._is_outermost = False

    def __enter__(self) -> None:
        self._is_outermost = not self.connection.in_transaction
        if self._is_outermost:
            self.connection.execute("BEGIN DEFERRED")

    def __exit__(self, *_: object) -> None:
        if self._is_outermost and self.connection.in_transaction:  # SQLite ends it when it can't read on
            self.connection.execute("COMMIT")


def _protect_the_file_of_the_parent() -> None:
    """Make sure that no inherited connection changes the file when a forked process closes it.

    Closing the last connection writes the -wal back and removes it by its name. A child can't know whether it is the
    last: its locks stayed with the parent. Closing during a transaction would even undo the work of the parent. So
    such a connection gets a reference that is never released, and the end of the interpreter does not close it either.
    """
    for opened in _in_use:
        if opened.connection.in_transaction:
            import ctypes

            ctypes.pythonapi.Py_IncRef(ctypes.py_object(opened.connection))
        else:
            opened.connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)


_in_use: "weakref.WeakSet[OpenFile]" = weakref.WeakSet()
os.register_at_fork(after_in_child=_protect_the_file_of_the_parent)
