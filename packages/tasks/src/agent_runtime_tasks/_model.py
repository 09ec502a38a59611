"""The values of this library: tasks, claims, attempts, counts and what a change did."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import attrs

DEEPEST_GROUP = 16


class TaskStatus(StrEnum):
    """Where a task stands."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Readiness(StrEnum):
    """Whether a pending task can be worked on."""

    READY = "ready"
    WAITING = "waiting"
    UNREACHABLE = "unreachable"
    GROUP = "group"


class State(StrEnum):
    """A status, with pending told apart by readiness: what a task's row says."""

    READY = "ready"
    WAITING = "waiting"
    UNREACHABLE = "unreachable"
    GROUP = "group"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def status(self) -> TaskStatus:
        """The status that the state belongs to."""
        return _STATUS[self]

    @property
    def readiness(self) -> Readiness | None:
        """The readiness of a pending state, else None."""
        return Readiness(self.value) if self in PENDING_STATES else None


PENDING_STATES = frozenset({State.READY, State.WAITING, State.UNREACHABLE, State.GROUP})
FINISHED_STATES = frozenset({State.COMPLETED, State.FAILED, State.CANCELLED})
OPEN_STATES = (State.READY, State.WAITING, State.UNREACHABLE, State.IN_PROGRESS)
_STATUS = {state: TaskStatus.PENDING if state in PENDING_STATES else TaskStatus(state.value) for state in State}


class Outcome(StrEnum):
    """How an attempt ended: a clean end of the session detaches, a lost lease or a killed process loses."""

    COMPLETED = "completed"
    FAILED = "failed"
    RELEASED = "released"
    DETACHED = "detached"
    LOST = "lost"
    CANCELLED = "cancelled"

    @property
    def counts(self) -> bool:
        """Whether such an attempt is counted against max_attempts."""
        return self in (Outcome.COMPLETED, Outcome.FAILED, Outcome.LOST)


@attrs.frozen(kw_only=True)
class Claim:
    """Who works on a task.

    Attributes:
        worker: the name that the claim was made under.
        expires_at: when the lease ends, in milliseconds since 1970.
        live: False when the lease is over, the process is gone or its session ended: then anyone may go on.
        token: shows that the caller is the holder.
        detached: the session ended cleanly.
    """

    worker: str
    expires_at: int
    live: bool
    token: str
    detached: bool


@attrs.frozen(kw_only=True)
class Attempt:
    """One claim of a task, from start to end.

    Attributes:
        attempt: the fence of the claim; it grows with each one.
        worker: who claimed.
        started_at: milliseconds since 1970.
        ended_at: the same, or None while it runs.
        outcome: how it ended, or None while it runs.
        settled_by: who ended it, where that was another.
        error: what went wrong, or None.
        note: the last progress note, or None.
    """

    attempt: int
    worker: str
    started_at: int
    ended_at: int | None
    outcome: Outcome | None
    settled_by: str | None
    error: str | None
    note: str | None


@attrs.frozen(kw_only=True)
class Task:
    """A task as it stands, its readiness reckoned at the moment of reading.

    Attributes:
        task_id: its number.
        title: what is to be done, in a line.
        description: the same at length.
        status: pending, in_progress, completed, failed or cancelled.
        readiness: of a pending task, whether it can be worked on.
        priority: 1 to 10, 10 first.
        goal_id: the goal it serves, or None.
        parent_id: the group it belongs to, or None.
        open_dependencies: how many of its own prerequisites are not completed.
        children: how many tasks it groups; a task with children is never claimed.
        acceptance_criteria: how one can tell that it is done.
        metadata: the caller's own object.
        attempts: the counted ones: completed, failed and lost.
        max_attempts: at so many counted attempts that did not complete it, the task is failed.
        fence: how often it was claimed.
        not_before: when it becomes ready at the earliest, in milliseconds since 1970, or None.
        result: what came of it, or None.
        error: what went wrong last, or None.
        settled_by: who completed, failed or cancelled it, or None.
        claim: who works on it, or None.
        progress_note: what the holder said last, or None.
        created_at: milliseconds since 1970, as are the other times.
        updated_at: when it was last changed.
        started_at: when it was first claimed, or None.
        completed_at: when it was completed, or None.
    """

    task_id: int
    title: str
    description: str
    status: TaskStatus
    readiness: Readiness | None
    priority: int
    goal_id: int | None
    parent_id: int | None
    open_dependencies: int
    children: int
    acceptance_criteria: tuple[str, ...]
    metadata: Mapping[str, Any]
    attempts: int
    max_attempts: int
    fence: int
    not_before: int | None
    result: str | None
    error: str | None
    settled_by: str | None
    claim: Claim | None
    progress_note: str | None
    created_at: int
    updated_at: int
    started_at: int | None
    completed_at: int | None


