"""The graph: dependencies, groups, consequences of failures, and circles."""

import pytest

from agent_runtime_tasks import Tasks
from agent_runtime_tasks.errors import (
    DependentsStarted,
    IllegalTransition,
    InvalidValue,
    StaleClaim,
    TaskCycle,
    TaskNotFound,
)


@pytest.fixture
def tasks(connection, clock):
    tasks = Tasks(connection, clock=clock)
    tasks.migrate()
    return tasks


@pytest.fixture
def make(tasks):
    """Create a task that depends on others, and return its id."""

    def make(*dependencies, parent=None, **arguments):
        title = f"task after {dependencies} in {parent}"
        return tasks.create(title, dependencies=dependencies, parent_id=parent, **arguments).task.task_id

    return make


@pytest.fixture
def end(tasks):
    """Set tasks to a status and return the last change."""

    def end(status, *task_ids):
        return [tasks.update_status(task_id, status, worker="ann") for task_id in task_ids][-1]

    return end


def states(tasks, *task_ids):
    found = [tasks.get(task_id) for task_id in task_ids]
    return [(task.readiness or task.status).value for task in found]


def blocked_by(tasks, task_id):
    return tasks.links(tasks.get(task_id)).blocked_by


# Dependencies


def test_a_task_waits_until_all_its_prerequisites_are_completed(tasks, make, end):
    a, b = make(), make()
    c = make(a, b)
    assert states(tasks, a, b, c) == ["ready", "ready", "waiting"]
    assert (tasks.get(c).open_dependencies, blocked_by(tasks, c)) == (2, (a, b))

    assert end("completed", a).newly_ready == ()
    assert (tasks.get(c).open_dependencies, blocked_by(tasks, c)) == (1, (b,))
    assert end("completed", b).newly_ready == (c,)
    assert states(tasks, c) == ["ready"]
    assert (tasks.get(c).open_dependencies, blocked_by(tasks, c)) == (0, ())


def test_a_task_created_after_its_prerequisites_ended_starts_in_the_state_that_they_give_it(tasks, make, end):
    done, failed, cancelled = make(), make(), make()
    end("completed", done)
    end("failed", failed)
    end("cancelled", cancelled)
    assert states(tasks, make(done), make(done, failed), make(cancelled)) == ["ready", "unreachable", "unreachable"]


def test_a_dependency_named_twice_counts_once(tasks, make, end):
    a = make()
    b = make(a, a)
    assert tasks.get(b).open_dependencies == 1
    assert tasks.links(tasks.get(b)).dependencies == (a,)
    tasks.edit(b, dependencies=[a, a])
    end("completed", a)
    assert states(tasks, b) == ["ready"]


def test_links_name_both_ends(tasks, make):
    a = make()
    b, c = make(a), make(a)
    assert tasks.links(tasks.get(a)).dependents == (b, c)
    assert tasks.links(tasks.get(b)).dependencies == (a,)


def test_unknown_prerequisites_and_parents_are_refused_by_name(tasks, make):
    a = make()
    for call in (
        lambda: make(a, 99),
        lambda: make(parent=99),
        lambda: tasks.edit(a, dependencies=[99]),
        lambda: tasks.edit(a, parent_id=99),
    ):
        with pytest.raises(TaskNotFound, match="task 99 does not exist"):
            call()
    assert len(tasks.list().tasks) == 1


def test_a_failure_makes_all_that_waits_for_it_unreachable_at_any_distance(tasks, make, end):
    a = make()
    b = make(a)
    c = make(b)
    d = make(c)
    end("failed", a)
    assert states(tasks, b, c, d) == ["unreachable"] * 3
    assert [blocked_by(tasks, task_id) for task_id in (b, c, d)] == [(a,)] * 3

    assert end("pending", a).newly_ready == (), "the reopened task itself is not named"
    assert states(tasks, a, b, c, d) == ["ready", "waiting", "waiting", "waiting"]


def test_an_unreachable_task_names_all_its_roots(tasks, make, end):
    a, b, c = make(), make(), make()
    middle = make(a, b)
    last = make(middle, c)
    end("failed", a)
    end("cancelled", b)
    assert blocked_by(tasks, last) == (a, b)
    end("failed", c)
    assert blocked_by(tasks, last) == (a, b, c)
    assert blocked_by(tasks, middle) == (a, b)


