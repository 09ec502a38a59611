"""The database of one process: opened at its first use, again when it has to be, and waited for while it is locked."""

import os
import time
import weakref
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar, cast

import apsw
import attrs

from agent_runtime_kernel.schema import Schema

from ..errors import Busy, StorageFailure
from .sqlite.failures import LOCKED, leaves_reads_intact, storage_failure, what_broke
from .sqlite.files import Identity, identity, side_files
from .sqlite.opening import Newer, Opening, Outdated
from .turns import Turns

Assembled = TypeVar("Assembled")
Result = TypeVar("Result")
Snapshot = Callable[[], AbstractContextManager[None]]

PATIENCE = 10.0


@attrs.define(eq=False, repr=False)
class Database(Generic[Assembled]):
    """One file, one connection to it, and what is built on that. It belongs to one thread.

    Args:
        path: the file.
        assemble: builds what operations are given, from a connection and the snapshot to read in; called again
            whenever the file had to be opened again.
        schemas: returns the tables that the file has, in the order in which they are made.
        synchronous: "FULL", or "NORMAL" to trade the last writes before a loss of power for speed.
        may_create: whether a missing file is made.
        default_folder: whether its missing folder is made, too.
        patience: seconds that an operation waits for other processes in all.
        checked_at_first_use: whether what is built raises `Outdated` or `Newer` itself at the first use of tables.
    """

    path: Path
    assemble: Callable[[apsw.Connection, Snapshot], Assembled]
    schemas: Callable[[], Sequence[Schema]]
    synchronous: str = attrs.field(default="FULL", kw_only=True)
    may_create: bool = attrs.field(default=True, kw_only=True)
    default_folder: bool = attrs.field(default=False, kw_only=True)
    patience: float = attrs.field(default=PATIENCE, kw_only=True)
    checked_at_first_use: bool = attrs.field(default=False, kw_only=True)
    _opened: "_Opened[Assembled] | None" = attrs.field(default=None, init=False)
    _turns: Turns = attrs.field(factory=Turns, init=False)

    async def run(self, operation: Callable[[Assembled], Result], *, writes: bool) -> Result:
        """Run an operation and return what it returns; the event loop stays free while the file is locked.

        Args:
            operation: what to do. It runs from its start again until no other process is in its way.
            writes: whether it writes.

        Raises:
            Busy: others kept the file locked for the whole of `patience`; nothing was written.
            StorageFailure: the file can't be used now; nothing was written. The next call tries again.
        """
        steps = self._steps(operation, writes)
        try:
            while True:
                pause = next(steps)
                import asyncio

                await asyncio.sleep(pause)
        except StopIteration as end:
            return cast("Result", end.value)

    def run_blocking(self, operation: Callable[[Assembled], Result], *, writes: bool) -> Result:
        """Run an operation as `run` does, for a program that has nothing else to do meanwhile."""
        steps = self._steps(operation, writes)
        try:
            while True:
                time.sleep(next(steps))
        except StopIteration as end:
            return cast("Result", end.value)

    def back_up(self, target: Path) -> None:
        """Copy the database to a new file as one moment saw it, while others go on writing, and check the copy.

        Raises:
            Busy: as `run` does.
            StorageFailure: the database can't be read, or the copy can't be written; no part of it is left behind.
        """
        self.run_blocking(lambda _: self._opening().copy_to(target), writes=False)

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _steps(self, operation: Callable[[Assembled], Result], writes: bool) -> Generator[float, None, Result]:
        """Run the operation until it is through; yield the seconds to wait before each attempt but the first."""
        if writes and self._turns.is_over():
            yield self._turns.courtesy()
        waited_from = None
        while True:
            try:
                result = self._attempt(operation, writes, asks_first=writes and waited_from is not None)
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

    def _attempt(self, operation: Callable[[Assembled], Result], writes: bool, *, asks_first: bool) -> Result:
        try:
            opened = self._open_for(writes)
        except StorageFailure:
            raise
        except OSError as error:
            raise storage_failure(self.path, error) from error
        except apsw.Error as error:
            self._fail(error)
        try:
            if asks_first:
                opened.ask_for_the_lock()
            try:
                return opened.complete(operation)
            except Outdated:
                self._opening().migrate(opened.connection)
                return opened.complete(operation)
        except Newer as newer:
            raise self._opening().refusal(newer) from newer
        except apsw.Error as error:
            self._fail(error)

    def _fail(self, error: apsw.Error) -> NoReturn:
        """Say what is the matter with the file; keep the connection only where it is of use for the next operation."""
        cause = what_broke(error)
        if cause is None:
            raise error
        if isinstance(cause, LOCKED):
            raise cause
        if self._opened is not None:
            if isinstance(cause, apsw.ReadOnlyError):
                self._opened.only_reads = True
            elif not leaves_reads_intact(cause) or self._opened.connection.in_transaction:
                self.close()
        raise storage_failure(self.path, cause) from error

    def _open_for(self, writes: bool) -> "_Opened[Assembled]":
        """Return what is open; open the file again after a fork, after a failure, and when it is another one now."""
        opened = self._opened
        if opened is not None and opened.process == os.getpid() and not (writes and opened.only_reads):
            now = identity(self.path)
            if now == opened.file or (now is None and not writes):
                return opened
            if now is None:
                raise StorageFailure(self.path, "is gone", "put it back; until then it is read and not written")
            opened.leave()
            self._opened = None
            raise StorageFailure(self.path, "was replaced by another file", "call again to go on with that one")
        self.close()
        connection, file = self._opening().open()
        assembled = self.assemble(connection, partial(_Snapshot, connection))
        self._opened = _Opened(connection, assembled, file, {side: identity(side) for side in side_files(self.path)})
        _in_use.add(self._opened)
        return self._opened

    def _opening(self) -> Opening:
        return Opening(
            self.path,
            self.schemas,
            self.synchronous,
            self.may_create,
            self.default_folder,
            self.checked_at_first_use,
        )


