"""Edge cases: late results, boundaries, clocks, repeated reports, chains of fallbacks, pruning."""

import attrs
import pytest
from opened_breakers import fail, numbered_breakers

from agent_runtime_breakers import Admission, Breakers, BreakerState, Cause, PermitKind, RefusalReason
from agent_runtime_breakers.errors import PermitNotFound, PermitSettled, SchemaTooNew

AGENT = "coder"
COOLDOWN = 300
DAY = 24 * 3600


@pytest.fixture
def alive():
    """The known processes; the liveness of all others is unknown."""
    return {}


@pytest.fixture
def breakers(connection, clock, alive):
    return numbered_breakers(connection, clock, is_alive=alive.get)


def rows(connection, table):
    [[count]] = connection.execute(f"SELECT COUNT(*) FROM breakers_{table}").fetchall()
    return count


# 1. Late results


@pytest.mark.parametrize("result", ["success", "timeout"])
def test_a_late_result_in_an_open_breaker_counts_in_the_totals_only(breakers, clock, result):
    late = breakers.acquire(AGENT)
    fail(breakers, AGENT, 5)
    clock.advance(100)
    before = breakers.status(AGENT)

    change = breakers.settle(AGENT, late.permit_id, result)

    shown = change.breaker
    assert (change.changed, change.tripped, change.recovered) == (True, False, False)
    assert (shown.state, shown.opened_at, shown.retry_after_seconds) == (BreakerState.OPEN, before.opened_at, 200.0)
    assert shown.failure_count == before.failure_count
    assert (shown.total_failures, shown.total_successes) == ((5, 1) if result == "success" else (6, 0))


def test_a_late_failure_is_shown_among_the_last_ones_and_counts_in_no_window(breakers, clock):
    late = breakers.acquire(AGENT)
    fail(breakers, AGENT, 5)
    breakers.record_failure(AGENT, "timeout", "late", permit_id=late.permit_id)
    breakers.reset(AGENT)

    shown = breakers.status(AGENT)
    assert (shown.failure_count, shown.recent_failures[0].error_message) == (0, "late")
    fail(breakers, AGENT, 4)
    assert breakers.status(AGENT).state is BreakerState.CLOSED


@pytest.mark.parametrize("result", ["success", "timeout"])
def test_a_probe_that_was_given_up_counts_in_the_totals_only(breakers, clock, result):
    breakers.configure(AGENT, success_threshold=1)
    fail(breakers, AGENT, 5)
    clock.advance(COOLDOWN)
    lost = breakers.acquire(AGENT)
    clock.advance(900)
    breakers.acquire(AGENT)

    change = breakers.settle(AGENT, lost.permit_id, result)

    assert (change.tripped, change.recovered, change.breaker.state) == (False, False, BreakerState.HALF_OPEN)
    assert breakers.acquire(AGENT).reason is RefusalReason.PROBE_IN_FLIGHT


def test_an_overdue_probe_that_nobody_gave_up_still_decides(breakers, clock):
    breakers.configure(AGENT, success_threshold=1)
    fail(breakers, AGENT, 5)
    clock.advance(COOLDOWN)
    slow = breakers.acquire(AGENT)
    clock.advance(901)

    assert breakers.record_success(AGENT, permit_id=slow.permit_id).recovered


def test_a_permit_of_an_earlier_closed_time_counts_in_the_totals_only(breakers):
    early = breakers.acquire(AGENT)
    breakers.reset(AGENT)

    shown = breakers.record_failure(AGENT, "timeout", "late", permit_id=early.permit_id).breaker

    assert (shown.state, shown.failure_count, shown.total_failures) == (BreakerState.CLOSED, 0, 1)


def test_a_manual_trip_is_not_undone_by_successes(breakers):
    permit = breakers.acquire(AGENT)
    breakers.trip(AGENT, "stop it")

    breakers.record_success(AGENT, permit_id=permit.permit_id)
    breakers.record_success(AGENT)

    assert breakers.status(AGENT).state is BreakerState.OPEN


