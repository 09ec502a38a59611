"""A file with as many tasks and pipelines as one likes, made in seconds: rows are copied inside SQLite."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs

from agent_runtime_mcp.dispatch.request import make_request
from agent_runtime_mcp.operations.call import Session
from agent_runtime_mcp.runtime.libraries import Libraries
from calling import Caller

TASKS_AT_FIRST = 1000
ITEMS = 500  # of one plan
AGENTS = ["researcher", "writer", "validator"]


@attrs.frozen(kw_only=True)
class Extent:
    """How much there is in a file.

    Attributes:
        doublings: how often the first thousand tasks are doubled.
        pipelines: how many pipelines there are.
        goals: how many further goals there are, each with a sub-goal.
    """

    doublings: int
    pipelines: int
    goals: int

    @property
    def tasks(self) -> int:
        """How many tasks there are."""
        return TASKS_AT_FIRST * 2**self.doublings


def make(path: Path, extent: Extent) -> None:
    """Make a file in which half of the tasks wait for another and one in a hundred is settled."""
    caller = Caller(path)
    goal_id = caller("create_goal", name="A book")["goal_id"]
    for _ in range(TASKS_AT_FIRST // ITEMS):
        caller("decompose_goal", goal_id=goal_id, plan=_plan())
    for status, count in (("completed", 4), ("failed", 3), ("cancelled", 3)):
        for _ in range(count):
            task_id = caller("get_next_task")["task"]["task_id"]
            caller("update_task_status", task_id=task_id, status=status, **({"result": "done"} if count == 4 else {}))
    caller.database.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        for _ in range(extent.doublings):
            _double(connection)
        _count(connection)
    caller.database.run_blocking(lambda libraries: _make_the_rest(caller.session, libraries, extent), writes=True)
    for _ in range(5):
        caller("get_next_task")
    caller("create_task", title="later", not_before="2100-01-01T00:00:00Z")
    caller("circuit_breaker_trip", agent_id="writer")
    caller.database.close()


def _plan() -> list[dict[str, object]]:
    plan: list[dict[str, object]] = []
    for pair in range(ITEMS // 2):
        plan.append({"key": str(pair), "title": f"Write chapter {pair + 1}", "priority": pair % 10 + 1})
        plan.append({"title": f"Proofread chapter {pair + 1}", "depends_on": [str(pair)]})
    return plan


def _double(connection: sqlite3.Connection) -> None:
    """Copy all tasks, with what hangs on them, beside themselves, under ids that go on after the last one."""
    [(last,)] = connection.execute("SELECT max(id) FROM tasks_tasks").fetchall()
    _copy(connection, "tasks_tasks", ("id", "parent_id"), last)
    _copy(connection, "tasks_dependencies", ("task_id", "depends_on_id"), last)
    _copy(connection, "tasks_attempts", ("task_id",), last)


def _copy(connection: sqlite3.Connection, table: str, raised: tuple[str, ...], by: int) -> None:
    names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(f"{name} + {by}" if name in raised else name for name in names)
    connection.execute(f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table}")


def _count(connection: sqlite3.Connection) -> None:
    states = ("ready", "waiting", "unreachable", "in_progress", "completed", "failed", "cancelled")
    counts = ", ".join(f"{state} = (SELECT count(*) FROM tasks_tasks WHERE state = '{state}')" for state in states)
    connection.execute(f"UPDATE tasks_counts SET {counts}")


def _make_the_rest(session: Session, libraries: Libraries, extent: Extent) -> None:
    """Make goals and pipelines through the operations, all in one transaction: one at a time takes a sync each."""

    def call(operation: str, **arguments: object) -> dict[str, Any]:
        return make_request(operation, arguments, session).run(libraries).values

    with libraries.connection:
        for number in range(extent.goals):
            above = call("create_goal", name=f"goal {number}")["goal_id"]
            call("create_goal", name=f"below goal {number}", parent_goal_id=above)
        for number in range(extent.pipelines):
            made = call("create_relay_pipeline", name=f"relay {number}", goal="a book", agent_types=AGENTS)
            scores = {"quality_score": 0.9, "l_score": 0.9, "tokens_used": 10}
            for step in range(number % 4):
                call("advance_relay", pipeline_id=made["pipeline_id"], output=f"{number} {step} " * 100, **scores)
