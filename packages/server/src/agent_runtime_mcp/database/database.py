"""The database of one process: opened at its first use, reopened when needed, and waited for while it is locked.

    database = Database(path, Libraries, all_schemas)
    reply = database.run_blocking(request.run, writes=True)

`run` and `run_blocking` call the operation again from its start when another process has the lock. The file is
reopened when it was replaced, when this process is a fork of the one that opened it, and after an error that leaves
the connection in doubt. Tables that are older than their library are migrated on the way.
"""

import time
from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from agent_runtime_kernel.connection import Snapshot
from agent_runtime_kernel.schema import Schema

from ..errors import Busy
from .engine import Engine, Locked, Opened, Outdated
from .sqlite.engine import SqliteFile
from .sqlite.opening import Opening
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
        assemble: Callable[[Any, Snapshot], Assembled],
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
        self._engine: Engine = SqliteFile(
            Opening(path, schemas, synchronous, may_create, default_folder, checked_at_first_use)
        )
        self._opened: tuple[Opened, Assembled] | None = None
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
        self.run_blocking(lambda _: self._engine.copy_to(target), writes=False)

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        if self._opened is not None:
            self._opened[0].close()
            self._opened = None

    def _steps(self, operation: Callable[[Assembled], Result], writes: bool) -> Generator[float, None, Result]:
        """Attempt the operation until it succeeds or fails; yield the seconds to wait before each further attempt."""
        if writes and self._turns.is_over():
            yield self._turns.courtesy()
        waited_from = None
        while True:
            try:
                result = self._attempt(operation, writes, tries_the_lock=writes and waited_from is not None)
            except Locked as locked:
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
        opened, assembled = self._open_for(writes)
        if tries_the_lock:
            opened.try_the_lock()
        try:
            return opened.run(partial(operation, assembled))
        except Outdated:
            opened.migrate()
            return opened.run(partial(operation, assembled))

    def _open_for(self, writes: bool) -> tuple[Opened, Assembled]:
        """Return the open database and the object built on it; open the database again if it can't be used."""
        if self._opened is not None and self._opened[0].is_usable(writes=writes):
            return self._opened
        self.close()
        opened = self._engine.open()
        self._opened = opened, self._assemble(opened.connection, opened.snapshot)
        return self._opened
