"""Plans that decompose_goal makes by itself, before its transaction: by a planner command or from the goal's text."""

import os
import shlex
import time
from collections.abc import Mapping

import attrs

from agent_runtime_goals import Goal
from agent_runtime_tasks import Plan

from ._call import Call
from ._database import Database
from ._dispatch import Request
from ._libraries import Libraries
from ._planner_command import PlannerCommand, PlannerFailed, Progress
from ._prepared import PreparedPlan
from ._task_operations import decompose_goal, require_undecomposed_goal


def needs_plan(request: Request) -> bool:
    """Say whether a request leaves the planning to us."""
    return request.operation.definition is decompose_goal and request.arguments.get("plan") is None


async def with_plan(
    request: Request,
    database: Database[Libraries],
    progress: Progress | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Request:
    """Return the request with the plan that it is to apply.

    Args:
        request: a request to decompose a goal without a plan.
        database: where the goal is read.
        progress: told about a planner command that takes its time.
        environ: names the planner command in AGENT_RUNTIME_PLANNER.
    """
    if await database.run(request.is_replay, writes=False):
        return request
    started = time.perf_counter()
    goal = await database.run(lambda libraries: _goal(request, libraries), writes=False)
    strategy = request.arguments.get("strategy", "sequential")
    max_tasks = request.arguments.get("max_tasks", 40)
    reason: str | None = None
    command = planner_command(environ)
    if command is not None:
        try:
            plan = await command.plan(goal, strategy, max_tasks, progress)
        except PlannerFailed as failure:
            reason = str(failure)
        else:
            return attrs.evolve(
                request, prepared=PreparedPlan(plan=plan, planner="command", fallback_reason=None, started=started)
            )
    plan = _plan_by_text(goal, strategy, max_tasks)
    return attrs.evolve(
        request, prepared=PreparedPlan(plan=plan, planner="text", fallback_reason=reason, started=started)
    )


def planner_command(environ: Mapping[str, str]) -> PlannerCommand | None:
    """Return the configured planner command, or None."""
    argv = shlex.split(environ.get("AGENT_RUNTIME_PLANNER", ""))
    return PlannerCommand(argv=argv) if argv else None


def _goal(request: Request, libraries: Libraries) -> Goal:
    call = Call(libraries=libraries, session=request.session, worker=request.worker)
    with libraries.snapshot():
        return require_undecomposed_goal(call, request.arguments["goal_id"])


def _plan_by_text(goal: Goal, strategy: str, max_tasks: int) -> Plan:
    from agent_runtime_tasks.planning import plan_text

    return plan_text(goal.name, goal.description, strategy=strategy, max_tasks=max_tasks)
