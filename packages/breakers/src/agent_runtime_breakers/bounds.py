"""What the arguments of this library may be: the annotated types that carry the bounds in signatures."""

from ._model import FailureTypeName, Limit, Message, PermitId, Reason, RetryAfter, State
from ._rules.settings import AgentId, Count, ModeName, Multiplier, Probes, Rate, Seconds, SomeSeconds

__all__ = [
    "AgentId",
    "Count",
    "FailureTypeName",
    "Limit",
    "Message",
    "ModeName",
    "Multiplier",
    "PermitId",
    "Probes",
    "Rate",
    "Reason",
    "RetryAfter",
    "Seconds",
    "SomeSeconds",
    "State",
]
