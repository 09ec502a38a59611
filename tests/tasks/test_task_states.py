"""The table of states: each transition, its permitted callers, and its refusals."""

import pytest

from agent_runtime_tasks import Tasks, TaskStatus
from agent_runtime_tasks.errors import (
    ClaimConflict,
    DependentsStarted,
    IllegalTransition,
    InvalidValue,
    ResultConflict,
    StaleClaim,
    TaskNotFound,
)


@pytest.fixture
def tasks(connection, clock):
    tasks = Tasks(connection, clock=clock)
    tasks.migrate()
    return tasks


def claimed(tasks, title="work", **arguments):
    """Create a task and claim it as ann, and return its id and token."""
    task_id = tasks.create(title, **arguments).task.task_id
    return task_id, tasks.update_status(task_id, "in_progress", worker="ann").claim_token


def status(tasks, task_id):
    return tasks.get(task_id).status.value


# pending -> in_progress


def test_a_ready_task_is_claimed_by_its_id_and_the_answer_carries_the_token(tasks, clock):
    task_id = tasks.create("work").task.task_id

    change = tasks.update_status(task_id, "in_progress", worker="ann", lease_seconds=60)

    assert change.changed
    assert change.claim_token == change.task.claim.token
    assert (change.task.status, change.task.readiness) == (TaskStatus.IN_PROGRESS, None)
    assert (change.task.claim.worker, change.task.claim.live) == ("ann", True)
    assert change.task.claim.expires_at == clock.milliseconds + 60_000
    assert change.task.started_at == clock.milliseconds
    assert tasks.get(task_id) == change.task


def test_a_claim_without_a_lease_lasts_900_seconds(tasks, clock):
    task_id, _ = claimed(tasks)
    assert tasks.get(task_id).claim.expires_at == clock.milliseconds + 900_000


def test_a_waiting_task_is_not_claimed_and_the_error_names_what_it_waits_for(tasks):
    first = tasks.create("first").task.task_id
    second = tasks.create("second", dependencies=[first]).task.task_id

    with pytest.raises(IllegalTransition, match=f"task {second} waits for {first}") as refusal:
        tasks.update_status(second, "in_progress", worker="ann")

    assert refusal.value.task_id == second
    assert refusal.value.hint == f"complete {first} first"


def test_an_unreachable_task_is_not_claimed_and_the_error_names_the_root(tasks):
    root = tasks.create("root").task.task_id
    middle = tasks.create("middle", dependencies=[root]).task.task_id
    last = tasks.create("last", dependencies=[middle]).task.task_id
    tasks.update_status(root, "failed", worker="ann")

    with pytest.raises(IllegalTransition, match=f"is unreachable: it waits for {root}, failed or cancelled") as refusal:
        tasks.update_status(last, "in_progress", worker="ann")

    assert refusal.value.hint == f"reopen {root}, or change its dependencies with edit_task"


def test_a_task_that_its_group_makes_unreachable_gets_a_legal_hint(tasks):
    root = tasks.create("root").task.task_id
    group = tasks.create("group", dependencies=[root]).task.task_id
    child = tasks.create("child", parent_id=group).task.task_id
    tasks.update_status(root, "cancelled", worker="ann")

    with pytest.raises(IllegalTransition) as refusal:
        tasks.update_status(child, "in_progress", worker="ann")

    assert refusal.value.hint == f"reopen {root}, or move it out of its group with edit_task"
    assert tasks.edit(child, parent_id=None).task.readiness == "ready"


def test_a_task_of_a_paused_goal_is_not_claimed_by_its_id_either(tasks):
    task_id = tasks.create("work", goal_id=1).task.task_id
    tasks.hold([1])
    with pytest.raises(IllegalTransition, match="belongs to a paused goal"):
        tasks.update_status(task_id, "in_progress", worker="ann")


def test_a_task_is_not_claimed_before_its_time(tasks, clock):
    task_id = tasks.create("later", not_before=clock.milliseconds + 5000).task.task_id

    with pytest.raises(IllegalTransition, match="waits for its not_before"):
        tasks.update_status(task_id, "in_progress", worker="ann")

    clock.advance(5)
    assert tasks.update_status(task_id, "in_progress", worker="ann").changed


