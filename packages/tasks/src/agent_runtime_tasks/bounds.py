"""Bounds and defaults of this library's arguments, and the annotated types that carry the bounds in signatures."""

from collections.abc import Mapping
from typing import Annotated, Any

from agent_runtime_kernel.bounds import KIB, Choice, Integer, Items, JsonObject, Text

from ._model import Readiness, TaskStatus

DEFAULT_PRIORITY = 5
DEFAULT_MAX_ATTEMPTS = 3
DEFAULT_LEASE_SECONDS = 900
DEFAULT_LIST_LIMIT = 50
DEFAULT_OFFERS_LIMIT = 1
DEFAULT_OPEN_LIMIT = 10
MAX_PLAN_ITEMS = 500
MAX_GROUP_DEPTH = 16  # groups above a task

TASK_ID = Integer(ge=1)
GOAL_ID = Integer(ge=1)
TITLE = Text(min_length=1, max_length=500, one_line=True)
LONG_TEXT = Text(max_bytes=64 * KIB)
SHORT_TEXT = Text(max_bytes=4 * KIB)
WORKER = Text(min_length=1, max_length=200, exact=True)
CRITERIA = Items(item=Text(min_length=1, max_bytes=2 * KIB), max_items=50)
METADATA = JsonObject(max_bytes=64 * KIB)
PRIORITY = Integer(ge=1, le=10)
DEPENDENCIES = Items(item=TASK_ID, max_items=1000)
MAX_ATTEMPTS = Integer(ge=1, le=100)
LEASE = Integer(ge=10, le=86_400)
DELAY = Integer(ge=0, le=31_536_000)
LIMIT = Integer(ge=1, le=200)
MOMENT = Integer(ge=0, le=253_402_300_799_999)
STATUS = Choice(words=tuple(TaskStatus))
READINESS = Choice(words=tuple(Readiness))
PLAN_KEY = Text(min_length=1, max_length=200, one_line=True)
PLAN_DEPENDENCIES = Items(item=PLAN_KEY, max_items=1000)

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
