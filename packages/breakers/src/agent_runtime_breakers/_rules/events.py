"""The events that happen to a breaker, and the effects that a step of the machine asks for."""

from collections.abc import Sequence
from enum import StrEnum

import attrs

from .position import BreakerState, Cause
from .settings import Settings
from .standing import Permit

SLOW_CALL = "slow_call"


class FailureType(StrEnum):
    """The types of failure of an agent's work."""

    TIMEOUT = "timeout"
    EXCEPTION = "exception"
    QUALITY_FAILURE = "quality_failure"
    RESOURCE_EXHAUSTED = "resource_exhausted"
    RATE_LIMITED = "rate_limited"
    INVALID_OUTPUT = "invalid_output"


class RefusalReason(StrEnum):
    """The reasons for which an agent admits no work."""

    OPEN = "open"
    PROBE_IN_FLIGHT = "probe_in_flight"
    THROTTLED = "throttled"
    FORCED_OPEN = "forced_open"


@attrs.frozen(kw_only=True)
class Acquire:
    """A caller asks for a permit."""

    permit_id: str = ""
    worker: str | None = None
    holder: str | None = None


@attrs.frozen
class Succeed:
    """The agent's work succeeded."""

    permit: Permit | None


@attrs.frozen
class Fail:
    """The agent's work failed; `retry_after` is in milliseconds."""

    permit: Permit | None
    failure_type: FailureType
    retry_after: int | None = None


@attrs.frozen
class Release:
    """The agent was not called after all."""

    permit: Permit


@attrs.frozen
class Trip:
    """A person opens the breaker; with `hold` until it is reset."""

    reason: str
    hold: bool


@attrs.frozen
class Reset:
    """A person closes the breaker."""


@attrs.frozen
class Configure:
    """A person changes the settings."""

    settings: Settings


Event = Acquire | Succeed | Fail | Release | Trip | Reset | Configure


@attrs.frozen
class Granted:
    """A permit was granted."""

    permit: Permit


@attrs.frozen
class LetThrough:
    """A disabled breaker let a caller through without a permit; nothing is recorded."""


@attrs.frozen
class Refused:
    """A permit was refused; `retry_after` is in milliseconds, None means not before a reset."""

    reason: RefusalReason
    retry_after: int | None


@attrs.frozen
class Kept:
    """An outcome must be stored.

    Attributes:
        failure: the type of the failure; None for a success.
        counts: True if the outcome counts in the window.
    """

    failure: str | None
    counts: bool


@attrs.frozen
class Moved:
    """The breaker made a transition, which must be stored."""

    cause: Cause
    reason: str
    before: BreakerState
    after: BreakerState
    generation: int


@attrs.frozen
class ProbeLost:
    """A probe is void and its slot is free."""

    permit_id: str


@attrs.frozen
class WindowCleared:
    """Outcomes up to now no longer count."""


@attrs.frozen
class ClockSetBack:
    """The clock was set back: stored timestamps in the future must be clamped to now."""


Answer = Granted | LetThrough | Refused
Effect = Answer | Kept | Moved | ProbeLost | WindowCleared | ClockSetBack


def tripped(effects: Sequence[Effect]) -> bool:
    """Tell whether the effects of a step open the breaker; a cooldown that starts again does not count."""
    return any(
        isinstance(effect, Moved) and effect.after is BreakerState.OPEN and effect.cause is not Cause.CLOCK_SET_BACK
        for effect in effects
    )


def recovered(effects: Sequence[Effect]) -> bool:
    """Tell whether the effects of a step close a breaker that was not closed."""
    return any(
        isinstance(effect, Moved) and effect.after is BreakerState.CLOSED and effect.before is not BreakerState.CLOSED
        for effect in effects
    )
