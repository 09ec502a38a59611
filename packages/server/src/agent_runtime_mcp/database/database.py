"""The database of one process: opened at its first use, reopened when needed, and waited for while it is locked.

    database = Database(path, Libraries, all_schemas)
    reply = database.run_blocking(request.run, writes=True)

`run` and `run_blocking` call the operation again from its start when another process has the lock. The file is
reopened when it was replaced, when this process is a fork of the one that opened it, and after an error that leaves
the connection in doubt. Tables that are older than their library are migrated on the way.
"""

import os
import time
import weakref
from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar, cast

import apsw

from agent_runtime_kernel.connection import Snapshot
from agent_runtime_kernel.errors import AgentRuntimeError
from agent_runtime_kernel.schema import Schema

from ..errors import Busy, StorageFailure
from .sqlite.failures import LOCKED, leaves_reads_intact, storage_failure, what_broke
from .sqlite.files import Identity, identity, side_files
from .sqlite.integrity import damage_behind
from .sqlite.opening import Newer, Opening, Outdated
from .turns import Turns

Assembled = TypeVar("Assembled")
Result = TypeVar("Result")

PATIENCE = 10.0  # seconds


class Database(Generic[Assembled]):
    """One file, one connection to it, and the object that is built on the connection. It belongs to one thread.

    Args:
        path: the file.
        assemble: builds the argument of the operations from a connection and its snapshot; called again each time
            the file is reopened.
        schemas: returns the schemas of the file, in the order in which they are migrated.
        synchronous: "FULL", or "NORMAL" to trade the last writes before a loss of power for speed.
        may_create: true to create a missing file.
        default_folder: true to create its missing folder, too.
        patience: the seconds that an operation waits for other processes, in all.
        checked_at_first_use: true if `assemble` builds an object that raises `Outdated` or `Newer` itself at the first
            use of a library's tables.
    """

    def __init__(
        self,
        path: Path,
        assemble: Callable[[apsw.Connection, Snapshot], Assembled],
        schemas: Callable[[], Sequence[Schema]],
        *,
        synchronous: str = "FULL",
        may_create: bool = True,
        default_folder: bool = False,
        patience: float = PATIENCE,
        checked_at_first_use: bool = False,
    ) -> None:
        self.path = path
        self.schemas = schemas
        self.patience = patience
        self._assemble = assemble
        self._opening = Opening(path, schemas, synchronous, may_create, default_folder, checked_at_first_use)
        self._opened: _Opened[Assembled] | None = None
        self._turns = Turns()

    async def run(self, operation: Callable[[Assembled], Result], *, writes: bool) -> Result:
        """Run an operation and return its result; the event loop stays free while the file is locked.

        Args:
            operation: the function to run. It is run again from its start while another process has the lock.
            writes: true if it writes.

        Raises:
            Busy: other processes kept the file locked for the whole of `patience`; nothing was written.
            StorageFailure: the file can't be used now; nothing was written. The next call tries again.
        """
        import asyncio

        steps = self._steps(operation, writes)
        try:
            while True:
                await asyncio.sleep(next(steps))
        except StopIteration as end:
            return cast("Result", end.value)

    def run_blocking(self, operation: Callable[[Assembled], Result], *, writes: bool) -> Result:
        """Run an operation like `run`, for a program that has nothing else to do while it waits."""
        steps = self._steps(operation, writes)
        try:
            while True:
                time.sleep(next(steps))
        except StopIteration as end:
            return cast("Result", end.value)

    def back_up(self, target: Path) -> None:
        """Copy one state of the database to a new file and check the copy; other processes may go on writing.

        Raises:
            Busy: as in `run`.
            StorageFailure: the database can't be read, or the copy can't be written; no partial copy is left.
        """
        self.run_blocking(lambda _: self._opening.copy_to(target), writes=False)

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _steps(self, operation: Callable[[Assembled], Result], writes: bool) -> Generator[float, None, Result]:
        """Attempt the operation until it succeeds or fails; yield the seconds to wait before each further attempt."""
        if writes and self._turns.is_over():
            yield self._turns.courtesy()
        waited_from = None
        while True:
            try:
                result = self._attempt(operation, writes, tries_the_lock=writes and waited_from is not None)
            except LOCKED as locked:
                now = self._turns.met_others()
                waited_from = now if waited_from is None else waited_from
                waited = now - waited_from
                if waited >= self.patience:
                    raise Busy(self.path, waited) from locked
            else:
                if writes:
                    self._turns.wrote()
                return result
            yield self._turns.pause(waited)

    def _attempt(self, operation: Callable[[Assembled], Result], writes: bool, *, tries_the_lock: bool) -> Result:
        try:
            opened = self._open_for(writes)
        except StorageFailure:
            raise
        except OSError as error:
            raise storage_failure(self.path, error) from error
        except apsw.Error as error:
            self._fail(error)
        try:
            if tries_the_lock:
                opened.try_the_lock()
            try:
                return opened.complete(operation)
            except Outdated:
                self._opening.migrate(opened.connection)
                return opened.complete(operation)
        except Newer as newer:
            raise self._opening.refusal(newer) from newer
        except AgentRuntimeError:
            raise
        except apsw.Error as error:
            self._fail(error)
        except Exception as error:
            self._fail_if_damaged(error, opened)
            raise

    def _fail(self, error: apsw.Error) -> NoReturn:
        """Raise the failure behind an error of SQLite; close the connection unless the next operation can use it."""
        cause = what_broke(error)
        if cause is None:
            if self._opened is not None:
                self._fail_if_damaged(error, self._opened)
            raise error
        if isinstance(cause, LOCKED):
            raise cause
        if self._opened is not None:
            if isinstance(cause, apsw.ReadOnlyError):
                self._opened.only_reads = True
            elif not leaves_reads_intact(cause) or self._opened.connection.in_transaction:
                self.close()
        raise storage_failure(self.path, cause) from error

    def _fail_if_damaged(self, error: Exception, opened: "_Opened[Assembled]") -> None:
        """Raise a failure of the file if damage of it explains an error that looks like a bug."""
        damage = damage_behind(error, opened.connection)
        if damage is not None:
            self.close()
            raise storage_failure(self.path, apsw.CorruptError(damage)) from error

    def _open_for(self, writes: bool) -> "_Opened[Assembled]":
        """Return the open connection; reopen the file after a fork or failure, and to write after it was read-only."""
        opened = self._opened
        if opened is not None and opened.process == os.getpid() and not (writes and opened.only_reads):
            now = identity(self.path)
            if now == opened.file or (now is None and not writes):
                return opened
            if now is None:
                raise StorageFailure(self.path, "is gone", "put it back; until then it can be read, but not written")
            opened.leave()
            self._opened = None
            raise StorageFailure(self.path, "was replaced by another file", "call again to use the new file")
        self.close()
        connection, file = self._opening.open()
        assembled = self._assemble(connection, partial(_Snapshot, connection))
        self._opened = _Opened(connection, assembled, file, {side: identity(side) for side in side_files(self.path)})
        _in_use.add(self._opened)
        return self._opened


