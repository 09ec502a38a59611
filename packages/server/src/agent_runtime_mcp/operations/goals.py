"""Operations on goals: the goals library, with the tasks that serve its goals."""

from collections.abc import Collection

import attrs

from agent_runtime_goals import KEEP, Goal, GoalStatus
from agent_runtime_goals.bounds import (
    DEFAULT_LIST_LIMIT,
    Criteria,
    Description,
    GoalId,
    GoalName,
    Limit,
    Metadata,
    Outcome,
    Status,
)

from ..errors import Conflict
from ..replies.goals import GoalFull, GoalList, goal_full, goal_row
from ..replies.pages import Cursor, TextPart, page, part
from .bounds import CursorText, GoalField, Offset, WhatBecomesOfOpenTasks
from .call import Call

TASKS_SHOWN = 50
_NAMED_IN_ERRORS = 10


def create_goal(
    call: Call,
    name: GoalName,
    description: Description = "",
    metadata: Metadata | None = None,
    parent_goal_id: GoalId | None = None,
    acceptance_criteria: Criteria = (),
) -> Goal:
    """Create a persistent goal, shared by all sessions and agents on this project.

    Next: decompose_goal, or create_task with its goal_id.

    Args:
        name: (what is to be reached, in a line)
        description: decompose_goal reads it
        metadata: (your own JSON object)
        parent_goal_id: (the goal it is part of)
        acceptance_criteria: (how one can tell that it is reached)
    """
    goals = call.libraries.goals
    goal = goals.create(
        name,
        description,
        metadata=metadata,
        parent_goal_id=parent_goal_id,
        acceptance_criteria=acceptance_criteria,
    )
    if goals.paused([goal.goal_id]):
        call.libraries.tasks.hold([goal.goal_id])
    call.had_effect("goal", goal.goal_id)
    return goal


def get_goal(call: Call, goal_id: GoalId, field: GoalField | None = None, offset: Offset = 0) -> GoalFull | TextPart:
    """Show a goal with its progress, sub-goals and first 50 tasks.

    Args:
        goal_id: (its number)
        field: only this field, in parts of 24 KiB
        offset: (byte at which the part begins)
    """
    goals, tasks = call.libraries.goals, call.libraries.tasks
    goal = goals.get(goal_id)
    subtree = goals.subtree([goal_id])[goal_id]
    counts = tasks.counts(subtree)
    reply = goal_full(
        goal,
        list(counts.values()),
        counts[goal_id],
        tuple(other for other in subtree if other != goal_id),
        tasks.list(goal_ids=[goal_id], limit=TASKS_SHOWN).tasks,
    )
    return reply if field is None else part(reply, field, offset, goal_id=goal_id)


def list_goals(
    call: Call, status: Status | None = None, limit: Limit = DEFAULT_LIST_LIMIT, cursor: CursorText | None = None
) -> GoalList:
    """List goals with their progress, oldest first.

    Args:
        status: (only goals of this status)
        limit: (goals at most)
        cursor: (next_cursor of the page before)
    """
    goals, tasks = call.libraries.goals, call.libraries.tasks
    here = Cursor({"list": "goals", "status": status})
    found = goals.list(status, limit=limit, after=here.after_id(cursor))
    subtrees = goals.subtree([goal.goal_id for goal in found.goals])
    counts = tasks.counts({goal_id for below in subtrees.values() for goal_id in below})
    rows = [goal_row(goal, [counts[other] for other in subtrees[goal.goal_id]]) for goal in found.goals]
    shown, next_cursor = page(rows, more=found.more, cursor=here, key=lambda row: row["goal_id"])
    return GoalList(goals=shown, total=found.total, next_cursor=next_cursor)


def update_goal(
    call: Call,
    goal_id: GoalId,
    status: Status | attrs.NothingType = KEEP,
    name: GoalName | attrs.NothingType = KEEP,
    description: Description | attrs.NothingType | None = KEEP,
    metadata: Metadata | attrs.NothingType | None = KEEP,
    acceptance_criteria: Criteria | attrs.NothingType | None = KEEP,
    parent_goal_id: GoalId | attrs.NothingType | None = KEEP,
    outcome: Outcome | attrs.NothingType | None = KEEP,
    open_tasks: WhatBecomesOfOpenTasks = "refuse",
) -> Goal:
    """Change a goal: complete, pause, reopen or cancel it, or edit its texts. What is omitted stays, null clears.

    Status reaches all sub-goals; cancelled cancels open tasks.

    Args:
        goal_id: (its number)
        status: active reopens it
        name: (another name)
        description: (another description)
        metadata: (another object)
        acceptance_criteria: (other criteria)
        parent_goal_id: (another parent)
        outcome: (what came of it)
        open_tasks: when completing: refuse while tasks are open, or cancel them
    """
    goals, tasks = call.libraries.goals, call.libraries.tasks
    before = goals.get(goal_id)
    below = goals.subtree([goal_id])[goal_id]
    held_before = goals.paused(below)
    closes = status in (GoalStatus.COMPLETED, GoalStatus.CANCELLED) and status != before.status
    if closes and status == GoalStatus.COMPLETED and open_tasks == "refuse":
        _refuse_what_is_open(call, goal_id, below)
    change = goals.update(
        goal_id,
        status=status,
        name=name,
        description=description,
        metadata=metadata,
        acceptance_criteria=acceptance_criteria,
        parent_goal_id=parent_goal_id,
        outcome=outcome,
        cancel_open=open_tasks == "cancel",
    )
    if closes:
        tasks.cancel_open_in(below, worker=call.worker)
    held_after = goals.paused(below)
    tasks.hold(held_after - held_before)
    tasks.unhold(held_before - held_after)
    if change.changed:
        call.had_effect("goal", goal_id)
    return change.goal


def _refuse_what_is_open(call: Call, goal_id: int, below: Collection[int]) -> None:
    tasks, first_tasks = call.libraries.tasks.open_in(below, _NAMED_IN_ERRORS)
    open_goals = [one for one in below if one != goal_id and call.libraries.goals.get(one).status.is_open]
    first_goals = open_goals[:_NAMED_IN_ERRORS]
    found = [
        f"{count} open {kind}{'' if count == 1 else 's'} ({', '.join(map(str, first))}{', ...' * (count > len(first))})"
        for kind, count, first in (("task", tasks, first_tasks), ("sub-goal", len(open_goals), first_goals))
        if count
    ]
    if found:
        raise Conflict(
            f"goal {goal_id} has {' and '.join(found)}",
            "settle what is open first; open_tasks says what else can become of it",
            {
                "goal_id": goal_id,
                "open_tasks": tasks,
                "first_task_ids": list(first_tasks),
                "open_sub_goals": len(open_goals),
                "first_sub_goal_ids": first_goals,
            },
        )
