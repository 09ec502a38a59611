"""The tasks of a database: a graph of work with a ready queue, in which one claim has one winner.

What an operation needs is imported at its first use: a command needs two or three of these parts, and making the
classes of the others would cost it more than its work.
"""

import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import attrs

from agent_runtime_kernel.connection import Connection, Snapshot

from ._changes import KEEP, checked_changes
from ._model import (
    Claimed,
    Counts,
    Offer,
    Prerequisite,
    Queue,
    Readiness,
    Task,
    TaskChange,
    TaskLinks,
    TaskPage,
    TaskStatus,
)
from ._records.claims import Claims
from ._records.reading import Reading
from ._records.rows import Rows
from ._records.schema import SCHEMA
from ._work.queue import ReadyQueue
from .bounds import (
    CRITERIA,
    DELAY,
    DEPENDENCIES,
    GOAL_ID,
    LEASE,
    LIMIT,
    LONG_TEXT,
    MAX_ATTEMPTS,
    METADATA,
    MOMENT,
    PRIORITY,
    READINESS,
    SHORT_TEXT,
    STATUS,
    TASK_ID,
    TITLE,
    WORKER,
    Criteria,
    DelaySeconds,
    Dependencies,
    GoalId,
    LeaseSeconds,
    Limit,
    LongText,
    MaxAttempts,
    Metadata,
    Moment,
    Priority,
    ShortText,
    Status,
    TaskId,
    Title,
    Worker,
)

if TYPE_CHECKING:
    from agent_runtime_kernel.findings import Finding

    from ._audit.audit import Audit
    from ._records.listing import Listing
    from ._records.tokens import Tokens
    from ._rules.plan import Plan
    from ._work.creating import Creating
    from ._work.editing import Editing
    from ._work.holding import Holding
    from ._work.placing import Placing
    from ._work.transitions import Transitions


def _unknown(_holder: str) -> bool | None:
    return None


