"""The changes of an edit. An omitted field is kept, None clears a field that may be empty, a value is validated."""

from collections.abc import Callable
from typing import Any

import attrs

from .bounds import CRITERIA, DEPENDENCIES, GOAL_ID, LONG_TEXT, MAX_ATTEMPTS, METADATA, MOMENT, PRIORITY, TASK_ID, TITLE
from .errors import InvalidValue

KEEP = attrs.NOTHING

_BOUNDS: dict[str, Callable[[str, object], Any]] = {
    "title": TITLE,
    "description": LONG_TEXT,
    "priority": PRIORITY,
    "dependencies": DEPENDENCIES,
    "parent_id": TASK_ID,
    "goal_id": GOAL_ID,
    "acceptance_criteria": CRITERIA,
    "metadata": METADATA,
    "max_attempts": MAX_ATTEMPTS,
    "not_before": MOMENT,
    "result": LONG_TEXT,
    "error": LONG_TEXT,
}
_EMPTY: dict[str, Any] = {
    "description": "",
    "dependencies": (),
    "parent_id": None,
    "goal_id": None,
    "acceptance_criteria": (),
    "metadata": {},
    "not_before": None,
    "result": None,
    "error": None,
}


def validated_changes(**given: Any) -> dict[str, Any]:
    """Return the values to change, by the names of the task's fields.

    Raises:
        InvalidValue: a value is out of its bounds, or a field is cleared that must have a value.
    """
    changes = {}
    for name, value in given.items():
        if value is KEEP:
            continue
        if value is not None:
            changes[name] = _BOUNDS[name](name, value)
        elif name in _EMPTY:
            changes[name] = _EMPTY[name]
        else:
            raise InvalidValue(name, "can't be cleared", f"omit {name} to keep it")
    return changes
