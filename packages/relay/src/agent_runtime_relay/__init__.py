"""Sequential pipelines of AI agents: one piece of work handed from agent to agent."""

from agent_runtime_kernel.findings import Finding

from ._batons import Advance, Baton, BatonReading, Claim, FailedAttempt, NextBaton, Retry
from ._gate import Check, GateResult
from ._guard import Admission, Guard, Refusal, Result, Unguarded
from ._model import CreatedRelay, Orphan, OutputPage, Relay, RelayChange, RelayPage, RelayStep, RelaySummary
from ._prompt import HandingOver
from ._provenance import l_score
from ._relays import KEEP, Relays
from ._roles import PRESETS, ROLES, Role
from ._routing import RouteReason
from ._schema import SCHEMA
from .bounds import Outcome, RelayStatus, StepStatus, WaitingFor

__all__ = [
    "KEEP",
    "PRESETS",
    "ROLES",
    "SCHEMA",
    "Admission",
    "Advance",
    "Baton",
    "BatonReading",
    "Check",
    "Claim",
    "CreatedRelay",
    "FailedAttempt",
    "Finding",
    "GateResult",
    "Guard",
    "HandingOver",
    "NextBaton",
    "Orphan",
    "Outcome",
    "OutputPage",
    "Refusal",
    "Relay",
    "RelayChange",
    "RelayPage",
    "RelayStatus",
    "RelayStep",
    "RelaySummary",
    "Relays",
    "Result",
    "Retry",
    "Role",
    "RouteReason",
    "StepStatus",
    "Unguarded",
    "WaitingFor",
    "l_score",
]
