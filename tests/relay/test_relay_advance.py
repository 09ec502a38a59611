"""Handing a baton on: what one call does, and what the same call does again."""

import itertools

import attrs
import pytest
from handing_in import GOOD, Team

from agent_runtime_relay import Advance, Check, GateResult, NextBaton, Outcome, Relays, RelayStatus, l_score
from agent_runtime_relay._rules.provenance import depth_penalty
from agent_runtime_relay.errors import (
    AnotherPayload,
    BatonNotFound,
    ForeignBaton,
    IllegalTransition,
    InvalidValue,
    StaleBaton,
)


def test_a_good_output_moves_the_baton(team):
    advance = team.hand_in(team.first_baton, output="All about tea.", tokens_used=1200)

    baton = advance.next_baton.baton_id
    assert advance == Advance(
        pipeline_id=1,
        status=RelayStatus.IN_PROGRESS,
        outcome=Outcome.ADVANCED,
        current_step=1,
        total_steps=3,
        next_agent="two",
        next_baton=NextBaton(baton_id=baton, agent_type="two", agent_assigned="two", sequence_position=2),
        gates=(
            GateResult(gate="quality", score=0.9, threshold=0.6, passed=True),
            GateResult(gate="l_score", score=0.9, threshold=0.3, passed=True),
        ),
        score_source="self",
        attempts_left=3,
        feedback=None,
        output_id=1,
        tokens_used=1200,
        tokens_remaining=98_800,
        over_budget=False,
        handoff_time_ms=0.0,
        replayed=False,
    )
    assert team.read().baton.baton_id == baton == team.live
    assert team.relays.output(1, advance.output_id).text == "All about tea."


def test_the_next_baton_carries_what_came_before(team, clock):
    first = team.hand_in(
        output="All", output_summary="Tea is a plant.", output_entity_id=0, sources=["book", "web", "book"]
    )
    second = team.hand_in(output_summary="It is drunk.", sources=["web", "leaflet"], l_score=0.7)
    clock.advance(60)

    baton = team.read().baton

    assert (baton.sequence_position, baton.total_agents, baton.attempt, baton.agent_type) == (3, 3, 1, "three")
    assert (baton.source_chain, baton.source_count) == (("book", "web", "leaflet"), 3)
    assert baton.l_score_chain == (0.9, 0.7)
    assert (baton.input_output_id, baton.input_entity_id) == (second.output_id, None)
    assert (baton.tokens_used, baton.remaining_budget, baton.max_output_tokens) == (200, 99_800, 4000)
    assert baton.created_at == clock.milliseconds - 60_000
    assert first.output_id != second.output_id


def test_the_chain_of_sources_shows_the_last_200(team):
    team.hand_in(sources=[f"source {number}" for number in range(100)])
    team.hand_in(sources=[f"source {number}" for number in range(50, 150)])
    baton = team.read().baton
    assert (len(baton.source_chain), baton.source_count) == (150, 150)

    long = Team.of(team.relays, *["agent"] * 4)
    for step in range(3):
        long.hand_in(sources=[f"source {number}" for number in range(step * 100, step * 100 + 100)])
    baton = long.read().baton
    assert (baton.source_chain, baton.source_count) == (tuple(f"source {number}" for number in range(100, 300)), 300)


def test_the_last_output_completes_the_pipeline(team):
    team.hand_in()
    team.hand_in()

    advance = team.hand_in()

    assert (advance.outcome, advance.status, advance.current_step) == ("completed", "completed", 3)
    assert (advance.next_agent, advance.next_baton, advance.attempts_left) == (None, None, 0)
    assert (team.status.status, team.status.current_step, team.live) == ("completed", 3, None)
    assert (team.read().waiting_for, team.read().current_agent) == ("nothing", None)


def test_the_same_baton_with_the_same_values_returns_the_same_answer(team):
    values = {"output": "text", "output_summary": "sum", "sources": ["a"], "confidence": [0.9], "relevance": [0.8]}
    first = team.hand_in(team.first_baton, **values, checks=[Check(name="tests", score=1.0)])
    with team.unchanged():
        again = team.hand_in(team.first_baton, **values, checks=[Check(name="tests", score=1.0)])
    assert again == attrs.evolve(first, replayed=True)


def test_an_answer_is_the_same_however_far_the_pipeline_has_come_since(team):
    first = team.hand_in(team.first_baton)
    failed = team.fail_gate(first.next_baton.baton_id)
    team.claim(worker="bob")
    team.update(max_retries=9, quality_threshold=0.1, token_budget=777_777)
    team.retry("again")
    second = team.hand_in()
    last = team.hand_in(second.next_baton.baton_id)
    assert last.outcome == "completed"

    with team.unchanged():
        assert team.hand_in(team.first_baton) == attrs.evolve(first, replayed=True)
        assert team.fail_gate(first.next_baton.baton_id) == attrs.evolve(failed, replayed=True)
        assert team.hand_in(second.next_baton.baton_id) == attrs.evolve(last, replayed=True)


