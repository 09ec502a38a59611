"""Bounds and defaults of this library's arguments, and the annotated types that carry the bounds in signatures."""

from collections.abc import Mapping
from typing import Annotated, Any

from agent_runtime_kernel.bounds import KIB, Choice, Integer, Items, JsonObject, Text

from ._model import GoalStatus

DEFAULT_LIST_LIMIT = 50

GOAL_ID = Integer(ge=1)
NAME = Text(min_length=1, max_length=500, one_line=True)
DESCRIPTION = Text(max_bytes=64 * KIB)
OUTCOME = Text(max_bytes=4 * KIB)
CRITERIA = Items(item=Text(min_length=1, max_bytes=2 * KIB), max_items=50)
METADATA = JsonObject(max_bytes=64 * KIB)
LIMIT = Integer(ge=1, le=200)
STATUS = Choice(words=tuple(GoalStatus))

GoalId = Annotated[int, GOAL_ID]
GoalName = Annotated[str, NAME]
Description = Annotated[str, DESCRIPTION]
Outcome = Annotated[str, OUTCOME]
Criteria = Annotated[tuple[str, ...], CRITERIA]
Metadata = Annotated[Mapping[str, Any], METADATA]
Status = Annotated[str, STATUS]
Limit = Annotated[int, LIMIT]
