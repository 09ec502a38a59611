"""The arguments of an operation, derived from its signature: one check and one description for MCP and command line."""

import contextlib
import inspect
import json
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, Protocol, cast

import attrs

from ..errors import InvalidArguments
from .docstrings import read_docstring

_PLAIN: dict[Any, dict[str, Any]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
}
_NEAR = 0.6
_UNKNOWN_TOLD = 10


class Bound(Protocol):
    """A bound of the libraries: it checks a value and describes itself."""

    @property
    def schema(self) -> dict[str, Any]: ...

    def __call__(self, name: str, value: object) -> Any: ...


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Argument:
    """One argument of an operation.

    Attributes:
        name: its name in MCP; on the command line with dashes.
        description: what it means, with units and range.
        required: whether it must be given.
        default: what it is when omitted, for the description alone.
        clearable: an explicit null clears what is stored.
        keeps: omitted, it keeps what is stored; then a null that clears nothing is refused.
        bound: checks a value and describes itself, or None for a plain boolean.
        self_explanatory: the name says it all to a model, so that its schema has no description; people are told it.
    """

    name: str
    description: str
    required: bool
    default: Any
    clearable: bool
    bound: Bound | None
    keeps: bool = False
    self_explanatory: bool = False

    @cached_property
    def value_schema(self) -> dict[str, Any]:
        """The JSON Schema of a value that is not null."""
        return {"type": "boolean"} if self.bound is None else self.bound.schema

    @property
    def kind(self) -> str:
        """The JSON type of a value that is not null; the first one, where there are several."""
        return cast("str", self._types[0])

    @property
    def _types(self) -> list[Any]:
        named = self.value_schema["type"]
        return named if isinstance(named, list) else [named]

    @property
    def words(self) -> tuple[str, ...]:
        """The words that may stand for a value, where there are such."""
        return tuple(getattr(self.bound, "words", ()))

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the argument, with its description."""
        schema = dict(self.value_schema)
        if self.clearable:
            schema["type"] = [*self._types, "null"]
            if "enum" in schema:
                schema["enum"] = [*schema["enum"], None]
        if self.default not in (None, attrs.NOTHING, "", ()):
            schema["default"] = self.default
        if not self.self_explanatory:
            schema["description"] = self.description
        return schema

    def structure(self, value: object, _type: object) -> Any:
        """Check a value, as a hook of cattrs does."""
        return self.check(value)

    def check(self, value: object) -> Any:
        """Return the value as the operation takes it.

        Raises:
            ValueError: it is of the wrong type or out of bounds.
        """
        if value is None and self.clearable:
            return None
        if value is None and self.keeps:
            raise InvalidArguments([f"{self.name} can't be cleared; omit it to keep it"])
        if self.kind in ("array", "object") and isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
            value = _from_json(self.name, value)
        if self._is_id:
            value = _id(value)
        elif self.kind == "array" and self.value_schema.get("items", {}).get("type") == "integer":
            value = [_id(item) for item in value] if isinstance(value, list | tuple) else value
        if self.bound is not None:
            return self.bound(self.name, value)
        if not isinstance(value, bool):
            raise InvalidArguments([f"{self.name} must be true or false"])
        return value

    @property
    def _is_id(self) -> bool:
        return self.kind == "integer" and self.name.endswith("_id")


@attrs.frozen(eq=False, repr=False)
class Arguments:
    """All arguments of an operation, in the order of its signature."""

    operation: str
    arguments: tuple[Argument, ...]

    @property
    def schema(self) -> dict[str, Any]:
        """The input schema."""
        required = [argument.name for argument in self.arguments if argument.required]
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {argument.name: argument.schema for argument in self.arguments},
        }
        if required:
            schema["required"] = required
        schema["additionalProperties"] = False
        return schema

    def check(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return checked values of the arguments that are given.

        Raises:
            InvalidArguments: something is wrong; the error names all of it.
        """
        present = {
            name: value for name, value in given.items() if value is not None or name not in self._null_is_omitted
        }
        if present.keys() <= self._by_name.keys() and self._required <= present.keys():
            with contextlib.suppress(ValueError):
                return {name: self._by_name[name].check(value) for name, value in present.items()}
        raise InvalidArguments(self._faults(present), self._hint)

    @cached_property
    def _by_name(self) -> dict[str, Argument]:
        return {argument.name: argument for argument in self.arguments}

    @cached_property
    def _required(self) -> frozenset[str]:
        return frozenset(argument.name for argument in self.arguments if argument.required)

    @cached_property
    def _null_is_omitted(self) -> frozenset[str]:
        return frozenset(argument.name for argument in self.arguments if not (argument.required or argument.keeps))

    @property
    def _hint(self) -> str:
        names = [argument.name if argument.required else f"[{argument.name}]" for argument in self.arguments]
        return f"{self.operation} takes {', '.join(names)}"

    def _faults(self, present: Mapping[str, Any]) -> list[str]:
        """Name all that is wrong: cattrs gathers it, and is imported where there is something to gather."""
        from cattrs import ClassValidationError, Converter
        from cattrs.errors import ForbiddenExtraKeysError
        from cattrs.gen import make_dict_structure_fn, override

        fields = {
            argument.name: attrs.field(type=object) if argument.required else attrs.field(type=object, default=None)
            for argument in self.arguments
        }
        checks: dict[str, Any] = {
            argument.name: override(struct_hook=argument.structure) for argument in self.arguments
        }
        given = attrs.make_class("Given", fields, kw_only=True)
        structure: Any = make_dict_structure_fn(given, Converter(), _cattrs_forbid_extra_keys=True, **checks)
        faults: list[str] = []
        try:
            structure(dict(present), given)
        except ClassValidationError as errors:
            for error in errors.exceptions:
                if isinstance(error, ForbiddenExtraKeysError):
                    faults += self._unknown(sorted(map(str, error.extra_fields)))
                elif isinstance(error, KeyError):
                    faults.append(f"{error.args[0]} is missing")
                else:
                    faults.append(str(error))
        return faults

    def _unknown(self, names: Sequence[str]) -> Iterator[str]:
        import difflib

        for name in names[:_UNKNOWN_TOLD]:
            near = difflib.get_close_matches(name[:100], list(self._by_name), 1, _NEAR)
            yield f"unknown argument {name[:100]!r}" + (f" (did you mean {near[0]}?)" if near else "")
        if len(names) > _UNKNOWN_TOLD:
            yield f"{len(names) - _UNKNOWN_TOLD} more unknown arguments"


