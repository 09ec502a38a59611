"""Changes of status: who may make them, and how they end the claim.

    from           to in_progress       to completed or failed    to pending    to cancelled
    pending        claims               settles                   nothing       cancels
    in_progress    renews, takes over   settles                   releases      cancels
    completed      refused              refused, or nothing       reopens       refused
    failed         refused              refused, or nothing       reopens       refused
    cancelled      refused              refused                   reopens       nothing

A change to the status that the task has does nothing. While a claim is live, only its holder settles or releases the
task; anyone may cancel it. A group is never claimed or settled, as its status follows its children; but it can be
cancelled with all open tasks below it, also when it has failed, and reopened after that.

A caller with a stale token is refused, unless that token brought about the status that it asks for. So a caller that
missed an answer may repeat the call and gets the same answer.
"""

from collections.abc import Mapping
from typing import Any

import attrs

from agent_runtime_kernel.connection import Connection

from .._model import FINISHED_STATES, Outcome, State, TaskChange, TaskStatus
from .._records.claims import Claims
from .._records.reading import TASK_COLUMNS, Reading, task_of
from .._records.rows import Rows
from .._records.standing import Standing, find_standing
from .._records.tokens import Tokens
from .._rules.claims import StoredClaim, count_attempt
from .._rules.rules import Node
from ..errors import ClaimConflict, IllegalTransition, ResultConflict, StaleClaim
from .cancelling import Cancelling
from .claiming import Claiming, ClaimRequest, Won
from .reopening import Reopening
from .ripple import Ripple

_NAMED_IN_ERRORS = 10
_REOPEN_FIRST = "set it to pending to reopen it first"


@attrs.frozen(kw_only=True, eq=False, repr=False)
class StatusRequest:
    """A validated request for a change of status.

    Attributes:
        texts: the result and the error, if they are given; None clears.
        delay: the time until the task is offered again, in milliseconds.
        lease: the length of a lease, in milliseconds.
    """

    status: TaskStatus
    worker: str
    holder: str | None
    claim_token: str | None
    texts: Mapping[str, str | None]
    delay: int | None
    lease: int | None

    @property
    def claim(self) -> ClaimRequest:
        """The claim that the request makes, if it makes one."""
        return ClaimRequest(worker=self.worker, holder=self.holder, lease=self.lease)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class _Case:
    """A task as it was found, with the request.

    Attributes:
        is_holder: the caller showed the token of the current claim.
        is_kept_out: the current claim is live and not the caller's.
    """

    standing: Standing
    node: Node
    claim: StoredClaim | None
    is_holder: bool
    is_kept_out: bool
    request: StatusRequest
    ripple: Ripple
    now: int

    @property
    def task_id(self) -> int:
        return self.node.task_id

    @property
    def token(self) -> str | None:
        """The token of the current claim, if the caller showed it."""
        return self.request.claim_token if self.is_holder else None


