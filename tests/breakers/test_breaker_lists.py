"""Lists: pages in the order of agents, found by index, by the state that breakers show at this moment."""

import apsw
import attrs
import pytest
from opened_breakers import fail, numbered_breakers

from agent_runtime_breakers import BreakerBrief, BreakerState

COOLDOWN = 300


@pytest.fixture
def breakers(connection, clock):
    return numbered_breakers(connection, clock)


@pytest.fixture
def mixed(breakers, clock):
    """One of each: e and b shown half open, d and f open, a and c closed."""
    fail(breakers, "e", 5)
    clock.advance(COOLDOWN)
    for agent in "da":
        breakers.record_success(agent)
    breakers.trip("d")
    breakers.trip("f", hold=True)
    breakers.configure("b", cooldown_seconds=0)
    breakers.trip("b")
    breakers.acquire("b")
    breakers.configure("c", failure_threshold=9)
    return breakers


def agents(page):
    return [breaker.agent_id for breaker in page.breakers]


def test_a_list_shows_what_status_shows_without_the_last_failures(mixed):
    page = mixed.list()

    for shown in page.breakers:
        expected = attrs.asdict(mixed.status(shown.agent_id), recurse=False)
        del expected["recent_failures"]
        assert shown == BreakerBrief(**expected)
    assert agents(page) == ["a", "b", "c", "d", "e", "f"]
    assert (page.total, page.more, page.open, page.half_open) == (6, False, ("d", "f"), ("b", "e"))


@pytest.mark.parametrize(
    ("state", "expected"), [("closed", ["a", "c"]), ("open", ["d", "f"]), ("half_open", ["b", "e"])]
)
def test_a_list_of_one_state_goes_by_the_state_that_is_shown(mixed, state, expected):
    page = mixed.list(state)

    assert agents(page) == expected
    assert {breaker.state for breaker in page.breakers} == {BreakerState(state)}
    assert (page.total, page.open, page.half_open) == (2, ("d", "f"), ("b", "e"))


@pytest.mark.parametrize("state", [None, "closed", "open", "half_open"])
def test_pages_follow_each_other_without_gaps(breakers, state):
    for number in range(11):
        agent = f"agent-{number:02}"
        if state == "half_open":
            breakers.configure(agent, cooldown_seconds=0)
        if state in ("open", "half_open"):
            breakers.trip(agent)
        else:
            breakers.record_success(agent)

    found, after, more = [], "", True
    while more:
        page = breakers.list(state, limit=4, after=after)
        found += agents(page)
        after, more = found[-1], page.more
        assert page.total == 11

    assert found == [f"agent-{number:02}" for number in range(11)]
    assert agents(breakers.list(state, limit=4, after=after)) == []


def test_agents_are_told_apart_by_case_and_ordered_by_their_characters(breakers):
    for agent in ("b", "B", "é", "z", "🦊"):
        breakers.record_success(agent)

    assert agents(breakers.list()) == ["B", "b", "z", "é", "🦊"]
    assert agents(breakers.list(after="z")) == ["é", "🦊"]


@pytest.fixture(scope="module")
def ten_thousand():
    """Ten thousand breakers, every tenth open, written as one copy of a row after the other."""
    connection = apsw.Connection(":memory:")
    connection.transaction_mode = "IMMEDIATE"
    breakers = numbered_breakers(connection, lambda: 1_800_000_000.0)
    with connection:
        for number in range(10_000):
            agent = f"agent-{number:05}"
            if number % 10:
                breakers.record_success(agent)
            else:
                breakers.trip(agent)
    yield breakers
    connection.close()


@pytest.mark.parametrize(
    ("state", "total", "open_rows"), [(None, 10_000, 1_000), ("closed", 9_000, 1_000), ("open", 1_000, 1_000)]
)
def test_a_page_of_ten_thousand_reads_by_index(ten_thousand, state, total, open_rows):
    statements = []
    connection = ten_thousand.connection
    watch = connection.exec_trace
    connection.exec_trace = lambda _cursor, sql, bindings: statements.append((sql, bindings)) or True
    page = ten_thousand.list(state, limit=50, after="agent-05000")
    connection.exec_trace = watch

    assert (page.total, len(page.breakers), page.more, len(page.open)) == (total, 50, True, open_rows)
    for sql, bindings in statements:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", bindings)]
        assert not any("TEMP B-TREE" in detail for detail in plan), plan
        assert all(detail.startswith("SEARCH") or "COVERING INDEX" in detail for detail in plan), plan
