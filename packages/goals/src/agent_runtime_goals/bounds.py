"""What the arguments of this library may be: bounds, and the annotated types that carry them in signatures."""

from collections.abc import Mapping
from typing import Annotated, Any

from ._model import GoalStatus
from ._values import Choice, Integer, Items, JsonObject, Text

GOAL_ID = Integer(low=1)
NAME = Text(shortest=1, characters=500, one_line=True)
DESCRIPTION = Text(kib=64)
OUTCOME = Text(kib=4)
CRITERIA = Items(item=Text(shortest=1, kib=2), at_most=50)
METADATA = JsonObject(kib=64)
LIMIT = Integer(low=1, high=200)
STATUS = Choice(words=tuple(GoalStatus))

GoalId = Annotated[int, GOAL_ID]
GoalName = Annotated[str, NAME]
Description = Annotated[str, DESCRIPTION]
Outcome = Annotated[str, OUTCOME]
Criteria = Annotated[tuple[str, ...], CRITERIA]
Metadata = Annotated[Mapping[str, Any], METADATA]
Status = Annotated[str, STATUS]
Limit = Annotated[int, LIMIT]
