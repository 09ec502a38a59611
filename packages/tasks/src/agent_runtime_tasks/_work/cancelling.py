"""Cancelling: end the claims of open tasks and settle the tasks as cancelled."""

from collections.abc import Iterable, Sequence

from agent_runtime_kernel.connection import Connection

from .._model import OPEN_STATES, Outcome, State
from .._records.claims import Claims
from .._records.rows import Rows
from .._rules.rules import Node
from .claiming import Claiming
from .ripple import Ripple

_AT_ONCE = 1000


class Cancelling:
    """The cancelling of tasks in one database.

    Args:
        connection: the open connection.
        rows: the graph's rows.
        claims: the claims.
        claiming: ends claims.
    """

    def __init__(self, connection: Connection, rows: Rows, claims: Claims, claiming: Claiming) -> None:
        self.connection = connection
        self.rows = rows
        self.claims = claims
        self.claiming = claiming

    def cancel_open_in(self, goal_ids: Iterable[int], worker: str, now: int) -> int:
        """Cancel all open leaves of some goals and return their number; runs inside a transaction."""
        cancelled = 0
        for goal_id in sorted(goal_ids):
            for state in OPEN_STATES:
                while leaves := self.rows.leaves_in(goal_id, state, limit=_AT_ONCE):
                    ripple = Ripple(self.rows, now)
                    self.cancel(ripple, [ripple.take(leaf) for leaf in leaves], worker, now)
                    ripple.settle()
                    cancelled += len(leaves)
        return cancelled

    def cancel(
        self, ripple: Ripple, leaves: Sequence[Node], worker: str, now: int, *, token: str | None = None
    ) -> None:
        """Cancel leaves and touch them; `token` is the token of the claim, if the caller showed it."""
        claims = self.claims.find_all([leaf.task_id for leaf in leaves if leaf.state is State.IN_PROGRESS])
        for claim in claims.values():
            self.claiming.end(claim, Outcome.CANCELLED, now, settled_by=worker, token=token)
        self.connection.executemany(
            "UPDATE tasks_tasks SET settled_by = :worker WHERE id = :id",
            [{"id": leaf.task_id, "worker": worker} for leaf in leaves],
        )
        for leaf in leaves:
            leaf.state = State.CANCELLED
            ripple.touch(leaf)
