"""Commands about files and the journal, help, completion, and output whose reader leaves early."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent_runtime_mcp.operations.table import command_words, table

GROUPS = {command_words(operation)[0] for operation in table().values() if len(command_words(operation)) > 1}


def test_the_file_is_named_before_or_after_the_command_or_in_the_environment(shell, tmp_path):
    other, third = tmp_path / "other.db", tmp_path / "third.db"
    shell.json("--db", other, "task", "create", "in other")
    assert shell.json("task", "list", "--db", other)["tasks"][0]["title"] == "in other"
    assert json.loads(shell("call", "list_tasks", "--db", other).stdout)["tasks"]
    assert shell.json("task", "list")["tasks"] == []
    shell.json("--db", other, "task", "create", "in third", "--db", third)
    assert shell.json("task", "list", "--db", third)["tasks"][0]["title"] == "in third"
    assert len(shell.json("task", "list", "--db", other)["tasks"]) == 1


def test_where_says_which_file_and_why(shell, tmp_path):
    shown = shell("where").stdout
    assert str(shell.path) in shown
    assert "AGENT_RUNTIME_DB" in shown
    assert shell.json("where") == {"path": str(shell.path), "reason": "AGENT_RUNTIME_DB", "exists": True}
    assert shell.json("where", "--db", tmp_path / "new.db")["exists"] is False
    assert not (tmp_path / "new.db").exists()
    assert shell.json("--db", tmp_path / "new.db", "where")["reason"] == "--db"


def test_init_gives_a_project_its_file(shell, tmp_path, monkeypatch):
    project = tmp_path / "project"
    (project / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(project)
    del shell.environment["AGENT_RUNTIME_DB"]
    monkeypatch.delenv("AGENT_RUNTIME_DB", raising=False)
    made = project / ".agent-runtime" / "runtime.db"

    assert shell.json("init") == {"path": str(made), "reason": "created", "exists": True}
    assert shell.json("init")["reason"] == "it was there already"
    assert str(made) in shell("init").stdout

    shell.json("task", "create", "t")
    monkeypatch.chdir(project / "deep" / "er")
    assert shell.json("where")["path"] == str(made)
    assert shell.json("task", "list")["tasks"][0]["title"] == "t"
    assert made.stat().st_mode & 0o777 == 0o600


def test_the_worker_comes_from_the_argument_the_environment_or_the_user(shell):
    shell.json("task", "create", "t", "--worker", "w")
    shell.json("task", "create", "t")
    shell.environment["AGENT_RUNTIME_WORKER"] = ""
    shell.environment["CLAUDE_CODE_SESSION_ID"] = "session-7"
    shell.json("task", "create", "t")
    shell.environment["CLAUDE_CODE_SESSION_ID"] = None
    shell.json("task", "create", "t")
    workers = [event["worker"] for event in events(shell)]
    assert workers[:3] == ["w", "ada", "session-7"]
    assert workers[3].endswith(f"@{os.uname().nodename}")


def events(shell, *words):
    return [json.loads(line) for line in shell("events", "--json", *words).stdout.splitlines()]


def test_events_prints_the_journal(shell):
    shell.json("goal", "create", "g")
    shell.json("task", "create", "t", "--request-id", "r")
    shell.json("task", "next")

    shown = events(shell)
    assert [set(event) for event in shown] == [
        {"seq", "at", "worker", "client", "tool_use_id", "operation", "subject", "arguments", "request_id"}
    ] * 3
    assert [(event["seq"], event["operation"], event["subject"]) for event in shown] == [
        (1, "create_goal", "goal 1"),
        (2, "create_task", "task 1"),
        (3, "get_next_task", "task 1"),
    ]
    assert (shown[1]["arguments"], shown[1]["request_id"], shown[1]["client"]) == ({"title": "t"}, "r", "agent-runtime")
    assert [event["seq"] for event in events(shell, "--since", 1)] == [2, 3]
    assert [event["seq"] for event in events(shell, "--limit", 2)] == [1, 2]
    assert events(shell, "--since", 3) == []
    lines = shell("events").stdout.splitlines()
    assert len(lines) == 3
    assert "create_goal" in lines[0]


def test_events_prints_all_there_is(shell):
    for _ in range(130):
        shell.json("task", "create", "t")
    assert [event["seq"] for event in events(shell)] == list(range(1, 131))
    assert len(shell("events").stdout.splitlines()) == 130


def test_events_can_be_followed(shell):
    shell.json("task", "create", "first")
    with shell.process("events", "--follow", "--json") as process:
        assert json.loads(process.stdout.readline())["seq"] == 1
        shell.json("task", "create", "second")
        assert json.loads(process.stdout.readline())["arguments"] == {"title": "second"}
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
    assert (rest, errors, process.returncode) == ("", "", 0)


def test_reading_makes_no_more_than_an_empty_file(shell, tmp_path):
    path = tmp_path / "fresh.db"
    assert shell.json("task", "list", "--db", path) == {"tasks": [], "next_cursor": None}
    assert path.exists()


@pytest.mark.parametrize("words", [("task", "list"), ("task", "list", "--json"), ("events",), ("--help",)], ids=str)
def test_a_reader_that_leaves_gets_no_traceback(shell, words):
    shell.json("goal", "create", "g")
    plan = json.dumps([{"title": "x" * 500}] * 400)
    shell.json("goal", "decompose", 1, "--plan", "-", given=plan)
    reading, writing = os.pipe()
    os.close(reading)
    code, _, errors = shell.run(*words, stdout=writing)
    os.close(writing)
    assert (code, errors) == (1 if words == ("--help",) else 128 + signal.SIGPIPE, "")


@pytest.mark.parametrize(
    "words",
    [
        (),
        *((group,) for group in sorted(GROUPS)),
        *(command_words(operation) for operation in table().values()),
        *((own,) for own in ("call", "events", "init", "where", "demo", "serve")),
    ],
    ids=" ".join,
)
def test_help_is_readable(shell, words):
    shell.environment["COLUMNS"] = "80"
    shown = shell(*words, "--help").stdout
    lines = shown.splitlines()
    assert lines[0].startswith(f"Usage: agent-runtime {' '.join(words)}".rstrip())
    assert all(len(line) <= 80 for line in lines)
    for mark in ("NOTHING", "None", "attrs", "Args:", "<", "``"):
        assert mark not in shown
    # every option and argument says what it is, beside it or on the next line
    for number, line in enumerate(lines):
        if line.startswith("  -") and "  " not in line[2:]:
            assert lines[number + 1].startswith(" " * 10), line


def test_help_shows_what_arguments_are_their_words_and_defaults(shell):
    shown = " ".join(shell("task", "update-status", "--help").stdout.split())
    assert "TASK_ID The task." in shown
    assert "STATUS What it becomes: pending, in_progress, completed, failed, cancelled." in shown
    shown = " ".join(shell("task", "list", "--help").stdout.split())
    assert "--readiness ready|waiting|unreachable|group" in shown
    assert "[default: (50)]" in shown


def test_the_root_help_names_every_command(shell):
    shown = shell("--help").stdout
    for name in (*GROUPS, "overview", "serve", "call", "init", "where", "events", "demo"):
        [line] = [line for line in shown.splitlines() if line.startswith(f"  {name} ")]
        assert len(line.split()) > 2, line


def test_version(shell):
    assert shell("--version").stdout.startswith("agent-runtime 0.")


def test_shells_complete_commands_options_and_words(shell):
    def completed(line):
        words = line.split(" ")
        shell.environment |= {
            "_AGENT_RUNTIME_COMPLETE": "bash_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
        }
        return [text.split(",")[1] for text in shell().stdout.split()]

    assert {"goal", "task", "overview", "call"} <= set(completed("agent-runtime "))
    assert completed("agent-runtime task up") == ["update-status"]
    assert completed("agent-runtime task list --st") == ["--status"]
    assert completed("agent-runtime task list --status c") == ["completed", "cancelled"]
    assert completed("agent-runtime task update-status 1 f") == ["failed"]


def test_a_real_process_prints_the_script_that_completes(shell):
    shell.environment["_AGENT_RUNTIME_COMPLETE"] = "bash_source"
    command = Path(sys.executable).with_name("agent-runtime")
    environment = {name: value for name, value in (os.environ | shell.environment).items() if value is not None}
    shown = subprocess.run([command], env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert "_agent_runtime_completion" in shown.stdout


def test_a_real_process_does_what_one_in_process_does(shell):
    code, printed, errors = shell.run("task", "create", "t", "--description", "-", "--json", given="é" * 100)
    assert (code, errors) == (0, "")
    assert json.loads(printed)["task"]["task_id"] == 1
    assert shell.json("task", "show", 1)["description"] == "é" * 100
    code, printed, errors = shell.run("task", "show", "9", "--json")
    assert (code, printed) == (3, "")
    assert json.loads(errors)["error"]["code"] == "not_found"
