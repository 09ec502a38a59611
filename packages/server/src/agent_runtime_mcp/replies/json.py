"""Replies as plain JSON values: attrs values become objects, moments become ISO-8601.

This is written by hand: with cattrs it would not be clearly shorter, as moments and optional keys go by the name of a
field and need hooks of their own, and its import would cost each command another 20 milliseconds.
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
    """Turn a class into the class of a reply, or of a part of one.

    Replies are neither compared nor shown, and to generate these methods would cost more than the rest of the class.
    """
    return attrs.frozen(cls, kw_only=True, eq=False, repr=False)


def sometimes() -> Any:
    """Return a field that is left out of the reply if its value is `None`."""
    return attrs.field(default=None, metadata={_SOMETIMES: True})


def plain(reply: Any) -> dict[str, Any]:
    """Return a reply as JSON values."""
    return _object(reply)


def compact(value: object) -> str:
    """Write JSON values as compact text."""
    return _COMPACT.encode(value)


def _object(value: Any) -> dict[str, Any]:
    names, fetch, to_convert = _shape(value.__class__)
    values = dict(zip(names, fetch(value), strict=True))
    for name, holds_moment, is_optional in to_convert:
        field = values[name]
        if field is None:
            if is_optional:
                del values[name]
        elif holds_moment:
            values[name] = iso(field)
        elif field.__class__ not in _PLAIN:
            values[name] = _writer(field.__class__)(field)
    return values


@cache
def _shape(cls: type) -> tuple[list[str], Callable[[Any], tuple[Any, ...]], list[tuple[str, bool, bool]]]:
    """Return the names of a class's fields, a function that fetches all of them, and the fields to convert."""
    fields = attrs.fields(cls)
    names = [field.name for field in fields]
    to_convert = [
        (field.name, is_moment(field.name), _SOMETIMES in field.metadata)
        for field in fields
        if is_moment(field.name) or _SOMETIMES in field.metadata or field.type not in _PLAIN_TYPES
    ]
    fetch = operator.attrgetter(*names)
    return names, fetch if len(names) > 1 else lambda value: (fetch(value),), to_convert


@cache
def _writer(cls: type) -> Callable[[Any], Any]:
    """Return the function that turns values of a class into JSON values."""
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
