"""The two parts of a step: an agent at work while its claim is kept alive, and the checks of its output."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import attrs

from ..._rules.gate import Check
from ...bounds import MOST_TOKENS
from ..assignment import Assignment
from ..results.checks import Examination, GateCheck, refused
from ..results.result import AgentResult
from .crew import Crew

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Superseded(Exception):
    """The work no longer belongs to this process; the message says why."""


@attrs.frozen(kw_only=True)
class Examined:
    """A result with the findings of its checks.

    Attributes:
        result: the result as the agent handed it in.
        checks: the findings.
        tokens_used: by the agent and by the checks.
    """

    result: AgentResult
    checks: tuple[Check, ...]
    tokens_used: int


async def attended(working: Awaitable[T], look_after: Callable[[], Awaitable[None]], every: float) -> T:
    """Await some work and keep its claim alive meanwhile. When this is cancelled, end the work first.

    Args:
        working: the work.
        look_after: renews the claim if that is due; raises `Superseded` if the claim is lost.
        every: seconds between two calls of it.

    Raises:
        Superseded: the claim is lost; the work has ended.
    """
    task = asyncio.ensure_future(working)
    try:
        while not (await asyncio.wait({task}, timeout=every))[0]:
            try:
                await look_after()
            except Superseded:
                raise
            except Exception as error:  # the file is locked or gone for now: do not lose the work for that
                _log.warning("the claim was not renewed: %s", error)
        return task.result()
    finally:
        await _end(task)


async def examine(assignment: Assignment, result: AgentResult, crew: Crew) -> Examined:
    """Run the checks of a step on a result, one after the other."""
    found = [await _run_check(check, assignment, result) for check in crew.checks(assignment.baton.agent_type)]
    return Examined(
        result=result,
        checks=tuple(examination.check for examination in found),
        tokens_used=min(result.tokens_used + sum(examination.tokens_used for examination in found), MOST_TOKENS),
    )


async def _run_check(check: GateCheck, assignment: Assignment, result: AgentResult) -> Examination:
    """Run one check. A check that raises has not passed."""
    try:
        return await check.examine(assignment, result)
    except Exception as error:
        return refused(check.name, f"the check broke down: {type(error).__name__}: {error}")


async def _end(task: "asyncio.Future[T]") -> None:
    """Cancel a task until it has ended: the first time it gets a grace, the second time it is hurried."""
    cancellation = None
    while not task.done():
        task.cancel()
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as cancelled:
            cancellation = cancelled
    if cancellation is not None:
        raise cancellation
