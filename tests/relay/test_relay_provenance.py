"""The L-score, by the vectors of its formula and by what must hold for any values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_runtime_relay import l_score
from agent_runtime_relay._rules.provenance import depth_penalty, geometric_mean

scores = st.floats(0, 1)


@pytest.mark.parametrize(
    ("confidence", "relevance", "depth", "expected"),
    [
        ([0.9], [0.9], 1, 0.736364),
        ([0.9, 0.85, 0.8], [0.95, 0.9, 0.85], 2, 0.636764),
        ([1], [1], 23, 0.303030),
        ([1], [1], 24, 0.294118),
        ([0.8], [], 0, 0.4),
        ([], [], 0, 0.25),
        ([], [1.0], 0, 0.5),
    ],
)
def test_the_published_formula(confidence, relevance, depth, expected):
    assert l_score(confidence, relevance, depth) == pytest.approx(expected, abs=5e-7)


def test_a_zero_weighs_as_1e_10_in_the_geometric_mean():
    assert geometric_mean([0.0]) == 1e-10
    assert geometric_mean([0.0, 1.0]) == pytest.approx(1e-5)
    assert l_score([0.0, 1.0], [1.0], 0) == pytest.approx(1e-5)


@given(st.lists(scores, min_size=1, max_size=256))
def test_many_small_values_do_not_vanish(confidence):
    assert min(confidence) * (1 - 1e-9) <= geometric_mean(confidence) <= max(max(confidence), 1e-10) * (1 + 1e-9)


@given(st.lists(scores, max_size=20), st.lists(scores, max_size=20), st.integers(0, 256), st.floats(0, 0.1))
def test_it_stays_between_0_and_1_and_never_grows_with_depth(confidence, relevance, depth, penalty):
    here = l_score(confidence, relevance, depth, penalty)
    assert 0 <= here <= 1
    assert l_score(confidence, relevance, depth + 1, penalty) <= here


@pytest.mark.parametrize(("steps", "penalty"), [(1, 0.1), (10, 0.1), (11, 1 / 11), (48, 1 / 48), (256, 1 / 256)])
def test_the_penalty_of_a_long_relay_shrinks(steps, penalty):
    assert depth_penalty(steps) == penalty


@given(st.integers(10, 256))
def test_the_last_step_of_a_long_relay_is_divided_by_two(steps):
    assert l_score([1.0], [1.0], steps, depth_penalty(steps)) == pytest.approx(0.5)


def test_an_inclusive_threshold_is_not_missed_by_a_rounding_error():
    hundredths = [number / 100 for number in range(1, 101)]
    assert any(geometric_mean([score] * 3) < score for score in hundredths)
    assert [l_score([score] * 3, [1.0], 0) for score in hundredths] == hundredths
