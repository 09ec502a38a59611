"""Goals as operations see them: their tasks and sub-goals follow, in one transaction."""

import pytest
from operating import bob


def status_of(runtime, task_id):
    return runtime("get_task", task_id=task_id)["status"]


def readiness_of(runtime, task_id):
    return runtime("get_task", task_id=task_id)["readiness"]


def goal_status(runtime, goal_id):
    return runtime("get_goal", goal_id=goal_id)["status"]


@pytest.fixture
def family(runtime):
    """A goal 1 over 2 over 3, with a task of the same number in each."""
    for number in (1, 2, 3):
        runtime.goal(f"goal {number}", **({"parent_goal_id": number - 1} if number > 1 else {}))
        runtime.task(f"task {number}", goal_id=number)
    return runtime


def test_completion_is_refused_while_tasks_and_sub_goals_are_open_with_their_count_and_first_ids(family):
    for _ in range(12):
        family.task(goal_id=3)

    problem = family.refused("update_goal", goal_id=1, status="completed")

    assert problem.code == "conflict"
    assert problem.message == (
        "goal 1 has 15 open tasks (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ...) and 2 open sub-goals (2, 3)"
    )
    assert problem.details == {
        "goal_id": 1,
        "open_tasks": 15,
        "first_task_ids": list(range(1, 11)),
        "open_sub_goals": 2,
        "first_sub_goal_ids": [2, 3],
    }


def test_completion_is_refused_for_a_single_task_in_progress_and_for_an_empty_open_sub_goal(runtime):
    goal_id = runtime.goal()
    runtime.claim(runtime.task(goal_id=goal_id))
    assert runtime.refused("update_goal", goal_id=goal_id, status="completed").message == "goal 1 has 1 open task (1)"
    runtime.settle(1)
    runtime.goal(parent_goal_id=goal_id)
    problem = runtime.refused("update_goal", goal_id=goal_id, status="completed")
    assert (problem.code, problem.message) == ("conflict", "goal 1 has 1 open sub-goal (2)")


def test_failed_tasks_do_not_block_completion_and_unreachable_ones_do(runtime):
    goal_id = runtime.goal()
    first = runtime.task(goal_id=goal_id)
    second = runtime.task(goal_id=goal_id, dependencies=[first])
    runtime.settle(first, "failed")
    problem = runtime.refused("update_goal", goal_id=goal_id, status="completed")
    assert problem.details["first_task_ids"] == [second]
    runtime.settle(second, "cancelled")
    assert runtime("update_goal", goal_id=goal_id, status="completed")["status"] == "completed"


def test_completing_cancels_what_is_open_when_asked_to_in_one_effect(family):
    family.claim(3)
    before = len(family.journal())
    goal = family("update_goal", goal_id=1, status="completed", open_tasks="cancel", outcome="done")
    assert (goal["status"], goal["outcome"]) == ("completed", "done")
    assert [goal_status(family, number) for number in (2, 3)] == ["cancelled", "cancelled"]
    assert [status_of(family, number) for number in (1, 2, 3)] == ["cancelled"] * 3
    assert [event.subject for event in family.journal()[before:]] == ["goal 1"]


def test_cancelling_a_goal_cancels_what_is_open_and_leaves_what_is_done(family):
    family.settle(2)
    family("update_goal", goal_id=3, status="completed", open_tasks="cancel")
    family("update_goal", goal_id=1, status="cancelled")
    assert [goal_status(family, number) for number in (1, 2, 3)] == ["cancelled", "cancelled", "completed"]
    assert [status_of(family, number) for number in (1, 2, 3)] == ["cancelled", "completed", "cancelled"]


def test_the_holder_of_a_task_that_was_cancelled_with_its_goal_is_told_by_whom(family):
    family.claim(2)
    family("update_goal", goal_id=1, status="cancelled", by=bob())
    problem = family.refused("update_task_status", task_id=2, status="completed")
    assert (problem.code, "bob" in problem.message) == ("stale_claim", True)


def test_a_goal_with_groups_is_cancelled_to_its_leaves(runtime):
    goal_id = runtime.goal()
    group = runtime.task(goal_id=goal_id)
    inner = runtime.task(parent_id=group)
    leaf = runtime.task(parent_id=inner)
    runtime("update_goal", goal_id=goal_id, status="cancelled")
    assert [status_of(runtime, one) for one in (group, inner, leaf)] == ["cancelled"] * 3
    assert runtime("get_goal", goal_id=goal_id)["progress"]["cancelled"] == 1


def test_a_paused_goal_holds_the_tasks_below_it_and_the_sub_goals_keep_their_status(family):
    family("update_goal", goal_id=1, status="paused")
    assert [goal_status(family, number) for number in (2, 3)] == ["active", "active"]
    assert [readiness_of(family, number) for number in (1, 2, 3)] == ["waiting"] * 3
    answer = family("get_next_task")
    assert (answer["task"], answer["queue"]["waiting"]) == (None, 3)
    assert family("get_next_task", claim=False)["task"] is None
    problem = family.refused("update_task_status", task_id=3, status="in_progress")
    assert (problem.code, "paused" in problem.message) == ("illegal_transition", True)


