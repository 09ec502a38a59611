"""Generated calls, right and wrong: never a bug, never a word too many, and after an error nothing is written."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from operating import Runtime, require_sound_problem, require_sound_reply

from agent_runtime_mcp._call import Session
from agent_runtime_mcp._dispatch import make_request
from agent_runtime_mcp._failures import problem_of
from agent_runtime_mcp._operations import OPERATIONS

OURS = [operation for operation in OPERATIONS if operation.group in ("goal", "task", None)]
READS = {operation.name for operation in OURS if operation.kind == "read"}

ids = st.integers(1, 7)
long_texts = st.sampled_from(["x", "done", "é" * 30_000, "\n" * 9000, '"\\' * 20_000, "\x1b[1mbold", "[1]", "{}"])
short_texts = st.sampled_from(["x", "another", "😀" * 500, "a\tb", "\u202etext"])
texts = long_texts | short_texts | st.text(max_size=20) | st.sampled_from(["", "a" * 501, "a\x00", "\ud800"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(["a", "b", "c"])
plans = st.lists(
    st.fixed_dictionaries(
        {"title": short_texts},
        optional={
            "key": keys,
            "depends_on": st.lists(keys, max_size=2),
            "parent": keys,
            "priority": st.integers(1, 10),
        },
    ),
    min_size=1,
    max_size=4,
)
NAMED = {
    "plan": plans,
    "not_before": st.sampled_from(["2027-01-15T08:00:30Z", "2027-01-15T09:30:00+01:00", "1970-01-01T00:00:00Z"]),
    "claim_token": st.sampled_from(["1.1.0", "2.1.0", "x"]),
    "cursor": st.sampled_from(["x", "00000000.1"]),
    "request_id": st.sampled_from(["r", "s"]),
    "worker": st.sampled_from(["ada", "bob"]),
    "name": short_texts,
    "title": short_texts,
    "progress": short_texts,
    "outcome": short_texts,
    "query": short_texts,
}


def right(argument):
    """Return values that an argument takes."""
    schema = argument.value_schema
    kind = argument.kind
    if argument.name in NAMED:
        values = NAMED[argument.name]
    elif "enum" in schema:
        values = st.sampled_from(schema["enum"])
    elif kind == "integer" and argument.name.endswith("_id"):
        values = ids | ids.map(str)
    elif kind == "integer":
        values = st.integers(schema["minimum"], min(schema.get("maximum", 1000), 1000))
    elif kind == "array":
        values = st.lists(ids if schema["items"].get("type") == "integer" else short_texts, max_size=3)
    else:
        objects = st.dictionaries(short_texts, long_texts | st.integers(), max_size=2)
        values = {"boolean": st.booleans(), "string": long_texts, "object": objects}[kind]
    return st.none() | values if argument.clearable else values


@st.composite
def calls(draw):
    """Return an operation and arguments for it, of which one in four has something wrong."""
    operation = draw(st.sampled_from(OURS))
    accepted = operation.accepted.arguments
    given = {}
    for argument in accepted:
        if argument.required or draw(st.integers(0, 3)) == 0:
            given[argument.name] = draw(right(argument))
    if draw(st.integers(0, 3)) == 0:
        given[draw(st.sampled_from([argument.name for argument in accepted]) | texts)] = draw(anything)
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
    rows = len(after["server_journal"]) - len(before["server_journal"])
    assert rows in (0, 1)
    if operation in READS or reply.replayed or reply.values.get("changed") is False:
        assert after == before


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(st.tuples(calls(), st.integers(0, 1), st.sampled_from([0, 0, 0, 30, 1000])), max_size=20))
def test_whatever_is_called_is_answered_or_refused(new_file, clock, steps):
    clock = type(clock)()
    sessions = [Session(worker="ada", holder="one"), Session(worker="bob", holder=None)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runtime.db"
        shutil.copy(new_file, path)
        runtime = Runtime(path, clock)
        try:
            runtime.goal("a goal")
            runtime.goal("a sub-goal", parent_goal_id=1)
            for more in ({"goal_id": 1}, {"goal_id": 2}, {"dependencies": [1]}, {}, {"parent_id": 4}):
                runtime.task("a task", **more)
            for (operation, arguments), who, seconds in steps:
                clock.advance(seconds)
                run(runtime, operation, arguments, sessions[who])
        finally:
            runtime.database.close()


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(operation=st.sampled_from(OURS), values=st.lists(anything, max_size=5), more=st.dictionaries(texts, anything))
def test_whatever_is_given_is_checked(operation, values, more):
    names = [argument.name for argument in operation.accepted.arguments]
    try:
        operation.accepted.check(dict(zip(names, values, strict=False)) | more)
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            raise
        require_sound_problem(problem)
