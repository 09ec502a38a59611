"""A task graph for AI agents: ready queue, claims with leases and fences, attempts, plans."""

from agent_runtime_kernel.findings import Finding

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
from ._records.schema import SCHEMA
from ._rules.plan import InvalidPlan, Plan, PlannedTask, check_plan
from ._tasks import Tasks

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
