"""The ready queue: order, filters, times, pauses, and what an empty answer says."""

import pytest

from agent_runtime_tasks import Counts, Prerequisite, Queue, Tasks
from agent_runtime_tasks.errors import InvalidValue


@pytest.fixture
def tasks(connection, clock):
    tasks = Tasks(connection, clock=clock)
    tasks.migrate()
    return tasks


def created(tasks, title="work", **arguments):
    return tasks.create(title, **arguments).task.task_id


def claim_all(tasks, **arguments):
    """Claim until nothing is left, and return the ids in the order in which they came."""
    found = []
    while (task := tasks.claim_next(worker="ann", **arguments).task) is not None:
        found.append(task.task_id)
    return found


def offered(tasks, **arguments):
    return [offer.task.task_id for offer in tasks.offers(limit=200, **arguments)]


# Order


def test_the_queue_goes_by_priority_and_then_by_age(tasks):
    low, high, middle, later = (created(tasks, priority=priority) for priority in (1, 10, 5, 10))
    assert offered(tasks) == [high, later, middle, low]
    assert claim_all(tasks) == [high, later, middle, low]


def test_a_claim_picks_and_claims_in_one_answer(tasks, clock):
    first = created(tasks, "first", acceptance_criteria=["it runs"])
    tasks.update_status(first, "completed", worker="ann", result="found")
    second = created(tasks, "second", dependencies=[first])
    created(tasks, "third", dependencies=[second])

    claimed = tasks.claim_next(worker="ann", lease_seconds=60)

    assert claimed.task == tasks.get(second)
    assert claimed.claim_token == claimed.task.claim.token
    assert claimed.task.claim.expires_at == clock.milliseconds + 60_000
    assert claimed.prerequisites == (Prerequisite(task_id=first, title="first", result="found"),)
    assert claimed.queue == Queue(ready=0, waiting=1, unreachable=0, in_progress=1, next_ready_at=None)
    assert (claimed.holding, claimed.failed) == ((second,), ())


def test_prerequisites_of_the_groups_above_are_handed_over_too(tasks):
    design = created(tasks, "design")
    group = created(tasks, "build", dependencies=[design])
    data = created(tasks, "data")
    child = created(tasks, "parser", parent_id=group, dependencies=[data])
    for task_id in (design, data):
        tasks.update_status(task_id, "completed", worker="ann", result=f"result of {task_id}")
    claimed = tasks.claim_next(worker="ann")
    assert claimed.task.task_id == child
    assert [one.task_id for one in claimed.prerequisites] == [design, data]
    assert tasks.prerequisites(claimed.task) == claimed.prerequisites


def test_an_empty_answer_says_why(tasks, clock):
    first = created(tasks)
    created(tasks, dependencies=[first])
    failed = created(tasks)
    created(tasks, dependencies=[failed])
    tasks.update_status(failed, "failed", worker="ann")
    created(tasks, not_before=clock.milliseconds + 9000)
    created(tasks, not_before=clock.milliseconds + 5000)
    tasks.claim_next(worker="ann")

    claimed = tasks.claim_next(worker="ann")

    assert (claimed.task, claimed.claim_token, claimed.prerequisites) == (None, None, ())
    assert claimed.queue == Queue(
        ready=0, waiting=3, unreachable=1, in_progress=1, next_ready_at=clock.milliseconds + 5000
    )
    assert claimed.holding == (first,)


def test_looking_claims_nothing(tasks):
    task_id = created(tasks)
    assert offered(tasks) == offered(tasks) == [task_id]
    assert tasks.get(task_id).fence == 0


