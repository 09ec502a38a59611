"""The recomputation of what is derived: the derived columns of tasks, and the counts of goals.

Both work a page at a time, so that their memory does not grow with the file.
"""

from collections.abc import Collection, Iterator, Sequence

import attrs

from agent_runtime_kernel.connection import Connection

from .._model import State
from .._records.claims import Claims
from .._records.rows import Rows
from .._rules.rules import Node, bearing, derive, queue_key

_GOALS_AT_ONCE = 500
_COUNTED = ("ready", "waiting", "unreachable", "in_progress", "completed", "failed", "cancelled", "groups")
_BUCKET = "CASE WHEN children > 0 THEN 'groups' ELSE state END"


class DerivedColumns:
    """The columns of tasks that are derived from the rows of their neighbours.

    Args:
        rows: the graph's rows.
        claims: the claims.
        now: the time in milliseconds.
    """

    def __init__(self, rows: Rows, claims: Claims, now: int) -> None:
        self.rows = rows
        self.claims = claims
        self.now = now

    def recompute(self, page: Sequence[Node], *, in_turn: bool = False) -> list[tuple[Node, Node]]:
        """Return each task as it is and as it should be.

        Args:
            page: the tasks.
            in_turn: derive each task from what those before it should be, not from what they are.
        """
        ids = [node.task_id for node in page]
        prerequisites = self.rows.prerequisites(ids)
        parents = {node.parent_id for node in page if node.parent_id is not None}
        around = self.rows.nodes({*parents, *(other for some in prerequisites.values() for other in some)})
        known = {node.task_id: node for node in around}
        children: dict[int | None, list[Node]] = {}
        for child in self.rows.children(ids):
            children.setdefault(child.parent_id, []).append(child)
            known.setdefault(child.task_id, child)
        left = {claim.task_id for claim in self.claims.find_all(ids).values() if claim.lapsed}
        recomputed = []
        for node in page:
            wanted = self._wanted(
                node,
                parent=None if node.parent_id is None else known.get(node.parent_id),
                prerequisites=[known[other] for other in prerequisites.get(node.task_id, []) if other in known],
                children=[known[child.task_id] for child in children.get(node.task_id, [])],
                is_left=node.task_id in left,
            )
            recomputed.append((node, wanted))
            if in_turn:
                known[node.task_id] = wanted
        return recomputed

    def neighbours(self, task_ids: Collection[int]) -> list[int]:
        """Return the tasks whose columns are derived from those of these tasks."""
        parents = {node.parent_id for node in self.rows.nodes(task_ids) if node.parent_id is not None}
        dependents = {node.task_id for _, node in self.rows.dependents(task_ids)}
        children = {node.task_id for node in self.rows.children(task_ids)}
        return sorted(parents | dependents | children)

    def _wanted(
        self, node: Node, *, parent: Node | None, prerequisites: list[Node], children: list[Node], is_left: bool
    ) -> Node:
        """Return a task as it should be."""
        below = [bearing(child) for child in children]
        before = [bearing(prerequisite) for prerequisite in prerequisites]
        wanted = attrs.evolve(
            node,
            open_dependencies=sum(not one.completed for one in before),
            dead_dependencies=sum(one.dead for one in before),
            open_above=parent is not None and parent.is_blocked,
            dead_above=parent is not None and parent.is_doomed,
            children=len(children),
            children_completed=sum(one.counts_as is State.COMPLETED for one in below),
            children_cancelled=sum(one.counts_as is State.CANCELLED for one in below),
            children_failed=sum(one.counts_as is State.FAILED for one in below),
            children_hurt=sum(one.hurts for one in below),
        )
        if wanted.state is State.IN_PROGRESS:
            wanted.offer = queue_key(node.priority, left=True) if is_left and not node.held else None
        derive(wanted, self._derived_at(node))
        return wanted

    def _derived_at(self, node: Node) -> int:
        """Return the time at which to derive a state.

        A task that waits for its time is promoted by the next claim, and the clock may be set back after that. So both
        states are right around that time, and the stored one stays.
        """
        if node.not_before is None:
            return self.now
        match node.state:
            case State.WAITING:
                return node.not_before - 1
            case State.READY:
                return node.not_before
            case _:
                return self.now


@attrs.frozen(kw_only=True, eq=False, repr=False)
class WrongCount:
    """A stored count that differs from the number of tasks; goal 0 stands for all tasks."""

    goal_id: int
    column: str
    expected: int
    found: int


class StoredCounts:
    """The stored counts of one database, compared with the tasks.

    Args:
        connection: the open connection.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def wrong(self) -> Iterator[WrongCount]:
        """Yield the counts that are wrong, by goal."""
        yield from _compare({(0, bucket): count for bucket, count in self._in_all()}, self._stored("goal_id = 0", {}))
        last = 0
        while (end := self._end_of_page(last)) is not None:
            among = {"after": last, "up_to": end}
            counted = self.connection.execute(
                f"""
                SELECT goal_id, {_BUCKET} AS bucket, COUNT(*)
                FROM tasks_tasks
                WHERE goal_id > :after AND goal_id <= :up_to
                GROUP BY goal_id, {_BUCKET}
                """,
                among,
            ).fetchall()
            yield from _compare(
                {(goal_id, bucket): count for goal_id, bucket, count in counted},
                self._stored("goal_id > :after AND goal_id <= :up_to", among),
            )
            last = end

    def rebuild(self) -> int:
        """Correct the wrong counts and return how many there were; runs inside a transaction."""
        wrong = list(self.wrong())
        for column in _COUNTED:
            self.connection.executemany(
                f"""
                INSERT INTO tasks_counts (goal_id, {column})
                VALUES (:goal_id, :count)
                ON CONFLICT (goal_id) DO UPDATE SET {column} = excluded.{column}
                """,
                [{"goal_id": one.goal_id, "count": one.expected} for one in wrong if one.column == column],
            )
        return len(wrong)

    def _in_all(self) -> list[tuple[str, int]]:
        rows = self.connection.execute(
            f"SELECT {_BUCKET} AS bucket, COUNT(*) FROM tasks_tasks GROUP BY {_BUCKET}"
        ).fetchall()
        return [(row[0], row[1]) for row in rows]

    def _stored(self, condition: str, bindings: dict[str, int]) -> dict[tuple[int, str], int]:
        rows = self.connection.execute(
            f"SELECT goal_id, {', '.join(_COUNTED)} FROM tasks_counts WHERE {condition}", bindings
        ).fetchall()
        return {(row[0], column): count for row in rows for column, count in zip(_COUNTED, row[1:], strict=True)}

    def _end_of_page(self, last: int) -> int | None:
        """Return the last goal of the next page, or None if there are no more goals."""
        rows = self.connection.execute(
            f"""
            SELECT goal_id
            FROM (
                SELECT goal_id FROM tasks_tasks WHERE goal_id > :last
                UNION
                SELECT goal_id FROM tasks_counts WHERE goal_id > :last
            ) AS known
            ORDER BY goal_id
            LIMIT {_GOALS_AT_ONCE}
            """,
            {"last": last},
        ).fetchall()
        return rows[-1][0] if rows else None


def _compare(counted: dict[tuple[int, str], int], stored: dict[tuple[int, str], int]) -> Iterator[WrongCount]:
    for goal_id, column in sorted(counted.keys() | stored.keys()):
        expected, found = counted.get((goal_id, column), 0), stored.get((goal_id, column), 0)
        if expected != found:
            yield WrongCount(goal_id=goal_id, column=column, expected=expected, found=found)
