"""What each operation answers: these keys, in these types, and nothing else."""

import re
from itertools import pairwise

import pytest
from operating import bob

GOAL = {
    "goal_id",
    "name",
    "description",
    "status",
    "parent_goal_id",
    "acceptance_criteria",
    "outcome",
    "metadata",
    "created_at",
    "updated_at",
    "completed_at",
}
PROGRESS = {
    "total",
    "completed",
    "failed",
    "cancelled",
    "in_progress",
    "ready",
    "waiting",
    "unreachable",
    "percent",
}
BRIEF = {"task_id", "title", "status", "readiness", "priority", "goal_id", "parent_id", "open_dependencies"}
FULL = BRIEF | {
    "description",
    "dependencies",
    "dependents",
    "children",
    "blocked_by",
    "acceptance_criteria",
    "attempts",
    "max_attempts",
    "attempt_history",
    "progress_note",
    "result",
    "error",
    "metadata",
    "claim",
    "not_before",
    "created_at",
    "updated_at",
    "started_at",
    "completed_at",
}
ATTEMPT = {"attempt", "worker", "started_at", "ended_at", "outcome", "error"}
QUEUE = {"ready", "waiting", "unreachable", "in_progress", "next_ready_at"}
WRITE = {"task", "changed", "newly_ready"}
PART = {"text", "offset", "next_offset", "bytes"}
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_create_goal_answers_the_goal(runtime):
    parent = runtime.goal("Move")

    goal = runtime(
        "create_goal",
        name="Ship 1.0",
        description="All of it",
        metadata={"team": "core"},
        parent_goal_id=parent,
        acceptance_criteria=["tagged"],
    )

    assert goal == {
        "goal_id": 2,
        "name": "Ship 1.0",
        "description": "All of it",
        "status": "active",
        "parent_goal_id": parent,
        "acceptance_criteria": ["tagged"],
        "outcome": None,
        "metadata": {"team": "core"},
        "created_at": "2027-01-15T08:00:00.000Z",
        "updated_at": "2027-01-15T08:00:00.000Z",
        "completed_at": None,
    }


def test_create_goal_needs_nothing_but_a_name(runtime):
    goal = runtime("create_goal", name="Ship")
    assert (goal["description"], goal["metadata"], goal["parent_goal_id"], goal["acceptance_criteria"]) == (
        "",
        {},
        None,
        [],
    )


def test_update_goal_answers_the_goal(runtime, clock):
    goal_id = runtime.goal("Ship")
    clock.advance(1.5)
    goal = runtime("update_goal", goal_id=goal_id, status="completed", outcome="shipped")
    assert set(goal) == GOAL
    assert (goal["status"], goal["outcome"]) == ("completed", "shipped")
    assert goal["completed_at"] == goal["updated_at"] == "2027-01-15T08:00:01.500Z"


def test_get_goal_adds_what_stands_below(runtime):
    goal_id = runtime.goal("Ship")
    below = runtime.goal("Docs", parent_goal_id=goal_id)
    deeper = runtime.goal("Manual", parent_goal_id=below)
    task_id = runtime.task("Write", goal_id=goal_id)

    goal = runtime("get_goal", goal_id=goal_id)

    assert set(goal) == GOAL | {"task_count", "progress", "sub_goals", "tasks"}
    assert set(goal["progress"]) == PROGRESS
    assert all(type(number) is int for number in goal["progress"].values())
    assert goal["sub_goals"] == [below, deeper]
    assert goal["task_count"] == 1
    assert [task["task_id"] for task in goal["tasks"]] == [task_id]
    assert set(goal["tasks"][0]) == BRIEF


def test_get_goal_shows_the_first_fifty_tasks(runtime):
    goal_id = runtime.goal()
    runtime("decompose_goal", goal_id=goal_id, plan=[{"title": f"task {number}"} for number in range(60)])
    goal = runtime("get_goal", goal_id=goal_id)
    assert goal["task_count"] == 60
    assert [task["title"] for task in goal["tasks"]] == [f"task {number}" for number in range(50)]


