"""Bounds of arguments that belong to the server and to no library."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import attrs

from agent_runtime_kernel.bounds import KIB, Choice, Integer, Text

from ..contract.arguments import Argument

REQUEST_ID = Text(min_length=1, max_length=200, exact=True)
WORKER = Text(min_length=1, max_length=200, exact=True)

GOAL_FIELDS = Choice(words=("name", "description", "acceptance_criteria", "outcome", "metadata", "sub_goals"))
TASK_FIELDS = Choice(
    words=(
        "title",
        "description",
        "acceptance_criteria",
        "result",
        "error",
        "progress_note",
        "metadata",
        "dependencies",
        "dependents",
        "children",
        "blocked_by",
        "attempt_history",
    )
)

CursorText = Annotated[str, Text(min_length=1, max_length=500, exact=True)]
ClaimToken = Annotated[str, Text(min_length=1, max_length=200, exact=True)]
Query = Annotated[str, Text(min_length=1, max_bytes=4 * KIB)]
WhatBecomesOfOpenTasks = Annotated[str, Choice(words=("refuse", "cancel"))]
Detail = Annotated[str, Choice(words=("brief", "full"))]
ReadinessWord = Annotated[str, Choice(words=("ready", "waiting", "unreachable", "group"))]
Strategy = Annotated[str, Choice(words=("sequential", "parallel", "hierarchical"))]
MaxTasks = Annotated[int, Integer(ge=1, le=500)]
Offset = Annotated[int, Integer(ge=0)]
GoalField = Annotated[str, GOAL_FIELDS]
TaskField = Annotated[str, TASK_FIELDS]


@attrs.frozen(eq=False, repr=False)
class PlanItems:
    """The items of a plan. The tasks library validates them as a whole, so that an error can name all faults."""

    def __call__(self, _name: str, value: object) -> object:
        """Return the items as they are."""
        return value

    @property
    def schema(self) -> dict[str, Any]:
        """The shape that a model is shown."""
        text = {"type": "string"}
        texts = {"type": "array", "items": text}
        fields: Mapping[str, Any] = {
            "key": text,
            "title": text,
            "description": text,
            "depends_on": texts,
            "parent": text,
            "priority": {"type": "integer"},
            "acceptance_criteria": texts,
        }
        return {
            "type": "array",
            "items": {"type": "object", "properties": dict(fields), "required": ["title"]},
            "maxItems": 500,
        }


Plan = Annotated[Sequence[Any], PlanItems()]

REQUEST_ID_ARGUMENT = Argument(
    name="request_id",
    description="your id for this call: repeated, the first reply",
    required=False,
    default=None,
    clearable=False,
    bound=REQUEST_ID,
)
WORKER_ARGUMENT = Argument(
    name="worker",
    description="your name, if not this session's",
    required=False,
    default=None,
    clearable=False,
    bound=WORKER,
)
