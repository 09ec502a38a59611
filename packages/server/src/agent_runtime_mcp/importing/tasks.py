"""Tasks of an earlier file, with their dependencies."""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

import attrs

from agent_runtime_kernel.errors import AgentRuntimeError
from agent_runtime_tasks import KEEP, TaskStatus
from agent_runtime_tasks.errors import TaskCycle

from .report import Report
from .target import Target
from .values import Field, as_text

_MOST_DEPENDENCIES = 1000
_STATUSES: Mapping[str, TaskStatus] = {
    "pending": TaskStatus.PENDING,
    "ready": TaskStatus.PENDING,
    "blocked": TaskStatus.PENDING,
    "in_progress": TaskStatus.PENDING,
    "completed": TaskStatus.COMPLETED,
    "done": TaskStatus.COMPLETED,
    "failed": TaskStatus.FAILED,
    "cancelled": TaskStatus.CANCELLED,
    "canceled": TaskStatus.CANCELLED,
}
_PRIORITIES = {"critical": 10, "urgent": 10, "high": 8, "medium": 5, "normal": 5, "low": 2}


@attrs.frozen(kw_only=True)
class _Task:
    """A task that was created, with the data that is still to be written."""

    task_id: int
    field: Field
    status: TaskStatus
    dependencies: tuple[int, ...]


def take(rows: Sequence[Mapping[str, Any]], target: Target, report: Report) -> None:
    """Create all tasks, then link and settle each after its dependencies."""
    created = {}
    for row in rows:
        field = Field(f"task {row.get('id')}", row, report)
        task_id = _create(field, target, report)
        if task_id is not None:
            report.took("tasks", row.get("id"), task_id)
            created[task_id] = field
    tasks = {
        task_id: _Task(
            task_id=task_id, field=field, status=_status(field, report), dependencies=_known(field, task_id, report)
        )
        for task_id, field in created.items()
    }
    settled: dict[int, TaskStatus] = {}
    for task_id in _in_order(tasks):
        task = tasks[task_id]
        _link(task, settled, target, report)
        settled[task_id] = _settle(task, target, report)


def _create(field: Field, target: Target, report: Report) -> int | None:
    row = field.row
    goal_id = None
    if row.get("goal_id") is not None:
        goal_id = report.ids["goals"].get(row["goal_id"])
        if goal_id is None:
            report.left(field.subject, f"its goal {as_text(row['goal_id'])[:40]}, which does not exist")
    target.at(field.moment("created_at"))
    try:
        return target.tasks.create(
            field.name("title", f"task {row.get('id')} of the earlier file"),
            field.text("description"),
            goal_id=goal_id,
            priority=_priority(field, report),
            metadata=field.metadata(),
        ).task.task_id
    except AgentRuntimeError as error:
        report.left(field.subject, str(error))
        return None


def _priority(field: Field, report: Report) -> int:
    word = as_text(field.row.get("priority")).lower()
    if word in _PRIORITIES:
        report.mapped(field.subject, f"priority {word!r} became {_PRIORITIES[word]}")
        return _PRIORITIES[word]
    return field.number("priority", 1, 10, 5)


def _status(field: Field, report: Report) -> TaskStatus:
    word = as_text(field.row.get("status")).lower() or "pending"
    status = _STATUSES.get(word, TaskStatus.PENDING)
    if status != word:
        report.mapped(field.subject, f"status {word[:40]!r} became {status}")
    return status


def _known(field: Field, task_id: int, report: Report) -> tuple[int, ...]:
    """Return the new ids of a task's dependencies; those that do not exist are left out."""
    known = []
    for earlier_id in field.json("dependencies", list):
        new_id = report.ids["tasks"].get(earlier_id) if isinstance(earlier_id, int | str) else None
        if new_id is None and isinstance(earlier_id, str) and earlier_id.isdecimal():
            new_id = report.ids["tasks"].get(int(earlier_id))
        if new_id is None:
            report.left(field.subject, f"its dependency on task {as_text(earlier_id)[:40]}, which does not exist")
        elif new_id == task_id:
            report.left(field.subject, "its dependency on itself")
        else:
            known.append(new_id)
    known = list(dict.fromkeys(known))
    if len(known) > _MOST_DEPENDENCIES:
        report.left(field.subject, f"{len(known) - _MOST_DEPENDENCIES} of its {len(known)} dependencies")
    return tuple(known[:_MOST_DEPENDENCIES])


def _in_order(tasks: Mapping[int, _Task]) -> list[int]:
    """Return the tasks in an order in which each follows its dependencies, as far as these have no cycle.

    A dependency that closes a cycle is ignored for the order alone. The library decides which ones it refuses.
    """
    graph = {task_id: set(task.dependencies) for task_id, task in tasks.items()}
    while True:
        try:
            return list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            cycle = error.args[1]
            graph[cycle[1]].discard(cycle[0])


def _link(task: _Task, settled: Mapping[int, TaskStatus], target: Target, report: Report) -> None:
    """Write the dependencies of a task; a completed task keeps only those that are completed, too."""
    wanted = task.dependencies
    if task.status is TaskStatus.COMPLETED:
        wanted = tuple(other for other in wanted if settled.get(other) is TaskStatus.COMPLETED)
        if len(wanted) < len(task.dependencies):
            report.left(
                task.field.subject,
                f"{len(task.dependencies) - len(wanted)} dependencies on tasks that are not completed, as this task is",
            )
    if not wanted or _may_depend_on(task, wanted, target):
        return
    kept: tuple[int, ...] = ()
    for other in wanted:
        if _may_depend_on(task, (*kept, other), target):
            kept = (*kept, other)
        else:
            report.left(
                task.field.subject, f"its dependency on task {_earlier(other, report)}, which would close a cycle"
            )


def _may_depend_on(task: _Task, others: tuple[int, ...], target: Target) -> bool:
    try:
        with target.connection:
            target.tasks.edit(task.task_id, dependencies=others)
    except TaskCycle:
        return False
    return True


def _settle(task: _Task, target: Target, report: Report) -> TaskStatus:
    """Give a task its earlier status, result and error."""
    field = task.field
    result, error = field.text("result"), field.text("error")
    if task.status is TaskStatus.PENDING:
        for name, text in (("result", result), ("error", error)):
            if text:
                report.left(field.subject, f"its {name}, as the task is open")
        return task.status
    target.at(field.moment("completed_at", "updated_at", "created_at"))
    target.tasks.update_status(
        task.task_id, str(task.status), worker=target.worker, result=result or KEEP, error=error or KEEP
    )
    return task.status


def _earlier(task_id: int, report: Report) -> Any:
    return next(earlier for earlier, now in report.ids["tasks"].items() if now == task_id)
