"""The arguments of an operation, derived from its signature: one check and one description for MCP and command line.

    arguments = read_arguments(create_task, leave_out=("call",), more=())
    arguments.schema                      # the input schema of the tool
    arguments.check({"title": "Parse"})   # the values to call it with, or InvalidArguments with all faults

A valid call is checked argument by argument. cattrs only gathers the faults of an invalid one, so that no other call
waits for its import.
"""

import contextlib
import difflib
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

_LEAST_SIMILARITY = 0.6  # of a suggested name
_MOST_UNKNOWN_NAMED = 10
_LONGEST_VALUE_SHOWN = 80


class Bound(Protocol):
    """A bound of the libraries: it validates a value and describes itself."""

    @property
    def schema(self) -> dict[str, Any]:
        """The bound as JSON Schema."""
        ...

    def __call__(self, name: str, value: object) -> Any:
        """Return the value as it is stored, or raise `InvalidValue`."""
        ...


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Argument:
    """One argument of an operation.

    Attributes:
        name: its name in MCP; on the command line it has dashes.
        description: its meaning, with units and range.
        required: true if it must be given.
        default: its value when omitted, for the description alone.
        clearable: an explicit null clears the stored value.
        keeps: omitting it keeps the stored value; if it is not clearable, a null is refused.
        bound: validates a value and describes itself; None for a plain boolean.
        self_explanatory: the name tells a model enough, so that the schema has no description; people still see it.
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
        """The JSON type of a value that is not null; the first one of several."""
        return cast("str", self._types[0])

    @property
    def _types(self) -> list[Any]:
        named = self.value_schema["type"]
        return named if isinstance(named, list) else [named]

    @property
    def words(self) -> tuple[str, ...]:
        """The words that may stand for a value; empty if there are none."""
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
        """Validate a value, in the form of a hook of cattrs."""
        return self.check(value)

    def check(self, value: object) -> Any:
        """Return the value as the operation takes it.

        Raises:
            ValueError: it has the wrong type or is out of bounds.
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
            raise InvalidArguments([f"{self.name} must be true or false, not {repr(value)[:_LONGEST_VALUE_SHOWN]}"])
        return value

    @property
    def _is_id(self) -> bool:
        return self.kind == "integer" and self.name.endswith("_id")


@attrs.frozen(eq=False, repr=False)
class Arguments:
    """The arguments of an operation, in the order of its signature."""

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
        """Return the validated values of the given arguments.

        Raises:
            InvalidArguments: something is wrong; the error names all faults.
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
        """Return one text for each fault, gathered by cattrs."""
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
        for name in names[:_MOST_UNKNOWN_NAMED]:
            near = difflib.get_close_matches(name[:100], list(self._by_name), 1, _LEAST_SIMILARITY)
            yield f"unknown argument {name[:100]!r}" + (f" (did you mean {near[0]}?)" if near else "")
        if len(names) > _MOST_UNKNOWN_NAMED:
            yield f"{len(names) - _MOST_UNKNOWN_NAMED} more unknown arguments"


def read_arguments(definition: Callable[..., Any], *, leave_out: Sequence[str], more: Sequence[Argument]) -> Arguments:
    """Derive the arguments of an operation from its signature and docstring.

    Args:
        definition: a documented function or method whose annotations carry the bounds.
        leave_out: parameters that the server fills in.
        more: further arguments, which the server itself takes.
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
    """Return the bound in an annotation, and true if the annotation allows None."""
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
    except json.JSONDecodeError as error:
        reason = f"{_in_our_words(error.msg)} at line {error.lineno}, column {error.colno}"
    except ValueError:
        reason = "a number has too many digits"
    except RecursionError:
        reason = "it is nested too deeply"
    raise InvalidArguments([f"{name} is not valid JSON: {reason}"])


def _in_our_words(message: str) -> str:
    """Turn "Expecting ',' delimiter" into "expected ','"."""
    words = message.replace("Expecting", "expected").removesuffix(" delimiter").removesuffix(" at")
    return words[:1].lower() + words[1:]


def _id(value: object) -> object:
    """Turn a decimal string into a number, as earlier clients send ids so."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 19:
        return int(value)
    return value
