"""The values that go in and out of this library: breakers, admissions, pages and what a change did."""

from enum import StrEnum
from typing import Annotated

import attrs

from agent_runtime_kernel.bounds import KIB, Choice, Integer, Text

from ._rules.position import BreakerState, Transition
from ._rules.settings import SECONDS, Settings
from ._rules.standing import FailureType, PermitKind, RefusalReason
from .errors import InvalidValue

PERMIT_ID = Text(min_length=1, max_length=200, exact=True)
WORKER = Text(min_length=1, max_length=200, exact=True)
HOLDER = Text(min_length=1, max_length=1_000, exact=True)
MESSAGE = Text(max_bytes=4 * KIB)
REASON = Text(min_length=1, max_bytes=4 * KIB)
FAILURE_TYPE = Choice(words=tuple(FailureType))
STATE = Choice(words=tuple(BreakerState))
LIMIT = Integer(ge=1, le=200)
AFTER_AGENT = Text(max_length=200, exact=True)
AFTER_NUMBER = Integer(ge=0)


class Result(StrEnum):
    """What came of a permit: success, release (neither success nor failure), or a type of failure."""

    SUCCESS = "success"
    RELEASE = "release"
    TIMEOUT = FailureType.TIMEOUT.value
    EXCEPTION = FailureType.EXCEPTION.value
    QUALITY_FAILURE = FailureType.QUALITY_FAILURE.value
    RESOURCE_EXHAUSTED = FailureType.RESOURCE_EXHAUSTED.value
    RATE_LIMITED = FailureType.RATE_LIMITED.value
    INVALID_OUTPUT = FailureType.INVALID_OUTPUT.value


RESULT = Choice(words=tuple(Result))

PermitId = Annotated[str, PERMIT_ID]
Worker = Annotated[str, WORKER]
Holder = Annotated[str, HOLDER]
Message = Annotated[str, MESSAGE]
Reason = Annotated[str, REASON]
FailureTypeName = Annotated[str, FAILURE_TYPE]
ResultName = Annotated[str, RESULT]
State = Annotated[str, STATE]
Limit = Annotated[int, LIMIT]
AfterAgent = Annotated[str, AFTER_AGENT]
AfterNumber = Annotated[int, AFTER_NUMBER]
RetryAfter = Annotated[float, SECONDS]


@attrs.frozen(kw_only=True)
class RecentFailure:
    """A failure of an agent.

    Attributes:
        at: when it was reported, in milliseconds since 1970.
        failure_type: its type; slow_call for a success that took too long.
        error_message: what went wrong.
    """

    at: int
    failure_type: str
    error_message: str


@attrs.frozen(kw_only=True)
class BreakerBrief(Settings):
    """A breaker as it stands, with its settings; times are in milliseconds since 1970.

    Attributes:
        agent_id: the agent it guards.
        state: closed, open or half_open; one that is open shows as half_open once its cooldown is over.
        known: whether anything was ever written about the agent; one that is not known is closed.
        can_execute: whether somebody who asks for a permit now is granted one.
        retry_after_seconds: when to ask again: 0 where one can execute, None where somebody has to reset it.
        failure_count: failures in the window.
        total_failures: failures ever reported.
        total_successes: successes ever reported.
        trip_count: how often it opened.
        opened_at: when it last opened, None while it is closed.
        last_failure_at: when a failure was last reported, or None.
        last_success_at: when a success was last reported, or None.
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
    """A breaker as it stands, with its last failures.

    Attributes:
        recent_failures: the last ten, newest first.
    """

    recent_failures: tuple[RecentFailure, ...]


@attrs.frozen(kw_only=True)
class BreakerChange:
    """What a write did.

    Attributes:
        breaker: the breaker afterwards.
        changed: whether anything was written.
        tripped: whether it opened the breaker; told again where a permit is settled again in the same way.
        recovered: whether it closed a breaker that was not closed; told again likewise.
    """

    breaker: Breaker
    changed: bool
    tripped: bool = False
    recovered: bool = False


@attrs.frozen(kw_only=True)
class Admission:
    """Whether an agent may be given work.

    Attributes:
        agent_id: the agent.
        admitted: whether it may.
        permit_id: what to settle; None where refused, and where the breaker is disabled and nothing is recorded.
        kind: normal or probe; None where refused.
        expires_at: when the slot of a probe is given away, and until when the outcome of any other can be settled, in
            milliseconds since 1970; None where there is no permit.
        reason: open, probe_in_flight, throttled or forced_open; None where admitted.
        retry_after_seconds: when to ask again; None where admitted, or where somebody has to reset the breaker.
        fallback_agent: who would admit the work instead; None where admitted, or where nobody would.
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
        breakers: those on the page.
        total: how many match in all.
        more: whether more follow the last one.
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
    """Some transitions of a breaker, oldest first, how many there are in all, and whether more follow the last one."""

    transitions: tuple[Transition, ...]
    total: int
    more: bool


def retry_after(result: str, seconds: object) -> int | None:
    """Return in milliseconds when an agent that limits its rate may be asked again, None where nothing was said.

    Raises:
        InvalidValue: the time is out of its bounds, or goes with something else than rate_limited.
    """
    if seconds is None:
        return None
    milliseconds = round(SECONDS("retry_after_seconds", seconds) * 1000)
    if result != FailureType.RATE_LIMITED:
        raise InvalidValue("retry_after_seconds", f"does not go with {result}", "omit it, or report rate_limited")
    return milliseconds
