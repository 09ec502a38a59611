"""The ready queue: which task comes first, and its claim.

The queue is the tasks that have an `offer`, in the order of that key and then of their ids. A task whose time has come
has no key yet: a claim first promotes such tasks, a bounded number at once. A task whose claim is dead is offered by
the first claim that notices it, before others of its priority.

`claim_next` looks at the head of the queue and claims it by a guarded UPDATE. If another writer was first, or if the
dead claim of the task used up its attempts, so that it failed, it goes on with the next offer.
"""

from collections.abc import Collection, Sequence

from agent_runtime_kernel.connection import Connection

from .._model import Claimed, Offer, Outcome, State, Task
from .._records.claims import Claims
from .._records.reading import Reading
from .._records.rows import Rows, bindings, chunks, placeholders
from .._records.standing import find_standing
from .._rules.claims import count_attempt
from .._rules.rules import queue_key
from .claiming import Claiming, ClaimRequest, Won
from .ripple import Ripple

_PROMOTED_AT_ONCE = 100
_NEXT_OFFERS = """
    SELECT id, offer, state
    FROM tasks_tasks
    WHERE offer IS NOT NULL {condition}
    ORDER BY offer DESC, id
    LIMIT {limit}
"""
_NEXT_DUE = f"""
    SELECT id, priority
    FROM tasks_tasks
    WHERE wake_at <= :now {{condition}}
    ORDER BY {{order}}
    LIMIT {_PROMOTED_AT_ONCE}
"""


class ReadyQueue:
    """The ready queue of one database.

    Args:
        connection: the open connection.
        rows: the graph's rows.
        claims: the claims.
        reading: reads tasks.
        claiming: makes claims.
    """

    def __init__(
        self, connection: Connection, rows: Rows, claims: Claims, reading: Reading, claiming: Claiming
    ) -> None:
        self.connection = connection
        self.rows = rows
        self.claims = claims
        self.reading = reading
        self.claiming = claiming

    def claim_next(
        self, goal_ids: Collection[int] | None, request: ClaimRequest, now: int, dead_holders: Sequence[str]
    ) -> Claimed:
        """Claim the task that comes first; runs inside a transaction."""
        self.claiming.lapse_dead(now, dead_holders)
        is_up_to_date = self._promote(goal_ids, now) < _PROMOTED_AT_ONCE
        won: Won | None = None
        failed: list[int] = []
        lost: set[int] = set()  # offers that another writer changed first
        while won is None and (offer := self._first_offer(goal_ids, lost)):
            task_id, key, state = offer
            if state == State.READY:
                won = self.claiming.claim(task_id, key, request, now)
            else:
                standing = find_standing(self.connection, task_id)
                if standing.fails_if_taken_over:
                    if self.claiming.fail_used_up(Ripple(self.rows, now), standing, key, request.worker, now):
                        failed.append(task_id)
                        continue
                else:
                    won = self.claiming.take_over(standing, key, request, now)
            if won is None:
                lost.add(task_id)
        return Claimed(
            task=won.task if won else None,
            claim_token=won.token if won else None,
            prerequisites=self.reading.prerequisites(won.task) if won else (),
            queue=self.reading.queue(goal_ids, now, is_up_to_date=is_up_to_date),
            holding=self.claims.holding(request.worker),
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
            found = [tasks[task_id] for task_id in first if not _fails_if_taken_over(tasks[task_id])]
            if len(found) >= limit or len(first) < fetched:
                break
            fetched *= 2
        return tuple(Offer(task=task, left_by=task.claim.worker if task.claim else None) for task in found[:limit])

    def _promote(self, goal_ids: Collection[int] | None, now: int) -> int:
        """Offer a bounded number of tasks whose time has come, and return their number."""
        due = self._due(goal_ids, now)
        if due:
            ripple = Ripple(self.rows, now)
            for node in self.rows.nodes([task_id for task_id, _ in due]):
                ripple.touch(ripple.take(node))
            ripple.settle()
        return len(due)

    def _left(self, goal_ids: Collection[int] | None, now: int) -> dict[int, int]:
        """Return the queue keys of tasks whose claim is dead, if no write has noticed it yet."""
        claims = self.claims.dead(now, self.claims.dead_holders())
        return {
            node.task_id: queue_key(node.priority, left=True)
            for node in self.rows.nodes([claim.task_id for claim in claims])
            if not node.held and (goal_ids is None or node.goal_id in goal_ids)
        }

    def _first_offer(self, goal_ids: Collection[int] | None, lost: Collection[int]) -> tuple[int, int, str] | None:
        """Return the first offer that was not lost to another writer."""
        offers = self._offers(goal_ids, 1 + len(lost))
        return next((offer for offer in offers if offer[0] not in lost), None)

    def _offers(self, goal_ids: Collection[int] | None, limit: int) -> list[tuple[int, int, str]]:
        """Return the ids, keys and states at the head of the queue: one step into an index, or one for each goal."""
        if goal_ids is None:
            rows = self.connection.execute(_NEXT_OFFERS.format(condition="", limit=limit)).fetchall()
        else:
            # With "=" and an ORDER BY, SQLite compiles the statement anew for each value that is bound to it.
            sql = _NEXT_OFFERS.format(condition="AND goal_id IN (:goal_id)", limit=limit)
            rows = [
                row
                for goal_id in sorted(goal_ids)
                for row in self.connection.execute(sql, {"goal_id": goal_id}).fetchall()
            ]
        return sorted(((row[0], row[1], row[2]) for row in rows), key=lambda offer: (-offer[1], offer[0]))[:limit]

    def _due(self, goal_ids: Collection[int] | None, now: int) -> list[tuple[int, int]]:
        """Return the tasks whose time has come, with their priorities: as many as are promoted at once."""
        if goal_ids is None:
            sql = _NEXT_DUE.format(condition="", order="wake_at, id")
            return [(row[0], row[1]) for row in self.connection.execute(sql, {"now": now}).fetchall()]
        found = []
        for chunk in chunks(sorted(goal_ids)):
            condition = f"AND goal_id IN ({placeholders(chunk)})"
            sql = _NEXT_DUE.format(condition=condition, order="goal_id, wake_at, id")
            found += self.connection.execute(sql, {**bindings(chunk), "now": now}).fetchall()
        return [(row[0], row[1]) for row in found[:_PROMOTED_AT_ONCE]]


def _fails_if_taken_over(task: Task) -> bool:
    """Tell whether a claim would find the attempts of a task used up."""
    if task.claim is None or task.claim.detached:
        return False
    _, used_up = count_attempt(Outcome.LOST, task.attempts, task.max_attempts)
    return used_up
