"""How much an operation answers: bounded pages and replies, what was cut is named, and the rest can be read."""

import json

import pytest

KIB = 1024
WIDE = "😀"
ESCAPED = '"\n\\'  # each of these is two bytes in JSON


def ids_of(pages, list_name, id_name):
    return [[row[id_name] for row in page[list_name]] for page in pages]


def long_goal(runtime, text):
    return runtime.goal("g", description=text)


@pytest.fixture
def many(runtime):
    """A goal with 230 tasks, every third completed, with titles of very different lengths."""
    runtime.goal()
    plan = [{"title": f"{number} " + WIDE * (number * 7 % 400)} for number in range(230)]
    runtime("decompose_goal", goal_id=1, plan=plan)
    for task_id in range(3, 231, 3):
        runtime.settle(task_id)
    return runtime


@pytest.mark.parametrize(
    "filters",
    [{}, {"limit": 7}, {"limit": 200}, {"status": "completed", "limit": 10}, {"goal_id": 1, "readiness": "ready"}],
)
@pytest.mark.parametrize("detail", ["brief", "full"])
def test_walking_all_pages_gives_every_row_once(many, filters, detail):
    pages = list(many.all_pages("list_tasks", detail=detail, **filters))
    found = ids_of(pages, "tasks", "task_id")
    completed = list(range(3, 231, 3))
    expected = {
        "completed": completed,
        "ready": [one for one in range(1, 231) if one not in completed],
    }.get(filters.get("status") or filters.get("readiness"), list(range(1, 231)))
    assert [one for page in found for one in page] == expected
    assert all(1 <= len(page) <= filters.get("limit", 50) for page in found)


def test_a_page_ends_at_16_kib_and_not_much_before(many):
    pages = list(many.all_pages("list_tasks", limit=200))
    sizes = [len(json.dumps(page, ensure_ascii=False).encode()) for page in pages]
    assert all(size > 12 * KIB for size in sizes[:-1])


def test_pages_follow_what_is_added_meanwhile(runtime):
    for _ in range(3):
        runtime.goal()
    first = runtime("list_goals", limit=2)
    runtime.goal()
    assert ids_of(runtime.all_pages("list_goals", limit=2), "goals", "goal_id") == [[1, 2], [3, 4]]
    rest = runtime("list_goals", limit=2, cursor=first["next_cursor"])
    assert ([goal["goal_id"] for goal in rest["goals"]], rest["total"], rest["next_cursor"]) == ([3, 4], 4, None)


def test_there_is_no_cursor_behind_the_last_row(runtime):
    for _ in range(4):
        runtime.task()
    assert runtime("list_tasks", limit=4)["next_cursor"] is None
    assert runtime("list_tasks", limit=3)["next_cursor"] is not None
    assert runtime("list_goals") == {"goals": [], "total": 0, "next_cursor": None}


def test_a_cursor_belongs_to_its_filters(many):
    cursor = many("list_tasks", limit=5, goal_id=1)["next_cursor"]
    for filters in ({}, {"goal_id": 1, "status": "pending"}, {"goal_id": 1, "query": "x"}, {"parent_id": 1}):
        problem = many.refused("list_tasks", cursor=cursor, **filters)
        assert (problem.code, "cursor" in problem.message) == ("invalid", True)
        assert "next_cursor" in problem.hint
    assert many.refused("list_goals", cursor=cursor).code == "invalid"
    onward = many("list_tasks", cursor=cursor, goal_id="1", limit=1, detail="full")
    assert onward["tasks"][0]["task_id"] == 6


def test_made_up_cursors_are_refused(many):
    cursor = many("list_tasks", limit=5)["next_cursor"]
    mark = cursor.removesuffix("5")
    for made_up in (
        "x",
        "5",
        mark,
        mark + "x",
        mark + "-1",
        mark + "1.5",
        mark + "\u0663",
        mark + "9" * 30,
        mark + " 5",
    ):
        assert many.refused("list_tasks", cursor=made_up).code == "invalid"


