"""Errors and exit codes of the command line."""

import json

import apsw
import click
import pytest
from commanding import error_of

from agent_runtime_mcp.cli.context import EXIT_CODES, errors_end_the_process
from agent_runtime_mcp.errors import Busy

LONG = "x" * (64 * 1024 + 1)


@pytest.fixture
def filled(shell):
    """A completed goal 1 and an active goal 2; a task 1 that somebody else holds, 2 after it, 3 completed."""
    shell.json("goal", "create", "g")
    shell.json("goal", "update", 1, "--status", "completed")
    shell.json("goal", "create", "g")
    shell.json("task", "create", "t", "--goal-id", 2)
    shell.json("task", "create", "t", "--dependencies", 1)
    shell.json("task", "create", "t")
    shell.json("task", "update-status", 3, "completed")
    shell.json("task", "next", "--worker", "bob")
    return shell


ERRORS = [
    (3, "not_found", ("task", "show", 99)),
    (3, "not_found", ("goal", "show", 99)),
    (3, "not_found", ("task", "next", "--goal-id", 99)),
    (4, "conflict", ("task", "update-status", 1, "in_progress")),
    (4, "conflict", ("goal", "update", 2, "--status", "completed")),
    (4, "illegal_transition", ("task", "update-status", 2, "completed")),
    (4, "illegal_transition", ("task", "create", "t", "--goal-id", 1)),
    (4, "stale_claim", ("task", "update-status", 1, "completed")),
    (4, "stale_claim", ("task", "renew", 1, "--claim-token", "1.1.x")),
    (5, "invalid", ("task", "create", "")),
    (5, "invalid", ("task", "create", "x" * 501)),
    (5, "invalid", ("task", "create", "t", "--priority", 11)),
    (5, "invalid", ("task", "create", "t", "--priority", "high")),
    (5, "invalid", ("task", "create", "t", "--priority", "5.0")),
    (5, "invalid", ("task", "create", "t", "--priority", "true")),
    (5, "invalid", ("task", "create", "t", "--description", LONG)),
    (5, "invalid", ("task", "create", "t", "--metadata", "[1]")),
    (5, "invalid", ("task", "create", "t", "--metadata", "{")),
    (5, "invalid", ("task", "create", "t", "--not-before", "2030-01-31T09:00:00")),
    (5, "invalid", ("task", "create", "t", "--dependencies", "abc")),
    (5, "invalid", ("task", "create", "t", "--worker", "a\nb")),
    (5, "invalid", ("task", "create", "t", "--request-id", "r" * 201)),
    (5, "invalid", ("task", "create", "bad \udcff byte")),
    (5, "invalid", ("task", "list", "--limit", 0)),
    (5, "invalid", ("task", "list", "--limit", "1_0")),
    (5, "invalid", ("task", "list", "--status", "done")),
    (5, "invalid", ("task", "list", "--cursor", "x")),
    (5, "invalid", ("task", "next", "--lease-seconds", 9)),
    (5, "invalid", ("goal", "update", 2, "--name", "")),
    (5, "invalid", ("goal", "decompose", 2, "--plan", '[{"titel": "t"}]')),
    (5, "cycle", ("task", "edit", 2, "--dependencies", 2)),
    (5, "cycle", ("goal", "update", 2, "--parent-goal-id", 2)),
]


@pytest.mark.parametrize(("exit_code", "code", "words"), ERRORS, ids=lambda value: str(value)[:50])
def test_an_error_has_its_exit_code_and_is_json_under_json(filled, exit_code, code, words):
    before = filled.json("task", "list"), filled.json("goal", "list")
    assert filled.refused(*words, code=exit_code)["code"] == code
    plain = filled(*words, code=exit_code)
    assert plain.stdout == ""
    assert plain.stderr.startswith(f"Error ({code}): ")
    assert "Traceback" not in plain.stderr
    assert (filled.json("task", "list"), filled.json("goal", "list")) == before


