"""What an argument may be: bounds that check a value, clean it, and describe themselves.

The same text stands in each of the four libraries: they share habits and no code. A test holds the copies equal.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from .errors import InvalidValue

KIB = 1024
LARGEST_ID = 2**63 - 1

# Terminals act on control characters, and readers are misled by bidirectional overrides: neither is stored.
_UNSAFE = re.compile("[\x01-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_ESCAPE_SEQUENCE = re.compile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|[@-Z\\\\^_])")
_UNSAFE_IN_ASCII = bytes([*range(0x09), *range(0x0B, 0x20), 0x7F])
_LINE_BREAK = re.compile("[\t\n]+")
_DEEPEST_METADATA = 50
_COMPACT_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Text:
    """Text within bounds, without control characters, terminal escapes and bidirectional overrides.

    Args:
        shortest: characters at least, once what is unsafe was taken out.
        characters: characters at most, or None.
        kib: KiB of UTF-8 at most, or None.
        one_line: line breaks become spaces, and the ends are trimmed.
        exact: for identifiers: what would have to be taken out is refused instead.
    """

    shortest: int = 0
    characters: int | None = None
    kib: int | None = None
    one_line: bool = False
    exact: bool = False

    def __call__(self, name: str, value: object) -> str:
        """Return the text as it is stored.

        Raises:
            InvalidValue: it is no text, out of bounds, or holds a NUL or half a surrogate pair.
        """
        if not isinstance(value, str):
            raise InvalidValue(name, f"must be text, not {_kind(value)}")
        if value.isascii() and (value.isprintable() if self.exact else _is_plain(value)):
            text, size = value, len(value)
        else:
            text, size = self._cleaned(name, value)
        if self.one_line:
            text = _LINE_BREAK.sub(" ", text).strip()
        if len(text) < self.shortest:
            raise InvalidValue(name, "must not be empty" if self.shortest == 1 else f"needs {self.shortest} characters")
        if self.characters is not None and len(text) > self.characters:
            raise InvalidValue(name, f"has {len(text)} characters; at most {self.characters} are kept")
        if self.kib is not None and size > self.kib * KIB:
            raise InvalidValue(name, f"has {size} bytes; at most {self.kib * KIB} ({self.kib} KiB) are kept")
        return text

    def _cleaned(self, name: str, value: str) -> tuple[str, int]:
        if "\x00" in value:
            raise InvalidValue(name, "holds a NUL character, which can't be stored")
        text = value.replace("\r\n", "\n").replace("\r", "\n")
        text = _UNSAFE.sub("", _ESCAPE_SEQUENCE.sub("", text))
        if self.exact and (text != value or _LINE_BREAK.search(text)):
            raise InvalidValue(name, "holds control characters, which an identifier must not")
        try:
            return text, len(text.encode())
        except UnicodeEncodeError:
            raise InvalidValue(name, "holds half a surrogate pair, which is no character") from None

    @property
    def schema(self) -> dict[str, Any]:
        """The bounds in the words of JSON Schema."""
        # JSON Schema counts characters and can't say bytes.
        return _present(type="string", minLength=self.shortest or None, maxLength=self.characters)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Integer:
    """A whole number within inclusive bounds; a boolean is none."""

    low: int = 0
    high: int = LARGEST_ID

    def __call__(self, name: str, value: object) -> int:
        """Return the number.

        Raises:
            InvalidValue: it is no whole number, or out of bounds.
        """
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidValue(name, f"must be a whole number, not {_kind(value)}")
        if not self.low <= value <= self.high:
            upper = f" and at most {self.high}" if self.high < LARGEST_ID else ""
            raise InvalidValue(name, f"is {value}; it must be at least {self.low}{upper}")
        return value

    @property
    def schema(self) -> dict[str, Any]:
        """The bounds in the words of JSON Schema."""
        return _present(type="integer", minimum=self.low, maximum=self.high if self.high < LARGEST_ID else None)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Number:
    """A finite number within inclusive bounds (`above`: an exclusive lower one); a boolean is none."""

    low: float | None = None
    high: float | None = None
    above: float | None = None

    def __call__(self, name: str, value: object) -> float:
        """Return the number.

        Raises:
            InvalidValue: it is no finite number, or out of bounds.
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
            (self.low is not None and value < self.low)
            or (self.high is not None and value > self.high)
            or (self.above is not None and value <= self.above)
        ):
            raise InvalidValue(name, f"is {value}; it must be {self._bounds()}")
        return number

    def _bounds(self) -> str:
        words = [("at least", self.low), ("more than", self.above), ("at most", self.high)]
        return " and ".join(f"{word} {bound:g}" for word, bound in words if bound is not None)

    @property
    def schema(self) -> dict[str, Any]:
        """The bounds in the words of JSON Schema."""
        return _present(type="number", minimum=self.low, exclusiveMinimum=self.above, maximum=self.high)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    def __call__(self, name: str, value: object) -> str:
        """Return the word.

        Raises:
            InvalidValue: it is another one; the error names the legal ones.
        """
        if not isinstance(value, str) or value not in self.words:
            raise InvalidValue(name, f"is {_brief(value)}; it must be one of {', '.join(self.words)}")
        return value

    @property
    def schema(self) -> dict[str, Any]:
        """The words in those of JSON Schema."""
        return {"type": "string", "enum": list(self.words)}


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Items:
    """A list of at most (and at least) so many items, each within its own bounds."""

    item: Callable[[str, object], Any]
    at_most: int
    at_least: int = 0

    def __call__(self, name: str, value: object) -> tuple[Any, ...]:
        """Return the items as a tuple.

        Raises:
            InvalidValue: it is no list, too long or too short, or an item is out of its bounds.
        """
        if isinstance(value, list | tuple):
            items = tuple(value)
        elif isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            raise InvalidValue(name, f"must be a list, not {_kind(value)}")
        else:
            items = tuple(value)
        if not items and not self.at_least:
            return items
        if len(items) > self.at_most:
            raise InvalidValue(name, f"has {len(items)} items; at most {self.at_most} are kept")
        if len(items) < self.at_least:
            raise InvalidValue(name, f"has {len(items)} items; it needs at least {self.at_least}")
        return tuple(self.item(f"{name}[{index}]", item) for index, item in enumerate(items))

    @property
    def schema(self) -> dict[str, Any]:
        """The bounds in the words of JSON Schema."""
        items = getattr(self.item, "schema", {})
        return _present(type="array", items=items, minItems=self.at_least or None, maxItems=self.at_most)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class JsonObject:
    """A JSON object of at most so many KiB."""

    kib: int

    def __call__(self, name: str, value: object) -> dict[str, Any]:
        """Return the object with its texts cleaned as `Text` cleans them.

        Raises:
            InvalidValue: it is no object, too large or too deep, or holds what JSON can't.
        """
        if not isinstance(value, Mapping):
            raise InvalidValue(name, f"must be an object, not {_kind(value)}")
        cleaned: dict[str, Any] = _cleaned_json(name, value, 0)
        size = len(to_json(cleaned).encode())
        if size > self.kib * KIB:
            raise InvalidValue(name, f"has {size} bytes as JSON; at most {self.kib * KIB} ({self.kib} KiB) are kept")
        return cleaned

    @property
    def schema(self) -> dict[str, Any]:
        """The type in the words of JSON Schema."""
        return {"type": "object"}


def to_json(value: object) -> str:
    """Write a value as the compact JSON that the libraries keep as opaque text."""
    return _COMPACT_JSON.encode(value)


def from_json(text: str) -> Any:
    """Read what `to_json` wrote, which is empty most of the time."""
    if text == "{}":
        return {}
    return [] if text == "[]" else json.loads(text)


_ANY_TEXT = Text()


def _cleaned_json(name: str, value: object, depth: int) -> Any:
    if depth > _DEEPEST_METADATA:
        raise InvalidValue(name, f"is nested more than {_DEEPEST_METADATA} deep")
    if isinstance(value, str):
        return _ANY_TEXT(name, value)
    if isinstance(value, Mapping):
        return {_ANY_TEXT(name, key): _cleaned_json(name, item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned_json(name, item, depth + 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidValue(name, f"holds {value}, which JSON can't")
    if value is None or isinstance(value, bool | int | float):
        return value
    raise InvalidValue(name, f"holds {_kind(value)}, which JSON can't")


def _is_plain(ascii_text: str) -> bool:
    """Say that there is nothing to take out, ten times as fast as a regular expression finds nothing."""
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
