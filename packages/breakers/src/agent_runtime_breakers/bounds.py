"""Bounds and defaults of this library's arguments, and the annotated types that carry the bounds in signatures.

The default settings of a breaker are the defaults of `Settings`.
"""

from typing import Annotated

from agent_runtime_kernel.bounds import KIB, Choice, Integer, Text

from ._model import Result
from ._rules.events import FailureType
from ._rules.position import BreakerState
from ._rules.settings import (
    AGENT_ID,
    SECONDS,
    AgentId,
    Count,
    ModeName,
    Multiplier,
    Probes,
    Rate,
    Seconds,
    SomeSeconds,
)
from .errors import InvalidValue

__all__ = [
    "AFTER_AGENT",
    "AFTER_NUMBER",
    "AGENT_ID",
    "DEFAULT_HISTORY_LIMIT",
    "DEFAULT_LIST_LIMIT",
    "DEFAULT_TRIP_REASON",
    "FAILURE_TYPE",
    "HOLDER",
    "LIMIT",
    "MAX_MESSAGE_BYTES",
    "MESSAGE",
    "PERMIT_ID",
    "REASON",
    "RESULT",
    "RETRY_AFTER",
    "STATE",
    "WORKER",
    "AfterAgent",
    "AfterNumber",
    "AgentId",
    "Count",
    "FailureTypeName",
    "Holder",
    "Limit",
    "Message",
    "ModeName",
    "Multiplier",
    "PermitId",
    "Probes",
    "Rate",
    "Reason",
    "ResultName",
    "RetryAfter",
    "Seconds",
    "SomeSeconds",
    "State",
    "Worker",
    "retry_after",
]

DEFAULT_LIST_LIMIT = 50
DEFAULT_HISTORY_LIMIT = 50
DEFAULT_TRIP_REASON = "manual intervention"
MAX_MESSAGE_BYTES = 4 * KIB

PERMIT_ID = Text(min_length=1, max_length=200, exact=True)
WORKER = Text(min_length=1, max_length=200, exact=True)
HOLDER = Text(min_length=1, max_length=1_000, exact=True)
MESSAGE = Text(max_bytes=MAX_MESSAGE_BYTES)
REASON = Text(min_length=1, max_bytes=MAX_MESSAGE_BYTES)
FAILURE_TYPE = Choice(words=tuple(FailureType))
RESULT = Choice(words=tuple(Result))
STATE = Choice(words=tuple(BreakerState))
LIMIT = Integer(ge=1, le=200)
AFTER_AGENT = Text(max_length=200, exact=True)
AFTER_NUMBER = Integer(ge=0)
RETRY_AFTER = SECONDS

PermitId = Annotated[str, PERMIT_ID]
Worker = Annotated[str, WORKER]
Holder = Annotated[str, HOLDER]
Message = Annotated[str, MESSAGE]
Reason = Annotated[str, REASON]
FailureTypeName = Annotated[str, FAILURE_TYPE]
ResultName = Annotated[str, RESULT]
State = Annotated[str, STATE]
Limit = Annotated[int, LIMIT]
AfterAgent = Annotated[str, AFTER_AGENT]
AfterNumber = Annotated[int, AFTER_NUMBER]
RetryAfter = Annotated[float, RETRY_AFTER]


def retry_after(result: str, seconds: object) -> int | None:
    """Validate the time after which a rate-limited agent may be asked again, and return it in milliseconds or None.

    Raises:
        InvalidValue: the time is out of its bounds, or is given with a result other than rate_limited.
    """
    if seconds is None:
        return None
    milliseconds = round(RETRY_AFTER("retry_after_seconds", seconds) * 1000)
    if result != FailureType.RATE_LIMITED:
        raise InvalidValue("retry_after_seconds", f"does not go with {result}", "omit it, or report rate_limited")
    return milliseconds
