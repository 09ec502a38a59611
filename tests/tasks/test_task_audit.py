"""The audit of tasks: silent about what the library wrote, and exact about what somebody else changed."""

import random

import apsw
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant, run_state_machine_as_test
from test_tasks_machine import TaskMachine

from agent_runtime_kernel.errors import AgentRuntimeError
from agent_runtime_tasks import Finding, Tasks
from fake_clock import FakeClock

EVERYTHING = ("tasks_tasks", "tasks_claims", "tasks_counts", "tasks_dependencies", "tasks_holds")
DERIVED = """
    open_dependencies = :number, dead_dependencies = :number, open_above = :bit, dead_above = :bit
"""


@pytest.fixture
def tasks(connection: apsw.Connection, clock: FakeClock) -> Tasks:
    tasks = Tasks(connection, clock=clock)
    tasks.migrate()
    return tasks


def make_graph(tasks: Tasks) -> None:
    """1 is completed, 2 in progress, 3 waits for both, 4 is a group of 5 (waits for 3) and 6 (failed), 7 for 4."""
    for title in ("one", "two"):
        tasks.create(title, goal_id=1)
    tasks.create("three", goal_id=1, dependencies=(1, 2))
    tasks.create("four", goal_id=2)
    tasks.create("five", parent_id=4, dependencies=(3,))
    tasks.create("six", parent_id=4)
    tasks.create("seven", dependencies=(4,))
    tasks.create("later", not_before=2_000_000_000_000)
    tasks.update_status(1, "completed", worker="ann")
    tasks.update_status(2, "in_progress", worker="ann")
    tasks.update_status(6, "failed", worker="ann")


def rows(connection: apsw.Connection) -> dict[str, list[tuple[object, ...]]]:
    return {table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr) for table in EVERYTHING}


def without_time(found: dict[str, list[tuple[object, ...]]], updated_at: int) -> dict[str, list[tuple[object, ...]]]:
    """Leave out the time of the last change, which a rebuild may move."""
    return {
        table: [
            tuple(value for index, value in enumerate(row) if table != "tasks_tasks" or index != updated_at)
            for row in lines
        ]
        for table, lines in found.items()
    }


def updated_at(connection: apsw.Connection) -> int:
    columns = connection.execute("PRAGMA table_info(tasks_tasks)").fetchall()
    return next(index for index, column in enumerate(columns) if column[1] == "updated_at")


def damage(connection: apsw.Connection, sql: str) -> None:
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute(sql)


def test_nothing_is_found_in_what_the_library_wrote(tasks: Tasks, connection: apsw.Connection) -> None:
    make_graph(tasks)
    before = rows(connection)
    pages: list[int] = []
    assert list(tasks.audit(pages.append)) == []
    assert pages == [8]
    assert tasks.rebuild() == 0
    assert rows(connection) == before


@pytest.mark.parametrize(
    ("sql", "finding"),
    [
        (
            "UPDATE tasks_counts SET ready = 9 WHERE goal_id = 1",
            ("count of ready tasks", "goal 1", "0", "9"),
        ),
        (
            "UPDATE tasks_counts SET failed = 0 WHERE goal_id = 0",
            ("count of failed tasks", "all goals", "1", "0"),
        ),
        ("DELETE FROM tasks_counts WHERE goal_id = 1", ("count of completed tasks", "goal 1", "1", "0")),
        (
            "UPDATE tasks_tasks SET open_dependencies = 0 WHERE id = 3",
            ("open_dependencies of a task", "task 3", "1", "0"),
        ),
        (
            "UPDATE tasks_tasks SET dead_dependencies = 0 WHERE id = 7",
            ("dead_dependencies of a task", "task 7", "1", "0"),
        ),
        ("UPDATE tasks_tasks SET children_failed = 2 WHERE id = 4", ("children_failed of a task", "task 4", "1", "2")),
        ("UPDATE tasks_tasks SET open_above = 1 WHERE id = 5", ("open_above of a task", "task 5", "False", "True")),
        ("UPDATE tasks_tasks SET dead_above = 1 WHERE id = 5", ("dead_above of a task", "task 5", "False", "True")),
        (
            "UPDATE tasks_tasks SET state = 'ready', offer = 10 WHERE id = 3",
            ("state of a task", "task 3", "waiting", "ready"),
        ),
        ("UPDATE tasks_tasks SET offer = 10 WHERE id = 2", ("offer of a task", "task 2", "None", "10")),
        (
            "UPDATE tasks_tasks SET wake_at = NULL WHERE id = 8",
            ("wake_at of a task", "task 8", "2000000000000", "None"),
        ),
    ],
)
def test_each_derived_column_that_is_wrong_is_found_and_rebuilt(
    tasks: Tasks, connection: apsw.Connection, sql: str, finding: tuple[str, str, str, str]
) -> None:
    make_graph(tasks)
    at = updated_at(connection)
    before = without_time(rows(connection), at)
    damage(connection, sql)
    what, subject, expected, found = finding
    findings = list(tasks.audit())
    assert Finding(what=what, subject=subject, expected=expected, found=found, derived=True) in findings
    assert all(one.derived for one in findings)
    assert tasks.rebuild() > 0
    assert list(tasks.audit()) == []
    assert without_time(rows(connection), at) == before


