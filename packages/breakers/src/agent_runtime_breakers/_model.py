"""The values that this library takes and returns: breakers, admissions, changes and pages."""

from enum import StrEnum

import attrs

from ._rules.events import FailureType, RefusalReason
from ._rules.position import BreakerState, Transition
from ._rules.settings import Settings
from ._rules.standing import PermitKind


class Result(StrEnum):
    """The result of a permit: success, release (neither success nor failure), or a type of failure."""

    SUCCESS = "success"
    RELEASE = "release"
    TIMEOUT = FailureType.TIMEOUT.value
    EXCEPTION = FailureType.EXCEPTION.value
    QUALITY_FAILURE = FailureType.QUALITY_FAILURE.value
    RESOURCE_EXHAUSTED = FailureType.RESOURCE_EXHAUSTED.value
    RATE_LIMITED = FailureType.RATE_LIMITED.value
    INVALID_OUTPUT = FailureType.INVALID_OUTPUT.value


@attrs.frozen(kw_only=True)
class RecentFailure:
    """A failure of an agent.

    Attributes:
        at: the time at which it was reported, in milliseconds since 1970.
        failure_type: its type; slow_call for a success that took too long.
        error_message: the error message.
    """

    at: int
    failure_type: str
    error_message: str


@attrs.frozen(kw_only=True)
class BreakerBrief(Settings):
    """A breaker and its settings; times are in milliseconds since 1970.

    Attributes:
        agent_id: the agent that it guards.
        state: closed, open or half_open; an open breaker shows as half_open once its cooldown is over.
        known: True if anything was ever written about the agent; an unknown breaker is closed.
        can_execute: True if a caller that asks for a permit now is granted one.
        retry_after_seconds: the time after which to ask again: 0 if it can execute, None if a person must reset it.
        failure_count: the number of failures in the window.
        total_failures: the number of failures ever reported.
        total_successes: the number of successes ever reported.
        trip_count: the number of times that it opened.
        opened_at: the time at which it last opened; None while it is closed.
        last_failure_at: the time of the last failure, or None.
        last_success_at: the time of the last success, or None.
    """

    agent_id: str
    state: BreakerState
    known: bool
    can_execute: bool
    retry_after_seconds: float | None
    failure_count: int
    total_failures: int
    total_successes: int
    trip_count: int
    opened_at: int | None
    last_failure_at: int | None
    last_success_at: int | None


@attrs.frozen(kw_only=True)
class Breaker(BreakerBrief):
    """A breaker, its settings and its last failures.

    Attributes:
        recent_failures: the last failures, at most ten, newest first.
    """

    recent_failures: tuple[RecentFailure, ...]


@attrs.frozen(kw_only=True)
class BreakerChange:
    """The effect of a write.

    Attributes:
        breaker: the breaker afterwards.
        changed: True if anything was written.
        tripped: True if it opened the breaker; the same answer if a permit is settled again in the same way.
        recovered: True if it closed a breaker that was not closed; the same answer if a permit is settled again.
    """

    breaker: Breaker
    changed: bool
    tripped: bool = False
    recovered: bool = False


@attrs.frozen(kw_only=True)
class Admission:
    """The answer to the question whether an agent may be given work.

    Attributes:
        agent_id: the agent.
        admitted: True if it may be given work.
        permit_id: the permit to settle; None if refused, and if the breaker is disabled and records nothing.
        kind: normal or probe; None if refused.
        expires_at: the end of the lease, in milliseconds since 1970: then a probe loses its slot, and any other permit
            can no longer be settled; None without a permit.
        reason: open, probe_in_flight, throttled or forced_open; None if admitted.
        retry_after_seconds: the time after which to ask again; None if admitted, or if a person must reset the breaker.
        fallback_agent: an agent that would admit the work instead; None if admitted, or if no agent would.
    """

    agent_id: str
    admitted: bool
    permit_id: str | None = None
    kind: PermitKind | None = None
    expires_at: int | None = None
    reason: RefusalReason | None = None
    retry_after_seconds: float | None = None
    fallback_agent: str | None = None


@attrs.frozen(kw_only=True)
class BreakerPage:
    """Some breakers in the order of their agents.

    Attributes:
        breakers: the breakers on the page.
        total: the number that match in all.
        more: True if more follow the last one.
        open: all agents whose breaker is open, on this page or not.
        half_open: all agents whose breaker is half open.
    """

    breakers: tuple[BreakerBrief, ...]
    total: int
    more: bool
    open: tuple[str, ...]
    half_open: tuple[str, ...]


@attrs.frozen(kw_only=True)
class HistoryPage:
    """Some transitions of a breaker.

    Attributes:
        transitions: the transitions on the page, oldest first.
        total: the number of transitions in all.
        more: True if more follow the last one.
    """

    transitions: tuple[Transition, ...]
    total: int
    more: bool
