"""Claims: who holds a task, for how long, and when somebody else may take the task over.

The caller that shows a claim's token is its holder. A claim carries a lease, and a fence that is higher than that of
the claim before.

    live      The lease has not ended, the process is not known to have ended, and the session has not left the claim.
    dead      The lease or the process has ended, but no write has noticed it yet.
    lapsed    A write has noticed that the claim is dead, and has offered the task again, unless its goal is paused.
    detached  The session ended cleanly and left the claim. Such a claim is lapsed too.

Invariants:

- While a claim is live, only its holder settles or releases the task.
- A dead claim stays with its task until somebody takes the task over. Until then the holder may settle the task, or
  renew the claim, which makes it live again.
- A take-over ends the attempt. A lost attempt counts against `max_attempts`, a detached one does not.

Example: ann claims task 7 with a lease of 900 seconds and gets the token `7.1.secret`. Her process is killed, so her
claim is dead, and the task is offered. bob claims it and gets `7.2.secret`. Attempt 1 has ended as lost, and ann's
token is stale.

Times and leases are in milliseconds; the default of a lease and its limits are in `bounds`. `_records/claims` asks in
SQL for the claims whose lease has ended, as `StoredClaim.is_live` does here.
"""

from collections.abc import Callable

import attrs

from .._model import Outcome
from ..bounds import DEFAULT_LEASE_SECONDS

IsAlive = Callable[[str], bool | None]
"""Tell whether the process behind a holder is alive; None when that is not known."""

DEFAULT_LEASE = DEFAULT_LEASE_SECONDS * 1000
_MAX_FENCE_DIGITS = 19


@attrs.frozen(kw_only=True, eq=False, repr=False)
class StoredClaim:
    """A claim as it is stored.

    Attributes:
        holder: the process behind the claim, or None where the lease alone decides.
        lease: the length of the lease, which a renewal keeps unless it names another.
        lapsed: a write has noticed that the claim is dead.
        detached: the session ended cleanly.
    """

    task_id: int
    worker: str
    holder: str | None
    token: str
    fence: int
    lease: int
    started_at: int
    expires_at: int
    lapsed: bool
    detached: bool
    note: str | None

    def is_held_with(self, token: str | None) -> bool:
        """Tell whether a token proves that the caller is the holder."""
        return token == self.token

    def is_live(self, now: int, is_alive: IsAlive) -> bool:
        """Tell whether the claim keeps others from the task."""
        if self.lapsed or self.expires_at <= now:
            return False
        return self.holder is None or is_alive(self.holder) is not False

    def keeps_out(self, token: str | None, now: int, is_alive: IsAlive) -> bool:
        """Tell whether the claim keeps a caller with this token from claiming, settling and releasing the task."""
        return not self.is_held_with(token) and self.is_live(now, is_alive)

    def is_renewal_due(self, now: int) -> bool:
        """Tell whether a third of the lease is used."""
        return now >= self.renewal_due_at

    @property
    def renewal_due_at(self) -> int:
        """The time at which a third of the lease is used."""
        return self.expires_at - self.lease * 2 // 3

    @property
    def outcome_if_taken_over(self) -> Outcome:
        """The outcome of the attempt if somebody else goes on with the task."""
        return Outcome.DETACHED if self.detached else Outcome.LOST


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ClaimEnd:
    """The end of a dead claim's attempt when somebody else goes on with the task.

    Attributes:
        attempts: the counted attempts of the task, this one included if it counts.
        used_up: no attempt is left, so the task fails instead of being claimed.
    """

    outcome: Outcome
    error: str | None
    attempts: int
    used_up: bool


def new_claim(
    task_id: int, fence: int, *, worker: str, holder: str | None, lease: int | None, secret: str, now: int
) -> StoredClaim:
    """Return a claim that starts now."""
    lease = lease or DEFAULT_LEASE
    return StoredClaim(
        task_id=task_id,
        worker=worker,
        holder=holder,
        token=f"{task_id}.{fence}.{secret}",
        fence=fence,
        lease=lease,
        started_at=now,
        expires_at=now + lease,
        lapsed=False,
        detached=False,
        note=None,
    )


def renewed(claim: StoredClaim, now: int, *, lease: int | None = None, note: str | None = None) -> StoredClaim:
    """Return a claim whose lease starts again now, with another length or note if they are given."""
    lease = lease or claim.lease
    return attrs.evolve(
        claim,
        expires_at=now + lease,
        lease=lease,
        note=claim.note if note is None else note,
        lapsed=False,
        detached=False,
    )


def end_if_taken_over(claim: StoredClaim, attempts: int, max_attempts: int) -> ClaimEnd:
    """Return how a dead claim ends if somebody else goes on with its task.

    Args:
        claim: the dead claim.
        attempts: the counted attempts of the task so far.
        max_attempts: the limit of the task.
    """
    outcome = claim.outcome_if_taken_over
    attempts, used_up = count_attempt(outcome, attempts, max_attempts)
    error = None if claim.detached else f"{claim.worker} was lost while working on it"
    return ClaimEnd(outcome=outcome, error=error, attempts=attempts, used_up=used_up)


def count_attempt(outcome: Outcome, attempts: int, max_attempts: int) -> tuple[int, bool]:
    """Return the counted attempts after one with this outcome, and whether they are used up without success."""
    counted = attempts + outcome.counts
    return counted, outcome.counts and outcome is not Outcome.COMPLETED and counted >= max_attempts


def fence_in(task_id: int, token: str) -> int | None:
    """Return the fence in a token, or None if the token can't be one of this task."""
    task, _, rest = token.partition(".")
    fence, _, secret = rest.partition(".")
    if task != str(task_id) or not secret or not fence.isdecimal() or len(fence) > _MAX_FENCE_DIGITS:
        return None
    return int(fence)
