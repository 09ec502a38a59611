"""The operation that breaks a goal down into tasks: with the caller's plan, or with one made before the transaction."""

import time

from agent_runtime_goals import Goal
from agent_runtime_tasks.bounds import GoalId

from ..errors import Conflict
from ..replies.tasks import Decomposition, brief
from .bounds import MaxTasks, Plan, Strategy
from .call import Call
from .goal_checks import require_open_goal


def decompose_goal(
    call: Call,
    goal_id: GoalId,
    strategy: Strategy = "sequential",
    plan: Plan | None = None,
    max_tasks: MaxTasks = 40,  # noqa: ARG001 - the planners' business, before this runs
) -> Decomposition:
    """Break a persistent goal down into tasks, all or none. Best with your own plan; without, its text is read.

    Next: get_next_task.

    Args:
        goal_id: (the goal)
        strategy: order where there is no plan
        plan: your tasks, e.g. [{"key":"a","title":"Write the parser"},{"title":"Test it","depends_on":["a"]}]. key
            where another item names it, parent: key of its group; order comes from depends_on alone
        max_tasks: tasks at most where there is no plan
    """
    prepared = call.prepared
    started = prepared.started if prepared else time.perf_counter()
    if prepared is None:
        require_open_goal(call, goal_id, "no tasks can be added to it")
    else:
        require_undecomposed_goal(call, goal_id)
    made = call.libraries.tasks.plan(prepared.plan if prepared else plan, goal_id=goal_id)
    call.had_effect("goal", goal_id)
    return Decomposition(
        goal_id=goal_id,
        strategy=strategy,
        planner=prepared.planner if prepared else "caller",
        kind=prepared.plan.kind if prepared else None,
        task_ids=tuple(task.task_id for task in made),
        task_count=len(made),
        tasks=tuple(map(brief, made)),
        decomposition_time_ms=round((time.perf_counter() - started) * 1000, 3),
        fallback_reason=prepared.fallback_reason if prepared else None,
    )


def require_undecomposed_goal(call: Call, goal_id: int) -> Goal:
    """Return an open goal without tasks, for a planner to break down.

    Raises:
        IllegalTransition: it is completed or cancelled.
        Conflict: it has tasks already.
    """
    goal = require_open_goal(call, goal_id, "no tasks can be added to it")
    counts = call.libraries.tasks.counts([goal_id])[goal_id]
    count = counts.leaves + counts.groups
    if count:
        raise Conflict(
            f"goal {goal_id} has {count} task{'' if count == 1 else 's'} already",
            "pass plan to add tasks to it, or list_tasks to see them",
            {"goal_id": goal_id, "task_count": count},
        )
    return goal