def test_list_goals_answers_goals_without_their_description_and_with_progress(runtime):
    runtime.goal("Ship", description="long")
    runtime.goal("Rest")
    runtime("update_goal", goal_id=2, status="paused")

    everything = runtime("list_goals")
    assert set(everything) == {"goals", "total", "next_cursor"}
    assert [set(goal) for goal in everything["goals"]] == [(GOAL - {"description"}) | {"progress"}] * 2
    assert set(everything["goals"][0]["progress"]) == PROGRESS
    assert (everything["total"], everything["next_cursor"]) == (2, None)

    paused = runtime("list_goals", status="paused")
    assert ([goal["goal_id"] for goal in paused["goals"]], paused["total"]) == ([2], 1)


def test_decompose_goal_answers_the_tasks_that_it_made(runtime):
    goal_id = runtime.goal("Ship")

    made = runtime(
        "decompose_goal",
        goal_id=goal_id,
        plan=[{"key": "a", "title": "Build"}, {"title": "Test", "depends_on": ["a"], "priority": 7}],
    )

    assert type(made.pop("decomposition_time_ms")) is float
    assert made == {
        "goal_id": goal_id,
        "strategy": "sequential",
        "planner": "caller",
        "kind": None,
        "task_ids": [1, 2],
        "task_count": 2,
        "tasks": [
            {
                "task_id": 1,
                "title": "Build",
                "status": "pending",
                "readiness": "ready",
                "priority": 5,
                "goal_id": goal_id,
                "parent_id": None,
                "open_dependencies": 0,
            },
            {
                "task_id": 2,
                "title": "Test",
                "status": "pending",
                "readiness": "waiting",
                "priority": 7,
                "goal_id": goal_id,
                "parent_id": None,
                "open_dependencies": 1,
            },
        ],
        "fallback_reason": None,
    }


def test_create_task_answers_the_task_in_brief(runtime):
    goal_id = runtime.goal()
    first = runtime.task()

    made = runtime("create_task", title="Test", goal_id=goal_id, priority=7, dependencies=[first])

    assert made == {
        "task": {
            "task_id": 2,
            "title": "Test",
            "status": "pending",
            "readiness": "waiting",
            "priority": 7,
            "goal_id": goal_id,
            "parent_id": None,
            "open_dependencies": 1,
        },
        "changed": True,
        "newly_ready": [],
    }


def test_get_next_task_answers_the_task_with_its_context(runtime, clock):
    goal_id = runtime.goal("Ship", acceptance_criteria=["tagged"])
    first = runtime.task("Build", goal_id=goal_id)
    second = runtime.task("Test", goal_id=goal_id, dependencies=[first], description="all of it", metadata={"a": 1})
    runtime.settle(first, result="é" * 600)
    clock.advance(60)

    answer = runtime("get_next_task", lease_seconds=100)

    assert set(answer) == {"task", "claim_token", "queue", "holding"}
    task = answer["task"]
    assert set(task) == FULL | {"goal", "prerequisites"}
    assert task["goal"] == {"name": "Ship", "acceptance_criteria": ["tagged"]}
    assert task["prerequisites"] == [{"task_id": first, "title": "Build", "result": "é" * 500}]
    assert (task["task_id"], task["status"], task["readiness"]) == (second, "in_progress", None)
    assert (task["dependencies"], task["attempts"], task["max_attempts"]) == ([first], 0, 3)
    assert (task["description"], task["metadata"]) == ("all of it", {"a": 1})
    assert task["claim"] == {"worker": "ada", "expires_at": "2027-01-15T08:02:40.000Z", "live": True}
    assert [set(attempt) for attempt in task["attempt_history"]] == [ATTEMPT]
    assert answer["holding"] == [second]
    assert set(answer["queue"]) == QUEUE
    assert answer["queue"] == {
        "ready": 0,
        "waiting": 0,
        "unreachable": 0,
        "in_progress": 1,
        "next_ready_at": None,
    }


