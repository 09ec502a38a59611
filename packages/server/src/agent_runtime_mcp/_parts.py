"""Long fields of goals and tasks, read part by part."""

from typing import Annotated, Any

from ._plain import compact, plain
from ._sizes import part_of
from ._task_replies import TextPart
from ._values import Choice, Integer

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
Offset = Annotated[int, Integer(low=0)]


def part(reply: Any, field: str, offset: int) -> TextPart:
    """Return a part of a field of a reply: a text as it is, a list or an object as JSON."""
    value = plain(reply)[field]
    whole = value if isinstance(value, str) else "" if value is None else compact(value)
    text, start, next_offset, size = part_of(whole, offset)
    return TextPart(text=text, offset=start, next_offset=next_offset, bytes=size)