@attrs.frozen(slots=False, eq=False, repr=False)
class Tasks:
    """The tasks of one database.

    Args:
        connection: an open connection; set its `transaction_mode` to "IMMEDIATE".
        clock: returns the time in seconds since 1970.
        is_alive: whether the process behind a holder still lives; None when that can't be known: then leases decide.
        new_id: makes the secret part of a claim token.
        snapshot: makes a context in which several reads see one state.
    """

    connection: Connection
    clock: Callable[[], float] = attrs.field(default=time.time, kw_only=True)
    is_alive: Callable[[str], bool | None] = attrs.field(default=_unknown, kw_only=True)
    new_id: Callable[[], str] = attrs.field(default=lambda: os.urandom(8).hex(), kw_only=True)
    snapshot: Snapshot = attrs.field(default=contextlib.nullcontext, kw_only=True)

    def migrate(self) -> int:
        """Create or upgrade the tables and return how many migrations that took.

        Raises:
            SchemaTooNew: a newer version of the library wrote this database.
        """
        return SCHEMA.migrate(self.connection)

    def create(
        self,
        title: Title,
        description: LongText = "",
        *,
        goal_id: GoalId | None = None,
        priority: Priority = 5,
        dependencies: Dependencies = (),
        parent_id: TaskId | None = None,
        acceptance_criteria: Criteria = (),
        metadata: Metadata | None = None,
        max_attempts: MaxAttempts = 3,
        not_before: Moment | None = None,
        claim_token: str | None = None,
    ) -> TaskChange:
        """Create a task.

        Args:
            title: what is to be done, in a line of 1 to 500 characters.
            description: the same at length; at most 64 KiB.
            goal_id: the goal that it serves; a child belongs to its parent's.
            priority: 1 to 10; 10 is offered first.
            dependencies: the tasks that must be completed before; at most 1,000.
            parent_id: the group to put it into; a leaf becomes a group by it, a finished task is opened again.
            acceptance_criteria: how one can tell that it is done; at most 50 texts of 2 KiB.
            metadata: an object of your own, kept as it is; at most 64 KiB.
            max_attempts: counted attempts after which it is failed, 1 to 100.
            not_before: when it becomes ready at the earliest, in milliseconds since 1970.
            claim_token: shows that the caller holds the parent, where that is in progress.

        Raises:
            InvalidValue: an argument is out of its bounds.
            TaskNotFound: there is no such parent or dependency.
            TaskCycle: it would wait for itself.
            StaleClaim: the parent is claimed by somebody else.
            DependentsStarted: the parent is finished, and what waited for it has started.
        """
        from ._work.creating import NewTask

        new = NewTask(
            title=TITLE("title", title),
            description=LONG_TEXT("description", description),
            goal_id=None if goal_id is None else GOAL_ID("goal_id", goal_id),
            priority=PRIORITY("priority", priority),
            dependencies=tuple(dict.fromkeys(DEPENDENCIES("dependencies", dependencies))),
            parent_id=None if parent_id is None else TASK_ID("parent_id", parent_id),
            acceptance_criteria=CRITERIA("acceptance_criteria", acceptance_criteria),
            metadata=METADATA("metadata", {} if metadata is None else metadata),
            max_attempts=MAX_ATTEMPTS("max_attempts", max_attempts),
            not_before=None if not_before is None else MOMENT("not_before", not_before),
        )
        with self.connection:
            return self._creating.create(new, claim_token, self._now())

    def plan(
        self, plan: "Plan | object", *, goal_id: GoalId | None = None, max_attempts: MaxAttempts = 3
    ) -> list[Task]:
        """Create all tasks of a plan, or none.

        Args:
            plan: a `Plan`, or a list of objects with the fields of `PlannedTask`; see `check_plan`.
            goal_id: the goal that the tasks serve.
            max_attempts: counted attempts after which a task is failed, 1 to 100.

        Raises:
            InvalidPlan: something is wrong with the plan; the error names all of it.
            InvalidValue: an argument is out of its bounds.
        """
        from ._rules.plan import check_plan

        checked = check_plan(plan)
        goal_id = None if goal_id is None else GOAL_ID("goal_id", goal_id)
        with self.connection:
            return self._creating.plan(goal_id, checked, MAX_ATTEMPTS("max_attempts", max_attempts), self._now())

    def edit(
        self,
        task_id: TaskId,
        *,
        title: Title | attrs.NothingType = KEEP,
        description: LongText | attrs.NothingType | None = KEEP,
        priority: Priority | attrs.NothingType = KEEP,
        dependencies: Dependencies | attrs.NothingType | None = KEEP,
        parent_id: TaskId | attrs.NothingType | None = KEEP,
        goal_id: GoalId | attrs.NothingType | None = KEEP,
        acceptance_criteria: Criteria | attrs.NothingType | None = KEEP,
        metadata: Metadata | attrs.NothingType | None = KEEP,
        max_attempts: MaxAttempts | attrs.NothingType = KEEP,
        not_before: Moment | attrs.NothingType | None = KEEP,
        claim_token: str | None = None,
    ) -> TaskChange:
        """Change what is given and keep the rest; None clears what may be empty.

        Args:
            task_id: the task to change.
            title: another title.
            description: another description.
            priority: another priority, 1 to 10.
            dependencies: other prerequisites in place of the old ones; only while it is pending.
            parent_id: the group to move into, None for none; only while it is pending.
            goal_id: the goal to move to with all below it; only while it is pending.
            acceptance_criteria: other criteria in place of the old ones.
            metadata: another object in place of the old one.
            max_attempts: another limit, 1 to 100.
            not_before: when it becomes ready at the earliest, in milliseconds since 1970.
            claim_token: shows that the caller holds the new parent, where that is in progress.

        Raises:
            InvalidValue: an argument is out of its bounds.
            TaskNotFound: there is no such task, parent or dependency.
            TaskCycle: it would wait for itself.
            IllegalTransition: its place in the graph can't change now.
            StaleClaim: the new parent is claimed by somebody else.
            DependentsStarted: the new parent is finished, and what waited for it has started.
        """
        changes = checked_changes(
            title=title,
            description=description,
            priority=priority,
            dependencies=dependencies,
            parent_id=parent_id,
            goal_id=goal_id,
            acceptance_criteria=acceptance_criteria,
            metadata=metadata,
            max_attempts=max_attempts,
            not_before=not_before,
        )
        with self.connection:
            return self._editing.edit(TASK_ID("task_id", task_id), changes, claim_token, self._now())

    def claim_next(
        self,
        *,
        worker: Worker,
        holder: str | None = None,
        goal_ids: Collection[int] | None = None,
        lease_seconds: LeaseSeconds = 900,
    ) -> Claimed:
        """Claim the ready task that comes first by priority and age, in one transaction.

        What an ended session left in progress is offered before others of its priority. A task whose attempts are used
        up by a lost claim becomes failed instead of being claimed.

        Args:
            worker: the name to claim under, 1 to 200 characters.
            holder: the process behind the claim, as `is_alive` knows it; None lets the lease alone decide.
            goal_ids: only tasks of these goals.
            lease_seconds: how long the claim is live without renewal, 10 to 86,400.
        """
        worker = WORKER("worker", worker)
        lease = LEASE("lease_seconds", lease_seconds) * 1000
        dead_holders = self._claims.dead_holders()
        with self.connection:
            return self._queue.claim_next(goal_ids, worker, holder, lease, self._now(), dead_holders)

    def offers(self, *, goal_ids: Collection[int] | None = None, limit: Limit = 1) -> tuple[Offer, ...]:
        """Return the tasks that would be claimed next, in order, without claiming them.

        Args:
            goal_ids: only tasks of these goals.
            limit: tasks at most, 1 to 200.
        """
        with self.snapshot():
            return self._queue.offers(goal_ids, self._now(), LIMIT("limit", limit))

    def update_status(
        self,
        task_id: TaskId,
        status: Status,
        *,
        worker: Worker,
        holder: str | None = None,
        claim_token: str | None = None,
        result: LongText | attrs.NothingType | None = KEEP,
        error: LongText | attrs.NothingType | None = KEEP,
        retry_in_seconds: DelaySeconds | None = None,
        lease_seconds: LeaseSeconds | None = None,
    ) -> TaskChange:
        """Claim, complete, fail, release, cancel or reopen a task.

        Args:
            task_id: the task.
            status: in_progress claims or renews; completed and failed settle; pending releases or reopens; cancelled.
            worker: who calls, 1 to 200 characters.
            holder: the process behind a claim that this call makes.
            claim_token: shows that the caller is the holder.
            result: what came of it; at most 64 KiB; None clears it.
            error: what went wrong; with pending it makes the attempt count as failed.
            retry_in_seconds: with pending: how long it is not offered.
            lease_seconds: of a claim that this call makes or renews, 10 to 86,400.

        Raises:
            InvalidValue: an argument is out of its bounds.
            TaskNotFound: there is no such task.
            IllegalTransition: the status does not lead there.
            ClaimConflict: somebody else holds it under a live claim.
            StaleClaim: the caller does not hold it, or no more.
            ResultConflict: it was completed under this claim with another result.
            DependentsStarted: what waited for it has started, so it can't be reopened.
        """
        delay = None if retry_in_seconds is None else DELAY("retry_in_seconds", retry_in_seconds) * 1000
        from ._work.transitions import StatusRequest

        ask = StatusRequest(
            status=TaskStatus(STATUS("status", status)),
            worker=WORKER("worker", worker),
            holder=holder,
            claim_token=claim_token,
            texts=checked_changes(result=result, error=error),
            delay=delay,
            lease=None if lease_seconds is None else LEASE("lease_seconds", lease_seconds) * 1000,
        )
        with self.connection:
            return self._transitions.update(TASK_ID("task_id", task_id), ask, self._now())

    def renew(
        self,
        task_id: TaskId,
        *,
        claim_token: str | None,
        lease_seconds: LeaseSeconds | None = None,
        progress: ShortText | None = None,
    ) -> TaskChange:
        """Let the lease of a claim begin anew.

        Args:
            task_id: the claimed task.
            claim_token: shows that the caller is the holder.
            lease_seconds: another length from now on, 10 to 86,400; omitted, the claim's own.
            progress: a note on how far the work is, kept with the attempt; at most 4 KiB.

        Raises:
            InvalidValue: an argument is out of its bounds.
            TaskNotFound: there is no such task.
            StaleClaim: the caller does not hold it, or no more.
        """
        lease = None if lease_seconds is None else LEASE("lease_seconds", lease_seconds) * 1000
        note = None if progress is None else SHORT_TEXT("progress", progress)
        with self.connection:
            return self._transitions.renew(TASK_ID("task_id", task_id), claim_token, lease, note, self._now())

    def renew_due(self, holder: str) -> float | None:
        """Renew those claims of a process that have used a third of their lease, and say when to call again.

        Args:
            holder: the process behind the claims.

        Returns:
            The seconds until the next claim is due, or None while the process holds none.
        """
        now = self._now()
        claims = self._claims.held_by(holder)
        if any(now >= claim.renewal_due_at for claim in claims):
            with self.connection:
                claims = [
                    self._claims.renew(claim, now, claim.lease, claim.note) if now >= claim.renewal_due_at else claim
                    for claim in self._claims.held_by(holder)
                ]
        return min(((claim.renewal_due_at - now) / 1000 for claim in claims), default=None)

    def detach(self, holder: str) -> tuple[int, ...]:
        """End all claims of a session that ends cleanly: its tasks stay in progress and are offered at once.

        Args:
            holder: the process whose session ends.
        """
        with self.connection:
            return self._claims.detach(holder, self._now())

    def get(self, task_id: TaskId) -> Task:
        """Return a task.

        Raises:
            TaskNotFound: there is no such task.
        """
        return self._reading.task(TASK_ID("task_id", task_id), self._now())

    def links(self, task: Task) -> TaskLinks:
        """Return what stands around a task: prerequisites, dependents, children, blockers and past attempts."""
        with self.snapshot():
            return self._reading.links(task)

    def list(
        self,
        *,
        goal_ids: Collection[int] | None = None,
        status: Status | None = None,
        readiness: str | None = None,
        parent_id: TaskId | None = None,
        query: str | None = None,
        limit: Limit = 50,
        after: int = 0,
    ) -> TaskPage:
        """Return a page of tasks in the order of their ids.

        Args:
            goal_ids: only tasks of these goals.
            status: only tasks of this status.
            readiness: only pending tasks of this readiness: ready, waiting, unreachable or group.
            parent_id: only the children of this group.
            query: only tasks with this text in title or description, in upper or lower case.
            limit: tasks at most, 1 to 200.
            after: the last id of the page before, 0 for the first page.

        Raises:
            InvalidValue: an argument is out of its bounds.
        """
        from ._records.listing import Filter

        wanted = Filter(
            goal_ids=goal_ids,
            status=None if status is None else TaskStatus(STATUS("status", status)),
            readiness=None if readiness is None else Readiness(READINESS("readiness", readiness)),
            parent_id=None if parent_id is None else TASK_ID("parent_id", parent_id),
            query=None if query is None else SHORT_TEXT("query", query),
        )
        with self.snapshot():
            return self._listing.page(wanted, LIMIT("limit", limit), after, self._now())

    def prerequisites(self, task: Task) -> tuple[Prerequisite, ...]:
        """Return what a task builds on: the completed prerequisites of its own and of the groups above."""
        with self.snapshot():
            return self._reading.prerequisites(task)

    def is_current(self, task_id: TaskId, claim_token: str) -> bool:
        """Say whether a token is that of the task's current claim."""
        claim = self._claims.find_all([task_id]).get(task_id)
        return claim is not None and claim.token == claim_token

    def counts(self, goal_ids: Collection[int]) -> dict[int, Counts]:
        """Return how many tasks each of these goals has in each state; 0 stands for all tasks together."""
        with self.snapshot():
            return self._reading.counts(goal_ids, self._now())

    def queue(self, goal_ids: Collection[int] | None = None) -> Queue:
        """Return what there is to do in some goals, or in all."""
        with self.snapshot():
            return self._reading.queue(goal_ids, self._now())

    def holding(self, worker: Worker) -> tuple[int, ...]:
        """Return the tasks in progress under a worker's name."""
        return self._claims.holding(worker)

    def open_in(self, goal_ids: Collection[int], limit: int = 10) -> tuple[int, tuple[int, ...]]:
        """Return how many leaves of these goals are pending or in progress, and the first ids."""
        with self.snapshot():
            count = sum(counts.open for counts in self._reading.counts(goal_ids, self._now()).values())
            return count, tuple(self._reading.open_leaves(goal_ids, limit))

    def cancel_open_in(self, goal_ids: Collection[int], *, worker: Worker) -> int:
        """Cancel all that is open in these goals, and return how many leaves that were."""
        worker = WORKER("worker", worker)
        with self.connection:
            return self._transitions.cancel_open_in(goal_ids, worker, self._now())

    def hold(self, goal_ids: Collection[int]) -> None:
        """Offer no tasks of these goals until they are released with `unhold`."""
        with self.connection:
            for goal_id in sorted(goal_ids):
                self._holding.hold(goal_id, self._now())

    def unhold(self, goal_ids: Collection[int]) -> None:
        """Offer tasks of these goals again."""
        with self.connection:
            for goal_id in sorted(goal_ids):
                self._holding.unhold(goal_id, self._now())

    def audit(self, checked: Callable[[int], object] = lambda _count: None) -> Iterator["Finding"]:
        """Yield what the tables say and the tasks in them contradict, reading a page at a time.

        Args:
            checked: told of each page how many tasks it had.
        """
        with self.snapshot():
            yield from self._audit.findings(self._now(), checked)

    def rebuild(self) -> int:
        """Write anew what is derived, and nothing else; return how many rows were wrong."""
        with self.connection:
            return self._audit.rebuild(self._now())

    @cached_property
    def _audit(self) -> "Audit":
        from ._audit.audit import Audit

        return Audit(self.connection, self._rows, self._claims)

    @cached_property
    def _rows(self) -> Rows:
        return Rows(self.connection)

    @cached_property
    def _claims(self) -> Claims:
        return Claims(self.connection, self.is_alive)

    @cached_property
    def _reading(self) -> Reading:
        return Reading(self.connection, self._rows, self._claims)

    @cached_property
    def _listing(self) -> "Listing":
        from ._records.listing import Listing

        return Listing(self.connection, self._reading)

    @cached_property
    def _queue(self) -> ReadyQueue:
        return ReadyQueue(self.connection, self._rows, self._claims, self._reading, self.new_id)

    @cached_property
    def _tokens(self) -> "Tokens":
        from ._records.tokens import Tokens

        return Tokens(self.connection, self._claims)

    @cached_property
    def _transitions(self) -> "Transitions":
        from ._work.transitions import Transitions

        return Transitions(self.connection, self._rows, self._claims, self._reading, self._queue, self._tokens)

    @cached_property
    def _placing(self) -> "Placing":
        from ._work.placing import Placing

        return Placing(self.connection, self._rows, self._claims, self._tokens, self._transitions)

    @cached_property
    def _creating(self) -> "Creating":
        from ._work.creating import Creating

        return Creating(self.connection, self._rows, self._reading, self._placing)

    @cached_property
    def _editing(self) -> "Editing":
        from ._work.editing import Editing

        return Editing(self.connection, self._rows, self._claims, self._reading, self._placing)

    @cached_property
    def _holding(self) -> "Holding":
        from ._work.holding import Holding

        return Holding(self.connection, self._rows, self._claims)

    def _now(self) -> int:
        return round(self.clock() * 1000)
