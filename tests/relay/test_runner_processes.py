"""Agents that are programs, with every way in which a program can end."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from running import Tried

from agent_programs import is_gone, wait_until
from agent_runtime_relay import Relays
from agent_runtime_relay.runner import CommandAgent, Crew, Post, split_command

MIB = 1024 * 1024
GOOD_JSON = '{"quality_score": 0.9, "confidence": 0.9, "output": "text", "tokens_used": 100}'


def by_one(office, body, **how):
    """Run one agent on a pipeline of one step without retries; return its attempt."""
    pipeline_id = office.relay("one", max_retries=0)
    end = office.end(pipeline_id, office.crew(body, **how))
    attempt = office.only_attempt(pipeline_id)
    assert end.status == ("completed" if attempt.state == "accepted" else "failed")
    assert end.tokens_used == attempt.tokens_used
    assert office.files() == []
    return attempt


@pytest.mark.parametrize(
    "body",
    [
        "hand_in(output='text')",
        f"print('first this')\nprint({GOOD_JSON!r})",
        f"print('''```json\\n{GOOD_JSON}\\n```''')",
        "hand_in(output='text')\nprint('this is not it')",
        "hand_in(output='text')\nsys.exit(1)",
        f"print({GOOD_JSON!r})\nsys.exit(1)",
        "hand_in(output='text')\nos.kill(os.getpid(), signal.SIGKILL)",
        f"sys.stdin.close()\nos.close(2)\nprint({GOOD_JSON!r})",
    ],
    ids=["file", "last", "fenced", "file first", "exit 1", "printed, exit 1", "killed", "closed streams"],
)
def test_a_result_counts_whatever_the_exit_code_says(office, body):
    assert by_one(office, body) == Tried(0, 1, "accepted", None, None, 100, "text")


@pytest.mark.parametrize(
    ("body", "failure_type", "said", "tokens_used", "output"),
    [
        ("", "invalid_output", "handed in nothing", 0, None),
        ("print('   ')", "invalid_output", "handed in nothing", 0, None),
        ("print('boo', file=sys.stderr)", "invalid_output", "handed in nothing: boo", 0, None),
        ("print('tea is old')", "invalid_output", "has no quality_score, and one has no checks", 0, "tea is old"),
        (
            """print('{"quality_score": 0.9, "output": "tea', end='')""",
            "invalid_output",
            "has no quality_score",
            0,
            '{"quality_score": 0.9, "output": "tea',
        ),
        (
            """open(RESULT, "w").write('{"quality_score": 0.9, "output": "tea')""",
            "invalid_output",
            "not valid JSON",
            0,
            '{"quality_score": 0.9, "output": "tea',
        ),
        ("hand_in(quality_score=99, output='text')", "invalid_output", "quality_score is 99", 100, "text"),
        ("hand_in(output='')", "invalid_output", "neither output nor output_summary", 100, None),
        ("hand_in(error='no tea here')", "exception", "no tea here", 0, None),
        ("sys.exit(1)", "exception", "ended with exit code 1", 0, None),
        ("print('half done'); sys.exit('boo')", "exception", "exit code 1: boo", 0, "half done\n"),
        ("print('half'); sys.stdout.flush(); os.abort()", "exception", "exit code -6", 0, "half\n"),
        (
            "open(RESULT, 'w').truncate(3 << 20)",
            "invalid_output",
            "is larger than",
            0,
            None,
        ),
        ("os.mkdir(RESULT)", "invalid_output", "handed in nothing", 0, None),
        ("os.mkfifo(RESULT)", "invalid_output", "handed in nothing", 0, None),
        (
            "print(json.dumps({'is_error': True, 'result': 'API Error: 429', 'usage': {'input_tokens': 5}}))",
            "rate_limited",
            "API Error: 429",
            5,
            None,
        ),
        ("hand_in(quality_score=0.1, output='text')", None, None, 100, "text"),
    ],
    ids=[
        "nothing",
        "blanks",
        "only errors",
        "plain text",
        "half a result",
        "half a file",
        "quality 99",
        "empty output",
        "reported error",
        "exit 1",
        "text and exit 1",
        "abort",
        "huge file",
        "a folder",
        "a pipe",
        "429",
        "gate",
    ],
)
def test_a_program_without_a_valid_result_fails_the_attempt_with_the_reason(
    office, body, failure_type, said, tokens_used, output
):
    attempt = by_one(office, body)
    state = "rejected" if failure_type is None else "failed"
    assert attempt == Tried(0, 1, state, failure_type, attempt.error, tokens_used, output)
    assert (said or "") in (attempt.error or "")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("/nowhere/at-all",), "No such file"),
        ((__file__,), "Permission denied"),
        (("a\0b",), "null byte"),
    ],
)
def test_a_program_that_cant_be_started_is_an_exception(office, argv, said):
    pipeline_id = office.relay("one", max_retries=0)
    office.run(pipeline_id, CommandAgent(argv=argv, warden=office.warden))
    attempt = office.only_attempt(pipeline_id)
    assert (attempt.state, attempt.failure_type) == ("failed", "exception")
    assert "could not be started" in attempt.error
    assert said in attempt.error


def test_an_agent_that_hangs_and_ignores_sigterm_is_killed_with_its_children(office):
    body = f"""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = os.fork()
        if child:
            open({str(office.path / "pids")!r}, "w").write(f"{{os.getpid()}} {{child}}")
            print("so far", flush=True)
        while True:
            signal.pause()
        """
    attempt = by_one(office, body, time_limit=2.0, grace=0.2)
    assert attempt == Tried(0, 1, "failed", "timeout", attempt.error, 0, "so far\n")
    assert "took more than 2 seconds" in attempt.error
    for process in (office.path / "pids").read_text().split():
        wait_until(lambda process=process: is_gone(int(process)))


def test_an_agent_at_its_time_limit_may_still_write_its_result(office):
    body = """
        def stop(*_):
            print("so far")
            sys.exit(0)
        signal.signal(signal.SIGTERM, stop)
        signal.pause()
        """
    assert by_one(office, body, time_limit=2.0).output == "so far\n"


def test_text_written_before_the_time_limit_is_kept_with_the_attempt(office):
    attempt = by_one(office, "hand_in(output='text')\nprint('so far', flush=True)\nsignal.pause()", time_limit=2.0)
    assert (attempt.state, attempt.failure_type, attempt.tokens_used) == ("failed", "timeout", 0)
    assert json.loads(attempt.output)["output"] == "text"


def test_children_that_outlive_their_agent_are_ended_and_not_waited_for(office):
    body = f"""
        child = os.fork()
        if not child:
            while True:
                signal.pause()
        open({str(office.path / "pid")!r}, "w").write(str(child))
        hand_in(output="text")
        """
    assert by_one(office, body).state == "accepted"
    wait_until(lambda: is_gone(int((office.path / "pid").read_text())))


def test_children_that_leave_the_group_and_hold_the_pipes_are_not_waited_for(office):
    body = f"""
        ready, started = os.pipe()
        child = os.fork()
        if not child:
            os.setsid()
            os.write(started, b"!")
            while True:
                signal.pause()
        os.read(ready, 1)
        open({str(office.path / "pid")!r}, "w").write(str(child))
        print({GOOD_JSON!r})
        """
    try:
        assert by_one(office, body) == Tried(0, 1, "accepted", None, None, 100, "text")
    finally:
        os.kill(int((office.path / "pid").read_text()), signal.SIGKILL)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("flood(1)", "failed"),
        ("flood(1)\nprint(json.dumps({**GOOD, 'output': 'x'}))", "completed"),
        ("flood(2)\nhand_in(output='x')", "completed"),
        ("flood(2)\nsys.exit(1)", "failed"),
    ],
    ids=["no result", "a result at the end", "errors and a result", "errors"],
)
def test_a_hundred_megabytes_are_read_and_not_kept(office, tmp_path, connect, body, status):
    flood = "def flood(number):\n    for _ in range(1600):\n        os.write(number, b'tea ' * (1 << 14))\n"
    relays = Relays(connect())
    relays.migrate()
    relays.create("Survey", "goal", ["one"], max_retries=0)
    process = subprocess.run(
        [
            sys.executable,
            Path(__file__).with_name("runner_process.py"),
            tmp_path / "test.db",
            tmp_path / "agents",
            *office.program(flood + body),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    told = json.loads(process.stdout)
    assert told["status"] == status
    assert told["memory"] < 100 * MIB
    [(kept,)] = connect().execute("SELECT COALESCE(SUM(LENGTH(text)), 0) FROM relay_outputs").fetchall()
    assert kept <= MIB


def test_a_hundred_megabytes_without_a_result_fail_with_the_size(office):
    attempt = by_one(office, "for _ in range(40):\n    os.write(1, b'tea ' * (1 << 14))")
    assert (attempt.failure_type, len(attempt.output)) == ("invalid_output", MIB)
    assert "printed 2621440 bytes and no result" in attempt.error


def test_an_agent_gets_only_the_environment_passed_on(office, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "do not pass this on")
    monkeypatch.setenv("LC_TEST", "passed by a pattern")
    monkeypatch.setenv("AGENT_RUNTIME_WORKER", "not for agents")
    body = "hand_in(output=json.dumps(dict(os.environ)))"
    pipeline_id = office.relay("researcher", "writer")
    office.run(pipeline_id, office.crew(body))
    office.run(pipeline_id, office.crew(body))

    first, second = (json.loads(attempt.output) for attempt in office.attempts(pipeline_id))
    assert "SECRET_TOKEN" not in first
    assert first["LC_TEST"] == "passed by a pattern"
    assert first["PATH"] == os.environ["PATH"]
    told = {name: value for name, value in second.items() if name.startswith("AGENT_RUNTIME_")}
    baton = told["AGENT_RUNTIME_BATON_ID"]
    assert baton.startswith(f"{pipeline_id}.2.1.")
    assert told == {
        "AGENT_RUNTIME_PIPELINE_ID": str(pipeline_id),
        "AGENT_RUNTIME_BATON_ID": baton,
        "AGENT_RUNTIME_ROLE": "writer",
        "AGENT_RUNTIME_STEP": "1",
        "AGENT_RUNTIME_RESULT": str(office.folder / f"{baton}.result.json"),
        "AGENT_RUNTIME_INPUT": str(office.folder / f"{baton}.input.txt"),
    }
    assert {name for name in first if name.startswith("AGENT_RUNTIME_")} == set(told) - {"AGENT_RUNTIME_INPUT"}


def test_more_of_the_environment_is_passed_on_by_name(office, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "pass this on")
    attempt = by_one(office, "hand_in(output=os.environ['SECRET_TOKEN'])", passed_on=("SECRET_*",))
    assert attempt.output == "pass this on"


def test_an_agent_reads_its_prompt_and_the_whole_output_before(office):
    body = """
        prompt = sys.stdin.read()
        path = os.environ.get("AGENT_RUNTIME_INPUT")
        before = open(path, encoding="utf-8").read() if path else "Tee \\u2615 " * 30_000
        hand_in(output=before, output_summary=prompt)
        """
    pipeline_id = office.relay("one", "two")
    assert office.end(pipeline_id, office.crew(body)).status == "completed"
    assert [attempt.output for attempt in office.attempts(pipeline_id)] == ["Tee ☕ " * 30_000] * 2
    prompts = office.relays.connection.execute("SELECT summary FROM relay_outputs ORDER BY id").fetchall()
    assert "What is known about tea?" in prompts[0][0]
    assert "You are the first" in prompts[0][0]
    assert "is in the file that AGENT_RUNTIME_INPUT names" in prompts[1][0]


def test_nothing_that_is_stored_or_configured_is_read_by_a_shell(office, monkeypatch):
    monkeypatch.chdir(office.path)
    evil = "$(touch pwned) `touch pwned`; touch pwned | touch pwned & touch pwned > pwned"
    argv = split_command(f"{sys.executable} -I -S {office.program(ECHO)[-1]} {evil}")
    pipeline_id = office.relays.create("Survey", evil, [evil, "two"], description=evil).pipeline_id
    office.run(pipeline_id, CommandAgent(argv=argv, warden=office.warden))

    first, second = (json.loads(attempt.output) for attempt in office.attempts(pipeline_id))
    assert first["argv"] == evil.split()
    assert first["role"] == evil
    assert all(evil in prompt for prompt in (first["prompt"], second["prompt"]))
    assert not (office.path / "pwned").exists()


ECHO = """
evil = "$(touch pwned); touch pwned"
hand_in(
    output=json.dumps(
        {"argv": sys.argv[1:], "prompt": sys.stdin.read(), "role": os.environ["AGENT_RUNTIME_ROLE"]}
    ),
    output_summary=evil, sources=[evil],
)
"""


def test_agents_run_in_the_configured_folder(office):
    place = office.path / "place"
    place.mkdir()
    crew = Crew(default=Post(agent=office.agent("hand_in(output=os.getcwd())", folder=place)))
    pipeline_id = office.relay("one")
    office.run(pipeline_id, crew)
    assert Path(office.only_attempt(pipeline_id).output).samefile(place)


def test_a_warden_that_was_killed_is_replaced(office):
    pipeline_id = office.relay("one", "two")
    office.warden.start()
    first = office.warden._process
    first.kill()
    first.wait()
    assert office.end(pipeline_id, office.crew("hand_in(output='text')")).status == "completed"
    assert office.warden._process is not first
