"""Operations on tasks: the tasks library, with the goals that tasks serve."""

import attrs

from agent_runtime_tasks import KEEP, Task, TaskStatus
from agent_runtime_tasks.bounds import (
    DEFAULT_LEASE_SECONDS,
    DEFAULT_LIST_LIMIT,
    DEFAULT_MAX_ATTEMPTS,
    DEFAULT_PRIORITY,
    Criteria,
    DelaySeconds,
    Dependencies,
    GoalId,
    LeaseSeconds,
    Limit,
    LongText,
    MaxAttempts,
    Metadata,
    Priority,
    ShortText,
    Status,
    TaskId,
    Title,
)

from ..contract.moments import IsoTime
from ..replies.pages import Cursor, TextPart, page, part
from ..replies.tasks import (
    GoalContext,
    NextTask,
    TaskFull,
    TaskList,
    TaskWrite,
    brief,
    full,
    in_context,
    queue_reply,
    task_write,
)
from .bounds import ClaimToken, CursorText, Detail, Offset, Query, ReadinessWord, TaskField
from .call import Call
from .goal_checks import goal_ids_of, require_open_goal

_SETTLED = (TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED)


def create_task(
    call: Call,
    title: Title,
    description: LongText = "",
    goal_id: GoalId | None = None,
    priority: Priority = DEFAULT_PRIORITY,
    dependencies: Dependencies = (),
    parent_id: TaskId | None = None,
    acceptance_criteria: Criteria = (),
    metadata: Metadata | None = None,
    max_attempts: MaxAttempts = DEFAULT_MAX_ATTEMPTS,
    not_before: IsoTime | None = None,
) -> TaskWrite:
    """Create a persistent task, shared by all sessions. For many at once: decompose_goal with a plan.

    Args:
        title: (what is to be done, in a line)
        description: (the same at length)
        goal_id: (the goal it serves)
        priority: 10 is offered first
        dependencies: task ids to be completed before
        parent_id: the group it joins; groups are never claimed
        acceptance_criteria: (how one can tell that it is done)
        metadata: (your own JSON object)
        max_attempts: (failed or lost attempts until it fails)
        not_before: offered from then on, with a zone
    """
    tasks = call.libraries.tasks
    belongs_to = goal_id
    if belongs_to is None and parent_id is not None:
        belongs_to = tasks.get(parent_id).goal_id
    if belongs_to is not None:
        require_open_goal(call, belongs_to, "no task can be added to it")
    change = tasks.create(
        title,
        description,
        goal_id=goal_id,
        priority=priority,
        dependencies=dependencies,
        parent_id=parent_id,
        acceptance_criteria=acceptance_criteria,
        metadata=metadata,
        max_attempts=max_attempts,
        not_before=not_before,
        claim_token=call.token_of(parent_id),
    )
    call.had_effect("task", change.task.task_id)
    call.forget_if_recalled(parent_id)
    return task_write(change)


def get_next_task(
    call: Call, goal_id: GoalId | None = None, lease_seconds: LeaseSeconds = DEFAULT_LEASE_SECONDS, claim: bool = True
) -> NextTask:
    """Claim the next ready task; no other agent gets it. Each call claims ANOTHER one.

    First settle or release what holding lists. Do the task, then update_task_status. A null task: queue says why.

    Args:
        goal_id: (only tasks of this goal and its sub-goals)
        lease_seconds: renewed while this session lives
        claim: false only looks
    """
    tasks = call.libraries.tasks
    goal_ids = goal_ids_of(call, goal_id)
    if not claim:
        offers = tasks.offers(goal_ids=goal_ids)
        shown = offers[0].task if offers else None
        return NextTask(
            task=in_context(shown, tasks.prerequisites(shown), tasks.links(shown), _goal_context(call, shown))
            if shown
            else None,
            claim_token=None,
            queue=queue_reply(tasks.queue(goal_ids)),
            holding=tasks.holding(call.worker),
        )
    claimed = tasks.claim_next(
        worker=call.worker, holder=call.session.holder, goal_ids=goal_ids, lease_seconds=lease_seconds
    )
    task = claimed.task
    if task is not None:
        call.had_effect("task", task.task_id)
        call.remember(task.task_id, claimed.claim_token)
    elif claimed.failed:
        call.had_effect("task", claimed.failed[0])
    return NextTask(
        task=in_context(task, claimed.prerequisites, tasks.links(task), _goal_context(call, task)) if task else None,
        claim_token=claimed.claim_token,
        queue=queue_reply(claimed.queue),
        holding=claimed.holding,
    )


