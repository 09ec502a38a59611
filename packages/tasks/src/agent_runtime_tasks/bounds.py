"""What the arguments of this library may be: bounds, and the annotated types that carry them in signatures."""

from collections.abc import Mapping
from typing import Annotated, Any

from ._model import Readiness, TaskStatus
from ._values import Choice, Integer, Items, JsonObject, Text

TASK_ID = Integer(low=1)
GOAL_ID = Integer(low=1)
TITLE = Text(shortest=1, characters=500, one_line=True)
LONG_TEXT = Text(kib=64)
SHORT_TEXT = Text(kib=4)
WORKER = Text(shortest=1, characters=200, exact=True)
CRITERIA = Items(item=Text(shortest=1, kib=2), at_most=50)
METADATA = JsonObject(kib=64)
PRIORITY = Integer(low=1, high=10)
DEPENDENCIES = Items(item=TASK_ID, at_most=1000)
MAX_ATTEMPTS = Integer(low=1, high=100)
LEASE = Integer(low=10, high=86_400)
DELAY = Integer(low=0, high=31_536_000)
LIMIT = Integer(low=1, high=200)
MOMENT = Integer(low=0, high=253_402_300_799_999)
STATUS = Choice(words=tuple(TaskStatus))
READINESS = Choice(words=tuple(Readiness))

TaskId = Annotated[int, TASK_ID]
GoalId = Annotated[int, GOAL_ID]
Title = Annotated[str, TITLE]
LongText = Annotated[str, LONG_TEXT]
ShortText = Annotated[str, SHORT_TEXT]
Worker = Annotated[str, WORKER]
Criteria = Annotated[tuple[str, ...], CRITERIA]
Metadata = Annotated[Mapping[str, Any], METADATA]
Priority = Annotated[int, PRIORITY]
Dependencies = Annotated[tuple[int, ...], DEPENDENCIES]
MaxAttempts = Annotated[int, MAX_ATTEMPTS]
LeaseSeconds = Annotated[int, LEASE]
DelaySeconds = Annotated[int, DELAY]
Limit = Annotated[int, LIMIT]
Moment = Annotated[int, MOMENT]
Status = Annotated[str, STATUS]
