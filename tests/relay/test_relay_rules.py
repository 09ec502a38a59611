"""The pure rules beside the gate: budget, retries, routing, roles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_runtime_relay import PRESETS, ROLES, Admission, Refusal, RouteReason
from agent_runtime_relay._rules.retries import Tries, attempts_left, next_try
from agent_runtime_relay._rules.roles import role
from agent_runtime_relay._rules.routing import Blocked, Route, route
from agent_runtime_relay._rules.situation import allows_a_baton, default_budget, output_limit, remaining


def test_the_default_budget_is_the_roles_limits_but_at_least_100_000():
    assert default_budget([6000, 4000]) == 100_000
    assert default_budget([6000] * 48) == 288_000


def test_an_overrun_leaves_nothing_and_no_baton():
    assert (remaining(100, 99), remaining(100, 100), remaining(100, 140)) == (1, 0, 0)
    assert (allows_a_baton(100, 99), allows_a_baton(100, 100), allows_a_baton(100, 140)) == (True, False, False)


def test_a_baton_may_cost_what_its_role_may_write_or_what_is_left():
    assert output_limit(4000, 10_000, 1000) == 4000
    assert output_limit(4000, 10_000, 9000) == 1000


def test_known_roles_have_their_own_limits_and_any_other_name_is_a_custom_one():
    assert {name: (known.max_output_tokens, known.quality_threshold) for name, known in ROLES.items()} == {
        "researcher": (6000, 0.6),
        "analyzer": (5000, 0.7),
        "synthesizer": (4000, 0.7),
        "validator": (3000, 0.8),
        "formatter": (4000, 0.6),
        "domain_expert": (5000, 0.7),
        "cross_validator": (4000, 0.8),
    }
    custom = role("poet")
    assert (custom.name, custom.max_output_tokens, custom.quality_threshold) == ("poet", 4000, 0.6)


def test_presets_grow_from_each_other():
    assert PRESETS["quick"] == ("researcher", "synthesizer", "formatter")
    assert set(PRESETS["standard"]) - set(PRESETS["quick"]) == {"analyzer", "validator"}
    assert set(PRESETS["deep"]) - set(PRESETS["standard"]) == {"domain_expert", "cross_validator"}


def test_a_fallback_is_one_more_attempt():
    assert attempts_left(Tries(), 3, has_fallback=False) == 4
    assert attempts_left(Tries(), 3, has_fallback=True) == 5
    assert attempts_left(Tries(all=4), 3, has_fallback=True) == 1
    assert attempts_left(Tries(all=5, last_resorts=1), 3, has_fallback=True) == 0


@given(st.integers(0, 8), st.booleans(), st.lists(st.booleans(), max_size=20))
def test_every_attempt_issued_takes_one_of_those_left_until_none_is(max_retries, has_fallback, rounds):
    tries, fallbacks = Tries(), {"agent": "other"} if has_fallback else {}
    for _ in rounds:
        before = attempts_left(tries, max_retries, has_fallback)
        planned = next_try(tries, "agent", max_retries, fallbacks)
        tries = Tries(all=tries.all + 1, last_resorts=tries.last_resorts + planned.last_resort)
        assert planned.attempt == tries.all
        assert planned.agent == ("other" if planned.last_resort else "agent")
        assert attempts_left(tries, max_retries, has_fallback) == max(0, before - 1)
        assert tries.last_resorts <= 1


def asking(**answers):
    asked = []

    def ask(agent):
        asked.append(agent)
        return answers[agent]

    return ask, asked


def test_the_first_agent_that_admits_is_taken_and_no_other_is_asked():
    ask, asked = asking(own=Admission(permit_id="p1"))
    assert route("own", RouteReason.OWN_STEP, "spare", ask) == Route(
        agent="own", reason=RouteReason.OWN_STEP, permit_id="p1"
    )
    assert asked == ["own"]


def test_the_pipelines_fallback_comes_before_those_that_the_guard_names():
    ask, asked = asking(own=Refusal(fallback_agent="third"), spare=Admission(), third=Admission())
    assert route("own", RouteReason.OWN_STEP, "spare", ask).reason is RouteReason.PIPELINE_FALLBACK
    assert asked == ["own", "spare"]

    ask, asked = asking(own=Refusal(fallback_agent="third"), spare=Refusal(), third=Admission(permit_id="p"))
    assert route("own", RouteReason.OWN_STEP, "spare", ask) == Route(
        agent="third", reason=RouteReason.GUARD_FALLBACK, permit_id="p"
    )
    assert asked == ["own", "spare", "third"]


def test_where_none_admits_the_soonest_retry_is_told_and_nobody_is_asked_twice():
    ask, asked = asking(
        own=Refusal(retry_after_seconds=30, fallback_agent="spare"),
        spare=Refusal(retry_after_seconds=5, fallback_agent="own"),
    )
    assert route("own", RouteReason.OWN_STEP, "spare", ask) == Blocked(retry_after_seconds=5)
    assert asked == ["own", "spare"]


def test_a_refusal_without_end_has_no_time_to_retry():
    ask, _ = asking(own=Refusal())
    assert route("own", RouteReason.OWN_STEP, None, ask) == Blocked(retry_after_seconds=None)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_name_known_roles(preset):
    assert set(PRESETS[preset]) <= set(ROLES)
