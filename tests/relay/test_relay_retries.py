"""Attempts that come to nothing, and what follows them."""

import pytest
from handing_in import Team

from agent_runtime_relay import FailedAttempt, RelayStatus
from agent_runtime_relay.errors import (
    AnotherPayload,
    BatonNotFound,
    ForeignBaton,
    IllegalTransition,
    InvalidValue,
    StaleBaton,
)


def rows(team, step=0):
    return team.relays.connection.execute(
        "SELECT attempt, state, coalesce(agent_assigned, agent_offered), route_reason FROM relay_attempts"
        " WHERE pipeline_id = :id AND step_index = :step ORDER BY attempt",
        {"id": team.pipeline_id, "step": step},
    ).fetchall()


def test_a_retry_issues_the_next_attempt_with_what_went_wrong(team, clock):
    team.fail_gate(tokens_used=40)
    clock.advance(5)

    retry = team.retry("Name the sources.")

    assert (retry.pipeline_id, retry.step_index, retry.attempt, retry.attempts_left) == (1, 0, 2, 2)
    baton = retry.baton
    assert (baton.attempt, baton.max_retries, baton.created_at) == (2, 3, clock.milliseconds)
    assert baton.feedback == "quality 0.2 is below 0.6\nName the sources."
    assert baton.baton_id == team.live != team.first_baton
    assert baton.tokens_used == 40
    assert team.hand_in().outcome == "advanced"


def test_the_pipeline_fails_at_once_when_no_attempt_is_left(relays):
    team = Team.of(relays, "one", "two", max_retries=1)
    assert team.fail_gate().attempts_left == 1
    assert team.retry().attempts_left == 0

    last = team.fail_gate()

    assert (last.outcome, last.status, last.attempts_left) == ("gate_failed", "failed", 0)
    status = team.status
    assert (status.status, status.reason, status.resumable) == ("failed", "retries_exhausted", True)
    assert team.read().waiting_for == "resume"
    with team.unchanged(), pytest.raises(IllegalTransition, match="pipeline 1 is failed") as refusal:
        team.retry()
    assert refusal.value.hint == 'call update_relay(pipeline_id=1, status="in_progress")'


def test_without_retries_one_failure_is_the_end(relays):
    team = Team.of(relays, "one", max_retries=0)
    assert team.fail_gate().status == "failed"


def test_the_fallback_has_one_attempt_after_all_others(relays):
    team = Team.of(relays, "one", "two", max_retries=1, fallback_agents={"one": "spare"})

    left = [team.fail_gate().attempts_left]
    for _ in range(2):
        team.retry()
        left.append(team.fail_gate().attempts_left)

    assert left == [2, 1, 0]
    assert rows(team) == [
        (1, "rejected", "one", "own_step"),
        (2, "rejected", "one", "own_step"),
        (3, "rejected", "spare", "retries_exhausted"),
    ]
    assert team.status.status == "failed"


def test_a_fallback_that_succeeds_carries_on(relays):
    team = Team.of(relays, "one", "two", max_retries=0, fallback_agents={"one": "spare"})
    team.fail_gate()
    baton = team.retry().baton
    assert (baton.agent_type, baton.agent_assigned, baton.route_reason) == ("one", "spare", "retries_exhausted")

    advance = team.hand_in(baton.baton_id)

    assert (advance.outcome, advance.next_agent) == ("advanced", "two")
    assert team.status.steps[0].agent_assigned == "spare"


def test_a_failed_pipeline_is_resumed_with_a_new_attempt(relays):
    team = Team.of(relays, "one", max_retries=0)
    team.fail_gate()

    resumed = team.update(status="in_progress", reason="Use the library.")

    assert (resumed.relay.status, resumed.relay.steps[0].attempts) == ("in_progress", 2)
    assert team.read().baton.feedback == "quality 0.2 is below 0.6\nUse the library."
    assert team.fail_gate().status == "failed"


def test_a_higher_max_retries_gives_a_resumed_pipeline_further_attempts(relays):
    team = Team.of(relays, "one", max_retries=0, fallback_agents={"one": "spare"})
    team.fail_gate()
    team.retry()
    team.fail_gate()

    team.update(status="in_progress", max_retries=2)

    assert team.fail_gate().attempts_left == 1
    assert team.retry().attempts_left == 0
    assert team.hand_in().outcome == "completed"
    assert [agent for _, _, agent, _ in rows(team)] == ["one", "spare", "one", "one"]


def test_a_resumed_pipeline_is_judged_by_its_changed_threshold(relays):
    team = Team.of(relays, "one", max_retries=0)
    team.fail_gate()
    team.update(status="in_progress", quality_threshold=0.1)
    assert team.fail_gate().outcome == "completed"


def test_lowering_max_retries_ends_the_retries_of_a_running_step(team):
    team.fail_gate()
    team.update(max_retries=0)
    with (
        team.unchanged(),
        pytest.raises(IllegalTransition, match="step 0 has no attempt left after 1") as refusal,
    ):
        team.retry()
    assert refusal.value.hint == "raise max_retries above 0 with update_relay(pipeline_id=1)"


def test_only_the_current_step_is_tried_again(team):
    team.hand_in()
    team.fail_gate()
    with team.unchanged():
        with pytest.raises(IllegalTransition, match="step 0 is completed and never runs again") as refusal:
            team.relays.retry(1, 0)
        assert refusal.value.hint == "the current step is step_index=1"
        with pytest.raises(IllegalTransition, match="step 2 has not begun"):
            team.relays.retry(1, 2)
        with pytest.raises(InvalidValue, match="step_index is 3; the steps of pipeline 1 are 0 to 2"):
            team.relays.retry(1, 3)
        with pytest.raises(InvalidValue, match="step_index is -1"):
            team.relays.retry(1, -1)
        with pytest.raises(InvalidValue, match="step_index is 256"):
            team.relays.retry(1, 256)


