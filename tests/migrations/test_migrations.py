"""From each released version of each library's tables to those of today: with rows in them, and nothing is lost."""

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest
from stored_schemas import FOLDER, RENEW, dump, stored_versions

from agent_runtime_kernel.schema import Migration, Schema
from agent_runtime_mcp.database.sqlite.opening import APPLICATION_ID
from agent_runtime_mcp.doctor.doctor import Doctor
from agent_runtime_mcp.runtime.libraries import all_schemas
from calling import Caller
from fake_clock import FakeClock

Tables = dict[str, Any]
NAMES = [schema.name for schema in all_schemas()]
BY_NAME = {schema.name: schema for schema in all_schemas()}


def migrated(path: Path, schema: Any) -> Path:
    """Bring the tables of a file up to date, as the library itself does."""
    connection = apsw.Connection(str(path))
    connection.transaction_mode = "IMMEDIATE"
    schema.migrate(connection)
    connection.close()
    return path


def made_of(path: Path, sql: str) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(sql)
    return path


def tables(path: Path, name: str) -> Tables:
    """Return all that SQLite knows of the tables of a library."""
    with closing(sqlite3.connect(path)) as connection:
        made = connection.execute(
            "SELECT name, type, tbl_name, sql FROM sqlite_schema WHERE name GLOB ? ORDER BY name", (f"{name}_*",)
        ).fetchall()
        made = [row for row in made if row[2] != f"{name}_migrations"]  # a file of 0.1 has none before its next one
        known: Tables = {item: (kind, table, re.sub(r"\s+", " ", sql or "").strip()) for item, kind, table, sql in made}
        for item, kind, *_ in made:
            if kind == "table":
                for pragma in ("table_xinfo", "foreign_key_list", "index_list"):
                    known[f"{pragma} {item}"] = sorted(connection.execute(f"PRAGMA {pragma}({item})").fetchall())
    return known


def rows(path: Path, columns: dict[str, list[str]]) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(path)) as connection:
        return {
            table: sorted(connection.execute(f"SELECT {', '.join(names)} FROM {table}").fetchall(), key=repr)
            for table, names in columns.items()
        }


def columns(path: Path, name: str) -> dict[str, list[str]]:
    """Return the columns of the tables of a library that hold what is stored, not their version."""
    return {
        item.removeprefix("table_xinfo "): [column[1] for column in known]
        for item, known in tables(path, name).items()
        if item.startswith("table_xinfo ") and item != f"table_xinfo {name}_schema"
    }


def walk(folder: Path, name: str, migrations: Sequence[Migration], stored: dict[int, str]) -> list[str]:
    """Walk from each stored version to the present one, and return what does not hold."""
    today = Schema(name, migrations)
    fresh = migrated(folder / "fresh.db", today)
    faults = []
    missing = set(range(1, len(migrations) + 1)) - stored.keys()
    if missing:
        faults.append(f"{name} {sorted(missing)} is not stored: {RENEW}")
    for version, sql in sorted(stored.items()):
        file = made_of(folder / f"{name}-{version}.db", sql)
        as_released = migrated(folder / f"{name}-{version}-made-today.db", Schema(name, migrations[:version]))
        if tables(file, name) != tables(as_released, name):
            faults.append(
                f"the migrations make another {name} {version} than the stored one: a released one is never edited, add"
                f" one after it; before its release, {RENEW}"
            )
        kept = columns(file, name)
        before = rows(file, kept)
        empty = [table for table, found in before.items() if not found]
        if empty:
            faults.append(f"{name} {version} is stored without rows in {', '.join(empty)}")
        migrated(file, today)
        if tables(file, name) != tables(fresh, name):
            faults.append(f"{name} {version} does not become what a new file has")
        elif rows(file, kept) != before:
            faults.append(f"{name} {version} loses or changes rows on its way")
    return faults


@pytest.mark.parametrize("name", NAMES)
def test_each_released_version_becomes_what_a_new_file_has_and_keeps_its_rows(name: str, tmp_path: Path) -> None:
    assert walk(tmp_path, name, BY_NAME[name].migrations, stored_versions(name)) == []


def test_nothing_is_stored_that_is_not_walked() -> None:
    assert {path.name.rpartition("-")[0] for path in FOLDER.iterdir()} == set(NAMES)


