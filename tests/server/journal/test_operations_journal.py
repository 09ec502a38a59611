"""Repeated requests and the journal: an effect and its row are one, and asking again does nothing twice."""

import json

import apsw
import pytest
from operating import bob

from agent_runtime_mcp.dispatch.request import make_request

NO_ROWS = "CREATE TEMP TRIGGER no_rows BEFORE INSERT ON main.server_journal BEGIN SELECT RAISE(ABORT, 'refused'); END"


def events(runtime, since=0):
    return [(event.seq, event.operation, event.subject) for event in runtime.journal()[since:]]


REPEATED = [
    ("create_goal", {"name": "n"}),
    ("update_goal", {"goal_id": 1, "status": "paused"}),
    ("decompose_goal", {"goal_id": 1, "plan": [{"title": "t"}]}),
    ("create_task", {"title": "t", "not_before": "2030-01-31T09:00:00Z"}),
    ("get_next_task", {}),
    ("update_task_status", {"task_id": 1, "status": "completed", "result": "r"}),
    ("update_task_status", {"task_id": 1, "status": "in_progress"}),
    ("edit_task", {"task_id": 1, "title": "other"}),
    ("renew_task", {"task_id": 2, "progress": "half"}),
]


@pytest.fixture
def prepared(runtime):
    """A goal and two tasks, of which Ada holds the second."""
    runtime.goal()
    runtime.task()
    runtime.task(priority=1)
    runtime.claim(2)
    return runtime


@pytest.mark.parametrize(("operation", "arguments"), REPEATED, ids=lambda value: str(value)[:40])
def test_the_same_request_is_answered_from_the_journal(prepared, clock, operation, arguments):
    asked = arguments | {"request_id": "r-1"}
    first = prepared.reply(operation, asked)
    after = prepared.tables()
    clock.advance(5)
    again = prepared.reply(operation, asked)
    assert (first.replayed, again.replayed) == (False, True)
    assert (again.values, again.text) == (first.values, first.text)
    assert prepared.tables() == after


@pytest.mark.parametrize(("operation", "arguments"), REPEATED, ids=lambda value: str(value)[:40])
def test_the_same_request_id_with_other_arguments_is_a_conflict(prepared, operation, arguments):
    prepared(operation, request_id="r-1", **arguments)
    other = {
        "create_goal": {"description": "d"},
        "update_goal": {"name": "x"},
        "decompose_goal": {"strategy": "parallel"},
        "create_task": {"priority": 9},
        "get_next_task": {"lease_seconds": 60},
        "update_task_status": {"error": "e"},
        "edit_task": {"priority": 9},
        "renew_task": {"lease_seconds": 60},
    }[operation]
    problem = prepared.refused(operation, request_id="r-1", **(arguments | other))
    assert (problem.code, "r-1" in problem.message) == ("conflict", True)


def test_the_same_arguments_are_the_same_however_they_are_written(runtime):
    goal_id = runtime.goal()
    ways = [
        {"title": "t", "goal_id": goal_id, "metadata": {"a": 1, "b": [2]}, "dependencies": []},
        {"metadata": '{"b": [2], "a": 1}', "dependencies": "[]", "goal_id": str(goal_id), "title": " t "},
        {"title": "t", "goal_id": 1, "metadata": {"b": [2], "a": 1}, "dependencies": [], "priority": None},
    ]
    answers = [runtime("create_task", request_id="r", **way) for way in ways]
    assert answers[0] == answers[1] == answers[2]
    assert len(runtime("list_tasks")["tasks"]) == 1


def test_request_ids_are_told_apart_by_worker_and_operation(runtime):
    for worker in ("ada", "bob"):
        runtime("create_task", title="t", request_id="r", by=bob(worker))
        runtime("create_goal", name="t", request_id="r", by=bob(worker))
    runtime("create_task", title="t", request_id="r", worker="bob")
    assert len(runtime("list_tasks")["tasks"]) == 2
    assert runtime("list_goals")["total"] == 2


def test_a_replayed_claim_hands_out_the_same_task_and_its_token_again(runtime):
    for _ in range(2):
        runtime.task()
    first = runtime.reply("get_next_task", {"request_id": "r"})
    restarted = bob("ada")
    again = runtime.reply("get_next_task", {"request_id": "r"}, by=restarted)
    assert (again.replayed, again.values) == (True, first.values)
    assert runtime.settle(1, by=restarted)["changed"]


