"""The table of states, each row of it."""

import attrs
import pytest
from opened_breakers import fail, numbered_breakers

from agent_runtime_breakers import (
    Admission,
    Breaker,
    BreakerState,
    Cause,
    Mode,
    PermitKind,
    RecentFailure,
    RefusalReason,
    Transition,
)

AGENT = "coder"
COOLDOWN = 300
WEEK = 7 * 24 * 3600 * 1000


@pytest.fixture
def breakers(connection, clock):
    return numbered_breakers(connection, clock)


@pytest.fixture
def half_open(breakers, clock):
    """A breaker whose cooldown is over, with its first probe in flight."""
    fail(breakers, AGENT, 5)
    clock.advance(COOLDOWN)
    return breakers.acquire(AGENT)


def causes(breakers):
    return [transition.cause for transition in breakers.history(AGENT).transitions]


def test_a_closed_breaker_grants_a_permit(breakers, clock):
    assert breakers.acquire(AGENT) == Admission(
        agent_id=AGENT,
        admitted=True,
        permit_id="permit-1",
        kind=PermitKind.NORMAL,
        expires_at=clock.milliseconds + WEEK,
    )


def test_failures_below_the_threshold_are_kept_and_leave_it_closed(breakers, clock):
    breakers.record_failure(AGENT, "timeout", "no answer")
    clock.advance(1)
    change = breakers.record_failure(AGENT, "exception", "boom")

    assert (change.changed, change.tripped, change.recovered) == (True, False, False)
    assert change.breaker == Breaker(
        agent_id=AGENT,
        state=BreakerState.CLOSED,
        known=True,
        can_execute=True,
        retry_after_seconds=0.0,
        failure_count=2,
        total_failures=2,
        total_successes=0,
        trip_count=0,
        opened_at=None,
        last_failure_at=clock.milliseconds,
        last_success_at=None,
        recent_failures=(
            RecentFailure(at=clock.milliseconds, failure_type="exception", error_message="boom"),
            RecentFailure(at=clock.milliseconds - 1000, failure_type="timeout", error_message="no answer"),
        ),
    )
    assert breakers.status(AGENT) == change.breaker
    assert causes(breakers) == []


def test_the_threshold_opens_it_and_counts_one_trip(breakers, clock):
    fail(breakers, AGENT, 4)
    change = breakers.record_failure(AGENT, "timeout", "no answer")

    assert (change.changed, change.tripped, change.recovered) == (True, True, False)
    shown = change.breaker
    assert (shown.state, shown.can_execute, shown.retry_after_seconds) == (BreakerState.OPEN, False, COOLDOWN)
    assert (shown.trip_count, shown.opened_at, shown.failure_count) == (1, clock.milliseconds, 5)
    assert breakers.history(AGENT).transitions == (
        Transition(
            number=1,
            at=clock.milliseconds,
            cause=Cause.FAILURES,
            reason="5 failures in 60 s, the last: timeout",
            before=BreakerState.CLOSED,
            after=BreakerState.OPEN,
            generation=1,
        ),
    )


def test_a_success_does_not_clear_the_rolling_window(breakers):
    fail(breakers, AGENT, 4)
    assert breakers.record_success(AGENT).breaker.failure_count == 4

    fail(breakers, AGENT)
    assert breakers.status(AGENT).state is BreakerState.OPEN


def test_an_open_breaker_refuses_until_its_cooldown_is_over(breakers, clock):
    fail(breakers, AGENT, 5)
    clock.advance(COOLDOWN - 0.5)

    assert breakers.acquire(AGENT) == Admission(
        agent_id=AGENT, admitted=False, reason=RefusalReason.OPEN, retry_after_seconds=0.5
    )


def test_the_first_to_ask_after_the_cooldown_has_the_probe(breakers, clock):
    fail(breakers, AGENT, 5)
    clock.advance(COOLDOWN)

    assert breakers.acquire(AGENT) == Admission(
        agent_id=AGENT,
        admitted=True,
        permit_id="permit-1",
        kind=PermitKind.PROBE,
        expires_at=clock.milliseconds + 900_000,
    )
    last = breakers.history(AGENT).transitions[-1]
    assert (last.cause, last.before, last.after, last.generation) == (
        Cause.COOLDOWN_OVER,
        BreakerState.OPEN,
        BreakerState.HALF_OPEN,
        2,
    )