def read_arguments(definition: Callable[..., Any], *, leave_out: Sequence[str], more: Sequence[Argument]) -> Arguments:
    """Derive the arguments of an operation from its signature and docstring.

    Args:
        definition: a documented function or method whose annotations carry the bounds.
        leave_out: parameters that the caller of the operation does not give.
        more: arguments that the server itself takes.
    """
    described = read_docstring(definition).arguments
    hints = typing.get_type_hints(definition, include_extras=True)
    found = []
    for parameter in inspect.signature(definition).parameters.values():
        if parameter.name in leave_out:
            continue
        bound, nullable = _bound_of(hints[parameter.name])
        keeps = parameter.default is attrs.NOTHING
        found.append(
            Argument(
                name=parameter.name,
                description=described[parameter.name].text,
                self_explanatory=described[parameter.name].self_explanatory,
                required=parameter.default is inspect.Parameter.empty,
                default=None if parameter.default is inspect.Parameter.empty else parameter.default,
                clearable=nullable and keeps,
                bound=bound,
                keeps=keeps,
            )
        )
    return Arguments(definition.__name__, (*found, *more))


def _bound_of(hint: Any) -> tuple[Bound | None, bool]:
    """Return the bound in an annotation, and whether it takes None."""
    members = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    nullable = type(None) in members
    for member in members:
        if typing.get_origin(member) is Annotated:
            for extra in typing.get_args(member)[1:]:
                if hasattr(extra, "schema"):
                    return cast("Bound", extra), nullable
    return None, nullable


def _from_json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidArguments([f"{name} is text that is no JSON"]) from None


def _id(value: object) -> object:
    """Take a decimal string for a number, as earlier clients send ids."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 19:
        return int(value)
    return value
