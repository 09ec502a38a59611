"""Which agent is given a baton: the step's own, the pipeline's fallback for it, then those that the guard names."""

from collections.abc import Callable, Iterator
from enum import StrEnum

import attrs

from ._guard import Admission, Refusal


class RouteReason(StrEnum):
    """Why a baton goes to the agent it goes to."""

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
        pipeline_fallback: who stands in by the pipeline's own word, or None.
        ask: whether an agent admits.
    """
    refusals: list[Refusal] = []
    asked: set[str] = set()
    for candidate, why in _candidates(agent, reason, pipeline_fallback, refusals):
        if candidate in asked:
            continue
        asked.add(candidate)
        answer = ask(candidate)
        if isinstance(answer, Admission):
            return Route(agent=candidate, reason=why, permit_id=answer.permit_id)
        refusals.append(answer)
    waits = [refusal.retry_after_seconds for refusal in refusals if refusal.retry_after_seconds is not None]
    return Blocked(retry_after_seconds=min(waits, default=None))


def _candidates(
    agent: str, reason: RouteReason, pipeline_fallback: str | None, refusals: list[Refusal]
) -> Iterator[tuple[str, RouteReason]]:
    yield agent, reason
    if pipeline_fallback is not None:
        yield pipeline_fallback, RouteReason.PIPELINE_FALLBACK
    for refusal in tuple(refusals):
        if refusal.fallback_agent is not None:
            yield refusal.fallback_agent, RouteReason.GUARD_FALLBACK