def test_a_replay_is_answered_by_a_paused_pipeline_too(team):
    first = team.hand_in(team.first_baton)
    team.update(status="paused")
    assert team.hand_in(team.first_baton) == attrs.evolve(first, replayed=True)


@pytest.mark.parametrize(
    "difference",
    [
        {"quality_score": 0.91},
        {"l_score": 0.91},
        {"tokens_used": 101},
        {"output": "other"},
        {"output_summary": "other"},
        {"output_entity_id": 1},
        {"sources": ["b"]},
        {"confidence": [0.5]},
        {"relevance": [0.5]},
        {"checks": [Check(name="tests", score=1.0)]},
    ],
)
def test_the_same_baton_with_other_values_is_a_conflict(team, difference):
    team.hand_in(team.first_baton)
    with team.unchanged(), pytest.raises(AnotherPayload, match="was settled before with other values"):
        team.hand_in(team.first_baton, **difference)


def test_another_pipelines_baton_is_a_conflict(relays, team):
    other = Team.of(relays, "one")
    with team.unchanged(), pytest.raises(ForeignBaton, match="belongs to pipeline 1, not to pipeline 2"):
        other.hand_in(team.first_baton)


@pytest.mark.parametrize(
    "baton_id", ["nonsense", "1.1.1.forged", "1.1.9.x", "1.99.1.x", "7.1.1.x", "1.0.1.x", "1.1.1."]
)
def test_a_baton_that_was_never_issued_is_not_found(team, baton_id):
    with team.unchanged(), pytest.raises(BatonNotFound, match="was never issued"):
        team.hand_in(baton_id)


def test_without_a_baton_each_call_hands_on_the_live_one(team):
    outcomes = [team.hand_in().outcome for _ in range(3)]
    assert outcomes == ["advanced", "advanced", "completed"]


def test_without_a_baton_who_was_shown_an_older_one_is_refused(team):
    second = team.hand_in().next_baton.baton_id
    with team.unchanged(), pytest.raises(StaleBaton, match="is no longer the live one") as refusal:
        team.hand_in(last_shown=team.first_baton)
    assert refusal.value.hint == "get_relay_baton(pipeline_id=1) names the baton to go on with"
    assert team.hand_in(last_shown=second).outcome == "advanced"


def test_who_was_shown_a_baton_that_a_retry_replaced_is_refused(team):
    team.fail_gate()
    team.retry()
    with team.unchanged(), pytest.raises(StaleBaton):
        team.hand_in(last_shown=team.first_baton)


def test_a_failed_gate_charges_and_moves_nothing(team):
    advance = team.fail_gate(tokens_used=40, output="poor")

    assert (advance.outcome, advance.status, advance.current_step) == ("gate_failed", "in_progress", 0)
    assert (advance.next_agent, advance.next_baton, advance.attempts_left) == ("one", None, 3)
    assert advance.gates[0] == GateResult(gate="quality", score=0.2, threshold=0.6, passed=False)
    assert advance.feedback == "quality 0.2 is below 0.6"
    assert (advance.tokens_used, team.live) == (40, None)
    assert team.relays.output(1, advance.output_id).text == "poor"
    reading = team.read()
    assert (reading.baton, reading.waiting_for, reading.current_agent) == (None, "retry", "one")


def test_without_a_live_baton_the_refusal_says_what_to_do(team):
    team.fail_gate()
    with team.unchanged(), pytest.raises(IllegalTransition, match="the last attempt of step 0 failed") as refusal:
        team.hand_in()
    assert refusal.value.hint == "call retry_relay_step(pipeline_id=1, step_index=0)"


def test_thresholds_are_inclusive_and_the_pipelines_own_beats_the_roles(relays):
    assert Team.of(relays, "validator").hand_in(quality_score=0.8, l_score=0.3).outcome == "completed"
    assert Team.of(relays, "validator").hand_in(quality_score=0.79).outcome == "gate_failed"
    assert Team.of(relays, "validator", quality_threshold=0.5).hand_in(quality_score=0.5).outcome == "completed"
    assert Team.of(relays, "poet").hand_in(l_score=0.29).outcome == "gate_failed"
    assert Team.of(relays, "poet", l_score_threshold=0.2).hand_in(l_score=0.2).outcome == "completed"


def test_a_check_decides_over_a_high_opinion_of_oneself(team):
    advance = team.hand_in(quality_score=1.0, checks=[Check(name="tests", score=0.0, detail="2 failed")])

    assert (advance.outcome, advance.score_source) == ("gate_failed", "check:tests")
    assert advance.feedback.endswith("check:tests scored 0: 2 failed")
    assert team.status.steps[0].score_source == "check:tests"
    assert "2 failed" in team.retry().baton.feedback