def test_looking_agrees_with_claiming_for_any_number(tasks, clock):
    for number in range(12):
        created(
            tasks,
            priority=1 + number % 3,
            not_before=clock.milliseconds + (number % 4) * 1000,
            goal_id=1 + number % 2,
        )
    clock.advance(2)
    for limit in (1, 3, 200):
        assert [one.task.task_id for one in tasks.offers(limit=limit)] == offered(tasks)[:limit]
    for goal_ids in ([2], None):
        first = offered(tasks, goal_ids=goal_ids)
        assert claim_all(tasks, goal_ids=goal_ids) == first


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [({"worker": ""}, "worker must not be empty"), ({"worker": "ann", "lease_seconds": 1}, "lease_seconds is 1")],
)
def test_claims_out_of_bounds_are_refused(tasks, arguments, problem):
    created(tasks)
    with pytest.raises(InvalidValue, match=problem):
        tasks.claim_next(**arguments)
    with pytest.raises(InvalidValue, match="limit is 201"):
        tasks.offers(limit=201)


# Goals


def test_only_tasks_of_the_goals_asked_for_are_claimed_in_order_over_all_of_them(tasks):
    in_one = created(tasks, goal_id=1, priority=3)
    in_two = created(tasks, goal_id=2, priority=7)
    also_two = created(tasks, goal_id=2, priority=3)
    created(tasks, priority=10)
    assert offered(tasks, goal_ids=[1, 2]) == [in_two, in_one, also_two]
    assert tasks.claim_next(worker="ann", goal_ids=[1]).task.task_id == in_one
    assert claim_all(tasks, goal_ids=[1, 2]) == [in_two, also_two]
    assert tasks.claim_next(worker="ann", goal_ids=[]).task is None
    assert tasks.queue([]) == Queue(ready=0, waiting=0, unreachable=0, in_progress=0, next_ready_at=None)


def test_a_left_task_comes_first_in_its_goal_too(tasks):
    first, second = created(tasks, goal_id=1), created(tasks, goal_id=1)
    tasks.update_status(second, "in_progress", worker="ann", holder="p1")
    tasks.detach("p1")
    assert claim_all(tasks, goal_ids=[1]) == [second, first]


# Times


def test_a_task_becomes_ready_when_its_time_comes_though_nothing_is_written(tasks, clock, connection):
    task_id = created(tasks, goal_id=1, not_before=clock.milliseconds + 5000)
    assert tasks.get(task_id).readiness == "waiting"
    assert tasks.queue([1]).next_ready_at == clock.milliseconds + 5000
    rows = connection.execute("SELECT * FROM tasks_tasks").fetchall()

    clock.advance(5)

    assert tasks.get(task_id).readiness == "ready"
    assert (
        tasks.queue() == tasks.queue([1]) == Queue(ready=1, waiting=0, unreachable=0, in_progress=0, next_ready_at=None)
    )
    assert tasks.counts([0, 1]) == {0: Counts(ready=1), 1: Counts(ready=1)}
    assert [task.task_id for task in tasks.list(readiness="ready").tasks] == [task_id]
    assert tasks.list(readiness="waiting").tasks == ()
    assert connection.execute("SELECT * FROM tasks_tasks").fetchall() == rows
    assert tasks.claim_next(worker="ann").task.task_id == task_id


def test_a_time_that_has_come_counts_only_if_the_task_waits_for_nothing_else(tasks, clock):
    first = created(tasks)
    second = created(tasks, dependencies=[first], not_before=clock.milliseconds + 1000)
    clock.advance(2)
    assert tasks.get(second).readiness == "waiting"
    assert tasks.update_status(first, "completed", worker="ann").newly_ready == (second,)


def test_a_task_that_became_ready_with_time_is_not_reported_as_newly_ready_by_a_later_write(tasks, clock):
    task_id = created(tasks, not_before=clock.milliseconds + 1000)
    first = created(tasks)
    second = created(tasks, dependencies=[first], priority=1)
    clock.advance(1)
    tasks.hold([1])
    change = tasks.edit(task_id, dependencies=[first])
    assert change.task.readiness == "waiting"
    assert tasks.update_status(first, "completed", worker="ann").newly_ready == (task_id, second)
    group = created(tasks, goal_id=1)
    due = created(tasks, parent_id=group, not_before=clock.milliseconds + 1000)
    tasks.unhold([1])
    clock.advance(1)
    assert tasks.edit(group, goal_id=2).newly_ready == ()
    assert tasks.get(due).readiness == "ready"