def test_a_group_is_never_claimed_whatever_its_status(tasks):
    group = tasks.create("group").task.task_id
    child = tasks.create("child", parent_id=group).task.task_id
    for _ in range(2):
        with pytest.raises(IllegalTransition, match="is a group, which is never claimed") as refusal:
            tasks.update_status(group, "in_progress", worker="ann")
        assert "claim one of its children" in refusal.value.hint
        tasks.update_status(child, "completed", worker="ann")


@pytest.mark.parametrize("finished", ["completed", "failed", "cancelled"])
def test_a_finished_task_is_not_claimed_before_it_is_reopened(tasks, finished):
    task_id = tasks.create("work").task.task_id
    tasks.update_status(task_id, finished, worker="ann")

    with pytest.raises(IllegalTransition, match=f"is {finished}") as refusal:
        tasks.update_status(task_id, "in_progress", worker="ann")

    assert refusal.value.hint == "set it to pending to reopen it, then claim it"


# in_progress -> in_progress


def test_the_holder_renews_by_saying_in_progress_again(tasks, clock):
    task_id, token = claimed(tasks)
    clock.advance(100)

    change = tasks.update_status(task_id, "in_progress", worker="ann", claim_token=token)

    assert (change.changed, change.claim_token) == (True, token)
    assert change.task.claim.expires_at == clock.milliseconds + 900_000
    assert change.task.fence == 1


def test_a_renewal_can_give_the_claim_another_length(tasks, clock):
    task_id, token = claimed(tasks)
    tasks.update_status(task_id, "in_progress", worker="ann", claim_token=token, lease_seconds=20)
    clock.advance(5)
    assert tasks.renew(task_id, claim_token=token).task.claim.expires_at == clock.milliseconds + 20_000


def test_a_claim_of_a_claimed_task_names_the_holder_and_when_the_lease_ends(tasks, clock):
    task_id, _ = claimed(tasks)

    with pytest.raises(ClaimConflict, match=f"task {task_id} is claimed by ann") as refusal:
        tasks.update_status(task_id, "in_progress", worker="bob")

    assert (refusal.value.task_id, refusal.value.worker) == (task_id, "ann")
    assert refusal.value.expires_at == clock.milliseconds + 900_000
    assert "get_next_task" in refusal.value.hint


def test_the_same_name_without_the_token_is_somebody_else(tasks):
    task_id, _ = claimed(tasks)
    with pytest.raises(ClaimConflict):
        tasks.update_status(task_id, "in_progress", worker="ann")


def test_a_dead_claim_is_taken_over_under_the_next_fence(tasks, clock):
    task_id, old = claimed(tasks)
    clock.advance(901)

    change = tasks.update_status(task_id, "in_progress", worker="bob")

    assert (change.task.claim.worker, change.task.fence, change.task.attempts) == ("bob", 2, 1)
    assert change.claim_token != old
    [lost, running] = tasks.links(change.task).attempt_history
    assert (lost.worker, lost.outcome, lost.settled_by) == ("ann", "lost", "bob")
    assert (running.worker, running.ended_at) == ("bob", None)


def test_a_take_over_that_uses_up_the_attempts_fails_the_task_instead(tasks, clock):
    first = tasks.create("first", max_attempts=1).task.task_id
    after = tasks.create("after", dependencies=[first]).task.task_id
    tasks.update_status(first, "in_progress", worker="ann")
    clock.advance(901)

    change = tasks.update_status(first, "in_progress", worker="bob")

    assert (change.changed, change.claim_token) == (True, None)
    assert (change.task.status, change.task.attempts, change.task.settled_by) == ("failed", 1, "bob")
    assert change.task.error == "ann was lost while working on it"
    assert tasks.get(after).readiness == "unreachable"


# in_progress -> completed, failed


@pytest.mark.parametrize("end", ["completed", "failed"])
def test_the_holder_settles(tasks, clock, end):
    task_id, token = claimed(tasks)
    clock.advance(3)

    change = tasks.update_status(task_id, end, worker="ann", claim_token=token, result="r", error="e")

    task = change.task
    assert (task.status, task.result, task.error, task.settled_by, task.claim) == (end, "r", "e", "ann", None)
    assert task.completed_at == (clock.milliseconds if end == "completed" else None)
    assert task.attempts == 1
    [attempt] = tasks.links(task).attempt_history
    assert (attempt.outcome, attempt.ended_at, attempt.settled_by, attempt.error) == (
        end,
        clock.milliseconds,
        None,
        "e",
    )
    assert tasks.get(task_id) == task


