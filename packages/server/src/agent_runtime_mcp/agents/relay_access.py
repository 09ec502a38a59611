"""Access to the relays for a runner: in the database's own turns, and with each effect in the journal."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import attrs

from agent_runtime_relay import Relays

from ..database.database import Database
from ..journal.journal import Entry
from ..runtime.libraries import Libraries

T = TypeVar("T")

_CLIENT = "agent-runtime"


@attrs.frozen(kw_only=True)
class RelayDesk:
    """The relays of a database.

    Args:
        database: the file.
        worker: who writes.
    """

    database: Database[Libraries]
    worker: str

    async def read(self, operation: Callable[[Relays], T]) -> T:
        """Run an operation that only reads."""
        return await self.database.run(lambda libraries: operation(libraries.relays), writes=False)

    async def write(self, operation: Callable[[Relays], T], *, named: str | None, pipeline_id: int) -> T:
        """Run an operation that writes, in one transaction; the journal has a row where it changed something."""

        def run(libraries: Libraries) -> T:
            connection = libraries.connection
            with connection:
                before = connection.total_changes()
                result = operation(libraries.relays)
                if named is not None and connection.total_changes() != before:
                    libraries.journal.write(
                        Entry(
                            worker=self.worker,
                            client=_CLIENT,
                            tool_use_id=None,
                            operation=named,
                            subject=f"pipeline {pipeline_id}",
                            arguments={"pipeline_id": pipeline_id},
                            request_id=None,
                            reply=None,
                        )
                    )
            return result

        return await self.database.run(run, writes=True)


def folder_of(database: Path) -> Path:
    """Return where the agents that work on a database find their input and leave their results."""
    return database.with_name(f"{database.name}-agents")
