"""The output schemas of operations: the keys of a reply and their JSON types. Nested objects are left open."""

import types
import typing
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import attrs

from .moments import is_moment

_TYPES: dict[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
}


def output_schema(replies: Sequence[type]) -> dict[str, Any]:
    """Return the schema of an operation's reply.

    Args:
        replies: the classes of its replies. A key is required only if all of them have it.
    """
    properties: dict[str, dict[str, Any]] = {}
    always: set[str] | None = None
    for reply in replies:
        hints = typing.get_type_hints(reply)
        required = {field.name for field in attrs.fields(reply) if field.default is attrs.NOTHING}
        always = required if always is None else always & required
        for field in attrs.fields(reply):
            properties.setdefault(field.name, _json_type(field.name, hints[field.name]))
    properties["truncated"] = {"type": "object"}
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if always:
        schema["required"] = [name for name in properties if name in always]
    return schema


def _json_type(field: str, hint: Any) -> dict[str, Any]:
    members = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    names = list(dict.fromkeys(_name(member) for member in members))
    if is_moment(field):
        names = ["string" if name == "integer" else name for name in names]
    if field == "metadata":  # null if the reply would be too large with it
        names = ["object", "null"]
    return {"type": names[0] if len(names) == 1 else names}


def _name(hint: Any) -> str:
    if hint in _TYPES:
        return _TYPES[hint]
    origin = typing.get_origin(hint)
    if origin is tuple:
        return "array"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return "string"
    if attrs.has(hint) or origin in (dict, Mapping):
        return "object"
    raise TypeError(f"{hint} has no JSON type")