def test_what_is_in_progress_goes_on_under_a_paused_goal(family):
    family.claim(2)
    family("update_goal", goal_id=1, status="paused")
    assert status_of(family, 2) == "in_progress"
    assert family.settle(2)["task"]["status"] == "completed"


def test_what_a_session_left_is_not_offered_under_a_paused_goal(family):
    family.claim(2)
    family("update_goal", goal_id=1, status="paused")
    family.detach(family.ada)
    assert family("get_next_task", by=bob())["task"] is None
    assert family("runtime_overview", by=bob())["ready"] == []
    family("update_goal", goal_id=1, status="active")
    assert family("get_next_task", by=bob())["task"]["task_id"] == 2


def test_unpausing_frees_only_what_no_other_paused_goal_holds(family):
    family("update_goal", goal_id=2, status="paused")
    family("update_goal", goal_id=1, status="paused")
    family("update_goal", goal_id=1, status="active")
    assert [readiness_of(family, number) for number in (1, 2, 3)] == ["ready", "waiting", "waiting"]
    family("update_goal", goal_id=3, status="paused")
    family("update_goal", goal_id=2, status="active")
    assert [readiness_of(family, number) for number in (1, 2, 3)] == ["ready", "ready", "waiting"]
    family("update_goal", goal_id=3, status="active")
    assert readiness_of(family, 3) == "ready"


def test_pausing_twice_changes_nothing(family):
    family("update_goal", goal_id=1, status="paused")
    before = family.tables()
    family("update_goal", goal_id=1, status="paused")
    assert family.tables() == before


def test_what_is_created_under_a_paused_goal_is_held(family):
    family("update_goal", goal_id=1, status="paused")
    goal_id = family.goal(parent_goal_id=3)
    tasks = [family.task(goal_id=goal_id), family.task(goal_id=1)]
    made = family("decompose_goal", goal_id=goal_id, plan=[{"title": "t"}])["tasks"]
    assert made[0]["readiness"] == "waiting"
    assert [readiness_of(family, one) for one in tasks] == ["waiting", "waiting"]
    family("update_goal", goal_id=1, status="active")
    assert [readiness_of(family, one) for one in tasks] == ["ready", "ready"]


def test_a_goal_that_moves_under_a_paused_one_is_held_and_freed_when_it_moves_away(family):
    family("update_goal", goal_id=family.goal("paused"), status="paused")
    family("update_goal", goal_id=2, parent_goal_id=4)
    assert [readiness_of(family, number) for number in (1, 2, 3)] == ["ready", "waiting", "waiting"]
    family("update_goal", goal_id=2, parent_goal_id=None)
    assert [readiness_of(family, number) for number in (1, 2, 3)] == ["ready", "ready", "ready"]
    assert family("get_goal", goal_id=2)["parent_goal_id"] is None


def test_a_task_that_moves_between_goals_is_held_and_freed(runtime):
    active, paused = runtime.goal(), runtime.goal()
    runtime("update_goal", goal_id=paused, status="paused")
    task_id = runtime.task(goal_id=active)
    runtime("edit_task", task_id=task_id, goal_id=paused)
    assert readiness_of(runtime, task_id) == "waiting"
    assert runtime("edit_task", task_id=task_id, goal_id=None)["task"]["readiness"] == "ready"


def test_cancelling_a_paused_goal_and_reopening_it_frees_new_tasks(runtime):
    goal_id = runtime.goal()
    held = runtime.task(goal_id=goal_id)
    runtime("update_goal", goal_id=goal_id, status="paused")
    runtime("update_goal", goal_id=goal_id, status="cancelled")
    runtime("update_goal", goal_id=goal_id, status="active")
    assert status_of(runtime, held) == "cancelled"
    assert runtime("create_task", title="t", goal_id=goal_id)["task"]["readiness"] == "ready"


@pytest.mark.parametrize("closed", ["completed", "cancelled"])
def test_a_closed_goal_takes_no_work(runtime, closed):
    goal_id = runtime.goal()
    done, free = runtime.task(goal_id=goal_id), runtime.task()
    runtime.settle(done)
    runtime("update_goal", goal_id=goal_id, status=closed)

    refused = [
        runtime.refused("create_task", title="t", goal_id=goal_id),
        runtime.refused("create_task", title="t", parent_id=done),
        runtime.refused("decompose_goal", goal_id=goal_id, plan=[{"title": "t"}]),
        runtime.refused("edit_task", task_id=free, goal_id=goal_id),
        runtime.refused("edit_task", task_id=free, parent_id=done),
        runtime.refused("update_task_status", task_id=done, status="pending"),
    ]

    for problem in refused:
        assert problem.code == "illegal_transition"
        assert f"goal {goal_id} is {closed}" in problem.message
        assert "active" in problem.hint


