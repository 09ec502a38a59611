"""The target of an import: the libraries, under a clock that is set to the time of each event."""

import apsw

from agent_runtime_breakers import Breakers
from agent_runtime_goals import Goals
from agent_runtime_kernel.connection import Snapshot
from agent_runtime_relay import Relays
from agent_runtime_tasks import Tasks


class Target:
    """The target of an import.

    Args:
        connection: the connection, also for savepoints around writes that may be refused.
        snapshot: returns a context in which several reads see one state.
        now: the time of the import, in milliseconds since 1970.
        worker: the name of the worker that imports.
    """

    def __init__(self, connection: apsw.Connection, snapshot: Snapshot, *, now: int, worker: str) -> None:
        self.connection = connection
        self.now = now
        self.worker = worker
        self._clock = _SetClock(now)
        self.goals = Goals(connection, clock=self._clock, snapshot=snapshot)
        self.tasks = Tasks(connection, clock=self._clock, snapshot=snapshot)
        # Without a guard: breakers must not count the outcomes of old relays again; their own rows are imported.
        self.relays = Relays(connection, clock=self._clock, snapshot=snapshot)
        self.breakers = Breakers(connection, clock=self._clock, snapshot=snapshot)

    def at(self, milliseconds: int | None) -> None:
        """Set the time of the writes that follow; None means now."""
        self._clock.milliseconds = self.now if milliseconds is None else milliseconds


class _SetClock:
    """A clock that stands still at the time it is set to.

    Args:
        milliseconds: the time since 1970.
    """

    def __init__(self, milliseconds: int) -> None:
        self.milliseconds = milliseconds

    def __call__(self) -> float:
        """Return the time in seconds since 1970."""
        return self.milliseconds / 1000