def test_a_task_cannot_wait_for_itself(tasks, make):
    a = make()
    with pytest.raises(TaskCycle, match=f"tasks would wait for each other: {a} -> {a}") as refusal:
        tasks.edit(a, dependencies=[a])
    assert refusal.value.path == (a, a)
    with pytest.raises(TaskCycle) as refusal:
        tasks.edit(a, parent_id=a)
    assert refusal.value.path == (a, a)


def test_a_circle_of_dependencies_is_refused_with_its_path(tasks, make):
    a = make()
    b = make(a)
    c = make(b)

    with pytest.raises(TaskCycle, match=f"{a} -> {c} -> {b} -> {a}") as refusal:
        tasks.edit(a, dependencies=[c])

    assert refusal.value.path == (a, c, b, a)
    assert "leave out a dependency on the path" in refusal.value.hint
    assert tasks.links(tasks.get(a)).dependencies == ()


def test_a_child_cannot_wait_for_a_task_that_waits_for_its_group(tasks, make):
    group = make()
    child = make(parent=group)
    after = make(group)

    with pytest.raises(TaskCycle) as refusal:
        tasks.edit(child, dependencies=[after])
    assert refusal.value.path == (child, after, group, child)
    with pytest.raises(TaskCycle) as refusal:
        make(after, parent=group)
    assert set(refusal.value.path) == {after, group, refusal.value.path[0]}
    with pytest.raises(TaskCycle) as refusal:
        tasks.edit(child, dependencies=[group])
    assert refusal.value.path == (child, group, child)


def test_a_prerequisite_of_an_ancestor_cannot_wait_for_the_child(tasks, make):
    before = make()
    top = make(before)
    middle = make(parent=top)
    leaf = make(parent=middle)

    with pytest.raises(TaskCycle) as refusal:
        tasks.edit(before, dependencies=[leaf])

    assert refusal.value.path == (before, leaf, middle, top, before)


def test_moving_into_a_group_is_refused_when_that_closes_a_circle(tasks, make):
    group = make()
    make(parent=group)
    after = make(group)
    with pytest.raises(TaskCycle) as refusal:
        tasks.edit(after, parent_id=group)
    assert refusal.value.path == (after, group, after)
    assert tasks.get(after).parent_id is None


def test_a_group_cannot_move_under_its_own_descendant(tasks, make):
    top = make()
    middle = make(parent=top)
    low = make(parent=middle)
    make(parent=low)
    with pytest.raises(TaskCycle) as refusal:
        tasks.edit(top, parent_id=low)
    assert refusal.value.path == (top, low, middle, top)


def test_children_of_one_group_may_wait_for_each_other_and_groups_too(tasks, make, end):
    first, second = make(), make()
    tasks.edit(second, dependencies=[first])
    a = make(parent=first)
    b = make(a, parent=first)
    c = make(parent=second)
    assert states(tasks, a, b, c) == ["ready", "waiting", "waiting"]
    assert blocked_by(tasks, c) == (first,)
    end("completed", a)
    assert end("completed", b).newly_ready == (c,)
    assert states(tasks, first, second) == ["completed", "group"]


# The status of groups


@pytest.mark.parametrize(
    ("ends", "status"),
    [
        (["completed"], "completed"),
        (["completed", "cancelled"], "completed"),
        (["cancelled", "cancelled"], "cancelled"),
        (["failed"], "failed"),
        (["failed", "completed", "cancelled"], "failed"),
        (["completed", None], "group"),
        (["failed", None], "group"),
        (["cancelled", None], "group"),
    ],
)
def test_the_status_of_a_group_follows_its_children(tasks, make, end, clock, ends, status):
    group = make()
    for child, reached in [(make(parent=group), reached) for reached in ends]:
        if reached:
            clock.advance(1)
            end(reached, child)
    assert states(tasks, group) == [status]
    assert tasks.get(group).completed_at == (clock.milliseconds if status == "completed" else None)


def test_a_group_whose_other_children_are_unreachable_is_failed(tasks, make, end):
    group = make()
    a = make(parent=group)
    b = make(a, parent=group)
    end("failed", a)
    assert states(tasks, group, b) == ["failed", "unreachable"]

    assert end("pending", a).task.readiness == "ready"
    assert states(tasks, group, b) == ["group", "waiting"]


def test_a_group_whose_prerequisite_failed_is_failed_because_all_its_children_are_unreachable(tasks, make, end):
    before = make()
    group = make(before)
    a, b = make(parent=group), make(parent=group)
    end("failed", before)
    assert states(tasks, group, a, b) == ["failed", "unreachable", "unreachable"]
    assert blocked_by(tasks, a) == (before,)


