"""Reopening: turn finished tasks, and the finished groups above them, back into open ones."""

from collections.abc import Sequence

from agent_runtime_kernel.connection import Connection

from .._model import FINISHED_STATES, State
from .._records.rows import Rows
from .._rules.rules import Node
from ..errors import DependentsStarted
from .ripple import Ripple

_NAMED_IN_ERRORS = 10


class Reopening:
    """The reopening of tasks in one database.

    Args:
        connection: the open connection.
        rows: the graph's rows.
    """

    def __init__(self, connection: Connection, rows: Rows) -> None:
        self.connection = connection
        self.rows = rows

    def open_again(self, ripple: Ripple, node: Node) -> None:
        """Turn a finished task, and the finished groups above it, back into open ones.

        Raises:
            DependentsStarted: a task that waited for it, or for a completed group above, has started.
        """
        chain = [node, *map(ripple.take, self.rows.ancestors(node))]
        reopened = [one for one in chain if one.state in FINISHED_STATES]
        started = self._started_after([one for one in reopened if one is node or one.state is State.COMPLETED])
        if started:
            raise DependentsStarted(node.task_id, started[:_NAMED_IN_ERRORS])
        self.connection.executemany(
            "UPDATE tasks_tasks SET attempts = 0, settled_by = NULL WHERE id = :id",
            [{"id": one.task_id} for one in reopened],
        )
        for one in reopened:
            one.pinned = False
            if not one.is_group:
                one.state = State.WAITING
            ripple.touch(one)

    def _started_after(self, reopened: Sequence[Node]) -> list[int]:
        """Return the tasks that waited for one of these and are in progress or completed."""
        started = set()
        for _, dependent in self.rows.dependents([node.task_id for node in reopened]):
            below = self.rows.descendants(dependent.task_id) if dependent.is_group else []
            started |= {one.task_id for one in (dependent, *below) if one.state in (State.IN_PROGRESS, State.COMPLETED)}
        return sorted(started)