def test_an_empty_answer_says_why(runtime):
    goal_id = runtime.goal()
    first = runtime.task(goal_id=goal_id)
    runtime.task(goal_id=goal_id, dependencies=[first])
    runtime.task(goal_id=goal_id, not_before="2027-01-15T10:00:00+01:00")
    runtime.task()
    runtime("get_next_task", goal_id=goal_id)

    answer = runtime("get_next_task", goal_id=goal_id, by=bob())

    assert answer == {
        "task": None,
        "claim_token": None,
        "queue": {
            "ready": 0,
            "waiting": 2,
            "unreachable": 0,
            "in_progress": 1,
            "next_ready_at": "2027-01-15T09:00:00.000Z",
        },
        "holding": [],
    }


def test_update_task_status_gives_the_token_of_a_claim(runtime):
    task_id = runtime.task()
    waiting = runtime.task(dependencies=[task_id])

    claimed = runtime("update_task_status", task_id=task_id, status="in_progress")
    assert set(claimed) == WRITE | {"claim_token"}
    assert isinstance(claimed["claim_token"], str)
    assert (claimed["task"]["status"], claimed["newly_ready"]) == ("in_progress", [])

    done = runtime("update_task_status", task_id=task_id, status="completed", result="it works")
    assert set(done) == WRITE
    assert (set(done["task"]), done["task"]["status"]) == (BRIEF, "completed")
    assert (done["changed"], done["newly_ready"]) == (True, [waiting])


def test_update_task_status_that_changed_nothing_says_whose_result_stands(runtime):
    task_id = runtime.task()
    runtime.claim(task_id)
    runtime.settle(task_id, result="first")

    again = runtime("update_task_status", task_id=task_id, status="completed", result="another", by=bob())

    assert again["changed"] is False
    assert again["newly_ready"] == []
    assert "ada" in again["note"]
    assert runtime("get_task", task_id=task_id)["result"] == "first"


def test_edit_task_and_renew_task_answer_as_writes_do(runtime):
    task_id = runtime.task()
    assert set(runtime("edit_task", task_id=task_id, title="another")) == WRITE
    runtime.claim(task_id)
    renewed = runtime("renew_task", task_id=task_id, progress="half of it")
    assert set(renewed) == WRITE | {"claim_token"}
    assert set(renewed["task"]) == BRIEF


def test_list_tasks_answers_tasks_in_brief_or_in_full(runtime):
    task_id = runtime.task("Build", description="all of it")
    runtime.claim(task_id)

    brief = runtime("list_tasks")
    assert set(brief) == {"tasks", "next_cursor"}
    assert [set(task) for task in brief["tasks"]] == [BRIEF]

    full = runtime("list_tasks", detail="full")
    assert [set(task) for task in full["tasks"]] == [FULL - {"attempt_history"}]
    assert full["tasks"][0]["claim"]["worker"] == "ada"


def test_get_task_answers_all_of_a_task(runtime, clock):
    group = runtime.task("Group")
    first = runtime.task("First", parent_id=group)
    second = runtime.task("Second", parent_id=group, dependencies=[first], acceptance_criteria=["green"])
    after = runtime.task("After", dependencies=[second])
    runtime.claim(first)
    clock.advance(1)
    runtime.settle(first, "pending", error="it broke")
    clock.advance(1)
    runtime("get_next_task")
    runtime("renew_task", task_id=first, progress="nearly")

    shown = runtime("get_task", task_id=first)
    assert set(shown) == FULL
    assert (shown["parent_id"], shown["dependents"], shown["attempts"], shown["error"]) == (
        group,
        [second],
        1,
        "it broke",
    )
    assert shown["progress_note"] == "nearly"
    assert shown["attempt_history"] == [
        {
            "attempt": 1,
            "worker": "ada",
            "started_at": "2027-01-15T08:00:00.000Z",
            "ended_at": "2027-01-15T08:00:01.000Z",
            "outcome": "failed",
            "error": "it broke",
        },
        {
            "attempt": 2,
            "worker": "ada",
            "started_at": "2027-01-15T08:00:02.000Z",
            "ended_at": None,
            "outcome": None,
            "error": None,
        },
    ]

    waiting = runtime("get_task", task_id=second)
    assert (waiting["readiness"], waiting["blocked_by"], waiting["open_dependencies"]) == ("waiting", [first], 1)
    assert (waiting["acceptance_criteria"], waiting["dependents"], waiting["claim"]) == (["green"], [after], None)
    assert runtime("get_task", task_id=group)["children"] == [first, second]


