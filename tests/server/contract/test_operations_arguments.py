"""What operations take: these arguments, of these types, and everything that is wrong with a call named at once."""

import json
import re

import pytest
from operating import CODES, bob

from agent_runtime_mcp.operations.table import table

# Names, whether they are required, and defaults, in the order of the table of operations.
TAKEN = {
    "create_goal": "NAME description metadata parent_goal_id acceptance_criteria request_id",
    "get_goal": "GOAL_ID field offset",
    "list_goals": "status limit=50 cursor",
    "update_goal": (
        "GOAL_ID status name description metadata acceptance_criteria parent_goal_id outcome open_tasks=refuse"
    ),
    "decompose_goal": "GOAL_ID strategy=sequential plan max_tasks=40 request_id",
    "create_task": (
        "TITLE description goal_id priority=5 dependencies parent_id acceptance_criteria metadata max_attempts=3"
        " not_before request_id"
    ),
    "get_next_task": "goal_id lease_seconds=900 claim=True request_id worker",
    "update_task_status": ("TASK_ID STATUS result error claim_token retry_in_seconds lease_seconds worker"),
    "edit_task": (
        "TASK_ID title description priority dependencies parent_id goal_id acceptance_criteria metadata max_attempts"
        " not_before"
    ),
    "renew_task": "TASK_ID claim_token lease_seconds progress",
    "list_tasks": "goal_id status readiness parent_id query limit=50 cursor detail=brief",
    "get_task": "TASK_ID field offset",
    "runtime_overview": "worker",
}
WORDS = {
    ("list_goals", "status"): ["active", "paused", "completed", "cancelled"],
    ("update_goal", "status"): ["active", "paused", "completed", "cancelled"],
    ("update_goal", "open_tasks"): ["refuse", "cancel"],
    ("decompose_goal", "strategy"): ["sequential", "parallel", "hierarchical"],
    ("update_task_status", "status"): ["pending", "in_progress", "completed", "failed", "cancelled"],
    ("list_tasks", "status"): ["pending", "in_progress", "completed", "failed", "cancelled"],
    ("list_tasks", "readiness"): ["ready", "waiting", "unreachable", "group"],
    ("list_tasks", "detail"): ["brief", "full"],
}
CLEARED = {
    "update_goal": {
        "description": "",
        "metadata": {},
        "acceptance_criteria": [],
        "parent_goal_id": None,
        "outcome": None,
    },
    "edit_task": {
        "description": "",
        "dependencies": [],
        "parent_id": None,
        "goal_id": None,
        "acceptance_criteria": [],
        "metadata": {},
        "not_before": None,
    },
}


@pytest.mark.parametrize("operation", TAKEN)
def test_an_operation_lists_these_arguments(operation):
    schema = table()[operation].arguments.schema
    listed = []
    for name, argument in schema["properties"].items():
        shown = name.upper() if name in schema.get("required", ()) else name
        listed.append(f"{shown}={argument['default']}" if "default" in argument else shown)
    assert listed == TAKEN[operation].replace("offset", "offset=0").split()
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize(("operation", "argument"), WORDS)
def test_a_choice_lists_its_words(operation, argument):
    schema = table()[operation].arguments.schema["properties"][argument]
    assert schema["enum"] == WORDS[operation, argument]


@pytest.mark.parametrize("operation", TAKEN)
def test_every_write_takes_a_worker_and_a_request_id_and_no_read_takes_a_request_id(operation):
    accepted = {argument.name for argument in table()[operation].accepted.arguments}
    if table()[operation].kind == "write":
        assert {"worker", "request_id"} <= accepted
    else:
        assert "request_id" not in accepted


def test_ids_may_be_decimal_strings(runtime):
    goal_id = runtime.goal()
    task_id = runtime.task()
    assert runtime("get_goal", goal_id=str(goal_id)) == runtime("get_goal", goal_id=goal_id)
    assert runtime("get_task", task_id=f"0{task_id}")["task_id"] == task_id
    made = runtime("create_task", title="t", goal_id="1", dependencies=["1"])["task"]
    assert (made["goal_id"], made["open_dependencies"]) == (goal_id, 1)
    assert runtime("create_goal", name="g", parent_goal_id="1")["parent_goal_id"] == goal_id
    assert runtime("edit_task", task_id="2", dependencies='["1"]')["changed"] is False
    assert len(runtime("list_tasks", goal_id="1")["tasks"]) == 1