def test_a_hundred_tasks_whose_time_has_come_are_promoted_by_each_claim(tasks, clock, connection):
    ids = [created(tasks, not_before=clock.milliseconds + 1000 + number) for number in range(250)]
    clock.advance(2)

    def promoted():
        [(count,)] = connection.execute("SELECT COUNT(*) FROM tasks_tasks WHERE state <> 'waiting'").fetchall()
        return count

    assert tasks.queue().ready == 250
    for number, expected in enumerate((100, 200, 250, 250)):
        claimed = tasks.claim_next(worker="ann")
        assert claimed.task.task_id == ids[number]
        assert claimed.queue == tasks.queue()
        assert (claimed.queue.ready, claimed.queue.waiting) == (249 - number, 0)
        assert promoted() == expected


def test_a_claim_in_a_goal_promotes_what_is_due_there_however_much_is_due_elsewhere(tasks, clock):
    for _ in range(150):
        created(tasks, goal_id=1, not_before=clock.milliseconds + 1000)
    mine = created(tasks, goal_id=2, not_before=clock.milliseconds + 2000)
    clock.advance(3)
    assert tasks.claim_next(worker="ann", goal_ids=[2]).task.task_id == mine
    assert tasks.counts([1])[1] == Counts(ready=150)


def test_an_edit_moves_or_clears_the_time(tasks, clock):
    task_id = created(tasks, not_before=clock.milliseconds + 9000)
    change = tasks.edit(task_id, not_before=clock.milliseconds + 1000)
    assert (change.task.readiness, tasks.queue().next_ready_at) == ("waiting", clock.milliseconds + 1000)
    assert tasks.edit(task_id, not_before=None).task.readiness == "ready"
    assert tasks.edit(task_id, not_before=clock.milliseconds).task.readiness == "ready"
    assert offered(tasks) == [task_id]


# Priorities


def test_a_new_priority_moves_a_task_in_the_queue(tasks):
    first, second = created(tasks), created(tasks)
    tasks.edit(second, priority=6)
    assert offered(tasks) == [second, first]


def test_a_new_priority_moves_a_left_task_too(tasks, clock):
    left, other = created(tasks), created(tasks, priority=7)
    tasks.update_status(left, "in_progress", worker="ann", lease_seconds=10)
    clock.advance(11)
    assert offered(tasks) == [other, left]
    tasks.claim_next(worker="bob", goal_ids=[9])

    tasks.edit(left, priority=7)

    assert offered(tasks) == [left, other]
    assert claim_all(tasks) == [left, other]


def test_a_priority_changed_under_a_live_claim_counts_when_it_is_left(tasks):
    left, other = created(tasks), created(tasks, priority=7)
    tasks.update_status(left, "in_progress", worker="ann", holder="p1")
    tasks.edit(left, priority=8)
    assert offered(tasks) == [other]
    tasks.detach("p1")
    assert offered(tasks) == [left, other]


# Pauses


def test_tasks_of_a_held_goal_are_not_offered_until_it_is_released(tasks, clock):
    ready = created(tasks, goal_id=1)
    waiting = created(tasks, goal_id=1, dependencies=[ready])
    timed = created(tasks, goal_id=1, not_before=clock.milliseconds + 1000)
    other = created(tasks, goal_id=2)

    tasks.hold([1])
    tasks.hold([1])

    assert [tasks.get(one).readiness for one in (ready, waiting, timed)] == ["waiting"] * 3
    assert tasks.counts([1])[1] == Counts(waiting=3)
    assert offered(tasks) == [other]
    clock.advance(2)
    assert tasks.get(timed).readiness == "waiting"
    assert tasks.queue([1]).next_ready_at is None
    late = created(tasks, goal_id=1)
    assert tasks.get(late).readiness == "waiting"
    assert claim_all(tasks) == [other]

    tasks.unhold([1])
    tasks.unhold([1])

    assert [tasks.get(one).readiness for one in (ready, waiting, timed, late)] == ["ready", "waiting", "ready", "ready"]
    assert claim_all(tasks) == [ready, timed, late]


