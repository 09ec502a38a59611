"""`agent-runtime call`: any operation by its MCP name."""

import json
from typing import Any

import click

from ...dispatch.failures import Problem
from ...errors import InvalidArguments
from ...operations.table import table
from ...replies.json import compact
from ..context import REFUSED, UNKNOWN_TOOL, errors_end_the_process, fail
from ..from_operations import is_refusal, run_operation
from ..options import db_option
from ..words import read_input

_SHAPE = 'an object such as {"goal_id": 1}'


@click.command()
@click.argument("tool")
@click.argument("arguments", default="{}", metavar="[JSON]")
@db_option
def call(tool: str, arguments: str, db: str | None) -> None:
    """Run any operation by its MCP name and print the JSON that MCP returns as structuredContent.

    JSON is an object of arguments; with - it is read from standard input. An error is printed as JSON to standard
    error.
    """
    if tool not in table():
        names = ", ".join(table())
        problem = Problem(
            code="not_found", message=f"there is no tool {tool[:100]!r}", hint=f"the tools: {names}", details={}
        )
        fail(problem, as_json=True, code=UNKNOWN_TOOL)
    with errors_end_the_process(as_json=True):
        values = run_operation(table()[tool], _object(read_input("JSON") if arguments == "-" else arguments), db)
        click.echo(compact(values))
    if is_refusal(values):
        raise click.exceptions.Exit(REFUSED)


def _object(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidArguments([f"JSON is not valid: {error}"], _SHAPE) from None
    if not isinstance(given, dict):
        raise InvalidArguments(["JSON must be one object of arguments"], _SHAPE)
    return given
