"""The tasks of a database: a graph of work with a ready queue, in which one claim has one winner."""

import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterator

import attrs

from agent_runtime_kernel.bounds import optional
from agent_runtime_kernel.connection import Clock, Connection, Snapshot
from agent_runtime_kernel.findings import Finding

from ._audit.audit import Audit
from ._changes import KEEP, validated_changes
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
from ._records.attempts import Attempts
from ._records.claims import Claims
from ._records.listing import Filter, Listing
from ._records.reading import Reading
from ._records.rows import Rows
from ._records.schema import SCHEMA
from ._records.tokens import Tokens
from ._rules.claims import IsAlive
from ._rules.plan import Plan, check_plan
from ._work.cancelling import Cancelling
from ._work.claiming import Claiming, ClaimRequest
from ._work.creating import Creating, NewTask
from ._work.editing import Editing
from ._work.pausing import Pausing
from ._work.placing import Placing
from ._work.queue import ReadyQueue
from ._work.reopening import Reopening
from ._work.transitions import StatusRequest, Transitions
from .bounds import (
    CRITERIA,
    DEFAULT_LEASE_SECONDS,
    DEFAULT_LIST_LIMIT,
    DEFAULT_MAX_ATTEMPTS,
    DEFAULT_OFFERS_LIMIT,
    DEFAULT_OPEN_LIMIT,
    DEFAULT_PRIORITY,
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


class Tasks:
    """The tasks of one database.

    Args:
        connection: an open connection; set its `transaction_mode` to "IMMEDIATE".
        clock: returns the time in seconds since 1970.
        is_alive: tells whether the process behind a holder is alive. None means that it is not known: then leases
            decide.
        new_id: makes the secret part of a claim token.
        snapshot: makes a context in which several reads see one state.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        clock: Clock = time.time,
        is_alive: IsAlive = lambda _holder: None,
        new_id: Callable[[], str] = lambda: os.urandom(8).hex(),
        snapshot: Snapshot = contextlib.nullcontext,
    ) -> None:
        self.connection = connection
        self.clock = clock
        self.is_alive = is_alive
        self.new_id = new_id
        self.snapshot = snapshot

        rows = Rows(connection)
        attempts = Attempts(connection)
        claims = Claims(connection, is_alive)
        reading = Reading(connection, rows, claims, attempts)
        tokens = Tokens(connection, attempts)
        claiming = Claiming(connection, rows, claims, attempts, new_id)
        cancelling = Cancelling(connection, rows, claims, claiming)
        reopening = Reopening(connection, rows)
        pausing = Pausing(connection, rows)
        placing = Placing(rows, tokens, claiming, reopening)

        self._claims = claims
        self._reading = reading
        self._listing = Listing(connection, reading)
        self._claiming = claiming
        self._queue = ReadyQueue(connection, rows, claims, reading, claiming)
        self._transitions = Transitions(connection, rows, claims, reading, claiming, cancelling, reopening, tokens)
        self._cancelling = cancelling
        self._pausing = pausing
        self._creating = Creating(connection, rows, reading, placing, pausing)
        self._editing = Editing(connection, rows, claims, reading, placing, pausing)
        self._audit = Audit(connection, rows, claims)

    def migrate(self) -> int:
        """Create or upgrade the tables and return how many migrations that took.

        Raises:
            SchemaTooNew: a newer version of the library wrote this database.
        """
        return SCHEMA.migrate(self.connection, self.clock)

    def create(
        self,
        title: Title,
        description: LongText = "",
        *,
        goal_id: GoalId | None = None,
        priority: Priority = DEFAULT_PRIORITY,
        dependencies: Dependencies = (),
        parent_id: TaskId | None = None,
        acceptance_criteria: Criteria = (),
        metadata: Metadata | None = None,
        max_attempts: MaxAttempts = DEFAULT_MAX_ATTEMPTS,
        not_before: Moment | None = None,
        claim_token: str | None = None,
    ) -> TaskChange:
        """Create a task.

        Args:
            title: the work, in a line of 1 to 500 characters.
            description: the work, at length; at most 64 KiB.
            goal_id: the goal that it serves; a child belongs to the goal of its parent.
            priority: 1 to 10; 10 is offered first.
            dependencies: the tasks that must be completed first; at most 1,000.
            parent_id: the group to put it into. A leaf becomes a group by that; a finished task is reopened.
            acceptance_criteria: the conditions under which it is done; at most 50 texts of 2 KiB.
            metadata: an object of your own, kept as it is; at most 64 KiB.
            max_attempts: the number of counted attempts after which it fails, 1 to 100.
            not_before: the earliest time at which it becomes ready, in milliseconds since 1970.
            claim_token: proves that the caller holds the parent, if that is in progress.

        Raises:
            InvalidValue: an argument is out of its bounds.
            TaskNotFound: there is no such parent or dependency.
            TaskCycle: it would wait for itself.
            StaleClaim: the parent is claimed by somebody else.
            DependentsStarted: the parent is finished, and tasks that waited for it have started.
        """
        new = NewTask(
            title=TITLE("title", title),
            description=LONG_TEXT("description", description),
            goal_id=optional(GOAL_ID, "goal_id", goal_id),
            priority=PRIORITY("priority", priority),
            dependencies=tuple(dict.fromkeys(DEPENDENCIES("dependencies", dependencies))),
            parent_id=optional(TASK_ID, "parent_id", parent_id),
            acceptance_criteria=CRITERIA("acceptance_criteria", acceptance_criteria),
            metadata=METADATA("metadata", {} if metadata is None else metadata),
            max_attempts=MAX_ATTEMPTS("max_attempts", max_attempts),
            not_before=optional(MOMENT, "not_before", not_before),
        )
        with self.connection:
            return self._creating.create(new, claim_token, self._now())

    def plan(
        self,
        plan: Plan | object,
        *,
        goal_id: GoalId | None = None,
        max_attempts: MaxAttempts = DEFAULT_MAX_ATTEMPTS,
    ) -> list[Task]:
        """Create all tasks of a plan, or none.

        Args:
            plan: a `Plan`, or a list of objects with the fields of `PlannedTask`; see `check_plan`.
            goal_id: the goal that the tasks serve.
            max_attempts: the number of counted attempts after which a task fails, 1 to 100.

        Raises:
            InvalidPlan: the plan has faults; the error names them.
            InvalidValue: an argument is out of its bounds.
        """
        checked = check_plan(plan)
        goal_id = optional(GOAL_ID, "goal_id", goal_id)
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
        """Change the given fields of a task and keep the others; None clears a field that may be empty.

        Args:
            task_id: the task to change.
            title: the new title.
            description: the new description.
            priority: the new priority, 1 to 10.
            dependencies: all its prerequisites from now on; only while it is pending.
            parent_id: the group to move it into, or None to take it out; only while it is pending.
            goal_id: the goal to move it to, with all tasks below it; only while it is pending.
            acceptance_criteria: all its criteria from now on.
            metadata: the new object.
            max_attempts: the new limit, 1 to 100.
            not_before: the earliest time at which it becomes ready, in milliseconds since 1970.
            claim_token: proves that the caller holds the new parent, if that is in progress.

        Raises:
            InvalidValue: an argument is out of its bounds.
            TaskNotFound: there is no such task, parent or dependency.
            TaskCycle: it would wait for itself.
            IllegalTransition: its place in the graph can't change now.
            StaleClaim: the new parent is claimed by somebody else.
            DependentsStarted: the new parent is finished, and tasks that waited for it have started.
        """
        changes = validated_changes(
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
        lease_seconds: LeaseSeconds = DEFAULT_LEASE_SECONDS,
    ) -> Claimed:
        """Claim the ready task that comes first by priority and age, in one transaction.

        A task that an ended session left in progress is offered before others of its priority. A task fails instead of
        being claimed if a lost claim used up its attempts.

        Args:
            worker: the name to claim under, 1 to 200 characters.
            holder: the process behind the claim, as `is_alive` knows it; None lets the lease alone decide.
            goal_ids: only tasks of these goals.
            lease_seconds: the time for which the claim is live without renewal, 10 to 86,400.
        """
        request = ClaimRequest(
            worker=WORKER("worker", worker),
            holder=holder,
            lease=_milliseconds(LEASE("lease_seconds", lease_seconds)),
        )
        dead_holders = self._claims.dead_holders()
        with self.connection:
            return self._queue.claim_next(goal_ids, request, self._now(), dead_holders)

    def offers(
        self, *, goal_ids: Collection[int] | None = None, limit: Limit = DEFAULT_OFFERS_LIMIT
    ) -> tuple[Offer, ...]:
        """Return the tasks that would be claimed next, in order, without claiming them.

        Args:
            goal_ids: only tasks of these goals.
            limit: the greatest number of tasks, 1 to 200.
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
            worker: the name of the caller, 1 to 200 characters.
            holder: the process behind a claim that this call makes.
            claim_token: proves that the caller is the holder.
            result: the result of the work; at most 64 KiB; None clears it.
            error: the reason why the attempt failed; with pending it makes the attempt count as failed.
            retry_in_seconds: with pending, the time for which it is not offered.
            lease_seconds: the lease of a claim that this call makes or renews, 10 to 86,400.

        Raises:
            InvalidValue: an argument is out of its bounds.
            TaskNotFound: there is no such task.
            IllegalTransition: it can't change from its status to this one.
            ClaimConflict: somebody else holds it under a live claim.
            StaleClaim: the caller does not hold it, or no longer does.
            ResultConflict: it was completed under this claim with another result.
            DependentsStarted: it can't be reopened, because tasks that waited for it have started.
        """
        delay = optional(DELAY, "retry_in_seconds", retry_in_seconds)
        request = StatusRequest(
            status=TaskStatus(STATUS("status", status)),
            worker=WORKER("worker", worker),
            holder=holder,
            claim_token=claim_token,
            texts=validated_changes(result=result, error=error),
            delay=_milliseconds(delay),
            lease=_milliseconds(optional(LEASE, "lease_seconds", lease_seconds)),
        )
        with self.connection:
            return self._transitions.update(TASK_ID("task_id", task_id), request, self._now())

    def renew(
        self,
        task_id: TaskId,
        *,
        claim_token: str | None,
        lease_seconds: LeaseSeconds | None = None,
        progress: ShortText | None = None,
    ) -> TaskChange:
        """Start the lease of a claim again.

        Args:
            task_id: the claimed task.
            claim_token: proves that the caller is the holder.
            lease_seconds: the length of the lease from now on, 10 to 86,400; None keeps it.
            progress: a note on the progress of the work, kept with the attempt; at most 4 KiB.

        Raises:
            InvalidValue: an argument is out of its bounds.
            TaskNotFound: there is no such task.
            StaleClaim: the caller does not hold it, or no longer does.
        """
        lease = _milliseconds(optional(LEASE, "lease_seconds", lease_seconds))
        note = optional(SHORT_TEXT, "progress", progress)
        with self.connection:
            return self._transitions.renew(TASK_ID("task_id", task_id), claim_token, lease, note, self._now())

    def renew_due(self, holder: str) -> float | None:
        """Renew those claims of a process that have used a third of their lease.

        Args:
            holder: the process behind the claims.

        Returns:
            The seconds until the next claim is due for renewal, or None while the process holds none.
        """
        now = self._now()
        claims = self._claims.held_by(holder)
        if any(claim.is_renewal_due(now) for claim in claims):
            with self.connection:
                claims = self._claiming.renew_due(holder, now)
        return min(((claim.renewal_due_at - now) / 1000 for claim in claims), default=None)

    def detach(self, holder: str) -> tuple[int, ...]:
        """Leave all claims of a session that ends cleanly. Its tasks stay in progress and are offered at once.

        Args:
            holder: the process whose session ends.

        Returns:
            The ids of the tasks.
        """
        with self.connection:
            return self._claiming.detach(holder, self._now())

    def get(self, task_id: TaskId) -> Task:
        """Return a task.

        Raises:
            TaskNotFound: there is no such task.
        """
        return self._reading.task(TASK_ID("task_id", task_id), self._now())

    def links(self, task: Task) -> TaskLinks:
        """Return the links of a task to others, its blockers and its past attempts."""
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
        limit: Limit = DEFAULT_LIST_LIMIT,
        after: int = 0,
    ) -> TaskPage:
        """Return a page of tasks in the order of their ids.

        Args:
            goal_ids: only tasks of these goals.
            status: only tasks of this status.
            readiness: only pending tasks of this readiness: ready, waiting, unreachable or group.
            parent_id: only the children of this group.
            query: only tasks with this text in their title or description; the case of ASCII letters does not matter.
            limit: the greatest number of tasks, 1 to 200.
            after: the last id of the page before, 0 for the first page.

        Raises:
            InvalidValue: an argument is out of its bounds.
        """
        wanted = Filter(
            goal_ids=goal_ids,
            status=None if status is None else TaskStatus(STATUS("status", status)),
            readiness=None if readiness is None else Readiness(READINESS("readiness", readiness)),
            parent_id=optional(TASK_ID, "parent_id", parent_id),
            query=optional(SHORT_TEXT, "query", query),
        )
        with self.snapshot():
            return self._listing.page(wanted, LIMIT("limit", limit), after, self._now())

    def prerequisites(self, task: Task) -> tuple[Prerequisite, ...]:
        """Return the completed prerequisites of a task and of the groups above it."""
        with self.snapshot():
            return self._reading.prerequisites(task)

    def is_current(self, task_id: TaskId, claim_token: str) -> bool:
        """Tell whether a token is that of the task's current claim."""
        claim = self._claims.find_all([task_id]).get(task_id)
        return claim is not None and claim.is_held_with(claim_token)

    def counts(self, goal_ids: Collection[int]) -> dict[int, Counts]:
        """Return the number of tasks that each of these goals has in each state; 0 stands for all tasks."""
        with self.snapshot():
            return self._reading.counts(goal_ids, self._now())

    def queue(self, goal_ids: Collection[int] | None = None) -> Queue:
        """Return the numbers of tasks that are pending or in progress in some goals, or in all."""
        with self.snapshot():
            return self._reading.queue(goal_ids, self._now())

    def holding(self, worker: Worker) -> tuple[int, ...]:
        """Return the tasks in progress under a worker's name."""
        return self._claims.holding(worker)

    def open_in(self, goal_ids: Collection[int], limit: int = DEFAULT_OPEN_LIMIT) -> tuple[int, tuple[int, ...]]:
        """Return the number of leaves of these goals that are pending or in progress, and the first ids."""
        with self.snapshot():
            count = sum(counts.open for counts in self._reading.counts(goal_ids, self._now()).values())
            return count, tuple(self._reading.open_leaves(goal_ids, limit))

    def cancel_open_in(self, goal_ids: Collection[int], *, worker: Worker) -> int:
        """Cancel all open leaves in these goals, and return their number."""
        worker = WORKER("worker", worker)
        with self.connection:
            return self._cancelling.cancel_open_in(goal_ids, worker, self._now())

    def hold(self, goal_ids: Collection[int]) -> None:
        """Stop offering the tasks of these goals, until `unhold`."""
        with self.connection:
            for goal_id in sorted(goal_ids):
                self._pausing.pause(goal_id, self._now())

    def unhold(self, goal_ids: Collection[int]) -> None:
        """Offer the tasks of these goals again."""
        with self.connection:
            for goal_id in sorted(goal_ids):
                self._pausing.resume(goal_id, self._now())

    def audit(self, checked: Callable[[int], object] = lambda _count: None) -> Iterator[Finding]:
        """Yield the rows that the rest of the tables contradicts, reading a page at a time.

        Args:
            checked: called with the number of tasks of each page.
        """
        with self.snapshot():
            yield from self._audit.findings(self._now(), checked)

    def rebuild(self) -> int:
        """Recompute and correct what is derived, and nothing else; return how many rows were wrong."""
        with self.connection:
            return self._audit.rebuild(self._now())

    def _now(self) -> int:
        return round(self.clock() * 1000)


def _milliseconds(seconds: int | None) -> int | None:
    return None if seconds is None else seconds * 1000
