"""The libraries behind the server: imported, and their tables looked at, when they are first used."""

import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from agent_runtime_mcp.errors import StorageFailure
from agent_runtime_mcp.runtime.libraries import all_schemas, open_database

VERSIONS = "SELECT version FROM relay_schema"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "runtime.db"
    opened(path).run_blocking(lambda libraries: libraries.tasks.create("there before"), writes=True)
    return path


def opened(path):
    return open_database(path, synchronous="NORMAL", may_create=True, default_folder=False)


def alter(path: Path, *statements: str) -> None:
    connection = apsw.Connection(str(path))
    for statement in statements:
        connection.execute(statement).fetchall()
    connection.close()


def read(path: Path, sql: str) -> list[tuple[object, ...]]:
    connection = apsw.Connection(str(path))
    rows = connection.execute(sql).fetchall()
    connection.close()
    return rows


def tables(path):
    return {name for (name,) in read(path, "SELECT name FROM sqlite_schema WHERE type = 'table'")}


def test_a_new_file_has_the_tables_of_all_libraries(path):
    assert {f"{schema.name}_schema" for schema in all_schemas()} <= tables(path)


def test_tables_of_a_library_that_is_new_in_this_version_are_made_at_its_first_use(path):
    relay = [name for name in tables(path) if name.startswith("relay_")]
    alter(path, "PRAGMA foreign_keys = OFF", *(f"DROP TABLE {name}" for name in relay))
    database = opened(path)
    assert database.run_blocking(lambda libraries: libraries.tasks.get(1).title, writes=False) == "there before"
    assert read(path, "SELECT name FROM sqlite_schema WHERE name = 'relay_schema'") == []
    page = database.run_blocking(lambda libraries: libraries.relays.list(), writes=False)
    assert page.total == 0
    assert set(relay) <= tables(path)
    assert len(list(path.parent.glob("*.before-upgrade-*"))) == 1


def test_what_an_operation_did_before_it_met_older_tables_is_done_once(path):
    alter(path, "DROP TABLE breakers_transitions", "UPDATE breakers_schema SET version = 0")
    tables_left = [name for name in tables(path) if name.startswith("breakers_") and name != "breakers_schema"]
    alter(path, "PRAGMA foreign_keys = OFF", *(f"DROP TABLE {name}" for name in tables_left))

    def create_and_report(libraries):
        with libraries.connection:
            libraries.tasks.create("once")
            return libraries.breakers.record_failure("writer", "timeout", "slow").changed

    assert opened(path).run_blocking(create_and_report, writes=True)
    assert read(path, "SELECT title FROM tasks_tasks ORDER BY id") == [("there before",), ("once",)]


def test_tables_of_a_newer_version_are_refused_where_they_are_used_and_left_as_they_are(path):
    alter(path, "UPDATE relay_schema SET version = 99")
    database = opened(path)
    for _ in range(2):
        with pytest.raises(StorageFailure) as refused:
            database.run_blocking(lambda libraries: libraries.relays.list(), writes=False)
        assert refused.value.path == path
        assert "99" in str(refused.value)
    assert read(path, VERSIONS) == [(99,)]
    assert database.run_blocking(lambda libraries: libraries.tasks.get(1).title, writes=False) == "there before"


@pytest.mark.parametrize(
    ("command", "needed"),
    [
        (["where"], set()),
        (["task", "list", "--json"], {"tasks"}),
        (["goal", "list", "--json"], {"goals", "tasks"}),
        (["breaker", "list", "--json"], {"breakers"}),
    ],
)
def test_a_command_imports_only_the_libraries_that_it_needs(command, needed, path):
    code = (
        "import sys; from agent_runtime_mcp.cli.root import root;"
        f"root().main({[*command, '--db', str(path)]!r}, standalone_mode=False);"
        "print(*(name for name in sys.modules if name.startswith('agent_runtime_') and '.' not in name))"
    )
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = set(answer.stdout.splitlines()[-1].split())
    assert loaded == {"agent_runtime_mcp", "agent_runtime_kernel", *(f"agent_runtime_{library}" for library in needed)}
