"""Goals through their public class, on a real database."""

import attrs
import pytest

from agent_runtime_goals import Goals, GoalStatus
from agent_runtime_goals.errors import GoalClosed, GoalCycle, GoalNotFound, InvalidValue, OpenSubGoals


@pytest.fixture
def goals(connection, clock):
    goals = Goals(connection, clock=clock)
    goals.migrate()
    return goals


def test_a_created_goal_is_active_and_can_be_read_again(goals, clock):
    goal = goals.create("Ship 1.0", "All of it", acceptance_criteria=["tagged"], metadata={"team": "core"})

    assert goals.get(goal.goal_id) == goal
    assert goal.status is GoalStatus.ACTIVE
    assert (goal.name, goal.description) == ("Ship 1.0", "All of it")
    assert (goal.acceptance_criteria, goal.metadata) == (("tagged",), {"team": "core"})
    assert goal.created_at == goal.updated_at == clock.milliseconds


def test_an_unknown_goal_is_named(goals):
    with pytest.raises(GoalNotFound, match="goal 7 does not exist"):
        goals.get(7)


def test_an_update_keeps_what_is_omitted_and_clears_what_is_none(goals, clock):
    goal = goals.create("Ship", "All", acceptance_criteria=["a"], metadata={"k": 1})
    clock.advance(5)

    change = goals.update(goal.goal_id, description="More", metadata=None)

    assert change.changed
    assert change.goal == attrs.evolve(goal, description="More", metadata={}, updated_at=clock.milliseconds)


def test_an_update_that_changes_nothing_writes_nothing(goals, clock):
    goal = goals.create("Ship")
    clock.advance(5)

    change = goals.update(goal.goal_id, name="Ship", status="active")

    assert not change.changed
    assert goals.get(goal.goal_id) == goal


def test_a_name_cannot_be_cleared(goals):
    goal = goals.create("Ship")
    with pytest.raises(InvalidValue, match="name can't be cleared"):
        goals.update(goal.goal_id, name=None)


def test_completion_is_refused_while_sub_goals_are_open_and_names_them(goals):
    parent = goals.create("parent")
    child = goals.create("child", parent_goal_id=parent.goal_id)

    with pytest.raises(OpenSubGoals) as refusal:
        goals.update(parent.goal_id, status="completed")

    assert (refusal.value.count, refusal.value.first) == (1, (child.goal_id,))
    assert goals.get(parent.goal_id) == parent


def test_cancelling_reaches_sub_goals_at_any_depth(goals, clock):
    root = goals.create("root")
    middle = goals.create("middle", parent_goal_id=root.goal_id)
    leaf = goals.create("leaf", parent_goal_id=middle.goal_id)
    done = goals.create("done", parent_goal_id=middle.goal_id)
    goals.update(done.goal_id, status="completed")

    change = goals.update(root.goal_id, status="cancelled")

    assert change.cancelled == (middle.goal_id, leaf.goal_id)
    assert goals.get(leaf.goal_id).status is GoalStatus.CANCELLED
    assert goals.get(done.goal_id).status is GoalStatus.COMPLETED
    assert goals.counts() == {"active": 0, "paused": 0, "completed": 1, "cancelled": 3}


def test_completing_cancels_open_sub_goals_when_asked_to(goals):
    root = goals.create("root")
    child = goals.create("child", parent_goal_id=root.goal_id)

    change = goals.update(root.goal_id, status="completed", cancel_open=True)

    assert change.goal.completed_at is not None
    assert change.cancelled == (child.goal_id,)


def test_a_closed_goal_takes_no_new_moved_or_reopened_goal_below_it(goals):
    root = goals.create("root")
    child = goals.create("child", parent_goal_id=root.goal_id)
    other = goals.create("other")
    goals.update(root.goal_id, status="cancelled")

    with pytest.raises(GoalClosed):
        goals.create("late", parent_goal_id=root.goal_id)
    with pytest.raises(GoalClosed):
        goals.update(other.goal_id, parent_goal_id=root.goal_id)
    with pytest.raises(GoalClosed):
        goals.update(child.goal_id, status="active")
    goals.update(root.goal_id, status="active")
    assert goals.update(child.goal_id, status="active").changed


def test_reopening_a_completed_goal_forgets_when_it_was_completed(goals):
    goal = goals.create("goal")
    goals.update(goal.goal_id, status="completed")

    assert goals.update(goal.goal_id, status="active").goal.completed_at is None


def test_a_cycle_is_refused_with_its_path(goals):
    top = goals.create("top")
    middle = goals.create("middle", parent_goal_id=top.goal_id)
    low = goals.create("low", parent_goal_id=middle.goal_id)

    with pytest.raises(GoalCycle) as refusal:
        goals.update(top.goal_id, parent_goal_id=low.goal_id)

    assert refusal.value.path == (top.goal_id, middle.goal_id, low.goal_id)
    with pytest.raises(GoalCycle):
        goals.update(top.goal_id, parent_goal_id=top.goal_id)


def test_pages_follow_each_other_without_gaps(goals):
    ids = [goals.create(f"goal {number}").goal_id for number in range(5)]

    first = goals.list(limit=3)
    second = goals.list(limit=3, after=first.goals[-1].goal_id)

    assert [goal.goal_id for goal in first.goals + second.goals] == ids
    assert (first.more, second.more, first.total) == (True, False, 5)


def test_a_list_of_one_status_counts_only_that_status(goals):
    goals.create("kept")
    closed = goals.create("closed")
    goals.update(closed.goal_id, status="cancelled")

    page = goals.list("cancelled")

    assert [goal.goal_id for goal in page.goals] == [closed.goal_id]
    assert page.total == 1


def test_a_goal_below_a_paused_one_is_paused_too(goals):
    root = goals.create("root")
    child = goals.create("child", parent_goal_id=root.goal_id)
    other = goals.create("other")
    goals.update(root.goal_id, status="paused")

    assert goals.paused([root.goal_id, child.goal_id, other.goal_id]) == {root.goal_id, child.goal_id}
    assert goals.get(child.goal_id).status is GoalStatus.ACTIVE


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"name": ""}, "name must not be empty"),
        ({"name": "  \n "}, "name must not be empty"),
        ({"name": "x" * 501}, "name has 501 characters"),
        ({"name": "a\x00b"}, "name contains a NUL"),
        ({"name": "\ud800"}, "name contains an unpaired surrogate"),
        ({"name": 7}, "name must be text, not a whole number"),
        ({"name": "n", "description": "é" * (32 * 1024 + 1)}, "description has 65538 bytes"),
        ({"name": "n", "acceptance_criteria": "abc"}, "acceptance_criteria must be a list, not text"),
        ({"name": "n", "acceptance_criteria": ["x"] * 51}, "acceptance_criteria has 51 items"),
        ({"name": "n", "acceptance_criteria": ["ok", 3]}, r"acceptance_criteria\[1\] must be text"),
        ({"name": "n", "metadata": [1]}, "metadata must be an object, not a list"),
        ({"name": "n", "metadata": {"x": float("nan")}}, "metadata contains nan"),
        ({"name": "n", "metadata": {"x": "y" * 65536}}, "metadata has 65544 bytes"),
        ({"name": "n", "parent_goal_id": True}, "parent_goal_id must be a whole number, not a boolean"),
        ({"name": "n", "parent_goal_id": 0}, "parent_goal_id is 0; it must be at least 1"),
    ],
)
def test_values_out_of_bounds_are_refused_and_nothing_is_written(goals, arguments, problem):
    with pytest.raises(InvalidValue, match=problem):
        goals.create(**arguments)
    assert goals.list().total == 0


def test_terminal_escapes_and_bidirectional_overrides_are_not_stored(goals):
    goal = goals.create("a\x1b[31mred\x1b[0m\u202eb", "line 1\r\nline\x07 2\ttab", metadata={"k": "v\u2066"})

    assert goal.name == "aredb"
    assert goal.description == "line 1\nline 2\ttab"
    assert goal.metadata == {"k": "v"}
