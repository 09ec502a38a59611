"""The tables of each released version of each library, with rows in them, as SQL beside this file.

Run as a program it stores those of the present version, unless they were released: do it when a version's tables are
settled, and again when they change before the release.
"""

import sqlite3
import sys
import tempfile
from pathlib import Path

from agent_runtime_mcp.runtime.libraries import all_schemas

FOLDER = Path(__file__).parent / "schemas"
RELEASED = 1  # the newest version of each library's tables that was released: stored once and for all
RENEW = "`nox -s schemas` stores what the present version makes"


def stored_versions(name: str, folder: Path = FOLDER) -> dict[int, str]:
    """Return the SQL of each stored version of a library."""
    found = sorted(folder.glob(f"{name}-*.sql"))
    return {int(path.stem.rpartition("-")[2]): path.read_text(encoding="utf-8") for path in found}


def dump(path: Path, name: str) -> str:
    """Return SQL that makes the tables of a library as they stand in a file, with their rows and indexes."""
    connection = sqlite3.connect(path)
    try:
        made = connection.execute(
            "SELECT type, name, sql FROM sqlite_schema WHERE name GLOB ? AND sql IS NOT NULL ORDER BY rowid",
            (f"{name}_*",),
        ).fetchall()
        lines = [f"{sql};" for kind, _, sql in made if kind == "table"]
        for table in (table for kind, table, _ in made if kind == "table"):
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            quoted = " || ', ' || ".join(f"quote({column})" for column in columns)
            rows = connection.execute(f"SELECT {quoted} FROM {table} ORDER BY 1").fetchall()
            lines += [f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({row});" for (row,) in rows]
        lines += [f"{sql};" for kind, _, sql in made if kind != "table"]
    finally:
        connection.close()
    return "\n".join(lines) + "\n"


def main() -> None:
    """Store the present version of each library."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from calling import Caller, fill
    from fake_clock import FakeClock

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runtime.db"
        caller = Caller(path, FakeClock())
        caller.session.holder = None  # which would name this machine
        fill(caller)
        caller.database.close()
        for schema in all_schemas():
            if len(schema.migrations) <= RELEASED:
                continue
            target = FOLDER / f"{schema.name}-{len(schema.migrations)}.sql"
            target.write_text(dump(path, schema.name), encoding="utf-8")


if __name__ == "__main__":
    main()