# 2. Results from before it opened


@pytest.mark.parametrize("result", ["success", "timeout"])
def test_a_result_from_the_closed_time_does_not_speak_for_a_probe(breakers, clock, result):
    breakers.configure(AGENT, success_threshold=1)
    early = breakers.acquire(AGENT)
    fail(breakers, AGENT, 5)
    clock.advance(COOLDOWN)
    probe = breakers.acquire(AGENT)

    change = breakers.settle(AGENT, early.permit_id, result)

    assert (change.tripped, change.recovered, change.breaker.state) == (False, False, BreakerState.HALF_OPEN)
    assert breakers.record_success(AGENT, permit_id=probe.permit_id).recovered


# 3. Settling twice


@pytest.mark.parametrize("result", ["success", "release", "timeout"])
def test_settling_twice_the_same_way_repeats_the_answer_and_writes_nothing(breakers, clock, result):
    permit = breakers.acquire(AGENT)
    first = breakers.settle(AGENT, permit.permit_id, result)
    clock.advance(1)

    again = breakers.settle(AGENT, permit.permit_id, result)

    assert first.changed
    assert again == attrs.evolve(first, changed=False)


def test_the_repeated_answer_tells_again_that_it_tripped_or_recovered(breakers, clock):
    breakers.configure(AGENT, failure_threshold=1, success_threshold=1)
    permit = breakers.acquire(AGENT)
    assert breakers.record_failure(AGENT, "timeout", "", permit_id=permit.permit_id).tripped
    clock.advance(COOLDOWN)
    probe = breakers.acquire(AGENT)
    assert breakers.record_success(AGENT, permit_id=probe.permit_id).recovered

    assert breakers.record_failure(AGENT, "timeout", "", permit_id=permit.permit_id).tripped
    assert breakers.record_success(AGENT, permit_id=probe.permit_id).recovered
    assert breakers.status(AGENT).trip_count == 1


@pytest.mark.parametrize("other", ["release", "timeout"])
def test_settling_in_another_way_is_a_conflict_and_the_first_stands(breakers, other):
    permit = breakers.acquire(AGENT)
    before = breakers.record_success(AGENT, permit_id=permit.permit_id).breaker

    with pytest.raises(PermitSettled, match=f"was settled as success and can't become {other}") as conflict:
        breakers.settle(AGENT, permit.permit_id, other)

    assert conflict.value.settled_as == "success"
    assert breakers.status(AGENT) == before


def test_a_permit_of_another_agent_or_of_nobody_is_unknown(breakers):
    permit = breakers.acquire("other")

    for permit_id in (permit.permit_id, "permit-99"):
        with pytest.raises(PermitNotFound, match=f"permit {permit_id} of agent {AGENT} does not exist"):
            breakers.record_success(AGENT, permit_id=permit_id)
    assert breakers.list().total == 1


# 4. Reports without a permit


def test_without_a_permit_an_open_breaker_counts_totals_only(breakers, clock):
    fail(breakers, AGENT, 5)
    clock.advance(10)
    shown = breakers.record_success(AGENT).breaker
    fail(breakers, AGENT)

    assert (shown.state, shown.total_successes) == (BreakerState.OPEN, 1)
    assert breakers.status(AGENT).retry_after_seconds == 290.0


@pytest.mark.parametrize("asked_before", [False, True])
def test_without_a_permit_a_result_after_the_cooldown_speaks_for_a_probe(breakers, clock, asked_before):
    fail(breakers, AGENT, 5)
    clock.advance(COOLDOWN)
    if asked_before:
        breakers.release(AGENT, breakers.acquire(AGENT).permit_id)

    assert not breakers.record_success(AGENT).recovered
    assert breakers.status(AGENT).state is BreakerState.HALF_OPEN
    assert breakers.record_success(AGENT).recovered

    fail(breakers, AGENT, 5)
    clock.advance(COOLDOWN)
    assert breakers.record_failure(AGENT, "timeout", "").tripped
    causes = [transition.cause for transition in breakers.history(AGENT).transitions]
    assert causes[-2:] == [Cause.COOLDOWN_OVER, Cause.PROBE_FAILED]


