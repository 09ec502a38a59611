"""`agent-runtime goal decompose`: a look at the plan beforehand, and plans from files."""

import json
import shlex
import sys
from typing import Any

import pytest

DESCRIPTION = """\
## Export
- Export the pages
- Export the [old] images
## Import
1. Import the pages
2. Check a sample
"""
PLAN = [
    {"key": "p", "title": "Parser"},
    {"title": "Test [it]", "depends_on": ["w"], "parent": "p"},
    {"key": "w", "title": "Write it", "parent": "p", "priority": 9},
    {"title": "Release it", "depends_on": ["p", "w"]},
]
TREE = """\
4 tasks, planned by caller
├── 1. Parser
│   ├── 2. Test [it]  after 3
│   └── 3. Write it
└── 4. Release it  after 1, 3
Nothing was written.
"""


@pytest.fixture
def goal(shell: Any) -> int:
    """A goal, the only content of the file."""
    return int(shell.json("goal", "create", "Move the wiki", "--description", DESCRIPTION)["goal_id"])


def require_nothing_written(shell: Any) -> None:
    assert shell.json("task", "list")["tasks"] == []
    assert len(shell("events").stdout.splitlines()) == 1


def test_a_dry_run_shows_the_plan_as_a_tree_with_its_dependencies_and_writes_nothing(shell, goal):
    shown = shell("goal", "decompose", goal, "--dry-run").stdout
    assert (
        shown
        == """\
6 tasks, planned by text
├── 1. Work on export
│   ├── 2. Export the pages
│   └── 3. Export the [old] images  after 2
└── 4. Work on import  after 1
    ├── 5. Import the pages
    └── 6. Check a sample  after 5
Nothing was written.
"""
    )
    require_nothing_written(shell)


def test_a_dry_run_shows_what_would_be_made(shell, goal):
    shown = shell.json("goal", "decompose", goal, "--dry-run", "--strategy", "hierarchical", "--max-tasks", 5)
    require_nothing_written(shell)
    assert (shown["planner"], shown["fallback_reason"], shown["task_count"]) == ("text", None, len(shown["plan"]))
    assert shown["task_count"] <= 5
    made = shell.json("goal", "decompose", goal, "--strategy", "hierarchical", "--max-tasks", 5)
    assert [task["title"] for task in made["tasks"]] == [item["title"] for item in shown["plan"]]


def test_a_plan_that_a_dry_run_printed_can_be_applied(shell, goal, tmp_path):
    plan = shell.json("goal", "decompose", goal, "--dry-run")["plan"]
    (tmp_path / "plan.json").write_text(json.dumps(plan[:3]))
    made = shell.json("goal", "decompose", goal, "--plan", tmp_path / "plan.json")
    assert [task["title"] for task in made["tasks"]] == [item["title"] for item in plan[:3]]


def test_one_task_is_counted_in_the_singular(shell, goal):
    plan = json.dumps([{"title": "Alone"}])
    assert shell("goal", "decompose", goal, "--plan", plan, "--dry-run").stdout.startswith(
        "1 task, planned by caller\n"
    )


@pytest.mark.parametrize("way", ["file", "standard input", "word"])
def test_a_plan_comes_from_a_file_from_standard_input_or_as_it_is(shell, goal, tmp_path, way):
    text = json.dumps(PLAN)
    (tmp_path / "plan.json").write_text(text, encoding="utf-8")
    word = {"file": str(tmp_path / "plan.json"), "standard input": "-", "word": text}[way]
    given = text if way == "standard input" else None
    assert shell("goal", "decompose", goal, "--plan", word, "--dry-run", given=given).stdout == TREE
    require_nothing_written(shell)
    made = shell.json("goal", "decompose", goal, "--plan", word, given=given)
    assert (made["planner"], made["task_ids"]) == ("caller", [1, 2, 3, 4])
    tasks = [shell.json("task", "show", task_id) for task_id in made["task_ids"]]
    assert [task["title"] for task in tasks] == ["Parser", "Test [it]", "Write it", "Release it"]
    assert [task["parent_id"] for task in tasks] == [None, 1, 1, None]
    assert [task["dependencies"] for task in tasks] == [[], [3], [], [1, 3]]


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ([{"title": "t", "depends_on": ["x"]}], "depends_on names 'x'"),
        ([{"key": "a", "title": "t", "depends_on": ["a"]}], "'a': depends on itself"),
        ([{"titel": "t"}], "the field is title"),
        ([{"title": "t"}] * 501, "it has 501 items"),
        ([], "it has 0 items"),
    ],
)
def test_a_faulty_plan_is_refused_and_nothing_written(shell, goal, plan, told, more):
    error = shell.refused("goal", "decompose", goal, "--plan", "-", *more, code=5, given=json.dumps(plan))
    assert error["code"] == "invalid"
    assert told in error["message"]
    require_nothing_written(shell)


