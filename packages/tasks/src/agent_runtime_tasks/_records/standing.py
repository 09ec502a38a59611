"""A task's state and its claim, which a write reads first, both in one statement."""

import attrs

from agent_runtime_kernel.connection import Connection

from .._model import TaskStatus
from .._rules.claims import ClaimEnd, StoredClaim, end_if_taken_over
from .._rules.rules import Node
from ..errors import TaskNotFound
from .claims import CLAIM_COLUMNS, claim_of
from .rows import NODE_COLUMNS, node_of


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Standing:
    """A task as a write finds it: its state, its claim, and its numbers of attempts."""

    node: Node
    claim: StoredClaim | None
    attempts: int
    max_attempts: int
    fence: int
    result: str | None

    @property
    def task_id(self) -> int:
        """The id of the task."""
        return self.node.task_id

    @property
    def status(self) -> TaskStatus:
        """The status that the task was found in."""
        return self.node.state.status

    @property
    def end_if_taken_over(self) -> ClaimEnd | None:
        """The end of the claim's attempt if somebody else goes on, or None if the task is not claimed."""
        return None if self.claim is None else end_if_taken_over(self.claim, self.attempts, self.max_attempts)

    @property
    def fails_if_taken_over(self) -> bool:
        """True if the attempts are used up when the claim is lost."""
        end = self.end_if_taken_over
        return end is not None and end.used_up


def find_standing(connection: Connection, task_id: int) -> Standing:
    """Read a task and its claim.

    Raises:
        TaskNotFound: there is no such task.
    """
    # Without the CAST, SQLite compiles a join anew for each value that is bound to an indexed column.
    row = connection.execute(
        f"""
        SELECT t.attempts, t.max_attempts, t.fence, t.result, {NODE_COLUMNS}, {CLAIM_COLUMNS}
        FROM tasks_tasks AS t
        LEFT JOIN tasks_claims AS c ON c.task_id = t.id
        WHERE t.id = CAST(:id AS BIGINT)
        """,
        {"id": task_id},
    ).fetchone()
    if row is None:
        raise TaskNotFound(task_id)
    claim = row[_CLAIM_STARTS:]
    return Standing(
        node=node_of(row[_NODE_STARTS:_CLAIM_STARTS]),
        claim=None if claim[0] is None else claim_of(claim),
        attempts=row[0],
        max_attempts=row[1],
        fence=row[2],
        result=row[3],
    )


_NODE_STARTS = 4
_CLAIM_STARTS = _NODE_STARTS + len(attrs.fields(Node))
