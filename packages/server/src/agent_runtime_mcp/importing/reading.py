"""The file of an earlier server, read without a change to it or to the files beside it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import apsw
import attrs

from ..database.sqlite.failures import storage_failure, what_broke
from ..database.sqlite.opening import APPLICATION_ID
from ..errors import StorageFailure

TABLES = ("goals", "tasks", "relay_pipelines", "relay_steps", "circuit_breakers")
_WAL = 2
_WRITE_VERSION_AT = 18


@attrs.frozen(kw_only=True)
class EarlierFile:
    """The content of an earlier file.

    Attributes:
        path: the file.
        rows: the rows of each known table, by column.
        others: the names of its other tables.
    """

    path: Path
    rows: Mapping[str, list[dict[str, Any]]]
    others: tuple[str, ...]


def read_earlier_file(path: Path) -> EarlierFile:
    """Read the file of an earlier server.

    Raises:
        StorageFailure: the file does not exist, can't be read, or is of another kind.
    """
    try:
        connection = _open(path)
    except OSError as error:
        raise storage_failure(path, error) from error
    try:
        return _read(connection, path)
    except apsw.Error as error:
        cause = what_broke(error)
        if cause is None:
            raise
        raise storage_failure(path, cause) from error
    finally:
        connection.close()


def _open(path: Path) -> apsw.Connection:
    """Open the file read-only. If its server is not running, SQLite creates no files beside it."""
    with path.open("rb") as file:  # before SQLite opens it: closing this descriptor would drop its locks
        header = file.read(100)
    wal = path.with_name(f"{path.name}-wal")
    keeps_a_log = len(header) > _WRITE_VERSION_AT and header[_WRITE_VERSION_AT] == _WAL
    is_at_rest = not wal.exists() or not wal.stat().st_size
    how = "immutable=1" if keeps_a_log and is_at_rest else "mode=ro"
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    return apsw.Connection(f"file:{quote(str(path.resolve()))}?{how}", flags=flags)


def _read(connection: apsw.Connection, path: Path) -> EarlierFile:
    connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    if connection.pragma("application_id") == APPLICATION_ID:
        raise StorageFailure(path, "is a database of this version already", "name it with --db to use it")
    with connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        if not names & set(TABLES):
            raise StorageFailure(
                path, "has none of the tables of an earlier agent-runtime server", f"these are {', '.join(TABLES)}"
            )
        rows = {table: list(_rows(connection, table)) for table in TABLES if table in names}
    return EarlierFile(path=path, rows=rows, others=tuple(sorted(names - set(TABLES) - {"sqlite_sequence"})))


def _rows(connection: apsw.Connection, table: str) -> Iterator[dict[str, Any]]:
    cursor = connection.execute(f"SELECT * FROM {table}")
    for row in cursor:
        yield {name.lower(): value for (name, *_), value in zip(cursor.getdescription(), row, strict=True)}