def test_full_rows_cut_each_text_list_and_object_at_1_kib_and_say_so(runtime):
    whole = runtime.task("t", description="é" * 512, acceptance_criteria=["x" * 1000], metadata={"k": "x" * 1000})
    cut = runtime.task(
        "t",
        description="é" * 512 + "x",
        acceptance_criteria=["x" * 600, "y" * 600],
        metadata={"k": "x" * 1100},
        dependencies=[whole],
    )
    runtime.settle(whole, result="r" * 5000, error="e" * 1025)

    rows = runtime("list_tasks", detail="full")["tasks"]

    assert rows[0]["description"] == "é" * 512
    assert rows[0]["acceptance_criteria"] == ["x" * 1000]
    assert rows[0]["metadata"] == {"k": "x" * 1000}
    assert rows[0]["truncated"] == {"result": 5000, "error": 1025}
    assert (rows[0]["result"], rows[0]["error"]) == ("r" * 1024, "e" * 1024)
    assert rows[1]["task_id"] == cut
    assert rows[1]["description"] == "é" * 512
    assert rows[1]["acceptance_criteria"] == ["x" * 600]
    assert rows[1]["metadata"] is None
    assert rows[1]["truncated"] == {"description": 1025, "acceptance_criteria": 1207, "metadata": 1108}


def test_a_text_of_escapes_within_1_kib_is_not_called_cut(runtime):
    runtime.task("t", description="\n" * 1000)
    [row] = runtime("list_tasks", detail="full")["tasks"]
    assert (row["description"], "truncated" in row) == ("\n" * 1000, False)


def test_one_enormous_row_still_makes_a_page(runtime):
    for _ in range(2):
        runtime.task(
            WIDE * 500,
            description=ESCAPED * 20_000,
            acceptance_criteria=[ESCAPED * 600] * 50,
            metadata={"k": ESCAPED * 10_000},
        )
        task_id = runtime("get_next_task")["task"]["task_id"]
        runtime("renew_task", task_id=task_id, progress=ESCAPED * 1300)
        runtime.settle(task_id, "pending", result=ESCAPED * 20_000, error=ESCAPED * 20_000, retry_in_seconds=9)
    pages = list(runtime.all_pages("list_tasks", detail="full"))
    assert [one for page in ids_of(pages, "tasks", "task_id") for one in page] == [1, 2]


def test_list_goals_pages_by_size_too(runtime):
    for _ in range(30):
        runtime.goal(WIDE * 500, acceptance_criteria=["x" * 2000] * 50, metadata={"k": "x" * 60_000})
    pages = list(runtime.all_pages("list_goals", limit=200))
    assert [one for page in ids_of(pages, "goals", "goal_id") for one in page] == list(range(1, 31))
    assert len(pages) > 1
    assert {page["total"] for page in pages} == {30}
    assert pages[0]["goals"][0]["truncated"]["metadata"] == 60_008


def test_texts_past_8_kib_are_cut_and_named_with_their_bytes(runtime):
    within = long_goal(runtime, "é" * 4 * KIB)
    beyond = long_goal(runtime, "é" * 4 * KIB + "x")
    shown = runtime("get_goal", goal_id=within)
    assert (shown["description"], "truncated" in shown) == ("é" * 4 * KIB, False)
    shown = runtime("get_goal", goal_id=beyond)
    assert (shown["description"], shown["truncated"]) == ("é" * 4 * KIB, {"description": 8 * KIB + 1})