@pytest.mark.parametrize("result", ["success", "timeout"])
def test_without_a_permit_nothing_is_decided_while_a_probe_is_in_flight(breakers, clock, result):
    breakers.configure(AGENT, success_threshold=1, half_open_max_calls=2)
    fail(breakers, AGENT, 5)
    clock.advance(COOLDOWN)
    breakers.acquire(AGENT)

    change = breakers.settle(AGENT, None, result)

    assert (change.changed, change.tripped, change.recovered) == (True, False, False)
    assert change.breaker.state is BreakerState.HALF_OPEN


def test_without_a_permit_a_result_speaks_for_a_probe_once_those_in_flight_are_lost(breakers, clock):
    breakers.configure(AGENT, success_threshold=1)
    fail(breakers, AGENT, 5)
    clock.advance(COOLDOWN)
    breakers.acquire(AGENT)
    clock.advance(900)

    assert breakers.record_success(AGENT).recovered


# 5. Reads


def test_reads_show_half_open_once_the_cooldown_is_over_and_write_nothing(breakers, connection, clock):
    fail(breakers, AGENT, 5)
    clock.advance(COOLDOWN)
    writes = connection.total_changes()

    shown = breakers.status(AGENT)
    advice = breakers.advice(AGENT)
    page = breakers.list("half_open")

    assert (shown.state, shown.can_execute, shown.retry_after_seconds) == (BreakerState.HALF_OPEN, True, 0.0)
    assert advice == Admission(agent_id=AGENT, admitted=True)
    assert ([breaker.agent_id for breaker in page.breakers], page.half_open, page.open) == ([AGENT], (AGENT,), ())
    assert connection.total_changes() == writes
    assert breakers.history(AGENT).total == 1


def test_an_unknown_agent_is_closed_and_stays_unknown(breakers, connection):
    shown = breakers.status("nobody")

    assert (shown.state, shown.known, shown.can_execute) == (BreakerState.CLOSED, False, True)
    assert breakers.advice("nobody").admitted
    assert breakers.history("nobody").transitions == ()
    assert breakers.settle("nobody", None, "release").changed is False
    assert rows(connection, "breakers") == 0


# 6. Boundaries


def test_the_end_of_the_cooldown_itself_admits(breakers, clock):
    fail(breakers, AGENT, 5)
    clock.advance(COOLDOWN - 0.001)
    assert breakers.acquire(AGENT).retry_after_seconds == 0.001
    clock.advance(0.001)
    assert breakers.acquire(AGENT).admitted


def test_an_outcome_as_old_as_the_window_is_out(breakers, clock):
    fail(breakers, AGENT)
    clock.advance(59.999)
    assert breakers.status(AGENT).failure_count == 1
    clock.advance(0.001)
    assert breakers.status(AGENT).failure_count == 0


def test_failures_that_leave_the_window_do_not_trip(breakers, clock):
    for _ in range(20):
        fail(breakers, AGENT)
        clock.advance(15)

    assert breakers.status(AGENT).state is BreakerState.CLOSED
    assert breakers.status(AGENT).failure_count == 3


def test_a_window_counts_more_failures_than_are_shown(breakers, clock):
    breakers.configure(AGENT, failure_threshold=100)
    fail(breakers, AGENT, 7)
    clock.advance(30)
    fail(breakers, AGENT, 11)
    assert breakers.record_failure(AGENT, "timeout", "").breaker == breakers.status(AGENT)
    assert (breakers.status(AGENT).failure_count, len(breakers.status(AGENT).recent_failures)) == (19, 10)
    clock.advance(30)
    assert breakers.status(AGENT).failure_count == 12


