"""`agent-runtime import`: the data of an earlier server, copied into the current database."""

import os
from functools import partial
from pathlib import Path

import click

from ...importing.reading import read_earlier_file
from ...importing.report import Report
from ...importing.taking import take_over
from ...replies.json import compact
from ..context import database, errors_end_the_process, worker_name
from ..options import db_option, json_option

_MOST_NOTES = 50


@click.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@json_option
@db_option
def import_(path: Path, as_json: bool, db: str | None) -> None:
    """Take over goals, tasks, relays and breakers from the file of an earlier agent-runtime server.

    PATH is only read. Either everything is written, in one transaction, or nothing. A second import of the same file
    adds its data a second time. The report names rows that were mapped or left out by their ids in PATH.
    """
    with errors_end_the_process(as_json):
        earlier = read_earlier_file(path)
        report = database(db).run_blocking(partial(take_over, earlier, worker=worker_name(os.environ)), writes=True)
        if as_json:
            click.echo(compact(report.as_json()))
        else:
            _show(report)


def _show(report: Report) -> None:
    click.echo("taken    " + ", ".join(f"{count} {kind}" for kind, count in report.taken.items()))
    changed = sum(earlier != now for ids in report.ids.values() for earlier, now in ids.items())
    if changed:
        click.echo(f"ids      {changed} have changed; --json lists them")
    for note in report.notes[:_MOST_NOTES]:
        click.echo(f"{note.fate:<8} {note.subject}: {note.what}")
    if len(report.notes) > _MOST_NOTES:
        click.echo(f"... and {len(report.notes) - _MOST_NOTES} more; --json lists them all")