def test_a_task_shows_its_last_ten_attempts(runtime):
    task_id = runtime.task(max_attempts=100)
    for _ in range(12):
        runtime.claim(task_id)
        runtime.settle(task_id, "pending")
    history = runtime("get_task", task_id=task_id)["attempt_history"]
    assert [attempt["attempt"] for attempt in history] == list(range(3, 13))


def test_what_was_noted_last_is_shown_to_whoever_goes_on(runtime):
    task_id = runtime.task()
    runtime.claim(task_id)
    runtime("renew_task", task_id=task_id, progress="outline written")
    runtime.detach(runtime.ada)

    answer = runtime("get_next_task", by=bob())

    assert answer["task"]["progress_note"] == "outline written"
    assert [attempt["outcome"] for attempt in answer["task"]["attempt_history"]] == ["detached", None]


def test_an_unreachable_task_names_what_failed_at_the_root(runtime):
    first = runtime.task()
    second = runtime.task(dependencies=[first])
    third = runtime.task(dependencies=[second])
    runtime.settle(first, "failed", error="no")
    shown = runtime("get_task", task_id=third)
    assert (shown["readiness"], shown["blocked_by"]) == ("unreachable", [first])


@pytest.mark.parametrize(
    ("operation", "ids"),
    [("get_task", {"task_id": 1, "field": "description"}), ("get_goal", {"goal_id": 1, "field": "name"})],
)
def test_a_part_of_a_field_names_what_was_asked_for(runtime, operation, ids):
    runtime.goal("Ship")
    runtime.task("Build", description="all of it")
    [id_name, _] = ids
    assert set(runtime(operation, **ids)) == PART | {id_name}


def test_moments_are_iso_8601_in_utc(runtime):
    runtime.goal()
    runtime.task(goal_id=1, not_before="2027-01-15T07:00:00Z")
    runtime("get_next_task")
    runtime.settle(1)
    runtime("update_goal", goal_id=1, status="completed")
    for values in (runtime("get_goal", goal_id=1), runtime("get_task", task_id=1)):
        for name, value in values.items():
            if name.endswith("_at") or name == "not_before":
                assert value is not None, name
                assert ISO.fullmatch(value), (name, value)
    assert runtime("get_task", task_id=1)["not_before"] == "2027-01-15T07:00:00.000Z"


def test_progress_counts_the_leaves_of_a_goal_and_its_sub_goals(runtime):
    goal_id = runtime.goal()
    below = runtime.goal(parent_goal_id=goal_id)
    group = runtime.task("group", goal_id=goal_id)
    states = {
        "completed": runtime.task(parent_id=group),
        "failed": runtime.task(goal_id=below),
        "cancelled": runtime.task(goal_id=below),
        "in_progress": runtime.task(goal_id=goal_id),
        "ready": runtime.task(parent_id=group),
        "other completed": runtime.task(goal_id=below),
    }
    waiting = runtime.task(goal_id=below, dependencies=[states["ready"]])
    unreachable = runtime.task(goal_id=goal_id, dependencies=[states["failed"]])
    for state, task_id in states.items():
        if state != "ready":
            runtime.settle(task_id, state.split()[-1])

    progress = runtime("get_goal", goal_id=goal_id)["progress"]

    assert progress == {
        "total": 8,
        "completed": 2,
        "failed": 1,
        "cancelled": 1,
        "in_progress": 1,
        "ready": 1,
        "waiting": 1,
        "unreachable": 1,
        "percent": 28,  # 2 of 7
    }
    assert [runtime("get_task", task_id=one)["readiness"] for one in (waiting, unreachable)] == [
        "waiting",
        "unreachable",
    ]
    assert runtime("list_goals")["goals"][0]["progress"] == progress
    assert runtime("get_goal", goal_id=below)["progress"]["total"] == 4
    assert runtime("get_goal", goal_id=goal_id)["task_count"] == 5


def test_progress_is_nothing_where_there_is_nothing_to_do(runtime):
    goal_id = runtime.goal()
    assert runtime("get_goal", goal_id=goal_id)["progress"]["percent"] == 0
    runtime.settle(runtime.task(goal_id=goal_id), "cancelled")
    assert runtime("get_goal", goal_id=goal_id)["progress"]["percent"] == 0