def test_a_step_that_is_being_worked_on_is_not_tried_again(team):
    with team.unchanged(), pytest.raises(IllegalTransition, match="of step 0 waits to be worked on"):
        team.retry()
    team.claim()
    with team.unchanged(), pytest.raises(IllegalTransition, match="of step 0 is claimed by ann"):
        team.retry()


def test_a_retry_after_an_expired_claim_counts_the_lost_attempt(team, clock):
    lost = team.claim(lease_seconds=10).baton.baton_id
    clock.advance(10)

    retry = team.retry()

    assert (retry.attempt, retry.attempts_left) == (2, 2)
    assert retry.baton.feedback == "lost: ann ended without handing anything on"
    assert [state for _, state, _, _ in rows(team)] == ["lost", "ready"]
    with pytest.raises(StaleBaton, match="settled as lost"):
        team.hand_in(lost)


def test_a_lost_last_attempt_is_not_retried_away(relays, clock):
    team = Team.of(relays, "one", max_retries=0)
    team.claim(lease_seconds=10)
    clock.advance(10)
    with team.unchanged(), pytest.raises(IllegalTransition, match="no attempt left"):
        team.retry()


def test_a_runner_settles_an_attempt_that_came_to_nothing(team):
    baton = team.claim().baton.baton_id

    failed = team.relays.fail_attempt(1, baton, "timeout", "no answer in 600 s", tokens_used=70, output="half of it")

    assert failed == FailedAttempt(
        pipeline_id=1,
        status=RelayStatus.IN_PROGRESS,
        step_index=0,
        attempt=1,
        attempts_left=3,
        feedback="timeout: no answer in 600 s",
        output_id=1,
        tokens_used=70,
        tokens_remaining=99_930,
        replayed=False,
    )
    assert team.relays.output(1, 1).text == "half of it"
    step = team.status.steps[0]
    assert (step.status, step.attempts, step.quality_score, step.tokens_used) == ("failed", 1, None, 70)
    assert team.read().waiting_for == "retry"
    assert team.retry().baton.feedback == "timeout: no answer in 600 s"


def test_a_failure_told_twice_is_recorded_once(team):
    first = team.relays.fail_attempt(1, team.first_baton, "exception", "exit code 1")
    with team.unchanged():
        again = team.relays.fail_attempt(1, team.first_baton, "exception", "exit code 1")
        for other in (("timeout", "exit code 1"), ("exception", "exit code 2")):
            with pytest.raises(AnotherPayload):
                team.relays.fail_attempt(1, team.first_baton, *other)
        with pytest.raises(AnotherPayload):
            team.relays.fail_attempt(1, team.first_baton, "exception", "exit code 1", tokens_used=1)
    assert (again.replayed, again.attempts_left, again.feedback) == (True, first.attempts_left, first.feedback)


def test_failures_use_up_attempts_like_failed_gates_do(relays):
    team = Team.of(relays, "one", max_retries=1)
    team.relays.fail_attempt(1, team.first_baton, "invalid_output")
    team.retry()
    last = team.relays.fail_attempt(1, team.live, "exception", "again")
    assert (last.status, last.attempts_left, team.status.reason) == ("failed", 0, "retries_exhausted")


def test_only_a_live_baton_fails(relays, team, clock):
    other = Team.of(relays, "one")
    fail = relays.fail_attempt
    with pytest.raises(ForeignBaton):
        fail(1, other.first_baton, "timeout")
    with pytest.raises(BatonNotFound):
        fail(1, "1.1.1.forged", "timeout")
    lost = team.claim(lease_seconds=10).baton.baton_id
    clock.advance(11)
    current = team.claim("bob").baton.baton_id
    with team.unchanged(), pytest.raises(StaleBaton, match="was lost"):
        fail(1, lost, "timeout")
    team.hand_in(current)
    with team.unchanged(), pytest.raises(AnotherPayload):
        fail(1, current, "timeout")
    last = team.live
    team.update(status="cancelled")
    with pytest.raises(IllegalTransition, match="is cancelled"):
        fail(1, last, "timeout")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"failure_type": "success"}, "failure_type is 'success'; it must be one of timeout"),
        ({"failure_type": "release"}, "failure_type is 'release'"),
        ({"failure_type": "timeout", "tokens_used": -1}, "tokens_used is -1"),
        ({"failure_type": "timeout", "error": "x" * 65537}, "error has 65537 bytes"),
        ({"failure_type": "rate_limited", "retry_after_seconds": -1}, "retry_after_seconds is -1"),
    ],
)
def test_a_failure_out_of_bounds_is_refused_and_nothing_is_written(team, arguments, problem):
    with team.unchanged(), pytest.raises(InvalidValue, match=problem):
        team.relays.fail_attempt(1, team.first_baton, **arguments)


def test_an_attempt_may_fail_while_its_pipeline_is_paused(team):
    baton = team.claim().baton.baton_id
    team.update(status="paused")

    assert team.relays.fail_attempt(1, baton, "exception").status == "paused"

    team.update(status="in_progress")
    assert team.read().waiting_for == "retry"
    assert team.retry().attempt == 2
