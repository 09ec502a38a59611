"""Claim tokens: the token of the current claim proves who the holder is; all others are stale."""

from agent_runtime_kernel.connection import Connection

from .._model import Outcome, TaskStatus
from .._rules.claims import StoredClaim, fence_in
from ..errors import StaleClaim
from .attempts import Attempts
from .standing import Standing, find_standing

_STATUSES_AFTER = {
    Outcome.COMPLETED: (TaskStatus.COMPLETED,),
    Outcome.FAILED: (TaskStatus.FAILED, TaskStatus.PENDING),
    Outcome.CANCELLED: (TaskStatus.CANCELLED,),
    Outcome.RELEASED: (TaskStatus.PENDING,),
}


class Tokens:
    """The claim tokens of one database.

    Args:
        connection: the open connection.
        attempts: the ended attempts.
    """

    def __init__(self, connection: Connection, attempts: Attempts) -> None:
        self.connection = connection
        self.attempts = attempts

    def require_holder(self, task_id: int, token: str | None, action: str) -> StoredClaim:
        """Return the claim of a task if the token is its token.

        Raises:
            TaskNotFound: there is no such task.
            StaleClaim: the token is not that of the current claim; `action` says what only the holder can do.
        """
        standing = find_standing(self.connection, task_id)
        claim = standing.claim
        if claim is not None and claim.is_held_with(token):
            return claim
        if token is not None:
            raise self.stale(standing, token)
        state = f"is claimed by {claim.worker}" if claim else f"is {standing.status}, not claimed"
        hint = "pass its claim_token" if claim else "claim it first"
        raise StaleClaim(task_id, state, f"only the holder can {action}: {hint}")

    def has_brought_about(self, standing: Standing, status: TaskStatus, token: str) -> bool:
        """Tell whether this token ended the last claim of the task and gave it the status that it still has."""
        if standing.claim is not None or standing.status is not status:
            return False
        outcome = self.attempts.outcome_with(standing.task_id, standing.fence, token)
        return outcome is not None and status in _STATUSES_AFTER[outcome]

    def stale(self, standing: Standing, token: str) -> StaleClaim:
        """Return the error that says what became of the claim of a token."""
        task_id = standing.task_id
        hint = "nothing was changed; claim another task with get_next_task"
        fence = fence_in(task_id, token)
        if fence is not None and fence <= standing.fence:
            if standing.claim is not None:
                return StaleClaim(task_id, f"is now claimed by {standing.claim.worker}", hint)
            ended = self.attempts.find(task_id, fence)
            if ended is not None:
                by = ended.settled_by or ended.worker
                became = f"is {standing.status}; this claim ended as {ended.outcome}, by {by}"
                return StaleClaim(task_id, became, hint)
        return StaleClaim(task_id, "was not claimed with this claim_token", hint)