def test_a_file_of_the_oldest_versions_is_sound_and_of_use_today(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "runtime.db"
    made_of(path, "".join(stored_versions(name)[1] for name in NAMES) + f"PRAGMA application_id = {APPLICATION_ID};")
    path.chmod(0o600)
    clock.advance(24 * 3600)
    caller = Caller(path, clock)
    assert Doctor(caller.database).examine().faults == ()
    while task := caller("get_next_task")["task"]:
        caller("update_task_status", task_id=task["task_id"], status="completed")
    caller("circuit_breaker_reset", agent_id="analyzer")
    overview = caller("runtime_overview")
    assert (overview["ready"], overview["holding"]) == ([], [])
    assert len(caller("get_relay_output", pipeline_id=1, output_id=1)["text"]) == 3000
    assert Doctor(caller.database).examine().faults == ()
    caller.database.close()


FIRST = Migration(
    "first",
    (
        "CREATE TABLE notes_notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT",
        "CREATE INDEX notes_by_text ON notes_notes (text, id)",
    ),
)
SECOND = Migration(
    "second",
    (
        "ALTER TABLE notes_notes ADD COLUMN author TEXT NOT NULL DEFAULT 'nobody'",
        "CREATE TABLE notes_tags (note_id INTEGER NOT NULL REFERENCES notes_notes (id), tag TEXT NOT NULL) STRICT",
        "INSERT INTO notes_tags (note_id, tag) SELECT id, 'old' FROM notes_notes",
    ),
)
THIRD = Migration(
    "third", ("DROP INDEX notes_by_text", "CREATE UNIQUE INDEX notes_by_author ON notes_notes (author, id)")
)


@pytest.fixture
def stored(tmp_path: Path) -> dict[int, str]:
    """Two released versions of a small library, with rows."""
    folder = tmp_path / "stored"
    folder.mkdir()
    for version in (1, 2):
        path = migrated(tmp_path / f"notes-{version}-filled.db", Schema("notes", (FIRST, SECOND)[:version]))
        made_of(path, "INSERT INTO notes_notes (text) VALUES ('it''s'), ('é\n;--'); ")
        if version == 2:
            made_of(path, "INSERT INTO notes_tags (note_id, tag) VALUES (2, 'new')")
        (folder / f"notes-{version}.sql").write_text(dump(path, "notes"), encoding="utf-8")
    return stored_versions("notes", folder)


def test_a_walk_over_three_versions_arrives(tmp_path: Path, stored: dict[int, str]) -> None:
    assert walk(tmp_path, "notes", (FIRST, SECOND), stored) == []
    with closing(sqlite3.connect(tmp_path / "notes-1.db")) as connection:
        notes = connection.execute("SELECT * FROM notes_notes ORDER BY id").fetchall()
        tags = connection.execute("SELECT * FROM notes_tags ORDER BY note_id").fetchall()
        version = connection.execute("SELECT version FROM notes_schema").fetchall()
    assert (notes, tags) == ([(1, "it's", "nobody"), (2, "é\n;--", "nobody")], [(1, "old"), (2, "old")])
    assert version == [(2,)]
    third = tmp_path / "third"
    third.mkdir()
    assert walk(third, "notes", (FIRST, SECOND, THIRD), stored) == [f"notes [3] is not stored: {RENEW}"]


EDITED = Migration("edited", ("CREATE TABLE notes_notes (id INTEGER PRIMARY KEY, text TEXT) STRICT", FIRST.steps[1]))


@pytest.mark.parametrize(
    ("migrations", "fault"),
    [
        ((EDITED, SECOND), "the migrations make another notes 1 than the stored one"),
        ((FIRST, Migration("second", SECOND.steps[:2])), "notes 1 does not become"),
        (
            (FIRST, Migration("second", (*SECOND.steps, "CREATE INDEX notes_tagged ON notes_tags (tag)"))),
            "another notes 2",
        ),
        (
            (FIRST, SECOND, Migration("loss", ("DELETE FROM notes_notes WHERE id = 1",))),
            "notes 2 loses or changes rows",
        ),
        ((FIRST, SECOND, THIRD), "notes [3] is not stored"),
    ],
)
def test_a_walk_sees_what_is_wrong(
    tmp_path: Path, stored: dict[int, str], migrations: Sequence[Migration], fault: str
) -> None:
    if fault.startswith("notes 1 does not become"):
        stored = {1: stored[1].replace("STRICT", ""), 2: stored[2]}
    assert fault in "\n".join(walk(tmp_path, "notes", migrations, stored))


def test_a_stored_version_without_rows_proves_nothing(tmp_path: Path, stored: dict[int, str]) -> None:
    without = "\n".join(line for line in stored[1].splitlines() if not line.startswith("INSERT INTO notes_notes"))
    faults = walk(tmp_path, "notes", (FIRST, SECOND), {**stored, 1: without})
    assert "notes 1 is stored without rows in notes_notes" in faults