@pytest.mark.parametrize("end", ["completed", "pending", "cancelled", "taken over"])
@pytest.mark.parametrize("operation", ["get_next_task", "update_task_status", "renew_task"])
def test_a_replayed_claim_whose_fence_is_gone_is_stale(runtime, clock, operation, end):
    runtime.task()
    asked = {"request_id": "r"}
    if operation != "get_next_task":
        asked |= {"task_id": 1}
    if operation == "update_task_status":
        asked |= {"status": "in_progress"}
    if operation == "renew_task":
        runtime.claim(1)
    runtime(operation, **asked)
    if end == "taken over":
        clock.advance(901)
        runtime.claim(1, by=bob())
    else:
        runtime.settle(1, end)
    problem = runtime.refused(operation, **asked)
    assert problem.code == "stale_claim"
    assert "1" in problem.message


@pytest.mark.parametrize("end", ["settled", "void"])
def test_a_replayed_permit_that_is_over_is_stale(runtime, end):
    first = runtime.reply("circuit_breaker_acquire", {"agent_id": "researcher", "request_id": "r"})
    again = runtime.reply("circuit_breaker_acquire", {"agent_id": "researcher", "request_id": "r"})
    assert (again.replayed, again.values) == (True, first.values)
    if end == "settled":
        permit_id = first.values["permit_id"]
        runtime("circuit_breaker_record_success", agent_id="researcher", permit_id=permit_id)
    else:
        runtime("circuit_breaker_reset", agent_id="researcher")
    problem = runtime.refused("circuit_breaker_acquire", agent_id="researcher", request_id="r")
    assert (problem.code, problem.details) == ("stale_claim", {"agent_id": "researcher"})


def test_a_replayed_claim_of_a_baton_that_was_handed_on_is_stale(runtime):
    created = runtime("create_relay_pipeline", name="n", goal="g", agent_types=["one", "two"])
    asked = {"pipeline_id": created["pipeline_id"], "claim": True, "request_id": "r"}
    first = runtime.reply("get_relay_baton", asked)
    again = runtime.reply("get_relay_baton", asked)
    assert (again.replayed, again.values) == (True, first.values)
    runtime("advance_relay", pipeline_id=created["pipeline_id"], quality_score=0.9, l_score=0.9, tokens_used=1)
    problem = runtime.refused("get_relay_baton", **asked)
    assert (problem.code, problem.details["baton_id"]) == ("stale_claim", created["baton_id"])


def test_of_a_call_that_changed_nothing_nothing_is_stored_and_it_is_evaluated_again(runtime):
    assert runtime("get_next_task", request_id="r")["task"] is None
    runtime.task()
    assert runtime("edit_task", task_id=1, title="a task", request_id="r")["changed"] is False
    assert runtime("edit_task", task_id=1, title="other", request_id="r")["changed"] is True
    answer = runtime.reply("get_next_task", {"request_id": "r"})
    assert (answer.values["task"]["task_id"], answer.replayed) == (1, False)


def test_a_failed_request_is_evaluated_again(runtime):
    runtime.refused("create_task", title="t", parent_id=1, request_id="r")
    runtime.task()
    assert runtime("create_task", title="t", parent_id=1, request_id="r")["changed"]


def test_looking_is_never_replayed(runtime):
    runtime.task()
    assert runtime("get_next_task", claim=False, request_id="r")["task"]["title"] == "a task"
    runtime("edit_task", task_id=1, title="other")
    assert runtime("get_next_task", claim=False, request_id="r")["task"]["title"] == "other"


def test_every_effect_is_one_row(runtime):
    runtime.goal()
    runtime("decompose_goal", goal_id=1, plan=[{"title": "t"}, {"title": "u"}])
    runtime.task()
    runtime("get_next_task")
    runtime("renew_task", task_id=1)
    runtime.settle(1)
    runtime("edit_task", task_id=2, title="v")
    runtime("update_goal", goal_id=1, status="cancelled")
    assert events(runtime) == [
        (1, "create_goal", "goal 1"),
        (2, "decompose_goal", "goal 1"),
        (3, "create_task", "task 3"),
        (4, "get_next_task", "task 1"),
        (5, "renew_task", "task 1"),
        (6, "update_task_status", "task 1"),
        (7, "edit_task", "task 2"),
        (8, "update_goal", "goal 1"),
    ]


