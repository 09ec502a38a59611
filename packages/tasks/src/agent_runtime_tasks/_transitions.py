"""How a task's status changes: who may do what, and what becomes of the claim."""

from typing import Any

import attrs

from ._claims import ClaimRow, Claims
from ._model import Outcome, State, Task, TaskChange, TaskStatus
from ._queue import ReadyQueue
from ._reading import Reading
from ._ripple import Ripple
from ._rows import Rows
from ._rules import Node, counts_against_the_limit
from ._storage import Connection
from .errors import ClaimConflict, DependentsStarted, IllegalTransition, ResultConflict, StaleClaim

DEFAULT_LEASE = 900_000  # milliseconds
KEEP = attrs.NOTHING
_NAMED_IN_ERRORS = 10
_FINISHED = frozenset({State.COMPLETED, State.FAILED, State.CANCELLED})


@attrs.frozen(kw_only=True)
class StatusRequest:
    """What a caller asks for, checked; the lease and the delay are in milliseconds."""

    status: TaskStatus
    worker: str
    holder: str | None
    claim_token: str | None
    result: str | attrs.NothingType | None
    error: str | attrs.NothingType | None
    delay: int | None
    lease: int | None


@attrs.frozen(kw_only=True)
class _Case:
    """A task, who holds it, and what is asked of it."""

    task: Task
    node: Node
    claim: ClaimRow | None
    is_holder: bool
    is_live: bool
    ask: StatusRequest
    ripple: Ripple
    now: int


