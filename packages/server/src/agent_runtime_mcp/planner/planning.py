"""The plan of a goal for decompose_goal, made before its transaction by a planner command or from the goal's text."""

import os
import shlex
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from agent_runtime_goals import Goal
from agent_runtime_tasks import Plan

from ..database.database import Database
from ..dispatch.request import Request
from ..operations.call import Call, PreparedPlan
from ..operations.decompose import require_undecomposed_goal
from ..operations.goal_checks import require_open_goal
from ..runtime.libraries import Libraries
from .answer import PlannerFailed, Progress

if TYPE_CHECKING:
    from .command import PlannerCommand

PLANNER = "AGENT_RUNTIME_PLANNER"


async def prepared(
    request: Request,
    database: Database[Libraries],
    progress: Progress | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Request:
    """Return the request with a plan, if it needs one because the caller gave none.

    Args:
        request: any request; one that needs no plan is returned as it is.
        database: the database that holds the goal.
        progress: called every few seconds while a planner command runs.
        environ: the environment; AGENT_RUNTIME_PLANNER names the planner command.
    """
    if not request.needs_plan or await database.run(request.is_replay, writes=False):
        return request
    started = time.perf_counter()
    goal = await database.run(lambda libraries: require_decomposable(request, libraries), writes=False)
    strategy, max_tasks = request.argument("strategy"), request.argument("max_tasks")
    planner, reason = "text", None
    try:
        if command := planner_command(environ):
            plan = await command.plan(goal, strategy, max_tasks, progress)
            planner = "command"
        else:
            plan = _plan_by_text(goal, strategy, max_tasks)
    except PlannerFailed as failure:
        plan, reason = _plan_by_text(goal, strategy, max_tasks), str(failure)
    return attrs.evolve(
        request, prepared=PreparedPlan(plan=plan, planner=planner, fallback_reason=reason, started=started)
    )


def planner_command(environ: Mapping[str, str]) -> "PlannerCommand | None":
    """Return the configured planner command, or None.

    Its environment lacks the variable that names it, so that no planner command runs below it if it uses this runtime
    in turn.

    Raises:
        PlannerFailed: the variable is not a program with its arguments.
    """
    try:
        argv = shlex.split(environ.get(PLANNER, ""))
    except ValueError as error:
        raise PlannerFailed(f"{PLANNER} can't be read: {error}") from None
    if not argv:
        return None
    from .command import PlannerCommand  # noqa: PLC0415 - loads asyncio and the relay runner

    return PlannerCommand(argv=argv, environ={name: value for name, value in environ.items() if name != PLANNER})


def require_decomposable(request: Request, libraries: Libraries) -> Goal:
    """Return the goal of a request to decompose it, or refuse it as the operation would."""
    call = Call(libraries=libraries, session=request.session, worker=request.worker)
    goal_id = request.arguments["goal_id"]
    with libraries.snapshot():
        if request.needs_plan:
            return require_undecomposed_goal(call, goal_id)
        return require_open_goal(call, goal_id, "no tasks can be added to it")


def _plan_by_text(goal: Goal, strategy: str, max_tasks: int) -> Plan:
    from agent_runtime_tasks.planning import plan_text  # noqa: PLC0415 - its word lists are slow to load

    return plan_text(goal.name, goal.description, strategy=strategy, max_tasks=max_tasks)
