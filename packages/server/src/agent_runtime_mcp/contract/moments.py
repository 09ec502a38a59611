"""Moments: milliseconds since 1970 inside, ISO-8601 in UTC at the edges."""

from datetime import UTC, datetime
from typing import Annotated, Any

import attrs

from agent_runtime_kernel.errors import InvalidValue


def is_moment(field: str) -> bool:
    """Say whether a field of this name holds a moment: throughout the house such names end in `_at`, but for two."""
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
            InvalidValue: it is no such text, names no zone, or lies before 1970 or after 9999.
        """
        wanted = "must be a time in ISO-8601 with a zone, such as 2030-01-31T09:00:00Z"
        if not isinstance(value, str):
            raise InvalidValue(name, wanted)
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            raise InvalidValue(name, wanted) from None
        if moment.tzinfo is None:
            raise InvalidValue(name, f"names no zone; it {wanted}")
        try:
            milliseconds = round(moment.timestamp() * 1000)
        except (OverflowError, ValueError):
            raise InvalidValue(name, "lies outside of the calendar") from None
        if milliseconds < 0:
            raise InvalidValue(name, "lies before 1970")
        return milliseconds

    @property
    def schema(self) -> dict[str, Any]:
        """The type in the words of JSON Schema."""
        return {"type": "string", "format": "date-time"}


IsoTime = Annotated[int, IsoMoment()]
