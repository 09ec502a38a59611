"""`agent-runtime import`: the data of an earlier server, taken into the current file."""

import os
from functools import partial
from pathlib import Path

import click

from ...importing.reading import read_earlier_file
from ...importing.report import Report
from ...importing.taking import take_over
from ...replies.json import compact
from ..context import database, db_option, errors_end_the_process, json_option, worker_name

_SHOWN = 50


@click.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@json_option
@db_option
def import_(path: Path, as_json: bool, db: str | None) -> None:
    """Take over goals, tasks, relays and breakers from the file of an earlier agent-runtime server.

    PATH is read and left as it is. All of it is written in one transaction, or nothing; imported twice, it is there
    twice. What is reported as mapped or left is named by its id in PATH.
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
        click.echo(f"ids      {changed} are other ones now; --json names them")
    for note in report.notes[:_SHOWN]:
        click.echo(f"{note.fate:<8} {note.subject}: {note.what}")
    if len(report.notes) > _SHOWN:
        click.echo(f"... and {len(report.notes) - _SHOWN} more; --json names them all")
