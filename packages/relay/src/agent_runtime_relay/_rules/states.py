"""The states of pipelines and steps, and the outcomes of a handover."""

from enum import StrEnum


class RelayStatus(StrEnum):
    """The state of a pipeline. Completed and cancelled are final; paused and failed can be resumed."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def resumable(self) -> bool:
        """True if `update` with status in_progress resumes the pipeline."""
        return self in (RelayStatus.PAUSED, RelayStatus.FAILED)

    @property
    def runs(self) -> bool:
        """True if a baton of the pipeline may be claimed and handed on."""
        return self in (RelayStatus.PENDING, RelayStatus.IN_PROGRESS)


class StepStatus(StrEnum):
    """The state of a step: nothing issued, a baton issued, its baton claimed, or how its last attempt ended."""

    PENDING = "pending"
    READY = "ready"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """The outcome of handing a baton on."""

    ADVANCED = "advanced"
    COMPLETED = "completed"
    GATE_FAILED = "gate_failed"
    BUDGET_EXHAUSTED = "budget_exhausted"
    BLOCKED = "blocked"


class WaitingFor(StrEnum):
    """The event that a pipeline waits for before a baton can be worked on."""

    RETRY = "retry"
    BREAKER = "breaker"
    BUDGET = "budget"
    RESUME = "resume"
    NOTHING = "nothing"
