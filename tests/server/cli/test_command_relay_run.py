"""`agent-runtime relay run` and `relay adopt`: their output, their exit codes, and the state left when stopped."""

import contextlib
import json
import os
import pty
import signal
import sqlite3

import pytest
from operating import rows_of
from working import GOOD, lines

from agent_programs import is_gone, wait_until


def tables(shell):
    with contextlib.closing(sqlite3.connect(shell.path)) as connection:
        return rows_of(connection)


def operations(shell):
    """Return the operations in the journal in order, with their workers."""
    return [(event["operation"], event["worker"]) for event in lines(shell("events", "--json").stdout)]


def steps(shell, pipeline_id=1):
    relay = shell.json("relay", "status", pipeline_id)
    return [(step["status"], step["attempts"]) for step in relay["steps"]]


# --- to the end


def test_a_run_tells_a_person_what_becomes_of_each_step(shell, shift):
    shift.relay("one", "two")
    told = shell("relay", "run", 1, "--agent-command", shift.agent()).stdout.splitlines()
    assert told[0] == "pipeline 1: Survey (0/2)"
    assert told[1].startswith("step 0 one: quality 0.90 (self), L-score 0.74, 7 tokens, ")
    assert told[2].startswith("step 1 two: quality 0.90 (self), L-score ")
    assert told[3:] == ["completed (2/2; 14 tokens used, 99986 left)"]


def test_a_run_with_json_prints_an_event_a_line(shell, shift):
    shift.relay("one", "two")
    events = lines(shell("relay", "run", 1, "--agent-command", shift.agent(), "--json").stdout)
    assert [event["event"] for event in events] == [
        "run_started",
        *["step_started", "step_completed"] * 2,
        "run_ended",
    ]
    end = events[-1]
    assert end.pop("at").endswith("Z")
    assert end == {
        "event": "run_ended",
        "pipeline_id": 1,
        "status": "completed",
        "waiting_for": "nothing",
        "reason": None,
        "resumable": False,
        "current_step": 2,
        "total_steps": 2,
        "tokens_used": 14,
        "tokens_remaining": 99986,
    }


def test_each_effect_of_a_run_is_in_the_journal(shell, shift):
    shift.relay("one", "two", max_retries=0)
    agent = shift.agent("if os.environ['AGENT_RUNTIME_STEP'] == '1':\n    sys.exit('boo')\n" + GOOD)
    shell("relay", "run", 1, "--agent-command", agent, "--worker", "runner", "--time-limit", 60, code=4)
    done = operations(shell)
    assert done == [
        ("create_relay_pipeline", "ada"),
        ("get_relay_baton", "runner"),
        ("advance_relay", "runner"),
        ("fail_relay_attempt", "runner"),
    ]


def test_an_agent_that_calls_agent_runtime_means_the_same_file(shell, shift):
    shift.relay("one")
    shell("relay", "run", 1, "--agent-command", shift.agent("hand_in(output=os.environ['AGENT_RUNTIME_DB'])"))
    assert shell.json("relay", "output", 1, 1)["text"] == str(shell.path)


def test_on_a_terminal_a_run_shows_its_progress(shell, shift):
    shift.relay("one", "two")
    terminal, other_end = pty.openpty()
    with shell.process("relay", "run", 1, "--agent-command", shift.agent(), stdout=other_end) as process:
        os.close(other_end)
        shown = b""
        while part := _read(terminal):
            shown += part
        process.communicate(timeout=60)
    os.close(terminal)
    assert process.returncode == 0
    text = shown.decode()
    assert "2/2" in text
    assert "quality 0.90" in text


def _read(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:  # what Linux says at the end of a terminal
        return b""


# --- how it ends


def test_a_run_that_cant_go_on_ends_with_4(shell, shift):
    shift.relay("one", max_retries=0)
    told = shell("relay", "run", 1, "--agent-command", shift.agent("sys.exit('boo')"), code=4).stdout.splitlines()
    assert told[1].startswith("step 0 one: exception: ")
    assert told[1].endswith("ended with exit code 1: boo (0 attempts left)")
    assert told[2] == "failed: retries_exhausted (0/1; 0 tokens used, 100000 left)"


def test_a_run_of_a_paused_pipeline_ends_with_4(shell, shift):
    shift.relay("one")
    shell("relay", "update", 1, "--status", "paused")
    [_, end] = lines(shell("relay", "run", 1, "--agent-command", shift.agent(), "--json", code=4).stdout)
    assert (end["status"], end["waiting_for"], end["resumable"]) == ("paused", "resume", True)


def test_a_run_that_nobody_is_admitted_for_waits_or_goes_on_when_that_is_over(shell, shift):
    shift.relay("one", "two")
    shell("breaker", "trip", "one", "--reason", "out of order", "--hold")
    [_, end] = lines(shell("relay", "run", 1, "--agent-command", shift.agent(), "--json", code=4).stdout)
    assert (end["status"], end["waiting_for"]) == ("pending", "breaker")
    shell("breaker", "reset", "one")
    shell("relay", "run", 1, "--agent-command", shift.agent())


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((9, "--agent-command", "true"), 3, "pipeline 9 does not exist"),
        ((9, "--agent-command", "true", "--check"), 3, "pipeline 9 does not exist"),
        ((1,), 2, "name the agents with --agent-command or --config"),
        ((1, "--agent-command", " "), 5, "the command is empty"),
        ((1, "--agent-command", "claude '-p"), 5, "can't be split"),
        ((1, "--agent-command", "true", "--time-limit", "0"), 5, "time_limit is 0.0"),
        ((1, "--agent-command", "true", "--time-limit", "soon"), 2, "soon"),
        ((1, "--config", "/nowhere/agents.toml"), 5, "can't be read"),
        (("one", "--agent-command", "true"), 2, "one"),
    ],
)
def test_an_invalid_run_is_refused_and_changes_nothing(shell, shift, words, code, said):
    shift.relay("one")
    before = tables(shell)
    assert said in shell.refused("relay", "run", *words, code=code)["message"]
    assert tables(shell) == before


