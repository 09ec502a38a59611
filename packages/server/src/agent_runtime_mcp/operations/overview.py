"""The overview that an agent reads first in a new session: at most 2 KiB of goals, claims, ready tasks and trouble."""

from collections.abc import Sequence
from typing import Any

from agent_runtime_breakers import BreakerState
from agent_runtime_goals import GoalStatus
from agent_runtime_relay import RelayStatus
from agent_runtime_tasks import TaskStatus

from ..replies.goals import progress
from ..replies.json import plain, reply
from ..replies.sizes import size
from .call import Call

LARGEST_OVERVIEW = 2 * 1024
_OPEN_RELAYS = (RelayStatus.IN_PROGRESS, RelayStatus.PENDING, RelayStatus.FAILED, RelayStatus.PAUSED)
_AT_ONCE = 200
_ROWS = 5
_SICK = (BreakerState.OPEN, BreakerState.HALF_OPEN)
_TITLE = 80


@reply
class Overview:
    """The rows of each section; `more` counts the further ones."""

    goals: tuple[dict[str, Any], ...]
    holding: tuple[dict[str, Any], ...]
    ready: tuple[dict[str, Any], ...]
    relays: tuple[dict[str, Any], ...]
    breakers: tuple[dict[str, Any], ...]
    more: dict[str, int]


def runtime_overview(call: Call) -> Overview:
    """Start here in a new session: open goals, what you hold, what is ready, relays and breakers that need attention.

    left_by marks work that an ended session left; get_next_task offers it first.
    """
    sections = {
        "goals": _goals(call),
        "holding": _holding(call),
        "ready": _ready(call),
        "relays": _relays(call),
        "breakers": _breakers(call),
    }
    rows = {name: list(found[0]) for name, found in sections.items()}
    totals = {name: found[1] for name, found in sections.items()}
    overview = _overview(rows, totals)
    while size(plain(overview)) > LARGEST_OVERVIEW:
        longest = max(rows, key=lambda name: size(rows[name]))
        rows[longest].pop()
        overview = _overview(rows, totals)
    return overview


def _overview(rows: dict[str, list[dict[str, Any]]], totals: dict[str, int]) -> Overview:
    more = {name: totals[name] - len(shown) for name, shown in rows.items() if totals[name] > len(shown)}
    return Overview(
        goals=tuple(rows["goals"]),
        holding=tuple(rows["holding"]),
        ready=tuple(rows["ready"]),
        relays=tuple(rows["relays"]),
        breakers=tuple(rows["breakers"]),
        more=more,
    )


def _goals(call: Call) -> tuple[Sequence[dict[str, Any]], int]:
    goals, tasks = call.libraries.goals, call.libraries.tasks
    found = goals.list(GoalStatus.ACTIVE, limit=_ROWS)
    subtrees = goals.subtree([goal.goal_id for goal in found.goals])
    counts = tasks.counts({goal_id for below in subtrees.values() for goal_id in below})
    rows = []
    for goal in found.goals:
        state = progress([counts[goal_id] for goal_id in subtrees[goal.goal_id]])
        rows.append(
            {
                "goal_id": goal.goal_id,
                "name": goal.name[:_TITLE],
                "percent": state.percent,
                "ready": state.ready,
                "in_progress": state.in_progress,
                "waiting": state.waiting,
            }
        )
    return rows, found.total


def _holding(call: Call) -> tuple[Sequence[dict[str, Any]], int]:
    ids = call.libraries.tasks.holding(call.worker)
    rows = []
    for task_id in ids[:_ROWS]:
        task = call.libraries.tasks.get(task_id)
        rows.append({"task_id": task_id, "title": task.title[:_TITLE], "live": bool(task.claim and task.claim.live)})
    return rows, len(ids)


def _ready(call: Call) -> tuple[Sequence[dict[str, Any]], int]:
    tasks = call.libraries.tasks
    offers = tasks.offers(limit=_ROWS)
    rows = []
    for offer in offers:
        row: dict[str, Any] = {
            "task_id": offer.task.task_id,
            "title": offer.task.title[:_TITLE],
            "goal_id": offer.task.goal_id,
            "priority": offer.task.priority,
        }
        if offer.left_by is not None:
            row["left_by"] = offer.left_by[:_TITLE]
        rows.append(row)
    return rows, max(len(rows), tasks.queue().ready + _left(call))


def _left(call: Call) -> int:
    """Count the tasks that ended sessions left and that are offered again; only few are in progress at any time."""
    tasks, after, left = call.libraries.tasks, 0, []
    more = True
    while more:
        found = tasks.list(status=TaskStatus.IN_PROGRESS, limit=_AT_ONCE, after=after)
        left += [task.goal_id for task in found.tasks if task.claim is not None and not task.claim.live]
        more = found.more
        after = found.tasks[-1].task_id if found.tasks else after
    held = call.libraries.goals.paused({goal_id for goal_id in left if goal_id is not None})
    return sum(goal_id not in held for goal_id in left)


def _relays(call: Call) -> tuple[Sequence[dict[str, Any]], int]:
    """Return the open pipelines, and what each waits for."""
    relays = call.libraries.relays
    found = [(status, relays.list(status, limit=_ROWS)) for status in _OPEN_RELAYS]
    pipelines = [pipeline for _, listed in found for pipeline in listed.pipelines][:_ROWS]
    rows = []
    for pipeline in pipelines:
        baton = relays.baton(pipeline.pipeline_id)
        rows.append(
            {
                "pipeline_id": pipeline.pipeline_id,
                "name": pipeline.name[:_TITLE],
                "status": pipeline.status.value,
                "step": f"{pipeline.current_step}/{pipeline.total_steps}",
                "waiting_for": baton.waiting_for.value if baton.waiting_for else baton.current_agent,
            }
        )
    return rows, sum(listed.total for _, listed in found)


def _breakers(call: Call) -> tuple[Sequence[dict[str, Any]], int]:
    """Return the agents that should be given no work now."""
    found = [call.libraries.breakers.list(state, limit=_ROWS) for state in _SICK]
    rows = [
        {
            "agent_id": breaker.agent_id[:_TITLE],
            "state": breaker.state.value,
            "retry_after_seconds": breaker.retry_after_seconds,
        }
        for listed in found
        for breaker in listed.breakers
    ][:_ROWS]
    return rows, sum(listed.total for listed in found)
