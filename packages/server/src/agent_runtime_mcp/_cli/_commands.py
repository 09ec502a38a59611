"""Commands made from operations: strings are parsed here, values are checked by the operation's own arguments."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from .._arguments import Argument
from .._call import Libraries
from .._database import Database
from .._dispatch import Request, make_request
from .._operations import Operation
from .._plain import compact
from ._context import REFUSED, command_session, database, errors_end_the_process

_ABSENT: Any = None
_OUTCOMES_REFUSED = ("gate_failed", "blocked")


def command_of(operation: Operation) -> click.Command:
    """Return the command of an operation."""
    parameters: list[click.Parameter] = []
    for argument in operation.accepted.arguments:
        parameters += _parameters(argument)
    parameters.append(click.Option(["--db"], metavar="PATH", help="The database file."))
    parameters.append(
        click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON document and nothing else.")
    )

    def run(db: str | None, as_json: bool, **given: Any) -> None:
        with errors_end_the_process(as_json):
            values = run_operation(operation.name, given_arguments(operation, given), db)
            if as_json:
                click.echo(compact(values))
            else:
                from ._rendering import show

                show(values)
        if is_refusal(values):
            raise click.exceptions.Exit(REFUSED)

    return click.Command(
        operation.verb,
        params=parameters,
        callback=run,
        help=operation.description.replace("\n", "\n\n"),
        short_help=operation.description.split("\n")[0],
    )


def run_operation(name: str, given: dict[str, Any], db: str | None) -> dict[str, Any]:
    """Run an operation on the chosen file and return its reply."""
    request, opened = prepared_request(name, given, db)
    return opened.run_blocking(request.run, writes=request.writes).values


def prepared_request(name: str, given: dict[str, Any], db: str | None) -> tuple[Request, Database[Libraries]]:
    """Return the request of an operation, with a plan where it needs one, and the database that it is for."""
    request = make_request(name, given, command_session(), client="agent-runtime")
    opened = database(db)
    if name == "decompose_goal":
        import asyncio

        from .._planning import needs_plan, with_plan

        if needs_plan(request):
            request = asyncio.run(with_plan(request, opened))
    return request, opened


def is_refusal(values: dict[str, Any]) -> bool:
    """Say whether an answer, though no error, is a refusal that a script should notice."""
    return values.get("admitted") is False or values.get("outcome") in _OUTCOMES_REFUSED


def _parameters(argument: Argument) -> list[click.Parameter]:
    """Return the argument of the command line, or its options."""
    if argument.required:
        several = argument.kind == "array"
        return [click.Argument([argument.name], nargs=-1 if several else 1, required=True)]
    option = "--" + argument.name.replace("_", "-")
    text = argument.description[:1].upper() + argument.description[1:] + "."
    if argument.kind == "boolean":
        return [
            click.Option([f"{option}/--no-{option[2:]}", argument.name], default=_ABSENT, help=text, show_default=False)
        ]
    found: list[click.Parameter] = [
        click.Option(
            [option, argument.name],
            multiple=_is_plain_list(argument),
            metavar=_metavar(argument),
            help=text,
        )
    ]
    if argument.clearable:
        found.append(
            click.Option([f"--no-{option[2:]}", f"no_{argument.name}"], is_flag=True, help=f"Clear {argument.name}.")
        )
    return found


def _metavar(argument: Argument) -> str:
    words = argument.value_schema.get("enum")
    if words:
        return "|".join(words)
    if argument.kind == "array":
        return "TEXT" if _is_plain_list(argument) else "FILE"
    return {"string": "TEXT", "integer": "NUMBER", "number": "NUMBER", "object": "JSON"}[argument.kind]


def _is_plain_list(argument: Argument) -> bool:
    """Say whether a list is given item by item; one of objects comes from a file."""
    return argument.kind == "array" and argument.value_schema.get("items", {}).get("type") != "object"


def given_arguments(operation: Operation, given: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments that were given on the command line, as JSON values."""
    values: dict[str, Any] = {}
    for argument in operation.accepted.arguments:
        value = given.get(argument.name)
        if given.get(f"no_{argument.name}"):
            if value not in (None, ()):
                option = argument.name.replace("_", "-")
                raise click.UsageError(f"--{option} and --no-{option} contradict each other")
            values[argument.name] = None
        elif value not in (None, ()):
            values[argument.name] = _value(argument, value)
    return values


def _value(argument: Argument, value: Any) -> Any:
    if argument.kind == "boolean":
        return value
    if argument.kind == "array":
        return _items(argument, value)
    text = _read_input() if value == "-" and argument.kind in ("string", "object") else value
    return _number(text) if argument.kind in ("integer", "number") else text


def _items(argument: Argument, value: str | Sequence[str]) -> Any:
    if isinstance(value, str):
        return _read_input() if value == "-" else _read_file(value) if not value.lstrip().startswith("[") else value
    # One word may name a list, as a preset does; which words do is the operation's to know.
    if len(value) == 1 and (value[0].lstrip().startswith("[") or value[0] in argument.words):
        return value[0]
    wants_numbers = argument.value_schema.get("items", {}).get("type") in ("integer", "number")
    return [_number(item) if wants_numbers else item for item in value]


def _number(text: str) -> int | float | str:
    """Return a number as it was written, or the text where it is none, which the argument's check then refuses."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _read_input() -> str:
    return sys.stdin.read()


def _read_file(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"can't read {path}: {error}") from None
