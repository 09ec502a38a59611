"""Pages of lists, and parts of long fields.

A page ends with a cursor: a checksum of the list's filters and the key of the last row. A cursor is refused with other
filters, as it would skip rows of that list.
"""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs

from ..errors import InvalidArguments
from .json import compact, plain, reply, sometimes
from .sizes import LARGEST_PAGE, fit_row, part_of

_LARGEST_ID = 2**63 - 1
_ROOM_FOR_A_ROW = 2048  # bytes, however long the rest of the reply is
_BESIDE_THE_ROWS = 256  # bytes for total and next_cursor


@attrs.frozen(eq=False, repr=False)
class Cursor:
    """The cursors of one list.

    Args:
        filters: the filters of the list. A cursor that was made with other filters is refused.
    """

    filters: Mapping[str, Any]

    def after(self, cursor: str | None) -> str | None:
        """Return the key of the last row before the page, or None for the first page.

        Raises:
            InvalidArguments: the cursor is not a cursor, or belongs to another list.
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
            InvalidArguments: the cursor is not a cursor, or belongs to another list.
        """
        key = self.after(cursor)
        if key is None:
            return 0
        if not (key.isascii() and key.isdecimal() and len(key) < 20 and int(key) <= _LARGEST_ID):
            raise _foreign_cursor()
        return int(key)

    def at(self, key: object) -> str:
        """Return the cursor of the page after a row.

        Args:
            key: the key of the row.
        """
        return f"{self._mark}.{key}"

    @property
    def _mark(self) -> str:
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
    """Return the rows that fit on a page, as JSON values, and the cursor of the next page or None.

    Args:
        rows: the rows of the page, as attrs values.
        more: true if further rows follow.
        cursor: the cursors of the list.
        key: returns the key by which the list is ordered.
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
    """Return a part of a field of a reply: of a text as it is, of a list or an object as JSON.

    Args:
        reply: the reply with the field.
        field: the name of the field.
        offset: the first byte of the part.
        goal_id: the goal that the caller asked for, or None.
        task_id: the task that the caller asked for, or None.
    """
    value = plain(reply)[field]
    whole = value if isinstance(value, str) else "" if value is None else compact(value)
    text, start, next_offset, size = part_of(whole, offset)
    return TextPart(text=text, offset=start, next_offset=next_offset, bytes=size, goal_id=goal_id, task_id=task_id)


def _foreign_cursor() -> InvalidArguments:
    return InvalidArguments(
        ["cursor does not belong to a list with these filters"], "pass next_cursor with the same filters, or omit it"
    )