@pytest.mark.parametrize("end", ["completed", "failed", "pending"])
def test_nobody_else_settles_or_releases_while_the_claim_is_live(tasks, end):
    task_id, _ = claimed(tasks)
    before = tasks.get(task_id)

    for worker in ("bob", "ann"):
        with pytest.raises(StaleClaim, match="is claimed by ann, who alone can settle or release it") as refusal:
            tasks.update_status(task_id, end, worker=worker, result="mine")
        assert "pass the claim_token" in refusal.value.hint

    assert tasks.get(task_id) == before


@pytest.mark.parametrize("end", ["completed", "failed"])
def test_anyone_settles_when_the_claim_is_dead_and_the_attempt_says_who(tasks, clock, end):
    task_id, _ = claimed(tasks)
    clock.advance(901)

    change = tasks.update_status(task_id, end, worker="bob", result="found done")

    assert (change.task.status, change.task.settled_by, change.task.attempts) == (end, "bob", 1)
    [attempt] = tasks.links(change.task).attempt_history
    assert (attempt.worker, attempt.outcome, attempt.settled_by) == ("ann", end, "bob")


def test_failed_is_final_until_it_is_reopened(tasks):
    task_id, token = claimed(tasks)
    tasks.update_status(task_id, "failed", worker="ann", claim_token=token)

    for status_word in ("in_progress", "completed", "cancelled"):
        with pytest.raises(IllegalTransition):
            tasks.update_status(task_id, status_word, worker="ann")
    assert tasks.update_status(task_id, "pending", worker="ann").task.readiness == "ready"


def test_a_completed_task_cannot_fail_or_be_cancelled(tasks):
    task_id = tasks.create("work").task.task_id
    tasks.update_status(task_id, "completed", worker="ann")
    for end in ("failed", "cancelled"):
        with pytest.raises(IllegalTransition, match="is completed") as refusal:
            tasks.update_status(task_id, end, worker="ann")
        assert refusal.value.hint == "set it to pending to reopen it first"


# in_progress -> pending


def test_a_released_attempt_is_not_counted(tasks):
    task_id, token = claimed(tasks)

    change = tasks.update_status(task_id, "pending", worker="ann", claim_token=token)

    assert (change.task.readiness, change.task.attempts, change.task.claim) == ("ready", 0, None)
    assert [one.outcome for one in tasks.links(change.task).attempt_history] == ["released"]


def test_a_release_with_an_error_counts_and_keeps_the_error(tasks):
    task_id, token = claimed(tasks)

    change = tasks.update_status(task_id, "pending", worker="ann", claim_token=token, error="no network")

    assert (change.task.readiness, change.task.attempts, change.task.error) == ("ready", 1, "no network")
    [attempt] = tasks.links(change.task).attempt_history
    assert (attempt.outcome, attempt.error) == ("failed", "no network")


def test_retry_in_seconds_only_delays(tasks, clock):
    task_id, token = claimed(tasks)

    change = tasks.update_status(task_id, "pending", worker="ann", claim_token=token, retry_in_seconds=30)

    assert (change.task.readiness, change.task.attempts) == ("waiting", 0)
    assert change.task.not_before == clock.milliseconds + 30_000
    assert tasks.claim_next(worker="bob").task is None
    clock.advance(30)
    assert tasks.claim_next(worker="bob").task.task_id == task_id


def test_at_max_attempts_a_release_with_an_error_fails_the_task(tasks):
    task_id = tasks.create("hard", max_attempts=2).task.task_id
    for expected in ("pending", "failed"):
        token = tasks.update_status(task_id, "in_progress", worker="ann").claim_token
        change = tasks.update_status(task_id, "pending", worker="ann", claim_token=token, error="again")
        assert change.task.status == expected
    assert (change.task.attempts, change.task.settled_by) == (2, "ann")


def test_releases_without_an_error_never_use_attempts_up(tasks):
    task_id = tasks.create("hard", max_attempts=1).task.task_id
    for _ in range(3):
        token = tasks.update_status(task_id, "in_progress", worker="ann").claim_token
        assert tasks.update_status(task_id, "pending", worker="ann", claim_token=token).task.status == "pending"
    assert tasks.get(task_id).fence == 3


def test_anyone_releases_a_dead_claim_and_it_counts_as_lost(tasks, clock):
    task_id, _ = claimed(tasks)
    clock.advance(901)

    change = tasks.update_status(task_id, "pending", worker="bob")

    assert (change.task.readiness, change.task.attempts) == ("ready", 1)
    [attempt] = tasks.links(change.task).attempt_history
    assert (attempt.outcome, attempt.settled_by) == ("lost", "bob")


