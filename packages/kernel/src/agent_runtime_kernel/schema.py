"""Migrations: how the tables of a library are made and how they move forward.

A library has a fixed, append-only sequence of migrations. The version of its tables is the number of migrations that
were applied; it stands in `<library>_schema`, where version 0.1 of the libraries reads it, too. Beside it,
`<library>_migrations` records what was applied: the name of each migration, when it was applied, and a fingerprint of
the tables as it left them. A file of version 0.1 has no records; the next `migrate` records the version that it finds,
without a time.

    SCHEMA = Schema("notes", (
        Migration("notes", ("CREATE TABLE notes_notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT",)),
        Migration("folded text", ("ALTER TABLE notes_notes ADD COLUMN folded TEXT NOT NULL DEFAULT ''", fold_all)),
    ))
    SCHEMA.migrate(connection)

All migrations that are due, and their records, are one transaction: a process that dies within it leaves the tables as
they were, and of two processes that start together one migrates and the other finds it done.
"""

import hashlib
import re
import time
from collections.abc import Callable, Sequence

import attrs

from .connection import Clock, Connection
from .errors import SchemaTooNew

_BLANKS = re.compile(r"\s+")
_PUNCTUATION = re.compile(r" ?([(),]) ?")

Step = str | Callable[[Connection], object]


@attrs.frozen
class Migration:
    """A migration from one version of a library's tables to the next. A released one is never edited.

    Args:
        name: its effect in a few words.
        steps: SQL, one statement each, or functions that are given the connection inside the transaction.
    """

    name: str
    steps: Sequence[Step]


@attrs.frozen
class Schema:
    """The tables of one library.

    Args:
        name: the prefix of the library's tables.
        migrations: the migrations from the first version on.
        too_new: the error to raise where a newer version of the library wrote the tables.
    """

    name: str
    migrations: Sequence[Migration]
    too_new: type[SchemaTooNew] = SchemaTooNew

    def migrate(self, connection: Connection, clock: Clock = time.time) -> int:
        """Bring the tables up to date in one transaction.

        Args:
            connection: the database.
            clock: tells when a migration was applied.

        Returns:
            The number of migrations applied.

        Raises:
            SchemaTooNew: a newer version of the library wrote this database; nothing was changed.
        """
        with connection:
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {self.name}_schema"
                " (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL)"
            )
            found = self.version(connection)
            connection.execute(_RECORDS.format(name=self.name))
            if found and not self._is_recorded(found, connection):
                self._record(found, None, connection)
            due = self.migrations[found:]
            for version, migration in enumerate(due, found + 1):
                self._apply(migration, connection)
                self._set_version(version, connection)
                self._record(version, round(clock() * 1000), connection)
        return len(due)

    def version(self, connection: Connection) -> int:
        """Return the version of the tables in a database that was migrated before.

        Raises:
            SchemaTooNew: a newer version of the library wrote this database.
        """
        row = connection.execute(f"SELECT version FROM {self.name}_schema WHERE id = 1").fetchone()
        found = int(row[0]) if row else 0
        if found > len(self.migrations):
            raise self.too_new(self.name, found, len(self.migrations))
        return found

    def fingerprint(self, connection: Connection) -> str:
        """Return a digest of the definitions of the library's tables and indexes, whatever blanks they have.

        Two databases of one version have the same fingerprint unless something else altered their tables.
        """
        return _digest(
            connection.execute(
                """
                SELECT type, name, sql FROM sqlite_schema
                WHERE substr(name, 1, :length) = :prefix AND sql IS NOT NULL AND name <> :versions AND name <> :records
                ORDER BY name
                """,
                {
                    "length": len(self.name) + 1,
                    "prefix": f"{self.name}_",
                    "versions": f"{self.name}_schema",
                    "records": f"{self.name}_migrations",
                },
            ).fetchall()
        )

    def _apply(self, migration: Migration, connection: Connection) -> None:
        for step in migration.steps:
            if isinstance(step, str):
                connection.execute(step)
            else:
                step(connection)

    def _set_version(self, version: int, connection: Connection) -> None:
        connection.execute(
            f"INSERT INTO {self.name}_schema (id, version) VALUES (1, :version)"
            " ON CONFLICT (id) DO UPDATE SET version = excluded.version",
            {"version": version},
        )

    def _is_recorded(self, version: int, connection: Connection) -> bool:
        sql = f"SELECT version FROM {self.name}_migrations WHERE version = :version"
        return connection.execute(sql, {"version": version}).fetchone() is not None

    def _record(self, version: int, now: int | None, connection: Connection) -> None:
        connection.execute(
            f"INSERT INTO {self.name}_migrations (version, name, applied_at, fingerprint)"
            " VALUES (:version, :name, :now, :fingerprint)",
            {
                "version": version,
                "name": self.migrations[version - 1].name,
                "now": now,
                "fingerprint": self.fingerprint(connection),
            },
        )


_RECORDS = """
    CREATE TABLE IF NOT EXISTS {name}_migrations (
        version INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        applied_at INTEGER,
        fingerprint TEXT NOT NULL
    ) STRICT
"""


def _digest(definitions: Sequence[tuple[str, ...]]) -> str:
    return hashlib.sha256("\n".join(_folded(" ".join(definition)) for definition in definitions).encode()).hexdigest()


def _folded(sql: str) -> str:
    """Return SQL without the blanks that have no meaning; those in quotes stay."""
    parts = sql.split("'")
    parts[::2] = [_PUNCTUATION.sub(r"\1", _BLANKS.sub(" ", part)) for part in parts[::2]]
    return "'".join(parts)
