"""Holding the tasks of paused goals back, and offering them again."""

import attrs

from agent_runtime_kernel.connection import Connection

from .._model import State
from .._records.claims import Claims
from .._records.rows import Rows
from .ripple import Ripple

_AT_ONCE = 1000


@attrs.frozen(eq=False, repr=False)
class Holding:
    """Holds goals of one database; each call costs as much as the goal has tasks that it affects.

    Args:
        connection: the open connection.
        rows: the graph's rows.
        claims: the claims.
    """

    connection: Connection
    rows: Rows
    claims: Claims

    def hold(self, goal_id: int, now: int) -> None:
        """Offer no tasks of a goal; runs inside a transaction."""
        self.connection.execute(
            "INSERT INTO tasks_holds (goal_id) VALUES (:goal_id) ON CONFLICT (goal_id) DO NOTHING",
            {"goal_id": goal_id},
        ).fetchall()
        for state in (State.READY, State.WAITING):
            self._derive_again(goal_id, state, now)
        self.connection.execute(
            "UPDATE tasks_tasks SET offer = NULL WHERE goal_id = :goal_id AND state = 'in_progress'",
            {"goal_id": goal_id},
        ).fetchall()

    def unhold(self, goal_id: int, now: int) -> None:
        """Offer the tasks of a goal again; runs inside a transaction."""
        self.connection.execute("DELETE FROM tasks_holds WHERE goal_id = :goal_id", {"goal_id": goal_id}).fetchall()
        self._derive_again(goal_id, State.WAITING, now)
        left = self.connection.execute(
            """
            SELECT t.id
            FROM tasks_tasks AS t
            JOIN tasks_claims AS c ON c.task_id = t.id
            WHERE t.goal_id = :goal_id AND t.state = 'in_progress' AND c.lapsed = 1
            ORDER BY t.id
            """,
            {"goal_id": goal_id},
        ).fetchall()
        self.claims.offer_again(row[0] for row in left)

    def _derive_again(self, goal_id: int, state: State, now: int) -> None:
        last = 0
        while nodes := self.rows.leaves_in(goal_id, state, after=last, limit=_AT_ONCE):
            ripple = Ripple(self.rows, now)
            for node in nodes:
                ripple.touch(ripple.take(node))
            ripple.settle()
            last = nodes[-1].task_id
