"""Claim tokens: who shows the current one is the holder; all others are stale."""

import attrs

from agent_runtime_kernel.connection import Connection

from .._model import Outcome, TaskStatus
from ..errors import StaleClaim
from .claims import ClaimRow, Claims
from .standing import Standing, find_standing

_LONGEST_FENCE = 19  # digits
_ENDS_IN = {
    Outcome.COMPLETED: (TaskStatus.COMPLETED,),
    Outcome.FAILED: (TaskStatus.FAILED, TaskStatus.PENDING),
    Outcome.CANCELLED: (TaskStatus.CANCELLED,),
    Outcome.RELEASED: (TaskStatus.PENDING,),
}


@attrs.frozen(eq=False, repr=False)
class Tokens:
    """Tells the current tokens of one database from stale ones.

    Args:
        connection: the open connection.
        claims: the claims.
    """

    connection: Connection
    claims: Claims

    def require_holder(self, task_id: int, token: str | None, attempt: str) -> ClaimRow:
        """Return the claim of a task in progress to its holder.

        Raises:
            TaskNotFound: there is no such task.
            StaleClaim: the token is not that of the current claim.
        """
        standing = find_standing(self.connection, task_id)
        claim = standing.claim
        if claim is not None and token == claim.token:
            return claim
        if token is not None:
            raise self.stale(standing, token)
        state = f"is claimed by {claim.worker}" if claim else f"is {standing.status}, not claimed"
        hint = "pass its claim_token" if claim else "claim it first"
        raise StaleClaim(task_id, state, f"only the holder can {attempt}: {hint}")

    def has_brought_about(self, standing: Standing, status: TaskStatus, token: str) -> bool:
        """Say whether this very token ended the last claim of the task in a status that still stands."""
        if standing.claim is not None or standing.status is not status:
            return False
        outcome = self.claims.ended_with(standing.task_id, standing.fence, token)
        return outcome is not None and status in _ENDS_IN[outcome]

    def stale(self, standing: Standing, token: str) -> StaleClaim:
        """Return the error that says what became of the claim of a token."""
        task_id = standing.task_id
        hint = "nothing was changed; claim another task with get_next_task"
        fence = _fence(task_id, token)
        if fence is not None and fence <= standing.fence:
            if standing.claim is not None:
                return StaleClaim(task_id, f"is now claimed by {standing.claim.worker}", hint)
            ended = self.claims.attempt(task_id, fence)
            if ended is not None:
                by = ended.settled_by or ended.worker
                became = f"is {standing.status}; this claim ended as {ended.outcome}, by {by}"
                return StaleClaim(task_id, became, hint)
        return StaleClaim(task_id, "was not claimed with this claim_token", hint)


def _fence(task_id: int, token: str) -> int | None:
    """Return the fence that a token of this task carries."""
    task, _, rest = token.partition(".")
    fence, _, secret = rest.partition(".")
    if task != str(task_id) or not secret or not fence.isdecimal() or len(fence) > _LONGEST_FENCE:
        return None
    return int(fence)
