"""Access to the relays of a database: directly, or through the owner of the connection."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from ..._relays import Relays

T = TypeVar("T")


class RelayAccess(Protocol):
    """Access of a runner to the relays, one operation at a time.

    An operation may run again from its start, so it must have no effect outside the database.
    """

    async def read(self, operation: Callable[[Relays], T]) -> T:
        """Run an operation that only reads."""
        ...

    async def write(self, operation: Callable[[Relays], T], *, named: str | None, pipeline_id: int) -> T:
        """Run an operation that writes, in one transaction.

        Args:
            operation: the operation.
            named: its name in a journal; None if it only keeps a claim alive.
            pipeline_id: the pipeline that it is about.
        """
        ...


class DirectAccess:
    """Access to relays on a connection that nobody else in this program uses."""

    def __init__(self, relays: Relays) -> None:
        self.relays = relays

    async def read(self, operation: Callable[[Relays], T]) -> T:
        """Run an operation that only reads."""
        return operation(self.relays)

    async def write(self, operation: Callable[[Relays], T], *, named: str | None, pipeline_id: int) -> T:  # noqa: ARG002
        """Run an operation that writes, in one transaction."""
        with self.relays.connection:
            return operation(self.relays)


def access_to(relays: RelayAccess | Relays) -> RelayAccess:
    """Return an access as it is, or give direct access to relays."""
    return DirectAccess(relays) if isinstance(relays, Relays) else relays
