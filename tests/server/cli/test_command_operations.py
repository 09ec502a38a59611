"""Commands made from operations: the same call gives the same JSON over the dispatcher, the command and `call`."""

import json
import re
import shlex
import shutil
import time

import pytest
from click.testing import CliRunner
from commanding import Shell
from operating import Runtime

from agent_runtime_mcp.cli.root import root
from agent_runtime_mcp.dispatch.failures import problem_of
from agent_runtime_mcp.operations.call import Session
from agent_runtime_mcp.operations.table import command_words, table
from agent_runtime_mcp.replies.json import compact

TIME = re.compile(r'"\d{4}-\d\d-\d\dT[\d:.]+Z"')
TOKEN = re.compile(r'"claim_token":"(\d+\.\d+)\.\w+"')
DURATION = re.compile(r'"decomposition_time_ms":[\d.]+')
COMMANDS = {
    "create_goal": "goal create",
    "get_goal": "goal show",
    "list_goals": "goal list",
    "update_goal": "goal update",
    "decompose_goal": "goal decompose",
    "create_task": "task create",
    "get_next_task": "task next",
    "update_task_status": "task update-status",
    "edit_task": "task edit",
    "renew_task": "task renew",
    "list_tasks": "task list",
    "get_task": "task show",
    "runtime_overview": "overview",
}
PLAN = [{"key": "a", "title": "A"}, {"title": "B", "depends_on": ["a"], "parent": None}]
SAME = [
    (
        "create_goal",
        {
            "name": "n é",
            "description": "d",
            "metadata": {"a": [1]},
            "parent_goal_id": 1,
            "acceptance_criteria": ["x", "y"],
        },
        "'n é' --description d --metadata '{\"a\": [1]}' --parent-goal-id 1 --acceptance-criteria x"
        " --acceptance-criteria y",
    ),
    ("create_goal", {"name": "n", "acceptance_criteria": ["a", "b"]}, 'n --acceptance-criteria \'["a", "b"]\''),
    ("create_goal", {"name": "n", "acceptance_criteria": ["[x] done"]}, "n --acceptance-criteria '[x] done'"),
    ("get_goal", {"goal_id": 1}, "1"),
    ("get_goal", {"goal_id": "01", "field": "name", "offset": 1}, "01 --field name --offset 1"),
    ("list_goals", {"status": "active", "limit": 1}, "--status active --limit 1"),
    (
        "update_goal",
        {"goal_id": 1, "status": "completed", "open_tasks": "cancel", "outcome": "o", "metadata": None},
        "1 --status completed --open-tasks cancel --outcome o --no-metadata",
    ),
    ("decompose_goal", {"goal_id": 1, "plan": PLAN}, f"1 --plan '{json.dumps(PLAN)}'"),
    (
        "create_task",
        {"title": "t", "goal_id": 1, "priority": 7, "dependencies": [1, 2], "not_before": "2030-01-31T09:00:00Z"},
        "t --goal-id 1 --priority 7 --dependencies 1 --dependencies 2 --not-before 2030-01-31T09:00:00Z",
    ),
    ("create_task", {"title": "t", "dependencies": [1, 2]}, "t --dependencies '[1,2]'"),
    ("create_task", {"title": "t", "parent_id": 4, "max_attempts": 5}, "t --parent-id 4 --max-attempts 5"),
    ("create_task", {"title": "t", "worker": "w", "request_id": "r"}, "t --worker w --request-id r"),
    ("get_next_task", {}, ""),
    ("get_next_task", {"goal_id": 1, "lease_seconds": 60}, "--goal-id 1 --lease-seconds 60"),
    ("get_next_task", {"claim": False}, "--no-claim"),
    ("get_next_task", {"claim": True}, "--claim"),
    ("update_task_status", {"task_id": 1, "status": "completed", "result": "r"}, "1 completed --result r"),
    ("update_task_status", {"task_id": 2, "status": "pending", "error": "e"}, "2 pending --error e"),
    ("update_task_status", {"task_id": 1, "status": "completed", "result": None}, "1 completed --no-result"),
    (
        "edit_task",
        {"task_id": 3, "title": "u", "priority": 1, "dependencies": None, "description": None},
        "3 --title u --priority 1 --no-dependencies --no-description",
    ),
    ("edit_task", {"task_id": 3, "goal_id": None, "not_before": None}, "3 --no-goal-id --no-not-before"),
    ("renew_task", {"task_id": 2, "claim_token": "HELD", "progress": "p"}, "2 --claim-token HELD --progress p"),
    (
        "list_tasks",
        {"goal_id": 1, "status": "pending", "readiness": "ready", "query": "t", "limit": 2, "detail": "full"},
        "--goal-id 1 --status pending --readiness ready --query t --limit 2 --detail full",
    ),
    ("list_tasks", {"parent_id": 4}, "--parent-id 4"),
    ("get_task", {"task_id": 3}, "3"),
    ("get_task", {"task_id": 3, "field": "dependencies"}, "3 --field dependencies"),
    ("runtime_overview", {}, ""),
    ("runtime_overview", {"worker": "bob"}, "--worker bob"),
    # refused in the same words, too
    ("get_task", {"task_id": 99}, "99"),
    ("get_task", {"task_id": "abc"}, "abc"),
    ("get_task", {"task_id": 1.0}, "1.0"),
    ("get_task", {"task_id": "1_0"}, "1_0"),
    ("create_task", {"title": "t", "priority": 11, "max_attempts": 0.5}, "t --priority 11 --max-attempts 0.5"),
    ("create_task", {"title": "t", "priority": "5x", "metadata": "{"}, "t --priority 5x --metadata '{'"),
    ("update_task_status", {"task_id": 1, "status": "done"}, "1 done"),
    ("update_task_status", {"task_id": 2, "status": "completed"}, "2 completed"),
    ("edit_task", {"task_id": 3, "dependencies": [3]}, "3 --dependencies 3"),
    ("list_tasks", {"cursor": "x"}, "--cursor x"),
]


