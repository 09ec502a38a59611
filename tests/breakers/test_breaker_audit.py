"""The audit of breakers: silent about what the library wrote, and exact about what somebody else changed."""

import apsw
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant, run_state_machine_as_test
from test_breaker_machine import BreakerLife

from agent_runtime_breakers import Breakers, Finding
from fake_clock import FakeClock


@pytest.fixture
def breakers(connection: apsw.Connection, clock: FakeClock) -> Breakers:
    """The coder is half open, the tester held open, the writer closed after a failure."""
    breakers = Breakers(connection, clock=clock)
    breakers.migrate()
    for _ in range(5):
        breakers.record_failure("coder", "timeout", "too slow")
    clock.advance(301)
    assert breakers.acquire("coder").admitted
    breakers.trip("tester", hold=True)
    breakers.record_failure("writer", "exception", "no")
    return breakers


def rows(connection: apsw.Connection) -> list[tuple[object, ...]]:
    return connection.execute("SELECT * FROM breakers_breakers ORDER BY agent_id").fetchall()


def test_nothing_is_found_in_what_the_library_wrote(breakers: Breakers) -> None:
    pages: list[int] = []
    assert list(breakers.audit(pages.append)) == []
    assert pages == [3]
    assert breakers.rebuild() == 0


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("UPDATE breakers_breakers SET shown_state = 'closed' WHERE agent_id = 'coder'", "shown_state of a breaker"),
        ("UPDATE breakers_breakers SET half_opens_at = 1 WHERE agent_id = 'tester'", "half_opens_at of a breaker"),
        ("UPDATE breakers_breakers SET trip_count = 9 WHERE agent_id = 'coder'", "trip_count of a breaker"),
        ("UPDATE breakers_breakers SET transitions = 9 WHERE agent_id = 'coder'", "transitions of a breaker"),
        (
            "UPDATE breakers_breakers SET state = 'open', opened_at = 5 WHERE agent_id = 'writer'",
            "state of a breaker",
        ),
    ],
)
def test_what_contradicts_the_history_is_found_and_rebuilt(
    breakers: Breakers, connection: apsw.Connection, sql: str, what: str
) -> None:
    before = rows(connection)
    connection.execute(sql)
    findings = list(breakers.audit())
    assert what in {finding.what for finding in findings}
    assert all(finding.derived for finding in findings)
    assert breakers.rebuild() == 1
    assert list(breakers.audit()) == []
    assert rows(connection) == before


def test_a_history_that_leads_nowhere_is_found_and_left_to_people(
    breakers: Breakers, connection: apsw.Connection
) -> None:
    connection.execute("DELETE FROM breakers_transitions WHERE agent_id = 'coder' AND number = 1")
    before = rows(connection)
    assert list(breakers.audit()) == [
        Finding(
            what="history of a breaker",
            subject="agent coder",
            expected="one that leads from state to state",
            found="one that does not",
            derived=False,
        )
    ]
    assert breakers.rebuild() == 0
    assert rows(connection) == before


class AuditedBreakerLife(BreakerLife):
    @invariant()
    def the_audit_finds_nothing(self) -> None:
        assert list(self.breakers.audit()) == []


def test_nothing_is_found_after_any_operations_in_any_order() -> None:
    few = settings(
        max_examples=10,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    run_state_machine_as_test(AuditedBreakerLife, settings=few)
