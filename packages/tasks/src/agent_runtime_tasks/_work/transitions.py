"""How a task's status changes: who may do what, and what becomes of the claim."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from agent_runtime_kernel.connection import Connection

from .._model import FINISHED_STATES, OPEN_STATES, Outcome, State, TaskChange, TaskStatus
from .._records.claims import ClaimRow, Claims
from .._records.reading import TASK_COLUMNS, Reading, task_of
from .._records.rows import Rows
from .._records.standing import Standing, find_standing
from .._records.tokens import Tokens
from .._rules.rules import Node, counts_against_the_limit
from ..errors import ClaimConflict, DependentsStarted, IllegalTransition, ResultConflict, StaleClaim
from .queue import ReadyQueue
from .ripple import Ripple

DEFAULT_LEASE = 900_000  # milliseconds
_NAMED_IN_ERRORS = 10
_CANCELLED_AT_ONCE = 1000
_REOPEN_FIRST = "set it to pending to reopen it first"


@attrs.frozen(kw_only=True)
class StatusRequest:
    """What a caller asks for, checked.

    Attributes:
        texts: the result and the error as far as they are given; None clears.
        delay: milliseconds until the task is offered again.
        lease: milliseconds.
    """

    status: TaskStatus
    worker: str
    holder: str | None
    claim_token: str | None
    texts: Mapping[str, str | None]
    delay: int | None
    lease: int | None


@attrs.frozen(kw_only=True)
class _Case:
    """Where a task stands, and what is asked of it."""

    standing: Standing
    node: Node
    claim: ClaimRow | None
    is_holder: bool
    is_live: bool
    ask: StatusRequest
    ripple: Ripple
    now: int

    @property
    def task_id(self) -> int:
        return self.node.task_id

    @property
    def token(self) -> str | None:
        """The token of the current claim, where it was shown."""
        return self.ask.claim_token if self.is_holder else None


@attrs.frozen(eq=False, repr=False)
class Transitions:
    """Changes of status in one database.

    Args:
        connection: the open connection.
        rows: the graph's rows.
        claims: the claims.
        reading: how tasks are read.
        queue: how tasks are claimed and taken over.
        tokens: which claim tokens are current.
    """

    connection: Connection
    rows: Rows
    claims: Claims
    reading: Reading
    queue: ReadyQueue
    tokens: Tokens

    def update(self, task_id: int, ask: StatusRequest, now: int) -> TaskChange:
        """Bring a task to the status asked for; runs inside a transaction."""
        standing = find_standing(self.connection, task_id)
        claim = standing.claim
        is_holder = claim is not None and ask.claim_token == claim.token
        if ask.claim_token is not None and not is_holder:
            return self._answer_stale_token(standing, ask, ask.claim_token, now)
        ripple = Ripple(self.rows, now)
        case = _Case(
            standing=standing,
            node=ripple.take(standing.node),
            claim=claim,
            is_holder=is_holder,
            is_live=claim is not None and not is_holder and self.claims.is_live(claim, now),
            ask=ask,
            ripple=ripple,
            now=now,
        )
        match ask.status:
            case TaskStatus.IN_PROGRESS:
                return self._start(case)
            case TaskStatus.COMPLETED | TaskStatus.FAILED:
                return self._finish(case)
            case TaskStatus.CANCELLED:
                return self._cancel(case)
            case TaskStatus.PENDING:
                return self._release(case, claim) if claim else self._reopen(case)

    def renew(self, task_id: int, claim_token: str | None, lease: int | None, note: str | None, now: int) -> TaskChange:
        """Let the lease of a claim begin anew; runs inside a transaction."""
        claim = self.tokens.require_holder(task_id, claim_token, "renew the claim")
        self.claims.renew(claim, now, lease or claim.lease, claim.note if note is None else note)
        return TaskChange(task=self.reading.task(task_id, now), changed=True, claim_token=claim.token)

    def open_again(self, ripple: Ripple, node: Node) -> None:
        """Turn a finished task, and the finished groups above it, back into open ones.

        Raises:
            DependentsStarted: what waited for it, or for a completed group above, has started.
        """
        chain = [node, *map(ripple.take, self.rows.ancestors(node))]
        reopened = [one for one in chain if one.state in FINISHED_STATES]
        started = self._started_after([one for one in reopened if one is node or one.state is State.COMPLETED])
        if started:
            raise DependentsStarted(node.task_id, started[:_NAMED_IN_ERRORS])
        self.connection.executemany(
            "UPDATE tasks_tasks SET attempts = 0, settled_by = NULL WHERE id = :id",
            [{"id": one.task_id} for one in reopened],
        ).fetchall()
        for one in reopened:
            one.pinned = False
            if not one.is_group:
                one.state = State.WAITING
            ripple.touch(one)

    def cancel_open_in(self, goal_ids: Iterable[int], worker: str, now: int) -> int:
        """Cancel all open leaves of some goals and return their number; runs inside a transaction."""
        cancelled = 0
        for goal_id in sorted(goal_ids):
            for state in OPEN_STATES:
                while leaves := self.rows.leaves_in(goal_id, state, limit=_CANCELLED_AT_ONCE):
                    ripple = Ripple(self.rows, now)
                    self._cancel_leaves(ripple, [ripple.take(leaf) for leaf in leaves], worker, now)
                    ripple.settle()
                    cancelled += len(leaves)
        return cancelled

    def _start(self, case: _Case) -> TaskChange:
        if case.claim is not None:
            if case.is_holder:
                self.claims.renew(case.claim, case.now, case.ask.lease or case.claim.lease, case.claim.note)
                return self._changed(case, token=case.claim.token)
            if case.is_live:
                raise ClaimConflict(case.task_id, case.claim.worker, case.claim.expires_at)
            if not self.queue.take_over(case.ripple, case.standing, case.ask.worker, case.now):
                return self._changed(case)
            return self._claimed(case)
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
        return self._claimed(case)

    def _claimed(self, case: _Case) -> TaskChange:
        ask = case.ask
        task, claim = self.queue.take(
            case.task_id, case.node.offer, ask.worker, ask.holder, ask.lease or DEFAULT_LEASE, case.now
        )
        if ask.texts:
            return self._changed(case, token=claim.token)
        return TaskChange(task=task, changed=True, claim_token=claim.token)

    def _finish(self, case: _Case) -> TaskChange:
        status = case.ask.status
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

    def _release(self, case: _Case, claim: ClaimRow) -> TaskChange:
        self._require_right_to_settle(case)
        if case.ask.texts.get("error") is not None:
            outcome = Outcome.FAILED
        else:
            outcome = Outcome.RELEASED if case.is_holder else claim.outcome_if_taken_over
        if case.ask.delay is not None:
            case.node.not_before = case.now + case.ask.delay
        _, used_up = counts_against_the_limit(outcome, case.standing.attempts, case.standing.max_attempts)
        return self._settle(case, outcome, State.FAILED if used_up else State.WAITING)

    def _settle(self, case: _Case, outcome: Outcome, state: State) -> TaskChange:
        """End the claim, if there is one, let the consequences travel, and write what was said about it."""
        ask, node, attempts = case.ask, case.node, case.standing.attempts
        if case.claim is not None:
            error = ask.texts.get("error")
            self.claims.end(case.claim, outcome, case.now, settled_by=ask.worker, error=error, token=case.token)
            attempts, _ = counts_against_the_limit(outcome, attempts, case.standing.max_attempts)
        node.state = state
        case.ripple.touch(node)
        return self._changed(
            case,
            attempts=attempts,
            not_before=node.not_before,
            settled_by=ask.worker if state in FINISHED_STATES else None,
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
            self._cancel_leaves(case.ripple, leaves, case.ask.worker, case.now)
            case.node.pinned = True
            case.ripple.touch(case.node)
        else:
            self._cancel_leaves(case.ripple, [case.node], case.ask.worker, case.now, token=case.token)
        return self._changed(case, settled_by=case.ask.worker)

    def _cancel_leaves(
        self, ripple: Ripple, leaves: Sequence[Node], worker: str, now: int, *, token: str | None = None
    ) -> None:
        claims = self.claims.find_all([leaf.task_id for leaf in leaves if leaf.state is State.IN_PROGRESS])
        for claim in claims.values():
            self.claims.end(claim, Outcome.CANCELLED, now, settled_by=worker, token=token)
        self.connection.executemany(
            "UPDATE tasks_tasks SET settled_by = :worker WHERE id = :id",
            [{"id": leaf.task_id, "worker": worker} for leaf in leaves],
        ).fetchall()
        for leaf in leaves:
            leaf.state = State.CANCELLED
            ripple.touch(leaf)

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
        self.open_again(case.ripple, node)
        if case.ask.delay is not None:
            node.not_before = case.now + case.ask.delay
        return self._changed(case, not_before=node.not_before)

    def _changed(self, case: _Case, *, token: str | None = None, **columns: Any) -> TaskChange:
        """Let the consequences travel, write what was said about the task, and answer what it is now."""
        ready = case.ripple.settle()
        written = {**columns, **case.ask.texts}
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
        if case.claim is not None and case.is_live:
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

    def _answer_stale_token(self, standing: Standing, ask: StatusRequest, token: str, now: int) -> TaskChange:
        """Refuse a token that is not current, but answer again what it brought about, as long as that stands."""
        if not self.tokens.has_brought_about(standing, ask.status, token):
            raise self.tokens.stale(standing, token)
        if ask.status is TaskStatus.COMPLETED and ask.texts.get("result", standing.result) != standing.result:
            raise ResultConflict(standing.task_id)
        return self._unchanged(standing.task_id, now)

    def _started_after(self, reopened: Sequence[Node]) -> list[int]:
        """Return the tasks that waited for one of these and are in progress or completed."""
        started = set()
        for _, dependent in self.rows.dependents([node.task_id for node in reopened]):
            below = self.rows.descendants(dependent.task_id) if dependent.is_group else []
            started |= {one.task_id for one in (dependent, *below) if one.state in (State.IN_PROGRESS, State.COMPLETED)}
        return sorted(started)
