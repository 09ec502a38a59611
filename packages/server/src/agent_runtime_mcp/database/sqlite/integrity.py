"""The integrity of a database file as SQLite sees it: its pages, indexes, references and tables.

`Integrity` is for the doctor and takes its time. `damage_behind` is for a failed operation: it tells file corruption
from a bug within two seconds.
"""

import json
import time
from collections.abc import Iterator, Sequence

import apsw

from agent_runtime_kernel.schema import Schema

from .failures import what_broke

_MOST_FINDINGS = 100
_LONGEST_LOOK = 2.0  # seconds
_INSTRUCTIONS = 10_000  # of SQLite between two looks at the clock; about a millisecond
_ABOUT_INDEXES = ("missing from index", "wrong # of entries in index", "non-unique entry in index")

Table = tuple[str, str]


class Integrity:
    """The checks of one database file.

    Args:
        connection: an open connection, outside a transaction.
        schemas: the schemas that the file should have.
    """

    def __init__(self, connection: apsw.Connection, schemas: Sequence[Schema]) -> None:
        self.connection = connection
        self.schemas = schemas

    def damage(self) -> tuple[str, ...]:
        """Return the findings of integrity_check, at most a hundred lines; an empty tuple if the file is sound."""
        try:
            rows = self.connection.execute(f"PRAGMA integrity_check({_MOST_FINDINGS})").fetchall()
        except apsw.Error as error:
            if not isinstance(what_broke(error), apsw.CorruptError):
                raise
            return (str(error),)
        return tuple(str(row[0]) for row in rows if row[0] != "ok")

    def broken_references(self) -> Iterator[tuple[str, str]]:
        """Yield table and parent table of each row whose foreign key points at a missing row, at most a hundred."""
        rows = self.connection.execute("PRAGMA foreign_key_check").fetchall()
        yield from ((str(row[0]), str(row[2])) for row in rows[:_MOST_FINDINGS])

    def missing(self) -> dict[Table, str]:
        """Return the tables and indexes that the file lacks, with the SQL that creates them."""
        fresh = apsw.Connection(":memory:")
        try:
            for schema in self.schemas:
                schema.migrate(fresh)
            wanted = _tables(fresh)
        finally:
            fresh.close()
        for schema in self.schemas:  # a file of 0.1 gets this table with its next migration
            wanted.pop(("table", f"{schema.name}_migrations"), None)
        found = _tables(self.connection)
        return {name: sql for name, sql in wanted.items() if name not in found}

    def rebuild_indexes(self) -> bool:
        """Rebuild all indexes, also the missing ones; return False if the rows violate one of them."""
        try:
            with self.connection:
                for (kind, _), sql in self.missing().items():
                    if kind == "index":
                        self.connection.execute(sql)
                self.connection.execute("REINDEX")
        except apsw.ConstraintError:
            return False
        return True


def is_about_indexes(damage: Sequence[str]) -> bool:
    """Tell whether the damage is in indexes alone, which can be rebuilt from their tables."""
    return all(any(words in line for words in _ABOUT_INDEXES) for line in damage)


def damage_behind(error: Exception, connection: apsw.Connection) -> str | None:
    """Tell file corruption from a bug: return the damage that may explain an unexpected error, or None for a bug.

    Stored text that can't be decoded is damage, as this program encoded all of it. Otherwise SQLite is asked, for two
    seconds at most.

    Args:
        error: the error of the operation.
        connection: the connection; inside a transaction nothing is checked.
    """
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return "stored text can't be decoded"
    if connection.in_transaction:
        return None
    end = time.monotonic() + _LONGEST_LOOK
    connection.set_progress_handler(lambda: time.monotonic() > end, _INSTRUCTIONS)
    try:
        [(verdict,), *_] = connection.execute("PRAGMA quick_check(1)").fetchall()
    except apsw.InterruptError:
        return None
    finally:
        connection.set_progress_handler(None)
    return None if verdict == "ok" else str(verdict)


def _tables(connection: apsw.Connection) -> dict[Table, str]:
    rows = connection.execute(
        "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name"
    ).fetchall()
    return {(str(kind), str(name)): str(sql) for kind, name, sql in rows}