# 7. Probes of processes that are gone


def test_the_slot_of_a_dead_process_is_given_to_the_next_at_once(breakers, clock, alive):
    fail(breakers, AGENT, 5)
    clock.advance(COOLDOWN)
    breakers.acquire(AGENT, worker="session-1", holder="process-1")
    alive["process-1"] = True
    assert breakers.acquire(AGENT).reason is RefusalReason.PROBE_IN_FLIGHT

    alive["process-1"] = False
    assert breakers.status(AGENT).can_execute
    assert breakers.acquire(AGENT, holder="process-2").kind is PermitKind.PROBE

    last = breakers.history(AGENT).transitions[-1]
    assert last.reason == "the probe of session-1 was lost: its process is gone"


def test_a_process_that_nothing_is_known_about_keeps_its_slot_until_the_lease_is_over(breakers, clock, alive):
    fail(breakers, AGENT, 5)
    clock.advance(COOLDOWN)
    breakers.acquire(AGENT, holder="elsewhere")
    clock.advance(899)
    assert breakers.acquire(AGENT).reason is RefusalReason.PROBE_IN_FLIGHT
    clock.advance(1)
    assert breakers.acquire(AGENT).admitted


# 8. Clocks


def test_a_clock_set_back_costs_at_most_one_more_cooldown(breakers, clock):
    fail(breakers, AGENT, 5)
    clock.advance(-DAY)

    assert breakers.status(AGENT).state is BreakerState.OPEN
    assert breakers.acquire(AGENT).retry_after_seconds == COOLDOWN
    clock.advance(COOLDOWN)
    assert breakers.acquire(AGENT).kind is PermitKind.PROBE
    causes = [transition.cause for transition in breakers.history(AGENT).transitions]
    assert causes == [Cause.FAILURES, Cause.CLOCK_SET_BACK, Cause.COOLDOWN_OVER]


def test_a_clock_set_back_is_no_trip(breakers, clock):
    fail(breakers, AGENT, 5)
    clock.advance(-DAY)

    change = breakers.record_failure(AGENT, "timeout", "")

    assert (change.tripped, change.breaker.trip_count) == (False, 1)


def test_without_a_cooldown_a_clock_set_back_delays_nothing(breakers, clock):
    breakers.configure(AGENT, cooldown_seconds=0)
    fail(breakers, AGENT, 5)
    clock.advance(-DAY)

    assert breakers.status(AGENT).state is BreakerState.HALF_OPEN
    assert breakers.list("half_open").half_open == (AGENT,)
    assert breakers.acquire(AGENT).kind is PermitKind.PROBE


def test_outcomes_stamped_in_the_future_count_as_now(breakers, clock):
    fail(breakers, AGENT, 3)
    clock.advance(-DAY)
    assert breakers.status(AGENT).failure_count == 3

    fail(breakers, AGENT)
    shown = breakers.status(AGENT)
    assert (shown.failure_count, shown.last_failure_at) == (4, clock.milliseconds)
    assert {failure.at for failure in shown.recent_failures} == {clock.milliseconds}
    clock.advance(60)
    assert breakers.status(AGENT).failure_count == 0


def test_leases_and_throttles_keep_their_length_when_the_clock_is_set_back(breakers, clock):
    breakers.record_failure(AGENT, "rate_limited", "", retry_after_seconds=30)
    fail(breakers, "other", 5)
    clock.advance(COOLDOWN)
    probe = breakers.acquire("other")
    breakers.record_failure(AGENT, "rate_limited", "", retry_after_seconds=30)
    clock.advance(-DAY)

    assert breakers.acquire(AGENT).retry_after_seconds == 30
    assert breakers.acquire("other").retry_after_seconds == 900
    clock.advance(900)
    assert breakers.acquire("other").kind is PermitKind.PROBE
    assert breakers.acquire(AGENT).admitted
    assert not breakers.record_success("other", permit_id=probe.permit_id).recovered