def test_a_step_without_an_agent_is_refused_and_stays_ready(shell, shift, tmp_path):
    shift.relay("one", "two")
    config = tmp_path / "agents.toml"
    config.write_text(f"[roles.one]\ncommand = {json.dumps(shift.agent())}\n")
    shell("relay", "run", 1, "--config", config, "--check", code=5)
    result = shell("relay", "run", 1, "--config", config, "--json", code=5)
    assert json.loads(result.stderr)["error"]["message"] == "no agent is configured for two"
    assert steps(shell) == [("completed", 1), ("ready", 1)]
    shell("relay", "run", 1, "--config", config, "--agent-command", shift.agent())


def test_a_folder_that_others_can_use_is_refused(shell, shift):
    shift.relay("one")
    shell.path.with_name("runtime.db-agents").mkdir(mode=0o755)
    error = shell.refused("relay", "run", 1, "--agent-command", shift.agent(), code=6)
    assert "is not a folder that you alone can use" in error["message"]
    assert steps(shell) == [("ready", 1)]


# --- --check


CONFIG = """
command = "{agent}"
time_limit = 30
checks = [{{ min_length = 3 }}]

[roles.two]
command = ["no-such-program", "-p"]
time_limit = 5
threshold = 0.9
fallback = "three"
checks = [{{ name = "tests pass", command = "/nowhere/check" }}]
"""


def test_check_says_what_would_run_and_runs_nothing(shell, shift, tmp_path):
    shift.relay("one", "one")
    before = tables(shell)
    agent = shift.agent()
    answer = shell.json("relay", "run", 1, "--agent-command", agent, "--check", "--time-limit", 7)
    step = {
        "agent_type": "one",
        "command": agent.split(),
        "time_limit": 7.0,
        "threshold": None,
        "fallback": None,
        "checks": [],
        "problems": [],
    }
    assert answer == {
        "pipeline_id": 1,
        "status": "pending",
        "would_run": [{"step_index": 0, **step}, {"step_index": 1, **step}],
        "problems": [],
    }
    assert "600 s" in shell("relay", "run", 1, "--agent-command", agent, "--check").stdout
    assert tables(shell) == before


def test_check_says_what_is_wrong_and_ends_with_5(shell, shift, tmp_path):
    shift.relay("one", "two")
    shell("relay", "update", 1, "--status", "paused")
    config = tmp_path / "agents.toml"
    config.write_text(CONFIG.format(agent=shift.agent()))
    answer = json.loads(
        shell("relay", "run", 1, "--config", config, "--time-limit", 7, "--check", "--json", code=5).stdout
    )
    assert answer["problems"] == [
        "pipeline 1 is paused; update_relay with status in_progress resumes it",
        "there is no program no-such-program",
        "there is no program /nowhere/check",
    ]
    assert [
        (step["time_limit"], step["checks"], step["threshold"], step["fallback"]) for step in answer["would_run"]
    ] == [
        (30.0, ["min_length"], None, None),
        (5.0, ["tests pass"], 0.9, "three"),
    ]
    assert "no-such-program" in shell("relay", "run", 1, "--config", config, "--check", code=5).stdout


def test_the_time_limit_of_the_command_line_holds_where_the_file_says_nothing(shell, shift, tmp_path):
    shift.relay("one", "two")
    config = tmp_path / "agents.toml"
    config.write_text(f"command = {json.dumps(shift.agent())}\n[roles.two]\ntime_limit = 5\n")
    answer = shell.json("relay", "run", 1, "--config", config, "--time-limit", 7, "--check")
    assert [step["time_limit"] for step in answer["would_run"]] == [7.0, 5.0]