@pytest.mark.parametrize(
    "text", ["abc", "", "-1", "+1", "1.0", " 1", "1_0", "\u0661", "0x1", "1e0", "9" * 19, "9" * 40]
)
def test_other_strings_are_no_ids(runtime, text):
    runtime.task()
    problem = runtime.refused("get_task", task_id=text)
    assert (problem.code, problem.details["faults"]) == ("invalid", [problem.message])
    assert problem.message.startswith("task_id ")


def test_lists_and_objects_may_be_json_texts(runtime):
    first = runtime.task()
    made = runtime(
        "create_task",
        title="t",
        dependencies=f"[{first}]",
        acceptance_criteria='["green", "small"]',
        metadata='{"a": [1, {"b": null}]}',
    )
    shown = runtime("get_task", task_id=made["task"]["task_id"])
    assert shown["dependencies"] == [first]
    assert shown["acceptance_criteria"] == ["green", "small"]
    assert shown["metadata"] == {"a": [1, {"b": None}]}
    goal_id = runtime.goal()
    assert runtime("decompose_goal", goal_id=goal_id, plan='[{"title": "x"}]')["task_count"] == 1


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        ("metadata", "{"),
        ("metadata", "[1]"),
        ("metadata", "1"),
        ("metadata", ""),
        ("metadata", '{"a": NaN}'),
        ("metadata", '{"a": 1e999}'),
        ("metadata", "[" * 100_000),
        ("acceptance_criteria", '{"a": 1}'),
        ("acceptance_criteria", '"green"'),
        ("acceptance_criteria", "green"),
        ("dependencies", "1"),
        ("dependencies", "[1.0]"),
        ("dependencies", "[true]"),
    ],
)
def test_json_texts_of_another_kind_are_refused(runtime, argument, text):
    runtime.task()
    problem = runtime.refused("create_task", title="t", **{argument: text})
    assert problem.code == "invalid"
    assert argument in problem.message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[1, {"a": 1 "b"}]', "expected ',' at line 1, column 13"),
        ("{\n  'a': 1}", "expected property name enclosed in double quotes at line 2, column 3"),
        ('["a', "unterminated string starting at line 1, column 2"),
        ("[" * 100_000, "it is nested too deeply"),
        (f"[{'1' * 5000}]", "a number has too many digits"),
    ],
)
def test_a_text_that_is_not_json_is_refused_with_the_position(runtime, text, reason):
    problem = runtime.refused("create_task", title="t", metadata=text)
    assert problem.message == f"metadata is not valid JSON: {reason}"


WRONG = {
    "boolean": ("true", 1, "yes", [], 0),
    "integer": (True, False, 1.0, "abc", [1], {}, 10**30, -(10**30)),
    "string": (1, True, ["a"], {"a": 1}, 1.5),
    "array": (1, True, {"a": 1}, 1.5),
    "object": (1, True, [1], 1.5),
}


@pytest.mark.parametrize("operation", TAKEN)
def test_values_of_another_type_are_refused_and_not_coerced(runtime, operation):
    runtime.goal()
    runtime.task()
    needed = {"goal_id": 1, "task_id": 1, "name": "n", "title": "t", "status": "pending"}
    accepted = table()[operation].accepted.arguments
    for argument in accepted:
        for value in WRONG[argument.kind]:
            given = {one.name: needed[one.name] for one in accepted if one.required} | {argument.name: value}
            problem = runtime.refused(operation, **given)
            assert (problem.code, argument.name in problem.message) == ("invalid", True), (given, problem)


@pytest.mark.parametrize(
    ("operation", "argument"),
    [("create_task", "priority"), ("list_tasks", "limit"), ("get_next_task", "lease_seconds")],
)
def test_numbers_as_texts_are_refused_but_for_ids(runtime, operation, argument):
    given = {"title": "t"} if operation == "create_task" else {}
    assert runtime.refused(operation, **given, **{argument: "5"}).code == "invalid"