@pytest.fixture(scope="module")
def filled(tmp_path_factory, new_file):
    """A file with a goal and tasks; task 2 is claimed with a token."""
    path = tmp_path_factory.mktemp("filled") / "runtime.db"
    shutil.copy(new_file, path)
    shell = Shell(path)
    shell.json("goal", "create", "a goal")
    for title in ("one", "two"):
        shell.json("task", "create", title, "--goal-id", 1)
    shell.json("task", "create", "three", "--dependencies", 1, "--description", "d")
    shell.json("task", "create", "a group")
    shell.json("task", "create", "a child", "--parent-id", 4)
    token = shell.json("task", "update-status", 2, "in_progress")["claim_token"]
    return path, token


def masked(text):
    return DURATION.sub("DURATION", TOKEN.sub(r"TOKEN \1", TIME.sub("TIME", text.strip())))


def over_the_dispatcher(path, operation, arguments):
    runtime = Runtime(path, time.time)
    try:
        return runtime.reply(operation, arguments, by=Session(worker="ada", holder=None)).text
    except Exception as error:
        return compact(problem_of(error).as_json())
    finally:
        runtime.database.close()


@pytest.mark.parametrize(("operation", "arguments", "line"), SAME, ids=lambda value: str(value)[:50])
def test_the_same_call_gives_the_same_json_everywhere(tmp_path, filled, operation, arguments, line):
    file, token = filled
    arguments = {name: token if value == "HELD" else value for name, value in arguments.items()}
    words = [*COMMANDS[operation].split(), *shlex.split(line.replace("HELD", token)), "--json"]
    said = []
    for way in ("dispatcher", "command", "call"):
        path = shutil.copy(file, tmp_path / f"{way}.db")
        if way == "dispatcher":
            said.append(over_the_dispatcher(path, operation, arguments))
            continue
        line_of_it = words if way == "command" else ["call", operation, json.dumps(arguments)]
        result = CliRunner(env=Shell(path).environment).invoke(root(), line_of_it, prog_name="agent-runtime")
        assert (result.stdout == "") == (result.exit_code != 0)
        said.append(result.stdout if result.exit_code == 0 else result.stderr)
    assert masked(said[1]) == masked(said[0])
    assert masked(said[2]) == masked(said[0])


def test_every_operation_has_its_command():
    ours = {operation.name: operation for operation in table().values() if operation.name in COMMANDS}
    found = {name: " ".join(command_words(one)) for name, one in ours.items()}
    assert found == COMMANDS


