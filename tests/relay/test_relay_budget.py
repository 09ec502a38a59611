"""Tokens: charged always, counted once, and the end of a pipeline that has none."""

import pytest
from handing_in import Team

from agent_runtime_relay.errors import IllegalTransition


def charged(team):
    [(tokens,)] = team.relays.connection.execute(
        "SELECT SUM(tokens_used) FROM relay_attempts WHERE pipeline_id = :id", {"id": team.pipeline_id}
    ).fetchall()
    return tokens


def test_without_a_token_left_the_step_is_done_and_the_pipeline_fails(relays):
    team = Team.of(relays, "one", "two", token_budget=1000)

    advance = team.hand_in(team.first_baton, tokens_used=1000)

    assert (advance.outcome, advance.status, advance.current_step) == ("budget_exhausted", "failed", 1)
    assert (advance.next_agent, advance.next_baton, advance.attempts_left) == ("two", None, 4)
    assert (advance.tokens_remaining, advance.over_budget) == (0, False)
    status = team.status
    assert (status.reason, status.resumable, status.steps[0].status) == ("budget_exhausted", True, "completed")
    assert (team.read().waiting_for, team.read().current_agent) == ("budget", "two")
    assert team.hand_in(team.first_baton, tokens_used=1000).replayed


def test_one_token_is_enough_for_the_next_baton(relays):
    team = Team.of(relays, "one", "two", token_budget=1000)
    assert team.hand_in(tokens_used=999).outcome == "advanced"
    assert team.read().baton.max_output_tokens == 1


def test_a_higher_budget_resumes_it_at_the_next_step(relays):
    team = Team.of(relays, "one", "two", token_budget=1000)
    team.hand_in(tokens_used=1500)
    with team.unchanged():
        with pytest.raises(IllegalTransition, match="is failed: no tokens remain of 1000") as refusal:
            team.update(status="in_progress")
        with pytest.raises(IllegalTransition, match="no tokens remain of 1500"):
            team.update(status="in_progress", token_budget=1500)
    assert refusal.value.hint == 'raise token_budget with update_relay and status="in_progress"'

    team.update(token_budget=2000)
    assert team.read().waiting_for == "resume"
    team.update(status="in_progress")

    baton = team.read().baton
    assert (baton.sequence_position, baton.attempt, baton.remaining_budget) == (2, 1, 500)
    assert team.hand_in().outcome == "completed"


def test_an_overrun_on_the_last_step_completes_over_budget(relays):
    team = Team.of(relays, "one", token_budget=1000)

    advance = team.hand_in(tokens_used=1001)

    assert (advance.outcome, advance.over_budget) == ("completed", True)
    assert (advance.tokens_used, advance.tokens_remaining) == (1001, 0)
    assert team.status.tokens_remaining == 0


def test_failed_attempts_are_charged_and_wait_for_budget(relays):
    team = Team.of(relays, "one", "two", token_budget=1000)
    assert team.fail_gate(tokens_used=600).tokens_remaining == 400
    team.retry()
    failed = team.fail_gate(tokens_used=600)

    assert (failed.outcome, failed.status, failed.over_budget) == ("gate_failed", "in_progress", True)
    assert team.read().waiting_for == "budget"
    with team.unchanged(), pytest.raises(IllegalTransition, match="no tokens remain of 1000") as refusal:
        team.retry()
    assert refusal.value.hint == "raise token_budget with update_relay, then call retry_relay_step(step_index=0)"
    team.update(token_budget=5000)
    team.retry()
    assert team.hand_in(tokens_used=0).tokens_remaining == 3800
    assert charged(team) == team.status.tokens_used == 1200


def test_a_lost_attempt_leaves_no_token_for_another(relays, clock):
    team = Team.of(relays, "one", "two", token_budget=1000)
    team.hand_in(tokens_used=500)
    team.claim(lease_seconds=10)
    team.update(token_budget=500)
    clock.advance(10)

    reading = team.claim("bob")

    assert (reading.waiting_for, reading.status, team.status.reason) == ("budget", "failed", "budget_exhausted")


def test_a_budget_below_what_was_used_leaves_the_live_baton_alone(relays):
    team = Team.of(relays, "one", "two", token_budget=1000)
    team.hand_in(tokens_used=500)
    team.update(token_budget=1)
    assert team.read().baton.remaining_budget == 0
    assert team.hand_in(tokens_used=0).outcome == "completed"
