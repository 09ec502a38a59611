"""`agent-runtime init` and `agent-runtime where`: which file is used."""

import contextlib
from pathlib import Path

import click

from ...database.location import init_location
from ...replies.json import compact
from ..context import db_option, errors_end_the_process, json_option, location, synchronous


@click.command()
@json_option
def init(as_json: bool) -> None:
    """Give this project a database of its own: .agent-runtime/runtime.db here, shared by its git worktrees."""
    with errors_end_the_process(as_json):
        place = init_location(Path.cwd())
        existed = place.path.exists()
        import os

        from ...runtime.libraries import open_database

        opened = open_database(place.path, synchronous=synchronous(os.environ), may_create=True, default_folder=True)
        opened.run_blocking(lambda _libraries: None, writes=False)
        _keep_out_of_git(place.path.parent)
        _print(place.path, "it was there already" if existed else "created", as_json)


@click.command()
@json_option
@db_option
def where(as_json: bool, db: str | None) -> None:
    """Print which database is used here, and why that one."""
    with errors_end_the_process(as_json):
        place = location(db)
        _print(place.path, place.reason, as_json)


def _keep_out_of_git(folder: Path) -> None:
    """Have git ignore the folder, this file included, unless somebody decided otherwise before."""
    with contextlib.suppress(FileExistsError), (folder / ".gitignore").open("x", encoding="utf-8") as ignore:
        ignore.write("*\n")


def _print(path: Path, reason: str, as_json: bool) -> None:
    if as_json:
        click.echo(compact({"path": str(path), "reason": reason, "exists": path.exists()}))
    else:
        click.echo(f"{path}\n  {reason}")
