"""Replies as plain JSON values: attrs values become objects, moments become ISO-8601."""

import json
from functools import cache
from typing import Any

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn, override

from ._moments import is_moment, iso

_SOMETIMES = "sometimes"
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def sometimes() -> Any:
    """Return a field that a reply has only sometimes: where it is None, it is left out."""
    return attrs.field(default=None, metadata={_SOMETIMES: True})


@cache
def _converter() -> Converter:
    converter = Converter()
    converter.register_unstructure_hook_factory(attrs.has, _as_object)
    return converter


def _as_object(cls: type, converter: Converter) -> Any:
    """Write moments as text, and leave out what a reply has only sometimes where it has it not."""
    fields = {}
    for field in attrs.fields(cls):
        sometimes = _SOMETIMES in field.metadata
        if is_moment(field.name):
            fields[field.name] = override(unstruct_hook=_moment, omit_if_default=sometimes)
        elif sometimes:
            fields[field.name] = override(omit_if_default=True)
    return make_dict_unstructure_fn(cls, converter, **fields)  # type: ignore[arg-type]


def _moment(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else iso(milliseconds)


def plain(reply: Any) -> dict[str, Any]:
    """Return a reply as JSON values."""
    unstructured: dict[str, Any] = _converter().unstructure(reply)
    return unstructured


def compact(value: object) -> str:
    """Write JSON values as the compact text that MCP and the command line answer."""
    return _COMPACT.encode(value)
