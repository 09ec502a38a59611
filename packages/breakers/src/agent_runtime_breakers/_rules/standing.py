"""What the machine decides from, what may happen to it, and what it wants done: values, no database and no clock."""

from enum import StrEnum

import attrs

from .position import BEGINNING, BreakerState, Cause, Position
from .settings import DEFAULTS, Settings

PERMIT_KEPT = 7 * 24 * 3600 * 1000


class FailureType(StrEnum):
    """What went wrong with an agent's work."""

    TIMEOUT = "timeout"
    EXCEPTION = "exception"
    QUALITY_FAILURE = "quality_failure"
    RESOURCE_EXHAUSTED = "resource_exhausted"
    RATE_LIMITED = "rate_limited"
    INVALID_OUTPUT = "invalid_output"


SLOW_CALL = "slow_call"


class PermitKind(StrEnum):
    """What a permit was given for: work as usual, or finding out whether the agent recovered."""

    NORMAL = "normal"
    PROBE = "probe"


class RefusalReason(StrEnum):
    """Why an agent admits no work."""

    OPEN = "open"
    PROBE_IN_FLIGHT = "probe_in_flight"
    THROTTLED = "throttled"
    FORCED_OPEN = "forced_open"


@attrs.frozen(kw_only=True)
class Permit:
    """A permit as it is stored; times are in milliseconds since 1970.

    Attributes:
        generation: the breaker's generation that it belongs to; in a later one it is void.
        holder: the process that holds it, opaque, or None.
        lost: its slot was given away.
        alive: whether the holder lives, as far as one can tell; asked for probes in flight only.
        outcome: success, release or the type of failure it was settled as, or None.
        tripped: its settlement opened the breaker.
        recovered: its settlement closed the breaker.
    """

    permit_id: str
    generation: int
    kind: PermitKind
    worker: str | None
    holder: str | None
    granted_at: int
    expires_at: int
    lost: bool = False
    alive: bool | None = None
    outcome: str | None = None
    tripped: bool = False
    recovered: bool = False


@attrs.frozen(kw_only=True)
class Totals:
    """All outcomes that were ever reported."""

    failures: int = 0
    successes: int = 0
    last_failure_at: int | None = None
    last_success_at: int | None = None


@attrs.frozen(kw_only=True)
class Window:
    """The outcomes that count at the moment of the step: those younger than the window and not cleared since."""

    failures: int = 0
    successes: int = 0


@attrs.frozen(kw_only=True)
class Throttle:
    """A time in which the agent asked to be left alone."""

    since: int
    until: int


@attrs.frozen(kw_only=True)
class Standing:
    """All that a decision about a breaker depends on.

    Attributes:
        window: the outcomes that count at the moment of the step.
        probes: the probes in flight.
        probe_successes: probes that succeeded since it became half open.
        probes_lost: probes that were lost since one was last settled.
    """

    settings: Settings = DEFAULTS
    position: Position = BEGINNING
    totals: Totals = attrs.field(factory=Totals)
    window: Window = attrs.field(factory=Window)
    throttle: Throttle | None = None
    probes: tuple[Permit, ...] = ()
    probe_successes: int = 0
    probes_lost: int = 0


@attrs.frozen(kw_only=True)
class Acquire:
    """Somebody asks for a permit."""

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
    """The agent was not tried after all."""

    permit: Permit


@attrs.frozen
class Trip:
    """Somebody opens the breaker by hand; with `hold` until it is reset."""

    reason: str
    hold: bool


@attrs.frozen
class Reset:
    """Somebody closes the breaker by hand."""


@attrs.frozen
class Configure:
    """Somebody changes the settings."""

    settings: Settings


Event = Acquire | Succeed | Fail | Release | Trip | Reset | Configure


@attrs.frozen
class Granted:
    """A permit was granted."""

    permit: Permit


@attrs.frozen
class LetThrough:
    """Somebody was let through a disabled breaker, without a permit: nothing is recorded."""


@attrs.frozen
class Refused:
    """No permit was granted; `retry_after` is in milliseconds, None means not before a reset."""

    reason: RefusalReason
    retry_after: int | None


@attrs.frozen
class Kept:
    """An outcome is to be kept; `failure` is its type, None for a success, and `counts` says whether in the window."""

    failure: str | None
    counts: bool


@attrs.frozen
class Moved:
    """The breaker moved."""

    cause: Cause
    reason: str
    before: BreakerState
    after: BreakerState
    generation: int


@attrs.frozen
class ProbeLost:
    """A probe is void, and its slot free."""

    permit_id: str


@attrs.frozen
class WindowCleared:
    """Outcomes up to now count no more."""


@attrs.frozen
class ClockSetBack:
    """What is stamped later than now is to be stamped now."""


Answer = Granted | LetThrough | Refused
Effect = Answer | Kept | Moved | ProbeLost | WindowCleared | ClockSetBack
