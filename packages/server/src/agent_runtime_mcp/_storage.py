"""What a library needs of a database, and how its schema moves forward.

The same text stands in each of the four libraries: they share habits and no code. A test holds the copies equal.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import attrs

from .errors import SchemaTooNew

Row = tuple[Any, ...]


class Cursor(Protocol):
    """The rows of one statement, as tuples."""

    def fetchall(self) -> list[Row]: ...

    def fetchone(self) -> Row | None: ...


class Connection(Protocol):
    """An open database: a plain `apsw.Connection` serves.

    `with connection:` is a transaction, a nested one a savepoint. Set `transaction_mode = "IMMEDIATE"` on an `apsw`
    connection, so that the outermost one takes the write lock at its start and can't fail half way for want of it.
    """

    def execute(self, sql: str, bindings: Mapping[str, Any] | None = None, /) -> Cursor: ...

    def executemany(self, sql: str, bindings: Iterable[Mapping[str, Any]], /) -> Cursor: ...

    def __enter__(self) -> Any: ...

    def __exit__(self, *exception: Any) -> Any: ...


class Snapshot(Protocol):
    """Makes a context in which several reads see one state of the database."""

    def __call__(self) -> AbstractContextManager[Any]: ...


@attrs.frozen
class Schema:
    """The append-only migrations of one library; its version is the number of migrations applied.

    Args:
        name: the prefix of the library's tables.
        migrations: a sequence of SQL statements for each version; a released one is never edited.
    """

    name: str
    migrations: Sequence[Sequence[str]]

    def migrate(self, connection: Connection) -> int:
        """Bring the tables up to date in one transaction and return how many migrations that took.

        Raises:
            SchemaTooNew: a newer version of the library wrote this database; nothing was changed.
        """
        with connection:
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {self.name}_schema"
                " (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL)"
            ).fetchall()
            found = self.version(connection)
            for migration in self.migrations[found:]:
                for statement in migration:
                    connection.execute(statement).fetchall()
            if found < len(self.migrations):
                connection.execute(
                    f"INSERT INTO {self.name}_schema (id, version) VALUES (1, :version)"
                    " ON CONFLICT (id) DO UPDATE SET version = excluded.version",
                    {"version": len(self.migrations)},
                ).fetchall()
        return len(self.migrations) - found

    def version(self, connection: Connection) -> int:
        """Return the version of the tables in a database that was migrated before.

        Raises:
            SchemaTooNew: a newer version of the library wrote this database.
        """
        row = connection.execute(f"SELECT version FROM {self.name}_schema WHERE id = 1").fetchone()
        found = int(row[0]) if row else 0
        if found > len(self.migrations):
            raise SchemaTooNew(self.name, found, len(self.migrations))
        return found