def update_task_status(
    call: Call,
    task_id: TaskId,
    status: Status,
    result: LongText | attrs.NothingType | None = KEEP,
    error: LongText | attrs.NothingType | None = KEEP,
    claim_token: ClaimToken | None = None,
    retry_in_seconds: DelaySeconds | None = None,
    lease_seconds: LeaseSeconds | None = None,
) -> TaskWrite:
    """Settle a task you hold: completed with result, failed with error (final). Or pending: release it, or reopen it.

    in_progress claims this very task; cancelled is open to anyone. Next: get_next_task.

    Args:
        task_id: (the task)
        status: (what it becomes)
        result: what came of it; tasks that depend on it are shown it
        error: what went wrong; with pending the attempt counts and the task is retried
        claim_token: only if this session did not claim it
        retry_in_seconds: with pending: how long to wait
        lease_seconds: (of a claim made or renewed by this)
    """
    tasks = call.libraries.tasks
    before = tasks.get(task_id)
    if status == TaskStatus.PENDING and before.status in _SETTLED and before.goal_id is not None:
        require_open_goal(call, before.goal_id, f"its task {task_id} can't be reopened")
    change = tasks.update_status(
        task_id,
        status,
        worker=call.worker,
        holder=call.session.holder,
        claim_token=claim_token or _remembered_token(call, before, status),
        result=result,
        error=error,
        retry_in_seconds=retry_in_seconds,
        lease_seconds=lease_seconds,
    )
    if change.changed:
        call.had_effect("task", task_id)
    if change.claim_token is not None:
        call.remember(task_id, change.claim_token)
    elif change.changed and status in (TaskStatus.PENDING, TaskStatus.CANCELLED):
        call.remember(task_id, None)
    elif change.changed:
        call.finish(task_id)
    return task_write(change, None if change.changed else _what_stands(change.task))


def edit_task(
    call: Call,
    task_id: TaskId,
    title: Title | attrs.NothingType = KEEP,
    description: LongText | attrs.NothingType | None = KEEP,
    priority: Priority | attrs.NothingType = KEEP,
    dependencies: Dependencies | attrs.NothingType | None = KEEP,
    parent_id: TaskId | attrs.NothingType | None = KEEP,
    goal_id: GoalId | attrs.NothingType | None = KEEP,
    acceptance_criteria: Criteria | attrs.NothingType | None = KEEP,
    metadata: Metadata | attrs.NothingType | None = KEEP,
    max_attempts: MaxAttempts | attrs.NothingType = KEEP,
    not_before: IsoTime | attrs.NothingType | None = KEEP,
) -> TaskWrite:
    """Change what a task is. What is omitted stays, null clears; dependencies, parent and goal only while pending.

    Args:
        task_id: (the task)
        title: (another title)
        description: (another description)
        priority: (another priority)
        dependencies: all its prerequisites
        parent_id: (the group it moves into)
        goal_id: (the goal it moves to with all below it)
        acceptance_criteria: (other criteria)
        metadata: (another object)
        max_attempts: (another limit)
        not_before: (offered from then on)
    """
    tasks = call.libraries.tasks
    attempt = f"task {task_id} can't be moved into it"
    parents_goal = tasks.get(parent_id).goal_id if isinstance(parent_id, int) else None
    for new_goal in (parents_goal, goal_id):
        if isinstance(new_goal, int):
            require_open_goal(call, new_goal, attempt)
    change = tasks.edit(
        task_id,
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
        claim_token=call.token_of(parent_id if isinstance(parent_id, int) else None),
    )
    if change.changed:
        call.had_effect("task", task_id)
        call.forget_if_recalled(parent_id)
    return task_write(change)


