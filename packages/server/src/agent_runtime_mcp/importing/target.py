"""Where an import writes: the libraries, under a clock that is set to when each thing happened."""

import apsw
import attrs

from agent_runtime_breakers import Breakers
from agent_runtime_goals import Goals
from agent_runtime_relay import Relays
from agent_runtime_tasks import Tasks


@attrs.define
class Moment:
    """A clock that stands where it is set: what is taken over keeps its times."""

    milliseconds: int

    def __call__(self) -> float:
        """Return the time in seconds since 1970."""
        return self.milliseconds / 1000


@attrs.frozen(kw_only=True)
class Target:
    """Where an import writes.

    Attributes:
        connection: the connection, for savepoints around what may be refused.
        moment: the clock of the libraries.
        now: when the import runs, in milliseconds since 1970.
        worker: who imports.
    """

    connection: apsw.Connection
    goals: Goals
    tasks: Tasks
    relays: Relays
    breakers: Breakers
    moment: Moment
    now: int
    worker: str

    def at(self, milliseconds: int | None) -> None:
        """Let what follows happen at a time, or now where none is known."""
        self.moment.milliseconds = self.now if milliseconds is None else milliseconds
