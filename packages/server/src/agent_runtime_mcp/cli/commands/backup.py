"""`agent-runtime backup`: a consistent copy of the database."""

import signal
import sys
from pathlib import Path

import click

from ...errors import StorageFailure
from ...replies.json import compact
from ..context import database, errors_end_the_process
from ..options import db_option, json_option


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@json_option
@db_option
def backup(path: Path, as_json: bool, db: str | None) -> None:
    """Copy the database to a new file while it is in use, and check the copy.

    PATH must not exist yet: no file is overwritten. The copy holds every write that was acknowledged before the command
    began, and can be used as a database itself.
    """
    with errors_end_the_process(as_json):
        if path.exists() or path.is_symlink():
            raise StorageFailure(path, "is there already", "name a file that does not exist yet")
        if not path.parent.is_dir():
            raise StorageFailure(path, f"its folder {path.parent} does not exist", "make the folder")
        _end_cleanly_when_terminated()
        database(db, may_create=False).back_up(path)
        size = path.stat().st_size
        click.echo(compact({"path": str(path), "size_bytes": size}) if as_json else f"{path}\n  {size:,} bytes")


def _end_cleanly_when_terminated() -> None:
    """Turn SIGTERM and SIGHUP into an exception, so that no partial copy stays behind."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))