def test_a_free_slot_takes_another_probe(breakers, half_open):
    breakers.configure(AGENT, half_open_max_calls=2)

    assert breakers.acquire(AGENT).kind is PermitKind.PROBE
    assert breakers.acquire(AGENT).reason is RefusalReason.PROBE_IN_FLIGHT


def test_without_a_free_slot_it_refuses_until_the_probe_must_have_reported(breakers, half_open, clock):
    clock.advance(100)

    assert breakers.acquire(AGENT) == Admission(
        agent_id=AGENT, admitted=False, reason=RefusalReason.PROBE_IN_FLIGHT, retry_after_seconds=800.0
    )


def test_a_successful_probe_below_the_threshold_frees_its_slot(breakers, half_open):
    change = breakers.record_success(AGENT, permit_id=half_open.permit_id)

    assert (change.breaker.state, change.recovered) == (BreakerState.HALF_OPEN, False)
    assert breakers.acquire(AGENT).kind is PermitKind.PROBE


def test_enough_successful_probes_close_it_and_clear_the_window(breakers, half_open):
    breakers.configure(AGENT, window_seconds=3600)
    breakers.record_success(AGENT, permit_id=half_open.permit_id)
    change = breakers.record_success(AGENT, permit_id=breakers.acquire(AGENT).permit_id)

    assert (change.changed, change.tripped, change.recovered) == (True, False, True)
    shown = change.breaker
    assert (shown.state, shown.failure_count, shown.opened_at) == (BreakerState.CLOSED, 0, None)
    assert (shown.total_failures, shown.total_successes, shown.trip_count) == (5, 2, 1)
    assert causes(breakers) == [Cause.FAILURES, Cause.COOLDOWN_OVER, Cause.RECOVERED]


def test_recovery_begins_the_growth_of_the_cooldown_anew(breakers, half_open):
    breakers.configure(AGENT, cooldown_multiplier=2, success_threshold=1)
    assert breakers.record_failure(AGENT, "exception", "", permit_id=half_open.permit_id).tripped
    assert breakers.status(AGENT).retry_after_seconds == 2 * COOLDOWN

    breakers.reset(AGENT)
    fail(breakers, AGENT, 5)

    assert breakers.status(AGENT).retry_after_seconds == COOLDOWN


def test_a_failed_probe_opens_it_for_a_new_cooldown_and_voids_its_siblings(breakers, half_open, clock):
    breakers.configure(AGENT, half_open_max_calls=2, success_threshold=1)
    sibling = breakers.acquire(AGENT)
    clock.advance(10)

    change = breakers.record_failure(AGENT, "invalid_output", "nonsense", permit_id=half_open.permit_id)

    assert change.tripped
    shown = change.breaker
    assert (shown.state, shown.retry_after_seconds, shown.trip_count) == (BreakerState.OPEN, COOLDOWN, 2)
    late = breakers.record_success(AGENT, permit_id=sibling.permit_id)
    assert (late.recovered, late.breaker.state, late.breaker.total_successes) == (False, BreakerState.OPEN, 1)
    assert breakers.history(AGENT).transitions[-1].reason == "a probe failed: invalid_output"


def test_a_released_probe_frees_its_slot_and_is_neither_success_nor_failure(breakers, half_open):
    before = breakers.status(AGENT)

    change = breakers.release(AGENT, half_open.permit_id)

    assert change.changed
    assert change.breaker == attrs.evolve(before, can_execute=True, retry_after_seconds=0.0)
    assert breakers.acquire(AGENT).kind is PermitKind.PROBE


def test_a_probe_whose_lease_is_over_loses_its_slot(breakers, half_open, clock):
    clock.advance(900)

    assert breakers.acquire(AGENT, worker="second").kind is PermitKind.PROBE
    last = breakers.history(AGENT).transitions[-1]
    assert (last.cause, last.reason) == (Cause.PROBE_LOST, "the probe was lost: its lease is over")
    assert last.before is last.after is BreakerState.HALF_OPEN


def test_three_lost_probes_in_a_row_reopen_it(breakers, half_open, clock):
    for _ in range(2):
        clock.advance(900)
        assert breakers.acquire(AGENT, worker="careless").admitted
    clock.advance(900)

    assert breakers.acquire(AGENT) == Admission(
        agent_id=AGENT, admitted=False, reason=RefusalReason.OPEN, retry_after_seconds=COOLDOWN
    )
    assert causes(breakers)[2:] == [Cause.PROBE_LOST, Cause.PROBE_LOST, Cause.PROBE_LOST, Cause.PROBES_LOST]
    assert breakers.history(AGENT).transitions[-2].reason == "the probe of careless was lost: its lease is over"


