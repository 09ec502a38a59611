"""What a claim costs with a million tasks in the file, half of them blocked, beside the same with a thousand.

It takes minutes to make the larger file: `nox -s bench -- -m slow`.
"""

import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest
from comparing import Figure, timed

from agent_runtime_mcp._assembly import SCHEMAS, assemble
from agent_runtime_mcp._database import Database
from agent_runtime_mcp._libraries import Libraries

pytestmark = pytest.mark.slow

FEW, MANY = 1000, 1_000_000
ROUNDS = {"FULL": 200, "NORMAL": 1000}
ITEMS = 500  # of one plan; every second one waits for the one before
TASKS_OF_A_GOAL = 1000


def a_plan() -> list[dict[str, object]]:
    plan: list[dict[str, object]] = []
    for pair in range(ITEMS // 2):
        plan.append({"key": str(pair), "title": f"Write chapter {pair + 1}", "priority": pair % 10 + 1})
        plan.append({"title": f"Proofread chapter {pair + 1}", "depends_on": [str(pair)]})
    return plan


def fill(path: Path, tasks: int) -> None:
    database = Database(path, assemble, SCHEMAS, synchronous="NORMAL")
    plan = a_plan()

    def add_a_goal(libraries: Libraries) -> None:
        with libraries.connection:
            goal_id = libraries.goals.create("A book").goal_id
            for _ in range(TASKS_OF_A_GOAL // ITEMS):
                libraries.tasks.plan(plan, goal_id=goal_id)

    for _ in range(tasks // TASKS_OF_A_GOAL):
        database.run_blocking(add_a_goal, writes=True)
    database.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Iterator[dict[int, Path]]:
    folder = tmp_path_factory.mktemp("scale")
    paths = {count: folder / f"{count}.db" for count in (FEW, MANY)}
    for count, path in paths.items():
        fill(path, count)
    yield paths
    for path in folder.iterdir():
        path.unlink()


def test_claim_with_a_million_tasks(benchmark, figures, files, synchronous):
    opened = {count: Database(path, assemble, SCHEMAS, synchronous=synchronous) for count, path in files.items()}
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
            name=f"claim with 1,000,000 tasks, {synchronous}",
            value=statistics.median(benchmark.stats.stats.data) * 1e6,
            unit="us",
            floors={"claim with 1,000 tasks": floor},
            goal="1.5 x that with 1,000",
            allowed=1.5 * floor,
        ),
    )
