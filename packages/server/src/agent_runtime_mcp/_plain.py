"""Replies as plain JSON values: attrs values become objects, moments become ISO-8601."""

import json
from functools import cache
from typing import Any

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn, override

from ._moments import Moment, iso


@cache
def _converter() -> Converter:
    converter = Converter()
    converter.register_unstructure_hook(Moment, iso)
    converter.register_unstructure_hook_factory(attrs.has, _without_absent_fields)
    return converter


def _without_absent_fields(cls: type, converter: Converter) -> Any:
    """Leave out what a reply has only sometimes: the fields whose default is None."""
    sometimes = {
        field.name: override(omit_if_default=True) for field in attrs.fields(cls) if field.default is not attrs.NOTHING
    }
    return make_dict_unstructure_fn(cls, converter, **sometimes)  # type: ignore[arg-type]


def plain(reply: Any) -> dict[str, Any]:
    """Return a reply as JSON values."""
    unstructured: dict[str, Any] = _converter().unstructure(reply)
    return unstructured


def compact(value: object) -> str:
    """Write JSON values as the compact text that MCP and the command line answer."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