def test_a_second_call_gives_another_task(runtime):
    for title in ("first", "second"):
        runtime.task(title)
    answers = [runtime("get_next_task") for _ in range(3)]
    assert [answer["task"] and answer["task"]["title"] for answer in answers] == ["first", "second", None]
    assert [answer["holding"] for answer in answers] == [[1], [1, 2], [1, 2]]


def test_looking_claims_nothing(runtime):
    task_id = runtime.task()
    before = runtime.tables()
    answer = runtime("get_next_task", claim=False)
    assert (answer["task"]["task_id"], answer["claim_token"], answer["holding"]) == (task_id, None, [])
    assert answer["task"]["readiness"] == "ready"
    assert runtime.tables() == before


def test_a_filter_by_goal_takes_in_the_sub_goals(runtime):
    goal_id = runtime.goal()
    below = runtime.goal(parent_goal_id=runtime.goal(parent_goal_id=goal_id))
    runtime.task("elsewhere", priority=10)
    deep = runtime.task("deep", goal_id=below)
    own = runtime.task("own", goal_id=goal_id)
    assert [task["task_id"] for task in runtime("list_tasks", goal_id=goal_id)["tasks"]] == [deep, own]
    assert [runtime("get_next_task", goal_id=goal_id)["task"]["task_id"] for _ in range(2)] == [deep, own]
    assert runtime("get_next_task", goal_id=goal_id)["queue"]["ready"] == 0


def test_tasks_are_listed_by_each_filter(runtime):
    goal_id = runtime.goal()
    group = runtime.task("the group", goal_id=goal_id)
    ready = runtime.task("100% Ready", parent_id=group)
    waiting = runtime.task("b", dependencies=[ready], description="nothing_ready")
    done = runtime.task("c")
    runtime.settle(done)

    def listed(**filters):
        return [task["task_id"] for task in runtime("list_tasks", **filters)["tasks"]]

    assert listed() == [group, ready, waiting, done]
    assert listed(goal_id=goal_id) == [group, ready]
    assert listed(status="pending") == [group, ready, waiting]
    assert listed(status="completed") == [done]
    assert listed(readiness="ready") == [ready]
    assert listed(readiness="waiting") == [waiting]
    assert listed(readiness="group") == [group]
    assert listed(parent_id=group) == [ready]
    assert listed(query="READY") == [ready, waiting]
    assert listed(query="100%") == [ready]
    assert listed(query="_") == [waiting]
    assert listed(goal_id=goal_id, readiness="ready", query="ready", parent_id=group, status="pending") == [ready]
    assert listed(status="completed", readiness="ready") == []


def test_lease_seconds_is_900_for_a_claim_and_the_claims_own_for_a_renewal(runtime, clock):
    def expires_at(task_id):
        return runtime("get_task", task_id=task_id)["claim"]["expires_at"]

    first, second = runtime.task(), runtime.task()
    runtime("get_next_task")
    runtime("update_task_status", task_id=second, status="in_progress", lease_seconds=100)
    assert [expires_at(first), expires_at(second)] == ["2027-01-15T08:15:00.000Z", "2027-01-15T08:01:40.000Z"]
    clock.advance(50)
    runtime("renew_task", task_id=second)
    assert expires_at(second) == "2027-01-15T08:02:30.000Z"
    runtime("update_task_status", task_id=second, status="in_progress")
    assert expires_at(second) == "2027-01-15T08:02:30.000Z"
    runtime("renew_task", task_id=second, lease_seconds=10)
    assert expires_at(second) == "2027-01-15T08:01:00.000Z"


def test_get_next_task_offers_by_priority_and_then_by_age_and_what_was_left_first(runtime):
    low, old, young, left = (runtime.task(priority=priority) for priority in (1, 5, 5, 5))
    other = bob()
    runtime.claim(left, by=other)
    runtime.detach(other)
    claimed = [runtime("get_next_task")["task"]["task_id"] for _ in range(4)]
    assert claimed == [left, old, young, low]
    assert all(earlier != later for earlier, later in pairwise(claimed))