def test_unreachable_wins_over_group_only_while_a_child_runs(tasks, make, end):
    group, before = make(), make()
    running = make(parent=group)
    waiting = make(parent=group)
    end("in_progress", running)
    tasks.edit(group, dependencies=[before])
    assert states(tasks, group, running, waiting) == ["group", "in_progress", "waiting"]

    end("cancelled", before)

    assert states(tasks, group, running, waiting) == ["unreachable", "in_progress", "unreachable"]
    assert blocked_by(tasks, group) == (before,)
    end("cancelled", running)
    assert states(tasks, group) == ["failed"]


def test_a_group_that_runs_out_though_its_prerequisite_failed_is_completed_after_all(tasks, make, end):
    group, before, last = make(), make(), make()
    running = make(parent=group)
    tasks.edit(last, dependencies=[group])
    token = tasks.update_status(running, "in_progress", worker="ann").claim_token
    tasks.edit(group, dependencies=[before])
    end("failed", before)
    assert states(tasks, group, last) == ["unreachable", "unreachable"]
    change = tasks.update_status(running, "completed", worker="ann", claim_token=token)
    assert (states(tasks, group), change.newly_ready) == (["completed"], (last,))


def test_a_dependent_of_a_group_with_a_failed_leaf_is_unreachable_at_once_and_blocked_by_the_leaf(tasks, make, end):
    outer = make()
    inner = make(parent=outer)
    bad, good = make(parent=inner), make(parent=inner)
    after = make(outer)
    end("failed", bad)
    assert states(tasks, outer, inner, good, after) == ["group", "group", "ready", "unreachable"]
    assert blocked_by(tasks, after) == (bad,)

    end("pending", bad)
    assert states(tasks, after) == ["waiting"]
    end("completed", bad)
    assert end("completed", good).newly_ready == (after,)


def test_an_unreachable_leaf_in_a_group_is_reported_by_its_root(tasks, make, end):
    root = make()
    group = make()
    make(root, parent=group)
    make(parent=group)
    after = make(group)
    end("cancelled", root)
    assert states(tasks, group, after) == ["group", "unreachable"]
    assert blocked_by(tasks, after) == (root,)


def test_a_change_far_below_reaches_the_top_group(tasks, make, end):
    top = make()
    chain = [top]
    for _ in range(5):
        chain.append(make(parent=chain[-1]))
    after = make(top)
    assert states(tasks, *chain) == ["group"] * 5 + ["ready"]
    assert end("completed", chain[-1]).newly_ready == (after,)
    assert states(tasks, *chain) == ["completed"] * 6
    end("pending", chain[-1])
    assert states(tasks, *chain, after) == ["group"] * 5 + ["ready", "waiting"]


@pytest.mark.parametrize("status", ["completed", "failed", "pending"])
def test_setting_the_status_of_a_group_by_hand_is_refused(tasks, make, end, status):
    group = make()
    child = make(parent=group)
    if status == "pending":
        end("completed", child)
    with pytest.raises(IllegalTransition, match=f"task {group} is a group") as refusal:
        end(status, group)
    assert "child" in refusal.value.hint


def test_a_group_cannot_be_reopened_while_its_status_is_that_of_its_children(tasks, make, end):
    group = make()
    child = make(parent=group)
    end("cancelled", child)
    with pytest.raises(IllegalTransition, match="is a group, cancelled because of its children") as refusal:
        end("pending", group)
    assert refusal.value.hint == "reopen one of its children, or what they wait for, or add a child"
    end("pending", child)
    assert states(tasks, group) == ["group"]


def test_cancelling_a_group_cancels_open_tasks_below_and_ends_claims(tasks, make, end):
    group = make()
    inner = make(parent=group)
    done, running, ready = make(parent=inner), make(parent=inner), make(parent=group)
    waiting = make(ready, parent=group)
    after = make(group)
    end("completed", done)
    token = tasks.update_status(running, "in_progress", worker="ann").claim_token

    change = tasks.update_status(group, "cancelled", worker="bob")

    assert states(tasks, group, inner, done, running, ready, waiting) == [
        "cancelled",
        "completed",
        "completed",
        "cancelled",
        "cancelled",
        "cancelled",
    ]
    assert states(tasks, after) == ["unreachable"]
    assert blocked_by(tasks, after) == (group,)
    assert change.task.settled_by == tasks.get(ready).settled_by == "bob"
    with pytest.raises(StaleClaim, match="ended as cancelled, by bob"):
        tasks.update_status(running, "completed", worker="ann", claim_token=token)