@pytest.mark.parametrize("text", ["", "{", "not JSON", "[1", '"a"'])
def test_a_plan_that_is_not_a_json_list_is_refused(shell, goal, text):
    assert shell.refused("goal", "decompose", goal, "--plan", "-", "--dry-run", code=5, given=text)["code"] == "invalid"


def test_a_missing_plan_file_is_a_usage_error(shell, goal, tmp_path):
    shown = shell("goal", "decompose", goal, "--plan", tmp_path / "none.json", "--dry-run", code=2).stderr
    assert "can't read" in shown


@pytest.mark.parametrize("more", [(), ("--plan", json.dumps(PLAN))])
def test_a_dry_run_refuses_what_the_call_would(shell, goal, more):
    assert shell.refused("goal", "decompose", 99, "--dry-run", *more, code=3)["code"] == "not_found"
    shell.json("goal", "update", goal, "--status", "completed")
    refused = shell.refused("goal", "decompose", goal, "--dry-run", *more, code=4)
    assert refused == shell.refused("goal", "decompose", goal, *more, code=4)


def test_a_dry_run_of_a_goal_that_has_tasks_is_refused_unless_a_plan_is_given(shell, goal):
    shell.json("goal", "decompose", goal, "--request-id", "r1")
    for more in ((), ("--request-id", "r1")):
        assert "has 6 tasks already" in shell.refused("goal", "decompose", goal, "--dry-run", *more, code=4)["message"]
    assert shell("goal", "decompose", goal, "--dry-run", "--plan", json.dumps(PLAN)).stdout == TREE


def test_a_dry_run_asks_the_planner_command(shell, goal, tmp_path):
    script = tmp_path / "planner.py"
    script.write_text(f"import sys\nsys.stdin.read()\nprint({json.dumps(PLAN)!r})")
    shell.environment["AGENT_RUNTIME_PLANNER"] = shlex.join([sys.executable, str(script)])
    assert shell("goal", "decompose", goal, "--dry-run").stdout == TREE.replace("caller", "command")
    require_nothing_written(shell)
    assert shell.json("goal", "decompose", goal)["planner"] == "command"


def test_a_dry_run_says_why_the_planner_command_made_no_plan(shell, goal):
    shell.environment["AGENT_RUNTIME_PLANNER"] = "/no/such/[planner]"
    shown = shell("goal", "decompose", goal, "--dry-run").stdout
    assert shown.startswith("The planner command was not used: /no/such/[planner] could not be started: ")
    assert "planned by text" in shown
    assert shell.json("goal", "decompose", goal, "--dry-run")["fallback_reason"].startswith("/no/such/[planner]")


def test_the_text_of_a_one_liner_shows_its_kind(shell):
    shell.json("goal", "create", "Fix the crash when a PDF without pages is opened")
    assert ", planned by text, kind bug\n" in shell("goal", "decompose", 1, "--dry-run").stdout


def test_titles_do_not_act_on_the_terminal(shell, goal):
    plan = json.dumps([{"title": "[bold]a[/bold] \x1b[31mred\u202e"}])
    shown = shell("goal", "decompose", goal, "--plan", plan, "--dry-run").stdout
    assert "1. [bold]a[/bold] " in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown
