"""A million tasks and ten thousand pipelines in one file: what is read costs what it costs with a thousand."""

import json
import os
import pty
import random
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from large_file import Extent, make

from agent_runtime_mcp.operations.table import Operation, table
from calling import Caller

pytestmark = pytest.mark.slow

SMALL = Extent(doublings=0, pipelines=100, goals=100)
LARGE = Extent(doublings=10, pipelines=10_000, goals=1000)
ROUNDS = 40
MOST_TIMES = 5.0
MOST_MEMORY = 24 * 1024  # KiB beyond what the same takes with the small file
MOST_SECONDS_OF_DOCTOR = 120
MOST_MEMORY_OF_DOCTOR = 256 * 1024  # KiB

Arguments = Callable[[random.Random, Extent], dict[str, Any]]


def some_task(dice: random.Random, extent: Extent) -> int:
    return dice.randint(1, extent.tasks)


READS: list[tuple[str, str, Arguments]] = [
    ("get_goal", "with all tasks", lambda dice, extent: {"goal_id": 1}),
    ("get_goal", "with a sub-goal", lambda dice, extent: {"goal_id": dice.randrange(2, 2 * extent.goals, 2)}),
    ("get_goal", "one field", lambda dice, extent: {"goal_id": 1, "field": "name"}),
    ("list_goals", "", lambda dice, extent: {}),
    ("list_goals", "by status", lambda dice, extent: {"status": "active", "limit": 20}),
    ("get_next_task", "without a claim", lambda dice, extent: {"claim": False}),
    ("get_next_task", "of a goal, without a claim", lambda dice, extent: {"claim": False, "goal_id": 1}),
    ("list_tasks", "", lambda dice, extent: {}),
    ("list_tasks", "in full", lambda dice, extent: {"detail": "full", "limit": 20}),
    ("list_tasks", "of a goal", lambda dice, extent: {"goal_id": 1}),
    *[
        ("list_tasks", f"{status}", lambda dice, extent, status=status: {"status": status, "limit": 5})
        for status in ("pending", "in_progress", "completed", "failed", "cancelled")
    ],
    *[
        ("list_tasks", f"{name}{of}", lambda dice, extent, name=name, more=more: {"readiness": name, "limit": 5} | more)
        for name in ("ready", "waiting", "unreachable")
        for of, more in (("", {}), (" of a goal", {"goal_id": 1}))
    ],
    ("list_tasks", "with a word", lambda dice, extent: {"query": "proofread", "limit": 20}),
    ("get_task", "", lambda dice, extent: {"task_id": some_task(dice, extent)}),
    ("get_task", "one field", lambda dice, extent: {"task_id": some_task(dice, extent), "field": "title"}),
    ("get_relay_status", "", lambda dice, extent: {"pipeline_id": dice.randint(1, extent.pipelines)}),
    ("get_relay_baton", "", lambda dice, extent: {"pipeline_id": dice.randint(1, extent.pipelines)}),
    ("get_relay_output", "", lambda dice, extent: {"pipeline_id": 2, "output_id": 1}),
    ("list_relay_pipelines", "", lambda dice, extent: {}),
    ("list_relay_pipelines", "by status", lambda dice, extent: {"status": "completed", "limit": 20}),
    ("circuit_breaker_status", "", lambda dice, extent: {"agent_id": "writer"}),
    ("circuit_breaker_list", "", lambda dice, extent: {}),
    ("runtime_overview", "", lambda dice, extent: {}),
]
READER = """
import json, sys
from pathlib import Path
from calling import Caller
caller = Caller(Path(sys.argv[1]))
for operation, arguments in json.load(sys.stdin):
    caller(operation, **arguments)
"""
# A process begins with the peak of the one that it is a fork of, so a small one has to start it.
MEASURE = """
import resource, subprocess, sys
from pathlib import Path
code = subprocess.call(sys.argv[2:])
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
Path(sys.argv[1]).write_text(str(peak // 1024 if sys.platform == "darwin" else peak))
sys.exit(code)
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Extent, Path]]:
    folder = tmp_path_factory.mktemp("scale")
    paths = {extent: folder / f"{extent.tasks}.db" for extent in (SMALL, LARGE)}
    for extent, path in paths.items():
        make(path, extent)
    yield paths
    for path in folder.iterdir():
        path.unlink()


@pytest.fixture(scope="module")
def callers(files: dict[Extent, Path]) -> Iterator[dict[Extent, Caller]]:
    callers = {extent: Caller(path) for extent, path in files.items()}
    yield callers
    for caller in callers.values():
        caller.database.close()


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Show a figure."""

    def told(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}")

    return told


def takes(operation: Operation) -> set[str]:
    return {argument.name for argument in operation.accepted.arguments}


