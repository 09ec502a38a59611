"""The rules by which a breaker opens, and the modes that overrule them: rates, slow calls, growing cooldowns, modes."""

import attrs
import pytest
from opened_breakers import fail, numbered_breakers

from agent_runtime_breakers import Admission, BreakerState, Cause, PermitKind, RefusalReason, Settings

AGENT = "coder"
COOLDOWN = 300


@pytest.fixture
def breakers(connection, clock):
    return numbered_breakers(connection, clock)


def report(breakers, outcomes):
    """Report outcomes without permits: + is a success, - a failure."""
    for outcome in outcomes:
        breakers.settle(AGENT, None, "success" if outcome == "+" else "exception")


# Rates of failure


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ("+++++----", "closed"),  # 4 of 9: not enough calls
        ("+++++-----", "open"),  # 5 of 10
        ("++++++----", "closed"),  # 4 of 10
        ("------+++", "closed"),  # 6 of 9
        ("------++++", "closed"),  # 6 of 10, but a success opens nothing
        ("------++++-", "open"),  # 7 of 11
        ("+++++++++++-----------", "open"),  # 11 of 22
    ],
)
def test_a_rate_of_failures_opens_it_once_there_are_enough_calls(breakers, outcomes, state):
    breakers.configure(AGENT, failure_threshold=1000, failure_rate_threshold=0.5)

    report(breakers, outcomes)

    assert breakers.status(AGENT).state is BreakerState(state)


def test_a_rate_that_is_a_decimal_fraction_is_reached_exactly(breakers):
    breakers.configure(AGENT, failure_threshold=1000, failure_rate_threshold=0.7)
    report(breakers, "+++-------")

    last = breakers.history(AGENT).transitions[-1]
    assert (last.cause, last.reason) == (
        Cause.FAILURE_RATE,
        "7 of 10 calls failed in 60 s, the last: exception",
    )


def test_successes_from_before_the_rule_count_for_it(breakers):
    report(breakers, "+" * 50)
    breakers.configure(AGENT, failure_threshold=1000, failure_rate_threshold=0.5)

    report(breakers, "-" * 49)
    assert breakers.status(AGENT).state is BreakerState.CLOSED
    report(breakers, "-")
    assert breakers.status(AGENT).state is BreakerState.OPEN


def test_successes_leave_the_window_like_failures(breakers, clock):
    breakers.configure(AGENT, failure_threshold=1000, failure_rate_threshold=0.5)
    report(breakers, "+" * 100)
    clock.advance(60)
    report(breakers, "-" * 10)

    assert breakers.status(AGENT).state is BreakerState.OPEN


def test_a_count_of_failures_opens_it_whatever_the_rate(breakers):
    breakers.configure(AGENT, failure_rate_threshold=0.9)
    report(breakers, "+" * 100 + "-" * 5)

    assert breakers.history(AGENT).transitions[-1].cause is Cause.FAILURES


# Slow calls


def test_a_success_that_took_too_long_counts_as_a_failure(breakers, clock):
    breakers.configure(AGENT, slow_call_seconds=30, failure_threshold=2)
    for took in (30, 30.001, 31):
        permit = breakers.acquire(AGENT)
        clock.advance(took)
        change = breakers.record_success(AGENT, permit_id=permit.permit_id)
        breakers.configure(AGENT, window_seconds=3600)

    shown = change.breaker
    assert change.tripped
    assert (shown.total_successes, shown.total_failures) == (3, 0)
    assert [failure.failure_type for failure in shown.recent_failures] == ["slow_call", "slow_call"]
    assert breakers.history(AGENT).transitions[-1].reason == "2 failures in 3600 s, the last: slow_call"


def test_a_success_without_a_permit_took_nobody_knows_how_long(breakers, clock):
    breakers.configure(AGENT, slow_call_seconds=0, failure_threshold=1)
    clock.advance(1000)

    assert not breakers.record_success(AGENT).tripped


def test_a_probe_that_succeeds_too_slowly_has_failed(breakers, clock):
    breakers.configure(AGENT, slow_call_seconds=30, success_threshold=1)
    fail(breakers, AGENT, 5)
    clock.advance(COOLDOWN)
    permit = breakers.acquire(AGENT)
    clock.advance(31)

    assert breakers.record_success(AGENT, permit_id=permit.permit_id).tripped


# Cooldowns that grow


def test_the_cooldown_grows_with_each_trip_in_a_row_up_to_its_maximum(breakers, clock):
    breakers.configure(AGENT, cooldown_seconds=100, cooldown_multiplier=3, max_cooldown_seconds=1000)
    fail(breakers, AGENT, 5)
    cooldowns = []
    for _ in range(5):
        cooldowns.append(breakers.status(AGENT).retry_after_seconds)
        clock.advance(cooldowns[-1])
        fail(breakers, AGENT)

    assert cooldowns == [100, 300, 900, 1000, 1000]


@pytest.mark.parametrize(
    ("settings", "trips", "milliseconds"),
    [
        (Settings(), 0, 300_000),
        (Settings(), 1, 300_000),
        (Settings(), 10_000, 300_000),
        (Settings(cooldown_multiplier=1.5), 3, 675_000),
        (Settings(cooldown_multiplier=100.0), 10_000, 3_600_000),
        (Settings(cooldown_multiplier=2, max_cooldown_seconds=10), 5, 300_000),
        (Settings(cooldown_multiplier=100.0, cooldown_seconds=0.0), 10_000, 0),
    ],
)
def test_a_cooldown_is_at_most_the_larger_of_itself_and_the_maximum(settings, trips, milliseconds):
    assert settings.cooldown(trips) == milliseconds


