"""Circuit breakers for AI agents, shared by every process on one SQLite file."""

from agent_runtime_kernel.findings import Finding

from ._breakers import Breakers
from ._guard import Failure, Guard, classify
from ._model import Admission, Breaker, BreakerBrief, BreakerChange, BreakerPage, HistoryPage, RecentFailure, Result
from ._records.schema import SCHEMA
from ._rules.events import FailureType, RefusalReason
from ._rules.position import BreakerState, Cause, Position, Transition, replay
from ._rules.settings import KEEP, Mode, Settings
from ._rules.standing import PermitKind

__all__ = [
    "KEEP",
    "SCHEMA",
    "Admission",
    "Breaker",
    "BreakerBrief",
    "BreakerChange",
    "BreakerPage",
    "BreakerState",
    "Breakers",
    "Cause",
    "Failure",
    "FailureType",
    "Finding",
    "Guard",
    "HistoryPage",
    "Mode",
    "PermitKind",
    "Position",
    "RecentFailure",
    "RefusalReason",
    "Result",
    "Settings",
    "Transition",
    "classify",
    "replay",
]
