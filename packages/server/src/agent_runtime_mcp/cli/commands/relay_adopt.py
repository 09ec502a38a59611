"""`agent-runtime relay adopt`: a result that came too late, used after all."""

from typing import Any

import click

from ...journal.journal import Entry
from ...replies.json import plain
from ...runtime.libraries import Libraries
from ..context import REFUSED, command_session, database, errors_end_the_process
from ..from_operations import is_refusal, print_reply
from ..options import db_option, json_option


@click.command("adopt")
@click.argument("pipeline_id", type=click.IntRange(1))
@click.argument("output_id", type=click.IntRange(1))
@json_option
@db_option
def relay_adopt(pipeline_id: int, output_id: int, as_json: bool, db: str | None) -> None:
    """Settle the current step with an orphan output, through the same gates as any other output.

    `agent-runtime relay status PIPELINE_ID` lists the orphans of a pipeline.
    """
    with errors_end_the_process(as_json):
        worker = command_session().worker

        def adopt(libraries: Libraries) -> dict[str, Any]:
            with libraries.connection:
                values: dict[str, Any] = plain(libraries.relays.adopt_output(pipeline_id, output_id))
                libraries.journal.write(
                    Entry(
                        worker=worker,
                        client="agent-runtime",
                        tool_use_id=None,
                        operation="adopt_relay_output",
                        subject=f"pipeline {pipeline_id}",
                        arguments={"pipeline_id": pipeline_id, "output_id": output_id},
                        request_id=None,
                        reply=None,
                    )
                )
            return values

        values = database(db, may_create=False).run_blocking(adopt, writes=True)
        print_reply(values, as_json)
    if is_refusal(values):
        raise click.exceptions.Exit(REFUSED)
