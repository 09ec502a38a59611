"""Moments: milliseconds since 1970 inside, ISO-8601 in UTC at the edges."""

from datetime import UTC, datetime
from typing import Annotated, Any

import attrs

from agent_runtime_kernel.errors import InvalidValue

_FORM = "a time in ISO-8601 with a time zone, such as 2030-01-31T09:00:00Z"
_LONGEST_SHOWN = 80


def is_moment(field: str) -> bool:
    """Tell whether a field of this name holds a moment: all such names end in `_at`, except for two."""
    return field.endswith("_at") or field in ("at", "not_before")


def iso(milliseconds: int) -> str:
    """Write a moment as ISO-8601 in UTC, to the millisecond."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{rest:03d}Z"


@attrs.frozen(eq=False, repr=False)
class IsoMoment:
    """A moment as ISO-8601 with a time zone."""

    def __call__(self, name: str, value: object) -> int:
        """Return the milliseconds since 1970.

        Raises:
            InvalidValue: it is not such a text, has no time zone, or is not between 1970 and 9999.
        """
        shown = repr(value)[:_LONGEST_SHOWN]
        if not isinstance(value, str):
            raise InvalidValue(name, f"is {shown}; it must be {_FORM}")
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            raise InvalidValue(name, f"is {shown}; it must be {_FORM}") from None
        if moment.tzinfo is None:
            raise InvalidValue(name, f"is {shown}, without a time zone; it must be {_FORM}")
        try:
            milliseconds = round(moment.timestamp() * 1000)
        except (OverflowError, ValueError):
            milliseconds = -1
        if milliseconds < 0:
            raise InvalidValue(name, f"is {shown}; it must be between 1970 and 9999")
        return milliseconds

    @property
    def schema(self) -> dict[str, Any]:
        """The type as JSON Schema."""
        return {"type": "string", "format": "date-time"}


IsoTime = Annotated[int, IsoMoment()]