class _Opened(Generic[Assembled]):
    """An open connection, with the facts that tell when it must no longer be used.

    Args:
        connection: the connection.
        assembled: the object that is built on it.
        file: the identity of the file.
        side_files: the -wal and -shm that belong to that file, with their identities.

    Attributes:
        only_reads: a write found that the connection can only read.
        process: the id of the process that opened it.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        assembled: Assembled,
        file: Identity,
        side_files: dict[Path, Identity | None],
    ) -> None:
        self.connection = connection
        self.assembled = assembled
        self.file = file
        self.side_files = side_files
        self.only_reads = False
        self.process = os.getpid()

    def try_the_lock(self) -> None:
        """Take the write lock and release it.

        An operation may read much before its first write. While another process has the lock, that work is in vain.
        """
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.execute("ROLLBACK")

    def complete(self, operation: Callable[[Assembled], Result]) -> Result:
        """Run an operation and make sure that it leaves no transaction open."""
        try:
            result = operation(self.assembled)
        except BaseException:
            self._roll_back()
            raise
        if self._roll_back():
            raise RuntimeError("the operation did not end its transaction; it was rolled back")
        return result

    def _roll_back(self) -> bool:
        unfinished = self.connection.in_transaction
        if unfinished:
            self.connection.execute("ROLLBACK")
        return unfinished

    def close(self) -> None:
        """Close the connection.

        Raises:
            RuntimeError: this process was forked during a transaction of its parent. It can't close the connection,
                nor open the file a second time beside it.
        """
        if self.process != os.getpid() and self.connection.in_transaction:
            raise RuntimeError("this process was forked during a transaction and can't use the database")
        _in_use.discard(self)
        self.connection.close()

    def leave(self) -> None:
        """Close a file that was replaced by another one at the same path.

        First write the -wal back into the old file, wherever that is by now. Then remove its -wal and -shm: SQLite
        finds them by name and would take them for those of the new file.
        """
        self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        self.connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        self.close()
        for path, its_own in self.side_files.items():
            if its_own is not None and identity(path) == its_own:
                path.unlink()


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


_in_use: "weakref.WeakSet[_Opened[Any]]" = weakref.WeakSet()
os.register_at_fork(after_in_child=_protect_the_file_of_the_parent)


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
