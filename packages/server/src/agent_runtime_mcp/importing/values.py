"""Values of earlier files, fitted to the bounds of today. Nothing validated them when they were written."""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import attrs

from .report import Report

LONG_TEXT = 64 * 1024  # bytes
LONGEST_NAME = 500  # characters
_YEAR_5138_IN_SECONDS = 1e11  # a larger number is in milliseconds
_LAST = 253_402_300_799_999


@attrs.frozen
class Field:
    """A row of an earlier file, and the report for values that could not be taken over unchanged.

    Args:
        subject: the name of the row in the report.
        row: its values by column.
        report: the report.
    """

    subject: str
    row: Mapping[str, Any]
    report: Report

    def text(self, column: str, longest: int = LONG_TEXT) -> str:
        """Return a text; another value is written as JSON, and a long text is cut."""
        found = self.row.get(column)
        text = as_text(found)
        if len(text.encode()) > longest:
            self.report.mapped(self.subject, f"{column} cut from {len(text.encode())} to {longest} bytes")
        return cut_text(text, longest)

    def name(self, column: str, otherwise: str) -> str:
        """Return a text of one line and 1 to 500 characters."""
        text = " ".join("".join(letter if letter.isprintable() else " " for letter in self.text(column)).split())
        if not text:
            self.report.mapped(self.subject, f"{column} was empty and became {otherwise!r}")
        elif len(text) > LONGEST_NAME:
            self.report.mapped(self.subject, f"{column} cut from {len(text)} to {LONGEST_NAME} characters")
        return text[:LONGEST_NAME] or otherwise

    def json(self, column: str, kind: type) -> Any:
        """Return a list or an object; an empty one if it is missing or broken."""
        found = self.row.get(column)
        if found in (None, ""):
            return kind()
        try:
            value = json.loads(as_text(found))
        except ValueError:
            value = None
        if not isinstance(value, kind):
            self.report.left(self.subject, f"{column} is not a JSON {'object' if kind is dict else 'list'}")
            return kind()
        return value

    def metadata(self) -> dict[str, Any]:
        """Return the metadata, or an empty object if it is larger than allowed."""
        found: dict[str, Any] = self.json("metadata", dict)
        if len(_to_json(found).encode(errors="replace")) > LONG_TEXT:
            self.report.left(self.subject, f"metadata is larger than {LONG_TEXT} bytes")
            return {}
        return found

    def moment(self, *columns: str) -> int | None:
        """Return the first time in some columns, in milliseconds since 1970, or None if there is none."""
        for column in columns:
            found = self.row.get(column)
            if found in (None, ""):
                continue
            milliseconds = moment_of(found)
            if milliseconds is not None:
                return milliseconds
            self.report.left(self.subject, f"{column} {as_text(found)[:40]!r} is not a time")
        return None

    def number(self, column: str, low: int, high: int, otherwise: int) -> int:
        """Return the nearest whole number within bounds."""
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
            text = _to_json(value)
    return text.replace("\x00", "").encode(errors="replace").decode()


def cut_text(text: str, longest: int) -> str:
    """Return the beginning of a text: whole characters of at most so many bytes in all."""
    return text.encode()[:longest].decode(errors="ignore")


def moment_of(value: Any) -> int | None:
    """Return a time in milliseconds since 1970, or None.

    Args:
        value: seconds, milliseconds, or ISO-8601, which is UTC if it has no time zone.
    """
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return _of_text(value)
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    milliseconds = round(value if value > _YEAR_5138_IN_SECONDS else value * 1000)
    return milliseconds if 0 <= milliseconds <= _LAST else None


def _to_json(value: Any) -> str:
    """Write a value as compact JSON; unlike the kernel's `to_json`, also a number that is not finite."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _of_text(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    milliseconds = round(moment.timestamp() * 1000)
    return milliseconds if 0 <= milliseconds <= _LAST else None
