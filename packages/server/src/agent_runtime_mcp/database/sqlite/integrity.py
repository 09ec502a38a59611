"""What SQLite itself can tell of a database file: whether its pages, indexes, references and tables are in order."""

from collections.abc import Iterator, Sequence

import apsw
import attrs

from agent_runtime_kernel.schema import Schema

from .failures import what_broke

_NAMED = 100
_ABOUT_INDEXES = ("missing from index", "wrong # of entries in index", "non-unique entry in index")

Table = tuple[str, str]


@attrs.frozen
class Integrity:
    """Checks one database file.

    Args:
        connection: an open connection, in no transaction.
        schemas: the tables that the file has.
    """

    connection: apsw.Connection
    schemas: Sequence[Schema]

    def damage(self) -> tuple[str, ...]:
        """Return what integrity_check says, at most a hundred lines; none where all is well."""
        try:
            rows = self.connection.execute(f"PRAGMA integrity_check({_NAMED})").fetchall()
        except apsw.Error as error:
            if not isinstance(what_broke(error), apsw.CorruptError):
                raise
            return (str(error),)
        return tuple(str(row[0]) for row in rows if row[0] != "ok")

    def broken_references(self) -> Iterator[tuple[str, str]]:
        """Yield the table and the table referred to of each row whose reference leads nowhere, at most a hundred."""
        rows = self.connection.execute("PRAGMA foreign_key_check").fetchall()
        yield from ((str(row[0]), str(row[2])) for row in rows[:_NAMED])

    def missing(self) -> dict[Table, str]:
        """Return the tables and indexes that the file should have and has not, with the SQL that makes them."""
        fresh = apsw.Connection(":memory:")
        try:
            for schema in self.schemas:
                schema.migrate(fresh)
            wanted = _tables(fresh)
        finally:
            fresh.close()
        for schema in self.schemas:  # a file of version 0.1 records its migrations from the next one on
            wanted.pop(("table", f"{schema.name}_migrations"), None)
        found = _tables(self.connection)
        return {name: sql for name, sql in wanted.items() if name not in found}

    def rebuild_indexes(self) -> bool:
        """Make all indexes anew from their tables, the missing ones too; False where the rows forbid one of them."""
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
    """Tell whether all that is damaged are indexes, which can be made anew from their tables."""
    return all(any(words in line for words in _ABOUT_INDEXES) for line in damage)


def _tables(connection: apsw.Connection) -> dict[Table, str]:
    rows = connection.execute(
        "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name"
    ).fetchall()
    return {(str(kind), str(name)): str(sql) for kind, name, sql in rows}
