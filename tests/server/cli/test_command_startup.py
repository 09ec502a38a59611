"""The start of a command: it imports only the modules that it needs."""

import json

import pytest

HEAVY = {
    "asyncio",
    "cattrs",
    "jsonschema",
    "markdown_it",
    "mcp",
    "mcp_types",
    "mistune",
    "platformdirs",
    "pydantic",
    "rich",
    "starlette",
    "subprocess",
}
PROGRAM = """
import json, sys
sys.argv = ["agent-runtime", *sys.argv[1:]]
from agent_runtime_mcp.__main__ import main
try:
    main()
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def imported(shell, *words):
    """Run a command in a process of its own and return the modules that it imported."""
    code, _, errors = shell.run(*words, program=PROGRAM)
    assert code == 0, errors
    return set(json.loads(errors.splitlines()[-1]))


def test_claiming_a_task_imports_nothing_heavy_and_no_other_library(shell):
    shell.json("task", "create", "t")
    modules = imported(shell, "task", "next", "--json")
    assert modules & HEAVY == set()
    assert {"agent_runtime_goals", "agent_runtime_relay", "agent_runtime_breakers"} & modules == set()
    assert "agent_runtime_tasks" in modules


@pytest.mark.parametrize(
    ("words", "libraries"),
    [
        (("goal", "create", "g", "--json"), {"agent_runtime_goals", "agent_runtime_tasks"}),
        (("task", "list", "--json"), {"agent_runtime_tasks"}),
        (("events", "--json"), set()),
        (("where", "--json"), set()),
        (("--help",), set()),
        (("--version",), set()),
    ],
    ids=str,
)
def test_other_commands_import_no_more_than_they_need(shell, words, libraries):
    modules = imported(shell, *words)
    assert modules & HEAVY == set()
    of_ours = {
        name
        for name in modules
        if name.startswith("agent_runtime_") and "." not in name and name != "agent_runtime_kernel"
    }
    assert of_ours - {"agent_runtime_mcp"} == libraries


def test_rich_is_imported_for_people_only(shell):
    assert "rich" in imported(shell, "task", "list")


def test_an_invalid_call_imports_no_protocol(shell):
    code, printed, errors = shell.run("task", "create", "t", "--priority", 11, "--json", program=PROGRAM)
    assert (code, printed) == (5, "")
    assert "mcp" not in json.loads(errors.splitlines()[-1])