@attrs.frozen(kw_only=True)
class TaskLinks:
    """What stands around a task.

    Attributes:
        dependencies: its own prerequisites.
        dependents: the tasks that name it as a prerequisite.
        children: the tasks it groups.
        blocked_by: of a waiting task the open prerequisites, its groups' included; of an unreachable one the failed and
            cancelled tasks at the root.
        attempt_history: the last ten attempts, the running one included, oldest first.
    """

    dependencies: tuple[int, ...]
    dependents: tuple[int, ...]
    children: tuple[int, ...]
    blocked_by: tuple[int, ...]
    attempt_history: tuple[Attempt, ...]


@attrs.frozen(kw_only=True)
class TaskPage:
    """Some tasks in the order of their ids, and whether more follow the last one."""

    tasks: tuple[Task, ...]
    more: bool


@attrs.frozen(kw_only=True)
class Counts:
    """How many tasks are in each state; groups are counted apart, and the others are leaves."""

    ready: int = 0
    waiting: int = 0
    unreachable: int = 0
    in_progress: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    groups: int = 0

    @property
    def leaves(self) -> int:
        """The tasks that are no groups."""
        return self.open + self.completed + self.failed + self.cancelled

    @property
    def open(self) -> int:
        """The leaves that are pending or in progress."""
        return self.ready + self.waiting + self.unreachable + self.in_progress


@attrs.frozen(kw_only=True)
class Queue:
    """What there is to do and what is under way.

    Attributes:
        next_ready_at: when the next task that only waits for its time becomes ready, or None.
    """

    ready: int
    waiting: int
    unreachable: int
    in_progress: int
    next_ready_at: int | None


@attrs.frozen(kw_only=True)
class Prerequisite:
    """A completed prerequisite and what came of it."""

    task_id: int
    title: str
    result: str | None


@attrs.frozen(kw_only=True)
class Offer:
    """A task that `claim_next` would give, and who left it in progress, if anybody did."""

    task: Task
    left_by: str | None


@attrs.frozen(kw_only=True)
class Claimed:
    """What `claim_next` gave: a task with its token and prerequisites, or none, and why there is none.

    Attributes:
        task: the claimed task, or None.
        claim_token: what the holder shows to settle or renew it, or None.
        prerequisites: the completed tasks that it builds on.
        queue: what there is to do after the claim.
        holding: the tasks in progress under this worker's name, this one included.
        failed: tasks whose attempts were used up by lost claims, found so on the way.
    """

    task: Task | None
    claim_token: str | None
    prerequisites: tuple[Prerequisite, ...]
    queue: Queue
    holding: tuple[int, ...]
    failed: tuple[int, ...] = ()


@attrs.frozen(kw_only=True)
class TaskChange:
    """What a write did.

    Attributes:
        task: the task afterwards.
        changed: whether anything was written.
        newly_ready: the other tasks that became ready by it.
        claim_token: the token of a claim that was made or renewed, or None.
    """

    task: Task
    changed: bool
    newly_ready: tuple[int, ...] = ()
    claim_token: str | None = None
