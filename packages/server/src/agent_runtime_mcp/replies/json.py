"""Replies as plain JSON values: attrs values become objects, moments become ISO-8601.

cattrs would do the same; importing it and having it write its functions would take a fifth of a command's time.
"""

import json
import operator
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from typing import Any, TypeVar, dataclass_transform

import attrs

from ..contract.moments import is_moment, iso

_SOMETIMES = "sometimes"
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_PLAIN = frozenset({str, int, float, bool, type(None)})
_PLAIN_TYPES = frozenset({str, int, float, bool, str | None, int | None, float | None, bool | None})
_Reply = TypeVar("_Reply")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field,))
def reply(cls: type[_Reply]) -> type[_Reply]:
    """Make the class of a reply, or of a part of one.

    Replies are neither compared nor shown: what attrs would write for that costs more than all the rest of the class.
    """
    return attrs.frozen(cls, kw_only=True, eq=False, repr=False)


def sometimes() -> Any:
    """Return a field that a reply has only sometimes: where it is None, it is left out."""
    return attrs.field(default=None, metadata={_SOMETIMES: True})


def plain(reply: Any) -> dict[str, Any]:
    """Return a reply as JSON values."""
    return _object(reply)


def compact(value: object) -> str:
    """Write JSON values as the compact text that MCP and the command line answer."""
    return _COMPACT.encode(value)


def _object(value: Any) -> dict[str, Any]:
    names, fetch, to_look_at = _shape(value.__class__)
    values = dict(zip(names, fetch(value), strict=True))
    for name, holds_moment, comes_sometimes in to_look_at:
        field = values[name]
        if field is None:
            if comes_sometimes:
                del values[name]
        elif holds_moment:
            values[name] = iso(field)
        elif field.__class__ not in _PLAIN:
            values[name] = _writer(field.__class__)(field)
    return values


@cache
def _shape(cls: type) -> tuple[list[str], Callable[[Any], tuple[Any, ...]], list[tuple[str, bool, bool]]]:
    """Return the names of a class's fields, what fetches them all, and which are more than what JSON has anyway."""
    fields = attrs.fields(cls)
    names = [field.name for field in fields]
    to_look_at = [
        (field.name, is_moment(field.name), _SOMETIMES in field.metadata)
        for field in fields
        if is_moment(field.name) or _SOMETIMES in field.metadata or field.type not in _PLAIN_TYPES
    ]
    fetch = operator.attrgetter(*names)
    return names, fetch if len(names) > 1 else lambda value: (fetch(value),), to_look_at


@cache
def _writer(cls: type) -> Callable[[Any], Any]:
    """Return what makes JSON values of a class's values."""
    if attrs.has(cls):
        return _object
    if issubclass(cls, Enum):
        return operator.attrgetter("value")
    if issubclass(cls, list | tuple):
        return lambda items: [one if one.__class__ in _PLAIN else _writer(one.__class__)(one) for one in items]
    if issubclass(cls, Mapping):
        return lambda items: {
            name: one if one.__class__ in _PLAIN else _writer(one.__class__)(one) for name, one in items.items()
        }
    raise TypeError(f"{cls.__name__} has no JSON value")
