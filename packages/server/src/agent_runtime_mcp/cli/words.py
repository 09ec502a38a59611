"""The words of a command line as JSON values, which the operation validates."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from agent_runtime_kernel.errors import InvalidValue

from ..contract.arguments import Argument
from ..operations.table import Operation

_STANDARD_INPUT = "-"


def given_arguments(operation: Operation, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that were given on the command line, as JSON values."""
    values: dict[str, Any] = {}
    from_input: list[str] = []
    for argument in operation.accepted.arguments:
        words = given.get(argument.name)
        if given.get(f"no_{argument.name}"):
            if words not in (None, ()):
                option = argument.name.replace("_", "-")
                raise click.UsageError(f"--{option} and --no-{option} contradict each other")
            values[argument.name] = None
        elif words in (_STANDARD_INPUT, (_STANDARD_INPUT,)) and argument.kind in ("string", "object", "array"):
            from_input.append(argument.name)
            values[argument.name] = read_input(argument.name)
        elif words not in (None, ()):
            values[argument.name] = _value(argument, words)
    if len(from_input) > 1:
        raise click.UsageError(f"{' and '.join(from_input)} can't both be read from standard input")
    return values


def is_plain_list(argument: Argument) -> bool:
    """Tell whether a list is given item by item; a list of objects comes from a file."""
    return argument.kind == "array" and argument.value_schema.get("items", {}).get("type") != "object"


def read_input(name: str) -> str:
    """Read a long text from standard input.

    Args:
        name: the argument that the text is for.

    Raises:
        InvalidValue: the text is not UTF-8.
    """
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidValue(name, f"is not UTF-8 on standard input, at byte {error.start}") from None


def _value(argument: Argument, words: Any) -> Any:
    if argument.kind == "array":
        return _items(argument, words)
    return _number(words) if argument.kind in ("integer", "number") else words


def _items(argument: Argument, words: str | Sequence[str]) -> Any:
    if isinstance(words, str):
        return words if is_plain_list(argument) or words.lstrip().startswith("[") else _read_file(words)
    # One word may be a whole list, or the name of a list, such as a preset. The operation knows these names.
    if len(words) == 1 and (_is_json_list(words[0]) or words[0] in argument.words):
        return words[0]
    wants_numbers = argument.value_schema.get("items", {}).get("type") in ("integer", "number")
    return [_number(word) if wants_numbers else word for word in words]


def _is_json_list(word: str) -> bool:
    try:
        return isinstance(json.loads(word), list)
    except (ValueError, RecursionError):
        return False


def _number(word: str) -> int | float | str:
    """Parse a number as JSON writes it. Return any other text as it is: the argument's check reports it."""
    try:
        number = json.loads(word)
    except (ValueError, RecursionError):
        return word
    return number if isinstance(number, int | float) and not isinstance(number, bool) else word


def _read_file(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"can't read {path}: {error}") from None
