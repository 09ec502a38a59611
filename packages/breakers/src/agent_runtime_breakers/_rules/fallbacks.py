"""Who stands in for an agent that admits no work: the fallback, or the fallback's fallback."""

from collections.abc import Callable

import attrs

FURTHEST = 5


@attrs.frozen(kw_only=True)
class Link:
    """What the breaker of an agent in the chain says.

    Attributes:
        admits: whether it would grant a permit.
        retry_after: milliseconds until it is worth asking again, None for not before a reset.
        fallback_agent: who stands in for this agent, or None.
    """

    admits: bool
    retry_after: int | None
    fallback_agent: str | None


@attrs.frozen(kw_only=True)
class StandIn:
    """Who would admit the work, or None, and the milliseconds until it is worth asking again, or None."""

    agent_id: str | None
    retry_after: int | None


def find_stand_in(agent_id: str, first: Link, ask: Callable[[str], Link]) -> StandIn:
    """Follow the fallbacks of an agent that refuses to the first one that admits.

    Args:
        agent_id: the agent that refuses.
        first: what its breaker says.
        ask: returns what the breaker of another agent says.

    Returns:
        The stand-in with the refusing agent's own time; where nobody admits, nobody with the soonest time of all. Each
        agent is asked once, five at most, so that a circle ends.
    """
    seen = {agent_id}
    links = [first]
    candidate = first.fallback_agent
    while candidate is not None and candidate not in seen and len(seen) <= FURTHEST:
        link = ask(candidate)
        if link.admits:
            return StandIn(agent_id=candidate, retry_after=first.retry_after)
        seen.add(candidate)
        links.append(link)
        candidate = link.fallback_agent
    waits = [link.retry_after for link in links if link.retry_after is not None]
    return StandIn(agent_id=None, retry_after=min(waits, default=None))