@attrs.define(eq=False, repr=False)
class _Opened(Generic[Assembled]):
    """A connection and what tells when it must not be used any more.

    Args:
        connection: the connection.
        assembled: what is built on it.
        file: the identity of the file.
        side_files: the -wal and -shm that belong to that file, with their identities.
        only_reads: whether a write found that it can only read.
        process: who opened it.
    """

    connection: apsw.Connection
    assembled: Assembled
    file: Identity
    side_files: dict[Path, Identity | None]
    only_reads: bool = False
    process: int = attrs.field(factory=os.getpid, init=False)

    def ask_for_the_lock(self) -> None:
        """Learn whether others are writing: an operation looks at much before it begins to, each time in vain."""
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.execute("ROLLBACK")

    def complete(self, operation: Callable[[Assembled], Result]) -> Result:
        """Run an operation, and see that it ends with no transaction open."""
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
            RuntimeError: it came with a fork in the middle of a transaction, so that it can't be closed, nor can the
                file be opened beside it.
        """
        if self.process != os.getpid() and self.connection.in_transaction:
            raise RuntimeError("this process was forked in the middle of a transaction and can't use the database")
        _in_use.discard(self)
        self.connection.close()

    def leave(self) -> None:
        """Close a file that has another one in its place now.

        What its -wal still holds goes into the file itself, wherever that is by now. Its -wal and -shm must not stay:
        SQLite finds them by name, and would take them for those of the new file.
        """
        self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        self.connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        self.close()
        for path, its_own in self.side_files.items():
            if its_own is not None and identity(path) == its_own:
                path.unlink()


def _keep_hands_off_what_the_parent_uses() -> None:
    """See to it that no connection that came with a fork changes the file when it is closed here.

    Closing the last connection writes the -wal back and takes it away by its name, and a child can't know who else is
    there: its locks stayed with the parent. In the middle of a transaction closing would even undo the parent's work,
    so that connection is kept for ever, and isn't closed by the interpreter's end either.
    """
    for opened in _in_use:
        if opened.connection.in_transaction:
            import ctypes

            ctypes.pythonapi.Py_IncRef(ctypes.py_object(opened.connection))
        else:
            opened.connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)


_in_use: "weakref.WeakSet[_Opened[Any]]" = weakref.WeakSet()
os.register_at_fork(after_in_child=_keep_hands_off_what_the_parent_uses)


@attrs.define(eq=False, repr=False)
class _Snapshot:
    """Reads several statements from one state of the database; in a transaction that is so already."""

    connection: apsw.Connection
    _is_outermost: bool = attrs.field(default=False, init=False)

    def __enter__(self) -> None:
        self._is_outermost = not self.connection.in_transaction
        if self._is_outermost:
            self.connection.execute("BEGIN DEFERRED")

    def __exit__(self, *_: object) -> None:
        if self._is_outermost and self.connection.in_transaction:  # SQLite ends it by itself where it can't read on
            self.connection.execute("COMMIT")
