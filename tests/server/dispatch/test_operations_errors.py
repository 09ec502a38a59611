"""Errors: one of a fixed set of codes, the id in the message, and a hint that says what would be legal now."""

import json

import apsw
import pytest
from operating import bob

from agent_runtime_mcp.dispatch.failures import INTERNAL, problem_of
from agent_runtime_mcp.dispatch.request import make_request
from agent_runtime_mcp.errors import NotFound


@pytest.fixture
def graph(runtime):
    """A goal 1 with tasks: 1 completed, 2 after it, 3 after 2, 4 failed, 5 after 4, a group 6 with the child 7."""
    runtime.goal()
    for more in ({}, {"dependencies": [1]}, {"dependencies": [2]}, {}, {"dependencies": [4]}, {}, {"parent_id": 6}):
        runtime.task(**more, **({} if "parent_id" in more else {"goal_id": 1}))
    runtime.settle(1)
    runtime.settle(4, "failed")
    return runtime


def refusal(runtime, task_id, status, **more):
    return runtime.refused("update_task_status", task_id=task_id, status=status, **more)


def test_unknown_tasks_are_named(runtime):
    runtime.task()
    for operation, arguments in (
        ("get_task", {"task_id": 7}),
        ("get_task", {"task_id": 7, "field": "result"}),
        ("edit_task", {"task_id": 7, "title": "t"}),
        ("edit_task", {"task_id": 1, "parent_id": 7}),
        ("edit_task", {"task_id": 1, "dependencies": [7, 8]}),
        ("renew_task", {"task_id": 7}),
        ("update_task_status", {"task_id": 7, "status": "completed"}),
        ("create_task", {"title": "t", "parent_id": 7}),
        ("create_task", {"title": "t", "dependencies": [1, 7]}),
        ("list_tasks", {"parent_id": 7}),
    ):
        problem = runtime.refused(operation, **arguments)
        assert (problem.code, problem.message) == ("not_found", "task 7 does not exist"), operation
        assert "list_tasks" in problem.hint


def test_an_unknown_operation_is_not_found(runtime):
    with pytest.raises(NotFound, match="no_such_thing"):
        make_request("no_such_thing", {}, runtime.ada)


def test_cycles_are_refused_with_their_path(graph):
    problem = graph.refused("edit_task", task_id=2, dependencies=[3])
    assert (problem.code, problem.details["path"]) == ("cycle", [2, 3, 2])
    assert "2 -> 3 -> 2" in problem.message
    assert graph.refused("edit_task", task_id=2, dependencies=[2]).code == "cycle"
    assert graph.refused("edit_task", task_id=6, parent_id=7).code == "cycle"
    assert graph.refused("edit_task", task_id=7, dependencies=[6]).code == "cycle"
    assert graph.refused("edit_task", task_id=6, dependencies=[7]).code == "cycle"
    assert graph.refused("edit_task", task_id=2, parent_id=3).code == "cycle"


def test_a_plan_that_waits_for_itself_is_refused(runtime):
    runtime.goal()
    problem = runtime.refused(
        "decompose_goal",
        goal_id=1,
        plan=[{"key": "a", "title": "a", "depends_on": ["b"]}, {"key": "b", "title": "b", "depends_on": ["a"]}],
    )
    assert problem.code in ("invalid", "cycle")
    assert "'a'" in problem.message
    assert "'b'" in problem.message


@pytest.mark.parametrize(
    ("task_id", "status", "named", "legal"),
    [
        (3, "in_progress", "waits for 2", "complete 2"),
        (3, "completed", "waits for 2", "complete 2"),
        (5, "in_progress", "unreachable", "reopen 4"),
        (5, "completed", "unreachable", "reopen 4"),
        (1, "failed", "is completed", "pending"),
        (1, "in_progress", "is completed", "pending"),
        (1, "cancelled", "is completed", "pending"),
        (4, "completed", "is failed", "pending"),
        (4, "in_progress", "is failed", "pending"),
        (4, "cancelled", "is failed", "pending"),
        (6, "in_progress", "group", "get_task"),
        (6, "completed", "group", "get_task"),
        (6, "failed", "group", "get_task"),
    ],
)
def test_an_illegal_transition_says_what_is_legal(graph, task_id, status, named, legal):
    problem = refusal(graph, task_id, status)
    assert problem.code == "illegal_transition"
    assert f"task {task_id}" in problem.message
    assert named in problem.message
    assert legal in problem.hint