# in_progress, pending -> cancelled


def test_anyone_cancels_and_the_holders_next_call_says_who(tasks):
    task_id, token = claimed(tasks)

    change = tasks.update_status(task_id, "cancelled", worker="bob", error="no longer wanted")

    assert (change.task.status, change.task.settled_by, change.task.claim) == ("cancelled", "bob", None)
    assert (change.task.attempts, change.task.error) == (0, "no longer wanted")
    for end in ("in_progress", "completed", "failed", "pending", "cancelled"):
        with pytest.raises(StaleClaim, match="is cancelled; this claim ended as cancelled, by bob"):
            tasks.update_status(task_id, end, worker="ann", claim_token=token)
    with pytest.raises(StaleClaim, match="by bob"):
        tasks.renew(task_id, claim_token=token)


def test_a_pending_task_is_cancelled_even_when_it_waits(tasks):
    first = tasks.create("first").task.task_id
    second = tasks.create("second", dependencies=[first]).task.task_id
    assert tasks.update_status(second, "cancelled", worker="bob").task.status == "cancelled"


# pending -> completed, failed


def test_anyone_completes_a_pending_task_whose_prerequisites_are_completed(tasks):
    first = tasks.create("first").task.task_id
    second = tasks.create("second", dependencies=[first]).task.task_id

    with pytest.raises(IllegalTransition, match=f"waits for {first}"):
        tasks.update_status(second, "completed", worker="ann")
    change = tasks.update_status(first, "completed", worker="ann", result="by hand")
    assert change.newly_ready == (second,)
    assert (change.task.attempts, change.task.fence) == (0, 0)
    assert tasks.update_status(second, "completed", worker="bob").task.settled_by == "bob"


def test_a_task_can_be_completed_before_its_time_and_in_a_paused_goal(tasks, clock):
    later = tasks.create("later", not_before=clock.milliseconds + 5000).task.task_id
    held = tasks.create("held", goal_id=1).task.task_id
    tasks.hold([1])
    for task_id in (later, held):
        assert tasks.update_status(task_id, "completed", worker="ann").changed


def test_anyone_fails_a_pending_task(tasks):
    first = tasks.create("first").task.task_id
    second = tasks.create("second", dependencies=[first]).task.task_id
    change = tasks.update_status(second, "failed", worker="ann", error="can't be done")
    assert (change.task.status, change.task.error, change.task.attempts) == ("failed", "can't be done", 0)


# completed, failed, cancelled -> pending


@pytest.mark.parametrize("finished", ["completed", "failed", "cancelled"])
def test_reopening_starts_the_attempts_again_but_never_the_fence(tasks, finished):
    task_id, token = claimed(tasks)
    tasks.update_status(task_id, finished, worker="ann", claim_token=token, result="r", error="e")

    task = tasks.update_status(task_id, "pending", worker="bob").task

    assert (task.readiness, task.attempts, task.fence) == ("ready", 0, 1)
    assert (task.completed_at, task.settled_by) == (None, None)
    assert (task.result, task.error) == ("r", "e")
    assert tasks.update_status(task_id, "in_progress", worker="bob").task.fence == 2


def test_dependents_of_a_reopened_task_wait_again(tasks):
    first = tasks.create("first").task.task_id
    second = tasks.create("second", dependencies=[first]).task.task_id
    tasks.update_status(first, "completed", worker="ann")
    assert tasks.get(second).readiness == "ready"

    tasks.update_status(first, "pending", worker="ann")

    assert tasks.get(second).readiness == "waiting"


@pytest.mark.parametrize("started", ["in_progress", "completed"])
def test_a_prerequisite_of_a_started_task_is_not_reopened_and_the_error_names_the_started_task(tasks, started):
    first = tasks.create("first").task.task_id
    second = tasks.create("second", dependencies=[first]).task.task_id
    tasks.update_status(first, "completed", worker="ann")
    tasks.update_status(second, started, worker="ann")

    with pytest.raises(DependentsStarted, match=f"task {second} waited for it and started") as refusal:
        tasks.update_status(first, "pending", worker="ann")

    assert (refusal.value.task_id, refusal.value.started) == (first, (second,))
    assert str(second) in refusal.value.hint


