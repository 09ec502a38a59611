"""What an agent reads first in a new session: at most 2 KiB, whatever there is."""

import pytest
from operating import bob

SECTIONS = {"goals", "holding", "ready", "relays", "breakers", "more"}
WIDE = "😀"


def test_an_empty_file_says_so(runtime):
    assert runtime("runtime_overview") == {
        "goals": [],
        "holding": [],
        "ready": [],
        "relays": [],
        "breakers": [],
        "more": {},
    }


def test_it_shows_goals_what_one_holds_and_what_is_ready(runtime):
    goal_id = runtime.goal("Ship")
    for title in ("Build", "Test", "Document"):
        runtime.task(title, goal_id=goal_id, priority=7)
    runtime.settle(1)
    runtime.claim(2)

    overview = runtime("runtime_overview")

    assert set(overview) == SECTIONS
    assert overview["goals"] == [
        {"goal_id": goal_id, "name": "Ship", "percent": 33, "ready": 1, "in_progress": 1, "waiting": 0}
    ]
    assert overview["holding"] == [{"task_id": 2, "title": "Test", "live": True}]
    assert overview["ready"] == [{"task_id": 3, "title": "Document", "goal_id": goal_id, "priority": 7}]
    assert overview["more"] == {}


def test_what_an_ended_session_left_comes_first(runtime):
    runtime.task("ready")
    left = runtime.task("left")
    runtime.claim(left)
    runtime.detach(runtime.ada)
    overview = runtime("runtime_overview", by=bob())
    assert [(row["task_id"], row.get("left_by")) for row in overview["ready"]] == [(left, "ada"), (1, None)]
    assert overview["ready"][0]["task_id"] == runtime("get_next_task", by=bob())["task"]["task_id"]


def test_ready_is_what_get_next_task_would_offer_in_its_order(runtime, clock):
    for priority in (1, 9, 5, 5):
        runtime.task(priority=priority)
    runtime.task(priority=10, not_before="2027-01-15T08:01:00Z")
    paused = runtime.goal()
    runtime.task(goal_id=paused, priority=10)
    runtime("update_goal", goal_id=paused, status="paused")
    assert [row["task_id"] for row in runtime("runtime_overview")["ready"]] == [2, 3, 4, 1]
    clock.advance(60)
    offered = [row["task_id"] for row in runtime("runtime_overview")["ready"]]
    claimed = [runtime("get_next_task")["task"]["task_id"] for _ in range(5)]
    assert offered == claimed == [5, 2, 3, 4, 1]


def test_a_claim_whose_lease_is_over_is_held_and_not_live(runtime, clock):
    runtime.claim(runtime.task())
    clock.advance(901)
    overview = runtime("runtime_overview")
    assert overview["holding"] == [{"task_id": 1, "title": "a task", "live": False}]
    assert overview["ready"][0]["left_by"] == "ada"


def test_each_section_says_how_many_more_there_are(runtime):
    for number in range(300):
        runtime.goal(f"goal {number}")
    for number in range(30):
        runtime.task(f"task {number}")
    for _ in range(12):
        runtime("get_next_task")
    overview = runtime("runtime_overview")
    assert len(overview["goals"]) + overview["more"]["goals"] == 300
    assert len(overview["holding"]) + overview["more"]["holding"] == 12
    assert len(overview["ready"]) + overview["more"]["ready"] == 18


def test_what_was_left_is_counted_however_much_it_is(runtime):
    for _ in range(23):
        runtime.task()
        runtime("get_next_task")
    held = runtime.goal()
    runtime.task(goal_id=held)
    runtime("get_next_task")
    runtime("update_goal", goal_id=held, status="paused")
    runtime.detach(runtime.ada)
    runtime.task()
    overview = runtime("runtime_overview", by=bob())
    assert all(row["left_by"] == "ada" for row in overview["ready"])
    assert len(overview["ready"]) + overview["more"]["ready"] == 24


def test_titles_are_cut_at_80_characters(runtime):
    runtime.goal("g" * 81)
    runtime.claim(runtime.task("h" * 81))
    runtime.task("r" * 81)
    overview = runtime("runtime_overview")
    assert (overview["goals"][0]["name"], overview["holding"][0]["title"], overview["ready"][0]["title"]) == (
        "g" * 80,
        "h" * 80,
        "r" * 80,
    )


@pytest.mark.parametrize("letter", ["x", WIDE, '"', "\\"])
def test_it_stays_within_2_kib_however_much_there_is(runtime, letter):
    for _ in range(200):
        runtime.goal(letter * 500, acceptance_criteria=["x" * 2000])
    worker = bob(letter * 200)
    for _ in range(100):
        runtime.task(letter * 500, goal_id=1, priority=10)
    for _ in range(30):
        runtime("get_next_task", by=worker)
    runtime.detach(worker)
    for _ in range(10):
        runtime("get_next_task", worker=letter * 200)
    overview = runtime("runtime_overview", worker=letter * 200)  # the helper holds it to 2 KiB
    assert overview["goals"]
    assert overview["holding"]
    assert overview["ready"][0]["left_by"]
    assert len(overview["ready"]) + overview["more"]["ready"] == 90
