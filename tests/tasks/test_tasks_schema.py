"""The tables: migrations, and the rows that the schema itself refuses."""

import apsw
import attrs
import pytest

from agent_runtime_kernel.schema import Migration
from agent_runtime_tasks import SCHEMA, Tasks
from agent_runtime_tasks.errors import SchemaTooNew


def version(connection):
    return connection.execute("SELECT version FROM tasks_schema").fetchall()


def objects(connection):
    rows = connection.execute("SELECT type, name FROM sqlite_schema").fetchall()
    return sorted((kind, name) for kind, name in rows if not name.startswith("sqlite_"))


def test_an_empty_database_is_migrated_in_one_transaction(connection):
    assert Tasks(connection).migrate() == len(SCHEMA.migrations)

    assert version(connection) == [(len(SCHEMA.migrations),)]
    assert {name for _, name in objects(connection)} >= {"tasks_tasks", "tasks_claims", "tasks_attempts"}
    assert all(name.startswith("tasks_") for _, name in objects(connection)), "the library owns tasks_* alone"


def test_migrating_again_does_nothing(connection):
    tasks = Tasks(connection)
    tasks.migrate()
    task = tasks.create("work").task
    before = objects(connection)

    assert tasks.migrate() == 0

    assert (objects(connection), version(connection)) == (before, [(len(SCHEMA.migrations),)])
    assert tasks.get(task.task_id) == task


def test_a_database_of_a_newer_version_is_refused_untouched(connection):
    Tasks(connection).migrate()
    newer = len(SCHEMA.migrations) + 1
    connection.execute("UPDATE tasks_schema SET version = :newer", {"newer": newer}).fetchall()
    changes = connection.total_changes()
    before = objects(connection)

    with pytest.raises(
        SchemaTooNew, match=f"the tasks tables have schema version {newer}; this version knows"
    ) as refusal:
        Tasks(connection).migrate()

    error = refusal.value
    assert (error.library, error.found, error.known) == ("tasks", newer, newer - 1)
    assert error.hint == "upgrade to the version that wrote the file"
    assert (objects(connection), version(connection), connection.total_changes()) == (before, [(newer,)], changes)


def test_a_migration_that_fails_leaves_nothing_behind(connection):
    broken = attrs.evolve(
        SCHEMA, migrations=(*SCHEMA.migrations, Migration("broken", ("CREATE TABLE tasks_tasks (id INTEGER)",)))
    )
    with pytest.raises(apsw.SQLError, match="already exists"):
        broken.migrate(connection)
    assert objects(connection) == []


def test_a_later_migration_runs_alone(connection):
    Tasks(connection).migrate()
    longer = attrs.evolve(
        SCHEMA, migrations=(*SCHEMA.migrations, Migration("more", ("CREATE TABLE tasks_more (id INTEGER) STRICT",)))
    )
    assert longer.migrate(connection) == 1
    assert version(connection) == [(len(SCHEMA.migrations) + 1,)]


@pytest.mark.parametrize(
    "change",
    [
        "state = 'done'",
        "state = 'completed'",
        "state = 'waiting'",
        "offer = NULL",
        "priority = 11",
        "priority = 'high'",
        "parent_id = id",
        "parent_id = 99",
        "open_dependencies = -1",
        "children = 1",
        "title = ''",
        "wake_at = 1",
    ],
)
def test_the_schema_refuses_what_the_rules_never_write(connection, change):
    tasks = Tasks(connection)
    tasks.migrate()
    task = tasks.create("work").task
    with pytest.raises(apsw.ConstraintError):
        connection.execute(f"UPDATE tasks_tasks SET {change}").fetchall()
    assert tasks.get(task.task_id) == task
