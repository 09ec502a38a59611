"""One step: an agent at work under a claim that is kept alive, and its output examined."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import attrs

from .._gate import Check
from ._agents import Assignment, within
from ._crew import Crew, Post
from ._holding import Superseded
from ._results import AgentResult

T = TypeVar("T")

_log = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class Examined:
    """A result with what the checks found of it.

    Attributes:
        result: as the agent handed it in.
        checks: what others found.
        tokens_used: by the agent and by those who examined it.
    """

    result: AgentResult
    checks: tuple[Check, ...]
    tokens_used: int


async def work(
    assignment: Assignment, post: Post, crew: Crew, look_after: Callable[[], Awaitable[None]], every: float
) -> Examined:
    """Let an agent do a step, and examine what it hands in.

    Args:
        assignment: the step.
        post: the agent.
        crew: knows the checks.
        look_after: keeps the claim alive; raises `Superseded` when it is lost.
        every: seconds between two calls of that.

    Raises:
        AgentFailed: the agent handed nothing in.
        Superseded: the claim is lost; the agent was stopped.
    """
    result = await _attended(within(post.agent, assignment), look_after, every)
    return await _attended(examined(assignment, result, crew), look_after, every)


async def examined(assignment: Assignment, result: AgentResult, crew: Crew) -> Examined:
    """Run the checks of a step on a result, one after the other."""
    found = [await check.examine(assignment, result) for check in crew.checks(assignment.baton.agent_type)]
    return Examined(
        result=result,
        checks=tuple(examination.check for examination in found),
        tokens_used=result.tokens_used + sum(examination.tokens_used for examination in found),
    )


async def _attended(working: Awaitable[T], look_after: Callable[[], Awaitable[None]], every: float) -> T:
    """Await something and look after the claim meanwhile; when this is cancelled, see it end first."""
    task = asyncio.ensure_future(working)
    try:
        while not (await asyncio.wait({task}, timeout=every))[0]:
            try:
                await look_after()
            except Superseded:
                raise
            except Exception:  # the file is locked or gone for now: the agent's work need not be lost for that
                _log.exception("the claim was not looked after")
        return task.result()
    finally:
        while not task.done():  # once for TERM and a grace, once more for whoever is in a hurry
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({task})