@pytest.mark.parametrize("settle", ["success", "release"])
def test_a_probe_that_reports_back_ends_a_row_of_lost_ones(breakers, half_open, clock, settle):
    breakers.configure(AGENT, success_threshold=100)
    for _ in range(3):
        clock.advance(900)
        breakers.acquire(AGENT)
        clock.advance(900)
        breakers.settle(AGENT, breakers.acquire(AGENT).permit_id, settle)

    assert Cause.PROBES_LOST not in causes(breakers)


def test_status_foretells_what_lost_probes_will_lead_to(breakers, half_open, clock):
    for _ in range(2):
        clock.advance(900)
        breakers.acquire(AGENT)
    clock.advance(900)

    shown = breakers.status(AGENT)

    assert (shown.state, shown.can_execute) == (BreakerState.HALF_OPEN, False)
    assert shown.retry_after_seconds == breakers.advice(AGENT).retry_after_seconds == COOLDOWN


@pytest.mark.parametrize("reach", ["closed", "open", "half_open"])
def test_a_manual_trip_opens_it_from_anywhere(breakers, clock, reach):
    if reach != "closed":
        fail(breakers, AGENT, 5)
    if reach == "half_open":
        clock.advance(COOLDOWN)
        breakers.acquire(AGENT)
    clock.advance(100)
    before = breakers.status(AGENT)
    assert before.state is BreakerState(reach)

    change = breakers.trip(AGENT, "it deletes files")

    assert (change.changed, change.tripped) == (True, True)
    assert change.breaker.state is BreakerState.OPEN
    assert change.breaker.trip_count == before.trip_count + 1
    assert change.breaker.retry_after_seconds == COOLDOWN
    last = breakers.history(AGENT).transitions[-1]
    assert (last.cause, last.reason) == (Cause.TRIPPED, "it deletes files")


def test_an_abandoned_probe_takes_no_slot_after_the_next_cooldown(breakers, half_open, clock):
    breakers.trip(AGENT)
    clock.advance(COOLDOWN)

    probe = breakers.acquire(AGENT)
    assert probe.kind is PermitKind.PROBE
    breakers.release(AGENT, probe.permit_id)
    assert breakers.acquire(AGENT).kind is PermitKind.PROBE


def test_a_manual_trip_does_not_make_the_cooldown_grow(breakers):
    breakers.configure(AGENT, cooldown_multiplier=10)
    for _ in range(3):
        breakers.trip(AGENT)

    assert breakers.status(AGENT).retry_after_seconds == COOLDOWN
    assert breakers.status(AGENT).trip_count == 3


@pytest.mark.parametrize("reach", ["closed", "open", "half_open"])
def test_a_reset_closes_it_from_anywhere_and_forgets_what_counted(breakers, clock, reach):
    fail(breakers, AGENT, 4 if reach == "closed" else 5)
    if reach == "half_open":
        clock.advance(COOLDOWN)
    permit = breakers.acquire(AGENT)

    change = breakers.reset(AGENT)

    assert (change.changed, change.tripped, change.recovered) == (True, False, reach != "closed")
    shown = change.breaker
    assert (shown.state, shown.can_execute, shown.failure_count) == (BreakerState.CLOSED, True, 0)
    if permit.admitted:
        late = breakers.record_failure(AGENT, "exception", "late", permit_id=permit.permit_id)
        assert (late.breaker.failure_count, late.breaker.total_failures) == (0, shown.total_failures + 1)


@pytest.mark.parametrize(
    ("mode", "afterwards"),
    [
        (Mode.NORMAL, Mode.NORMAL),
        (Mode.FORCED_OPEN, Mode.NORMAL),
        (Mode.DISABLED, Mode.DISABLED),
        (Mode.METRICS_ONLY, Mode.METRICS_ONLY),
    ],
)
def test_a_reset_ends_what_was_forced_and_no_other_mode(breakers, mode, afterwards):
    breakers.configure(AGENT, mode=mode)

    assert breakers.reset(AGENT).breaker.mode is afterwards


def test_there_is_nothing_to_reset_about_an_unknown_agent(breakers):
    change = breakers.reset("nobody")

    assert (change.changed, change.breaker.known) == (False, False)
    assert breakers.list().total == 0
