"""Who holds a task: a session remembers its claim tokens, so that an agent need never mention them."""

import pytest
from operating import bob

from agent_runtime_mcp.operations.call import Session


def history(runtime, task_id):
    return [(one["worker"], one["outcome"]) for one in runtime("get_task", task_id=task_id)["attempt_history"]]


def test_an_agent_that_never_mentions_tokens_works(runtime):
    first = runtime.task()
    runtime.task(dependencies=[first])
    for _ in range(2):
        task_id = runtime("get_next_task")["task"]["task_id"]
        runtime("renew_task", task_id=task_id, progress="half")
        runtime("update_task_status", task_id=task_id, status="in_progress", lease_seconds=60)
        assert runtime.settle(task_id, result="r")["changed"]
    assert runtime("get_next_task")["task"] is None


def test_it_can_claim_release_reopen_and_claim_again(runtime):
    task_id = runtime.task()
    runtime.claim(task_id)
    runtime.settle(task_id, "pending")
    runtime.claim(task_id)
    runtime.settle(task_id, "completed")
    assert runtime.settle(task_id, "pending")["task"]["readiness"] == "ready"
    runtime.claim(task_id)
    runtime.settle(task_id, "failed", error="no")
    runtime.settle(task_id, "pending")
    runtime.claim(task_id)
    runtime.settle(task_id, "cancelled")
    runtime.settle(task_id, "pending")
    runtime.claim(task_id)
    assert [outcome for _, outcome in history(runtime, task_id)] == [
        "released",
        "completed",
        "failed",
        "cancelled",
        None,
    ]


def test_what_it_finished_is_settled_otherwise_only_after_reopening(runtime):
    task_id = runtime.task()
    runtime.claim(task_id)
    runtime.settle(task_id)
    problem = runtime.refused("update_task_status", task_id=task_id, status="failed")
    assert problem.code == "illegal_transition"
    assert "pending" in problem.hint
    assert runtime.refused("update_task_status", task_id=task_id, status="in_progress").code == "illegal_transition"
    assert runtime.refused("update_task_status", task_id=task_id, status="cancelled").code == "illegal_transition"


def test_settled_again_by_the_finishing_claim_changes_nothing_and_with_another_result_is_a_conflict(runtime):
    task_id = runtime.task()
    runtime.claim(task_id)
    runtime.settle(task_id, result="r")
    before = runtime.tables()
    assert runtime.settle(task_id, result="r")["changed"] is False
    assert runtime.settle(task_id)["changed"] is False
    assert runtime.tables() == before
    problem = runtime.refused("update_task_status", task_id=task_id, status="completed", result="other")
    assert (problem.code, problem.details) == ("conflict", {"task_id": task_id})


def test_another_session_can_neither_settle_nor_release_nor_renew(runtime):
    task_id = runtime.task()
    runtime.claim(task_id)
    for status in ("completed", "failed", "pending"):
        problem = runtime.refused("update_task_status", task_id=task_id, status=status, by=bob())
        assert (problem.code, "ada" in problem.message) == ("stale_claim", True)
    assert runtime.refused("renew_task", task_id=task_id, by=bob()).code == "stale_claim"
    # a worker's name proves nothing
    assert runtime.refused("update_task_status", task_id=task_id, status="completed", by=bob("ada")).code == (
        "stale_claim"
    )
    assert runtime.settle(task_id)["changed"]


def test_another_session_cannot_claim_it_and_is_told_who_holds_it_until_when(runtime):
    task_id = runtime.task()
    runtime.claim(task_id)
    problem = runtime.refused("update_task_status", task_id=task_id, status="in_progress", by=bob())
    assert problem.code == "conflict"
    assert problem.details == {"task_id": task_id, "worker": "ada", "expires_at": "2027-01-15T08:15:00.000Z"}
    assert "get_next_task" in problem.hint


def test_anyone_may_cancel_and_the_holder_is_told(runtime):
    task_id = runtime.task()
    runtime.claim(task_id)
    runtime.settle(task_id, "cancelled", by=bob())
    problem = runtime.refused("update_task_status", task_id=task_id, status="completed", result="r")
    assert (problem.code, "bob" in problem.message, "cancelled" in problem.message) == ("stale_claim", True, True)


