"""Whether the tables of relays agree with each other, and how they are made to."""

from collections.abc import Callable, Iterator

import attrs

from agent_runtime_kernel.findings import Finding

from .._records.audit import Audit
from .lookups import Lookups


@attrs.frozen
class Upkeep(Lookups):
    """The part of the relays of one database that looks after its tables."""

    def audit(self, checked: Callable[[int], object] = lambda _count: None) -> Iterator[Finding]:
        """Yield what the tables say and the attempts in them contradict, reading a page at a time.

        Args:
            checked: told of each page how many pipelines it had.
        """
        with self.snapshot():
            yield from Audit(self.connection).findings(checked)

    def rebuild(self) -> int:
        """Write anew what is derived, and nothing else; return how many rows were wrong."""
        with self.connection:
            return Audit(self.connection).rebuild()
