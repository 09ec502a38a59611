"""Goals of an earlier file."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agent_runtime_goals import GoalStatus
from agent_runtime_kernel.errors import AgentRuntimeError

from .report import Report
from .target import Target
from .values import Field, as_text

_STATUSES: Mapping[str, GoalStatus] = {
    "active": GoalStatus.ACTIVE,
    "pending": GoalStatus.ACTIVE,
    "in_progress": GoalStatus.ACTIVE,
    "paused": GoalStatus.PAUSED,
    "completed": GoalStatus.COMPLETED,
    "done": GoalStatus.COMPLETED,
    "failed": GoalStatus.CANCELLED,
    "abandoned": GoalStatus.CANCELLED,
    "cancelled": GoalStatus.CANCELLED,
    "canceled": GoalStatus.CANCELLED,
}


def take(rows: Sequence[Mapping[str, Any]], target: Target, report: Report) -> None:
    """Create the goals, all of them active; they are closed by `settle`, after their tasks were created."""
    for row in rows:
        field = Field(f"goal {row.get('id')}", row, report)
        target.at(field.moment("created_at"))
        try:
            goal = target.goals.create(
                field.name("name", f"goal {row.get('id')} of the earlier file"),
                field.text("description"),
                metadata=field.metadata(),
            )
        except AgentRuntimeError as error:
            report.left(field.subject, str(error))
            continue
        report.took("goals", row.get("id"), goal.goal_id)


def settle(rows: Sequence[Mapping[str, Any]], target: Target, report: Report) -> None:
    """Give the goals their earlier status.

    A completed goal with open tasks stays active. A cancelled goal cancels its open tasks.
    """
    for field, goal_id, status in _closing(rows, report):
        target.at(field.moment("completed_at", "updated_at"))
        still_open, first = target.tasks.open_in([goal_id])
        if still_open and status is GoalStatus.COMPLETED:
            report.mapped(field.subject, f"completed with {still_open} open tasks: stays active")
            continue
        if still_open and status is GoalStatus.CANCELLED:
            target.tasks.cancel_open_in([goal_id], worker=target.worker)
            report.mapped(field.subject, f"{still_open} open tasks cancelled with it, the first is now {first[0]}")
        if status is GoalStatus.PAUSED:
            target.tasks.hold([goal_id])
        target.goals.update(goal_id, status=str(status))


def _closing(rows: Sequence[Mapping[str, Any]], report: Report) -> Iterator[tuple[Field, int, GoalStatus]]:
    """Yield the goals that do not stay active, with their new id and status."""
    for row in rows:
        goal_id = report.ids["goals"].get(row.get("id"))
        if goal_id is None:
            continue
        field = Field(f"goal {row.get('id')}", row, report)
        word = as_text(row.get("status")).lower() or "active"
        status = _STATUSES.get(word, GoalStatus.ACTIVE)
        if status != word:
            report.mapped(field.subject, f"status {word[:40]!r} became {status}")
        if status is not GoalStatus.ACTIVE:
            yield field, goal_id, status
