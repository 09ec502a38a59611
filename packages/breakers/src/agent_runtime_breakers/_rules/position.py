"""The position of a breaker and its transitions: the machine and a replay of the history use the same function."""

from collections.abc import Iterable
from enum import StrEnum

import attrs

from .settings import Mode, Settings


class BreakerState(StrEnum):
    """The states of a breaker: all work is admitted, none, or a few probes."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Cause(StrEnum):
    """The causes of a transition."""

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
    """The state of a breaker as it follows from its history.

    Attributes:
        state: closed, open or half_open.
        generation: the number of its transitions that end permits; a permit belongs to one generation.
        opened_at: the time at which it last opened, in milliseconds since 1970; None while it is closed.
        trip_count: the number of times that it opened.
        consecutive_trips: the number of times that it opened by itself since it was last closed.
    """

    state: BreakerState = BreakerState.CLOSED
    generation: int = 0
    opened_at: int | None = None
    trip_count: int = 0
    consecutive_trips: int = 0


BEGINNING = Position()


def moved(position: Position, cause: Cause, at: int) -> Position:
    """Return the position after a transition.

    Args:
        position: the position before.
        cause: the cause of the transition.
        at: the time of the transition, in milliseconds since 1970.
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


def half_opens_at(settings: Settings, position: Position) -> int | None:
    """Return the time at which an open breaker half opens; None if it is not open, or is forced to be open."""
    if settings.mode is Mode.FORCED_OPEN or position.opened_at is None or position.state is BreakerState.HALF_OPEN:
        return None
    cooldown = settings.cooldown(position.consecutive_trips)
    # Without a cooldown it half opens at once, even if the clock was set back to before it opened.
    return position.opened_at + cooldown if cooldown else 0


def shown_state(settings: Settings, position: Position, now: int) -> BreakerState:
    """Return the state to show: open while it is forced to be, half_open once its cooldown is over."""
    if settings.mode is Mode.FORCED_OPEN:
        return BreakerState.OPEN
    half_opens = half_opens_at(settings, position)
    return position.state if half_opens is None or half_opens > now else BreakerState.HALF_OPEN


@attrs.frozen(kw_only=True)
class Transition:
    """An entry in the history of a breaker.

    Attributes:
        number: 1 for the first of its breaker, without gaps.
        at: its time, in milliseconds since 1970.
        cause: its cause, in a word.
        reason: its cause, at length.
        before: the state before.
        after: the state after; the same if only a probe was lost or the clock was set back.
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
    """Return the position of a breaker after its history.

    Args:
        transitions: the whole history, or the part that follows `start`, oldest first.
        start: the position before.

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
