"""Bounds of arguments: callables that validate a value, clean it, and describe themselves as JSON Schema.

    TITLE = Text(min_length=1, max_length=500, one_line=True)
    title = TITLE("title", title)

Lengths are characters, sizes are bytes of UTF-8, and all limits are inclusive but `gt`.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import attrs

from .errors import InvalidValue

KIB = 1024
LARGEST_ID = 2**63 - 1

# Terminals act on control characters, and readers are misled by bidirectional overrides: neither is stored.
_UNSAFE = re.compile("[\x01-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_ESCAPE_SEQUENCE = re.compile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|[@-Z\\\\^_])")
_UNSAFE_IN_ASCII = bytes([*range(0x09), *range(0x0B, 0x20), 0x7F])
_LINE_BREAK = re.compile("[\t\n]+")
_MAX_DEPTH = 50
_COMPACT_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))

_Value = TypeVar("_Value")


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Text:
    """Text within bounds, without control characters, terminal escapes and bidirectional overrides.

    Args:
        min_length: the least number of characters, counted after cleaning.
        max_length: the greatest number of characters, or None.
        max_bytes: the greatest size in UTF-8, or None.
        one_line: replace line breaks by spaces and trim the ends.
        exact: for identifiers: refuse what cleaning would remove.
    """

    min_length: int = 0
    max_length: int | None = None
    max_bytes: int | None = None
    one_line: bool = False
    exact: bool = False

    def __call__(self, name: str, value: object) -> str:
        """Return the text as it is stored.

        Raises:
            InvalidValue: it is not text, is out of bounds, or contains a NUL or an unpaired surrogate.
        """
        if not isinstance(value, str):
            raise InvalidValue(name, f"must be text, not {_kind(value)}")
        if value.isascii() and (value.isprintable() if self.exact else _is_plain(value)):
            text, size = value, len(value)
        else:
            text, size = self._cleaned(name, value)
        if self.one_line:
            text = _LINE_BREAK.sub(" ", text).strip()
        if len(text) < self.min_length:
            raise InvalidValue(
                name,
                "must not be empty" if self.min_length == 1 else f"must have at least {self.min_length} characters",
            )
        if self.max_length is not None and len(text) > self.max_length:
            raise InvalidValue(name, f"has {len(text)} characters; at most {self.max_length} are allowed")
        if self.max_bytes is not None and size > self.max_bytes:
            raise InvalidValue(name, f"has {size} bytes; at most {self.max_bytes} are allowed")
        return text

    def _cleaned(self, name: str, value: str) -> tuple[str, int]:
        if "\x00" in value:
            raise InvalidValue(name, "contains a NUL character, which can't be stored")
        text = value.replace("\r\n", "\n").replace("\r", "\n")
        text = _UNSAFE.sub("", _ESCAPE_SEQUENCE.sub("", text))
        if self.exact and (text != value or _LINE_BREAK.search(text)):
            raise InvalidValue(name, "contains control characters, which are not allowed in an identifier")
        try:
            return text, len(text.encode())
        except UnicodeEncodeError:
            raise InvalidValue(name, "contains an unpaired surrogate") from None

    @property
    def schema(self) -> dict[str, Any]:
        """The bounds as JSON Schema."""
        # JSON Schema counts characters and can't say bytes.
        return _present(type="string", minLength=self.min_length or None, maxLength=self.max_length)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Integer:
    """A whole number of at least `ge` and at most `le`; a boolean is not one."""

    ge: int = 0
    le: int = LARGEST_ID

    def __call__(self, name: str, value: object) -> int:
        """Return the number.

        Raises:
            InvalidValue: it is not a whole number, or out of bounds.
        """
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidValue(name, f"must be a whole number, not {_kind(value)}")
        if not self.ge <= value <= self.le:
            upper = f" and at most {self.le}" if self.le < LARGEST_ID else ""
            raise InvalidValue(name, f"is {value}; it must be at least {self.ge}{upper}")
        return value

    @property
    def schema(self) -> dict[str, Any]:
        """The bounds as JSON Schema."""
        return _present(type="integer", minimum=self.ge, maximum=self.le if self.le < LARGEST_ID else None)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Number:
    """A finite number of at least `ge` or more than `gt`, and at most `le`; a boolean is not one."""

    ge: float | None = None
    le: float | None = None
    gt: float | None = None

    def __call__(self, name: str, value: object) -> float:
        """Return the number.

        Raises:
            InvalidValue: it is not a finite number, or out of bounds.
        """
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidValue(name, f"must be a number, not {_kind(value)}")
        try:
            number = float(value)
        except OverflowError:  # an integer that no float is as large as
            number = math.inf
        if not math.isfinite(number):
            raise InvalidValue(name, f"is {_brief(value)}; it must be finite")
        if (
            (self.ge is not None and value < self.ge)
            or (self.le is not None and value > self.le)
            or (self.gt is not None and value <= self.gt)
        ):
            raise InvalidValue(name, f"is {value}; it must be {self._bounds()}")
        return number

    def _bounds(self) -> str:
        words = [("at least", self.ge), ("more than", self.gt), ("at most", self.le)]
        return " and ".join(f"{word} {bound:g}" for word, bound in words if bound is not None)

    @property
    def schema(self) -> dict[str, Any]:
        """The bounds as JSON Schema."""
        return _present(type="number", minimum=self.ge, exclusiveMinimum=self.gt, maximum=self.le)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    def __call__(self, name: str, value: object) -> str:
        """Return the word.

        Raises:
            InvalidValue: it is another word; the error names the legal ones.
        """
        if not isinstance(value, str) or value not in self.words:
            raise InvalidValue(name, f"is {_brief(value)}; it must be one of {', '.join(self.words)}")
        return value

    @property
    def schema(self) -> dict[str, Any]:
        """The words as JSON Schema."""
        return {"type": "string", "enum": list(self.words)}


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Items:
    """A list of `min_items` to `max_items` items, each within its own bounds."""

    item: Callable[[str, object], Any]
    max_items: int
    min_items: int = 0

    def __call__(self, name: str, value: object) -> tuple[Any, ...]:
        """Return the items as a tuple.

        Raises:
            InvalidValue: it is not a list, is too long or too short, or an item is out of its bounds.
        """
        if isinstance(value, list | tuple):
            items = tuple(value)
        elif isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            raise InvalidValue(name, f"must be a list, not {_kind(value)}")
        else:
            items = tuple(value)
        if not items and not self.min_items:
            return items
        if len(items) > self.max_items:
            raise InvalidValue(name, f"has {len(items)} items; at most {self.max_items} are allowed")
        if len(items) < self.min_items:
            raise InvalidValue(name, f"has {len(items)} items; at least {self.min_items} are required")
        return tuple(self.item(f"{name}[{index}]", item) for index, item in enumerate(items))

    @property
    def schema(self) -> dict[str, Any]:
        """The bounds as JSON Schema."""
        items = getattr(self.item, "schema", {})
        return _present(type="array", items=items, minItems=self.min_items or None, maxItems=self.max_items)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class JsonObject:
    """A JSON object of at most `max_bytes`, written compactly."""

    max_bytes: int

    def __call__(self, name: str, value: object) -> dict[str, Any]:
        """Return the object with its texts cleaned as `Text` cleans them.

        Raises:
            InvalidValue: it is not an object, is too large or too deep, or contains what JSON can't express.
        """
        if not isinstance(value, Mapping):
            raise InvalidValue(name, f"must be an object, not {_kind(value)}")
        cleaned: dict[str, Any] = _cleaned_json(name, value, 0)
        size = len(to_json(cleaned).encode())
        if size > self.max_bytes:
            raise InvalidValue(name, f"has {size} bytes as JSON; at most {self.max_bytes} are allowed")
        return cleaned

    @property
    def schema(self) -> dict[str, Any]:
        """The type as JSON Schema."""
        return {"type": "object"}


def to_json(value: object) -> str:
    """Write a value as the compact JSON that the libraries keep as opaque text."""
    return _COMPACT_JSON.encode(value)


def from_json(text: str) -> Any:
    """Read what `to_json` wrote; most stored lists and objects are empty, which costs no parser."""
    if text == "{}":
        return {}
    return [] if text == "[]" else json.loads(text)


def optional(bound: Callable[[str, object], _Value], name: str, value: object) -> _Value | None:
    """Validate a value that may be None."""
    return None if value is None else bound(name, value)


_ANY_TEXT = Text()


def _cleaned_json(name: str, value: object, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise InvalidValue(name, f"is nested more than {_MAX_DEPTH} levels deep")
    if isinstance(value, str):
        return _ANY_TEXT(name, value)
    if isinstance(value, Mapping):
        return {_ANY_TEXT(name, key): _cleaned_json(name, item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned_json(name, item, depth + 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidValue(name, f"contains {value}, which JSON can't express")
    if value is None or isinstance(value, bool | int | float):
        return value
    raise InvalidValue(name, f"contains {_kind(value)}, which JSON can't express")


def _is_plain(ascii_text: str) -> bool:
    """Tell whether there is nothing to clean, ten times as fast as a regular expression finds nothing."""
    as_bytes = ascii_text.encode()
    return len(as_bytes.translate(None, _UNSAFE_IN_ASCII)) == len(as_bytes)


def _present(**words: Any) -> dict[str, Any]:
    return {word: value for word, value in words.items() if value is not None}


def _kind(value: object) -> str:
    names = {
        type(None): "null",
        bool: "a boolean",
        str: "text",
        dict: "an object",
        list: "a list",
        int: "a whole number",
        float: "a fraction",
    }
    return names.get(type(value), type(value).__name__)


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