def test_reopening_is_refused_naming_what_started(graph):
    graph.claim(2)
    problem = refusal(graph, 1, "pending")
    assert (problem.code, problem.details["started"]) == ("illegal_transition", [2])
    assert "2" in problem.message
    graph.settle(2, "pending")
    assert graph.settle(1, "pending")["changed"]
    assert graph("get_task", task_id=2)["readiness"] == "waiting"


def test_a_cancelled_child_of_a_completed_group_is_not_reopened_under_running_dependents(runtime):
    group = runtime.task()
    done, cancelled = runtime.task(parent_id=group), runtime.task(parent_id=group)
    after = runtime.task(dependencies=[group])
    runtime.settle(cancelled, "cancelled")
    assert runtime.settle(done)["newly_ready"] == [after]
    runtime.claim(after)
    assert refusal(runtime, cancelled, "pending").code == "illegal_transition"


def test_the_graph_changes_only_while_a_task_is_pending(graph):
    graph.claim(2)
    for change in ({"dependencies": []}, {"parent_id": 6}, {"goal_id": None}):
        problem = graph.refused("edit_task", task_id=2, **change)
        assert (problem.code, "pending" in problem.hint) == ("illegal_transition", True)
    assert graph("edit_task", task_id=2, title="t", priority=9, description="d")["changed"]


def test_groups_nest_sixteen_deep(runtime):
    runtime.task()
    for number in range(1, 17):
        runtime.task(parent_id=number)
    problem = runtime.refused("create_task", title="t", parent_id=17)
    assert (problem.code, "16" in problem.message) == ("invalid", True)


def test_renewing_what_is_not_held_is_stale(graph):
    problem = graph.refused("renew_task", task_id=7)
    assert (problem.code, "task 7" in problem.message) == ("stale_claim", True)


def test_a_locked_file_is_busy_and_works_again_afterwards(runtime):
    other = apsw.Connection(str(runtime.path))
    other.execute("BEGIN IMMEDIATE")
    problem = runtime.refused("create_task", title="t")
    assert problem.code == "busy"
    assert str(runtime.path) in problem.message
    assert runtime("list_tasks")["tasks"] == []
    assert runtime("get_next_task", claim=False)["task"] is None
    other.execute("ROLLBACK")
    other.close()
    assert runtime.task() == 1


def test_a_file_that_is_gone_is_a_storage_problem(runtime, tmp_path):
    runtime.task()
    away = tmp_path / "away.db"
    runtime.path.rename(away)
    with pytest.raises(OSError, match="is gone") as refused:
        runtime("create_task", title="t")
    problem = problem_of(refused.value)
    assert (problem.code, problem.details["path"]) == ("storage", str(runtime.path))
    assert len(runtime("list_tasks")["tasks"]) == 1
    away.rename(runtime.path)
    assert runtime.task() == 2


def test_a_bug_is_no_problem_of_the_libraries_and_writes_nothing(runtime):
    runtime.task()
    connection = runtime.database.run_blocking(lambda libraries: libraries.connection, writes=False)
    connection.execute("ALTER TABLE server_sequence RENAME TO elsewhere")
    before = runtime.tables()
    with pytest.raises(apsw.SQLError) as bug:
        runtime("create_task", title="t")
    assert problem_of(bug.value) is None
    assert runtime.tables() == before
    assert INTERNAL.as_json()["error"]["code"] == "internal"


def test_what_an_error_tells_is_plain_json(graph):
    graph.claim(2)
    problems = [
        refusal(graph, 2, "in_progress", by=bob()),
        refusal(graph, 2, "completed", by=bob()),
        graph.refused("edit_task", task_id=2, dependencies=[3]),
        graph.refused("update_goal", goal_id=1, status="completed"),
        graph.refused("get_task", task_id=99),
        graph.refused("create_task"),
    ]
    for problem in problems:
        shown = problem.as_json()
        assert json.loads(json.dumps(shown)) == shown
        assert shown["error"]["hint"]