class Transitions:
    """The changes of status in one database.

    Args:
        connection: the open connection.
        rows: the graph's rows.
        claims: the claims.
        reading: reads tasks.
        claiming: makes and ends claims.
        cancelling: cancels open tasks.
        reopening: reopens finished tasks.
        tokens: tells current claim tokens from stale ones.
    """

    def __init__(
        self,
        connection: Connection,
        rows: Rows,
        claims: Claims,
        reading: Reading,
        claiming: Claiming,
        cancelling: Cancelling,
        reopening: Reopening,
        tokens: Tokens,
    ) -> None:
        self.connection = connection
        self.rows = rows
        self.claims = claims
        self.reading = reading
        self.claiming = claiming
        self.cancelling = cancelling
        self.reopening = reopening
        self.tokens = tokens

    def update(self, task_id: int, request: StatusRequest, now: int) -> TaskChange:
        """Change a task to the requested status; runs inside a transaction."""
        standing = find_standing(self.connection, task_id)
        claim = standing.claim
        is_holder = claim is not None and claim.is_held_with(request.claim_token)
        if request.claim_token is not None and not is_holder:
            return self._answer_stale_token(standing, request, request.claim_token, now)
        ripple = Ripple(self.rows, now)
        case = _Case(
            standing=standing,
            node=ripple.take(standing.node),
            claim=claim,
            is_holder=is_holder,
            is_kept_out=claim is not None and self.claims.keeps_out(claim, request.claim_token, now),
            request=request,
            ripple=ripple,
            now=now,
        )
        match request.status:
            case TaskStatus.IN_PROGRESS:
                return self._start(case)
            case TaskStatus.COMPLETED | TaskStatus.FAILED:
                return self._finish(case)
            case TaskStatus.CANCELLED:
                return self._cancel(case)
            case TaskStatus.PENDING:
                return self._release(case, claim) if claim else self._reopen(case)

    def renew(self, task_id: int, claim_token: str | None, lease: int | None, note: str | None, now: int) -> TaskChange:
        """Start the lease of a claim again; runs inside a transaction."""
        claim = self.tokens.require_holder(task_id, claim_token, "renew the claim")
        self.claiming.renew(claim, now, lease=lease, note=note)
        return TaskChange(task=self.reading.task(task_id, now), changed=True, claim_token=claim.token)

    def _start(self, case: _Case) -> TaskChange:
        if case.claim is not None:
            if case.is_holder:
                self.claiming.renew(case.claim, case.now, lease=case.request.lease)
                return self._changed(case, token=case.claim.token)
            if case.is_kept_out:
                raise ClaimConflict(case.task_id, case.claim.worker, case.claim.expires_at)
            return self._take_over(case)
        if case.node.is_group:
            raise IllegalTransition(
                case.task_id, "is a group, which is never claimed", "claim one of its children; get_task lists them"
            )
        if case.standing.status is not TaskStatus.PENDING:
            raise IllegalTransition(
                case.task_id, f"is {case.standing.status}", "set it to pending to reopen it, then claim it"
            )
        case.ripple.touch(case.node)
        case.ripple.settle()
        if case.node.state is not State.READY:
            raise self._not_ready(case.node)
        return self._claimed(case, self.claiming.claim(case.task_id, case.node.offer, case.request.claim, case.now))

    def _take_over(self, case: _Case) -> TaskChange:
        """Claim a task whose claim is dead, or fail it if that used up its attempts."""
        if not case.standing.fails_if_taken_over:
            won = self.claiming.take_over(case.standing, case.node.offer, case.request.claim, case.now)
            return self._claimed(case, won)
        if not self.claiming.fail_used_up(case.ripple, case.standing, case.node.offer, case.request.worker, case.now):
            raise self._overtaken(case)
        return self._changed(case)

    def _claimed(self, case: _Case, won: Won | None) -> TaskChange:
        if won is None:
            raise self._overtaken(case)
        if case.request.texts:
            return self._changed(case, token=won.token)
        return TaskChange(task=won.task, changed=True, claim_token=won.token)

    def _overtaken(self, case: _Case) -> ClaimConflict | IllegalTransition:
        """Return the error that says how another writer changed the task first."""
        standing = find_standing(self.connection, case.task_id)
        if standing.claim is not None:
            return ClaimConflict(case.task_id, standing.claim.worker, standing.claim.expires_at)
        return IllegalTransition(
            case.task_id, f"was changed at the same time and is {standing.status} now", "read it again with get_task"
        )

    def _finish(self, case: _Case) -> TaskChange:
        status = case.request.status
        if case.standing.status is status:
            return self._unchanged(case.task_id, case.now)
        if case.node.is_group:
            raise IllegalTransition(
                case.task_id,
                "is a group, whose status follows its children",
                "settle its children; get_task lists them",
            )
        self._require_right_to_settle(case)
        if case.standing.status not in (TaskStatus.PENDING, TaskStatus.IN_PROGRESS):
            raise IllegalTransition(case.task_id, f"is {case.standing.status}", _REOPEN_FIRST)
        if status is TaskStatus.COMPLETED and case.claim is None and case.node.is_blocked:
            raise self._not_ready(case.node)
        return self._settle(case, Outcome(status.value), State(status.value))

    def _release(self, case: _Case, claim: StoredClaim) -> TaskChange:
        self._require_right_to_settle(case)
        if case.request.texts.get("error") is not None:
            outcome = Outcome.FAILED
        else:
            outcome = Outcome.RELEASED if case.is_holder else claim.outcome_if_taken_over
        if case.request.delay is not None:
            case.node.not_before = case.now + case.request.delay
        _, used_up = count_attempt(outcome, case.standing.attempts, case.standing.max_attempts)
        return self._settle(case, outcome, State.FAILED if used_up else State.WAITING)

    def _settle(self, case: _Case, outcome: Outcome, state: State) -> TaskChange:
        """End the claim, if there is one, derive what follows, and write the texts of the request."""
        request, node, attempts = case.request, case.node, case.standing.attempts
        if case.claim is not None:
            error = request.texts.get("error")
            self.claiming.end(case.claim, outcome, case.now, settled_by=request.worker, error=error, token=case.token)
            attempts, _ = count_attempt(outcome, attempts, case.standing.max_attempts)
        node.state = state
        case.ripple.touch(node)
        return self._changed(
            case,
            attempts=attempts,
            not_before=node.not_before,
            settled_by=request.worker if state in FINISHED_STATES else None,
        )

    def _cancel(self, case: _Case) -> TaskChange:
        status = case.standing.status
        if status is TaskStatus.CANCELLED:
            return self._unchanged(case.task_id, case.now)
        is_failed_group = case.node.is_group and status is TaskStatus.FAILED
        if status in (TaskStatus.COMPLETED, TaskStatus.FAILED) and not is_failed_group:
            hint = "reopen or add one of its children first" if case.node.is_group else _REOPEN_FIRST
            raise IllegalTransition(case.task_id, f"is {status}", hint)
        if case.node.is_group:
            below = [case.ripple.take(one) for one in self.rows.descendants(case.task_id)]
            leaves = [one for one in below if not one.is_group and one.state not in FINISHED_STATES]
            self.cancelling.cancel(case.ripple, leaves, case.request.worker, case.now)
            case.node.pinned = True
            case.ripple.touch(case.node)
        else:
            self.cancelling.cancel(case.ripple, [case.node], case.request.worker, case.now, token=case.token)
        return self._changed(case, settled_by=case.request.worker)

    def _reopen(self, case: _Case) -> TaskChange:
        node, status = case.node, case.standing.status
        if status is TaskStatus.PENDING:
            return self._unchanged(case.task_id, case.now)
        if node.is_group and (not node.pinned or node.children_cancelled == node.children):
            raise IllegalTransition(
                case.task_id,
                f"is a group, {status} because of its children",
                "reopen one of its children, or what they wait for, or add a child",
            )
        self.reopening.open_again(case.ripple, node)
        if case.request.delay is not None:
            node.not_before = case.now + case.request.delay
        return self._changed(case, not_before=node.not_before)

    def _changed(self, case: _Case, *, token: str | None = None, **columns: Any) -> TaskChange:
        """Derive what follows, write the texts of the request and other columns, and return the change."""
        ready = case.ripple.settle()
        written = {**columns, **case.request.texts}
        if written:
            assignments = ", ".join(f"{name} = :{name}" for name in written)
            [row] = self.connection.execute(
                f"UPDATE tasks_tasks SET {assignments} WHERE id = :id RETURNING {TASK_COLUMNS}",
                {**written, "id": case.task_id},
            ).fetchall()
        task = self.reading.task(case.task_id, case.now) if token or not written else task_of(row, case.now)
        return TaskChange(
            task=task,
            changed=True,
            newly_ready=tuple(other for other in ready if other != case.task_id),
            claim_token=token,
        )

    def _unchanged(self, task_id: int, now: int) -> TaskChange:
        return TaskChange(task=self.reading.task(task_id, now), changed=False)

    @staticmethod
    def _require_right_to_settle(case: _Case) -> None:
        if case.claim is not None and case.is_kept_out:
            raise StaleClaim(
                case.task_id,
                f"is claimed by {case.claim.worker}, who alone can settle or release it while the claim is live",
                "pass the claim_token if the claim is yours; else wait until its lease is over",
            )

    def _not_ready(self, node: Node) -> IllegalTransition:
        blockers = self.reading.blocked_by(node)
        named = ", ".join(map(str, blockers[:_NAMED_IN_ERRORS])) + (", ..." if len(blockers) > _NAMED_IN_ERRORS else "")
        if node.is_doomed:
            way_out = "change its dependencies" if node.dead_dependencies else "move it out of its group"
            return IllegalTransition(
                node.task_id,
                f"is unreachable: it waits for {named}, failed or cancelled",
                f"reopen {named}, or {way_out} with edit_task",
            )
        if blockers:
            return IllegalTransition(node.task_id, f"waits for {named}", f"complete {named} first")
        if node.held:
            return IllegalTransition(node.task_id, "belongs to a paused goal", "set the goal to active first")
        return IllegalTransition(
            node.task_id, "waits for its not_before", "claim it when that has come, or change it with edit_task"
        )

    def _answer_stale_token(self, standing: Standing, request: StatusRequest, token: str, now: int) -> TaskChange:
        """Refuse a token that is not current; repeat the answer if it brought about the status that is asked for."""
        if not self.tokens.has_brought_about(standing, request.status, token):
            raise self.tokens.stale(standing, token)
        if request.status is TaskStatus.COMPLETED and request.texts.get("result", standing.result) != standing.result:
            raise ResultConflict(standing.task_id)
        return self._unchanged(standing.task_id, now)
