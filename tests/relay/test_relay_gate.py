"""What an output is worth, and whether that is enough."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_runtime_relay import Check, GateResult
from agent_runtime_relay._rules.gate import Verdict, feedback, gates, weigh
from agent_runtime_relay.errors import InvalidValue


def weighed(**given):
    evidence = {"quality_score": 0.8, "l_score": 0.8, "confidence": (), "relevance": (), "checks": ()}
    return weigh(**{**evidence, "depth": 4, "penalty": 0.1, **given})


def test_without_checks_the_authors_own_mark_decides():
    scores = weighed()
    assert (scores.quality_score, scores.score_source, scores.l_score, scores.depth) == (0.8, "self", 0.8, 4)


def test_the_least_of_own_mark_and_checks_decides_and_is_named():
    checks = [Check(name="tests", score=0.5), Check(name="schema", score=0.7)]
    assert weighed(checks=checks).quality_score == 0.5
    assert weighed(checks=checks).score_source == "check:tests"


def test_a_check_that_agrees_leaves_the_decision_to_the_author():
    assert weighed(checks=[Check(name="tests", score=0.8)]).score_source == "self"


def test_evidence_can_only_lower_the_reported_l_score():
    assert weighed(confidence=[1.0], relevance=[1.0]).l_score == pytest.approx(1 / 1.4)
    assert weighed(confidence=[1.0], relevance=[1.0], l_score=0.2).l_score == 0.2
    assert weighed(relevance=[1.0]).l_score == pytest.approx(0.5 / 1.4)


def test_depth_starts_anew_only_where_a_check_verified_outside_sources():
    assert weighed(confidence=[1.0], relevance=[1.0], checks=[Check(name="tests", score=1.0)]).depth == 4
    verified = weighed(
        confidence=[1.0], relevance=[1.0], checks=[Check(name="links", score=1.0, verified_sources=True)]
    )
    assert (verified.depth, verified.l_score) == (1, 0.8)


def test_an_output_without_marks_is_worth_what_checks_say():
    scores = weighed(quality_score=None, l_score=None, checks=[Check(name="tests", score=1.0)])
    assert (scores.quality_score, scores.score_source) == (1.0, "check:tests")
    assert scores.l_score == pytest.approx(1 / 1.4)


def verdict(quality_score, l_score, source="self"):
    scores = weighed(quality_score=quality_score, l_score=l_score)
    if source != "self":
        scores = weighed(quality_score=1.0, l_score=l_score, checks=[Check(name=source, score=quality_score)])
    return Verdict(scores=scores, quality_threshold=0.7, l_score_threshold=0.3)


def test_both_thresholds_are_inclusive():
    assert verdict(0.7, 0.3).passed
    assert not verdict(0.699, 0.3).passed
    assert not verdict(0.7, 0.299).passed


def test_a_gate_says_what_it_measured():
    assert gates(verdict(0.65, 0.4)) == (
        GateResult(gate="quality", score=0.65, threshold=0.7, passed=False),
        GateResult(gate="l_score", score=0.4, threshold=0.3, passed=True),
    )


def test_feedback_names_the_gates_that_failed_and_the_checks_behind_them():
    assert feedback(verdict(0.9, 0.9), ()) is None
    assert feedback(verdict(0.5, 0.9), ()) == "quality 0.5 is below 0.7"
    assert feedback(verdict(0.5, 0.1), ()) == "quality 0.5 is below 0.7; l_score 0.1 is below 0.3"
    checks = [Check(name="tests", score=0.5, detail="3 of 6 failed"), Check(name="schema", score=1.0)]
    assert feedback(verdict(0.5, 0.9, "tests"), checks) == (
        "quality 0.5 is below 0.7; the quality was decided by check:tests; check:tests scored 0.5: 3 of 6 failed"
    )


@given(st.floats(0, 1), st.lists(st.floats(0, 1), max_size=5))
def test_no_check_can_raise_a_mark(mark, marks):
    checks = [Check(name=f"check {number}", score=score) for number, score in enumerate(marks)]
    assert weighed(quality_score=mark, checks=checks).quality_score == min([mark, *marks])


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": "", "score": 1.0}, "name must not be empty"),
        ({"name": "tests", "score": True}, "score must be a number, not a boolean"),
        ({"name": "tests", "score": 1.5}, "score is 1.5"),
        ({"name": "tests", "score": 1.0, "detail": 3}, "detail must be text"),
    ],
)
def test_a_check_keeps_its_bounds(fields, problem):
    with pytest.raises(InvalidValue, match=problem):
        Check(**fields)
