"""Pauses: stop offering the tasks of a goal, and offer them again.

The cost of a pause grows with the number of tasks that it affects: their states are derived again, 1,000 at once.
"""

from agent_runtime_kernel.connection import Connection

from .._model import State
from .._records.rows import Rows
from .ripple import Ripple

_AT_ONCE = 1000


class Pausing:
    """The paused goals of one database.

    Args:
        connection: the open connection.
        rows: the graph's rows.
    """

    def __init__(self, connection: Connection, rows: Rows) -> None:
        self.connection = connection
        self.rows = rows

    def pause(self, goal_id: int, now: int) -> None:
        """Stop offering the tasks of a goal; runs inside a transaction."""
        self.connection.execute(
            "INSERT INTO tasks_holds (goal_id) VALUES (:goal_id) ON CONFLICT (goal_id) DO NOTHING",
            {"goal_id": goal_id},
        )
        for state in (State.READY, State.WAITING):
            self._derive_again(goal_id, state, now)
        self.connection.execute(
            "UPDATE tasks_tasks SET offer = NULL WHERE goal_id = :goal_id AND state = 'in_progress'",
            {"goal_id": goal_id},
        )

    def resume(self, goal_id: int, now: int) -> None:
        """Offer the tasks of a goal again; runs inside a transaction."""
        self.connection.execute("DELETE FROM tasks_holds WHERE goal_id = :goal_id", {"goal_id": goal_id})
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
        self.rows.offer_left(row[0] for row in left)

    def is_paused(self, goal_id: int | None) -> bool:
        """Tell whether a goal is paused, so that its tasks are not offered."""
        if goal_id is None:
            return False
        held = self.connection.execute(
            "SELECT goal_id FROM tasks_holds WHERE goal_id = :goal_id", {"goal_id": goal_id}
        ).fetchone()
        return held is not None

    def _derive_again(self, goal_id: int, state: State, now: int) -> None:
        last = 0
        while nodes := self.rows.leaves_in(goal_id, state, after=last, limit=_AT_ONCE):
            ripple = Ripple(self.rows, now)
            for node in nodes:
                ripple.touch(ripple.take(node))
            ripple.settle()
            last = nodes[-1].task_id
