"""`agent-runtime events`: the journal, a line for each event."""

import itertools
import time
from collections.abc import Iterator
from functools import partial

import click

from ...contract.moments import iso
from ...database.database import Database
from ...errors import Busy
from ...journal.journal import Event
from ...replies.json import compact
from ...runtime.libraries import Libraries
from ..context import database, errors_end_the_process
from ..options import db_option, json_lines_option

_PAUSE = 0.2  # seconds between two looks for new events


@click.command()
@click.option("--since", default=0, metavar="SEQ", help="Only events after this number.", type=click.IntRange(0))
@click.option("--limit", default=None, metavar="NUMBER", help="At most so many events.", type=click.IntRange(1))
@click.option("--follow", is_flag=True, help="Wait for new events and print them, until interrupted.")
@json_lines_option
@db_option
def events(since: int, limit: int | None, follow: bool, as_json: bool, db: str | None) -> None:
    """Print the journal: one line for each event, with --json one JSON object a line."""
    with errors_end_the_process(as_json):
        try:
            for event in itertools.islice(_events(database(db), since, follow), limit):
                click.echo(_as_json(event) if as_json else _as_line(event))
        except KeyboardInterrupt:
            if not follow:
                raise


def _events(database: Database[Libraries], since: int, follow: bool) -> Iterator[Event]:
    while True:
        try:
            page = database.run_blocking(partial(_page, since), writes=False)
        except Busy:
            if not follow:
                raise
            continue
        yield from page
        if page:
            since = page[-1].seq
        elif follow:
            time.sleep(_PAUSE)
        else:
            return


def _page(since: int, libraries: Libraries) -> list[Event]:
    return libraries.journal.since(since)


def _as_json(event: Event) -> str:
    return compact(
        {
            "seq": event.seq,
            "at": iso(event.at),
            "worker": event.worker,
            "client": event.client,
            "tool_use_id": event.tool_use_id,
            "operation": event.operation,
            "subject": event.subject,
            "arguments": event.arguments,
            "request_id": event.request_id,
        }
    )


def _as_line(event: Event) -> str:
    arguments = compact(event.arguments)
    shown = arguments if len(arguments) <= 100 else arguments[:97] + "..."
    return f"{event.seq:>6}  {iso(event.at)}  {event.operation:<20} {event.subject:<12} {event.worker}  {shown}"