def test_a_row_says_who_when_with_what_and_on_what(runtime, clock):
    runtime("create_task", title="t", priority=7, request_id="r", goal_id=None)
    [event] = runtime.journal()
    assert (event.at, event.worker, event.client, event.tool_use_id) == (
        clock.milliseconds,
        "ada",
        "a client",
        "toolu_1",
    )
    assert (event.operation, event.subject, event.request_id) == ("create_task", "task 1", "r")
    assert event.arguments == {"title": "t", "priority": 7}


def test_there_is_no_row_for_errors_reads_unchanged_calls_and_empty_polls(prepared):
    before = prepared.journal()
    prepared.refused("create_task", title="t", priority=11)
    prepared.refused("get_task", task_id=9)
    prepared.refused("update_task_status", task_id=1, status="completed", claim_token="1.1.a")
    prepared("get_task", task_id=1)
    prepared("list_tasks")
    prepared("runtime_overview")
    prepared("get_next_task", claim=False)
    prepared("edit_task", task_id=1, priority=5)
    prepared("update_goal", goal_id=1, status="active")
    prepared.settle(1, "pending")
    prepared("get_next_task", goal_id=1)
    assert prepared.journal() == before


def test_numbers_have_no_gaps_under_failed_calls(runtime):
    for number in range(5):
        runtime.task()
        runtime.refused("create_task", title="t", dependencies=[99])
        runtime.refused("create_task", title="t", goal_id=99, request_id=f"r{number}")
    connection = runtime.database.run_blocking(lambda libraries: libraries.connection, writes=False)
    connection.execute(NO_ROWS)
    with pytest.raises(apsw.ConstraintError):
        runtime.task()
    connection.execute("DROP TRIGGER no_rows")
    runtime.task()
    assert [event.seq for event in runtime.journal()] == [1, 2, 3, 4, 5, 6]


def test_tokens_are_masked(runtime):
    runtime.task()
    token = runtime.claim(1)
    runtime("renew_task", task_id=1, claim_token=token)
    runtime.settle(1, claim_token=token, request_id="r")
    assert [event.arguments.get("claim_token") for event in runtime.journal()] == [None, None, "***", "***"]
    for row in runtime.tables()["server_journal"]:
        assert token not in repr(row)


def test_the_reply_is_kept_only_where_a_request_id_asks_for_it(runtime):
    runtime.task()
    runtime.task(request_id="r")
    replies = [row[-1] for row in runtime.tables()["server_journal"]]
    assert replies[0] is None
    assert json.loads(replies[1])["task"]["task_id"] == 2


def test_long_texts_are_cut_at_4_kib_in_the_journal(runtime):
    plan = [{"title": f"task {number}", "description": "é" * 1000} for number in range(50)]
    runtime.goal(description="é" * 3000, metadata={"k": "x" * 5000}, acceptance_criteria=["x" * 100])
    runtime("decompose_goal", goal_id=1, plan=plan)
    goal, decomposed = (event.arguments for event in runtime.journal())
    assert goal["description"] == "é" * 2048
    assert goal["acceptance_criteria"] == ["x" * 100]
    for value in (goal["metadata"], decomposed["plan"]):
        assert isinstance(value, str)
        assert len(value.encode()) <= 4096
    assert runtime.whole("get_goal", goal_id=1, field="description") == "é" * 3000


def test_what_a_client_calls_itself_is_stored_fit_to_be_printed(runtime):
    request = make_request(
        "create_task",
        {"title": "t"},
        runtime.ada,
        client="evil\x1b[31m\x00\ud800\u202e" + "x" * 300,
        tool_use_id="a\nb",
    )
    runtime.database.run_blocking(request.run, writes=True)
    [event] = runtime.journal()
    assert event.client.startswith("evil")
    assert len(event.client) <= 200
    assert event.client.isprintable()
    assert event.tool_use_id == "a b"


def test_what_is_journaled_acts_on_no_terminal(runtime):
    runtime.goal()
    runtime("decompose_goal", goal_id=1, plan=[{"title": "a\x1b[31mb\u202ec\x9d"}])
    runtime.task("a\x1b[31mb\u202e", metadata={"k": "\x9b1m"})
    text = json.dumps([event.arguments for event in runtime.journal()], ensure_ascii=False)
    assert text.isprintable()


def test_the_effect_and_its_row_are_one(runtime):
    connection = runtime.database.run_blocking(lambda libraries: libraries.connection, writes=False)
    connection.execute(NO_ROWS)
    before = runtime.tables()
    with pytest.raises(apsw.ConstraintError):
        runtime.task()
    assert runtime.tables() == before