# --- stopped and killed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_agent_releases_its_permit_and_leaves_the_step(shell, shift, number):
    shift.relay("one", "two")
    shell("breaker", "configure", "one", "--cooldown-seconds", "0.001")
    shell("breaker", "trip", "one")  # from now on it admits one at a time
    wait_until(lambda: shell.json("breaker", "status", "one")["can_execute"])
    agent = shift.waiting_agent()
    process = shift.start("relay", "run", 1, "--agent-command", agent, "--json")
    at_work = shift.agent_at_work()
    assert steps(shell)[0] == ("in_progress", 1)
    assert not shell.json("breaker", "status", "one")["can_execute"]

    process.send_signal(number)
    printed, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (128 + number, "")
    assert [event["event"] for event in lines(printed)] == ["run_started", "step_started"]
    assert is_gone(at_work)
    assert steps(shell)[0] == ("ready", 1)
    breaker = shell.json("breaker", "status", "one")
    assert (breaker["can_execute"], breaker["total_failures"], breaker["total_successes"]) == (True, 0, 0)

    shell("relay", "run", 1, "--agent-command", agent)
    assert steps(shell) == [("completed", 1), ("completed", 1)]
    assert shell.json("breaker", "status", "one")["total_successes"] == 1


def test_a_runner_that_is_killed_takes_its_agent_along_and_the_next_goes_on_at_once(shell, shift):
    shift.relay("one", "two")
    agent = shift.waiting_agent()
    process = shift.start("relay", "run", 1, "--agent-command", agent, "--json")
    at_work = shift.agent_at_work()
    process.kill()
    process.communicate(timeout=60)
    wait_until(lambda: is_gone(at_work))

    shell("relay", "run", 1, "--agent-command", agent)
    assert steps(shell) == [("completed", 2), ("completed", 1)]


def test_a_result_that_was_written_before_the_kill_is_handed_in_by_the_next_run(shell, shift):
    shift.relay("one", "two")
    agent = shift.waiting_agent(meanwhile="hand_in(output='finished')")
    process = shift.start("relay", "run", 1, "--agent-command", agent)
    at_work = shift.agent_at_work()
    process.kill()
    process.communicate(timeout=60)
    wait_until(lambda: is_gone(at_work))

    told = shell("relay", "run", 1, "--agent-command", agent).stdout
    assert "step 0 one: its result was left by an earlier run that died" in told
    assert steps(shell) == [("completed", 1), ("completed", 1)]
    assert shell.json("relay", "output", 1, 1)["text"] == "finished"


def test_a_second_runner_is_refused_and_the_first_goes_on(shell, shift):
    shift.relay("one", "two")
    agent = shift.waiting_agent()
    process = shift.start("relay", "run", 1, "--agent-command", agent)
    shift.agent_at_work()

    error = json.loads(shell("relay", "run", 1, "--agent-command", agent, "--json", code=4).stderr)["error"]
    assert error["code"] == "conflict"
    assert "is claimed by ada" in error["message"]

    shift.let_go_on()
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert steps(shell) == [("completed", 1), ("completed", 1)]


def test_an_orphan_is_shown_and_can_be_adopted(shell, shift):
    shift.relay("one", "two")
    agent = shift.waiting_agent(meanwhile="hand_in(output='finished')")
    process = shift.start("relay", "run", 1, "--agent-command", agent)
    at_work = shift.agent_at_work()
    process.kill()
    process.communicate(timeout=60)
    wait_until(lambda: is_gone(at_work))
    shell("relay", "retry", 1, 0)
    shell("relay", "update", 1, "--status", "paused")
    shell("relay", "run", 1, "--agent-command", agent, code=4)

    [orphan] = shell.json("relay", "status", 1)["orphans"]
    assert (orphan["step_index"], orphan["attempt"], orphan["agent"]) == (0, 1, "one")
    assert str(orphan["output_id"]) in shell("relay", "status", 1).stdout
    assert shell.refused("relay", "adopt", 1, orphan["output_id"], code=4)["code"] == "illegal_transition"
    assert shell.refused("relay", "adopt", 1, 99, code=3)["message"] == "pipeline 1 has no orphan output 99"

    shell("relay", "update", 1, "--status", "in_progress")
    adopted = shell.json("relay", "adopt", 1, orphan["output_id"])
    assert (adopted["outcome"], adopted["current_step"]) == ("advanced", 1)
    assert operations(shell)[-1] == ("adopt_relay_output", "ada")
    shell("relay", "run", 1, "--agent-command", agent)
    assert steps(shell) == [("completed", 2), ("completed", 1)]
    assert shell.json("relay", "output", 1, orphan["output_id"])["text"] == "finished"


def test_an_orphan_that_does_not_pass_is_not_adopted(shell, shift):
    shift.relay("one", max_retries=0)
    agent = shift.waiting_agent(meanwhile="hand_in(output='finished', quality_score=0.1)")
    process = shift.start("relay", "run", 1, "--agent-command", agent)
    at_work = shift.agent_at_work()
    process.kill()
    process.communicate(timeout=60)
    wait_until(lambda: is_gone(at_work))
    assert shell.json("relay", "baton", 1, "--claim")["status"] == "failed"
    shell("relay", "run", 1, "--agent-command", agent, code=4)
    [orphan] = shell.json("relay", "status", 1)["orphans"]
    adopted = json.loads(shell("relay", "adopt", 1, orphan["output_id"], "--json", code=4).stdout)
    assert adopted["outcome"] == "gate_failed"
