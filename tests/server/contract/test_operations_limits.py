"""Limits on input: what is just within is kept whole, what is just beyond is `invalid` and nothing is written."""

import json

import pytest

KIB = 1024
WIDE = "😀"  # one character, four bytes, two UTF-16 units


def metadata_of(size):
    """Return an object that is so many bytes as compact JSON."""
    return {"k": "é" * ((size - 8) // 2) + "x" * (size % 2)}


def chain(deep):
    value = 1
    for _ in range(deep):
        value = {"a": value}
    return value


WITHIN = [
    ("create_goal", "name", "x"),
    ("create_goal", "name", WIDE * 500),
    ("create_goal", "description", ""),
    ("create_goal", "description", "x" * 64 * KIB),
    ("create_goal", "description", WIDE * 16 * KIB),
    ("create_goal", "metadata", metadata_of(64 * KIB)),
    ("create_goal", "metadata", chain(50)),
    ("create_goal", "acceptance_criteria", ["é" * KIB] * 50),
    ("update_goal", "outcome", "é" * 2 * KIB),
    ("update_goal", "name", "x" * 500),
    ("update_goal", "description", "x" * 64 * KIB),
    ("create_task", "title", WIDE * 500),
    ("create_task", "description", "x" * 64 * KIB),
    ("create_task", "metadata", metadata_of(64 * KIB)),
    ("create_task", "acceptance_criteria", ["x" * 2 * KIB] * 50),
    ("create_task", "priority", 1),
    ("create_task", "priority", 10),
    ("create_task", "max_attempts", 1),
    ("create_task", "max_attempts", 100),
    ("create_task", "not_before", "1970-01-01T00:00:00Z"),
    ("create_task", "not_before", "9999-12-31T23:59:59.999Z"),
    ("create_task", "not_before", "2030-01-31T09:00:00+05:45"),
    ("create_task", "request_id", "r"),
    ("create_task", "request_id", "é" * 200),
    ("edit_task", "title", "x" * 500),
    ("edit_task", "description", "x" * 64 * KIB),
    ("update_task_status", "result", "x" * 64 * KIB),
    ("update_task_status", "error", "é" * 32 * KIB),
    ("claim", "lease_seconds", 10),
    ("claim", "lease_seconds", 86_400),
    ("release", "retry_in_seconds", 0),
    ("release", "retry_in_seconds", 31_536_000),
    ("renew_task", "lease_seconds", 10),
    ("renew_task", "lease_seconds", 86_400),
    ("renew_task", "progress", "é" * 2 * KIB),
    ("get_next_task", "lease_seconds", 10),
    ("get_next_task", "lease_seconds", 86_400),
    ("list_tasks", "limit", 1),
    ("list_tasks", "limit", 200),
    ("list_tasks", "query", "x" * 4 * KIB),
    ("list_goals", "limit", 200),
    ("decompose_goal", "max_tasks", 1),
    ("get_task", "offset", 2**63 - 1),
]

BEYOND = [
    ("create_goal", "name", ""),
    ("create_goal", "name", " \t\n "),
    ("create_goal", "name", "\u202e"),
    ("create_goal", "name", "x" * 501),
    ("create_goal", "name", WIDE * 501),
    ("create_goal", "description", "x" * (64 * KIB + 1)),
    ("create_goal", "description", "é" * 32 * KIB + "x"),
    ("create_goal", "metadata", metadata_of(64 * KIB + 1)),
    ("create_goal", "metadata", chain(51)),
    ("create_goal", "metadata", {"a": float("nan")}),
    ("create_goal", "metadata", {"a": [float("inf")]}),
    ("create_goal", "acceptance_criteria", ["x"] * 51),
    ("create_goal", "acceptance_criteria", ["x" * (2 * KIB + 1)]),
    ("create_goal", "acceptance_criteria", ["x", 1]),
    ("update_goal", "name", ""),
    ("update_goal", "name", "x" * 501),
    ("update_goal", "description", "x" * (64 * KIB + 1)),
    ("update_goal", "outcome", "é" * 2 * KIB + "x"),
    ("update_goal", "acceptance_criteria", ["x"] * 51),
    ("update_goal", "metadata", metadata_of(64 * KIB + 1)),
    ("create_task", "title", ""),
    ("create_task", "title", "x" * 501),
    ("create_task", "description", "x" * (64 * KIB + 1)),
    ("create_task", "metadata", metadata_of(64 * KIB + 1)),
    ("create_task", "acceptance_criteria", ["x"] * 51),
    ("create_task", "acceptance_criteria", [""]),
    ("create_task", "dependencies", list(range(1, 1002))),
    ("create_task", "dependencies", [0]),
    ("create_task", "goal_id", 0),
    ("create_task", "goal_id", 2**63),
    ("create_task", "priority", 0),
    ("create_task", "priority", 11),
    ("create_task", "max_attempts", 0),
    ("create_task", "max_attempts", 101),
    ("create_task", "not_before", "2030-01-31T09:00:00"),
    ("create_task", "not_before", "2030-01-31"),
    ("create_task", "not_before", "tomorrow"),
    ("create_task", "not_before", "1969-12-31T23:59:59Z"),
    ("create_task", "not_before", "9999-12-31T23:59:59.9999Z"),
    ("create_task", "not_before", "9999-12-31T23:59:59-01:00"),
    ("create_task", "not_before", "0001-01-01T00:00:00+14:00"),
    ("create_task", "not_before", 1_900_000_000),
    ("create_task", "request_id", ""),
    ("create_task", "request_id", "x" * 201),
    ("create_task", "request_id", "a\nb"),
    ("edit_task", "title", "x" * 501),
    ("edit_task", "description", "x" * (64 * KIB + 1)),
    ("edit_task", "dependencies", list(range(1, 1002))),
    ("edit_task", "priority", 11),
    ("edit_task", "max_attempts", 101),
    ("edit_task", "not_before", "soon"),
    ("update_task_status", "result", "x" * (64 * KIB + 1)),
    ("update_task_status", "error", "é" * 32 * KIB + "x"),
    ("update_task_status", "status", "done"),
    ("claim", "lease_seconds", 9),
    ("claim", "lease_seconds", 86_401),
    ("release", "retry_in_seconds", -1),
    ("release", "retry_in_seconds", 31_536_001),
    ("release", "retry_in_seconds", 1.5),
    ("renew_task", "lease_seconds", 9),
    ("renew_task", "lease_seconds", 86_401),
    ("renew_task", "progress", "é" * 2 * KIB + "x"),
    ("get_next_task", "lease_seconds", 9),
    ("get_next_task", "lease_seconds", 86_401),
    ("list_tasks", "limit", 0),
    ("list_tasks", "limit", 201),
    ("list_tasks", "query", ""),
    ("list_tasks", "query", "x" * (4 * KIB + 1)),
    ("list_goals", "limit", 0),
    ("list_goals", "limit", 201),
    ("decompose_goal", "max_tasks", 0),
    ("decompose_goal", "plan", []),
    ("decompose_goal", "plan", [{"title": "t"}] * 501),
    ("decompose_goal", "plan", [{"title": "x" * 501}]),
    ("decompose_goal", "plan", [{"title": "t", "description": "x" * (64 * KIB + 1)}]),
    ("get_task", "offset", -1),
    ("get_task", "offset", 2**63),
    ("get_task", "field", "claim"),
    ("get_task", "task_id", 0),
    ("get_task", "task_id", 2**63),
]


@pytest.fixture
def prepared(runtime):
    """A goal, a task in it that Ada holds, and one that nobody holds."""
    runtime.goal("g")
    runtime.task("held", goal_id=1)
    runtime.task("free", goal_id=1)
    runtime.claim(1)
    return runtime


def call_of(operation, argument, value):
    """Return a call that is right but for one argument."""
    needed = {
        "create_goal": {"name": "n"},
        "update_goal": {"goal_id": 1},
        "create_task": {"title": "t"},
        "edit_task": {"task_id": 2},
        "update_task_status": {"task_id": 1, "status": "completed"},
        "claim": {"task_id": 2, "status": "in_progress"},
        "release": {"task_id": 1, "status": "pending"},
        "renew_task": {"task_id": 1},
        "decompose_goal": {"goal_id": 1, "plan": [{"title": "p"}]},
        "get_task": {"task_id": 1, "field": "description"} if argument != "task_id" else {},
    }
    name = "update_task_status" if operation in ("claim", "release") else operation
    return name, needed.get(operation, {}) | {argument: value}


def stored(runtime, operation, argument):
    show = {"create_goal": ("get_goal", 2), "update_goal": ("get_goal", 1), "create_task": ("get_task", 3)}
    show |= {"edit_task": ("get_task", 2), "update_task_status": ("get_task", 1), "renew_task": ("get_task", 1)}
    tool, number = show[operation]
    field = "progress_note" if argument == "progress" else argument
    return runtime.whole(tool, **{"goal_id" if tool == "get_goal" else "task_id": number}, field=field)


@pytest.mark.parametrize(("operation", "argument", "value"), WITHIN, ids=lambda value: str(value)[:30])
def test_what_is_within_the_limits_is_kept_whole(prepared, operation, argument, value):
    name, given = call_of(operation, argument, value)
    prepared(name, **given)
    if isinstance(value, str | list | dict) and argument not in ("not_before", "request_id", "query"):
        text = stored(prepared, operation, argument)
        assert (text if isinstance(value, str) else json.loads(text)) == value


@pytest.mark.parametrize(("operation", "argument", "value"), BEYOND, ids=lambda value: str(value)[:30])
def test_what_is_beyond_is_invalid_and_nothing_is_written(prepared, operation, argument, value):
    name, given = call_of(operation, argument, value)
    problem = prepared.refused(name, **given)
    assert problem.code == "invalid"
    assert argument in problem.message


def test_a_thousand_dependencies_are_kept(runtime):
    goal_id = runtime.goal()
    for _ in range(2):
        runtime("decompose_goal", goal_id=goal_id, plan=[{"title": "t"}] * 500)
    last = runtime.task(dependencies=list(range(1, 1001)))
    shown = runtime("get_task", task_id=last)
    assert (shown["open_dependencies"], shown["truncated"]["dependencies"]) == (1000, 1000)
    assert json.loads(runtime.whole("get_task", task_id=last, field="dependencies")) == list(range(1, 1001))


TEXTS = [
    ("create_goal", "name", {}),
    ("create_goal", "description", {}),
    ("create_goal", "acceptance_criteria", []),
    ("create_goal", "metadata", {"a": {"b": None}}),
    ("update_goal", "outcome", {}),
    ("create_task", "title", {}),
    ("create_task", "description", {}),
    ("update_task_status", "result", {}),
    ("update_task_status", "error", {}),
    ("renew_task", "progress", {}),
    ("list_tasks", "query", {}),
    ("create_task", "request_id", {}),
    ("get_next_task", "worker", {}),
    ("renew_task", "claim_token", {}),
    ("list_tasks", "cursor", {}),
    ("get_task", "field", {}),
    ("update_task_status", "status", {}),
    ("create_task", "not_before", {}),
]


def within(shape, text):
    if shape == []:
        return ["fine", text]
    return {"fine": {"deep": [text]}} if shape else text


@pytest.mark.parametrize("bad", ["a\x00b", "a\ud800b", "\udfff", chr(0xD83D)], ids=ascii)
@pytest.mark.parametrize(("operation", "argument", "shape"), TEXTS)
def test_nul_and_lone_surrogates_are_refused_everywhere(prepared, operation, argument, shape, bad):
    name, given = call_of(operation, argument, within(shape, bad))
    problem = prepared.refused(name, **given)
    assert problem.code == "invalid"
    problem.message.encode()


@pytest.mark.parametrize("bad", ["a\x00b", "a\ud800b"], ids=ascii)
def test_nul_and_lone_surrogates_are_refused_in_keys_and_plans(prepared, bad):
    assert prepared.refused("create_task", title="t", metadata={bad: 1}).code == "invalid"
    for item in (
        {"title": bad},
        {"title": "t", "key": bad},
        {"title": "t", "description": bad},
        {"title": "t", bad: 1},
    ):
        problem = prepared.refused("decompose_goal", goal_id=1, plan=[item])
        assert problem.code == "invalid"
        problem.message.encode()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a\x1b[31mred\x1b[0m", "ared"),
        ("a\x1b]0;title\x07b", "ab"),
        ("a\x9b31mb", "a31mb"),
        ("a\x08\x7fb", "ab"),
        ("a\u202egnp.exe\u202c", "agnp.exe"),
        ("\u2066a\u2069\u200e\u200f\u061c", "a"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\tb\n", "a\tb\n"),
        ("日本語 😀 e\u0301", "日本語 😀 e\u0301"),
    ],
)
def test_other_control_characters_are_stripped(runtime, text, kept):
    task_id = runtime.task("t", description=text, metadata={"x" + text: [text]}, acceptance_criteria=["x" + text])
    shown = runtime("get_task", task_id=task_id)
    assert shown["description"] == kept
    assert shown["metadata"] == {"x" + kept: [kept]}
    assert shown["acceptance_criteria"] == ["x" + kept]
    [event] = runtime.journal()
    assert event.arguments["description"] == kept


def test_a_title_is_one_line(runtime):
    made = runtime("create_task", title="  a\r\n\tb\x1b[1mc  ")
    assert made["task"]["title"] == "a bc"
    assert runtime("create_goal", name="a\nb")["name"] == "a b"


def test_a_plan_is_taken_whole_or_not_at_all_and_all_its_faults_are_named(prepared):
    problem = prepared.refused(
        "decompose_goal",
        goal_id=1,
        plan=[
            {"key": "a", "title": "fine"},
            {"id": "b", "titel": "x", "dependencies": ["a"], "priority": 11},
            {"key": "c", "title": "y", "depends_on": ["nowhere"], "parent": "c"},
            {"key": "a", "title": "twice"},
        ],
    )
    assert problem.code == "invalid"
    for said in (
        "the field is key",
        "the field is title",
        "the field is depends_on",
        "priority",
        "nowhere",
        "'c'",
        "'a'",
    ):
        assert said in problem.message
    assert len(problem.details["faults"]) == 4
    assert prepared.refused("decompose_goal", goal_id=1, plan=["text"]).code == "invalid"
    assert prepared.refused("decompose_goal", goal_id=1, plan={"title": "t"}).code == "invalid"
    assert prepared.refused("decompose_goal", goal_id=1, plan=7).code == "invalid"


def test_the_largest_plan_is_kept(runtime):
    goal_id = runtime.goal()
    plan = [{"key": f"k{number}", "title": WIDE * 500, "priority": 1 + number % 10} for number in range(500)]
    made = runtime("decompose_goal", goal_id=goal_id, plan=plan)
    assert made["task_count"] == 500
    assert runtime("get_goal", goal_id=goal_id)["task_count"] == 500
