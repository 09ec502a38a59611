"""What a step consists of: an agent at work under a claim that is kept alive, and its output examined."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import attrs

from ..._rules.gate import Check
from ...bounds import MOST_TOKENS
from ..programs.agents import Assignment
from ..results.checks import Examination, GateCheck, refused
from ..results.results import AgentResult
from .crew import Crew

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Superseded(Exception):
    """The work is not this process's any more; the message says why."""


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


async def attended(working: Awaitable[T], look_after: Callable[[], Awaitable[None]], every: float) -> T:
    """Await something and look after the claim meanwhile; when this is cancelled, see it end first.

    Args:
        working: what to await.
        look_after: keeps the claim alive; raises `Superseded` when it is lost.
        every: seconds between two calls of that.

    Raises:
        Superseded: the claim is lost; what was awaited has ended.
    """
    task = asyncio.ensure_future(working)
    try:
        while not (await asyncio.wait({task}, timeout=every))[0]:
            try:
                await look_after()
            except Superseded:
                raise
            except Exception as error:  # the file is locked or gone for now: the work need not be lost for that
                _log.warning("the claim was not looked after: %s", error)
        return task.result()
    finally:
        await _end(task)


async def examined(assignment: Assignment, result: AgentResult, crew: Crew) -> Examined:
    """Run the checks of a step on a result, one after the other."""
    found = [await _examination(check, assignment, result) for check in crew.checks(assignment.baton.agent_type)]
    return Examined(
        result=result,
        checks=tuple(examination.check for examination in found),
        tokens_used=min(result.tokens_used + sum(examination.tokens_used for examination in found), MOST_TOKENS),
    )


async def _examination(check: GateCheck, assignment: Assignment, result: AgentResult) -> Examination:
    """Run one check; what breaks down has not passed."""
    try:
        return await check.examine(assignment, result)
    except Exception as error:
        return refused(check.name, f"the check broke down: {type(error).__name__}: {error}")


async def _end(task: "asyncio.Future[T]") -> None:
    """Cancel a task until it has ended: once for TERM and a grace, once more for whoever is in a hurry."""
    hurry = None
    while not task.done():
        task.cancel()
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as cancelled:
            hurry = cancelled
    if hurry is not None:
        raise hurry
