"""Pages: of lists, in rows with a cursor that belongs to the filters; of long fields, in parts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs

from ..errors import InvalidArguments
from .json import compact, plain, reply, sometimes
from .sizes import LARGEST_PAGE, fit_row, part_of

_LARGEST_ID = 2**63 - 1
_ROOM_FOR_A_ROW = 2048  # bytes, however much there is beside the rows
_BESIDE_THE_ROWS = 256  # bytes for total and next_cursor


@attrs.frozen(eq=False, repr=False)
class Cursor:
    """Where a list goes on.

    Args:
        filters: what the list was asked for; a cursor of another list is refused.
    """

    filters: Mapping[str, Any]

    def after(self, cursor: str | None) -> str | None:
        """Return the key of the last row before the page, or None for the first page.

        Raises:
            InvalidArguments: the cursor was made by no list, or by another one.
        """
        if cursor is None:
            return None
        mark, _, key = cursor.partition(".")
        if mark != self._mark or not key:
            raise _foreign_cursor()
        return key

    def after_id(self, cursor: str | None) -> int:
        """Return the id of the last row before the page, in a list that is ordered by ids; 0 for the first page.

        Raises:
            InvalidArguments: the cursor was made by no list, or by another one.
        """
        key = self.after(cursor)
        if key is None:
            return 0
        if not (key.isascii() and key.isdecimal() and len(key) < 20 and int(key) <= _LARGEST_ID):
            raise _foreign_cursor()
        return int(key)

    def at(self, key: object) -> str:
        """Return the cursor that goes on after a row."""
        return f"{self._mark}.{key}"

    @property
    def _mark(self) -> str:
        import zlib

        return f"{zlib.crc32(compact(self.filters).encode()):08x}"


def page(
    rows: Iterable[Any],
    *,
    more: bool,
    cursor: Cursor,
    key: Callable[[dict[str, Any]], object],
    leave_out: Sequence[str] = (),
    beside: int = 0,
) -> tuple[tuple[dict[str, Any], ...], str | None]:
    """Return the rows that one page holds, as JSON values, and the cursor behind them.

    Args:
        rows: the rows of the page, as attrs values.
        more: whether further rows follow.
        cursor: the list's cursor.
        key: returns what the list is ordered by.
        leave_out: fields that a list does not show.
        beside: bytes of the reply that are not rows.
    """
    shown: list[dict[str, Any]] = []
    room = max(LARGEST_PAGE - _BESIDE_THE_ROWS - beside, _ROOM_FOR_A_ROW)
    total = 0
    for row in rows:
        values, written = fit_row({name: value for name, value in plain(row).items() if name not in leave_out}, room)
        total += written + 1
        if shown and total > room:
            more = True
            break
        shown.append(values)
    return tuple(shown), cursor.at(key(shown[-1])) if shown and more else None


@reply
class TextPart:
    """A part of a long text."""

    text: str
    offset: int
    next_offset: int | None
    bytes: int
    goal_id: int | None = sometimes()
    task_id: int | None = sometimes()


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


def _foreign_cursor() -> InvalidArguments:
    return InvalidArguments(
        ["cursor belongs to no list with these filters"], "pass next_cursor with the same filters, or omit it"
    )