@pytest.mark.parametrize("operation", TAKEN)
def test_what_is_required_is_missed(runtime, operation):
    required = [argument.name for argument in table()[operation].accepted.arguments if argument.required]
    if not required:
        runtime(operation)
        return
    problem = runtime.refused(operation)
    assert problem.code == "invalid"
    assert problem.details["faults"] == [f"{name} is missing" for name in required]
    assert operation in problem.hint
    assert runtime.refused(operation, **dict.fromkeys(required)).code == "invalid"


@pytest.mark.parametrize(
    ("operation", "given", "near"),
    [
        ("create_task", {"title": "t", "depends": [1]}, "dependencies"),
        ("create_task", {"title": "t", "parent": 1}, "parent_id"),
        ("create_goal", {"name": "n", "acceptance_criterias": []}, "acceptance_criteria"),
        ("update_task_status", {"task_id": 1, "status": "completed", "results": "x"}, "result"),
        ("get_task", {"task_id": 1, "taskid": 2}, "task_id"),
        ("renew_task", {"task_id": 1, "note": "x"}, None),
        ("list_tasks", {"qwxyz": 1}, None),
    ],
)
def test_unknown_arguments_are_refused_with_the_nearest_name(runtime, operation, given, near):
    runtime.task()
    problem = runtime.refused(operation, **given)
    assert problem.code == "invalid"
    assert "unknown argument" in problem.message
    said = re.search(r"did you mean (\w+)\?", problem.message)
    assert (said and said[1]) == near


def test_unknown_arguments_are_refused_even_when_they_are_null(runtime):
    assert "unknown argument 'titel'" in runtime.refused("create_task", title="t", titel=None).message


def test_all_that_is_wrong_with_a_call_is_named_at_once(runtime):
    problem = runtime.refused(
        "create_task", titel="t", priority=11, goal_id="abc", metadata=[], max_attempts=True, not_before="tomorrow"
    )
    assert len(problem.details["faults"]) == 7
    for name in ("title is missing", "titel", "priority", "goal_id", "metadata", "max_attempts", "not_before"):
        assert any(name in fault for fault in problem.details["faults"]), name
        assert name in problem.message


def test_very_many_faults_make_no_very_long_error(runtime):
    problem = runtime.refused("create_task", **{f"{number}{'x' * 1000}": 1 for number in range(5000)})
    assert "4990 more unknown arguments" in problem.message
    runtime.goal()
    problem = runtime.refused("decompose_goal", goal_id=1, plan=[{"titel": "é" * 500}] * 500)
    assert problem.code == "invalid"


@pytest.mark.parametrize("operation", CLEARED)
def test_what_is_omitted_stays_and_null_clears(runtime, operation):
    if operation == "update_goal":
        runtime.goal()
        item = {"goal_id": runtime.goal("g", parent_goal_id=1)}
        values = {"description": "d", "metadata": {"a": 1}, "acceptance_criteria": ["c"], "outcome": "o"}
        show = "get_goal"
    else:
        runtime.goal()
        prerequisite, group = runtime.task(), runtime.task(goal_id=1)
        item = {"task_id": runtime.task("t", parent_id=group)}
        values = {
            "description": "d",
            "dependencies": [prerequisite],
            "acceptance_criteria": ["c"],
            "metadata": {"a": 1},
            "not_before": "2030-01-31T09:00:00.000Z",
            "priority": 7,
            "max_attempts": 9,
        }
        show = "get_task"
    runtime(operation, **item, **values)
    full = runtime(show, **item)
    for name, value in values.items():
        assert full[name] == value

    for name, cleared in CLEARED[operation].items():
        if (operation, name) == ("edit_task", "goal_id"):
            runtime(operation, **item, parent_id=None)
        before = runtime(show, **item)
        runtime(operation, **item, **{name: None})
        after = runtime(show, **item)
        assert after[name] == cleared, name
        moved = {"updated_at", "readiness", "blocked_by", "open_dependencies", "goal_id", name}
        assert {key for key in before if before[key] != after[key]} <= moved


