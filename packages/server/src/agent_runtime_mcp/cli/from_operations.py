"""Commands made from operations: their parameters, how they run, and the printed reply."""

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
from .options import db_option, json_option
from .words import given_arguments, is_plain_list

_ABSENT: Any = None  # the value of a flag that was not given
_LONG_CHOICE = "WORD"  # stands for words that are too long to list in a usage line
_OUTCOMES_REFUSED = ("gate_failed", "blocked")
_WIDEST_CHOICE = 50  # characters


def command_of(operation: Operation) -> click.Command:
    """Make the command of an operation."""
    parameters: list[click.Parameter] = []
    for argument in operation.accepted.arguments:
        parameters += _parameters(argument)

    def run(db: str | None, as_json: bool, **given: Any) -> None:
        with errors_end_the_process(as_json):
            values = run_operation(operation, given_arguments(operation, given), db)
            print_reply(values, as_json)
        if is_refusal(values):
            raise click.exceptions.Exit(REFUSED)

    command = click.Command(
        operation.verb,
        params=parameters,
        callback=run,
        help=operation.description.replace("\n", "\n\n"),
        short_help=operation.description.split("\n")[0],
    )
    return json_option(db_option(command))


def run_operation(operation: Operation, given: dict[str, Any], db: str | None) -> dict[str, Any]:
    """Run an operation on the chosen file and return its reply."""
    request, opened = prepared_request(operation, given, db)
    return opened.run_blocking(request.run, writes=request.writes).values


def prepared_request(
    operation: Operation, given: dict[str, Any], db: str | None
) -> tuple[Request, Database[Libraries]]:
    """Check a request and prepare its plan, if it needs one. Return it with the database to run it on."""
    request = request_of(operation, given, command_session(), client="agent-runtime")
    opened = database(db)
    if request.needs_plan:
        import asyncio

        from ..planner.planning import prepared  # noqa: PLC0415 - for one operation only

        request = asyncio.run(prepared(request, opened))
    return request, opened


def print_reply(values: dict[str, Any], as_json: bool) -> None:
    """Print a reply as one line of JSON, or as people read it."""
    if as_json:
        click.echo(compact(values))
        return
    from .rendering import show  # noqa: PLC0415 - it loads rich

    show(values)


def is_refusal(values: dict[str, Any]) -> bool:
    """Tell whether a reply is a refusal that a script should notice, although it is not an error."""
    return values.get("admitted") is False or values.get("outcome") in _OUTCOMES_REFUSED


def _parameters(argument: Argument) -> list[click.Parameter]:
    """Make the positional argument or the options of an operation's argument."""
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
    """Return a completion of the words. A click.Choice would also reject other words, which is the operation's task."""
    if not words:
        return None
    return lambda _context, _parameter, begun: [word for word in words if word.startswith(begun)]
