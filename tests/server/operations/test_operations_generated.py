"""Generated calls of every operation, right and wrong: never a bug, never a word too many, never half a row."""

import re
import shutil
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from operating import Runtime, require_sound_problem, require_sound_reply

from agent_runtime_mcp.dispatch.failures import problem_of
from agent_runtime_mcp.dispatch.request import make_request
from agent_runtime_mcp.doctor.doctor import Doctor
from agent_runtime_mcp.operations.call import Session
from agent_runtime_mcp.operations.table import table
from calling import fill
from fake_clock import FakeClock

HOUR, DAY = 3600, 86_400
SLOW_EXAMPLES, SLOW_CALLS = 600, 10_000
HOW = {"deadline": None, "suppress_health_check": list(HealthCheck)}
# What terminals act on and what turns text around; tabs and line breaks stay.
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
INJECTED = [
    "'; DROP TABLE tasks_tasks; --",
    "' OR 1=1 --",
    '" OR ""="',
    "%",
    "_",
    "!%",
    "\\",
    "*",
    "x') UNION SELECT 1 --",
]
MISLEADING = ["\x1b[1mbold", "\x1b]0;title\x07", "\u202etxet", "a\x07b\x9bc", "\u2066isolated\u2069", "\u200ehidden"]
WRONG_TEXT = ["", "a" * 501, "a\x00", "\ud800", "x" * 70_000]