def test_an_orphan_claim_is_found_and_not_corrected(tasks: Tasks, connection: apsw.Connection) -> None:
    make_graph(tasks)
    damage(
        connection,
        """
        INSERT INTO tasks_claims (task_id, worker, token, fence, lease, started_at, expires_at)
        VALUES (1, 'ghost', 't', 1, 1000, 1, 2)
        """,
    )
    expected = Finding(
        what="claim without work in progress",
        subject="task 1",
        expected="no claim",
        found="a claim of ghost on a task that is completed",
        derived=False,
    )
    assert list(tasks.audit()) == [expected]
    assert tasks.rebuild() == 0
    assert list(tasks.audit()) == [expected]


def test_work_in_progress_without_a_claim_is_found(tasks: Tasks, connection: apsw.Connection) -> None:
    make_graph(tasks)
    damage(connection, "DELETE FROM tasks_claims WHERE task_id = 2")
    assert [(one.what, one.subject, one.derived) for one in tasks.audit()] == [
        ("work in progress without a claim", "task 2", False)
    ]


def test_rows_derived_from_a_wrong_row_are_corrected_along_a_chain(tasks: Tasks, connection: apsw.Connection) -> None:
    for number in range(1, 601):
        tasks.create(f"task {number}", dependencies=(number - 1,) if number > 1 else ())
    tasks.update_status(1, "failed", worker="ann")
    at = updated_at(connection)
    before = without_time(rows(connection), at)
    damage(connection, "UPDATE tasks_tasks SET state = 'waiting', dead_dependencies = 0 WHERE id > 1")
    tasks.rebuild()
    assert list(tasks.audit()) == []
    assert without_time(rows(connection), at) == before


def test_a_rebuild_ends_although_the_file_contains_a_circle(tasks: Tasks, connection: apsw.Connection) -> None:
    tasks.create("one")
    tasks.create("two", dependencies=(1,))
    damage(connection, "INSERT INTO tasks_dependencies (task_id, depends_on_id) VALUES (1, 2)")
    assert tasks.rebuild() > 0
    assert [(task.task_id, str(task.readiness)) for task in tasks.list().tasks] == [(1, "waiting"), (2, "waiting")]


@pytest.mark.parametrize("seed", range(20))
def test_any_wrong_numbers_are_corrected_after_any_work(
    connection: apsw.Connection, clock: FakeClock, seed: int
) -> None:
    chance = random.Random(seed)
    tasks = Tasks(connection, clock=clock)
    tasks.migrate()
    for _ in range(60):
        ids = [task.task_id for task in tasks.list(limit=200).tasks]
        clock.advance(chance.choice((0, 0, 5, 2000)))
        try:
            match chance.randrange(8):
                case 0 | 1 | 2:
                    tasks.create(
                        "a task",
                        goal_id=None,
                        dependencies=tuple(chance.sample(ids, min(len(ids), chance.randrange(3)))),
                        parent_id=chance.choice(ids) if ids and chance.random() < 0.4 else None,
                        not_before=clock.milliseconds + 60_000 if chance.random() < 0.1 else None,
                    )
                case 3:
                    tasks.claim_next(worker="ann", lease_seconds=10)
                case 4 if ids:
                    tasks.edit(chance.choice(ids), priority=chance.randrange(1, 11))
                case _ if ids:
                    status = chance.choice(("completed", "completed", "failed", "cancelled", "pending", "in_progress"))
                    tasks.update_status(chance.choice(ids), status, worker="ann")
        except AgentRuntimeError:
            continue
    assert list(tasks.audit()) == []
    at = updated_at(connection)
    before = without_time(rows(connection), at)
    connection.executemany(
        f"UPDATE tasks_tasks SET {DERIVED} WHERE id = :id",
        [{"id": task_id, "number": chance.randrange(3), "bit": chance.randrange(2)} for task_id in ids],
    )
    tasks.rebuild()
    assert list(tasks.audit()) == []
    assert without_time(rows(connection), at) == before


class AuditedTaskMachine(TaskMachine):
    @invariant()
    def the_audit_finds_nothing(self) -> None:
        assert list(self.tasks.audit()) == []


def test_nothing_is_found_after_any_operations_in_any_order() -> None:
    few = settings(
        max_examples=10,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    run_state_machine_as_test(AuditedTaskMachine, settings=few)