@pytest.mark.parametrize(
    ("operation", "argument"),
    [
        ("update_goal", "name"),
        ("update_goal", "status"),
        ("edit_task", "title"),
        ("edit_task", "priority"),
        ("edit_task", "max_attempts"),
    ],
)
def test_null_is_refused_for_what_cannot_be_cleared(runtime, operation, argument):
    runtime.goal()
    runtime.task()
    problem = runtime.refused(operation, **{"goal_id" if operation == "update_goal" else "task_id": 1, argument: None})
    assert problem.code == "invalid"
    assert argument in problem.message
    assert table()[operation].arguments.schema["properties"][argument]["type"] != "null"


def test_null_means_the_default_where_nothing_is_stored_yet(runtime):
    goal = runtime(
        "create_goal", name="n", description=None, metadata=None, parent_goal_id=None, acceptance_criteria=None
    )
    assert (goal["description"], goal["metadata"], goal["acceptance_criteria"]) == ("", {}, [])
    task = runtime("create_task", title="t", priority=None, max_attempts=None, request_id=None, worker=None)
    assert task["task"]["priority"] == 5
    assert runtime("get_next_task", goal_id=None, lease_seconds=None, claim=None)["task"] is not None
    assert runtime("list_tasks", limit=None, cursor=None, status=None)["tasks"]


def test_a_result_and_an_error_stay_when_omitted_and_are_cleared_by_null(runtime):
    task_id = runtime.task()

    def texts():
        shown = runtime("get_task", task_id=task_id)
        return shown["result"], shown["error"]

    runtime.settle(task_id, result="r", error="e")
    assert texts() == ("r", "e")
    runtime.settle(task_id, "pending")
    assert texts() == ("r", "e")
    runtime.settle(task_id, "cancelled", result=None)
    assert texts() == (None, "e")
    runtime.settle(task_id, "pending", error=None)
    assert texts() == (None, None)


def test_an_edit_that_changes_nothing_says_so(runtime, clock):
    task_id = runtime.task("t", metadata={"a": 1}, acceptance_criteria=["c"])
    goal_id = runtime.goal("g")
    before = runtime.tables()
    clock.advance(1)
    assert runtime("edit_task", task_id=task_id)["changed"] is False
    assert runtime("edit_task", task_id=task_id, title="t", metadata={"a": 1}, priority=5)["changed"] is False
    runtime("update_goal", goal_id=goal_id, name="g", status="active")
    assert runtime.tables() == before


def test_a_worker_names_itself_in_any_write(runtime):
    task_id = runtime.task(worker="carol")
    runtime("get_next_task", worker="dave")
    assert runtime("get_task", task_id=task_id)["claim"]["worker"] == "dave"
    assert [event.worker for event in runtime.journal()] == ["carol", "dave"]
    assert runtime("runtime_overview", worker="dave")["holding"][0]["task_id"] == task_id
    assert runtime("runtime_overview", by=bob())["holding"] == []


def test_a_worker_is_1_to_200_characters_without_control_characters(runtime):
    for name in ("", "x" * 201, "a\nb", "a\x1b[31m", "a\x00", "a\ud800", "a\u202e", "a\t"):
        problem = runtime.refused("create_task", title="t", worker=name)
        assert (problem.code, "worker" in problem.message) == ("invalid", True)
    for name in ("x", "é" * 200, "Ada", "ada"):
        runtime.task(worker=name)
    assert [event.worker for event in runtime.journal()][-2:] == ["Ada", "ada"]


def test_a_session_whose_worker_is_no_name_is_refused_with_what_to_set(runtime):
    problem = runtime.refused("create_task", by=bob("x" * 201), title="t")
    assert (problem.code, "AGENT_RUNTIME_WORKER" in problem.hint) == ("invalid", True)
    runtime("create_task", by=bob("x" * 201), title="t", worker="carol")


def test_names_are_case_sensitive_and_choices_exact(runtime):
    runtime.goal()
    for value in ("Active", "ACTIVE", " active", "open", ""):
        problem = runtime.refused("update_goal", goal_id=1, status=value)
        assert problem.code == "invalid"
        assert "active, paused, completed, cancelled" in problem.message


def test_an_error_has_one_of_the_codes_and_is_json(runtime):
    shown = runtime.refused("get_task", task_id=7).as_json()
    assert json.loads(json.dumps(shown)) == shown
    assert shown["error"]["code"] in CODES
