"""Retries: the attempts that a step has left, and the agent that makes the next one.

A step has one attempt and `max_retries` more, then one last attempt of the fallback agent of its agent type, if the
pipeline names one. Failed, lost and cancelled attempts count; a released baton does not.

Example: with max_retries=1 and a fallback, the step's own agent tries twice, the fallback once, and the pipeline fails.
"""

from collections.abc import Mapping

import attrs

from .routing import RouteReason


@attrs.frozen(kw_only=True)
class Tries:
    """The tries of one step so far, lost and cancelled ones included.

    Attributes:
        all: the number of tries.
        last_resorts: the number of tries that went to the fallback agent as the others were used up, 0 or 1.
    """

    all: int = 0
    last_resorts: int = 0


@attrs.frozen(kw_only=True)
class NextTry:
    """The attempt that would be issued next.

    Attributes:
        attempt: its number, from 1.
        agent: the agent that it is meant for.
        last_resort: whether it is the fallback's one try after all others failed.
    """

    attempt: int
    agent: str
    last_resort: bool

    @property
    def reason(self) -> RouteReason:
        """The reason that it goes to that agent."""
        return RouteReason.RETRIES_EXHAUSTED if self.last_resort else RouteReason.OWN_STEP


def attempts_left(tries: Tries, max_retries: int, has_fallback: bool) -> int:
    """Return how many attempts may still be issued: one and `max_retries` more, and one for a fallback agent."""
    own = max(0, 1 + max_retries - (tries.all - tries.last_resorts))
    return own + max(0, int(has_fallback) - tries.last_resorts)


def next_try(tries: Tries, agent_type: str, max_retries: int, fallbacks: Mapping[str, str]) -> NextTry:
    """Return the attempt to issue next, whether or not one is left: a resumed pipeline is granted one."""
    own_are_used_up = tries.all - tries.last_resorts >= 1 + max_retries
    fallback = fallbacks.get(agent_type)
    if own_are_used_up and fallback is not None and not tries.last_resorts:
        return NextTry(attempt=tries.all + 1, agent=fallback, last_resort=True)
    return NextTry(attempt=tries.all + 1, agent=agent_type, last_resort=False)
