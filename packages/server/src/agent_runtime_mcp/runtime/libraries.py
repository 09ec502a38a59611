"""The libraries over one connection, each imported at its first use: a command needs one or two of them."""

from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, overload

import apsw
import attrs

from .._liveness import is_alive
from ..database.sqlite.opening import Schema, require_up_to_date
from ..journal.journal import SCHEMA as JOURNAL_SCHEMA
from ..journal.journal import Journal

if TYPE_CHECKING:
    from agent_runtime_breakers import Breakers
    from agent_runtime_goals import Goals
    from agent_runtime_relay import Relays
    from agent_runtime_tasks import Tasks


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Libraries:
    """The libraries over one connection.

    The first use of one raises `Outdated` where its tables are older than the library: `Database` sees to that.

    Attributes:
        connection: the open connection.
        snapshot: makes a context in which several reads see one state.
        clock: returns the time in seconds since 1970.
    """

    connection: apsw.Connection
    snapshot: Callable[[], Any]
    clock: Callable[[], float]

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


class AllSchemas(Sequence[Schema]):
    """The tables that a file has; the libraries are imported when somebody looks at them."""

    @overload
    def __getitem__(self, index: int) -> Schema: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Schema]: ...

    def __getitem__(self, index: int | slice) -> Schema | Sequence[Schema]:
        return _all_schemas()[index]

    def __len__(self) -> int:
        return len(_all_schemas())


@cache
def _all_schemas() -> tuple[Schema, ...]:
    import agent_runtime_breakers
    import agent_runtime_goals
    import agent_runtime_relay
    import agent_runtime_tasks

    libraries = (agent_runtime_goals, agent_runtime_tasks, agent_runtime_relay, agent_runtime_breakers)
    return (*(library.SCHEMA for library in libraries), JOURNAL_SCHEMA)
