"""Routing of a baton to an agent: the step's own, the pipeline's fallback for it, then those that the guard names."""

from collections.abc import Callable
from enum import StrEnum

import attrs

from .._guard import Admission, Refusal


class RouteReason(StrEnum):
    """The reason that a baton goes to its agent."""

    OWN_STEP = "own_step"
    RETRIES_EXHAUSTED = "retries_exhausted"
    PIPELINE_FALLBACK = "pipeline_fallback"
    GUARD_FALLBACK = "breaker_fallback"


@attrs.frozen(kw_only=True)
class Route:
    """An agent that admits work."""

    agent: str
    reason: RouteReason
    permit_id: str | None = None


@attrs.frozen(kw_only=True)
class Blocked:
    """No agent admits work; retry_after_seconds is the soonest of all, None when somebody must intervene."""

    retry_after_seconds: float | None


def route(
    agent: str, reason: RouteReason, pipeline_fallback: str | None, ask: Callable[[str], Admission | Refusal]
) -> Route | Blocked:
    """Return the first agent that admits, asking each at most once.

    Args:
        agent: whom the attempt is meant for.
        reason: why it is meant for that agent.
        pipeline_fallback: the agent that stands in by the settings of the pipeline, or None.
        ask: whether an agent admits.
    """
    candidates = [(agent, reason)]
    if pipeline_fallback is not None:
        candidates.append((pipeline_fallback, RouteReason.PIPELINE_FALLBACK))
    refusals: dict[str, Refusal] = {}
    for candidate, why in candidates:  # which grows at its end while it is gone through
        if candidate in refusals:
            continue
        answer = ask(candidate)
        if isinstance(answer, Admission):
            return Route(agent=candidate, reason=why, permit_id=answer.permit_id)
        refusals[candidate] = answer
        if answer.fallback_agent is not None:
            candidates.append((answer.fallback_agent, RouteReason.GUARD_FALLBACK))
    waits = [refusal.retry_after_seconds for refusal in refusals.values() if refusal.retry_after_seconds is not None]
    return Blocked(retry_after_seconds=min(waits, default=None))