@pytest.mark.parametrize("ended", ["failed", "cancelled"])
def test_a_dependent_that_failed_or_was_cancelled_does_not_prevent_reopening(tasks, ended):
    first = tasks.create("first").task.task_id
    second = tasks.create("second", dependencies=[first]).task.task_id
    tasks.update_status(first, "completed", worker="ann")
    tasks.update_status(second, ended, worker="ann")
    assert tasks.update_status(first, "pending", worker="ann").changed


def test_a_started_descendant_of_a_dependent_group_prevents_reopening(tasks):
    first = tasks.create("first").task.task_id
    group = tasks.create("group", dependencies=[first]).task.task_id
    inner = tasks.create("inner", parent_id=group).task.task_id
    leaf = tasks.create("leaf", parent_id=inner).task.task_id
    tasks.update_status(first, "completed", worker="ann")
    tasks.update_status(leaf, "in_progress", worker="ann")

    with pytest.raises(DependentsStarted) as refusal:
        tasks.update_status(first, "pending", worker="ann")

    assert refusal.value.started == (leaf,)


def test_a_child_of_a_completed_group_is_not_reopened_under_running_dependents_of_the_group(tasks):
    group = tasks.create("group").task.task_id
    done = tasks.create("done", parent_id=group).task.task_id
    dropped = tasks.create("dropped", parent_id=group).task.task_id
    after = tasks.create("after", dependencies=[group]).task.task_id
    tasks.update_status(done, "completed", worker="ann")
    tasks.update_status(dropped, "cancelled", worker="ann")
    tasks.update_status(after, "in_progress", worker="ann")

    with pytest.raises(DependentsStarted) as refusal:
        tasks.update_status(dropped, "pending", worker="ann")

    assert refusal.value.started == (after,)
    assert tasks.get(group).status == "completed"


def test_reopening_can_be_delayed(tasks, clock):
    task_id = tasks.create("work").task.task_id
    tasks.update_status(task_id, "failed", worker="ann")
    change = tasks.update_status(task_id, "pending", worker="ann", retry_in_seconds=10)
    assert (change.task.readiness, change.task.not_before) == ("waiting", clock.milliseconds + 10_000)


# the same again


@pytest.mark.parametrize("stands", ["pending", "completed", "failed", "cancelled"])
def test_the_same_status_again_changes_nothing_and_writes_nothing(tasks, connection, clock, stands):
    task_id = tasks.create("work").task.task_id
    tasks.update_status(task_id, stands, worker="ann", result="first")
    before = tasks.get(task_id)
    rows = connection.execute("SELECT * FROM tasks_tasks").fetchall()
    clock.advance(10)

    change = tasks.update_status(task_id, stands, worker="bob", result="second", error="other", retry_in_seconds=5)

    assert (change.changed, change.task, change.newly_ready, change.claim_token) == (False, before, (), None)
    assert connection.execute("SELECT * FROM tasks_tasks").fetchall() == rows


def test_the_finishing_fence_may_repeat_the_call(tasks):
    task_id, token = claimed(tasks)
    tasks.update_status(task_id, "completed", worker="ann", claim_token=token, result="r")

    for again in ({}, {"result": "r"}):
        change = tasks.update_status(task_id, "completed", worker="ann", claim_token=token, **again)
        assert (change.changed, change.task.result) == (False, "r")


def test_completed_again_by_the_finishing_fence_with_another_result_is_a_conflict(tasks):
    task_id, token = claimed(tasks)
    tasks.update_status(task_id, "completed", worker="ann", claim_token=token, result="r")

    for other in ("s", None):
        with pytest.raises(
            ResultConflict, match=f"task {task_id} was completed under this claim with another"
        ) as refusal:
            tasks.update_status(task_id, "completed", worker="ann", claim_token=token, result=other)
        assert refusal.value.task_id == task_id
        assert refusal.value.hint == "the first result stands; get_task shows it"
    assert tasks.get(task_id).result == "r"


def test_any_caller_with_the_token_finishes_and_may_repeat_the_call(tasks):
    task_id, token = claimed(tasks)
    change = tasks.update_status(task_id, "completed", worker="ann's helper", claim_token=token, result="r")
    assert change.task.settled_by == "ann's helper"

    assert not tasks.update_status(task_id, "completed", worker="ann's helper", claim_token=token, result="r").changed
    with pytest.raises(ResultConflict):
        tasks.update_status(task_id, "completed", worker="ann's helper", claim_token=token, result="s")