def test_required_arguments_are_positional_and_the_others_options(shell):
    for operation in table().values():
        shown = shell(*command_words(operation), "--help").stdout
        usage = shown.split("\n\n")[0]
        for argument in operation.accepted.arguments:
            option = "--" + argument.name.replace("_", "-")
            if argument.required:
                assert argument.name.upper() in usage
            else:
                assert option in shown
            assert (f"--no-{option[2:]}" in shown) == (argument.clearable or argument.kind == "boolean")


def test_a_task_goes_from_shell_to_shell(shell):
    shell.json("task", "create", "t")
    claimed = shell.json("task", "next", "--worker", "w")
    token = claimed["claim_token"]
    assert claimed["task"]["claim"]["worker"] == "w"
    assert shell.refused("task", "update-status", 1, "completed", code=4)["code"] == "stale_claim"
    shell.json("task", "renew", 1, "--claim-token", token, "--progress", "half")
    assert shell.json("task", "update-status", 1, "completed", "--claim-token", token)["changed"]


def test_a_dash_reads_a_long_text_from_standard_input(shell):
    text = "é\n" * 10_000
    shell.json("task", "create", "t", "--description", "-", given=text)
    assert shell.json("task", "show", 1, "--field", "description")["bytes"] == len(text.encode())
    shell.json("goal", "create", "-", given="a name\n")
    shell.json("goal", "update", 1, "--metadata", "-", given='{"a": 1}')
    assert shell.json("goal", "show", 1)["metadata"] == {"a": 1}
    shell.json("goal", "update", 1, "--acceptance-criteria", "-", given='["a", "b"]')
    assert shell.json("goal", "show", 1)["acceptance_criteria"] == ["a", "b"]
    assert shell.json("goal", "decompose", 1, "--plan", "-", given=json.dumps(PLAN))["task_count"] == 2
    result = shell("call", "create_task", "-", given='{"title": "from input"}')
    assert json.loads(result.stdout)["task"]["title"] == "from input"


def test_input_must_be_utf_8(shell):
    for words in (("task", "create", "t", "--description", "-"), ("call", "create_task", "-")):
        result = shell(*words, given=b"\xff\xfe", code=5)
        assert "UTF-8" in result.stderr


def test_standard_input_is_read_once(shell):
    result = shell("task", "create", "-", "--description", "-", given="text", code=2)
    assert "standard input" in result.stderr
    assert shell.json("task", "list")["tasks"] == []


def test_a_plan_comes_from_a_file_too(shell, tmp_path):
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(PLAN), encoding="utf-8")
    shell.json("goal", "create", "g")
    assert shell.json("goal", "decompose", 1, "--plan", plan)["task_count"] == 2
    assert "can't read" in shell("goal", "decompose", 1, "--plan", tmp_path / "none.json", code=2).stderr


def test_contradicting_options_are_refused(shell):
    shell.json("task", "create", "t")
    result = shell("task", "edit", 1, "--description", "d", "--no-description", code=2)
    assert "contradict" in result.stderr


def test_people_get_a_table_or_a_card(shell):
    shell.json("goal", "create", "Ship [1.0]", "--description", "\u202eall of it\x1b[31m")
    shell.json("goal", "decompose", 1, "--plan", json.dumps(PLAN))
    shell.json("task", "next")
    for words, expected in (
        (("goal", "show", 1), ["Ship [1.0]", "all of it", "0 of 2 done", "A", "B"]),
        (("goal", "list"), ["Ship [1.0]", "active", "0 of 2 done"]),
        (("task", "list"), ["A", "B", "in_progress", "waiting"]),
        (("task", "show", 1), ["A", "in_progress", "ada"]),
        (("task", "next"), ["queue", "waiting 1"]),
        (("overview",), ["Ship [1.0]", "A"]),
        (("task", "create", "C"), ["C", "pending", "ready"]),
        (("goal", "update", 1, "--status", "paused"), ["paused"]),
        (("task", "list", "--query", "nowhere"), ["nothing"]),
    ):
        result = shell(*words)
        assert result.stderr == ""
        assert "\x1b" not in result.stdout
        assert "{" not in result.stdout
        for text in expected:
            assert text in result.stdout, (words, result.stdout)