def test_a_cancelled_group_stays_cancelled_whatever_its_children_had_reached_until_it_is_reopened(tasks, make, end):
    group = make()
    done = make(parent=group)
    make(parent=group)
    after = make(group)
    end("completed", done)
    end("cancelled", group)
    assert states(tasks, group, after) == ["cancelled", "unreachable"]
    assert not end("cancelled", group).changed

    change = end("pending", group)

    assert change.newly_ready == (after,)
    assert states(tasks, group) == ["completed"]


def test_reopening_a_child_reopens_the_cancelled_groups_above_it(tasks, make, end):
    outer = make()
    inner = make(parent=outer)
    child, other = make(parent=inner), make(parent=inner)
    end("cancelled", outer)
    end("pending", child)
    assert states(tasks, outer, inner, child, other) == ["group", "group", "ready", "cancelled"]


def test_a_failed_group_with_unreachable_children_can_be_cancelled(tasks, make, end):
    group = make()
    bad = make(parent=group)
    child = make(bad, parent=group)
    end("failed", bad)
    end("cancelled", group)
    assert states(tasks, group, bad, child) == ["cancelled", "failed", "cancelled"]


def test_a_completed_group_cannot_be_cancelled(tasks, make, end):
    group = make()
    end("completed", make(parent=group))
    with pytest.raises(IllegalTransition, match=f"task {group} is completed") as refusal:
        end("cancelled", group)
    assert refusal.value.hint == "reopen or add one of its children first"


# Children that come and go


def test_a_child_turns_a_ready_leaf_into_a_group_that_is_not_offered(tasks, make):
    parent = make(priority=9)
    child = make(parent=parent, priority=2)
    assert states(tasks, parent) == ["group"]
    assert [offer.task.task_id for offer in tasks.offers(limit=5)] == [child]
    assert tasks.get(child).priority == 2, "priority is not inherited"


def test_a_child_of_a_claimed_leaf_is_added_by_the_holder_whose_claim_ends_uncounted(tasks, make):
    parent = make()
    token = tasks.update_status(parent, "in_progress", worker="ann").claim_token

    with pytest.raises(StaleClaim, match=f"task {parent} is claimed by ann") as refusal:
        make(parent=parent)
    assert refusal.value.hint == "only the holder can break it down into children: pass its claim_token"
    with pytest.raises(StaleClaim, match="is now claimed by ann"):
        make(parent=parent, claim_token="1.1.forged")
    assert len(tasks.list().tasks) == 1

    child = make(parent=parent, claim_token=token)
    task = tasks.get(parent)
    assert (task.readiness, task.claim, task.attempts) == ("group", None, 0)
    [attempt] = tasks.links(task).attempt_history
    assert (attempt.outcome, attempt.settled_by) == ("released", None)
    assert states(tasks, child) == ["ready"]
    assert make(parent=parent, claim_token=token), "the next child needs no claim"


def test_a_dead_claim_still_keeps_others_from_adding_children(tasks, make, clock):
    parent = make()
    token = tasks.update_status(parent, "in_progress", worker="ann").claim_token
    clock.advance(901)
    with pytest.raises(StaleClaim):
        make(parent=parent)
    assert make(parent=parent, claim_token=token)


def test_a_task_is_moved_into_a_claimed_leaf_by_its_holder_alone(tasks, make):
    parent, other = make(), make()
    token = tasks.update_status(parent, "in_progress", worker="ann").claim_token
    with pytest.raises(StaleClaim):
        tasks.edit(other, parent_id=parent)
    assert tasks.edit(other, parent_id=parent, claim_token=token).task.parent_id == parent
    assert states(tasks, parent) == ["group"]


@pytest.mark.parametrize("finished", ["completed", "failed", "cancelled"])
def test_a_child_added_to_a_finished_task_reopens_it(tasks, make, end, finished):
    parent = make()
    after = make(parent)
    end(finished, parent)

    child = make(parent=parent)

    assert states(tasks, parent, child, after) == ["group", "ready", "waiting"]
    assert (tasks.get(parent).settled_by, tasks.get(parent).completed_at) == (None, None)


