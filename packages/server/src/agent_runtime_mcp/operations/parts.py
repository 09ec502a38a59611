"""Long fields of goals and tasks, read part by part."""

from typing import Annotated, Any

from .._values import Choice, Integer
from ..replies.json import compact, plain
from ..replies.sizes import part_of
from ..replies.tasks import TextPart

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


def part(reply: Any, field: str, offset: int, *, goal_id: int | None = None, task_id: int | None = None) -> TextPart:
    """Return a part of a field of a reply: a text as it is, a list or an object as JSON.

    Args:
        reply: the reply that the field is of.
        field: its name.
        offset: the byte from which on it is wanted.
        goal_id: the goal that was asked for, if one was.
        task_id: the task that was asked for, if one was.
    """
    value = plain(reply)[field]
    whole = value if isinstance(value, str) else "" if value is None else compact(value)
    text, start, next_offset, size = part_of(whole, offset)
    return TextPart(text=text, offset=start, next_offset=next_offset, bytes=size, goal_id=goal_id, task_id=task_id)