def test_a_token_from_elsewhere_makes_the_caller_the_holder(runtime):
    task_id = runtime.task()
    token = runtime.claim(task_id)
    other = bob()
    runtime("renew_task", task_id=task_id, claim_token=token, by=other)
    assert runtime.settle(task_id, by=other, claim_token=token)["changed"]


def test_on_the_command_line_the_token_is_needed(runtime):
    task_id = runtime.task()
    shell = Session(worker="ada", holder=None)
    token = runtime("get_next_task", by=shell)["claim_token"]
    next_command = Session(worker="ada", holder=None)
    assert runtime.refused("update_task_status", task_id=task_id, status="completed", by=next_command).code == (
        "stale_claim"
    )
    assert runtime.settle(task_id, by=next_command, claim_token=token)["changed"]


@pytest.mark.parametrize("token", ["nonsense", "1.1", "1.1.0000000000000000", "1.2.0000000000000000", "2.1.a", "1.x.y"])
def test_a_wrong_token_is_stale_and_changes_nothing(runtime, token):
    task_id = runtime.task()
    runtime.claim(task_id)
    for given in (
        {"status": "completed"},
        {"status": "pending"},
        {"status": "in_progress"},
    ):
        problem = runtime.refused("update_task_status", task_id=task_id, claim_token=token, **given)
        assert (problem.code, str(task_id) in problem.message) == ("stale_claim", True)
    assert runtime.refused("renew_task", task_id=task_id, claim_token=token).code == "stale_claim"
    assert runtime.settle(task_id)["changed"]


def test_what_was_taken_over_is_stale_and_then_forgotten(runtime, clock):
    task_id = runtime.task()
    runtime.claim(task_id)
    clock.advance(901)
    other = bob()
    runtime("get_next_task", by=other)
    problem = runtime.refused("update_task_status", task_id=task_id, status="completed", result="late")
    assert (problem.code, "bob" in problem.message) == ("stale_claim", True)
    assert runtime.ada.tokens == {}
    assert runtime.settle(task_id, by=other, result="r")["changed"]
    assert history(runtime, task_id) == [("ada", "lost"), ("bob", "completed")]


def test_what_was_lost_can_be_claimed_again_when_it_is_free(runtime, clock):
    task_id = runtime.task()
    runtime.claim(task_id)
    clock.advance(901)
    other = bob()
    runtime.claim(task_id, by=other)
    problem = runtime.refused("update_task_status", task_id=task_id, status="in_progress")
    assert (problem.code, problem.details["worker"]) == ("conflict", "bob")
    runtime.settle(task_id, "pending", by=other)
    assert runtime.claim(task_id)
    assert runtime.settle(task_id)["changed"]


def test_what_another_session_finished_is_not_reopened_by_a_late_release(runtime, clock):
    task_id = runtime.task()
    runtime.claim(task_id)
    clock.advance(901)
    runtime.settle(task_id, by=bob(), result="r")
    problem = runtime.refused("update_task_status", task_id=task_id, status="pending")
    assert problem.code == "stale_claim"


def test_a_late_holder_may_settle_as_long_as_nobody_took_the_task(runtime, clock):
    task_id = runtime.task()
    runtime.claim(task_id)
    clock.advance(3600)
    assert runtime("get_task", task_id=task_id)["claim"]["live"] is False
    assert runtime.settle(task_id, result="late")["changed"]
    assert history(runtime, task_id) == [("ada", "completed")]


def test_a_dead_claim_may_be_settled_by_anyone(runtime, clock):
    for status in ("completed", "failed", "pending"):
        task_id = runtime.task()
        runtime.claim(task_id)
        clock.advance(901)
        assert runtime.settle(task_id, status, by=bob())["changed"]
        assert runtime.refused("renew_task", task_id=task_id).code == "stale_claim"


def test_tokens_roll_back_with_a_failed_call(runtime):
    first, second = runtime.task(), runtime.task()
    runtime.claim(first)
    tokens = dict(runtime.ada.tokens)
    connection = runtime.database.run_blocking(lambda libraries: libraries.connection, writes=False)
    connection.execute(
        "CREATE TEMP TRIGGER no_journal BEFORE INSERT ON main.server_journal BEGIN SELECT RAISE(ABORT, 'refused'); END"
    )
    for call in (
        {"task_id": second, "status": "in_progress"},
        {"task_id": first, "status": "pending"},
        {"task_id": first, "status": "completed"},
    ):
        with pytest.raises(Exception, match="refused"):
            runtime("update_task_status", **call)
        assert (runtime.ada.tokens, runtime.ada.finished) == (tokens, set())
    connection.execute("DROP TRIGGER no_journal")
    assert runtime.settle(first)["changed"]


