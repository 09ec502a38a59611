"""Commands made from operations: what they take, how they run, what they print."""

from collections.abc import Callable, Sequence
from typing import Any

import click

from ..contract.arguments import Argument
from ..database.database import Database
from ..dispatch.request import Request, request_of
from ..operations.table import Operation
from ..replies.json import compact
from ..runtime.libraries import Libraries
from .context import REFUSED, command_session, database, errors_end_the_process
from .words import given_arguments, is_plain_list

_ABSENT: Any = None
_LONG_CHOICE = "WORD"
_OUTCOMES_REFUSED = ("gate_failed", "blocked")
_WIDEST_CHOICE = 50  # characters


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
            values = run_operation(operation, given_arguments(operation, given), db)
            if as_json:
                click.echo(compact(values))
            else:
                from .rendering import show

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


def run_operation(operation: Operation, given: dict[str, Any], db: str | None) -> dict[str, Any]:
    """Run an operation on the chosen file and return its reply."""
    request, opened = prepared_request(operation, given, db)
    return opened.run_blocking(request.run, writes=request.writes).values


def prepared_request(
    operation: Operation, given: dict[str, Any], db: str | None
) -> tuple[Request, Database[Libraries]]:
    """Return the request of an operation, with what it needs before it runs, and the database that it is for."""
    request = request_of(operation, given, command_session(), client="agent-runtime")
    opened = database(db)
    if request.needs_plan:
        import asyncio

        from ..planner.planning import prepared

        request = asyncio.run(prepared(request, opened))
    return request, opened


def is_refusal(values: dict[str, Any]) -> bool:
    """Say whether an answer, though no error, is a refusal that a script should notice."""
    return values.get("admitted") is False or values.get("outcome") in _OUTCOMES_REFUSED


def _parameters(argument: Argument) -> list[click.Parameter]:
    """Return the argument of the command line, or its options."""
    option = argument.name.replace("_", "-")
    text = argument.description[:1].upper() + argument.description[1:] + "."
    words = argument.value_schema.get("enum", ())
    if argument.required:
        return [
            click.Argument(
                [argument.name],
                nargs=-1 if argument.kind == "array" else 1,
                required=True,
                help=_with_words(text, words),
                shell_complete=_completion(words),
            )
        ]
    if argument.kind == "boolean":
        return [click.Option([f"--{option}/--no-{option}", argument.name], default=_ABSENT, help=text)]
    default = argument.schema.get("default")
    metavar = _metavar(argument)
    found: list[click.Parameter] = [
        click.Option(
            [f"--{option}", argument.name],
            multiple=is_plain_list(argument),
            metavar=metavar,
            help=text if metavar != _LONG_CHOICE else _with_words(text, words),
            show_default=False if default is None else str(default),
            shell_complete=_completion(words),
        )
    ]
    if argument.clearable:
        found.append(click.Option([f"--no-{option}", f"no_{argument.name}"], is_flag=True, help=f"Clear {option}."))
    return found


def _metavar(argument: Argument) -> str:
    words = argument.value_schema.get("enum")
    if words:
        short = "|".join(words)
        return short if len(short) <= _WIDEST_CHOICE else _LONG_CHOICE
    if argument.kind == "array":
        return "TEXT" if is_plain_list(argument) else "FILE"
    return {"string": "TEXT", "integer": "NUMBER", "number": "NUMBER", "object": "JSON"}[argument.kind]


def _with_words(text: str, words: Sequence[str]) -> str:
    return f"{text[:-1]}: {', '.join(words)}." if words else text


def _completion(words: Sequence[str]) -> Callable[[click.Context, click.Parameter, str], list[str]] | None:
    """Return what completes one of a few words; a click.Choice would also judge them, which is not its to do."""
    if not words:
        return None
    return lambda _context, _parameter, begun: [word for word in words if word.startswith(begun)]
