"""The values of this library: tasks, claims, attempts, counts and changes."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import attrs


class TaskStatus(StrEnum):
    """The status of a task."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Readiness(StrEnum):
    """The readiness of a pending task."""

    READY = "ready"
    WAITING = "waiting"
    UNREACHABLE = "unreachable"
    GROUP = "group"


class State(StrEnum):
    """The state in a task's row: its status, with pending split by readiness."""

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
    """The end of an attempt.

    A session that ends cleanly detaches its attempts. An attempt is lost if somebody takes the task over after the
    lease or the process has ended.
    """

    COMPLETED = "completed"
    FAILED = "failed"
    RELEASED = "released"
    DETACHED = "detached"
    LOST = "lost"
    CANCELLED = "cancelled"

    @property
    def counts(self) -> bool:
        """True if such an attempt counts against max_attempts."""
        return self in (Outcome.COMPLETED, Outcome.FAILED, Outcome.LOST)


@attrs.frozen(kw_only=True)
class Claim:
    """The claim under which a task is in progress.

    Attributes:
        worker: the name under which the claim was made.
        expires_at: when the lease ends, in milliseconds since 1970.
        live: False if the lease, the process or the session has ended; then anyone may go on.
        token: proves that the caller is the holder.
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
        attempt: the fence of the claim, which grows with each claim of the task.
        worker: the name under which the claim was made.
        started_at: its start, in milliseconds since 1970.
        ended_at: its end, in milliseconds since 1970, or None while it runs.
        outcome: the way it ended, or None while it runs.
        settled_by: the worker who ended it, if it was another.
        error: the reason why it failed, or None.
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
    """A task, with its readiness at the moment of reading.

    Attributes:
        task_id: its id.
        title: the work, in a line.
        description: the work, at length.
        status: pending, in_progress, completed, failed or cancelled.
        readiness: ready, waiting, unreachable or group while it is pending, else None.
        priority: 1 to 10, 10 first.
        goal_id: the goal that it serves, or None.
        parent_id: the group that it belongs to, or None.
        open_dependencies: the number of its own prerequisites that are not completed.
        children: the number of tasks in it; a task with children is a group and is never claimed.
        acceptance_criteria: the conditions under which it is done.
        metadata: the caller's own object.
        attempts: the number of attempts that count: completed, failed and lost ones.
        max_attempts: the number of counted attempts after which it fails if none completed it.
        fence: the number of its claims so far.
        not_before: the earliest time at which it becomes ready, in milliseconds since 1970, or None.
        result: the result of the work, or None.
        error: the last error, or None.
        settled_by: the worker who completed, failed or cancelled it, or None.
        claim: the claim under which it is in progress, or None.
        progress_note: the last progress note of the holder, or None.
        created_at: its creation, in milliseconds since 1970, as are the other times.
        updated_at: its last change.
        started_at: its first claim, or None.
        completed_at: its completion, or None.
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
    """The links of a task to others, and its past attempts.

    Attributes:
        dependencies: its own prerequisites.
        dependents: the tasks that name it as a prerequisite.
        children: the tasks in it.
        blocked_by: the open prerequisites of a waiting task and of its groups, or the failed and cancelled tasks that
            make a task unreachable.
        attempt_history: the last ten attempts, the running one included, oldest first.
    """

    dependencies: tuple[int, ...]
    dependents: tuple[int, ...]
    children: tuple[int, ...]
    blocked_by: tuple[int, ...]
    attempt_history: tuple[Attempt, ...]


@attrs.frozen(kw_only=True)
class TaskPage:
    """Some tasks in the order of their ids; `more` is True if others follow the last one."""

    tasks: tuple[Task, ...]
    more: bool


@attrs.frozen(kw_only=True)
class Counts:
    """The number of tasks in each state. Groups are counted apart; all other tasks are leaves."""

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
        """The number of tasks that are not groups."""
        return self.open + self.completed + self.failed + self.cancelled

    @property
    def open(self) -> int:
        """The number of leaves that are pending or in progress."""
        return self.ready + self.waiting + self.unreachable + self.in_progress


@attrs.frozen(kw_only=True)
class Queue:
    """The numbers of tasks that are pending or in progress.

    Attributes:
        next_ready_at: the time at which the next task that only waits for its time becomes ready, or None.
    """

    ready: int
    waiting: int
    unreachable: int
    in_progress: int
    next_ready_at: int | None


@attrs.frozen(kw_only=True)
class Prerequisite:
    """A completed prerequisite and its result."""

    task_id: int
    title: str
    result: str | None


@attrs.frozen(kw_only=True)
class Offer:
    """A task that `claim_next` would give, and the worker who left it in progress, if it was left."""

    task: Task
    left_by: str | None


@attrs.frozen(kw_only=True)
class Claimed:
    """The answer of `claim_next`: a task with its token and prerequisites, or None; `queue` says why.

    Attributes:
        task: the claimed task, or None.
        claim_token: proves that the caller is the holder, or None.
        prerequisites: the completed tasks that it builds on.
        queue: the numbers of tasks after the claim.
        holding: the tasks in progress under this worker's name, this one included.
        failed: the tasks that failed because a lost claim used up their attempts.
    """

    task: Task | None
    claim_token: str | None
    prerequisites: tuple[Prerequisite, ...]
    queue: Queue
    holding: tuple[int, ...]
    failed: tuple[int, ...] = ()


@attrs.frozen(kw_only=True)
class TaskChange:
    """The effect of a write.

    Attributes:
        task: the task afterwards.
        changed: True if anything was written.
        newly_ready: the other tasks that became ready by it.
        claim_token: the token of a claim that was made or renewed, or None.
    """

    task: Task
    changed: bool
    newly_ready: tuple[int, ...] = ()
    claim_token: str | None = None