def test_no_operation_that_reads_is_left_out() -> None:
    reads = {
        operation.name for operation in table().values() if operation.kind == "read" or "claim" in takes(operation)
    }
    assert reads == {operation for operation, _, _ in READS}


@pytest.mark.parametrize(("operation", "how", "arguments"), READS, ids=[f"{name} {how}" for name, how, _ in READS])
def test_what_is_read_costs_at_most_five_times_what_it_costs_with_a_thousand(
    callers: dict[Extent, Caller], tell: Callable[[str], None], operation: str, how: str, arguments: Arguments
) -> None:
    dice = random.Random(f"{operation} {how}")
    taken: dict[Extent, list[float]] = {extent: [] for extent in callers}
    for extent in callers:
        callers[extent](operation, **arguments(dice, extent))
    for _ in range(ROUNDS):
        for extent, caller in callers.items():
            given = arguments(dice, extent)
            started = time.perf_counter()
            caller(operation, **given)
            taken[extent].append(time.perf_counter() - started)
    small, large = (statistics.median(taken[extent]) * 1e6 for extent in (SMALL, LARGE))
    tell(f"{operation} {how}: {small:.0f} us with {SMALL.tasks:,}, {large:.0f} us with {LARGE.tasks:,}")
    assert large <= MOST_TIMES * small


def test_what_is_read_takes_no_more_memory(files: dict[Extent, Path], tell: Callable[[str], None]) -> None:
    peaks = {}
    for extent, path in files.items():
        dice = random.Random(1)
        calls = [(operation, arguments(dice, extent)) for operation, _, arguments in READS for _ in range(20)]
        peaks[extent] = peak_of_reading(path, calls)
    tell(f"peak memory of {20 * len(READS)} reads: {peaks[SMALL]:,} and {peaks[LARGE]:,} KiB")
    assert peaks[LARGE] <= peaks[SMALL] + MOST_MEMORY


def peak_of_reading(path: Path, calls: list[tuple[str, dict[str, Any]]]) -> int:
    """Return the KiB that a process takes at most to make some calls."""
    measured = path.with_name("peak")
    searched = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", MEASURE, str(measured), sys.executable, "-c", READER, str(path)]
    subprocess.run(command, input=json.dumps(calls), env={**os.environ, "PYTHONPATH": searched}, check=True, text=True)
    return int(measured.read_text())


def test_a_word_that_is_nowhere_is_looked_for_in_each_task_and_in_no_more_memory(
    files: dict[Extent, Path], callers: dict[Extent, Caller], tell: Callable[[str], None]
) -> None:
    started = time.perf_counter()
    assert callers[LARGE]("list_tasks", query="nowhere to be found")["tasks"] == []
    tell(f"list_tasks with a word that is nowhere: {time.perf_counter() - started:.2f} s with {LARGE.tasks:,}")
    calls = [("list_tasks", {"query": "nowhere to be found"})]
    peaks = [peak_of_reading(files[extent], calls) for extent in (SMALL, LARGE)]
    assert peaks[1] <= peaks[0] + MOST_MEMORY


def test_the_doctor_is_done_in_two_minutes_and_shows_how_far_it_is(
    files: dict[Extent, Path], tell: Callable[[str], None]
) -> None:
    shown = bytearray()
    terminal, its_end = pty.openpty()
    measured = files[LARGE].with_name("peak")
    doctor = [sys.executable, "-m", "agent_runtime_mcp", "doctor", "--json", "--db", str(files[LARGE])]
    command = [sys.executable, "-c", MEASURE, str(measured), *doctor]
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=its_end, env={**os.environ, "TERM": "xterm"})
    os.close(its_end)

    def watch() -> None:
        try:
            while some := os.read(terminal, 4096):
                shown.extend(some)
        except OSError:  # what Linux says when the other end is closed
            pass

    watching = threading.Thread(target=watch)
    watching.start()
    assert process.stdout is not None
    with process.stdout as stdout:
        report = json.load(stdout)
    assert process.wait() == 0
    taken = time.monotonic() - started
    watching.join()
    os.close(terminal)
    tell(f"doctor: {taken:.0f} s, {int(measured.read_text()):,} KiB, {report['size_bytes']:,} bytes")
    assert (report["healthy"], report["findings"]) == (True, [])
    assert report["checked"]["tasks"] == LARGE.tasks + 1
    assert report["checked"]["relays"] == LARGE.pipelines
    assert taken < MOST_SECONDS_OF_DOCTOR
    assert int(measured.read_text()) < MOST_MEMORY_OF_DOCTOR
    told = [int(number.replace(b",", b"")) for number in re.findall(rb"tasks: ([\d,]+) rows", shown)]
    assert len(set(told)) > 10
    assert told == sorted(told)