@pytest.mark.parametrize(
    "words",
    [
        ("task", "next", "--bogus"),
        ("task", "create"),
        ("task", "update-status", 1),
        ("task", "show", 1, 2),
        ("task", "bogus"),
        ("bogus",),
        ("goal", "update", 1, "--no-name"),
        ("task", "next", "--claim=maybe"),
        ("events", "--since", "x"),
        ("where", "--bogus"),
    ],
    ids=str,
)
def test_an_unknown_option_or_a_missing_argument_is_2(shell, words):
    plain = shell(*words, code=2)
    assert plain.stdout == ""
    assert "Error: " in plain.stderr
    error = shell.refused(*words, code=2)
    assert error["code"] == "invalid"
    assert error["hint"].startswith("Usage: agent-runtime")


def test_call_prints_structured_content_and_errors_as_json(filled):
    assert filled.call("get_task", {"task_id": 1})["title"] == "t"
    assert filled.call("runtime_overview")["goals"]
    assert filled.call("get_task", {"task_id": 99}, code=3)["code"] == "not_found"
    assert set(filled.call("create_task", {"titel": "t"}, code=5)["details"]["faults"]) == {
        "unknown argument 'titel' (did you mean title?)",
        "title is missing",
    }


@pytest.mark.parametrize("text", ["{", "[]", "7", "null", "", "NaN", "[" * 100_000, '{"a": 1} x'])
def test_call_takes_one_json_object(shell, text):
    error = error_of(shell("call", "list_tasks", text, code=5))
    assert error["code"] == "invalid"
    assert len(error["message"]) < 300


def test_an_unknown_tool_in_call_is_2(shell):
    for name in ("bogus", "goal", "", "bad \udcff byte"):
        error = error_of(shell("call", name, code=2))
        assert error["code"] == "not_found"
        assert "get_next_task" in error["hint"]


def test_storage_is_6(shell, tmp_path):
    nothing = tmp_path / "nothing.db"
    nothing.write_text("this is not a database, but long enough to look like something" * 50, encoding="utf-8")
    for path in (tmp_path, nothing, tmp_path / "no" / "such" / "folder.db", "", "/dev/null"):
        for words in (("task", "list"), ("task", "create", "t"), ("events",)):
            error = shell.refused(*words, "--db", path, code=6)
            assert error["code"] == "storage"
    assert error_of(shell("call", "list_tasks", "--db", tmp_path, code=6))["code"] == "storage"


def test_a_bug_is_1_and_shows_no_traceback(shell):
    connection = apsw.Connection(str(shell.path))
    connection.execute("DROP TABLE tasks_counts")
    connection.close()
    for result in (
        shell("task", "create", "t", "--json", code=1),
        shell("task", "create", "t", code=1),
        shell("call", "create_task", '{"title": "t"}', code=1),
    ):
        assert result.stdout == ""
        assert "internal" in result.stderr
        assert "tasks_counts" not in result.stderr
        assert "Traceback" not in result.stderr
    assert json.loads(shell("task", "create", "t", "--json", code=1).stderr)["error"]["code"] == "internal"
    shell.environment["AGENT_RUNTIME_DEBUG"] = "1"
    assert "tasks_counts" in shell("task", "create", "t", code=1).stderr


def test_busy_is_6(shell, capsys):
    with pytest.raises(SystemExit) as ended, errors_end_the_process(as_json=True):
        raise Busy(shell.path, 10.0)
    assert ended.value.code == 6
    assert json.loads(capsys.readouterr().err)["error"]["code"] == "busy"


def test_every_code_has_an_exit_code():
    assert EXIT_CODES == {
        "internal": 1,
        "not_found": 3,
        "conflict": 4,
        "illegal_transition": 4,
        "stale_claim": 4,
        "invalid": 5,
        "cycle": 5,
        "busy": 6,
        "storage": 6,
    }


def test_click_reports_its_own_errors():
    with pytest.raises(click.UsageError), errors_end_the_process(as_json=True):
        raise click.UsageError("no")


def test_an_invalid_worker_names_the_variable_that_set_it(shell):
    shell.environment["AGENT_RUNTIME_WORKER"] = "x" * 201
    error = shell.refused("task", "create", "t", code=5)
    assert (error["code"], "AGENT_RUNTIME_WORKER" in error["hint"]) == ("invalid", True)


def test_a_wrong_durability_is_refused(shell):
    shell.environment["AGENT_RUNTIME_SYNCHRONOUS"] = "OFF"
    assert "AGENT_RUNTIME_SYNCHRONOUS" in shell("task", "list", code=2).stderr
