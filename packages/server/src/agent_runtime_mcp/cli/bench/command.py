"""`agent-runtime bench`: what this costs on this machine and this disk, beside what was promised."""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import click

from ...database.sqlite.failures import storage_failure
from ..context import db_option, errors_end_the_process, json_option, location, synchronous
from .report import Report
from .wire import Wire, WireError
from .work import decompositions, everyday_calls, handoffs

NOT_KEPT = 1
_SHARE_OF_EACH_PROMISE = 0.3  # of the time; the rest is for the everyday calls
# A planner of the user's would be another program's time, and a database of theirs is not touched.
_NOT_FOR_THE_SERVER = ("AGENT_RUNTIME_PLANNER", "AGENT_RUNTIME_DB_PATH")


@click.command()
@click.option(
    "--seconds",
    type=click.IntRange(1, 600),
    default=20,
    show_default=True,
    help="How long to go on; less makes the figures less sure.",
)
@json_option
@db_option
def bench(seconds: int, as_json: bool, db: str | None) -> None:
    """Measure what was promised, and what the main operations cost, on this machine and disk.

    A real server works on a file of its own in a temporary directory beside the database, which is not touched: goals
    of 2 KiB are broken down into tasks, relays of 48 agents are carried to their end.

    The exit code is 1 when a promise is not kept. To be faster than promised keeps it.
    """
    with errors_end_the_process(as_json):
        report = _measured(nearest_folder(location(db).path.parent), seconds)
    if as_json:
        from ...replies.json import compact

        click.echo(compact(report.as_json()))
    else:
        from .tables import show

        show(report)
    if not report.kept:
        raise click.exceptions.Exit(NOT_KEPT)


def _measured(folder: Path, seconds: int) -> Report:
    try:
        own = Path(tempfile.mkdtemp(prefix=".agent-runtime-bench-", dir=folder))
    except OSError as error:
        raise storage_failure(folder, error) from error
    try:
        return _measured_in(own, seconds)
    except WireError as error:
        raise click.ClickException(f"the server that is measured failed: {error}") from error
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _measured_in(folder: Path, seconds: int) -> Report:
    command = [sys.executable, "-m", "agent_runtime_mcp", "serve", "--db", str(folder / "runtime.db")]
    environment = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_THE_SERVER}
    with Wire(command, environment) as server:
        now = time.perf_counter()
        turn = seconds * _SHARE_OF_EACH_PROMISE
        decomposition = decompositions(server, now + turn)
        handoff, of_relays = handoffs(server, now + 2 * turn)
        return Report(
            folder=folder.parent,
            synchronous=synchronous(os.environ),
            start=server.milliseconds_to_first_reply,
            verdicts=(decomposition, handoff),
            operations=(*everyday_calls(server, now + seconds), *of_relays),
        )


def nearest_folder(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that there is: of the same disk, unless a mount comes between."""
    return next(one for one in (folder, *folder.parents) if one.is_dir())
