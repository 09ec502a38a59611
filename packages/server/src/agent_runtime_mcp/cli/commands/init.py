"""`agent-runtime init`: a database of this project's own."""

import contextlib
import os
from pathlib import Path

import click

from ...database.location import init_location
from ...runtime.libraries import open_database
from ..context import errors_end_the_process, synchronous
from ..options import json_option
from .where import print_location


@click.command()
@json_option
def init(as_json: bool) -> None:
    """Give this project a database of its own: .agent-runtime/runtime.db here, shared by its git worktrees."""
    with errors_end_the_process(as_json):
        place = init_location(Path.cwd())
        existed = place.path.exists()
        opened = open_database(place.path, synchronous=synchronous(os.environ), may_create=True, default_folder=True)
        opened.run_blocking(lambda _libraries: None, writes=False)
        _keep_out_of_git(place.path.parent)
        print_location(place.path, "it was there already" if existed else "created", as_json)


def _keep_out_of_git(folder: Path) -> None:
    """Have git ignore the folder, this file included, unless somebody decided otherwise before."""
    with contextlib.suppress(FileExistsError), (folder / ".gitignore").open("x", encoding="utf-8") as ignore:
        ignore.write("*\n")