def test_a_clock_set_forward_gives_one_early_probe_and_nothing_worse(breakers, clock):
    fail(breakers, AGENT, 5)
    clock.advance(365 * DAY)

    assert breakers.acquire(AGENT).kind is PermitKind.PROBE
    assert breakers.acquire(AGENT).reason is RefusalReason.PROBE_IN_FLIGHT


# 10. Throttling


def test_a_rate_limit_with_a_time_refuses_until_then(breakers, clock):
    change = breakers.record_failure(AGENT, "rate_limited", "429", retry_after_seconds=20)
    assert (change.breaker.state, change.breaker.can_execute) == (BreakerState.CLOSED, False)
    clock.advance(19.5)

    assert breakers.acquire(AGENT) == Admission(
        agent_id=AGENT, admitted=False, reason=RefusalReason.THROTTLED, retry_after_seconds=0.5
    )
    clock.advance(0.5)
    assert breakers.acquire(AGENT).admitted


def test_rate_limits_count_once_while_throttled_and_may_prolong_it(breakers, clock):
    for _ in range(20):
        breakers.record_failure(AGENT, "rate_limited", "429", retry_after_seconds=20)
        breakers.record_failure(AGENT, "rate_limited", "429")
        clock.advance(1)

    shown = breakers.status(AGENT)
    assert (shown.state, shown.failure_count, shown.total_failures) == (BreakerState.CLOSED, 1, 40)
    assert shown.retry_after_seconds == 19.0


def test_other_failures_count_while_throttled(breakers):
    breakers.record_failure(AGENT, "rate_limited", "429", retry_after_seconds=20)
    fail(breakers, AGENT, 4)

    refused = breakers.acquire(AGENT)
    assert (refused.reason, refused.retry_after_seconds) == (RefusalReason.OPEN, COOLDOWN)


def test_rate_limits_without_a_time_are_failures_like_others(breakers):
    for _ in range(5):
        breakers.record_failure(AGENT, "rate_limited", "429")

    assert breakers.status(AGENT).state is BreakerState.OPEN


def test_a_rate_limited_probe_is_released_and_throttles(breakers, clock):
    fail(breakers, AGENT, 5)
    clock.advance(COOLDOWN)
    probe = breakers.acquire(AGENT)

    change = breakers.record_failure(AGENT, "rate_limited", "", permit_id=probe.permit_id, retry_after_seconds=40)

    assert (change.tripped, change.breaker.state) == (False, BreakerState.HALF_OPEN)
    assert breakers.acquire(AGENT).reason is RefusalReason.THROTTLED
    clock.advance(40)
    assert breakers.acquire(AGENT).kind is PermitKind.PROBE


def test_a_rate_limit_without_a_time_fails_a_probe_even_while_throttled(breakers, clock):
    breakers.configure(AGENT, half_open_max_calls=2)
    fail(breakers, AGENT, 5)
    clock.advance(COOLDOWN)
    first, second = breakers.acquire(AGENT), breakers.acquire(AGENT)
    breakers.record_failure(AGENT, "rate_limited", "", permit_id=first.permit_id, retry_after_seconds=40)

    assert breakers.record_failure(AGENT, "rate_limited", "", permit_id=second.permit_id).tripped


def test_an_open_breaker_tells_the_longer_of_cooldown_and_throttle(breakers, clock):
    breakers.record_failure(AGENT, "rate_limited", "", retry_after_seconds=1000)
    fail(breakers, AGENT, 4)
    assert breakers.acquire(AGENT).retry_after_seconds == 1000
    clock.advance(COOLDOWN)
    assert breakers.acquire(AGENT).reason is RefusalReason.THROTTLED


def test_a_reset_ends_a_throttle(breakers):
    breakers.record_failure(AGENT, "rate_limited", "", retry_after_seconds=1000)
    breakers.reset(AGENT)

    assert breakers.acquire(AGENT).admitted


# 11. Fallbacks