def renew_task(
    call: Call,
    task_id: TaskId,
    claim_token: ClaimToken | None = None,
    lease_seconds: LeaseSeconds | None = None,
    progress: ShortText | None = None,
) -> TaskWrite:
    """Extend your claim, or leave a progress note that survives this session.

    Args:
        task_id: (the task you hold)
        claim_token: only if this session did not claim it
        lease_seconds: (another length from now on)
        progress: how far it is, for whoever goes on
    """
    change = call.libraries.tasks.renew(
        task_id,
        claim_token=call.token_of(task_id, claim_token),
        lease_seconds=lease_seconds,
        progress=progress,
    )
    call.had_effect("task", task_id)
    return task_write(change)


def list_tasks(
    call: Call,
    goal_id: GoalId | None = None,
    status: Status | None = None,
    readiness: ReadinessWord | None = None,
    parent_id: TaskId | None = None,
    query: Query | None = None,
    limit: Limit = DEFAULT_LIST_LIMIT,
    cursor: CursorText | None = None,
    detail: Detail = "brief",
) -> TaskList:
    """List tasks, oldest first.

    Args:
        goal_id: only of this goal and its sub-goals
        status: (only of this status)
        readiness: (only pending ones of this readiness)
        parent_id: (only the children of this group)
        query: in title or description
        limit: (tasks at most)
        cursor: (next_cursor of the page before)
        detail: full adds the texts, cut at 1 KiB
    """
    tasks = call.libraries.tasks
    if parent_id is not None:
        tasks.get(parent_id)
    filters = {"goal": goal_id, "status": status, "readiness": readiness, "parent": parent_id, "query": query}
    here = Cursor({"list": "tasks", **filters})
    found = tasks.list(
        goal_ids=goal_ids_of(call, goal_id),
        status=status,
        readiness=readiness,
        parent_id=parent_id,
        query=query,
        limit=limit,
        after=here.after_id(cursor),
    )
    rows = map(brief, found.tasks) if detail == "brief" else (full(task, tasks.links(task)) for task in found.tasks)
    shown, next_cursor = page(
        rows, more=found.more, cursor=here, key=lambda row: row["task_id"], leave_out=("attempt_history",)
    )
    return TaskList(tasks=shown, next_cursor=next_cursor)


def get_task(call: Call, task_id: TaskId, field: TaskField | None = None, offset: Offset = 0) -> TaskFull | TextPart:
    """Show all of a task: texts, links, what blocks it, attempts, claim.

    Args:
        task_id: (its number)
        field: only this field, in parts of 24 KiB
        offset: (byte at which the part begins)
    """
    tasks = call.libraries.tasks
    task = tasks.get(task_id)
    reply = full(task, tasks.links(task))
    return reply if field is None else part(reply, field, offset, task_id=task_id)


def _remembered_token(call: Call, task: Task, status: str) -> str | None:
    """Return the token that the session was handed for a task, where the session speaks as the holder.

    It does not where anyone may do what is asked: cancel, claim what is not claimed by it, reopen what it finished.
    """
    if status == TaskStatus.CANCELLED:
        return None
    finished_by_it = task.task_id in call.session.finished and task.status in _SETTLED
    if finished_by_it and status != task.status:
        return None
    token = call.token_of(task.task_id)
    if status == TaskStatus.IN_PROGRESS and token is not None:
        return token if call.libraries.tasks.is_current(task.task_id, token) else None
    return token


def _goal_context(call: Call, task: Task | None) -> GoalContext | None:
    if task is None or task.goal_id is None:
        return None
    goal = call.libraries.goals.get(task.goal_id)
    return GoalContext(name=goal.name, acceptance_criteria=goal.acceptance_criteria)


def _what_stands(task: Task) -> str:
    by = f" by {task.settled_by}" if task.settled_by else ""
    stands = ", and that result stands" if task.result is not None and task.status is TaskStatus.COMPLETED else ""
    return f"nothing changed: task {task.task_id} is already {task.status}{by}{stands}"
