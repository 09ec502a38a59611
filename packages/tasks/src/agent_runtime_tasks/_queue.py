"""The ready queue: picking and claiming the next task, and going on with what ended sessions left."""

from collections.abc import Callable, Collection, Sequence

import attrs

from ._claims import ClaimRow, Claims
from ._model import Claimed, Offer, State, Task
from ._reading import TASK_COLUMNS, Reading, in_goals, task_of
from ._ripple import Ripple
from ._rows import Rows
from ._rules import counts_against_the_limit
from ._storage import Connection

PROMOTED_AT_ONCE = 100
NEXT_OFFER = """
    SELECT id, offer, state
    FROM tasks_tasks
    WHERE offer IS NOT NULL {condition}
    ORDER BY offer DESC, id
    LIMIT {limit}
"""


@attrs.frozen
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
        self.bring_up_to_date(now, dead_holders)
        task = claim = None
        failed: list[int] = []
        while task is None and (offer := self._first(goal_ids)) is not None:
            task_id, key, state = offer
            if state == State.IN_PROGRESS and not self.take_over(task_id, worker, now):
                failed.append(task_id)
                continue
            task, claim = self.take(task_id, key, worker, holder, lease, now)
        return Claimed(
            task=task,
            claim_token=claim.token if claim else None,
            prerequisites=self.reading.prerequisites(task.task_id) if task else (),
            queue=self.reading.queue(goal_ids, now),
            holding=self.claims.holding(worker),
            failed=tuple(failed),
        )

    def offers(self, goal_ids: Collection[int] | None, now: int, limit: int) -> tuple[Offer, ...]:
        """Return the tasks that would be claimed next, in order, without writing anything."""
        keys = {task_id: key for task_id, key, _ in self._offers(goal_ids, limit)}
        due = self._due(goal_ids, now)
        keys |= {task_id: 2 * priority for task_id, priority in due}
        left = [claim.task_id for claim in self.claims.dead(now, self.claims.dead_holders())]
        tasks = {task.task_id: task for task in self.reading.tasks({*keys, *left}, now)}
        for task_id in left:
            if self._is_in(tasks[task_id], goal_ids) and not self.rows.node(task_id).held:
                keys[task_id] = 2 * tasks[task_id].priority + 1
        first = sorted(keys, key=lambda task_id: (-keys[task_id], task_id))[:limit]
        return tuple(
            Offer(task=task, left_by=task.claim.worker if task.claim else None)
            for task in (tasks[task_id] for task_id in first)
        )

    def bring_up_to_date(self, now: int, dead_holders: Sequence[str]) -> None:
        """Offer what ended sessions left and what waited for a time that has come, a bounded number at once."""
        self.claims.lapse(self.claims.dead(now, dead_holders))
        due = self.connection.execute(
            f"""
            SELECT id
            FROM tasks_tasks
            WHERE wake_at <= :now
            ORDER BY wake_at, id
            LIMIT {PROMOTED_AT_ONCE}
            """,
            {"now": now},
        ).fetchall()
        if due:
            ripple = Ripple(self.rows, now)
            for node in self.rows.nodes([row[0] for row in due]):
                ripple.touch(ripple.take(node))
            ripple.settle()

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
        task = task_of(row, now)
        claim = ClaimRow(
            task_id=task_id,
            worker=worker,
            holder=holder,
            token=f"{task_id}.{task.fence}.{self.new_id()}",
            fence=task.fence,
            lease=lease,
            started_at=now,
            expires_at=now + lease,
            lapsed=False,
            detached=False,
            note=None,
        )
        self.claims.add(claim)
        if key is not None and key % 2 == 0:
            self.rows.count(
                {
                    (goal_id, state): delta
                    for goal_id in {0, task.goal_id or 0}
                    for state, delta in (("ready", -1), ("in_progress", 1))
                }
            )
        return attrs.evolve(task, claim=self.claims.shown(claim, now)), claim

    def take_over(self, task_id: int, worker: str, now: int) -> bool:
        """End the dead claim of a task; False when that used up its attempts, so that it failed."""
        claim = self.claims.find(task_id)
        if claim is None:
            return True
        outcome = claim.outcome_if_taken_over
        error = None if claim.detached else f"{claim.worker} was lost while working on it"
        self.claims.end(claim, outcome, now, settled_by=worker, error=error)
        task = self.reading.task(task_id, now)
        attempts, used_up = counts_against_the_limit(outcome, task.attempts, task.max_attempts)
        self.connection.execute(
            """
            UPDATE tasks_tasks
            SET attempts = :attempts, error = coalesce(:error, error)
            WHERE id = :id
            """,
            {"id": task_id, "attempts": attempts, "error": error},
        ).fetchall()
        if used_up:
            ripple = Ripple(self.rows, now)
            node = ripple.node(task_id)
            node.state = State.FAILED
            ripple.touch(node)
            ripple.settle()
        return not used_up

    def _first(self, goal_ids: Collection[int] | None) -> tuple[int, int, str] | None:
        offers = self._offers(goal_ids, 1)
        return offers[0] if offers else None

    def _offers(self, goal_ids: Collection[int] | None, limit: int) -> list[tuple[int, int, str]]:
        """Look up the head of the queue: one step into an index, for each goal where goals are named."""
        if goal_ids is None:
            rows = self.connection.execute(NEXT_OFFER.format(condition="", limit=limit)).fetchall()
        else:
            sql = NEXT_OFFER.format(condition="AND goal_id = :goal_id", limit=limit)
            rows = [
                row
                for goal_id in sorted(goal_ids)
                for row in self.connection.execute(sql, {"goal_id": goal_id}).fetchall()
            ]
        return sorted(((row[0], row[1], row[2]) for row in rows), key=lambda offer: (-offer[1], offer[0]))[:limit]

    def _due(self, goal_ids: Collection[int] | None, now: int) -> list[tuple[int, int]]:
        condition, values = in_goals(goal_ids)
        rows = self.connection.execute(
            f"""
            SELECT id, priority
            FROM tasks_tasks
            WHERE wake_at <= :now {condition}
            ORDER BY wake_at, id
            LIMIT {PROMOTED_AT_ONCE}
            """,
            {**values, "now": now},
        ).fetchall()
        return [(row[0], row[1]) for row in rows]

    @staticmethod
    def _is_in(task: Task, goal_ids: Collection[int] | None) -> bool:
        return goal_ids is None or task.goal_id in goal_ids
