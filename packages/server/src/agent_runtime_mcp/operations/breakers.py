"""Operations on circuit breakers: the breakers library."""

from collections.abc import Mapping
from typing import Any

import attrs

from agent_runtime_breakers import KEEP, Breaker, BreakerChange
from agent_runtime_breakers.bounds import (
    DEFAULT_LIST_LIMIT,
    DEFAULT_TRIP_REASON,
    AgentId,
    Count,
    FailureTypeName,
    Limit,
    Message,
    ModeName,
    Multiplier,
    PermitId,
    Probes,
    Rate,
    Reason,
    RetryAfter,
    Seconds,
    SomeSeconds,
    State,
)

from ..replies.pages import Cursor, page
from ..replies.sizes import MOST_IDS, size
from .bounds import CursorText
from .call import Call


@attrs.frozen(kw_only=True)
class BreakerList:
    """A page of breakers, and the agents whose breakers are not closed."""

    breakers: tuple[Mapping[str, Any], ...]
    total: int
    open: tuple[str, ...]
    half_open: tuple[str, ...]
    next_cursor: str | None


@attrs.frozen(kw_only=True)
class Granted:
    """The agent may be given work."""

    agent_id: str
    admitted: bool
    permit_id: str | None
    kind: str | None
    expires_at: int | None


@attrs.frozen(kw_only=True)
class Refused:
    """The agent must not be given work now."""

    agent_id: str
    admitted: bool
    reason: str | None
    retry_after_seconds: float | None
    fallback_agent: str | None


@attrs.frozen(kw_only=True)
class BreakerWrite(Breaker):
    """A breaker after a write, and the effect of the write."""

    changed: bool
    tripped: bool
    recovered: bool


def circuit_breaker_status(call: Call, agent_id: AgentId) -> Breaker:
    """Show an agent's circuit breaker: can_execute, state, failures, settings.

    Args:
        agent_id: (the agent)
    """
    return call.libraries.breakers.status(agent_id)


def circuit_breaker_list(
    call: Call, state: State | None = None, limit: Limit = DEFAULT_LIST_LIMIT, cursor: CursorText | None = None
) -> BreakerList:
    """List circuit breakers by agent.

    Args:
        state: (only those in this state)
        limit: (breakers at most)
        cursor: (next_cursor of the page before)
    """
    here = Cursor({"list": "breakers", "state": state})
    found = call.libraries.breakers.list(state, limit=limit, after=here.after(cursor) or "")
    beside = size([found.open[:MOST_IDS], found.half_open[:MOST_IDS]])
    shown, next_cursor = page(
        found.breakers, more=found.more, cursor=here, key=lambda row: row["agent_id"], beside=beside
    )
    return BreakerList(
        breakers=shown, total=found.total, open=found.open, half_open=found.half_open, next_cursor=next_cursor
    )


def circuit_breaker_acquire(call: Call, agent_id: AgentId) -> Granted | Refused:
    """Ask before giving an agent work. admitted: settle permit_id with record_success, record_failure or release.

    Not admitted: use fallback_agent or wait retry_after_seconds.

    Args:
        agent_id: (the agent)
    """
    admission = call.libraries.breakers.acquire(agent_id, worker=call.worker, holder=call.session.holder)
    if admission.permit_id is not None:
        call.had_effect("breaker", agent_id)
    fields = attrs.asdict(admission, recurse=False)
    answer = Granted if admission.admitted else Refused
    return answer(**{field.name: fields[field.name] for field in attrs.fields(answer)})


def circuit_breaker_release(call: Call, agent_id: AgentId, permit_id: PermitId) -> BreakerWrite:
    """Give a permit back when the agent was not tried after all.

    Args:
        agent_id: (the agent)
        permit_id: (from circuit_breaker_acquire)
    """
    return _written(call, call.libraries.breakers.release(agent_id, permit_id))


