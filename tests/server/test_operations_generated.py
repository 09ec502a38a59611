"""Generated calls, right and wrong: never a bug, never a word too many, and after an error nothing is written."""

import shutil
import tempfile
from pathlib import Path

from agent_runtime_mcp._call import Session
from agent_runtime_mcp._dispatch import make_request
from agent_runtime_mcp._failures import problem_of
from agent_runtime_mcp._operations import OPERATIONS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from operating import Runtime, require_sound_problem, require_sound_reply

PARTS = ("goal", "task", None)
OURS = [operation for operation in OPERATIONS if operation.group in PARTS]

ids = st.integers(1, 8)
texts = st.one_of(
    st.sampled_from(["", "x", "done", "a" * 501, "😀" * 500, "é" * 40_000, "\n" * 9000, "a\x00", "\ud800", "\x1b[1m", "[1]"]),
    st.text(max_size=20),
)
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
plans = st.lists(
    st.fixed_dictionaries(
        {"title": texts},
        optional={
            "key": st.sampled_from(["a", "b", "c"]),
            "depends_on": st.lists(st.sampled_from(["a", "b", "c"]), max_size=2),
            "parent": st.sampled_from(["a", "b"]),
            "priority": st.integers(0, 11),
            "description": texts,
            "acceptance_criteria": st.lists(texts, max_size=2),
        },
    ),
    min_size=1,
    max_size=5,
)
moments = st.sampled_from(["2027-01-15T08:00:30Z", "2027-01-15T09:30:00+01:00", "1970-01-01T00:00:00Z", "soon", ""])


def likely(argument):
    """Return values that an argument may well take, some of them out of bounds."""
    schema = argument.value_schema
    if argument.name == "plan":
        return plans
    if argument.name == "not_before":
        return moments
    if argument.name == "claim_token":
        return st.sampled_from(["1.1.0", "2.1.0", "x", ""])
    if argument.name == "request_id":
        return st.sampled_from(["r", "s"])
    if argument.name == "worker":
        return st.sampled_from(["ada", "bob"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = argument.kind
    if kind == "integer" and argument.name.endswith("_id"):
        return st.one_of(ids, ids.map(str))
    if kind == "integer":
        low, high = schema["minimum"], schema.get("maximum", 100_000)
        return st.one_of(st.integers(low, high), st.sampled_from([low - 1, low, high, high + 1]))
    if kind == "array":
        return st.lists(ids if schema["items"].get("type") == "integer" else texts, max_size=3)
    return {
        "boolean": st.booleans(),
        "string": texts,
        "object": st.dictionaries(texts, st.one_of(texts, st.integers()), max_size=2),
    }[kind]


@st.composite
def calls(draw):
    """Return an operation and arguments for it."""
    operation = draw(st.sampled_from(OURS))
    given = {}
    for argument in operation.accepted.arguments:
        wanted = draw(st.integers(0, 9))
        if argument.required or wanted < 4:
            given[argument.name] = draw(anything if wanted == 0 else likely(argument))
        if argument.required and wanted == 9:
            del given[argument.name]
    if draw(st.integers(0, 19)) == 0:
        given[draw(texts)] = draw(anything)
    return operation.name, given


def run(runtime, operation, arguments, session):
    """Run a call and hold what came of it against what is promised."""
    before = runtime.tables()
    remembered = dict(session.tokens)
    try:
        request = make_request(operation, arguments, session, client="hypothesis")
        reply = runtime.database.run_blocking(request.run, writes=request.writes)
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            raise
        require_sound_problem(problem)
        assert runtime.tables() == before
        assert session.tokens.items() <= remembered.items()
        return
    require_sound_reply(operation, reply)
    after = runtime.tables()
    if operation in ("get_goal", "list_goals", "list_tasks", "get_task", "runtime_overview"):
        assert after == before
    journal = len(after["server_journal"]) - len(before["server_journal"])
    assert journal in (0, 1)
    if reply.replayed:
        assert after == before


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(st.tuples(calls(), st.integers(0, 1), st.sampled_from([0, 0, 0, 30, 1000])), max_size=14))
def test_whatever_is_called_is_answered_or_refused(new_file, clock, steps):
    clock = type(clock)()
    sessions = [Session(worker="ada", holder="one"), Session(worker="bob", holder=None)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runtime.db"
        shutil.copy(new_file, path)
        runtime = Runtime(path, clock)
        try:
            runtime.goal("a goal")
            runtime.task("a task", goal_id=1)
            for (operation, arguments), who, seconds in steps:
                clock.advance(seconds)
                run(runtime, operation, arguments, sessions[who])
        finally:
            runtime.database.close()


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(operation=st.sampled_from(OURS), given_arguments=st.dictionaries(texts, anything, max_size=4) | anything)
def test_whatever_is_given_is_checked(operation, given_arguments):
    if not isinstance(given_arguments, dict):
        return
    names = [argument.name for argument in operation.accepted.arguments]
    arguments = dict(zip(names, given_arguments.values(), strict=False)) | given_arguments
    try:
        operation.accepted.check(arguments)
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            raise
        require_sound_problem(problem)