def test_a_refusal_names_the_fallback_that_admits(breakers):
    breakers.configure("a", fallback_agent="b")
    breakers.trip("a")

    assert breakers.acquire("a") == Admission(
        agent_id="a", admitted=False, reason=RefusalReason.OPEN, retry_after_seconds=COOLDOWN, fallback_agent="b"
    )
    assert not breakers.status("b").known


def test_a_chain_goes_on_past_fallbacks_that_refuse(breakers):
    for agent, fallback in (("a", "b"), ("b", "c"), ("c", "d")):
        breakers.configure(agent, fallback_agent=fallback)
        breakers.trip(agent)

    assert breakers.acquire("a").fallback_agent == "d"
    assert breakers.advice("b").fallback_agent == "d"


def test_a_circle_of_fallbacks_ends_with_nobody_and_the_soonest_time(breakers, clock):
    for agent, fallback in (("a", "b"), ("b", "c"), ("c", "a")):
        breakers.configure(agent, fallback_agent=fallback)
        breakers.trip(agent)
        clock.advance(10)

    refused = breakers.acquire("c")

    assert (refused.fallback_agent, refused.retry_after_seconds) == (None, 270.0)


@pytest.mark.parametrize(("hops", "found"), [(5, "agent-5"), (6, None)])
def test_a_chain_is_followed_for_five_hops(breakers, hops, found):
    for number in range(hops):
        breakers.configure(f"agent-{number}", fallback_agent=f"agent-{number + 1}")
        breakers.trip(f"agent-{number}")

    assert breakers.acquire("agent-0").fallback_agent == found


def test_who_waits_for_a_reset_is_told_when_the_fallback_opens(breakers):
    breakers.configure("a", mode="forced_open", fallback_agent="b")
    breakers.trip("b")

    refused = breakers.acquire("a")
    assert (refused.reason, refused.retry_after_seconds) == (RefusalReason.FORCED_OPEN, COOLDOWN)


def test_what_a_fallback_does_counts_for_itself_alone(breakers, clock):
    breakers.configure("a", fallback_agent="b", success_threshold=1)
    breakers.trip("a")
    clock.advance(COOLDOWN)
    breakers.record_success("b", permit_id=breakers.acquire("b").permit_id)

    assert breakers.status("a").total_successes == 0
    assert breakers.status("a").state is BreakerState.HALF_OPEN


# 12. New configurations


def test_a_new_cooldown_applies_to_a_breaker_that_is_open(breakers, clock):
    fail(breakers, AGENT, 5)
    clock.advance(100)

    change = breakers.configure(AGENT, cooldown_seconds=100)

    assert (change.breaker.state, change.breaker.can_execute) == (BreakerState.HALF_OPEN, True)
    assert breakers.list("half_open").half_open == (AGENT,)
    breakers.configure(AGENT, cooldown_seconds=150)
    assert breakers.acquire(AGENT).retry_after_seconds == 50.0


def test_a_new_window_and_threshold_apply_to_outcomes_that_are_there(breakers, clock):
    fail(breakers, AGENT, 4)
    clock.advance(90)
    assert breakers.configure(AGENT, window_seconds=100, failure_threshold=3).breaker.failure_count == 4
    assert breakers.status(AGENT).state is BreakerState.CLOSED

    assert breakers.record_failure(AGENT, "timeout", "").tripped
    assert breakers.history(AGENT).total == 1


# 13. Pruning


def test_outcomes_older_than_a_week_are_pruned_by_later_ones(breakers, connection, clock):
    fail(breakers, AGENT, 3)
    clock.advance(7 * DAY - 1)
    fail(breakers, AGENT)
    assert rows(connection, "outcomes") == 4
    clock.advance(1)
    fail(breakers, AGENT)

    assert rows(connection, "outcomes") == 2
    assert len(breakers.status(AGENT).recent_failures) == 2


