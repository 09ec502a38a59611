"""Values of earlier files, made fit for what is stored now: files that nothing checked hold anything."""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import attrs

from ..replies.json import compact
from ..replies.sizes import cut_text
from .report import Report

LONG_TEXT = 64 * 1024
LONGEST_NAME = 500
_YEAR_5138_IN_SECONDS = 1e11  # a larger number is of milliseconds
_LAST = 253_402_300_799_999


@attrs.frozen
class Field:
    """A row of an earlier file, and where to note what could not be taken from it as it stood.

    Args:
        subject: what the row is, for the notes.
        row: its values by column.
        report: the notes.
    """

    subject: str
    row: Mapping[str, Any]
    report: Report

    def text(self, column: str, longest: int = LONG_TEXT) -> str:
        """Return a text; what is none is written as JSON, and what is too long is cut."""
        found = self.row.get(column)
        text = as_text(found)
        if len(text.encode()) > longest:
            self.report.mapped(self.subject, f"{column} cut from {len(text.encode())} to {longest} bytes")
        return cut_text(text, longest)

    def name(self, column: str, otherwise: str) -> str:
        """Return a text of one line and at most 500 characters that is not empty."""
        text = " ".join("".join(letter if letter.isprintable() else " " for letter in self.text(column)).split())
        if not text:
            self.report.mapped(self.subject, f"{column} was empty: {otherwise}")
        elif len(text) > LONGEST_NAME:
            self.report.mapped(self.subject, f"{column} cut from {len(text)} to {LONGEST_NAME} characters")
        return text[:LONGEST_NAME] or otherwise

    def json(self, column: str, kind: type) -> Any:
        """Return a list or an object; an empty one where it is missing or broken."""
        found = self.row.get(column)
        if found in (None, ""):
            return kind()
        try:
            value = json.loads(as_text(found))
        except ValueError:
            value = None
        if not isinstance(value, kind):
            self.report.left(self.subject, f"{column} is no JSON {'object' if kind is dict else 'list'}")
            return kind()
        return value

    def metadata(self) -> dict[str, Any]:
        """Return the metadata, unless it is larger than what is stored now."""
        found: dict[str, Any] = self.json("metadata", dict)
        if len(compact(found).encode(errors="replace")) > LONG_TEXT:
            self.report.left(self.subject, f"metadata is larger than {LONG_TEXT} bytes")
            return {}
        return found

    def moment(self, *columns: str) -> int | None:
        """Return the first of some times, in milliseconds since 1970, or None where there is none."""
        for column in columns:
            found = self.row.get(column)
            if found in (None, ""):
                continue
            milliseconds = moment_of(found)
            if milliseconds is not None:
                return milliseconds
            self.report.left(self.subject, f"{column} is no time: {as_text(found)[:40]!r}")
        return None

    def number(self, column: str, low: int, high: int, otherwise: int) -> int:
        """Return a whole number within bounds."""
        found = self.row.get(column)
        if found is None:
            return otherwise
        if isinstance(found, int | float) and math.isfinite(found):
            number = max(low, min(high, round(found)))
        else:
            number = otherwise
        if number != found:
            self.report.mapped(self.subject, f"{column} {as_text(found)[:40]!r} became {number}")
        return number


def as_text(value: Any) -> str:
    """Return any value as a text that can be stored."""
    match value:
        case None:
            return ""
        case str():
            text = value
        case bytes():
            text = value.decode(errors="replace")
        case _:
            text = compact(value)
    return text.replace("\x00", "").encode(errors="replace").decode()


def moment_of(value: Any) -> int | None:
    """Return a time, be it seconds, milliseconds or ISO-8601 (of UTC, where it names no zone), in milliseconds."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return _of_text(value)
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    milliseconds = round(value if value > _YEAR_5138_IN_SECONDS else value * 1000)
    return milliseconds if 0 <= milliseconds <= _LAST else None


def _of_text(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    milliseconds = round(moment.timestamp() * 1000)
    return milliseconds if 0 <= milliseconds <= _LAST else None
