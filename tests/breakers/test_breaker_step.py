"""The machine itself: what holds for every standing that any events lead to, without a database."""

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_runtime_breakers import BreakerState, Cause, FailureType, Position, Settings, Transition, replay
from agent_runtime_breakers._rules.events import (
    Acquire,
    Configure,
    Fail,
    Granted,
    Moved,
    Refused,
    Release,
    Reset,
    Succeed,
    Trip,
    WindowCleared,
)
from agent_runtime_breakers._rules.machine import refusal, step
from agent_runtime_breakers._rules.position import moved
from agent_runtime_breakers._rules.standing import Standing, Window

START = 1_800_000_000_000
SETTINGS = st.builds(
    Settings,
    failure_threshold=st.integers(1, 4),
    cooldown_seconds=st.sampled_from([0.0, 10.0]),
    success_threshold=st.integers(1, 3),
    half_open_max_calls=st.integers(1, 3),
    probe_lease_seconds=st.sampled_from([5.0, 50.0]),
    cooldown_multiplier=st.sampled_from([1.0, 2.0]),
)
ACTS = st.sampled_from(["acquire"] * 4 + ["succeed", "succeed", "fail", "fail", "fail", "release", "trip", "reset"])
LIFE = st.lists(st.tuples(ACTS, st.integers(0, 3), st.sampled_from([0, 1, 5_000, 10_000])), max_size=40)


def live(config, life):
    """Go through a life and yield each step: the standing before, the event, the time, and what came of it."""
    standing, now = Standing(settings=config), START
    permits = [None]
    for number, (act, which, pause) in enumerate(life):
        now += pause
        permit = permits[-1 - which % len(permits)]
        event = {
            "acquire": Acquire(permit_id=f"permit-{number}"),
            "succeed": Succeed(permit),
            "fail": Fail(permit, FailureType.EXCEPTION),
            "release": Succeed(None) if permit is None else Release(permit),
            "trip": Trip("by hand", hold=False),
            "reset": Reset(),
        }[act]
        after, effects = step(standing, event, now)
        permits += [effect.permit for effect in effects if isinstance(effect, Granted)]
        yield standing, event, now, after, effects
        standing = after


@settings(max_examples=60)
@given(SETTINGS, LIFE)
def test_the_moves_of_a_step_add_up_to_where_it_ends(config, life):
    for before, _event, now, after, effects in live(config, life):
        position = before.position
        for effect in effects:
            if isinstance(effect, Moved):
                assert effect.before is position.state
                position = moved(position, effect.cause, now)
                assert (effect.after, effect.generation) == (position.state, position.generation)
        assert position == after.position


@settings(max_examples=60)
@given(SETTINGS, LIFE)
def test_no_more_probes_are_in_flight_than_are_allowed_and_only_while_half_open(config, life):
    for _before, _event, _now, after, _effects in live(config, life):
        assert len(after.probes) <= config.half_open_max_calls
        assert after.position.state is BreakerState.HALF_OPEN or not after.probes
        assert {probe.generation for probe in after.probes} <= {after.position.generation}
        assert after.position.consecutive_trips <= after.position.trip_count


@settings(max_examples=60)
@given(SETTINGS, LIFE)
def test_who_asks_is_told_what_was_foretold(config, life):
    for before, event, now, _after, effects in live(config, life):
        if isinstance(event, Acquire):
            refused = refusal(before, now)
            assert [effect for effect in effects if isinstance(effect, Refused)] == ([refused] if refused else [])
            assert any(isinstance(effect, Granted) for effect in effects) is (refused is None)


@settings(max_examples=60)
@given(SETTINGS, LIFE)
def test_what_belongs_to_another_generation_moves_nothing(config, life):
    for before, event, _now, after, effects in live(config, life):
        permit = getattr(event, "permit", None)
        if permit is not None and permit.generation != before.position.generation:
            assert (after.position, after.window, after.probes) == (before.position, before.window, before.probes)
            assert not any(isinstance(effect, Moved | WindowCleared) for effect in effects)


@settings(max_examples=60)
@given(SETTINGS, LIFE)
def test_a_step_leaves_what_it_starts_from_as_it_was(config, life):
    for before, event, now, after, effects in live(config, life):
        assert step(before, event, now) == (after, effects)


def test_settings_alone_move_nothing():
    standing = Standing(position=Position(state=BreakerState.OPEN, generation=1, opened_at=START, trip_count=1))
    config = Settings(cooldown_seconds=0)

    assert step(standing, Configure(config), START) == (attrs.evolve(standing, settings=config), ())


def test_the_worked_example_of_the_machine_holds():
    config = Settings(failure_threshold=2, cooldown_seconds=10, success_threshold=1, cooldown_multiplier=2)
    standing, probe, seen = Standing(settings=config), None, []

    def at(second, event):
        nonlocal standing, probe
        standing, effects = step(standing, event, START + second * 1000)
        for effect in effects:
            if isinstance(effect, Granted):
                probe = effect.permit
        position = standing.position
        refused = [(effect.reason.value, effect.retry_after) for effect in effects if isinstance(effect, Refused)]
        seen.append((second, position.state.value, position.generation, position.consecutive_trips, refused))

    at(0, Fail(None, FailureType.EXCEPTION))
    at(0, Fail(None, FailureType.EXCEPTION))
    at(4, Acquire(permit_id="early"))
    at(10, Acquire(permit_id="first"))
    at(11, Acquire(permit_id="second"))
    at(12, Fail(probe, FailureType.EXCEPTION))
    at(31, Acquire(permit_id="third"))
    at(32, Acquire(permit_id="fourth"))
    at(33, Succeed(probe))

    assert seen == [
        (0, "closed", 0, 0, []),
        (0, "open", 1, 1, []),
        (4, "open", 1, 1, [("open", 6_000)]),
        (10, "half_open", 2, 1, []),
        (11, "half_open", 2, 1, [("probe_in_flight", 899_000)]),
        (12, "open", 3, 2, []),
        (31, "open", 3, 2, [("open", 1_000)]),
        (32, "half_open", 4, 2, []),
        (33, "closed", 5, 0, []),
    ]
    assert standing.window == Window()


def test_a_history_with_a_gap_is_no_history():
    opened = Transition(
        number=1,
        at=START,
        cause=Cause.TRIPPED,
        reason="by hand",
        before=BreakerState.CLOSED,
        after=BreakerState.OPEN,
        generation=1,
    )
    assert replay([opened]) == Position(state=BreakerState.OPEN, generation=1, opened_at=START, trip_count=1)
    assert replay([]) == Position()

    with pytest.raises(ValueError, match="transition 3 does not follow"):
        replay([opened, attrs.evolve(opened, number=3, generation=3)])