def test_a_child_of_a_claimed_task_is_added_by_its_holder_only_and_ends_the_claim(runtime):
    parent = runtime.task()
    runtime.claim(parent)
    problem = runtime.refused("create_task", title="t", parent_id=parent, by=bob())
    assert (problem.code, "ada" in problem.message) == ("stale_claim", True)
    child = runtime.task(parent_id=parent)
    shown = runtime("get_task", task_id=parent)
    assert (shown["readiness"], shown["claim"], shown["attempts"], shown["children"]) == ("group", None, 0, [child])
    assert history(runtime, parent) == [("ada", "released")]
    problem = runtime.refused("update_task_status", task_id=parent, status="completed")
    assert problem.code == "illegal_transition"
    runtime.settle(child)
    assert runtime("get_task", task_id=parent)["status"] == "completed"


def test_a_task_moved_under_a_claimed_one_ends_the_claim_too(runtime):
    parent, child = runtime.task(), runtime.task()
    runtime.claim(parent)
    assert runtime.refused("edit_task", task_id=child, parent_id=parent, by=bob()).code == "stale_claim"
    runtime("edit_task", task_id=child, parent_id=parent)
    assert runtime("get_task", task_id=parent)["readiness"] == "group"
    assert parent not in runtime.ada.tokens


def test_a_detached_session_s_tasks_are_offered_first_and_uncounted(runtime):
    runtime.task(priority=5)
    left = runtime.task(priority=5)
    runtime.claim(left)
    runtime.detach(runtime.ada)
    shown = runtime("get_task", task_id=left)
    assert (shown["status"], shown["claim"]["live"]) == ("in_progress", False)
    answer = runtime("get_next_task", by=bob())
    assert (answer["task"]["task_id"], answer["task"]["attempts"]) == (left, 0)
    assert history(runtime, left) == [("ada", "detached"), ("bob", None)]


def test_a_lost_lease_counts_and_at_the_limit_the_task_is_failed(runtime, clock):
    task_id = runtime.task(max_attempts=2)
    for attempts in (0, 1):
        answer = runtime("get_next_task", by=bob(f"worker-{attempts}"))
        assert answer["task"]["attempts"] == attempts
        clock.advance(901)
    assert runtime("get_next_task")["task"] is None
    shown = runtime("get_task", task_id=task_id)
    assert (shown["status"], shown["attempts"]) == ("failed", 2)
    assert history(runtime, task_id) == [("worker-0", "lost"), ("worker-1", "lost")]
    assert [event.operation for event in runtime.journal()] == ["create_task", *["get_next_task"] * 3]


def test_a_release_with_an_error_counts_and_one_without_does_not(runtime, clock):
    task_id = runtime.task(max_attempts=2)
    for more, attempts in (({}, 0), ({"error": "e"}, 1), ({"retry_in_seconds": 60}, 1)):
        runtime.claim(task_id)
        answer = runtime.settle(task_id, "pending", **more)
        assert runtime("get_task", task_id=task_id)["attempts"] == attempts
    assert answer["task"]["readiness"] == "waiting"
    assert runtime("get_next_task")["queue"]["next_ready_at"] == "2027-01-15T08:01:00.000Z"
    clock.advance(60)
    assert runtime("get_next_task")["task"]["task_id"] == task_id
    assert runtime.settle(task_id, "pending", error="again")["task"]["status"] == "failed"


def test_two_sessions_of_one_worker_are_two_holders(runtime):
    first, second = Session(worker="ada", holder="one"), Session(worker="ada", holder="two")
    task_id = runtime.task()
    runtime("get_next_task", by=first)
    assert runtime("get_next_task", by=second)["holding"] == [task_id]
    assert runtime.refused("update_task_status", task_id=task_id, status="completed", by=second).code == "stale_claim"
    assert runtime.settle(task_id, by=first)["changed"]
