"""The seam of engines: all that `Database` asks of SQLite, and would ask of an engine in a room beside it.

An engine opens a database. What it opened runs functions on its connection and translates every error of the engine:
into `Locked` while other processes hold the lock, which passes with time, or into `StorageFailure`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from agent_runtime_kernel.connection import Connection, Snapshot

Result = TypeVar("Result")


class Locked(Exception):
    """Other processes hold the lock; nothing was done. The cause is the engine's error."""


class Outdated(Exception):
    """The tables of a library are older than the library; `Database` migrates them."""


class Newer(Exception):
    """The tables of a library are newer than the library; the cause is the library's error."""


class Opened(Protocol):
    """An open database."""

    @property
    def connection(self) -> Connection:
        """The connection that the libraries work on."""
        ...

    @property
    def snapshot(self) -> Snapshot:
        """The maker of contexts in which several reads see one state."""
        ...

    def is_usable(self, *, writes: bool) -> bool:
        """Tell whether the next operation can use it, or whether the database must be opened again.

        Raises:
            StorageFailure: the database is gone, or another one is in its place; nothing was written.
        """
        ...

    def try_the_lock(self) -> None:
        """Take the write lock and release it, so that no operation works in vain while another process holds it.

        Raises:
            Locked: another process holds the lock.
        """
        ...

    def run(self, operation: Callable[[], Result]) -> Result:
        """Run an operation and make sure that it leaves no transaction open.

        Raises:
            Locked: another process holds the lock.
            StorageFailure: the database can't be read or written, or is damaged.
            Outdated: the operation met tables that are older than their library.
        """
        ...

    def migrate(self) -> None:
        """Migrate all tables in one transaction, unless another process did so meanwhile.

        Raises:
            Locked: another process holds the lock.
            StorageFailure: a newer version wrote the database, or it can't be written.
        """
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class Engine(Protocol):
    """A kind of database at one place."""

    def open(self) -> Opened:
        """Open the database, and create it if it is missing and may be created.

        Raises:
            Locked: another process holds the lock.
            StorageFailure: the database can't be used; it is unchanged.
        """
        ...

    def copy_to(self, target: Path) -> None:
        """Copy the committed state to a new file and check the copy.

        Raises:
            Locked: another process holds the lock.
            StorageFailure: the database can't be read, or the copy can't be written; no partial copy is left.
        """
        ...
