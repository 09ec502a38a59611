"""What the arguments of this library may be, and the words for states."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated

from ._gate import SCORE
from ._guard import Result
from ._roles import AgentTypes, Fallbacks
from ._values import Choice, Integer, Items, Number, Text

# Sums of this many tokens over every attempt of the longest pipeline still fit into 64 bits.
MOST_TOKENS = 10**12

PIPELINE_ID = Integer(low=1)
OUTPUT_ID = Integer(low=1)
TASK_ID = Integer(low=1)
ENTITY_ID = Integer()
STEP_INDEX = Integer(high=255)
OFFSET = Integer()
NAME = Text(shortest=1, characters=500, one_line=True)
GOAL = Text(shortest=1, kib=4)
DESCRIPTION = Text(kib=64)
AGENT_TYPES = AgentTypes()
FALLBACKS = Fallbacks()
BUDGET = Integer(low=1, high=MOST_TOKENS)
TOKENS = Integer(high=MOST_TOKENS)
MAX_RETRIES = Integer(high=100)
SCORES = Items(item=SCORE, at_most=256)
SOURCES = Items(item=Text(shortest=1, characters=500, one_line=True), at_most=100)
SUMMARY = Text(kib=64)
OUTPUT = Text(kib=1024)
REASON = Text(kib=4)
ERROR = Text(kib=64)
BATON_ID = Text(shortest=1, characters=200, exact=True)
WORKER = Text(shortest=1, characters=200, exact=True)
LEASE_SECONDS = Number(low=10, high=86_400)
RETRY_AFTER_SECONDS = Number(low=0, high=31_536_000)
LIMIT = Integer(low=1, high=200)


class RelayStatus(StrEnum):
    """Where a pipeline stands. Completed and cancelled are final; paused and failed can be resumed."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def resumable(self) -> bool:
        """Whether `update` with status in_progress takes the pipeline up again."""
        return self in (RelayStatus.PAUSED, RelayStatus.FAILED)

    @property
    def runs(self) -> bool:
        """Whether a baton of the pipeline may be claimed and handed on."""
        return self in (RelayStatus.PENDING, RelayStatus.IN_PROGRESS)


class StepStatus(StrEnum):
    """Where a step stands: nothing issued, a baton issued, its baton claimed, or how its last attempt ended."""

    PENDING = "pending"
    READY = "ready"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """What came of handing a baton on."""

    ADVANCED = "advanced"
    COMPLETED = "completed"
    GATE_FAILED = "gate_failed"
    BUDGET_EXHAUSTED = "budget_exhausted"
    BLOCKED = "blocked"


class WaitingFor(StrEnum):
    """What has to happen before a baton can be worked on."""

    RETRY = "retry"
    BREAKER = "breaker"
    BUDGET = "budget"
    RESUME = "resume"
    NOTHING = "nothing"


STATUS = Choice(words=tuple(RelayStatus))
WANTED_STATUS = Choice(words=(RelayStatus.PAUSED, RelayStatus.IN_PROGRESS, RelayStatus.CANCELLED))
FAILURE_TYPE = Choice(words=tuple(result for result in Result if result not in (Result.SUCCESS, Result.RELEASE)))

PipelineId = Annotated[int, PIPELINE_ID]
OutputId = Annotated[int, OUTPUT_ID]
TaskId = Annotated[int, TASK_ID]
EntityId = Annotated[int, ENTITY_ID]
StepIndex = Annotated[int, STEP_INDEX]
Offset = Annotated[int, OFFSET]
PipelineName = Annotated[str, NAME]
Goal = Annotated[str, GOAL]
Description = Annotated[str, DESCRIPTION]
AgentTypeList = Annotated[Sequence[str] | str, AGENT_TYPES]
FallbackAgents = Annotated[Mapping[str, str], FALLBACKS]
Budget = Annotated[int, BUDGET]
Tokens = Annotated[int, TOKENS]
MaxRetries = Annotated[int, MAX_RETRIES]
Score = Annotated[float, SCORE]
ScoreList = Annotated[Sequence[float], SCORES]
Sources = Annotated[Sequence[str], SOURCES]
Summary = Annotated[str, SUMMARY]
OutputText = Annotated[str, OUTPUT]
Reason = Annotated[str, REASON]
ErrorText = Annotated[str, ERROR]
BatonId = Annotated[str, BATON_ID]
Worker = Annotated[str, WORKER]
LeaseSeconds = Annotated[float, LEASE_SECONDS]
RetryAfterSeconds = Annotated[float, RETRY_AFTER_SECONDS]
Status = Annotated[str, STATUS]
WantedStatus = Annotated[str, WANTED_STATUS]
FailureType = Annotated[str, FAILURE_TYPE]
Limit = Annotated[int, LIMIT]
