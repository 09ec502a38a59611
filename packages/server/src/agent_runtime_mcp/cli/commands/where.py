"""`agent-runtime where`: the database file that is used here, and why."""

from pathlib import Path

import click

from ...replies.json import compact
from ..context import errors_end_the_process, location
from ..options import db_option, json_option


@click.command()
@json_option
@db_option
def where(as_json: bool, db: str | None) -> None:
    """Print which database is used here, and why that one."""
    with errors_end_the_process(as_json):
        place = location(db)
        print_location(place.path, place.reason, as_json)


def print_location(path: Path, reason: str, as_json: bool) -> None:
    """Print a database file and the reason why it is the one."""
    if as_json:
        click.echo(compact({"path": str(path), "reason": reason, "exists": path.exists()}))
    else:
        click.echo(f"{path}\n  {reason}")
