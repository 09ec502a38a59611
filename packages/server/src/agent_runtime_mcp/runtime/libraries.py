"""The libraries over one connection, each imported at its first use, as a command needs only one or two of them."""

import time
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import apsw

from agent_runtime_kernel.connection import Clock, Snapshot
from agent_runtime_kernel.liveness import is_alive
from agent_runtime_kernel.schema import Schema

from ..database.database import Database
from ..database.sqlite.opening import require_up_to_date
from ..journal.journal import SCHEMA as JOURNAL_SCHEMA
from ..journal.journal import Journal

if TYPE_CHECKING:
    from agent_runtime_breakers import Breakers
    from agent_runtime_goals import Goals
    from agent_runtime_relay import Relays
    from agent_runtime_tasks import Tasks


class Libraries:
    """The libraries over one connection, each imported and made at its first use.

    The first use of a library raises `Outdated` if its tables are older than it. `Database` then migrates them.

    Args:
        connection: the open connection.
        snapshot: returns a context in which several reads see one state.
        clock: returns the time in seconds since 1970.
    """

    def __init__(self, connection: apsw.Connection, snapshot: Snapshot, *, clock: Clock = time.time) -> None:
        self.connection = connection
        self.snapshot = snapshot
        self.clock = clock

    @cached_property
    def goals(self) -> "Goals":
        """The goals."""
        from agent_runtime_goals import SCHEMA, Goals

        require_up_to_date(SCHEMA, self.connection)
        return Goals(self.connection, clock=self.clock, snapshot=self.snapshot)

    @cached_property
    def tasks(self) -> "Tasks":
        """The tasks."""
        from agent_runtime_tasks import SCHEMA, Tasks

        require_up_to_date(SCHEMA, self.connection)
        return Tasks(self.connection, clock=self.clock, is_alive=is_alive, snapshot=self.snapshot)

    @cached_property
    def relays(self) -> "Relays":
        """The relays, with the breakers behind their routing."""
        from agent_runtime_relay import SCHEMA, Relays

        from .breaker_guard import BreakerGuard

        require_up_to_date(SCHEMA, self.connection)
        guard = BreakerGuard(self.breakers)
        return Relays(self.connection, clock=self.clock, is_alive=is_alive, guard=guard, snapshot=self.snapshot)

    @cached_property
    def breakers(self) -> "Breakers":
        """The circuit breakers."""
        from agent_runtime_breakers import SCHEMA, Breakers

        require_up_to_date(SCHEMA, self.connection)
        return Breakers(self.connection, clock=self.clock, is_alive=is_alive, snapshot=self.snapshot)

    @cached_property
    def journal(self) -> Journal:
        """The server's own journal."""
        require_up_to_date(JOURNAL_SCHEMA, self.connection)
        return Journal(self.connection, self.clock)


@cache
def all_schemas() -> tuple[Schema, ...]:
    """Return the schemas of a file in the order in which they are migrated; this imports all libraries."""
    import agent_runtime_breakers
    import agent_runtime_goals
    import agent_runtime_relay
    import agent_runtime_tasks

    libraries = (agent_runtime_goals, agent_runtime_tasks, agent_runtime_relay, agent_runtime_breakers)
    return (*(library.SCHEMA for library in libraries), JOURNAL_SCHEMA)


def open_database(path: Path, *, synchronous: str, may_create: bool, default_folder: bool) -> Database[Libraries]:
    """Return the database at a path; the file is opened at its first use."""
    return Database(
        path,
        Libraries,
        all_schemas,
        synchronous=synchronous,
        may_create=may_create,
        default_folder=default_folder,
        checked_at_first_use=True,
    )
