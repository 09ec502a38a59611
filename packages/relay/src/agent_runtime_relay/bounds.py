"""The bounds and defaults of this library's arguments, and the words for states."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from agent_runtime_kernel.bounds import KIB, Choice, Integer, Items, Number, Text

from ._guard import Result
from ._rules.gate import SCORE
from ._rules.provenance import ACCEPTED_FROM
from ._rules.roles import AgentTypes, Fallbacks
from ._rules.states import Outcome as Outcome
from ._rules.states import RelayStatus as RelayStatus
from ._rules.states import StepStatus as StepStatus
from ._rules.states import WaitingFor as WaitingFor

# Sums of this many tokens over every attempt of the longest pipeline still fit into 64 bits.
MOST_TOKENS = 10**12

PIPELINE_ID = Integer(ge=1)
OUTPUT_ID = Integer(ge=1)
TASK_ID = Integer(ge=1)
ENTITY_ID = Integer()
STEP_INDEX = Integer(le=255)
OFFSET = Integer()
NAME = Text(min_length=1, max_length=500, one_line=True)
GOAL = Text(min_length=1, max_bytes=4 * KIB)
DESCRIPTION = Text(max_bytes=64 * KIB)
AGENT_TYPES = AgentTypes()
FALLBACKS = Fallbacks()
BUDGET = Integer(ge=1, le=MOST_TOKENS)
TOKENS = Integer(le=MOST_TOKENS)
MAX_RETRIES = Integer(le=100)
SCORES = Items(item=SCORE, max_items=256)
SOURCES = Items(item=Text(min_length=1, max_length=500, one_line=True), max_items=100)
SUMMARY = Text(max_bytes=64 * KIB)
OUTPUT = Text(max_bytes=1024 * KIB)
REASON = Text(max_bytes=4 * KIB)
ERROR = Text(max_bytes=64 * KIB)
BATON_ID = Text(min_length=1, max_length=200, exact=True)
WORKER = Text(min_length=1, max_length=200, exact=True)
LEASE_SECONDS = Number(ge=10, le=86_400)
RETRY_AFTER_SECONDS = Number(ge=0, le=31_536_000)
LIMIT = Integer(ge=1, le=200)

DEFAULT_LEASE_SECONDS = 900
DEFAULT_MAX_RETRIES = 3
DEFAULT_L_SCORE_THRESHOLD = ACCEPTED_FROM
DEFAULT_LIST_LIMIT = 50

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