@pytest.mark.parametrize("closed", ["completed", "cancelled"])
def test_a_closed_goal_takes_no_sub_goal(runtime, closed):
    goal_id, other = runtime.goal(), runtime.goal()
    below = runtime.goal(parent_goal_id=goal_id)
    runtime("update_goal", goal_id=goal_id, status=closed, open_tasks="cancel")

    refused = [
        runtime.refused("create_goal", name="g", parent_goal_id=goal_id),
        runtime.refused("update_goal", goal_id=other, parent_goal_id=goal_id),
        runtime.refused("update_goal", goal_id=below, status="active"),
        runtime.refused("update_goal", goal_id=below, status="paused"),
    ]

    for problem in refused:
        assert (problem.code, f"goal {goal_id}" in problem.message) == ("illegal_transition", True)


@pytest.mark.parametrize("closed", ["completed", "cancelled"])
def test_active_reopens_a_goal_and_revives_no_task(runtime, closed):
    goal_id = runtime.goal()
    task_id = runtime.task(goal_id=goal_id)
    runtime("update_goal", goal_id=goal_id, status=closed, open_tasks="cancel")
    goal = runtime("update_goal", goal_id=goal_id, status="active")
    assert (goal["status"], goal["completed_at"]) == ("active", None)
    assert status_of(runtime, task_id) == "cancelled"
    assert runtime.settle(task_id, "pending")["task"]["readiness"] == "ready"
    assert runtime.task(goal_id=goal_id)


def test_a_goal_does_not_stand_under_itself(family):
    problem = family.refused("update_goal", goal_id=1, parent_goal_id=3)
    assert (problem.code, problem.details["path"]) == ("cycle", [1, 2, 3])
    assert "1 > 2 > 3 > 1" in problem.message
    assert family.refused("update_goal", goal_id=1, parent_goal_id=1).code == "cycle"


def test_unknown_goals_are_named(runtime):
    for operation, arguments in (
        ("get_goal", {"goal_id": 7}),
        ("update_goal", {"goal_id": 7, "name": "n"}),
        ("create_goal", {"name": "n", "parent_goal_id": 7}),
        ("decompose_goal", {"goal_id": 7, "plan": [{"title": "t"}]}),
        ("create_task", {"title": "t", "goal_id": 7}),
        ("list_tasks", {"goal_id": 7}),
        ("get_next_task", {"goal_id": 7}),
        ("get_next_task", {"goal_id": 7, "claim": False}),
    ):
        problem = runtime.refused(operation, **arguments)
        assert (problem.code, problem.message) == ("not_found", "goal 7 does not exist")
        assert problem.hint
    goal_id = runtime.goal()
    assert runtime.refused("update_goal", goal_id=goal_id, parent_goal_id=7).code == "not_found"


def test_a_child_belongs_to_its_parents_goal(runtime):
    first, second = runtime.goal(), runtime.goal()
    group = runtime.task(goal_id=first)
    child = runtime.task(parent_id=group)
    assert runtime("get_task", task_id=child)["goal_id"] == first
    assert runtime.task(parent_id=group, goal_id=first)
    assert runtime.refused("create_task", title="t", parent_id=group, goal_id=second).code == "invalid"
    assert runtime.refused("edit_task", task_id=child, goal_id=second).code == "invalid"
    runtime("edit_task", task_id=group, goal_id=second)
    assert runtime("get_task", task_id=child)["goal_id"] == second
    assert [runtime("get_goal", goal_id=one)["task_count"] for one in (first, second)] == [0, 3]


def test_decomposing_a_goal_that_has_tasks_is_refused_with_the_count_unless_a_plan_is_given(runtime):
    goal_id = runtime.goal()
    for _ in range(3):
        runtime.task(goal_id=goal_id)
    assert runtime("decompose_goal", goal_id=goal_id, plan=[{"title": "t"}])["task_ids"] == [4]
    assert runtime("get_goal", goal_id=goal_id)["task_count"] == 4


def test_a_plan_keeps_its_hierarchy_and_its_order_comes_from_depends_on_alone(runtime):
    goal_id = runtime.goal()
    made = runtime(
        "decompose_goal",
        goal_id=goal_id,
        strategy="parallel",
        max_tasks=1,
        plan=[
            {"key": "child", "title": "Child", "parent": "group", "depends_on": ["first"]},
            {"key": "group", "title": "Group"},
            {"key": "first", "title": "First", "acceptance_criteria": ["ok"], "description": "d"},
        ],
    )
    titles = {task["title"]: task for task in made["tasks"]}
    assert made["task_count"] == 3
    assert titles["Child"]["parent_id"] == titles["Group"]["task_id"]
    assert titles["Child"]["open_dependencies"] == 1
    assert (titles["Group"]["readiness"], titles["First"]["readiness"]) == ("group", "ready")
    shown = runtime("get_task", task_id=titles["First"]["task_id"])
    assert (shown["acceptance_criteria"], shown["description"]) == (["ok"], "d")
