"""Goals of AI agents that outlive a session."""

from agent_runtime_kernel.findings import Finding

from ._goals import KEEP, Goals
from ._model import Goal, GoalChange, GoalPage, GoalStatus
from ._schema import SCHEMA

__all__ = ["KEEP", "SCHEMA", "Finding", "Goal", "GoalChange", "GoalPage", "GoalStatus", "Goals"]
