"""The audit of relays: silent about what the library wrote, and exact about what somebody else changed."""

import apsw
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant, run_state_machine_as_test
from test_relay_machine import RelayMachine

from agent_runtime_relay import Finding, Relays
from fake_clock import FakeClock

AGENTS = ["researcher", "writer", "reviewer"]
SECOND_BATON = """
    INSERT INTO relay_attempts
        (pipeline_id, step_index, attempt, baton_id, state, agent_offered, route_reason, last_resort, depth, created_at,
         tokens_used)
    VALUES (1, :step, 7, '1.2.7.forged', 'ready', 'writer', 'own_step', 0, 1, 1, 0)
"""


@pytest.fixture
def relays(connection: apsw.Connection, clock: FakeClock) -> Relays:
    """Pipeline 1 is at its second step, 2 is completed, 3 cancelled, 4 failed its gate and waits for a retry."""
    relays = Relays(connection, clock=clock)
    relays.migrate()
    for number in range(1, 5):
        relays.create(f"pipeline {number}", "a goal", AGENTS, quality_threshold=0.5)
    hand_in(relays, 1, 100)
    for _ in AGENTS:
        hand_in(relays, 2, 10)
    relays.update(3, status="cancelled")
    hand_in(relays, 4, 7, quality=0.1)
    return relays


def hand_in(relays: Relays, pipeline_id: int, tokens: int, quality: float = 0.9) -> None:
    relays.advance(pipeline_id, quality_score=quality, l_score=0.9, tokens_used=tokens)


def test_nothing_is_found_in_what_the_library_wrote(relays: Relays) -> None:
    pages: list[int] = []
    assert list(relays.audit(pages.append)) == []
    assert pages == [4]
    assert relays.rebuild() == 0


def test_wrong_counts_and_sums_are_found_and_rebuilt(relays: Relays, connection: apsw.Connection) -> None:
    connection.execute("UPDATE relay_counts SET pipelines = 9 WHERE status = 'in_progress'")
    connection.execute("UPDATE relay_pipelines SET tokens_used = 5 WHERE id = 2")
    assert list(relays.audit()) == [
        Finding(what="count of pipelines", subject="status in_progress", expected="2", found="9", derived=True),
        Finding(what="tokens used by a pipeline", subject="pipeline 2", expected="30", found="5", derived=True),
    ]
    assert relays.rebuild() == 2
    assert list(relays.audit()) == []
    assert relays.status(2).tokens_used == 30


def test_two_live_batons_are_found_and_left_to_people(relays: Relays, connection: apsw.Connection) -> None:
    connection.execute("DROP INDEX relay_live_batons")
    connection.execute(SECOND_BATON, {"step": 1})
    [finding] = relays.audit()
    assert finding == Finding(what="live batons", subject="pipeline 1", expected="at most 1", found="2", derived=False)
    assert relays.rebuild() == 0


def test_a_live_baton_of_another_step_is_found(relays: Relays, connection: apsw.Connection) -> None:
    connection.execute("UPDATE relay_attempts SET step_index = 2 WHERE pipeline_id = 1 AND ended_at IS NULL")
    assert [(one.what, one.expected) for one in relays.audit()] == [("live batons of other steps", "of step 1")]


def test_a_running_pipeline_without_a_baton_is_found(relays: Relays, connection: apsw.Connection) -> None:
    connection.execute("DELETE FROM relay_attempts WHERE pipeline_id = 1 AND ended_at IS NULL")
    assert list(relays.audit()) == [
        Finding(what="live batons", subject="pipeline 1", expected="1", found="0", derived=False)
    ]


def test_a_live_baton_of_a_finished_pipeline_is_found(relays: Relays, connection: apsw.Connection) -> None:
    connection.execute("UPDATE relay_pipelines SET status = 'cancelled' WHERE id = 1")
    relays.rebuild()
    assert [(one.what, one.expected) for one in relays.audit()] == [("live batons", "none: cancelled")]


def test_steps_that_nobody_completed_are_found(relays: Relays, connection: apsw.Connection) -> None:
    connection.execute("UPDATE relay_pipelines SET current_step = 2 WHERE id = 4")
    assert [(one.what, one.expected, one.found) for one in relays.audit()] == [
        ("completed steps", "0 accepted", "2"),
        ("live batons", "1", "0"),
    ]


class AuditedRelayMachine(RelayMachine):
    @invariant()
    def the_audit_finds_nothing(self) -> None:
        assert list(self.relays.audit()) == []


def test_nothing_is_found_after_any_operations_in_any_order() -> None:
    few = settings(
        max_examples=10,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    run_state_machine_as_test(AuditedRelayMachine, settings=few)
