"""Reads of tasks.

A read never writes. It computes what a write would bring up to date, such as a time that has come.
"""

import itertools
from collections.abc import Collection, Iterable, Sequence

import attrs

from agent_runtime_kernel.bounds import from_json
from agent_runtime_kernel.connection import Connection, Row

from .._model import OPEN_STATES, Attempt, Claim, Counts, Prerequisite, Queue, Readiness, State, Task, TaskLinks
from .._rules.rules import Node, bearing
from ..errors import TaskNotFound
from .attempts import Attempts, running
from .claims import CLAIM_COLUMNS, Claims, claim_of
from .rows import Rows, bindings, chunks, placeholders

_ATTEMPTS_SHOWN = 10
# A column is qualified where a claim has one of the same name.
TASK_COLUMNS = """
    id, title, description, state, wake_at, priority, goal_id, parent_id, open_dependencies, children,
    acceptance_criteria, metadata, attempts, max_attempts, tasks_tasks.fence, not_before, result, error, settled_by,
    created_at, updated_at, tasks_tasks.started_at, completed_at
"""
ID = 0  # the places of two columns
FENCE = 14
_CLAIM_STARTS = 23
_COUNTED = ("ready", "waiting", "unreachable", "in_progress", "completed", "failed", "cancelled", "groups")
_IN_THIS_GOAL = "AND t.goal_id = tasks_counts.goal_id"
_DUE = "(SELECT COUNT(*) FROM tasks_tasks AS t WHERE t.wake_at <= :now {where})"
_NONE_DUE = "0"


