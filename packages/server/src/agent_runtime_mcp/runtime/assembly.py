"""The database of the server: one file with the tables of all libraries."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw

from ..database.database import Database
from .libraries import AllSchemas, Libraries

SCHEMAS = AllSchemas()


def assemble(
    connection: apsw.Connection, snapshot: Callable[[], Any], *, clock: Callable[[], float] = time.time
) -> Libraries:
    """Put the libraries together over a connection."""
    return Libraries(connection=connection, snapshot=snapshot, clock=clock)


def open_database(path: Path, *, synchronous: str, may_create: bool, default_folder: bool) -> Database[Libraries]:
    """Return the database of a path; it is opened at its first use."""
    return Database(
        path,
        assemble,
        SCHEMAS,
        synchronous=synchronous,
        may_create=may_create,
        default_folder=default_folder,
        checked_at_first_use=True,
    )