def circuit_breaker_record_failure(
    call: Call,
    agent_id: AgentId,
    failure_type: FailureTypeName,
    error_message: Message,
    permit_id: PermitId | None = None,
    retry_after_seconds: RetryAfter | None = None,
) -> BreakerWrite:
    """Record that an agent failed; enough failures open its breaker for all processes.

    Args:
        agent_id: (the agent)
        failure_type: (what kind)
        error_message: (what went wrong)
        permit_id: (from circuit_breaker_acquire)
        retry_after_seconds: with rate_limited: refuse until then
    """
    change = call.libraries.breakers.record_failure(
        agent_id, failure_type, error_message, permit_id=permit_id, retry_after_seconds=retry_after_seconds
    )
    return _written(call, change)


def circuit_breaker_record_success(call: Call, agent_id: AgentId, permit_id: PermitId | None = None) -> BreakerWrite:
    """Record that an agent succeeded.

    Args:
        agent_id: (the agent)
        permit_id: (from circuit_breaker_acquire)
    """
    return _written(call, call.libraries.breakers.record_success(agent_id, permit_id=permit_id))


def circuit_breaker_trip(
    call: Call, agent_id: AgentId, reason: Reason = DEFAULT_TRIP_REASON, hold: bool = False
) -> BreakerWrite:
    """Open a breaker by hand.

    Args:
        agent_id: (the agent)
        reason: (why)
        hold: until it is reset
    """
    return _written(call, call.libraries.breakers.trip(agent_id, reason, hold=hold))


def circuit_breaker_reset(call: Call, agent_id: AgentId) -> BreakerWrite:
    """Close a breaker by hand.

    Args:
        agent_id: (the agent)
    """
    return _written(call, call.libraries.breakers.reset(agent_id))


def circuit_breaker_configure(
    call: Call,
    agent_id: AgentId,
    mode: ModeName | attrs.NothingType = KEEP,
    failure_threshold: Count | attrs.NothingType = KEEP,
    window_seconds: SomeSeconds | attrs.NothingType = KEEP,
    cooldown_seconds: Seconds | attrs.NothingType = KEEP,
    success_threshold: Count | attrs.NothingType = KEEP,
    half_open_max_calls: Probes | attrs.NothingType = KEEP,
    probe_lease_seconds: SomeSeconds | attrs.NothingType = KEEP,
    fallback_agent: AgentId | attrs.NothingType | None = KEEP,
    failure_rate_threshold: Rate | attrs.NothingType | None = KEEP,
    minimum_calls: Count | attrs.NothingType = KEEP,
    slow_call_seconds: Seconds | attrs.NothingType | None = KEEP,
    cooldown_multiplier: Multiplier | attrs.NothingType = KEEP,
    max_cooldown_seconds: Seconds | attrs.NothingType = KEEP,
) -> BreakerWrite:
    """Change a breaker's settings; what is omitted stays.

    Args:
        agent_id: (the agent)
        mode: disabled admits all, metrics_only never trips
        failure_threshold: (failures in the window that open it)
        window_seconds: (how long an outcome counts)
        cooldown_seconds: (how long it stays open)
        success_threshold: probes to close it
        half_open_max_calls: (probes at once)
        probe_lease_seconds: (how long a probe may take)
        fallback_agent: (its stand-in)
        failure_rate_threshold: (share of failures that opens it)
        minimum_calls: before the share counts
        slow_call_seconds: slower successes count as failures
        cooldown_multiplier: growth per trip in a row
        max_cooldown_seconds: (its cap)
    """
    change = call.libraries.breakers.configure(
        agent_id,
        mode=mode,
        failure_threshold=failure_threshold,
        window_seconds=window_seconds,
        cooldown_seconds=cooldown_seconds,
        success_threshold=success_threshold,
        half_open_max_calls=half_open_max_calls,
        probe_lease_seconds=probe_lease_seconds,
        fallback_agent=fallback_agent,
        failure_rate_threshold=failure_rate_threshold,
        minimum_calls=minimum_calls,
        slow_call_seconds=slow_call_seconds,
        cooldown_multiplier=cooldown_multiplier,
        max_cooldown_seconds=max_cooldown_seconds,
    )
    return _written(call, change)


def _written(call: Call, change: BreakerChange) -> BreakerWrite:
    if change.changed:
        call.had_effect("breaker", change.breaker.agent_id)
    return BreakerWrite(
        **attrs.asdict(change.breaker, recurse=False),
        changed=change.changed,
        tripped=change.tripped,
        recovered=change.recovered,
    )