def test_a_window_longer_than_a_week_keeps_its_outcomes(breakers, connection, clock):
    breakers.configure(AGENT, window_seconds=30 * DAY)
    fail(breakers, AGENT, 3)
    clock.advance(29 * DAY)
    assert breakers.record_failure(AGENT, "timeout", "").breaker.failure_count == 4
    clock.advance(DAY)
    fail(breakers, AGENT)

    assert breakers.status(AGENT).failure_count == 2
    assert rows(connection, "outcomes") == 2


def test_a_write_prunes_a_hundred_outcomes_at_most(breakers, connection, clock):
    breakers.configure(AGENT, failure_threshold=1000)
    fail(breakers, AGENT, 250)
    clock.advance(8 * DAY)

    left = []
    for _ in range(3):
        fail(breakers, AGENT)
        left.append(rows(connection, "outcomes"))

    assert left == [151, 52, 3]


def test_successes_are_pruned_too(breakers, connection, clock):
    for _ in range(50):
        breakers.record_success(AGENT)
    clock.advance(7 * DAY)
    for _ in range(20):
        breakers.record_success(AGENT)

    assert rows(connection, "outcomes") == 20


def test_permits_older_than_a_week_are_pruned_in_batches_of_a_hundred(breakers, connection, clock):
    permits = [breakers.acquire(f"agent-{number % 7}").permit_id for number in range(150)]
    clock.advance(7 * DAY)
    breakers.acquire(AGENT)
    assert rows(connection, "permits") == 51
    breakers.acquire(AGENT)
    assert rows(connection, "permits") == 2

    with pytest.raises(PermitNotFound):
        breakers.record_success("agent-0", permit_id=permits[0])


def test_a_probe_with_a_lease_of_weeks_is_not_pruned(breakers, clock):
    breakers.configure(AGENT, probe_lease_seconds=30 * DAY)
    fail(breakers, AGENT, 5)
    clock.advance(COOLDOWN)
    breakers.acquire(AGENT)
    clock.advance(20 * DAY)
    breakers.acquire("other")

    assert breakers.acquire(AGENT).reason is RefusalReason.PROBE_IN_FLIGHT


# Everything is in the file


def test_nothing_is_lost_over_a_restart(connect, clock):
    first = numbered_breakers(connect(), clock)
    first.configure(AGENT, fallback_agent="other", cooldown_multiplier=2)
    fail(first, AGENT, 5)
    clock.advance(COOLDOWN)
    probe = first.acquire(AGENT)
    clock.advance(1)

    second = Breakers(connect(), clock=clock)

    assert second.migrate() == 0
    assert second.status(AGENT) == first.status(AGENT)
    assert second.history(AGENT) == first.history(AGENT)
    assert second.acquire(AGENT).reason is RefusalReason.PROBE_IN_FLIGHT
    assert second.record_failure(AGENT, "timeout", "", permit_id=probe.permit_id).tripped
    assert first.status(AGENT).retry_after_seconds == 2 * COOLDOWN


def test_permits_are_taken_and_settled_inside_the_transaction_of_a_caller(breakers, connection):
    connection.execute("BEGIN IMMEDIATE")
    permit = breakers.acquire(AGENT)
    breakers.record_failure(AGENT, "timeout", "", permit_id=permit.permit_id)
    connection.execute("ROLLBACK")
    assert rows(connection, "breakers") == rows(connection, "permits") == 0

    with connection:
        permit = breakers.acquire(AGENT)
        with pytest.raises(PermitNotFound):
            breakers.record_success(AGENT, permit_id="gone")
        breakers.record_failure(AGENT, "timeout", "", permit_id=permit.permit_id)
    assert breakers.status(AGENT).failure_count == 1


def test_a_file_of_a_newer_version_is_refused(breakers, connection):
    assert breakers.migrate() == 0
    connection.execute("UPDATE breakers_schema SET version = 99").fetchall()

    with pytest.raises(SchemaTooNew, match="the breakers tables have schema version 99"):
        breakers.migrate()
