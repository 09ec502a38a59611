"""The libraries over one connection, as the server puts them together."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw

import agent_runtime_breakers as breakers
import agent_runtime_goals as goals
import agent_runtime_relay as relay
import agent_runtime_tasks as tasks

from . import _journal
from ._breaker_guard import BreakerGuard
from ._call import Libraries
from ._database import Database
from ._liveness import is_alive

SCHEMAS = (goals.SCHEMA, tasks.SCHEMA, relay.SCHEMA, breakers.SCHEMA, _journal.SCHEMA)


def assemble(
    connection: apsw.Connection, snapshot: Callable[[], Any], *, clock: Callable[[], float] = time.time
) -> Libraries:
    """Put the libraries together over a connection."""
    all_breakers = breakers.Breakers(connection, clock=clock, is_alive=is_alive, snapshot=snapshot)
    return Libraries(
        connection=connection,
        snapshot=snapshot,
        goals=goals.Goals(connection, clock=clock, snapshot=snapshot),
        tasks=tasks.Tasks(connection, clock=clock, is_alive=is_alive, snapshot=snapshot),
        relays=relay.Relays(
            connection, clock=clock, is_alive=is_alive, guard=BreakerGuard(all_breakers), snapshot=snapshot
        ),
        breakers=all_breakers,
        journal=_journal.Journal(connection, clock),
    )


def open_database(path: Path, *, synchronous: str, may_create: bool, default_folder: bool) -> Database[Libraries]:
    """Return the database of a path; it is opened at its first use."""
    return Database(
        path,
        assemble,
        SCHEMAS,
        synchronous=synchronous,
        may_create=may_create,
        default_folder=default_folder,
    )
