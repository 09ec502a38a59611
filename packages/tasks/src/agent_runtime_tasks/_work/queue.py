"""The ready queue: picking and claiming the next task, and going on with what ended sessions left."""

from collections.abc import Callable, Collection, Sequence

import attrs

from agent_runtime_kernel.connection import Connection

from .._model import Claimed, Offer, Outcome, State, Task
from .._records.claims import ClaimRow, Claims
from .._records.reading import FENCE, TASK_COLUMNS, Reading, task_of
from .._records.rows import Rows, bindings, chunks, placeholders
from .._records.standing import Standing, find_standing
from .._rules.rules import counts_against_the_limit, queue_key
from .ripple import Ripple

PROMOTED_AT_ONCE = 100
NEXT_OFFER = """
    SELECT id, offer, state
    FROM tasks_tasks
    WHERE offer IS NOT NULL {condition}
    ORDER BY offer DESC, id
    LIMIT {limit}
"""
NEXT_DUE = f"""
    SELECT id, priority
    FROM tasks_tasks
    WHERE wake_at <= :now {{condition}}
    ORDER BY {{order}}
    LIMIT {PROMOTED_AT_ONCE}
"""


@attrs.frozen(eq=False, repr=False)
class ReadyQueue:
    """The ready queue of one database.

    Args:
        connection: the open connection.
        rows: the graph's rows.
        claims: the claims.
        reading: how tasks are read.
        new_id: makes the secret part of a claim token.
    """

    connection: Connection
    rows: Rows
    claims: Claims
    reading: Reading
    new_id: Callable[[], str]

    def claim_next(
        self,
        goal_ids: Collection[int] | None,
        worker: str,
        holder: str | None,
        lease: int,
        now: int,
        dead_holders: Sequence[str],
    ) -> Claimed:
        """Claim the task that comes first; runs inside a transaction."""
        self.claims.lapse(self.claims.dead(now, dead_holders))
        is_up_to_date = self._promote(goal_ids, now) < PROMOTED_AT_ONCE
        task = claim = None
        failed: list[int] = []
        while task is None and (offers := self._offers(goal_ids, 1)):
            [(task_id, key, state)] = offers
            if state == State.IN_PROGRESS:
                standing = find_standing(self.connection, task_id)
                if not self.take_over(Ripple(self.rows, now), standing, worker, now):
                    failed.append(task_id)
                    continue
            task, claim = self.take(task_id, key, worker, holder, lease, now)
        return Claimed(
            task=task,
            claim_token=claim.token if claim else None,
            prerequisites=self.reading.prerequisites(task) if task else (),
            queue=self.reading.queue(goal_ids, now, is_up_to_date=is_up_to_date),
            holding=self.claims.holding(worker),
            failed=tuple(failed),
        )

    def offers(self, goal_ids: Collection[int] | None, now: int, limit: int) -> tuple[Offer, ...]:
        """Return the tasks that would be claimed next, in order, without writing anything."""
        due = {task_id: queue_key(priority, left=False) for task_id, priority in self._due(goal_ids, now)}
        left = self._left(goal_ids, now)
        fetched = limit
        while True:
            offered = self._offers(goal_ids, fetched)
            keys = {task_id: key for task_id, key, _ in offered} | due | left
            first = sorted(keys, key=lambda task_id: (-keys[task_id], task_id))[:fetched]
            tasks = {task.task_id: task for task in self.reading.tasks(first, now)}
            found = [tasks[task_id] for task_id in first if not _fails_when_taken_over(tasks[task_id])]
            if len(found) >= limit or len(first) < fetched:
                break
            fetched *= 2
        return tuple(Offer(task=task, left_by=task.claim.worker if task.claim else None) for task in found[:limit])

    def take(
        self, task_id: int, key: int | None, worker: str, holder: str | None, lease: int, now: int
    ) -> tuple[Task, ClaimRow]:
        """Put an offered task, whose former claim is gone, under a new claim."""
        # The guard on the offer is what makes one claim have one winner on any engine.
        [row] = self.connection.execute(
            f"""
            UPDATE tasks_tasks
            SET state = 'in_progress',
                offer = NULL,
                wake_at = NULL,
                fence = tasks_tasks.fence + 1,
                started_at = coalesce(started_at, :now),
                updated_at = :now
            WHERE id = :id AND offer IS NOT DISTINCT FROM :key AND state IN ('ready', 'in_progress')
            RETURNING {TASK_COLUMNS}
            """,
            {"id": task_id, "key": key, "now": now},
        ).fetchall()
        fence = row[FENCE]
        claim = ClaimRow(
            task_id=task_id,
            worker=worker,
            holder=holder,
            token=f"{task_id}.{fence}.{self.new_id()}",
            fence=fence,
            lease=lease,
            started_at=now,
            expires_at=now + lease,
            lapsed=False,
            detached=False,
            note=None,
        )
        self.claims.add(claim)
        task = task_of(row, now, self.claims.shown(claim, now))
        if key is not None and key == queue_key(task.priority, left=False):
            self.rows.count({goal_id: {"ready": -1, "in_progress": 1} for goal_id in {0, task.goal_id or 0}})
        return task, claim

    def take_over(self, ripple: Ripple, standing: Standing, worker: str, now: int) -> bool:
        """End the dead claim of a task; False when that used up its attempts, so that it failed."""
        claim = standing.claim
        if claim is None:
            raise AssertionError("a task in progress has a claim")
        outcome = claim.outcome_if_taken_over
        error = None if claim.detached else f"{claim.worker} was lost while working on it"
        self.claims.end(claim, outcome, now, settled_by=worker, error=error)
        attempts, used_up = counts_against_the_limit(outcome, standing.attempts, standing.max_attempts)
        self.connection.execute(
            """
            UPDATE tasks_tasks
            SET attempts = :attempts,
                error = coalesce(:error, error),
                settled_by = :settled_by
            WHERE id = :id
            """,
            {"id": claim.task_id, "attempts": attempts, "error": error, "settled_by": worker if used_up else None},
        ).fetchall()
        if used_up:
            node = ripple.take(standing.node)
            node.state = State.FAILED
            ripple.touch(node)
            ripple.settle()
        return not used_up

    def _promote(self, goal_ids: Collection[int] | None, now: int) -> int:
        """Offer what waited for a time that has come, a bounded number at once, and return that number."""
        due = self._due(goal_ids, now)
        if due:
            ripple = Ripple(self.rows, now)
            for node in self.rows.nodes([task_id for task_id, _ in due]):
                ripple.touch(ripple.take(node))
            ripple.settle()
        return len(due)

    def _left(self, goal_ids: Collection[int] | None, now: int) -> dict[int, int]:
        """Return the queue keys of tasks whose claim is dead, though no write has noticed yet."""
        claims = self.claims.dead(now, self.claims.dead_holders())
        return {
            node.task_id: queue_key(node.priority, left=True)
            for node in self.rows.nodes([claim.task_id for claim in claims])
            if not node.held and (goal_ids is None or node.goal_id in goal_ids)
        }

    def _offers(self, goal_ids: Collection[int] | None, limit: int) -> list[tuple[int, int, str]]:
        """Look up the head of the queue: one step into an index, for each goal where goals are named."""
        if goal_ids is None:
            rows = self.connection.execute(NEXT_OFFER.format(condition="", limit=limit)).fetchall()
        else:
            # With "=" and an ORDER BY, SQLite compiles the statement anew for each value that is bound to it.
            sql = NEXT_OFFER.format(condition="AND goal_id IN (:goal_id)", limit=limit)
            rows = [
                row
                for goal_id in sorted(goal_ids)
                for row in self.connection.execute(sql, {"goal_id": goal_id}).fetchall()
            ]
        return sorted(((row[0], row[1], row[2]) for row in rows), key=lambda offer: (-offer[1], offer[0]))[:limit]

    def _due(self, goal_ids: Collection[int] | None, now: int) -> list[tuple[int, int]]:
        """Return tasks, and their priorities, that waited for a time that has come: as many as are promoted at once."""
        if goal_ids is None:
            sql = NEXT_DUE.format(condition="", order="wake_at, id")
            return [(row[0], row[1]) for row in self.connection.execute(sql, {"now": now}).fetchall()]
        found = []
        for chunk in chunks(sorted(goal_ids)):
            condition = f"AND goal_id IN ({placeholders(chunk)})"
            sql = NEXT_DUE.format(condition=condition, order="goal_id, wake_at, id")
            found += self.connection.execute(sql, {**bindings(chunk), "now": now}).fetchall()
        return [(row[0], row[1]) for row in found[:PROMOTED_AT_ONCE]]


def _fails_when_taken_over(task: Task) -> bool:
    if task.claim is None or task.claim.detached:
        return False
    return counts_against_the_limit(Outcome.LOST, task.attempts, task.max_attempts)[1]
