"""Real processes on one file: many that hand on one baton, and one that is killed between any two statements."""

import collections
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import apsw
import pytest
from handing_in import Team

from agent_runtime_relay import Relays

PROCESS = Path(__file__).with_name("relay_process.py")
PROCESSES = 8


@pytest.fixture
def team(connect, clock):
    relays = Relays(connect(), clock=clock)
    relays.migrate()
    return Team.of(relays, "one", "two", "three", max_retries=1)


@pytest.fixture
def run(tmp_path):
    """Start processes, let them all go at once, and return their answers."""

    def run(*calls):
        command = [sys.executable, PROCESS, tmp_path / "test.db"]
        started = [
            subprocess.Popen([*command, *call], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for call in calls
        ]
        for process in started:
            assert process.stdout.readline() == "ready\n"
        for process in started:
            process.stdin.write("go\n")
            process.stdin.flush()
        return [json.loads(process.communicate(timeout=60)[0]) for process in started]

    return run


def test_one_of_many_processes_hands_the_baton_on_and_the_others_get_its_answer(team, run):
    answers = run(*[("advance", team.first_baton)] * PROCESSES)

    assert collections.Counter(answer["replayed"] for answer in answers) == {False: 1, True: PROCESSES - 1}
    assert len({json.dumps({**answer, "replayed": None}, sort_keys=True) for answer in answers}) == 1
    assert (team.status.current_step, team.status.tokens_used) == (1, 100)
    assert team.live == answers[0]["next_baton"]["baton_id"]


def test_many_processes_with_different_outputs_leave_one(team, run):
    scores = [f"0.9{digit}" for digit in range(PROCESSES)]
    answers = run(*[("advance", team.first_baton, score) for score in scores])

    errors = [answer["error"] for answer in answers if "error" in answer]
    assert errors == ["AnotherPayload"] * (PROCESSES - 1)
    [winner] = [answer for answer in answers if "error" not in answer]
    assert team.status.quality_scores == (winner["gates"][0]["score"],)


def test_many_processes_with_an_older_baton_are_all_stale(team, run, clock):
    clock.seconds -= 3600
    team.claim("ann", lease_seconds=10)
    clock.advance(10)
    current = team.claim("bob").baton.baton_id

    answers = run(*[("advance", team.first_baton)] * PROCESSES)

    assert [answer.get("error") for answer in answers] == ["StaleBaton"] * PROCESSES
    assert (team.status.current_step, team.live) == (0, current)
    assert len(team.relays.orphans(1)) == 1


def test_one_of_many_processes_gets_the_claim(team, run):
    answers = run(*[("claim", f"worker {number}") for number in range(PROCESSES)])

    errors = [answer["error"] for answer in answers if "error" in answer]
    assert errors == ["BatonClaimed"] * (PROCESSES - 1)
    [winner] = [answer["worker"] for answer in answers if "worker" in answer]
    assert team.read().claim.worker == winner


def test_one_of_many_processes_tries_again(team, run):
    team.fail_gate()
    answers = run(*[("retry",)] * PROCESSES)
    assert sorted(answer.get("error", "") for answer in answers) == [""] + ["IllegalTransition"] * (PROCESSES - 1)
    assert team.status.steps[0].attempts == 2


def _prepare_nothing(team):
    return team.first_baton


def _prepare_claim(team):
    return team.claim().baton.baton_id


def _prepare_last_step(team):
    return team.hand_in(team.hand_in().next_baton.baton_id).next_baton.baton_id


@pytest.mark.parametrize(
    ("prepare", "verb", "arguments", "result"),
    [
        (_prepare_nothing, "advance", (), {"outcome": "advanced"}),
        (_prepare_claim, "advance", (), {"outcome": "advanced"}),
        (_prepare_nothing, "advance", ("0.1",), {"outcome": "gate_failed"}),
        (_prepare_last_step, "advance", (), {"outcome": "completed"}),
        (_prepare_claim, "fail", (), {"attempts_left": 1}),
    ],
    ids=["advanced", "claimed", "gate failed", "completed", "failed"],
)
def test_a_process_that_is_killed_between_any_two_statements_leaves_all_or_nothing(
    team, tmp_path, connect, prepare, verb, arguments, result
):
    baton = prepare(team)
    before = picture(connect())
    assert before["live"] == [(1, baton)]
    deaths = 0
    while True:
        deaths += 1
        process = subprocess.run(
            [sys.executable, PROCESS, tmp_path / "test.db", verb, baton, *arguments],
            env={**os.environ, "DIE_BEFORE": str(deaths)},
            capture_output=True,
            text=True,
            timeout=60,
        )
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
        assert picture(connect()) == before

    answer = json.loads(process.stdout.splitlines()[-1])
    assert {name: answer[name] for name in result} == result
    after = picture(connect())
    assert after["tokens"] == after["charged"] == before["tokens"] + answer["tokens_used"] - before["tokens"]
    assert len(after["live"]) == (answer.get("next_baton") is not None)
    assert deaths > 6


def test_a_killed_creation_leaves_no_pipeline(tmp_path, connect, clock):
    Relays(connect(), clock=clock).migrate()
    script = (
        "import sys; sys.path.insert(0, sys.argv[2]); from relay_process import *\n"
        "relays = relays_of(sys.argv[1]); die_before(relays.connection, int(sys.argv[3]))\n"
        "relays.create('Survey', 'goal', ['one', 'two'])"
    )
    statement = 1
    while True:
        process = subprocess.run(
            [sys.executable, "-c", script, tmp_path / "test.db", PROCESS.parent, str(statement)], timeout=60
        )
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
        assert connect().execute("SELECT COUNT(*) FROM relay_pipelines").fetchall() == [(0,)]
        statement += 1
    assert statement > 6
    relays = Relays(connect(), clock=clock)
    assert (relays.list("pending").total, relays.status(1).total_steps) == (1, 2)


def picture(connection: apsw.Connection):
    """Return what must hold together, as another process reads it."""
    return {
        "live": connection.execute(
            "SELECT pipeline_id, baton_id FROM relay_attempts WHERE ended_at IS NULL ORDER BY pipeline_id"
        ).fetchall(),
        "tokens": connection.execute("SELECT SUM(tokens_used) FROM relay_pipelines").fetchall()[0][0],
        "charged": connection.execute("SELECT SUM(tokens_used) FROM relay_attempts").fetchall()[0][0],
        "pipelines": connection.execute("SELECT id, status, current_step FROM relay_pipelines ORDER BY id").fetchall(),
        "outputs": connection.execute("SELECT COUNT(*) FROM relay_outputs").fetchall(),
        "counts": connection.execute("SELECT status, pipelines FROM relay_counts ORDER BY status").fetchall(),
    }
