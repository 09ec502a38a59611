"""The work of claiming: make, renew, leave, take over and end claims. The decisions are in `_rules/claims.py`.

A task is claimed by one guarded UPDATE, which changes no row if another writer changed the task's place in the queue
first. All other statements of a claim follow that UPDATE, so that a lost race leaves nothing behind.
"""

from collections.abc import Callable, Sequence

import attrs

from agent_runtime_kernel.connection import Connection, Row

from .._model import Outcome, State, Task
from .._records.attempts import Attempts
from .._records.claims import Claims
from .._records.reading import FENCE, ID, TASK_COLUMNS, task_of
from .._records.rows import Rows
from .._records.standing import Standing
from .._rules.claims import StoredClaim, new_claim, renewed
from .ripple import Ripple

_CLAIMED = """
    state = 'in_progress',
    offer = NULL,
    wake_at = NULL,
    fence = tasks_tasks.fence + 1,
    started_at = coalesce(started_at, :now),
    updated_at = :now
"""
_STILL_LEFT = "id = :id AND offer IS NOT DISTINCT FROM :offer AND fence = :fence AND state = 'in_progress'"


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ClaimRequest:
    """A validated request for a claim.

    Attributes:
        worker: the name to claim under.
        holder: the process behind the claim, or None.
        lease: the length of the lease in milliseconds, or None for the default.
    """

    worker: str
    holder: str | None
    lease: int | None


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Won:
    """A task that was claimed, and the token of the claim."""

    task: Task
    token: str


class Claiming:
    """The making and ending of claims in one database. Each call runs inside a transaction.

    Args:
        connection: the open connection.
        rows: the graph's rows.
        claims: the claims.
        attempts: the ended attempts.
        new_id: makes the secret part of a claim token.
    """

    def __init__(
        self, connection: Connection, rows: Rows, claims: Claims, attempts: Attempts, new_id: Callable[[], str]
    ) -> None:
        self.connection = connection
        self.rows = rows
        self.claims = claims
        self.attempts = attempts
        self.new_id = new_id

    def lapse_dead(self, now: int, dead_holders: Sequence[str]) -> None:
        """Mark dead claims as lapsed and offer their tasks."""
        dead = [claim.task_id for claim in self.claims.dead(now, dead_holders)]
        if dead:
            self.claims.mark_lapsed(dead)
            self.rows.offer_left(dead)

    def detach(self, holder: str, now: int) -> tuple[int, ...]:
        """Leave all claims of a session that ends cleanly, offer their tasks, and return them."""
        left = self.claims.mark_detached(holder, now)
        if left:
            self.rows.offer_left(left)
        return left

    def renew(self, claim: StoredClaim, now: int, *, lease: int | None = None, note: str | None = None) -> StoredClaim:
        """Start the lease of a claim again, and withdraw the offer of its task."""
        after = renewed(claim, now, lease=lease, note=note)
        self.claims.write_renewed(after)
        if claim.lapsed:
            self.rows.withdraw_offer(claim.task_id)
        return after

    def renew_due(self, holder: str, now: int) -> list[StoredClaim]:
        """Renew those claims of a process that have used a third of their lease, and return all its claims."""
        return [self.renew(claim, now) if claim.is_renewal_due(now) else claim for claim in self.claims.held_by(holder)]

    def claim(self, task_id: int, offer: int | None, request: ClaimRequest, now: int) -> Won | None:
        """Claim a ready task whose key in the queue was read as `offer`; return None if another writer was first."""
        rows = self.connection.execute(
            f"""
            UPDATE tasks_tasks
            SET {_CLAIMED}
            WHERE id = :id AND offer IS NOT DISTINCT FROM :offer AND state = 'ready'
            RETURNING {TASK_COLUMNS}
            """,
            {"id": task_id, "offer": offer, "now": now},
        ).fetchall()
        if not rows:
            return None
        won = self._add(rows[0], request, now)
        self.rows.count({goal_id: {"ready": -1, "in_progress": 1} for goal_id in {0, won.task.goal_id or 0}})
        return won

    def take_over(self, standing: Standing, offer: int | None, request: ClaimRequest, now: int) -> Won | None:
        """Claim a task whose claim is dead, if attempts are left; return None if another writer was first."""
        dead, end = standing.claim, standing.end_if_taken_over
        if dead is None or end is None:
            return None
        rows = self.connection.execute(
            f"""
            UPDATE tasks_tasks
            SET attempts = :attempts,
                error = coalesce(:error, error),
                settled_by = NULL,
                {_CLAIMED}
            WHERE {_STILL_LEFT}
            RETURNING {TASK_COLUMNS}
            """,
            {
                "id": standing.task_id,
                "offer": offer,
                "fence": dead.fence,
                "now": now,
                "attempts": end.attempts,
                "error": end.error,
            },
        ).fetchall()
        if not rows:
            return None
        self.end(dead, end.outcome, now, settled_by=request.worker, error=end.error)
        return self._add(rows[0], request, now)

    def fail_used_up(self, ripple: Ripple, standing: Standing, offer: int | None, worker: str, now: int) -> bool:
        """Fail a task whose dead claim used up its attempts; return False if another writer was first."""
        dead, end = standing.claim, standing.end_if_taken_over
        if dead is None or end is None:
            return False
        rows = self.connection.execute(
            f"""
            UPDATE tasks_tasks
            SET attempts = :attempts,
                error = coalesce(:error, error),
                settled_by = :worker
            WHERE {_STILL_LEFT}
            RETURNING id
            """,
            {
                "id": standing.task_id,
                "offer": offer,
                "fence": dead.fence,
                "attempts": end.attempts,
                "error": end.error,
                "worker": worker,
            },
        ).fetchall()
        if not rows:
            return False
        self.end(dead, end.outcome, now, settled_by=worker, error=end.error)
        node = ripple.take(standing.node)
        node.state = State.FAILED
        ripple.touch(node)
        ripple.settle()
        return True

    def end(
        self,
        claim: StoredClaim,
        outcome: Outcome,
        now: int,
        *,
        settled_by: str | None = None,
        error: str | None = None,
        token: str | None = None,
    ) -> None:
        """Delete a claim and write its attempt; `token` is the token of the claim, if the caller showed it."""
        self.claims.remove(claim.task_id)
        self.attempts.add(claim, outcome, now, settled_by=settled_by, error=error, token=token)

    def _add(self, row: Row, request: ClaimRequest, now: int) -> Won:
        """Write the claim of a task, given as its row of `TASK_COLUMNS`."""
        claim = new_claim(
            row[ID],
            row[FENCE],
            worker=request.worker,
            holder=request.holder,
            lease=request.lease,
            secret=self.new_id(),
            now=now,
        )
        self.claims.add(claim)
        return Won(task=task_of(row, now, self.claims.shown(claim, now)), token=claim.token)
