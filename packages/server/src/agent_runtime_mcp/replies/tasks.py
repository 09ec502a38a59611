"""The replies of operations on tasks."""

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from agent_runtime_tasks import Attempt, Prerequisite, Queue, Task, TaskChange, TaskLinks

from .json import reply, sometimes

RESULT_SHOWN = 500  # characters of a prerequisite's result


@reply
class TaskBrief:
    """A task in one line."""

    task_id: int
    title: str
    status: str
    readiness: str | None
    priority: int
    goal_id: int | None
    parent_id: int | None
    open_dependencies: int


@reply
class ClaimReply:
    """The claim of a task: the worker, and the end of the lease."""

    worker: str
    expires_at: int
    live: bool


@reply
class AttemptReply:
    """One attempt at a task."""

    attempt: int
    worker: str
    started_at: int
    ended_at: int | None
    outcome: str | None
    error: str | None


@reply
class TaskFull(TaskBrief):
    """A task with all its fields."""

    description: str
    dependencies: tuple[int, ...]
    dependents: tuple[int, ...]
    children: tuple[int, ...]
    blocked_by: tuple[int, ...]
    acceptance_criteria: tuple[str, ...]
    attempts: int
    max_attempts: int
    attempt_history: tuple[AttemptReply, ...]
    progress_note: str | None
    result: str | None
    error: str | None
    metadata: Mapping[str, Any]
    claim: ClaimReply | None
    not_before: int | None
    created_at: int
    updated_at: int
    started_at: int | None
    completed_at: int | None


@reply
class PrerequisiteReply:
    """A completed prerequisite and the beginning of its result."""

    task_id: int
    title: str
    result: str | None


@reply
class GoalContext:
    """The goal that a task serves."""

    name: str
    acceptance_criteria: tuple[str, ...]


@reply
class TaskInContext(TaskFull):
    """A task with all its fields, its goal and the results of its prerequisites."""

    goal: GoalContext | None
    prerequisites: tuple[PrerequisiteReply, ...]


@reply
class QueueReply:
    """The state of the queue, which explains a reply without a task."""

    ready: int
    waiting: int
    unreachable: int
    in_progress: int
    next_ready_at: int | None


@reply
class NextTask:
    """The claimed task, or null, with the state of the queue."""

    task: TaskInContext | None
    claim_token: str | None
    queue: QueueReply
    holding: tuple[int, ...]


@reply
class TaskWrite:
    """The effect of a write on a task."""

    task: TaskBrief
    changed: bool
    newly_ready: tuple[int, ...]
    claim_token: str | None = sometimes()
    note: str | None = sometimes()


@reply
class TaskList:
    """A page of tasks."""

    tasks: tuple[Mapping[str, Any], ...]
    next_cursor: str | None


@reply
class Decomposition:
    """The tasks that a goal was broken down into."""

    goal_id: int
    strategy: str
    planner: str
    kind: str | None
    task_ids: tuple[int, ...]
    task_count: int
    tasks: tuple[TaskBrief, ...]
    decomposition_time_ms: float
    fallback_reason: str | None


def brief(task: Task) -> TaskBrief:
    """Return a task in one line."""
    return TaskBrief(**_brief_fields(task))


def full(task: Task, links: TaskLinks) -> TaskFull:
    """Return a task with all its fields."""
    return TaskFull(**_full_fields(task, links))


def in_context(
    task: Task, prerequisites: Iterable[Prerequisite], links: TaskLinks, goal: GoalContext | None
) -> TaskInContext:
    """Return a task with its goal and the results of its prerequisites."""
    return TaskInContext(
        **_full_fields(task, links),
        goal=goal,
        prerequisites=tuple(
            PrerequisiteReply(task_id=one.task_id, title=one.title, result=one.result and one.result[:RESULT_SHOWN])
            for one in prerequisites
        ),
    )


def queue_reply(queue: Queue) -> QueueReply:
    """Return the state of the queue."""
    return QueueReply(**attrs.asdict(queue))


def task_write(change: TaskChange, note: str | None = None) -> TaskWrite:
    """Return the effect of a write."""
    return TaskWrite(
        task=brief(change.task),
        changed=change.changed,
        newly_ready=change.newly_ready,
        claim_token=change.claim_token,
        note=note,
    )


def _brief_fields(task: Task) -> dict[str, Any]:
    return {
        "task_id": task.task_id,
        "title": task.title,
        "status": task.status.value,
        "readiness": task.readiness.value if task.readiness else None,
        "priority": task.priority,
        "goal_id": task.goal_id,
        "parent_id": task.parent_id,
        "open_dependencies": task.open_dependencies,
    }


def _full_fields(task: Task, links: TaskLinks) -> dict[str, Any]:
    claim = task.claim
    return {
        **_brief_fields(task),
        "description": task.description,
        "dependencies": links.dependencies,
        "dependents": links.dependents,
        "children": links.children,
        "blocked_by": links.blocked_by,
        "acceptance_criteria": task.acceptance_criteria,
        "attempts": task.attempts,
        "max_attempts": task.max_attempts,
        "attempt_history": tuple(map(_attempt, links.attempt_history)),
        "progress_note": _last_note(task, links),
        "result": task.result,
        "error": task.error,
        "metadata": task.metadata,
        "claim": claim and ClaimReply(worker=claim.worker, expires_at=claim.expires_at, live=claim.live),
        "not_before": task.not_before,
        "created_at": task.created_at,
        "updated_at": task.updated_at,
        "started_at": task.started_at,
        "completed_at": task.completed_at,
    }


def _last_note(task: Task, links: TaskLinks) -> str | None:
    """Return the last progress note of any worker, from which the next one continues."""
    notes = [attempt.note for attempt in links.attempt_history if attempt.note is not None]
    return task.progress_note or (notes[-1] if notes else None)


def _attempt(attempt: Attempt) -> AttemptReply:
    return AttemptReply(
        attempt=attempt.attempt,
        worker=attempt.worker,
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
        outcome=attempt.outcome.value if attempt.outcome else None,
        error=attempt.error,
    )