ids = st.integers(1, 14)
long_texts = st.sampled_from(
    ["x", "done", "é" * 30_000, "\n" * 9000, '"\\' * 20_000, "[1]", "{}", *INJECTED, *MISLEADING]
)
short_texts = st.sampled_from(["x", "another", "😀" * 500, "a\tb", *INJECTED, *MISLEADING])
texts = long_texts | short_texts | st.text(max_size=20) | st.sampled_from(WRONG_TEXT)
numbers = st.integers() | st.floats() | st.sampled_from([-1, 0, 2**63, 2**64, 1e308, float("nan"), float("inf")])
anything = st.recursive(
    st.none() | st.booleans() | numbers | texts,
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
agents = st.sampled_from(["writer", "analyzer", "researcher", "x"])


@attrs.frozen
class Seen:
    """Stands for what some earlier reply of the same example had under this name."""

    name: str
    back: int


def seen(name: str) -> st.SearchStrategy[Any]:
    return st.integers(0, 3).map(lambda back: Seen(name, back)) | st.sampled_from(["x", "1.1.0"])


NAMED = {
    "goal_id": st.integers(1, 5),
    "pipeline_id": st.integers(1, 3),
    "output_id": st.integers(1, 3),
    "step_index": st.integers(0, 3),
    "plan": plans,
    "not_before": st.sampled_from(["2027-01-15T08:00:30Z", "2027-01-15T09:30:00+01:00", "1970-01-01T00:00:00Z"]),
    "claim_token": seen("claim_token"),
    "baton_id": seen("baton_id"),
    "permit_id": seen("permit_id"),
    "cursor": seen("next_cursor"),
    "request_id": st.sampled_from(["r", "s"]),
    "worker": st.sampled_from(["ada", "bob"]),
    "agent_id": agents,
    "agent_types": st.lists(agents, min_size=1, max_size=4) | st.sampled_from(["quick", "standard"]),
    "fallback_agents": st.dictionaries(agents, agents, max_size=2),
    "fallback_agent": agents,
    "output": long_texts,
    "tokens_used": st.integers(0, 20_000),
    **dict.fromkeys(("name", "title", "progress", "outcome", "query", "reason", "goal"), short_texts),
}


def right(argument: Any) -> st.SearchStrategy[Any]:
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
    elif kind == "number":
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        values = st.floats(low, schema.get("maximum", 1000)) | st.sampled_from([low, 1])
    elif kind == "array":
        item = schema["items"].get("type")
        items = {"integer": ids, "number": st.floats(0, 1)}.get(item, short_texts)
        values = st.lists(items, max_size=3)
    else:
        objects = st.dictionaries(short_texts, long_texts | st.integers(), max_size=2)
        values = {"boolean": st.booleans(), "string": long_texts, "object": objects}[kind]
    return st.none() | values if argument.clearable else values


@st.composite
def calls(draw: Any) -> tuple[str, dict[str, Any]]:
    """Return an operation and arguments for it, of which one in four has something wrong."""
    operation = draw(st.sampled_from(list(table().values())))
    accepted = operation.accepted.arguments
    given = {}
    for argument in accepted:
        if argument.required or draw(st.integers(0, 3)) == 0:
            given[argument.name] = draw(right(argument))
    if draw(st.integers(0, 3)) == 0:
        given[draw(st.sampled_from([argument.name for argument in accepted]) | texts)] = draw(anything)
    return operation.name, given


jumps = st.sampled_from([0, 0, 0, 0, 30, 1000, DAY, -HOUR])
stories = st.lists(st.tuples(calls(), st.integers(0, 1), jumps), min_size=15, max_size=30)


@attrs.define
class Story:
    """A file that generated calls are made on, and what they were answered."""

    runtime: Runtime
    answered: dict[str, list[Any]] = attrs.field(factory=lambda: defaultdict(list))
    outcomes: Counter[str] = attrs.field(factory=Counter)

    def run(self, operation: str, arguments: dict[str, Any], session: Session) -> None:
        """Run a call and hold what came of it against what is promised."""
        arguments = {name: self._resolved(value) for name, value in arguments.items()}
        before = self.runtime.tables()
        remembered = dict(session.tokens)
        try:
            request = make_request(operation, arguments, session, client="hypothesis")
            reply = self.runtime.database.run_blocking(request.run, writes=request.writes)
        except Exception as error:
            problem = problem_of(error)
            if problem is None:
                raise
            require_sound_problem(problem)
            self._require_unwritten(before, operation, problem.code)
            assert session.tokens.items() <= remembered.items()
            self.outcomes[problem.code] += 1
            return
        require_sound_reply(operation, reply)
        self._remember(reply.values)
        after = self.runtime.tables()
        rows = len(after["server_journal"]) - len(before["server_journal"])
        assert rows in (0, 1)
        if not request.writes or reply.replayed or reply.values.get("changed") is False:
            assert after == before
        self.outcomes["answered"] += 1

    def end(self) -> None:
        """Look for what no call may leave behind."""
        assert Doctor(self.runtime.database).examine().faults == ()
        stored = [value for rows in self.runtime.tables().values() for row in rows for value in row]
        assert [value for value in stored if isinstance(value, str) and UNSAFE.search(value)] == []

    def _require_unwritten(self, before: dict[str, Any], operation: str, code: str) -> None:
        """See that a refused call wrote nothing; only an output that came too late is kept, for a person to adopt."""
        after = self.runtime.tables()
        if operation == "advance_relay" and code == "stale_claim":
            [kept, had] = [set(tables.pop("relay_outputs")) for tables in (after, before)]
            assert kept >= had
            assert len(kept - had) <= 1
        assert after == before

    def _resolved(self, value: Any) -> Any:
        if not isinstance(value, Seen):
            return value
        known = self.answered[value.name]
        return known[-1 - value.back % len(known)] if known else "x"

    def _remember(self, reply: Any) -> None:
        if isinstance(reply, dict):
            for name, value in reply.items():
                if isinstance(value, str) and name in ("claim_token", "baton_id", "permit_id", "next_cursor"):
                    self.answered[name].append(value)
                self._remember(value)


def tell(new_file: Path, steps: list[Any]) -> Counter[str]:
    """Make some calls on a file of their own, and return how many had which outcome."""
    clock = FakeClock()
    sessions = [Session(worker="ada", holder="one"), Session(worker="bob", holder=None)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runtime.db"
        shutil.copy(new_file, path)
        story = Story(Runtime(path, clock))
        try:
            fill(story.runtime)
            story.runtime.task("a group's child", parent_id=story.runtime.task("a group"))
            for (operation, arguments), who, seconds in steps:
                clock.advance(seconds)
                story.run(operation, arguments, sessions[who])
            story.end()
        finally:
            story.runtime.database.close()
    return story.outcomes


@settings(max_examples=25, **HOW)
@given(steps=stories)
def test_whatever_is_called_is_answered_or_refused(new_file: Path, steps: list[Any]) -> None:
    tell(new_file, steps)


@pytest.mark.slow
def test_of_ten_thousand_calls_each_is_answered_or_refused(new_file: Path, capsys: Any) -> None:
    outcomes: Counter[str] = Counter()

    @settings(max_examples=SLOW_EXAMPLES, **HOW)
    @given(steps=stories)
    def story(steps: list[Any]) -> None:
        outcomes.update(tell(new_file, steps))

    story()
    with capsys.disabled():
        print(f"\n{outcomes.total()} generated calls: {dict(outcomes)}")  # noqa: T201 - the figure of the run
    assert outcomes.total() >= SLOW_CALLS
    assert outcomes["answered"] >= SLOW_CALLS // 10


@settings(max_examples=200, **HOW)
@given(
    operation=st.sampled_from(list(table().values())),
    values=st.lists(anything, max_size=5),
    more=st.dictionaries(texts, anything),
)
def test_whatever_is_given_is_checked(operation: Any, values: list[Any], more: dict[str, Any]) -> None:
    names = [argument.name for argument in operation.accepted.arguments]
    try:
        operation.accepted.check(dict(zip(names, values, strict=False)) | more)
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            raise
        require_sound_problem(problem)


TITLES = [
    "100% done",
    "snake_case",
    "a!b",
    "it's",
    'a "quoted" word',
    "back\\slash",
    "plain",
    "ÜBER",
    "-- a comment",
    "%_!",
]


@pytest.fixture(scope="module")
def titled(new_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("titled") / "runtime.db"
    shutil.copy(new_file, path)
    runtime = Runtime(path, FakeClock())
    for title in TITLES:
        runtime.task(title, description=f"about {title[::-1]}")
    yield runtime
    runtime.database.close()


def lowered(text: str) -> str:
    """Lower the letters that SQLite lowers."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


@settings(max_examples=100, **HOW)
@given(query=st.text("%_!\\'\"- aAbBdeÜ;()*[]", min_size=1, max_size=4))
@example(query="%")
@example(query="_")
@example(query="!")
@example(query="' OR 1=1 --")
def test_a_query_is_a_piece_of_text_and_no_pattern(titled: Runtime, query: str) -> None:
    found = [task["title"] for task in titled("list_tasks", query=query)["tasks"]]
    wanted = lowered(query)
    expected = [title for title in TITLES if wanted in lowered(title) or wanted in lowered(f"about {title[::-1]}")]
    assert found == expected


def test_no_operation_takes_a_path() -> None:
    words = {
        word for operation in table().values() for one in operation.accepted.arguments for word in one.name.split("_")
    }
    assert not words & {"path", "file", "folder", "directory", "dir", "db", "database", "url", "uri"}
