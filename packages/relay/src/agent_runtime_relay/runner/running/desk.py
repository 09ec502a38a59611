"""Where a runner reads and writes: the relays of a database, directly or through whoever owns the connection."""

from collections.abc import Callable
from typing import Protocol, TypeVar

import attrs

from ..._relays import Relays

T = TypeVar("T")


class Desk(Protocol):
    """Gives a runner the relays, one operation at a time.

    An operation may run again from its start: it has no effect outside the database.
    """

    async def read(self, operation: Callable[[Relays], T]) -> T:
        """Run an operation that only reads."""
        ...

    async def write(self, operation: Callable[[Relays], T], *, named: str | None, pipeline_id: int) -> T:
        """Run an operation that writes, in one transaction.

        Args:
            operation: what to do.
            named: what a journal is to call it; None where it is no more than keeping a claim alive.
            pipeline_id: what it is about.
        """
        ...


@attrs.frozen
class Direct:
    """Relays on a connection that this program has for itself."""

    relays: Relays

    async def read(self, operation: Callable[[Relays], T]) -> T:
        """Run an operation that only reads."""
        return operation(self.relays)

    async def write(self, operation: Callable[[Relays], T], *, named: str | None, pipeline_id: int) -> T:  # noqa: ARG002
        """Run an operation that writes, in one transaction."""
        with self.relays.connection:
            return operation(self.relays)


def desk_of(relays: Desk | Relays) -> Desk:
    """Return the desk that relays are, or the one over them."""
    return Direct(relays) if isinstance(relays, Relays) else relays
