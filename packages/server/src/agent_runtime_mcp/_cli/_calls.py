"""`agent-runtime call`: any operation by its MCP name."""

import json
import sys

import click

from .._failures import Problem
from .._operations import by_name
from .._plain import compact
from ._commands import is_refusal, run_operation
from ._context import REFUSED, UNKNOWN_TOOL, db_option, errors_end_the_process, fail


@click.command()
@click.argument("tool")
@click.argument("arguments", default="{}", metavar="[JSON]")
@db_option
def call(tool: str, arguments: str, db: str | None) -> None:
    """Run any operation by its MCP name and print the JSON that MCP returns as structuredContent.

    JSON is an object of arguments; - reads it from standard input. An error is printed as JSON to standard error.
    """
    if tool not in by_name():
        names = ", ".join(by_name())
        problem = Problem(code="not_found", message=f"there is no tool {tool}", hint=f"the tools: {names}", details={})
        fail(problem, as_json=True, code=UNKNOWN_TOOL)
    text = sys.stdin.read() if arguments == "-" else arguments
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        given = str(error)
    if not isinstance(given, dict):
        message = "the arguments must be one JSON object" + (f": {given}" if isinstance(given, str) else "")
        fail(Problem(code="invalid", message=message, hint='such as {"goal_id": 1}', details={}), as_json=True)
    with errors_end_the_process(as_json=True):
        values = run_operation(tool, given, db)
        click.echo(compact(values))
    if is_refusal(values):
        raise click.exceptions.Exit(REFUSED)
