"""Many processes on one file: nothing is counted twice or lost, and one probe is one probe."""

import multiprocessing
import subprocess
import sys
from collections import Counter
from pathlib import Path

import breaker_processes
import pytest
from breaker_processes import AGENT, WAIT, ask_once, fail_often, open_breakers, succeed_until

from agent_runtime_breakers import BreakerState, Cause, PermitKind, RefusalReason, replay

NOW = 1_800_000_000.0
COOLDOWN = 300
PROCESSES = 8


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "breakers.db")


@pytest.fixture
def breakers(path):
    breakers = open_breakers(path, NOW)
    breakers.migrate()
    yield breakers
    breakers.connection.close()


def run_together(target, *arguments):
    """Run eight processes that begin at once, and wait for their ends."""
    spawn = multiprocessing.get_context("spawn")
    start = spawn.Barrier(PROCESSES)
    processes = [spawn.Process(target=target, args=(*arguments, start), daemon=True) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    join(processes)


def join(processes):
    for process in processes:
        process.join(WAIT)
    assert [process.exitcode for process in processes] == [0] * len(processes)


def test_the_failures_of_eight_processes_are_all_counted(breakers, path):
    breakers.configure(AGENT, failure_threshold=1000)

    run_together(fail_often, path, NOW, 20)

    shown = breakers.status(AGENT)
    assert (shown.total_failures, shown.failure_count, shown.state) == (160, 160, BreakerState.CLOSED)
    reporters = Counter(failure.error_message for failure in shown.recent_failures)
    assert sum(reporters.values()) == 10


def test_the_failures_of_eight_processes_trip_once(breakers, path):
    breakers.configure(AGENT, failure_threshold=100)

    run_together(fail_often, path, NOW, 20)

    shown = breakers.status(AGENT)
    assert (shown.total_failures, shown.trip_count, shown.state) == (160, 1, BreakerState.OPEN)
    assert [transition.cause for transition in breakers.history(AGENT).transitions] == [Cause.FAILURES]


def test_of_eight_processes_at_an_expired_cooldown_one_has_the_probe(breakers, path, tmp_path):
    breakers.trip(AGENT)
    answers = tmp_path / "answers"

    run_together(ask_once, path, NOW + COOLDOWN, str(answers))

    assert Counter(answers.read_text().split()) == {
        str(PermitKind.PROBE): 1,
        str(RefusalReason.PROBE_IN_FLIGHT): PROCESSES - 1,
    }


def test_a_trip_by_hand_stands_against_the_successes_of_other_processes(breakers, path):
    spawn = multiprocessing.get_context("spawn")
    stop, start = spawn.Event(), spawn.Barrier(4)
    processes = [spawn.Process(target=succeed_until, args=(path, NOW, start, stop), daemon=True) for _ in range(3)]
    for process in processes:
        process.start()
    start.wait(WAIT)

    breakers.trip(AGENT, "wrong answers")
    tripped = breakers.status(AGENT)
    while breakers.status(AGENT).total_successes < tripped.total_successes + 50:
        assert breakers.status(AGENT).state is BreakerState.OPEN
    stop.set()
    join(processes)

    shown = breakers.status(AGENT)
    assert (shown.state, shown.opened_at, shown.trip_count) == (BreakerState.OPEN, tripped.opened_at, 1)


def test_the_probe_of_a_killed_process_is_given_to_the_next_at_once(breakers, path):
    breakers.trip(AGENT)
    later = open_breakers(path, NOW + COOLDOWN)
    script = str(Path(breaker_processes.__file__))
    with subprocess.Popen(
        [sys.executable, script, path, str(NOW + COOLDOWN)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline().strip() == PermitKind.PROBE
        assert later.acquire(AGENT).reason is RefusalReason.PROBE_IN_FLIGHT
        process.kill()
        process.wait(WAIT)

        assert later.acquire(AGENT).kind is PermitKind.PROBE

    page = later.history(AGENT)
    assert page.transitions[-1].reason == "the probe of hanging was lost: its process is gone"
    assert replay(page.transitions).state is later.status(AGENT).state is BreakerState.HALF_OPEN
    later.connection.close()