def test_a_child_is_not_added_to_a_finished_task_whose_dependents_have_started(tasks, make, end):
    parent = make()
    after = make(parent)
    end("completed", parent)
    end("in_progress", after)
    with pytest.raises(DependentsStarted, match=f"task {parent} can't be reopened: task {after} waited") as refusal:
        make(parent=parent)
    assert refusal.value.started == (after,)
    moving = make()
    with pytest.raises(DependentsStarted):
        tasks.edit(moving, parent_id=parent)
    assert states(tasks, parent, moving) == ["completed", "ready"]


def test_a_group_that_loses_its_last_child_is_a_pending_leaf_again(tasks, make, end):
    group = make()
    child = make(parent=group)
    change = tasks.edit(child, parent_id=None)
    assert change.newly_ready == (group,)
    assert states(tasks, group, child) == ["ready", "ready"]
    assert (tasks.get(group).children, tasks.get(child).parent_id) == (0, None)
    assert tasks.claim_next(worker="ann").task.task_id == group


def test_a_failed_group_that_loses_its_last_child_is_a_pending_leaf_again(tasks, make, end):
    root = make()
    group = make()
    child = make(root, parent=group)
    end("failed", root)
    assert states(tasks, group) == ["failed"]
    tasks.edit(child, parent_id=None)
    assert states(tasks, group, child) == ["ready", "unreachable"]


def test_a_group_that_loses_its_last_open_child_ends_as_the_others_did(tasks, make, end):
    group = make()
    done, pending = make(parent=group), make(parent=group)
    after = make(group)
    end("completed", done)
    assert tasks.edit(pending, parent_id=None).newly_ready == (after,)
    assert states(tasks, group) == ["completed"]


def test_a_group_may_move_with_a_running_child_and_its_children_wait_for_its_new_ancestors(tasks, make, end):
    before = make()
    top = make(before)
    group = make()
    running, ready = make(parent=group), make(parent=group)
    end("in_progress", running)

    tasks.edit(group, parent_id=top)

    assert states(tasks, top, group, running, ready) == ["group", "group", "in_progress", "waiting"]
    assert blocked_by(tasks, ready) == (before,)
    assert end("completed", before).newly_ready == (ready,)


@pytest.mark.parametrize("status", ["in_progress", "completed", "failed", "cancelled"])
def test_dependencies_parent_and_goal_change_only_on_pending_tasks(tasks, make, end, status):
    task, other = make(), make()
    end(status, task)
    for change in ({"dependencies": [other]}, {"parent_id": other}, {"goal_id": 3}):
        with pytest.raises(IllegalTransition, match=f"task {task} is {status}; its dependencies, parent and goal"):
            tasks.edit(task, **change)
    assert tasks.edit(task, title="another", dependencies=[], parent_id=None).changed


def test_a_finished_group_keeps_its_place_and_the_hint_names_a_way_that_is_legal(tasks, make, end):
    before = make()
    group = make(before)
    child = make(parent=group)
    end("failed", before)
    assert states(tasks, group) == ["failed"]
    with pytest.raises(IllegalTransition, match="is failed") as refusal:
        tasks.edit(group, dependencies=[])
    assert "reopen one of them, or what they wait for, first" in refusal.value.hint
    end("pending", before)
    tasks.edit(group, dependencies=[])
    assert states(tasks, group, child) == ["group", "ready"]


def test_a_pending_group_may_get_other_prerequisites(tasks, make, end):
    before = make()
    group = make()
    child = make(parent=group)
    tasks.edit(group, dependencies=[before])
    assert states(tasks, child) == ["waiting"]
    assert tasks.get(child).open_dependencies == 0
    assert blocked_by(tasks, child) == (before,)
    assert tasks.edit(group, dependencies=[]).newly_ready == (child,)


# Depth


def test_groups_nest_to_a_depth_of_16(tasks, make):
    chain = [make()]
    for _ in range(16):
        chain.append(make(parent=chain[-1]))
    with pytest.raises(InvalidValue, match="would nest groups 17 deep; at most 16 are kept") as refusal:
        make(parent=chain[-1])
    assert (refusal.value.argument, refusal.value.hint) == ("parent_id", "choose a parent further up")
    assert states(tasks, chain[-1]) == ["ready"]


def test_moving_a_group_counts_the_groups_below_it(tasks, make):
    chain = [make()]
    for _ in range(14):
        chain.append(make(parent=chain[-1]))
    two_levels = make()
    one_level = make(parent=two_levels)
    make(parent=one_level)
    with pytest.raises(InvalidValue, match="would nest groups 17 deep"):
        tasks.edit(two_levels, parent_id=chain[-1])
    tasks.edit(two_levels, parent_id=chain[-2])
    assert tasks.get(two_levels).parent_id == chain[-2]


