"""The connection that the libraries work on: a small protocol, so that more than one engine can stand behind it."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

Row = tuple[Any, ...]

Clock = Callable[[], float]
"""Return the time in seconds since 1970. Time never comes from SQL."""


class Cursor(Protocol):
    """The rows of one statement, as tuples. Read them to the end at once."""

    def fetchall(self) -> list[Row]:
        """Return all rows that are left."""
        ...

    def fetchone(self) -> Row | None:
        """Return the next row, or None after the last."""
        ...


class Connection(Protocol):
    """An open database: a plain `apsw.Connection` serves one thread.

    `with connection:` is a transaction, a nested one a savepoint. Set `transaction_mode = "IMMEDIATE"` on an `apsw`
    connection, so that the outermost one takes the write lock at its start and can't fail half way for want of it.
    """

    def execute(self, sql: str, bindings: Mapping[str, Any] | None = None, /) -> Cursor:
        """Run one statement; its parameters are named."""
        ...

    def executemany(self, sql: str, bindings: Iterable[Mapping[str, Any]], /) -> Cursor:
        """Run one statement once for each set of parameters."""
        ...

    def __enter__(self) -> Any: ...

    def __exit__(self, *exception: Any) -> Any: ...


class Snapshot(Protocol):
    """Makes a context in which several reads see one state of the database."""

    def __call__(self) -> AbstractContextManager[Any]:
        """Return the context."""
        ...
