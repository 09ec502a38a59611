"""`agent-runtime bench`: the measured cost on this machine and disk, beside the promised figures."""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import click

from ...database.sqlite.failures import storage_failure
from ...replies.json import compact
from ..context import errors_end_the_process, location, synchronous
from ..options import db_option, json_option
from .report import Report
from .tables import show
from .wire import Wire, WireError
from .work import decompositions, everyday_calls, handoffs

NOT_KEPT = 1  # exit code
_SHARE_OF_EACH_PROMISE = 0.3  # of the time; the rest is for the everyday calls
# The user's planner would add the time of another program, and the user's database must stay untouched.
_NOT_FOR_THE_SERVER = ("AGENT_RUNTIME_PLANNER", "AGENT_RUNTIME_DB_PATH")


@click.command()
@click.option(
    "--seconds",
    type=click.IntRange(1, 600),
    default=20,
    show_default=True,
    help="How long to measure; a shorter time makes the figures less certain.",
)
@json_option
@db_option
def bench(seconds: int, as_json: bool, db: str | None) -> None:
    """Measure the promised figures, and the cost of the main operations, on this machine and disk.

    A real server works on its own file in a temporary directory beside the database, which is not touched: goals of
    2 KiB are broken down into tasks, and relays of 48 agents run to their end.

    The exit code is 1 when a promise is not kept. A figure below the target keeps the promise.
    """
    with errors_end_the_process(as_json):
        report = _measured(nearest_folder(location(db).path.parent), seconds)
    if as_json:
        click.echo(compact(report.as_json()))
    else:
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
    """Return the folder or the nearest existing one above it. It is on the same disk, unless a mount comes between."""
    return next(one for one in (folder, *folder.parents) if one.is_dir())
