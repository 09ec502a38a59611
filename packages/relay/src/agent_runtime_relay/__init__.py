"""Sequential pipelines of AI agents: one piece of work handed from agent to agent."""

from agent_runtime_kernel.findings import Finding

from ._batons import Advance, Baton, BatonReading, Claim, FailedAttempt, NextBaton, Retry
from ._guard import Admission, Guard, Refusal, Result, Unguarded
from ._model import CreatedRelay, Orphan, OutputPage, Relay, RelayChange, RelayPage, RelayStep, RelaySummary
from ._records.schema import SCHEMA
from ._relays import KEEP, Relays
from ._rules.gate import Check, GateResult
from ._rules.provenance import l_score
from ._rules.roles import PRESETS, ROLES, Role
from ._rules.routing import RouteReason
from ._work.prompt import HandingOver
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
