"""What a claim costs with a million tasks in the file, half of them blocked, beside the same with a thousand."""

import statistics
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest
from comparing import Figure, timed

from agent_runtime_mcp.database.database import Database
from agent_runtime_mcp.runtime.libraries import Libraries, all_schemas

FEW, DOUBLINGS = 1000, 10
MANY = FEW * 2**DOUBLINGS
ROUNDS = {"FULL": 200, "NORMAL": 1000}
ITEMS = 500  # of one plan; every second one waits for the one before


def a_plan() -> list[dict[str, object]]:
    plan: list[dict[str, object]] = []
    for pair in range(ITEMS // 2):
        plan.append({"key": str(pair), "title": f"Write chapter {pair + 1}", "priority": pair % 10 + 1})
        plan.append({"title": f"Proofread chapter {pair + 1}", "depends_on": [str(pair)]})
    return plan


def fill(libraries: Libraries) -> None:
    """Make a goal with a thousand tasks."""
    goal_id = libraries.goals.create("A book").goal_id
    for _ in range(FEW // ITEMS):
        libraries.tasks.plan(a_plan(), goal_id=goal_id)


def double(connection: apsw.Connection, times: int) -> None:
    """Copy all goals and tasks beside themselves, again and again, under ids that go on after the last ones."""
    for _ in range(times):
        [(goals, tasks)] = connection.execute(
            "SELECT (SELECT max(id) FROM goals_goals), (SELECT max(id) FROM tasks_tasks)"
        ).fetchall()
        copy(connection, "goals_goals", {"id": goals})
        copy(connection, "tasks_tasks", {"id": tasks, "goal_id": goals})
        copy(connection, "tasks_dependencies", {"task_id": tasks, "depends_on_id": tasks})
        copy(connection, "tasks_counts", {"goal_id": goals}, where="WHERE goal_id > 0")
        connection.execute(
            "UPDATE tasks_counts SET ready = 2 * ready, waiting = 2 * waiting WHERE goal_id = 0"
        ).fetchall()


def copy(connection: apsw.Connection, table: str, raised: dict[str, int], *, where: str = "") -> None:
    names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(f"{name} + {raised[name]}" if name in raised else name for name in names)
    connection.execute(f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table} {where}").fetchall()


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Iterator[dict[int, Path]]:
    folder = tmp_path_factory.mktemp("scale")
    paths = {count: folder / f"{count}.db" for count in (FEW, MANY)}
    for count, path in paths.items():
        database = Database(path, Libraries, all_schemas, synchronous="NORMAL")
        database.run_blocking(fill, writes=True)
        if count == MANY:
            database.run_blocking(lambda libraries: double(libraries.connection, DOUBLINGS), writes=True)
        counts = database.run_blocking(lambda libraries: libraries.tasks.counts([0])[0], writes=False)
        assert (counts.ready, counts.waiting) == (count // 2, count // 2)
        database.close()
    yield paths
    for path in folder.iterdir():
        path.unlink()


def test_claim_with_a_million_tasks(benchmark, figures, files, synchronous):
    opened = {count: Database(path, Libraries, all_schemas, synchronous=synchronous) for count, path in files.items()}
    claimed = {}

    def claim(count):
        claimed[count] = opened[count].run_blocking(
            lambda libraries: libraries.tasks.claim_next(worker="ada"), writes=True
        )

    def give_back(count):
        task, token = claimed[count].task, claimed[count].claim_token
        opened[count].run_blocking(
            lambda libraries: libraries.tasks.update_status(task.task_id, "pending", worker="ada", claim_token=token),
            writes=True,
        )

    of_few = []

    def turn():
        of_few.append(timed(lambda: claim(FEW)))
        give_back(FEW)
        if MANY in claimed:
            give_back(MANY)
        return (MANY,), {}

    benchmark.pedantic(claim, setup=turn, rounds=ROUNDS[synchronous], iterations=1)
    for database in opened.values():
        database.close()
    floor = statistics.median(of_few) * 1e6
    figures.add(
        benchmark,
        Figure(
            name=f"claim with {MANY:,} tasks, {synchronous}",
            value=statistics.median(benchmark.stats.stats.data) * 1e6,
            unit="us",
            floors={f"claim with {FEW:,} tasks": floor},
            goal=f"1.5 x that with {FEW:,}",
            allowed=1.5 * floor,
        ),
    )