def test_a_left_task_of_a_held_goal_is_not_offered_until_it_is_released(tasks, clock):
    before, after = created(tasks, goal_id=1), created(tasks, goal_id=1)
    tasks.update_status(before, "in_progress", worker="ann", lease_seconds=10)
    tasks.update_status(after, "in_progress", worker="ann", holder="p1")
    clock.advance(11)
    tasks.claim_next(worker="bob", goal_ids=[9])
    tasks.hold([1])
    tasks.detach("p1")
    assert offered(tasks) == []
    assert claim_all(tasks) == []

    tasks.unhold([1])

    assert claim_all(tasks) == [before, after]


def test_the_holder_settles_in_a_held_goal_and_others_may_take_a_dead_claim_by_its_id(tasks, clock):
    mine, left = created(tasks, goal_id=1), created(tasks, goal_id=1)
    token = tasks.update_status(mine, "in_progress", worker="ann").claim_token
    tasks.update_status(left, "in_progress", worker="ann", lease_seconds=10)
    tasks.hold([1])
    clock.advance(11)
    assert tasks.update_status(mine, "completed", worker="ann", claim_token=token).changed
    assert tasks.update_status(left, "in_progress", worker="bob").task.claim.worker == "bob"


def test_holding_a_goal_leaves_unreachable_tasks_unreachable(tasks):
    first = created(tasks, goal_id=1)
    second = created(tasks, goal_id=1, dependencies=[first])
    tasks.update_status(first, "failed", worker="ann")
    tasks.hold([1])
    assert tasks.get(second).readiness == "unreachable"


# All that is open in goals


def test_open_tasks_are_counted_and_the_first_ids_returned(tasks):
    group = created(tasks, goal_id=1)
    ids = [created(tasks, goal_id=1, parent_id=group) for _ in range(12)]
    tasks.update_status(ids[0], "completed", worker="ann")
    tasks.update_status(ids[1], "failed", worker="ann")
    tasks.update_status(ids[5], "in_progress", worker="ann")
    doomed = created(tasks, goal_id=2, dependencies=[ids[1]])
    assert tasks.open_in([1]) == (10, tuple(ids[2:]))
    assert tasks.open_in([1, 2], limit=3) == (11, tuple(ids[2:5]))
    assert tasks.open_in([2]) == (1, (doomed,))
    assert tasks.open_in([]) == tasks.open_in([9]) == (0, ())


def test_cancelling_all_open_tasks_leaves_settled_ones(tasks):
    group = created(tasks, goal_id=1)
    done, ready = created(tasks, parent_id=group), created(tasks, parent_id=group)
    waiting = created(tasks, goal_id=1, dependencies=[ready])
    running = created(tasks, goal_id=1)
    elsewhere = created(tasks, goal_id=2, dependencies=[waiting])
    tasks.update_status(done, "completed", worker="ann")
    token = tasks.update_status(running, "in_progress", worker="ann").claim_token

    assert tasks.cancel_open_in([1], worker="bob") == 3

    found = {task.task_id: task for task in tasks.list().tasks}
    assert [found[one].status for one in (group, done, ready, waiting, running)] == [
        "completed",
        "completed",
        "cancelled",
        "cancelled",
        "cancelled",
    ]
    assert found[running].settled_by == found[ready].settled_by == "bob"
    assert found[elsewhere].readiness == "unreachable"
    assert tasks.open_in([1]) == (0, ())
    assert tasks.cancel_open_in([1], worker="bob") == 0
    assert not tasks.is_current(running, token)