class Reading:
    """The reads of one database.

    Args:
        connection: the open connection.
        rows: the graph's rows.
        claims: the claims.
        attempts: the ended attempts.
    """

    def __init__(self, connection: Connection, rows: Rows, claims: Claims, attempts: Attempts) -> None:
        self.connection = connection
        self.rows = rows
        self.claims = claims
        self.attempts = attempts

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
                SELECT {TASK_COLUMNS}, {CLAIM_COLUMNS}
                FROM tasks_tasks
                LEFT JOIN tasks_claims AS c ON c.task_id = tasks_tasks.id
                WHERE id IN ({placeholders(chunk)})
                ORDER BY id
                """,
                bindings(chunk),
            ).fetchall()
        return [self._task(row, now) for row in found]

    def _task(self, row: Row, now: int) -> Task:
        if row[_CLAIM_STARTS] is None:
            return task_of(row, now)
        claim = claim_of(row[_CLAIM_STARTS:])
        return task_of(row, now, self.claims.shown(claim, now), claim.note)

    def links(self, task: Task) -> TaskLinks:
        """Return the links of a task: prerequisites, dependents, children, blockers and past attempts."""
        may_wait = task.readiness is not None and task.readiness is not Readiness.READY
        return TaskLinks(
            dependencies=tuple(self.rows.prerequisites([task.task_id]).get(task.task_id, ())),
            dependents=tuple(self.rows.waiting_for([task.task_id]).get(task.task_id, ())),
            children=tuple(child.task_id for child in self.rows.children([task.task_id])) if task.children else (),
            blocked_by=self.blocked_by(self.rows.node(task.task_id)) if may_wait else (),
            attempt_history=self._history(task),
        )

    def blocked_by(self, node: Node) -> tuple[int, ...]:
        """Return the open prerequisites of a waiting task, or the failed and cancelled roots of an unreachable one."""
        if not node.state.readiness or not node.is_blocked:
            return ()
        chain = [node, *self.rows.ancestors(node)]
        awaited = self._awaited(chain)
        if node.is_doomed:
            return self._roots([one for one in awaited if bearing(one).dead])
        return tuple(sorted({one.task_id for one in awaited if not bearing(one).completed}))

    def prerequisites(self, task: Task) -> tuple[Prerequisite, ...]:
        """Return the completed prerequisites of a task and of the groups above it."""
        above = self.rows.ancestors(self.rows.node(task.task_id)) if task.parent_id is not None else []
        chain = [task.task_id, *(group.task_id for group in above)]
        rows = self.connection.execute(
            f"""
            SELECT t.id, t.title, t.result
            FROM tasks_dependencies AS d
            JOIN tasks_tasks AS t ON t.id = d.depends_on_id
            WHERE d.task_id IN ({placeholders(chain)}) AND t.state = 'completed'
            """,
            bindings(chain),
        ).fetchall()
        return tuple(Prerequisite(task_id=row[0], title=row[1], result=row[2]) for row in sorted(set(rows)))

    def counts(self, goal_ids: Collection[int], now: int) -> dict[int, Counts]:
        """Return the counts of goals (0: of all tasks), corrected for tasks whose time has come."""
        counted = {goal_id: Counts() for goal_id in goal_ids}
        for goal_id, *numbers, due, _ in self._counted(counted, now, _DUE):
            counts = Counts(**dict(zip(_COUNTED, numbers, strict=True)))
            counted[goal_id] = attrs.evolve(counts, ready=counts.ready + due, waiting=counts.waiting - due)
        return counted

    def queue(self, goal_ids: Collection[int] | None, now: int, *, is_up_to_date: bool = False) -> Queue:
        """Return the state of the queue in some goals, or in all.

        Args:
            goal_ids: only these goals.
            now: the time.
            is_up_to_date: no task waits for a time that has come, so that the counts need no correction.
        """
        rows = self._counted([0] if goal_ids is None else goal_ids, now, _NONE_DUE if is_up_to_date else _DUE)
        due = sum(row[-2] for row in rows)
        return Queue(
            ready=sum(row[1] for row in rows) + due,
            waiting=sum(row[2] for row in rows) - due,
            unreachable=sum(row[3] for row in rows),
            in_progress=sum(row[4] for row in rows),
            next_ready_at=min((row[-1] for row in rows if row[-1] is not None), default=None),
        )

    def open_leaves(self, goal_ids: Collection[int], limit: int) -> list[int]:
        """Return the first leaves of goals that are pending or in progress."""
        pairs = itertools.product(goal_ids, OPEN_STATES)
        leaves = (leaf for goal_id, state in pairs for leaf in self.rows.leaves_in(goal_id, state, limit=limit))
        return sorted(leaf.task_id for leaf in leaves)[:limit]

    def _counted(self, goal_ids: Collection[int], now: int, due: str) -> list[Row]:
        """Return for each goal its counts, the number of tasks whose time has come, and the next such time."""
        found = []
        for where, ids in (("", {0} & set(goal_ids)), (_IN_THIS_GOAL, set(goal_ids) - {0})):
            for chunk in chunks(sorted(ids)):
                found += self.connection.execute(
                    f"""
                    SELECT goal_id, {", ".join(_COUNTED)},
                        {due.format(where=where)},
                        (SELECT min(t.wake_at) FROM tasks_tasks AS t WHERE t.wake_at > :now {where})
                    FROM tasks_counts
                    WHERE goal_id IN ({placeholders(chunk)})
                    ORDER BY goal_id
                    """,
                    {**bindings(chunk), "now": now},
                ).fetchall()
        return found

    def _awaited(self, chain: Iterable[Node]) -> list[Node]:
        links = self.rows.prerequisites([node.task_id for node in chain])
        return self.rows.nodes({other for others in links.values() for other in others})

    def _roots(self, dead: Sequence[Node]) -> tuple[int, ...]:
        """Follow tasks that can't be completed back to those that failed or were cancelled."""
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
        ended = self.attempts.last(task.task_id, task.fence, _ATTEMPTS_SHOWN)
        claim = self.claims.find_all([task.task_id]).get(task.task_id)
        if claim is None:
            return tuple(ended)
        return (*ended, running(claim))[-_ATTEMPTS_SHOWN:]


def task_of(row: Row, now: int, claim: Claim | None = None, progress_note: str | None = None) -> Task:
    """Return a row of `TASK_COLUMNS` as a task. One that only waited for a time that has come is ready."""
    state = State(row[3])
    if state is State.WAITING and row[4] is not None and row[4] <= now:
        state = State.READY
    return Task(
        task_id=row[ID],
        title=row[1],
        description=row[2],
        status=state.status,
        readiness=state.readiness,
        priority=row[5],
        goal_id=row[6],
        parent_id=row[7],
        open_dependencies=row[8],
        children=row[9],
        acceptance_criteria=() if row[10] == "[]" else tuple(from_json(row[10])),
        metadata={} if row[11] == "{}" else from_json(row[11]),
        attempts=row[12],
        max_attempts=row[13],
        fence=row[FENCE],
        not_before=row[15],
        result=row[16],
        error=row[17],
        settled_by=row[18],
        claim=claim,
        progress_note=progress_note,
        created_at=row[19],
        updated_at=row[20],
        started_at=row[21],
        completed_at=row[22],
    )
