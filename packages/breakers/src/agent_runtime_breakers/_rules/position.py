"""Where a breaker stands, and how each transition moves it: the one place, for the machine and for a replay alike."""

from collections.abc import Iterable
from enum import StrEnum

import attrs


class BreakerState(StrEnum):
    """Whether an agent is given work: all of it, none, or a few probes."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Cause(StrEnum):
    """Why a breaker moved."""

    FAILURES = "failures"
    FAILURE_RATE = "failure_rate"
    TRIPPED = "tripped"
    COOLDOWN_OVER = "cooldown_over"
    PROBE_FAILED = "probe_failed"
    PROBE_LOST = "probe_lost"
    PROBES_LOST = "probes_lost"
    RECOVERED = "recovered"
    RESET = "reset"
    CLOCK_SET_BACK = "clock_set_back"


_OPENS_BY_ITSELF = frozenset({Cause.FAILURES, Cause.FAILURE_RATE, Cause.PROBE_FAILED, Cause.PROBES_LOST})
_CLOSES = frozenset({Cause.RECOVERED, Cause.RESET})


@attrs.frozen(kw_only=True)
class Position:
    """Where a breaker stands: what its history adds up to.

    Attributes:
        state: closed, open or half_open.
        generation: how often it changed its state or was told to; a permit belongs to one generation.
        opened_at: when it last opened, in milliseconds since 1970; None while it is closed.
        trip_count: how often it opened.
        consecutive_trips: how often it opened by itself since it was last closed.
    """

    state: BreakerState = BreakerState.CLOSED
    generation: int = 0
    opened_at: int | None = None
    trip_count: int = 0
    consecutive_trips: int = 0


BEGINNING = Position()


def moved(position: Position, cause: Cause, at: int) -> Position:
    """Return where a breaker stands after a transition.

    Args:
        position: where it stood.
        cause: why it moves.
        at: when, in milliseconds since 1970.
    """
    if cause is Cause.PROBE_LOST:
        return position
    if cause is Cause.CLOCK_SET_BACK:
        return attrs.evolve(position, opened_at=at)
    generation = position.generation + 1
    if cause is Cause.COOLDOWN_OVER:
        return attrs.evolve(position, state=BreakerState.HALF_OPEN, generation=generation)
    if cause in _CLOSES:
        return Position(generation=generation, trip_count=position.trip_count)
    return Position(
        state=BreakerState.OPEN,
        generation=generation,
        opened_at=at,
        trip_count=position.trip_count + 1,
        consecutive_trips=position.consecutive_trips + (cause in _OPENS_BY_ITSELF),
    )


@attrs.frozen(kw_only=True)
class Transition:
    """An entry in the history of a breaker.

    Attributes:
        number: 1 for the first of its breaker, without gaps.
        at: when, in milliseconds since 1970.
        cause: why, in a word.
        reason: why, at length.
        before: the state before.
        after: the state after; the same where only a probe was lost or the clock was set back.
        generation: the generation that begins with it.
    """

    number: int
    at: int
    cause: Cause
    reason: str
    before: BreakerState
    after: BreakerState
    generation: int


def replay(transitions: Iterable[Transition], start: Position = BEGINNING) -> Position:
    """Return where a breaker stands after its history.

    Args:
        transitions: the whole history, or what follows `start`, oldest first.
        start: where it stood before.

    Raises:
        ValueError: an entry does not follow from the ones before it.
    """
    position = start
    for transition in transitions:
        before = position.state
        position = moved(position, transition.cause, transition.at)
        expected = (before, position.state, position.generation)
        if (transition.before, transition.after, transition.generation) != expected:
            raise ValueError(f"transition {transition.number} does not follow from the ones before it: {transition}")
    return position
