"""Eight processes that claim and complete tasks of one file, beside one that has the file to itself."""

import json
import statistics
import subprocess
import sys
from pathlib import Path

import claiming
from comparing import Figure

from agent_runtime_mcp.database.database import Database
from agent_runtime_mcp.runtime.libraries import Libraries, all_schemas

PROCESSES = 8
TURNS = 3  # of one process and of eight, alternating
SECONDS = {"FULL": 4.0, "NORMAL": 2.0}
TASKS = 100_000
ITEMS = 500  # of one plan


def test_eight_processes_on_one_file(benchmark, figures, tmp_path, synchronous):
    path = tmp_path / "runtime.db"
    database = Database(path, Libraries, all_schemas, synchronous="NORMAL")
    plan = [{"title": f"Write chapter {number + 1}"} for number in range(ITEMS)]
    for _ in range(TASKS // ITEMS):
        database.run_blocking(lambda libraries: libraries.tasks.plan(plan), writes=True)
    database.close()
    alone, together = [], []

    def one():
        alone.extend(run(path, synchronous, 1))
        return (), {}

    benchmark.pedantic(lambda: together.append(run(path, synchronous, PROCESSES)), setup=one, rounds=TURNS)
    rate_alone = statistics.median(map(rate, alone))
    shares = [rate(each) / statistics.mean(map(rate, turn)) for turn in together for each in turn]

    def add(name, value, unit, goal, allowed, *, more_is_better=False, floors=None):
        figure = Figure(
            name=f"{name}, {synchronous}",
            value=value,
            unit=unit,
            floors=floors or {},
            goal=goal,
            allowed=allowed,
            more_is_better=more_is_better,
        )
        figures.add(benchmark, figure)

    add(
        "8 processes claiming and completing",
        statistics.median(sum(map(rate, turn)) for turn in together),
        "/s",
        "0.7 x one process",
        0.7 * rate_alone,
        more_is_better=True,
        floors={"one process": rate_alone},
    )
    add(
        "worst claim of 8 processes",
        max(each["worst_claim_ms"] for turn in together for each in turn),
        "ms",
        "300",
        300,
    )
    add("least of 8 processes beside their mean", min(shares), "", "0.5", 0.5, more_is_better=True)


def run(path: Path, synchronous: str, count: int) -> list[dict[str, float]]:
    """Let processes work side by side and return what each did; one that fails fails the benchmark."""
    workers = [
        subprocess.Popen(
            [sys.executable, claiming.__file__, str(path), synchronous, str(SECONDS[synchronous]), f"worker {number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(count)
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    outputs = [worker.communicate()[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * count
    return [json.loads(output) for output in outputs]


def rate(did: dict[str, float]) -> float:
    """Return how many tasks a process completed in a second."""
    return did["done"] / did["seconds"]
