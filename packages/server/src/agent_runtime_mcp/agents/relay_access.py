"""Access of a runner to relays: it takes turns at the database, and journals each effect."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from agent_runtime_relay import Relays

from ..database.database import Database
from ..journal.journal import Entry
from ..runtime.libraries import Libraries

T = TypeVar("T")

_CLIENT = "agent-runtime"


class DatabaseRelayAccess:
    """Access to the relays of a database.

    Args:
        database: the database.
        worker: the worker that the journal names.
    """

    def __init__(self, database: Database[Libraries], worker: str) -> None:
        self._database = database
        self._worker = worker

    async def read(self, operation: Callable[[Relays], T]) -> T:
        """Run an operation that only reads."""
        return await self._database.run(lambda libraries: operation(libraries.relays), writes=False)

    async def write(self, operation: Callable[[Relays], T], *, named: str | None, pipeline_id: int) -> T:
        """Run an operation that writes, in one transaction, and journal it if it changed anything."""

        def run(libraries: Libraries) -> T:
            connection = libraries.connection
            with connection:
                before = connection.total_changes()
                result = operation(libraries.relays)
                if named is not None and connection.total_changes() != before:
                    libraries.journal.write(
                        Entry(
                            worker=self._worker,
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

        return await self._database.run(run, writes=True)


def agents_folder(database: Path) -> Path:
    """Return the folder where the agents of a database find their input and leave their results."""
    return database.with_name(f"{database.name}-agents")