@attrs.frozen
class Transitions:
    """Changes of status in one database.

    Args:
        connection: the open connection.
        rows: the graph's rows.
        claims: the claims.
        reading: how tasks are read.
        queue: how tasks are claimed and taken over.
    """

    connection: Connection
    rows: Rows
    claims: Claims
    reading: Reading
    queue: ReadyQueue

    def update(self, task_id: int, ask: StatusRequest, now: int) -> TaskChange:
        """Bring a task to the status asked for; runs inside a transaction."""
        task = self.reading.task(task_id, now)
        claim = self.claims.find(task_id) if task.claim else None
        is_holder = claim is not None and ask.claim_token == claim.token
        if ask.claim_token is not None and not is_holder:
            return self._answer_stale_token(task, claim, ask)
        ripple = Ripple(self.rows, now)
        case = _Case(
            task=task,
            node=ripple.node(task_id),
            claim=claim,
            is_holder=is_holder,
            is_live=task.claim is not None and task.claim.live,
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
                return self._release(case) if claim else self._reopen(case)

    def require_holder(self, task: Task, claim_token: str | None, attempt: str) -> ClaimRow:
        """Return the claim of a task in progress to its holder.

        Raises:
            StaleClaim: the token is not that of the current claim.
        """
        claim = self.claims.find(task.task_id) if task.claim else None
        if claim is None or claim_token != claim.token:
            if claim_token is not None:
                raise self._stale(task, claim, claim_token)
            state = f"is claimed by {claim.worker}" if claim else f"is {task.status}, not claimed"
            raise StaleClaim(task.task_id, state, f"only the holder can {attempt}: pass its claim_token")
        return claim

    def open_again(self, ripple: Ripple, node: Node) -> None:
        """Turn a finished task, and the finished groups above it, back into open ones.

        Raises:
            DependentsStarted: what waited for one of them has started.
        """
        reopened = [node, *map(ripple.take, self.rows.ancestors(node))]
        reopened = [one for one in reopened if one.state in _FINISHED]
        started = self._started_after(reopened)
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

    def cancel(self, ripple: Ripple, node: Node, worker: str, now: int) -> None:
        """Cancel an open task; of a group, all that is open below it."""
        below = [ripple.take(one) for one in self.rows.descendants(node.task_id)] if node.is_group else []
        leaves = [one for one in (node, *below) if not one.is_group and one.state not in _FINISHED]
        claims = self.claims.find_all([leaf.task_id for leaf in leaves if leaf.state is State.IN_PROGRESS])
        for leaf in leaves:
            if leaf.task_id in claims:
                self.claims.end(claims[leaf.task_id], Outcome.CANCELLED, now, settled_by=worker)
            leaf.state = State.CANCELLED
            ripple.touch(leaf)
        node.pinned = node.is_group
        ripple.touch(node)
        self.connection.executemany(
            "UPDATE tasks_tasks SET settled_by = :worker WHERE id = :id",
            [
                {"id": one.task_id, "worker": worker}
                for one in {leaf.task_id: leaf for leaf in (*leaves, node)}.values()
            ],
        ).fetchall()

    def _start(self, case: _Case) -> TaskChange:
        task, ask = case.task, case.ask
        if case.claim is not None:
            if case.is_holder:
                renewed = self.claims.renew(case.claim, case.now, ask.lease or case.claim.lease, case.claim.note)
                return self._changed(task.task_id, case.now, token=renewed.token)
            if case.is_live:
                raise ClaimConflict(task.task_id, case.claim.worker, case.claim.expires_at)
            if not self.queue.take_over(task.task_id, ask.worker, case.now):
                return self._changed(task.task_id, case.now)
            return self._claimed(case, case.node.offer)
        if task.children and task.status is TaskStatus.PENDING:
            raise IllegalTransition(
                task.task_id, "is a group, which is never claimed", "claim one of its children; get_task lists them"
            )
        if task.status is not TaskStatus.PENDING:
            raise IllegalTransition(task.task_id, f"is {task.status}", "set it to pending to reopen it, then claim it")
        case.ripple.touch(case.node)
        case.ripple.settle()
        if case.node.state is not State.READY:
            raise self._not_ready(task, case.node)
        return self._claimed(case, case.node.offer)

    def _claimed(self, case: _Case, key: int | None) -> TaskChange:
        lease = case.ask.lease or DEFAULT_LEASE
        task, claim = self.queue.take(case.task.task_id, key, case.ask.worker, case.ask.holder, lease, case.now)
        return TaskChange(task=task, changed=True, claim_token=claim.token)

    def _finish(self, case: _Case) -> TaskChange:
        task, status = case.task, case.ask.status
        if task.status is status:
            return TaskChange(task=task, changed=False)
        self._refuse_group(case)
        if case.claim is not None:
            self._require_right_to_settle(case)
        elif task.status is not TaskStatus.PENDING:
            raise IllegalTransition(task.task_id, f"is {task.status}", "set it to pending to reopen it first")
        elif status is TaskStatus.COMPLETED and case.node.is_blocked:
            raise self._not_ready(task, case.node)
        return self._settle(case, Outcome(status.value), State(status.value))

    def _release(self, case: _Case) -> TaskChange:
        claim, ask = case.claim, case.ask
        if claim is None:
            raise AssertionError("only a claim is released")
        self._require_right_to_settle(case)
        if not case.is_holder:
            outcome = claim.outcome_if_taken_over
        else:
            outcome = Outcome.FAILED if ask.error not in (KEEP, None) else Outcome.RELEASED
        if ask.delay is not None:
            case.node.not_before = case.now + ask.delay
        _, used_up = counts_against_the_limit(outcome, case.task.attempts, case.task.max_attempts)
        return self._settle(case, outcome, State.FAILED if used_up else State.WAITING)

    def _settle(self, case: _Case, outcome: Outcome, state: State) -> TaskChange:
        """End the claim, if there is one, and let the consequences travel."""
        task, ask, node = case.task, case.ask, case.node
        attempts = task.attempts
        if case.claim is not None:
            error = ask.error if isinstance(ask.error, str) else None
            self.claims.end(case.claim, outcome, case.now, settled_by=ask.worker, error=error)
            attempts, _ = counts_against_the_limit(outcome, attempts, task.max_attempts)
        self.connection.execute(
            """
            UPDATE tasks_tasks
            SET attempts = :attempts,
                not_before = :not_before,
                result = :result,
                error = :error,
                settled_by = :settled_by
            WHERE id = :id
            """,
            {
                "id": task.task_id,
                "attempts": attempts,
                "not_before": node.not_before,
                "result": task.result if ask.result is KEEP else ask.result,
                "error": task.error if ask.error is KEEP else ask.error,
                "settled_by": ask.worker if state in _FINISHED else None,
            },
        ).fetchall()
        node.state = state
        case.ripple.touch(node)
        return self._changed(task.task_id, case.now, ripple=case.ripple)

    def _cancel(self, case: _Case) -> TaskChange:
        task = case.task
        if task.status is TaskStatus.CANCELLED:
            return TaskChange(task=task, changed=False)
        open_group = case.node.is_group and task.status is TaskStatus.FAILED
        if task.status in (TaskStatus.COMPLETED, TaskStatus.FAILED) and not open_group:
            raise IllegalTransition(task.task_id, f"is {task.status}", "set it to pending to reopen it first")
        self.cancel(case.ripple, case.node, case.ask.worker, case.now)
        self._write_texts(task, case.ask)
        return self._changed(task.task_id, case.now, ripple=case.ripple)

    def _reopen(self, case: _Case) -> TaskChange:
        task, node = case.task, case.node
        if task.status is TaskStatus.PENDING:
            return TaskChange(task=task, changed=False)
        if node.is_group and (not node.pinned or node.children_cancelled == node.children):
            raise IllegalTransition(
                task.task_id, f"is a group, {task.status} because of its children", "reopen or add one of its children"
            )
        self.open_again(case.ripple, node)
        if case.ask.delay is not None:
            node.not_before = case.now + case.ask.delay
            self.connection.execute(
                "UPDATE tasks_tasks SET not_before = :not_before WHERE id = :id",
                {"id": task.task_id, "not_before": node.not_before},
            ).fetchall()
        self._write_texts(task, case.ask)
        return self._changed(task.task_id, case.now, ripple=case.ripple)

    def _write_texts(self, task: Task, ask: StatusRequest) -> None:
        given: dict[str, Any] = {
            name: getattr(ask, name) for name in ("result", "error") if getattr(ask, name) is not KEEP
        }
        if given:
            assignments = ", ".join(f"{name} = :{name}" for name in given)
            self.connection.execute(
                f"UPDATE tasks_tasks SET {assignments} WHERE id = :id", {**given, "id": task.task_id}
            ).fetchall()

    def _changed(self, task_id: int, now: int, *, ripple: Ripple | None = None, token: str | None = None) -> TaskChange:
        ready = ripple.settle() if ripple else ()
        return TaskChange(
            task=self.reading.task(task_id, now),
            changed=True,
            newly_ready=tuple(other for other in ready if other != task_id),
            claim_token=token,
        )

    @staticmethod
    def _require_right_to_settle(case: _Case) -> None:
        if case.claim is not None and case.is_live and not case.is_holder:
            raise StaleClaim(
                case.task.task_id,
                f"is claimed by {case.claim.worker}, who alone can settle or release it while the claim is live",
                "pass the claim_token if the claim is yours; cancelling is open to all",
            )

    @staticmethod
    def _refuse_group(case: _Case) -> None:
        if case.node.is_group:
            raise IllegalTransition(
                case.task.task_id,
                "is a group, whose status follows its children",
                "settle its children; get_task lists them. A group can only be cancelled",
            )

    def _not_ready(self, task: Task, node: Node) -> IllegalTransition:
        blockers = self.reading.blocked_by(node)
        named = ", ".join(map(str, blockers[:_NAMED_IN_ERRORS])) + (", ..." if len(blockers) > _NAMED_IN_ERRORS else "")
        if node.is_doomed:
            return IllegalTransition(
                task.task_id,
                f"is unreachable: it waits for {named}, failed or cancelled",
                f"reopen {named} or change the dependencies with edit_task",
            )
        if blockers:
            return IllegalTransition(task.task_id, f"waits for {named}", f"complete {named} first")
        if node.held:
            return IllegalTransition(task.task_id, "belongs to a paused goal", "set the goal to active first")
        return IllegalTransition(
            task.task_id, "waits for its not_before", "claim it when that has come, or change it with edit_task"
        )

    def _answer_stale_token(self, task: Task, claim: ClaimRow | None, ask: StatusRequest) -> TaskChange:
        """Refuse a token that is not current, but repeat the answer to the claim that finished the task."""
        fence = _fence(task.task_id, ask.claim_token)
        ended = self.claims.attempt(task.task_id, task.fence) if claim is None and fence == task.fence else None
        if ended and ended.outcome == task.status.value == ask.status.value and ended.settled_by is None:
            if ask.status is TaskStatus.COMPLETED and ask.result not in (KEEP, task.result):
                raise ResultConflict(task.task_id)
            return TaskChange(task=task, changed=False)
        raise self._stale(task, claim, ask.claim_token)

    def _stale(self, task: Task, claim: ClaimRow | None, claim_token: str | None) -> StaleClaim:
        hint = "claim another task with get_next_task; nothing was changed"
        fence = _fence(task.task_id, claim_token)
        if fence is None or fence > task.fence:
            return StaleClaim(task.task_id, "was not claimed with this claim_token", hint)
        if claim is not None:
            return StaleClaim(task.task_id, f"is now claimed by {claim.worker}", hint)
        ended = self.claims.attempt(task.task_id, fence)
        if ended is None or ended.outcome is None:
            return StaleClaim(task.task_id, f"is {task.status}; this claim ended", hint)
        by = ended.settled_by or ended.worker
        return StaleClaim(task.task_id, f"is {task.status}; this claim ended as {ended.outcome}, by {by}", hint)

    def _started_after(self, reopened: list[Node]) -> list[int]:
        """Return the tasks that waited for one of these and are in progress or completed."""
        started = []
        for _, dependent in self.rows.dependents([node.task_id for node in reopened]):
            leaves = self.rows.descendants(dependent.task_id) if dependent.is_group else [dependent]
            started += [leaf.task_id for leaf in leaves if leaf.state in (State.IN_PROGRESS, State.COMPLETED)]
        return sorted(set(started))


def _fence(task_id: int, claim_token: str | None) -> int | None:
    """Return the fence that a token of this task carries."""
    parts = (claim_token or "").split(".")
    if len(parts) != 3 or parts[0] != str(task_id) or not parts[1].isdecimal():
        return None
    return int(parts[1])