# Goals


def test_a_child_belongs_to_its_parents_goal(tasks, make):
    parent = make(goal_id=1)
    assert tasks.get(make(parent=parent)).goal_id == 1
    assert tasks.get(make(parent=parent, goal_id=1)).goal_id == 1
    with pytest.raises(InvalidValue, match=f"goal_id is 2, but parent task {parent} belongs to goal 1") as refusal:
        make(parent=parent, goal_id=2)
    assert (refusal.value.argument, refusal.value.hint) == ("goal_id", "omit goal_id")
    with pytest.raises(InvalidValue, match="belongs to no goal"):
        make(parent=make(), goal_id=2)


def test_a_task_takes_the_goal_of_the_group_that_it_moves_into(tasks, make):
    parent, task = make(goal_id=1), make(goal_id=2)
    assert tasks.edit(task, parent_id=parent).task.goal_id == 1
    with pytest.raises(InvalidValue, match="goal_id is 2"):
        tasks.edit(task, goal_id=2)
    with pytest.raises(InvalidValue, match="goal_id is null, but parent task"):
        tasks.edit(task, goal_id=None)
    change = tasks.edit(task, parent_id=None, goal_id=2)
    assert (change.task.goal_id, change.task.parent_id) == (2, None)


def test_a_group_takes_its_descendants_along_to_another_goal(tasks, make, end):
    group = make(goal_id=1)
    inner = make(parent=group)
    done, running, ready = make(parent=inner), make(parent=inner), make(parent=inner)
    end("completed", done)
    end("in_progress", running)

    assert tasks.edit(group, goal_id=2).newly_ready == ()

    assert [tasks.get(task_id).goal_id for task_id in (group, inner, done, running, ready)] == [2] * 5
    counts = tasks.counts([0, 1, 2])
    assert counts[1].leaves == counts[1].groups == 0
    assert counts[2] == counts[0]
    assert (counts[2].ready, counts[2].in_progress, counts[2].completed, counts[2].groups) == (1, 1, 1, 2)
    assert tasks.edit(group, goal_id=None).task.goal_id is None
    assert tasks.counts([2])[2].leaves == 0


def test_a_task_that_moves_into_a_paused_goal_is_held_and_one_that_moves_out_is_offered(tasks, make, clock):
    group = make(goal_id=1)
    ready, running = make(parent=group), make(parent=group)
    tasks.update_status(running, "in_progress", worker="ann", lease_seconds=10)
    tasks.hold([2])
    clock.advance(11)
    assert tasks.claim_next(worker="bob", goal_ids=[3]).task is None, "finds the dead claim all the same"

    tasks.edit(group, goal_id=2)
    assert states(tasks, ready) == ["waiting"]
    assert tasks.offers(limit=9) == ()

    assert tasks.edit(group, goal_id=1).newly_ready == (ready,)
    assert [offer.task.task_id for offer in tasks.offers(limit=9)] == [running, ready]


def test_a_task_that_moves_under_an_unreachable_one_is_unreachable_too(tasks, make, end):
    before = make()
    parent, moving = make(before), make()
    end("failed", before)
    assert tasks.edit(moving, parent_id=parent).task.readiness == "unreachable"
    assert states(tasks, parent) == ["failed"]
    assert blocked_by(tasks, moving) == (before,)
    change = tasks.edit(moving, parent_id=None)
    assert (change.task.readiness, states(tasks, parent)) == ("ready", ["unreachable"])


def test_a_task_that_moves_between_groups_is_counted_in_its_new_group(tasks, make, end):
    before = make()
    blocked, free = make(before), make()
    first, second = make(parent=blocked), make(parent=free)
    end("cancelled", second)
    assert states(tasks, blocked, free, first) == ["group", "cancelled", "waiting"]
    assert tasks.edit(first, parent_id=free).task.readiness == "ready"
    assert states(tasks, blocked, free) == ["waiting", "group"]
    end("completed", first)
    assert states(tasks, free) == ["completed"]


def test_a_failed_group_can_be_cancelled_though_nothing_below_it_is_open(tasks, make, end):
    group = make()
    bad = make(parent=group)
    after = make(group)
    end("failed", bad)
    assert blocked_by(tasks, after) == (bad,)
    assert end("cancelled", group).changed
    assert states(tasks, group, bad) == ["cancelled", "failed"]
    assert blocked_by(tasks, after) == (group,)
