"""The replies of operations on goals."""

from collections.abc import Collection, Mapping
from typing import Any

import attrs

from agent_runtime_goals import Goal
from agent_runtime_tasks import Counts, Task

from .json import reply
from .tasks import TaskBrief, brief


@reply
class Progress:
    """The progress of a goal, counted over the leaf tasks of the goal and its sub-goals."""

    total: int
    completed: int
    failed: int
    cancelled: int
    in_progress: int
    ready: int
    waiting: int
    unreachable: int
    percent: int


@reply
class GoalFull(Goal):
    """A goal with its progress, its sub-goals and its tasks."""

    task_count: int
    progress: Progress
    sub_goals: tuple[int, ...]
    tasks: tuple[TaskBrief, ...]


@reply
class GoalRow:
    """A goal in a list."""

    goal_id: int
    name: str
    status: str
    parent_goal_id: int | None
    acceptance_criteria: tuple[str, ...]
    outcome: str | None
    metadata: Mapping[str, Any]
    created_at: int
    updated_at: int
    completed_at: int | None
    progress: Progress


@reply
class GoalList:
    """A page of goals."""

    goals: tuple[Mapping[str, Any], ...]
    total: int
    next_cursor: str | None


def goal_full(
    goal: Goal, below: Collection[Counts], own: Counts, sub_goals: tuple[int, ...], tasks: Collection[Task]
) -> GoalFull:
    """Return a goal with its progress, its sub-goals and its tasks."""
    return GoalFull(
        **_fields(goal),
        task_count=own.leaves + own.groups,
        progress=progress(below),
        sub_goals=sub_goals,
        tasks=tuple(map(brief, tasks)),
    )


def goal_row(goal: Goal, below: Collection[Counts]) -> GoalRow:
    """Return a goal as a row of a list."""
    fields = _fields(goal)
    del fields["description"]
    return GoalRow(**fields, progress=progress(below))


def progress(below: Collection[Counts]) -> Progress:
    """Add up the counts of a goal and its sub-goals."""
    total = sum(counts.leaves for counts in below)
    completed = sum(counts.completed for counts in below)
    cancelled = sum(counts.cancelled for counts in below)
    wanted = total - cancelled
    return Progress(
        total=total,
        completed=completed,
        failed=sum(counts.failed for counts in below),
        cancelled=cancelled,
        in_progress=sum(counts.in_progress for counts in below),
        ready=sum(counts.ready for counts in below),
        waiting=sum(counts.waiting for counts in below),
        unreachable=sum(counts.unreachable for counts in below),
        percent=100 * completed // wanted if wanted else 0,
    )


def _fields(goal: Goal) -> dict[str, Any]:
    return attrs.asdict(goal, recurse=False)
