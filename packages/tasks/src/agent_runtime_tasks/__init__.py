"""A task graph for AI agents: ready queue, claims with leases and fences, attempts, plans."""

from typing import TYPE_CHECKING, Any

from ._changes import KEEP
from ._model import (
    Attempt,
    Claim,
    Claimed,
    Counts,
    Offer,
    Outcome,
    Prerequisite,
    Queue,
    Readiness,
    Task,
    TaskChange,
    TaskLinks,
    TaskPage,
    TaskStatus,
)
from ._schema import SCHEMA
from ._tasks import Tasks

if TYPE_CHECKING:
    from ._finding import Finding
    from ._plan import InvalidPlan, Plan, PlannedTask, check_plan

__all__ = [
    "KEEP",
    "SCHEMA",
    "Attempt",
    "Claim",
    "Claimed",
    "Counts",
    "Finding",
    "InvalidPlan",
    "Offer",
    "Outcome",
    "Plan",
    "PlannedTask",
    "Prerequisite",
    "Queue",
    "Readiness",
    "Task",
    "TaskChange",
    "TaskLinks",
    "TaskPage",
    "TaskStatus",
    "Tasks",
    "check_plan",
]

_IMPORTED_AT_FIRST_USE = {
    "Finding": "_finding",
    "InvalidPlan": "_plan",
    "Plan": "_plan",
    "PlannedTask": "_plan",
    "check_plan": "_plan",
}


def __getattr__(name: str) -> Any:
    """Import what most programs do without."""
    module = _IMPORTED_AT_FIRST_USE.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{module}", __name__), name)