# Modes


def test_forced_open_refuses_all_and_counts_totals_only(breakers, clock):
    permit = breakers.acquire(AGENT)
    change = breakers.configure(AGENT, mode="forced_open")

    assert (change.breaker.state, change.breaker.can_execute) == (BreakerState.OPEN, False)
    assert breakers.acquire(AGENT) == Admission(agent_id=AGENT, admitted=False, reason=RefusalReason.FORCED_OPEN)
    breakers.record_failure(AGENT, "timeout", "", permit_id=permit.permit_id)
    fail(breakers, AGENT, 9)
    clock.advance(10_000_000)
    shown = breakers.status(AGENT)
    assert (shown.state, shown.retry_after_seconds, shown.total_failures) == (BreakerState.OPEN, None, 10)
    assert breakers.configure(AGENT, mode="normal").breaker.state is BreakerState.CLOSED


def test_a_trip_that_holds_lasts_until_the_reset(breakers, clock):
    shown = breakers.trip(AGENT, "under review", hold=True).breaker
    assert (shown.mode, shown.trip_count) == ("forced_open", 1)
    clock.advance(10_000_000)
    assert breakers.acquire(AGENT).reason is RefusalReason.FORCED_OPEN
    assert breakers.list("open").open == (AGENT,)

    shown = breakers.reset(AGENT).breaker
    assert (shown.mode, shown.state, shown.can_execute) == ("normal", BreakerState.CLOSED, True)


def test_disabled_admits_all_and_records_nothing(breakers, connection):
    fail(breakers, AGENT, 5)
    permit = Admission(agent_id=AGENT, admitted=True, kind=PermitKind.NORMAL)
    breakers.configure(AGENT, mode="disabled")
    before = breakers.status(AGENT)
    writes = connection.total_changes()

    assert breakers.acquire(AGENT) == permit
    assert not breakers.record_success(AGENT).changed
    assert not breakers.record_failure(AGENT, "timeout", "").changed

    assert connection.total_changes() == writes
    assert breakers.status(AGENT) == before
    assert before.can_execute


def test_a_permit_from_before_it_was_disabled_can_be_settled_and_records_nothing(breakers):
    permit = breakers.acquire(AGENT)
    breakers.configure(AGENT, mode="disabled")
    before = breakers.status(AGENT)

    assert breakers.record_failure(AGENT, "timeout", "", permit_id=permit.permit_id).changed
    assert breakers.status(AGENT) == before


def test_metrics_only_admits_all_and_records_but_never_opens(breakers):
    breakers.configure(AGENT, mode="metrics_only", failure_rate_threshold=0.1)
    for _ in range(20):
        permit = breakers.acquire(AGENT)
        breakers.record_failure(AGENT, "timeout", "", permit_id=permit.permit_id)

    shown = breakers.status(AGENT)
    assert (shown.state, shown.can_execute, shown.failure_count) == (BreakerState.CLOSED, True, 20)
    assert breakers.configure(AGENT, mode="normal").breaker.state is BreakerState.CLOSED
    assert breakers.record_failure(AGENT, "timeout", "").tripped


def test_metrics_only_moves_no_breaker_that_is_open_already(breakers, clock):
    fail(breakers, AGENT, 5)
    breakers.configure(AGENT, mode="metrics_only")
    clock.advance(COOLDOWN)
    permit = breakers.acquire(AGENT)
    assert permit.kind is PermitKind.NORMAL
    breakers.record_success(AGENT, permit_id=permit.permit_id)
    late = breakers.acquire(AGENT)
    breakers.configure(AGENT, mode="normal")

    assert not breakers.record_success(AGENT, permit_id=late.permit_id).recovered
    assert breakers.acquire(AGENT).kind is PermitKind.PROBE


def test_a_permit_from_metrics_only_does_not_speak_for_a_probe(breakers, clock):
    breakers.configure(AGENT, success_threshold=1)
    fail(breakers, AGENT, 5)
    clock.advance(COOLDOWN)
    breakers.acquire(AGENT)
    breakers.configure(AGENT, mode="metrics_only")
    permits = [breakers.acquire(AGENT).permit_id for _ in range(2)]
    breakers.configure(AGENT, mode="normal")

    assert not breakers.record_failure(AGENT, "timeout", "", permit_id=permits[0]).tripped
    assert not breakers.record_success(AGENT, permit_id=permits[1]).recovered


# Settings


def test_settings_that_are_given_change_and_others_stay(breakers):
    breakers.configure(AGENT, fallback_agent="other", slow_call_seconds=3, failure_threshold=7)
    shown = breakers.configure(AGENT, fallback_agent=None, window_seconds=0.5).breaker

    expected = Settings(slow_call_seconds=3.0, failure_threshold=7, window_seconds=0.5)
    assert Settings(**{name: getattr(shown, name) for name in attrs.fields_dict(Settings)}) == expected


def test_the_same_settings_again_change_nothing(breakers, connection):
    breakers.configure(AGENT, failure_threshold=7)
    writes = connection.total_changes()

    change = breakers.configure(AGENT, failure_threshold=7, window_seconds=60)

    assert (change.changed, connection.total_changes()) == (False, writes)
    assert not breakers.configure("nobody", failure_threshold=5).breaker.known