def test_a_text_is_cut_between_characters(runtime):
    for lead in ("", "x", "xx", "xxx"):
        shown = runtime("get_goal", goal_id=long_goal(runtime, lead + WIDE * 3000))
        assert shown["description"] == lead + WIDE * ((8 * KIB - len(lead)) // 4)


def test_id_lists_are_cut_at_100_with_their_count(runtime):
    runtime.goal()
    first = runtime.task(goal_id=1)
    group = runtime.task(goal_id=1)
    plan = [{"title": "t"} for _ in range(120)]
    ids = runtime("decompose_goal", goal_id=1, plan=plan)
    assert (ids["task_ids"], ids["task_count"]) == (list(range(3, 103)), 120)
    assert ids["truncated"]["task_ids"] == 120
    for task_id in range(3, 123):
        runtime("edit_task", task_id=task_id, dependencies=[first], parent_id=group)
    for _ in range(101):
        runtime.goal(parent_goal_id=1)

    shown = runtime("get_task", task_id=first)
    assert (len(shown["dependents"]), shown["truncated"]) == (100, {"dependents": 120})
    shown = runtime("get_task", task_id=group)
    assert (len(shown["children"]), shown["truncated"]) == (100, {"children": 120})
    shown = runtime("get_goal", goal_id=1)
    assert (len(shown["sub_goals"]), shown["truncated"]) == (100, {"sub_goals": 101})
    assert len(runtime.settle(first)["newly_ready"]) == 100
    assert json.loads(runtime.whole("get_task", task_id=group, field="children")) == list(range(3, 123))
    assert json.loads(runtime.whole("get_goal", goal_id=1, field="sub_goals")) == list(range(2, 103))


def test_what_is_too_large_still_is_cut_where_it_is_largest(runtime):
    runtime.goal(acceptance_criteria=["é" * KIB] * 50, metadata={"k": "x" * 65_000}, description="x" * 65_000)
    shown = runtime("get_goal", goal_id=1)
    assert shown["metadata"] is None
    assert len(shown["description"]) == 8 * KIB
    assert 0 < len(shown["acceptance_criteria"]) < 50
    assert shown["truncated"] == {
        "metadata": 65_008,
        "description": 65_000,
        "acceptance_criteria": 50 * (2 * KIB + 3) + 1,
    }


def test_a_claim_in_a_goal_with_long_criteria_is_answered_in_32_kib(runtime):
    runtime.goal(acceptance_criteria=["é" * KIB] * 50)
    before = [runtime.task(f"before {number}", goal_id=1) for number in range(100)]
    for task_id in before:
        runtime.settle(task_id, result=WIDE * 500)
    runtime.task(
        WIDE * 500,
        goal_id=1,
        dependencies=before,
        acceptance_criteria=["é" * KIB] * 50,
        metadata={"k": "x" * 65_000},
        description=ESCAPED * 20_000,
    )
    answer = runtime("get_next_task")
    assert answer["claim_token"]
    task = answer["task"]
    assert task["metadata"] is None
    assert task["description"]
    assert set(task["truncated"]) >= {"metadata", "description"}
    assert "acceptance_criteria" in task["goal"].get("truncated", {}) | task["truncated"]
    assert runtime.settle(101)["changed"]


@pytest.mark.parametrize("text", ["x", "é", WIDE, ESCAPED, "\n"])
def test_texts_of_escapes_and_wide_characters_fit(runtime, text):
    longest = text * (64 * KIB // len(text.encode()))
    task_id = runtime.task("t", description=longest, max_attempts=100)
    for _ in range(10):
        runtime.claim(task_id)
        runtime.settle(task_id, "pending", error=longest, result=longest)
    shown = runtime("get_task", task_id=task_id)
    assert shown["truncated"]["description"] == len(longest.encode())
    assert shown["attempt_history"][-1]["attempt"] == 10, "the latest attempts are kept"
    for field in ("description", "result", "error"):
        assert runtime.whole("get_task", task_id=task_id, field=field) == longest
    history = json.loads(runtime.whole("get_task", task_id=task_id, field="attempt_history"))
    assert [attempt["error"] for attempt in history] == [longest] * 10


@pytest.mark.parametrize("size", [0, 1, 24 * KIB - 1, 24 * KIB, 24 * KIB + 1, 48 * KIB, 64 * KIB])
def test_a_long_text_is_read_in_parts_of_24_kib(runtime, size):
    text = "".join(chr(97 + number % 26) for number in range(size))
    goal_id = long_goal(runtime, text)
    part = runtime("get_goal", goal_id=goal_id, field="description")
    assert part == {
        "goal_id": goal_id,
        "text": text[: 24 * KIB],
        "offset": 0,
        "next_offset": 24 * KIB if size > 24 * KIB else None,
        "bytes": size,
    }
    assert runtime.whole("get_goal", goal_id=goal_id, field="description") == text


@pytest.mark.parametrize("lead", ["", "x", "xx", "xxx"])
@pytest.mark.parametrize("character", ["é", "日", WIDE])
def test_multi_byte_characters_are_never_split(runtime, lead, character):
    text = lead + character * ((64 * KIB - len(lead)) // len(character.encode()))
    assert runtime.whole("get_goal", goal_id=long_goal(runtime, text), field="description") == text


def test_an_offset_within_a_character_begins_at_the_next_one(runtime):
    goal_id = long_goal(runtime, "a" + WIDE + "b")
    for offset, text, begins in ((1, WIDE + "b", 1), (2, "b", 5), (4, "b", 5), (5, "b", 5), (6, "", 6), (99, "", 6)):
        part = runtime("get_goal", goal_id=goal_id, field="description", offset=offset)
        assert (part["text"], part["offset"], part["next_offset"], part["bytes"]) == (text, begins, None, 6)


def test_lists_and_objects_are_read_as_json(runtime):
    runtime.goal(metadata={"a": [1, "é"]}, acceptance_criteria=["one", "two"])
    task_id = runtime.task(metadata={"k": "é" * 30_000}, dependencies=[runtime.task()], goal_id=1)
    assert runtime("get_goal", goal_id=1, field="metadata")["text"] == '{"a":[1,"é"]}'
    assert runtime("get_goal", goal_id=1, field="acceptance_criteria")["text"] == '["one","two"]'
    assert runtime("get_goal", goal_id=1, field="outcome")["text"] == ""
    assert json.loads(runtime.whole("get_task", task_id=task_id, field="metadata")) == {"k": "é" * 30_000}
    assert runtime("get_task", task_id=task_id, field="dependencies")["text"] == "[1]"
    assert runtime("get_task", task_id=task_id, field="blocked_by")["text"] == "[1]"


def test_get_goal_with_fifty_long_titles_fits(runtime):
    runtime.goal(WIDE * 500, description="x" * 65_000)
    for _ in range(60):
        runtime.task(WIDE * 500, goal_id=1)
    shown = runtime("get_goal", goal_id=1)
    assert shown["task_count"] == 60
    assert 0 < len(shown["tasks"]) < 50
    assert "tasks" in shown["truncated"]


def test_an_output_of_escapes_is_read_in_parts_that_fit(runtime):
    runtime("create_relay_pipeline", name="n", goal="g", agent_types=["one"])
    text = ESCAPED * 20_000
    handed_in = {"quality_score": 0.9, "l_score": 0.9, "tokens_used": 1, "output": text}
    output_id = runtime("advance_relay", pipeline_id=1, **handed_in)["output_id"]
    parts, offset = [], 0
    while offset is not None:
        answer = runtime("get_relay_output", pipeline_id=1, output_id=output_id, offset=offset)
        assert len(json.dumps(answer, ensure_ascii=False).encode()) <= 32 * KIB
        parts.append(answer["text"])
        offset = answer["next_offset"]
    assert "".join(parts) == text


def test_a_page_of_breakers_counts_the_names_of_those_that_are_open(runtime):
    for number in range(60):
        runtime("circuit_breaker_trip", agent_id=f"{number:03}" + "x" * 190)
    answer = runtime("circuit_breaker_list", limit=200)
    assert len(answer["open"]) == answer["total"] == 60
    assert len(json.dumps(answer, separators=(",", ":")).encode()) <= 16 * KIB
