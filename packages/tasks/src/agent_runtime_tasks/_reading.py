"""Reading tasks: reads never write, so they reckon what a write would bring up to date."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import attrs

from ._claims import Claims
from ._model import Attempt, Counts, Prerequisite, Queue, State, Task, TaskLinks
from ._rows import Rows, bindings, chunks, placeholders
from ._rules import Node, bearing
from ._storage import Connection, Row
from ._values import from_json
from .errors import TaskNotFound

ATTEMPTS_SHOWN = 10
TASK_COLUMNS = """id, title, description, state, wake_at, priority, goal_id, parent_id, open_dependencies, children,
                  acceptance_criteria, metadata, attempts, max_attempts, fence, not_before, result, error, settled_by,
                  created_at, updated_at, started_at, completed_at"""
_COUNTED = ("ready", "waiting", "unreachable", "in_progress", "completed", "failed", "cancelled", "groups")


@attrs.frozen
class Reading:
    """Reads tasks of one database.

    Args:
        connection: the open connection.
        rows: the graph's rows.
        claims: the claims.
    """

    connection: Connection
    rows: Rows
    claims: Claims

    def task(self, task_id: int, now: int) -> Task:
        """Return one task.

        Raises:
            TaskNotFound: there is no such task.
        """
        found = self.tasks([task_id], now)
        if not found:
            raise TaskNotFound(task_id)
        return found[0]

    def tasks(self, task_ids: Collection[int], now: int) -> list[Task]:
        """Return those of the tasks that exist, in the order of their ids."""
        found = []
        for chunk in chunks(sorted(set(task_ids))):
            found += self.connection.execute(
                f"""
                SELECT {TASK_COLUMNS}
                FROM tasks_tasks
                WHERE id IN ({placeholders(chunk)})
                ORDER BY id
                """,
                bindings(chunk),
            ).fetchall()
        return self.read(found, now)

    def read(self, rows: Sequence[Row], now: int) -> list[Task]:
        """Return rows of `TASK_COLUMNS` as tasks, with their claims."""
        claims = self.claims.find_all([row[0] for row in rows if row[3] == State.IN_PROGRESS.value])
        tasks = []
        for row in rows:
            claim = claims.get(row[0])
            task = task_of(row, now)
            if claim is not None:
                task = attrs.evolve(task, claim=self.claims.shown(claim, now), progress_note=claim.note)
            tasks.append(task)
        return tasks

    def links(self, task: Task) -> TaskLinks:
        """Return what stands around a task."""
        node = self.rows.node(task.task_id)
        return TaskLinks(
            dependencies=tuple(self.rows.prerequisites([task.task_id]).get(task.task_id, ())),
            dependents=tuple(self.rows.waiting_for([task.task_id]).get(task.task_id, ())),
            children=tuple(child.task_id for child in self.rows.children([task.task_id])) if task.children else (),
            blocked_by=self.blocked_by(node),
            attempt_history=self._history(task),
        )

    def blocked_by(self, node: Node) -> tuple[int, ...]:
        """Return what a pending task waits for: open prerequisites, or what failed or was cancelled at the root."""
        if not node.state.readiness or not node.is_blocked:
            return ()
        chain = [node, *self.rows.ancestors(node)]
        awaited = self._awaited(chain)
        if node.is_doomed:
            return self._roots([one for one in awaited if bearing(one).dead])
        return tuple(sorted({one.task_id for one in awaited if not bearing(one).completed}))

    def prerequisites(self, task_id: int) -> tuple[Prerequisite, ...]:
        """Return what a task builds on: the completed prerequisites of its own and of the groups above."""
        node = self.rows.node(task_id)
        chain = [node.task_id, *(group.task_id for group in self.rows.ancestors(node))]
        ids = sorted({other for others in self.rows.prerequisites(chain).values() for other in others})
        found = []
        for chunk in chunks(ids):
            found += self.connection.execute(
                f"""
                SELECT id, title, result
                FROM tasks_tasks
                WHERE id IN ({placeholders(chunk)}) AND state = 'completed'
                ORDER BY id
                """,
                bindings(chunk),
            ).fetchall()
        return tuple(Prerequisite(task_id=row[0], title=row[1], result=row[2]) for row in found)

    def counts(self, goal_ids: Collection[int], now: int) -> dict[int, Counts]:
        """Return the counts of goals (0: of all tasks), corrected for what became ready with time."""
        counted: dict[int, dict[str, int]] = {goal_id: dict.fromkeys(_COUNTED, 0) for goal_id in goal_ids}
        for chunk in chunks(sorted(counted)):
            rows = self.connection.execute(
                f"""
                SELECT goal_id, {", ".join(_COUNTED)}
                FROM tasks_counts
                WHERE goal_id IN ({placeholders(chunk)})
                """,
                bindings(chunk),
            ).fetchall()
            for row in rows:
                counted[row[0]] = dict(zip(_COUNTED, row[1:], strict=True))
        for goal_id, due in self._due(now):
            for key in {0, goal_id} & counted.keys():
                counted[key]["waiting"] -= due
                counted[key]["ready"] += due
        return {goal_id: Counts(**numbers) for goal_id, numbers in counted.items()}

    def queue(self, goal_ids: Collection[int] | None, now: int) -> Queue:
        """Return what there is to do in some goals, or in all."""
        by_goal = self.counts([0] if goal_ids is None else goal_ids, now).values()
        return Queue(
            ready=sum(counts.ready for counts in by_goal),
            waiting=sum(counts.waiting for counts in by_goal),
            unreachable=sum(counts.unreachable for counts in by_goal),
            in_progress=sum(counts.in_progress for counts in by_goal),
            next_ready_at=self._next_ready_at(goal_ids, now),
        )

    def _awaited(self, chain: Iterable[Node]) -> list[Node]:
        links = self.rows.prerequisites([node.task_id for node in chain])
        return self.rows.nodes({other for others in links.values() for other in others})

    def _roots(self, dead: Sequence[Node]) -> tuple[int, ...]:
        """Follow tasks that can't be completed down to those that failed or were cancelled."""
        roots: set[int] = set()
        seen = {node.task_id for node in dead}
        open_ends = list(dead)
        while open_ends:
            node = open_ends.pop()
            following: list[Node] = []
            if node.state is State.CANCELLED or (node.state is State.FAILED and not node.is_group):
                roots.add(node.task_id)
            elif node.is_group:
                following = [child for child in self.rows.children([node.task_id]) if bearing(child).hurts]
            if node.is_doomed and node.task_id not in roots:
                chain = [node, *self.rows.ancestors(node)]
                following += [one for one in self._awaited(chain) if bearing(one).dead]
            for one in following:
                if one.task_id not in seen:
                    seen.add(one.task_id)
                    open_ends.append(one)
        return tuple(sorted(roots))

    def _history(self, task: Task) -> tuple[Attempt, ...]:
        ended = self.claims.attempts(task.task_id, task.fence, ATTEMPTS_SHOWN)
        claim = self.claims.find(task.task_id) if task.claim is not None else None
        if claim is None:
            return tuple(ended)
        running = Attempt(
            attempt=claim.fence,
            worker=claim.worker,
            started_at=claim.started_at,
            ended_at=None,
            outcome=None,
            settled_by=None,
            error=None,
            note=claim.note,
        )
        return (*ended, running)[-ATTEMPTS_SHOWN:]

    def _due(self, now: int) -> list[tuple[int, int]]:
        """Return how many tasks of each goal became ready with time and wait to be promoted."""
        rows = self.connection.execute(
            """
            SELECT coalesce(goal_id, 0) AS goal, COUNT(*)
            FROM tasks_tasks
            WHERE wake_at <= :now
            GROUP BY coalesce(goal_id, 0)
            ORDER BY goal
            """,
            {"now": now},
        ).fetchall()
        return [(row[0], row[1]) for row in rows]

    def _next_ready_at(self, goal_ids: Collection[int] | None, now: int) -> int | None:
        condition, values = in_goals(goal_ids)
        row = self.connection.execute(
            f"""
            SELECT wake_at
            FROM tasks_tasks
            WHERE wake_at > :now {condition}
            ORDER BY wake_at, id
            LIMIT 1
            """,
            {**values, "now": now},
        ).fetchone()
        return row[0] if row else None


def in_goals(goal_ids: Collection[int] | None) -> tuple[str, dict[str, Any]]:
    """Return a condition on some goals, to follow others, with its values."""
    if goal_ids is None:
        return "", {}
    ids = sorted(goal_ids)
    return f"AND goal_id IN ({placeholders(ids)})", dict(bindings(ids))


def task_of(row: Row, now: int) -> Task:
    """Return a row of `TASK_COLUMNS` as a task without its claim; what waited for a time that has come is ready."""
    state = State(row[3])
    if state is State.WAITING and row[4] is not None and row[4] <= now:
        state = State.READY
    return Task(
        task_id=row[0],
        title=row[1],
        description=row[2],
        status=state.status,
        readiness=state.readiness,
        priority=row[5],
        goal_id=row[6],
        parent_id=row[7],
        open_dependencies=row[8],
        children=row[9],
        acceptance_criteria=tuple(from_json(row[10])),
        metadata=from_json(row[11]),
        attempts=row[12],
        max_attempts=row[13],
        fence=row[14],
        not_before=row[15],
        result=row[16],
        error=row[17],
        settled_by=row[18],
        claim=None,
        progress_note=None,
        created_at=row[19],
        updated_at=row[20],
        started_at=row[21],
        completed_at=row[22],
    )