def test_a_fence_that_did_not_finish_the_task_is_stale_though_nobody_took_it(tasks, clock):
    task_id, token = claimed(tasks)
    clock.advance(901)
    tasks.update_status(task_id, "completed", worker="bob", result="found done")

    with pytest.raises(StaleClaim, match="is completed; this claim ended as completed, by bob"):
        tasks.update_status(task_id, "completed", worker="ann", claim_token=token, result="mine")


@pytest.mark.parametrize(
    ("end", "arguments"),
    [
        ("failed", {}),
        ("cancelled", {}),
        ("pending", {}),
        ("pending", {"error": "e"}),
        ("pending", {"retry_in_seconds": 9}),
    ],
)
def test_a_token_may_request_again_the_status_that_it_brought_about_while_that_lasts(tasks, clock, end, arguments):
    task_id, token = claimed(tasks)
    first = tasks.update_status(task_id, end, worker="ann", claim_token=token, **arguments)

    again = tasks.update_status(task_id, end, worker="ann", claim_token=token, **arguments)

    assert (again.changed, again.task) == (False, first.task)
    clock.advance(10)
    if end == "pending":
        tasks.update_status(task_id, "in_progress", worker="bob")
    else:
        tasks.update_status(task_id, "pending", worker="bob")
    with pytest.raises(StaleClaim):
        tasks.update_status(task_id, end, worker="ann", claim_token=token, **arguments)


# result and error


def test_an_omitted_result_or_error_keeps_the_stored_one_and_null_clears_it(tasks):
    task_id, token = claimed(tasks)
    tasks.update_status(task_id, "pending", worker="ann", claim_token=token, result="half", error="e")
    change = tasks.update_status(task_id, "completed", worker="ann")
    assert (change.task.result, change.task.error) == ("half", "e")

    tasks.update_status(task_id, "pending", worker="ann", error=None)
    change = tasks.update_status(task_id, "completed", worker="ann", result="whole")

    assert (change.task.result, change.task.error) == ("whole", None)


def test_a_result_given_with_a_claim_or_a_renewal_is_kept(tasks):
    task_id = tasks.create("work").task.task_id
    change = tasks.update_status(task_id, "in_progress", worker="ann", result="draft 1")
    assert (change.task.result, change.task.claim.token) == ("draft 1", change.claim_token)
    change = tasks.update_status(
        task_id, "in_progress", worker="ann", claim_token=change.claim_token, result="draft 2", error="slow"
    )
    assert (change.task.result, change.task.error) == ("draft 2", "slow")
    assert tasks.get(task_id) == change.task


# what is refused


def test_an_unknown_task_is_named(tasks):
    with pytest.raises(TaskNotFound, match="task 7 does not exist") as refusal:
        tasks.update_status(7, "completed", worker="ann")
    assert (refusal.value.task_id, refusal.value.hint) == (7, "list_tasks names the tasks there are")
    with pytest.raises(TaskNotFound):
        tasks.renew(7, claim_token="7.1.x")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"status": "done"}, "status is 'done'; it must be one of pending, in_progress, completed, failed, cancelled"),
        ({"worker": ""}, "worker must not be empty"),
        ({"worker": "a\nb"}, "worker contains control characters"),
        ({"worker": "x" * 201}, "worker has 201 characters"),
        ({"result": "x" * 65_537}, "result has 65537 bytes"),
        ({"error": 3}, "error must be text, not a whole number"),
        ({"retry_in_seconds": -1}, "retry_in_seconds is -1"),
        ({"retry_in_seconds": 31_536_001}, "retry_in_seconds is 31536001"),
        ({"lease_seconds": 9}, "lease_seconds is 9; it must be at least 10 and at most 86400"),
        ({"lease_seconds": 86_401}, "lease_seconds is 86401"),
        ({"task_id": True}, "task_id must be a whole number, not a boolean"),
        ({"task_id": 0}, "task_id is 0"),
    ],
)
def test_values_out_of_bounds_are_refused_and_nothing_is_written(tasks, arguments, problem):
    task_id = tasks.create("work").task.task_id
    before = tasks.get(task_id)
    with pytest.raises(InvalidValue, match=problem) as refusal:
        tasks.update_status(**{"task_id": task_id, "status": "completed", "worker": "ann", **arguments})
    assert refusal.value.argument == next(iter(arguments))
    assert tasks.get(task_id) == before
