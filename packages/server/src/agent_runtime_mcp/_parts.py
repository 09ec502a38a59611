"""Long fields of goals and tasks, read part by part."""

from typing import Annotated, Any

from ._plain import compact
from ._sizes import part_of
from ._task_replies import TextPart
from ._values import Choice, Integer

GOAL_FIELDS = Choice(words=("description", "acceptance_criteria", "metadata", "outcome"))
TASK_FIELDS = Choice(words=("description", "acceptance_criteria", "metadata", "result", "error"))
Offset = Annotated[int, Integer(low=0)]


def part(record: Any, field: str, offset: int) -> TextPart:
    """Return a part of a field: a text as it is, a list or an object as JSON."""
    value = getattr(record, field)
    whole = value if isinstance(value, str) else "" if value is None else compact(value)
    text, next_offset, size = part_of(whole, offset)
    return TextPart(text=text, offset=offset, next_offset=next_offset, bytes=size)
