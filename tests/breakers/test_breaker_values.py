"""The bounds of arguments: a value out of bounds is refused, and nothing is written."""

import math

import pytest
from opened_breakers import numbered_breakers

from agent_runtime_breakers import FailureType, Result
from agent_runtime_breakers.errors import InvalidValue

AGENT = "coder"
SECONDS = ["window_seconds", "cooldown_seconds", "probe_lease_seconds", "slow_call_seconds", "max_cooldown_seconds"]
COUNTS = ["failure_threshold", "success_threshold", "half_open_max_calls", "minimum_calls"]
FRACTIONS = ["failure_rate_threshold", "cooldown_multiplier"]


@pytest.fixture
def breakers(connection, clock):
    breakers = numbered_breakers(connection, clock)
    breakers.record_failure(AGENT, "timeout", "no answer")
    return breakers


@pytest.fixture(autouse=True)
def _nothing_is_written(breakers, connection):
    before = connection.total_changes()
    yield
    assert connection.total_changes() == before


@pytest.mark.parametrize("setting", SECONDS + COUNTS + FRACTIONS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400, True, False, -1, "5", [5], 1e12])
def test_a_number_out_of_bounds_is_no_setting(breakers, setting, value):
    with pytest.raises(InvalidValue, match=f"^{setting} ") as refusal:
        breakers.configure(AGENT, fallback_agent="other", **{setting: value})
    assert refusal.value.argument == setting


@pytest.mark.parametrize(
    ("setting", "value", "problem"),
    [
        ("window_seconds", 0, "window_seconds is 0; it must be at least 0.001"),
        ("probe_lease_seconds", 0, "probe_lease_seconds is 0; it must be at least 0.001"),
        ("failure_threshold", 0, "failure_threshold is 0; it must be at least 1"),
        ("failure_threshold", 2.5, "failure_threshold must be a whole number"),
        ("half_open_max_calls", 1001, "half_open_max_calls is 1001; it must be at least 1 and at most 1000"),
        ("failure_rate_threshold", 0, "failure_rate_threshold is 0; it must be more than 0 and at most 1"),
        ("failure_rate_threshold", 1.1, "failure_rate_threshold is 1.1"),
        ("cooldown_multiplier", 0.9, "cooldown_multiplier is 0.9; it must be at least 1"),
        ("mode", "half_open", "mode is 'half_open'; it must be one of normal, forced_open, disabled, metrics_only"),
        ("fallback_agent", "", "fallback_agent must not be empty"),
        ("fallback_agent", AGENT, "fallback_agent is coder itself"),
        ("failure_threshold", None, "failure_threshold can't be cleared"),
        ("mode", None, "mode can't be cleared"),
    ],
)
def test_a_setting_out_of_bounds_says_what_it_must_be(breakers, setting, value, problem):
    with pytest.raises(InvalidValue, match=problem):
        breakers.configure(AGENT, **{setting: value})


@pytest.mark.parametrize("agent_id", ["", "a" * 201, "a\nb", "a\x00", "a\x1b[31m", "a\u202eb", "\ud800", 7, None, True])
def test_an_agent_has_a_name(breakers, agent_id):
    calls = [
        lambda: breakers.acquire(agent_id),
        lambda: breakers.advice(agent_id),
        lambda: breakers.release(agent_id, "permit-1"),
        lambda: breakers.record_failure(agent_id, "timeout", ""),
        lambda: breakers.record_success(agent_id),
        lambda: breakers.trip(agent_id),
        lambda: breakers.reset(agent_id),
        lambda: breakers.configure(agent_id, failure_threshold=9),
        lambda: breakers.status(agent_id),
        lambda: breakers.history(agent_id),
        lambda: breakers.guard(agent_id),
    ]
    for call in calls:
        with pytest.raises(InvalidValue, match=r"^agent_id "):
            call()


@pytest.mark.parametrize("failure_type", ["", "success", "release", "slow_call", "Timeout", None, 1])
def test_an_unknown_type_of_failure_is_refused(breakers, failure_type):
    with pytest.raises(InvalidValue, match=r"failure_type is .*; it must be one of timeout, exception"):
        breakers.record_failure(AGENT, failure_type, "")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"error_message": 7}, "error_message must be text"),
        ({"error_message": "x" * 4097}, "error_message has 4097 bytes"),
        ({"error_message": "a\x00b"}, "error_message contains a NUL"),
        ({"permit_id": ""}, "permit_id must not be empty"),
        ({"permit_id": "a\nb"}, "permit_id contains control characters"),
        ({"permit_id": 7}, "permit_id must be text"),
        ({"retry_after_seconds": 5}, "retry_after_seconds does not go with timeout"),
        ({"retry_after_seconds": -1}, "retry_after_seconds is -1; it must be at least 0"),
        ({"retry_after_seconds": math.nan}, "retry_after_seconds is nan; it must be finite"),
        ({"retry_after_seconds": True}, "retry_after_seconds must be a number, not a boolean"),
        ({"failure_type": "rate_limited", "retry_after_seconds": 31_536_001}, "at most 3.1536e"),
    ],
)
def test_a_report_out_of_bounds_is_refused(breakers, arguments, problem):
    report = {"failure_type": "timeout", "error_message": "", **arguments}
    with pytest.raises(InvalidValue, match=problem):
        breakers.record_failure(AGENT, report.pop("failure_type"), report.pop("error_message"), **report)


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda breakers: breakers.trip(AGENT, ""), "reason must not be empty"),
        (lambda breakers: breakers.trip(AGENT, "x" * 4097), "reason has 4097 bytes"),
        (lambda breakers: breakers.trip(AGENT, hold=1), "hold must be true or false"),
        (lambda breakers: breakers.acquire(AGENT, worker=""), "worker must not be empty"),
        (lambda breakers: breakers.acquire(AGENT, holder="a\nb"), "holder contains control characters"),
        (lambda breakers: breakers.settle(AGENT, None, "failure"), "result is 'failure'; it must be one of success"),
        (lambda breakers: breakers.settle(AGENT, None, "success", retry_after_seconds=1), "does not go with success"),
        (lambda breakers: breakers.release(AGENT, None), "permit_id must be text, not null"),
        (lambda breakers: breakers.list("shut"), "state is 'shut'; it must be one of closed, open, half_open"),
        (lambda breakers: breakers.list(limit=0), "limit is 0"),
        (lambda breakers: breakers.list(limit=201), "limit is 201"),
        (lambda breakers: breakers.list(after=3), "after must be text"),
        (lambda breakers: breakers.history(AGENT, after=-1), "after is -1"),
    ],
)
def test_an_argument_out_of_bounds_is_refused(breakers, call, problem):
    with pytest.raises(InvalidValue, match=problem):
        call(breakers)


def test_what_comes_of_a_permit_is_a_type_of_failure_or_none():
    assert set(Result) == {"success", "release", *FailureType}


def test_a_setting_that_does_not_exist_is_refused_with_those_that_do(breakers):
    with pytest.raises(
        TypeError, match="a breaker has no setting cooldown; it has mode, failure_threshold, window_seconds"
    ):
        breakers.configure("newcomer", cooldown=5)
    assert not breakers.status("newcomer").known
