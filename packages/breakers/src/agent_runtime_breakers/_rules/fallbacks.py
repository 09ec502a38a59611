"""The chain of fallbacks: the agent that stands in for one that admits no work.

Each agent's settings may name a fallback. The chain is followed from the agent that refuses to the first agent whose
own breaker admits. Each agent is asked once and at most five are asked, so that a circle ends. Example: coder refuses
and names reviewer, reviewer refuses and names generalist, generalist admits: generalist stands in for coder.
"""

from collections.abc import Callable

import attrs

MAX_HOPS = 5


@attrs.frozen(kw_only=True)
class Link:
    """The answer of the breaker of one agent in the chain.

    Attributes:
        admits: True if it would grant a permit.
        retry_after: the milliseconds until it is worth asking again; None means not before a reset.
        fallback_agent: the agent that stands in for this one, or None.
    """

    admits: bool
    retry_after: int | None
    fallback_agent: str | None


@attrs.frozen(kw_only=True)
class StandIn:
    """The result of following a chain.

    Attributes:
        agent_id: the agent that would admit the work, or None.
        retry_after: the milliseconds until it is worth asking again; None means not before a reset.
    """

    agent_id: str | None
    retry_after: int | None


def find_stand_in(agent_id: str, first: Link, ask: Callable[[str], Link]) -> StandIn:
    """Follow the fallbacks of an agent that refuses to the first one that admits.

    Args:
        agent_id: the agent that refuses.
        first: the answer of its breaker.
        ask: returns the answer of the breaker of another agent.

    Returns:
        The stand-in, with the time of the agent that refuses. If no agent admits, None with the soonest time of all.
    """
    seen = {agent_id}
    links = [first]
    candidate = first.fallback_agent
    while candidate is not None and candidate not in seen and len(seen) <= MAX_HOPS:
        link = ask(candidate)
        if link.admits:
            return StandIn(agent_id=candidate, retry_after=first.retry_after)
        seen.add(candidate)
        links.append(link)
        candidate = link.fallback_agent
    waits = [link.retry_after for link in links if link.retry_after is not None]
    return StandIn(agent_id=None, retry_after=min(waits, default=None))
