"""`note` leaves a breaker where `settle` leaves it, and `advice` says what `acquire` would."""

import attrs
import pytest

from agent_runtime_breakers import Breakers
from agent_runtime_breakers.errors import PermitNotFound, PermitSettled

SETTINGS = [
    {},
    {"failure_threshold": 2},
    {"slow_call_seconds": 5.0},
    {"slow_call_seconds": 5.0, "failure_threshold": 1},
    {"failure_rate_threshold": 0.5, "minimum_calls": 2},
    {"mode": "metrics_only"},
    {"mode": "disabled"},
    {"mode": "forced_open"},
    {"success_threshold": 1, "cooldown_seconds": 10.0, "failure_threshold": 1},
]
RESULTS = [
    ("success", {}),
    ("timeout", {"error_message": "no answer"}),
    ("rate_limited", {"retry_after_seconds": 3.0}),
    ("release", {}),
]


@pytest.fixture
def breakers(connection, clock):
    made = Breakers(connection, clock=clock, new_id=iter(map(str, range(1_000_000))).__next__)
    made.migrate()
    return made


def everything(breakers, agent):
    """Return all that is known of an agent, as if it were another one's."""
    status = attrs.evolve(breakers.status(agent), agent_id="it")
    return status, breakers.history(agent)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_a_note_leaves_a_breaker_where_settling_leaves_it(breakers, clock, settings):
    for agent in ("settled", "noted"):
        breakers.configure(agent, **settings)
    for seconds, with_permit in ((0, True), (6, True), (1, False), (11, True), (0, False), (11, True), (61, True)):
        for result, more in RESULTS:
            if result == "release" and not with_permit:
                continue
            permits = {agent: breakers.acquire(agent).permit_id for agent in ("settled", "noted")}
            clock.advance(seconds)
            breakers.settle("settled", permits["settled"] if with_permit else None, result, **more)
            breakers.note("noted", permits["noted"] if with_permit else None, result, **more)
            assert everything(breakers, "noted") == everything(breakers, "settled")


def test_a_note_about_an_agent_that_nothing_is_known_about_makes_it_known(breakers):
    breakers.note("new", None, "success")
    assert (breakers.status("new").known, breakers.status("new").total_successes) == (True, 1)


def test_a_note_refuses_what_settling_refuses(breakers):
    with pytest.raises(PermitNotFound):
        breakers.note("writer", "none", "success")
    permit = breakers.acquire("writer").permit_id
    breakers.note("writer", permit, "success")
    breakers.note("writer", permit, "success")
    with pytest.raises(PermitSettled):
        breakers.note("writer", permit, "timeout")
    assert breakers.status("writer").total_successes == 1


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_advice_is_what_acquire_would_answer(breakers, clock, settings):
    breakers.configure("writer", **settings)
    for result, more in [*RESULTS[:3], *RESULTS[1:3], *RESULTS[:1]] * 2:
        advice = breakers.advice("writer")
        admission = breakers.acquire("writer")
        assert (advice.admitted, advice.reason, advice.retry_after_seconds) == (
            admission.admitted,
            admission.reason,
            admission.retry_after_seconds,
        )
        breakers.settle("writer", admission.permit_id, result, **more)
        clock.advance(2)