def test_an_output_without_marks_passes_through_checks_alone(team):
    advance = team.relays.advance(1, None, None, 100, output="plain", checks=[Check(name="tests", score=1.0)])
    assert (advance.outcome, advance.score_source, advance.gates[0].score) == ("advanced", "check:tests", 1.0)
    with team.unchanged(), pytest.raises(InvalidValue, match="quality_score must be a number, not null"):
        team.relays.advance(1, None, None, 100, output="plain")


@pytest.mark.parametrize(("score", "passes"), [(0.8, 48), (0.75, 42)])
def test_a_relay_of_48_steps_passes_its_own_gate_with_fair_scores_throughout(relays, score, passes):
    team = Team.of(relays, *["poet"] * 48)
    evidence = {"quality_score": score, "l_score": score, "confidence": [score], "relevance": [score]}

    advances = []
    while not advances or advances[-1].next_baton is not None:
        advances.append(team.hand_in(**evidence))

    assert team.status.current_step == passes
    assert advances[-1].outcome == ("completed" if passes == 48 else "gate_failed")
    for depth, advance in enumerate(advances, start=1):
        computed = l_score([score], [score], depth, depth_penalty(48))
        assert advance.gates[1].score == min(score, computed)


def test_provenance_starts_anew_where_a_check_verified_the_sources(relays):
    team = Team.of(relays, "one", "two", "three")
    evidence = {"confidence": [0.9], "relevance": [0.9]}
    team.hand_in(**evidence)
    second = team.hand_in(**evidence, checks=[Check(name="links", score=1.0, verified_sources=True)])
    third = team.hand_in(**evidence)

    assert second.gates[1].score == l_score([0.9], [0.9], 1)
    assert third.gates[1].score == l_score([0.9], [0.9], 2)


def test_the_time_of_a_handover_is_measured_by_the_clock(connection):
    ticks = itertools.count()
    team = Team.of(relays_at(connection, lambda: 1_800_000_000 + next(ticks) * 0.25), "one", "two")
    first = team.hand_in(team.first_baton)
    assert first.handoff_time_ms == 250.0
    assert team.hand_in(team.first_baton) == attrs.evolve(first, replayed=True)


def test_a_clock_that_steps_back_does_no_harm(connection):
    ticks = itertools.count()
    team = Team.of(relays_at(connection, lambda: 1_800_000_000 - next(ticks)), "one", "two")
    assert team.hand_in().handoff_time_ms == 0.0


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"quality_score": 99}, "quality_score is 99; it must be at least 0 and at most 1"),
        ({"quality_score": float("nan")}, "quality_score is nan; it must be finite"),
        ({"quality_score": float("inf")}, "quality_score is inf"),
        ({"quality_score": True}, "quality_score must be a number, not a boolean"),
        ({"quality_score": "0.9"}, "quality_score must be a number, not text"),
        ({"l_score": -0.1}, "l_score is -0.1"),
        ({"l_score": None}, "l_score must be a number, not null"),
        ({"tokens_used": -1}, "tokens_used is -1; it must be at least 0"),
        ({"tokens_used": 1.5}, "tokens_used must be a whole number"),
        ({"tokens_used": True}, "tokens_used must be a whole number, not a boolean"),
        ({"tokens_used": 10**13}, "tokens_used is 10000000000000"),
        ({"confidence": [0.9, 1.1]}, r"confidence\[1\] is 1.1"),
        ({"confidence": 0.9}, "confidence must be a list"),
        ({"relevance": [float("nan")]}, r"relevance\[0\] is nan"),
        ({"sources": ["x" * 501]}, r"sources\[0\] has 501 characters"),
        ({"sources": ["x"] * 101}, "sources has 101 items"),
        ({"output": "x" * (1024 * 1024 + 1)}, "output has 1048577 bytes"),
        ({"output_summary": "x" * 65537}, "output_summary has 65537 bytes"),
        ({"output_entity_id": -1}, "output_entity_id is -1"),
        ({"output_entity_id": True}, "output_entity_id must be a whole number, not a boolean"),
        ({"checks": ["tests"]}, "checks must be a list of checks"),
        ({"baton_id": "a\nb"}, "baton_id contains control characters"),
        ({"worker": ""}, "worker must not be empty"),
    ],
)
def test_values_out_of_bounds_are_refused_and_nothing_is_written(team, values, problem):
    with team.unchanged(), pytest.raises(InvalidValue, match=problem):
        team.relays.advance(1, **{**GOOD, **values})


def test_a_whole_output_of_a_mebibyte_is_kept(team):
    text = "é" * (512 * 1024)
    advance = team.hand_in(output=text)
    assert team.relays.output(1, advance.output_id).bytes == 1024 * 1024


def relays_at(connection, clock):
    relays = Relays(connection, clock=clock)
    relays.migrate()
    return relays
