"""The options that several commands take."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

CommandT = TypeVar("CommandT", bound=Callable[..., Any] | click.Command)


def db_option(command: CommandT) -> CommandT:
    """Give a command the option --db."""
    return click.option("--db", metavar="PATH", help="The database file.")(command)


def json_option(command: CommandT) -> CommandT:
    """Give a command the option --json, under which it prints one document."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")(command)


def json_lines_option(command: CommandT) -> CommandT:
    """Give a command the option --json, under which it prints one line for each event."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line and nothing else.")(
        command
    )
