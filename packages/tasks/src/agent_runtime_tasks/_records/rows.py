"""The rows of the task graph: the columns that the rules work on, and the links between tasks."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from agent_runtime_kernel.connection import Connection, Row

from .._model import State
from .._rules.rules import Node, queue_key
from ..errors import TaskNotFound

# Fewer than either engine takes as parameters of one statement.
_IDS_AT_ONCE = 500

NODE_COLUMNS = """
    t.id, t.goal_id, t.parent_id, t.state, t.offer, t.wake_at, t.priority, t.pinned,
    CASE WHEN EXISTS (SELECT 1 FROM tasks_holds AS h WHERE h.goal_id = t.goal_id) THEN 1 ELSE 0 END,
    t.not_before, t.open_dependencies, t.dead_dependencies, t.open_above, t.dead_above,
    t.children, t.children_completed, t.children_cancelled, t.children_failed, t.children_hurt
"""


class Rows:
    """The rows of the task graph, as nodes.

    Args:
        connection: the open connection.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def node(self, task_id: int) -> Node:
        """Return one task's node.

        Raises:
            TaskNotFound: there is no such task.
        """
        found = self.nodes([task_id])
        if not found:
            raise TaskNotFound(task_id)
        return found[0]

    def nodes(self, task_ids: Collection[int]) -> list[Node]:
        """Return the nodes of those tasks that exist."""
        return self._nodes_where("t.id IN ({ids})", sorted(task_ids))

    def dependents(self, task_ids: Collection[int]) -> list[tuple[int, Node]]:
        """Return each task that waits for one of these, with the id that it waits for."""
        found = []
        for chunk in chunks(sorted(task_ids)):
            rows = self.connection.execute(
                f"""
                SELECT d.depends_on_id, {NODE_COLUMNS}
                FROM tasks_dependencies AS d
                JOIN tasks_tasks AS t ON t.id = d.task_id
                WHERE d.depends_on_id IN ({placeholders(chunk)})
                ORDER BY d.depends_on_id, d.task_id
                """,
                bindings(chunk),
            ).fetchall()
            found += [(row[0], node_of(row[1:])) for row in rows]
        return found

    def children(self, task_ids: Collection[int]) -> list[Node]:
        """Return the direct children of these groups."""
        return self._nodes_where("t.parent_id IN ({ids})", sorted(task_ids))

    def descendants(self, task_id: int) -> list[Node]:
        """Return all tasks below a group, the nearest first."""
        found: list[Node] = []
        groups = [task_id]
        while groups:
            level = self.children(groups)
            found += level
            groups = [node.task_id for node in level if node.is_group]
        return found

    def leaves_in(self, goal_id: int, state: State, *, after: int = 0, limit: int) -> list[Node]:
        """Return the first leaves of a goal in a state, after one id."""
        rows = self.connection.execute(
            f"""
            SELECT {NODE_COLUMNS}
            FROM tasks_tasks AS t
            WHERE t.goal_id = :goal_id AND t.state = :state AND t.children = 0 AND t.id > :after
            ORDER BY t.id
            LIMIT :limit
            """,
            {"goal_id": goal_id, "state": state.value, "after": after, "limit": limit},
        ).fetchall()
        return [node_of(row) for row in rows]

    def ancestors(self, node: Node) -> list[Node]:
        """Return the groups above a task, the nearest first."""
        found: list[Node] = []
        while node.parent_id is not None:
            node = self.node(node.parent_id)
            found.append(node)
        return found

    def prerequisites(self, task_ids: Collection[int]) -> dict[int, list[int]]:
        """Return the ids that each of these tasks depends on."""
        return self._links("task_id", "depends_on_id", task_ids)

    def waiting_for(self, task_ids: Collection[int]) -> dict[int, list[int]]:
        """Return the ids that depend on each of these tasks."""
        return self._links("depends_on_id", "task_id", task_ids)

    def link(self, task_id: int, depends_on: Iterable[int]) -> None:
        """Make a task wait for others."""
        self.connection.executemany(
            "INSERT INTO tasks_dependencies (task_id, depends_on_id) VALUES (:task_id, :depends_on_id)",
            [{"task_id": task_id, "depends_on_id": other} for other in sorted(depends_on)],
        )

    def unlink(self, task_id: int, depends_on: Iterable[int]) -> None:
        """Make a task no longer wait for others."""
        self.connection.executemany(
            "DELETE FROM tasks_dependencies WHERE task_id = :task_id AND depends_on_id = :depends_on_id",
            [{"task_id": task_id, "depends_on_id": other} for other in sorted(depends_on)],
        )

    def offer_left(self, task_ids: Iterable[int]) -> None:
        """Offer tasks that an ended session left in progress, but not those of paused goals."""
        self.connection.executemany(
            f"""
            UPDATE tasks_tasks
            SET offer = priority * {queue_key(1, left=False)} + {queue_key(0, left=True)}
            WHERE id = :id
                AND state = 'in_progress'
                AND NOT EXISTS (SELECT 1 FROM tasks_holds AS h WHERE h.goal_id = tasks_tasks.goal_id)
            """,
            [{"id": task_id} for task_id in task_ids],
        )

    def withdraw_offer(self, task_id: int) -> None:
        """Take a task out of the ready queue."""
        self.connection.execute("UPDATE tasks_tasks SET offer = NULL WHERE id = :id", {"id": task_id})

    def write_numbers(self, nodes: Iterable[Node]) -> None:
        """Write the columns that a state is derived from, for tasks whose state did not change."""
        self.connection.executemany(
            """
            UPDATE tasks_tasks
            SET open_dependencies = :open_dependencies,
                dead_dependencies = :dead_dependencies,
                open_above = :open_above,
                dead_above = :dead_above,
                children = :children,
                children_completed = :children_completed,
                children_cancelled = :children_cancelled,
                children_failed = :children_failed,
                children_hurt = :children_hurt
            WHERE id = :id
            """,
            [_numbers(node) for node in nodes],
        )

    def write_states(self, nodes: Iterable[Node], now: int) -> None:
        """Write the state, the place in the queue, and the columns that they are derived from."""
        self.connection.executemany(
            """
            UPDATE tasks_tasks
            SET state = :state,
                offer = :offer,
                wake_at = :wake_at,
                pinned = :pinned,
                completed_at = CASE WHEN :state = 'completed' THEN coalesce(completed_at, :now) END,
                updated_at = :now,
                open_dependencies = :open_dependencies,
                dead_dependencies = :dead_dependencies,
                open_above = :open_above,
                dead_above = :dead_above,
                children = :children,
                children_completed = :children_completed,
                children_cancelled = :children_cancelled,
                children_failed = :children_failed,
                children_hurt = :children_hurt
            WHERE id = :id
            """,
            [
                {
                    **_numbers(node),
                    "state": node.state.value,
                    "offer": node.offer,
                    "wake_at": node.wake_at,
                    "pinned": int(node.pinned),
                    "now": now,
                }
                for node in nodes
            ],
        )

    def count(self, deltas: Mapping[int, Mapping[str, int]]) -> None:
        """Add to the maintained counts, given by goal (0 for all tasks) and column."""
        alike: dict[tuple[tuple[str, int], ...], list[int]] = {}
        for goal_id in sorted(deltas):
            changes = tuple(sorted((column, delta) for column, delta in deltas[goal_id].items() if delta))
            if changes:
                alike.setdefault(changes, []).append(goal_id)
        for changes, goal_ids in alike.items():
            self._count(goal_ids, dict(changes))

    def _count(self, goal_ids: Sequence[int], columns: Mapping[str, int]) -> None:
        """Add the same to the counts of some goals."""
        values = [{**columns, "goal_id": goal_id} for goal_id in goal_ids]
        assignments = ", ".join(f"{column} = tasks_counts.{column} + :{column}" for column in columns)
        counted = self.connection.executemany(
            f"""
            UPDATE tasks_counts
            SET {assignments}
            WHERE goal_id = :goal_id
            RETURNING goal_id
            """,
            values,
        ).fetchall()
        if len(counted) < len(values):
            self.connection.executemany(
                f"""
                INSERT INTO tasks_counts (goal_id, {", ".join(columns)})
                VALUES (:goal_id, {", ".join(f":{column}" for column in columns)})
                """,
                [row for row in values if (row["goal_id"],) not in counted],
            )

    def _nodes_where(self, condition: str, ids: Sequence[int]) -> list[Node]:
        found = []
        for chunk in chunks(ids):
            rows = self.connection.execute(
                f"""
                SELECT {NODE_COLUMNS}
                FROM tasks_tasks AS t
                WHERE {condition.format(ids=placeholders(chunk))}
                ORDER BY t.id
                """,
                bindings(chunk),
            ).fetchall()
            found += [node_of(row) for row in rows]
        return found

    def _links(self, key: str, value: str, task_ids: Collection[int]) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for chunk in chunks(sorted(task_ids)):
            rows = self.connection.execute(
                f"""
                SELECT {key}, {value}
                FROM tasks_dependencies
                WHERE {key} IN ({placeholders(chunk)})
                ORDER BY {key}, {value}
                """,
                bindings(chunk),
            ).fetchall()
            for task_id, other in rows:
                found.setdefault(task_id, []).append(other)
        return found


def chunks(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    """Split ids into parts that one statement takes."""
    return (ids[start : start + _IDS_AT_ONCE] for start in range(0, len(ids), _IDS_AT_ONCE))


def placeholders(ids: Sequence[int]) -> str:
    """Return the text of a parameter for each id."""
    return ", ".join(f":id{index}" for index in range(len(ids)))


def bindings(ids: Sequence[int]) -> dict[str, int]:
    """Return the values of those parameters."""
    return {f"id{index}": value for index, value in enumerate(ids)}


def node_of(row: Row) -> Node:
    """Return a row of `NODE_COLUMNS` as a node."""
    return Node(
        task_id=row[0],
        goal_id=row[1],
        parent_id=row[2],
        state=State(row[3]),
        offer=row[4],
        wake_at=row[5],
        priority=row[6],
        pinned=bool(row[7]),
        held=bool(row[8]),
        not_before=row[9],
        open_dependencies=row[10],
        dead_dependencies=row[11],
        open_above=bool(row[12]),
        dead_above=bool(row[13]),
        children=row[14],
        children_completed=row[15],
        children_cancelled=row[16],
        children_failed=row[17],
        children_hurt=row[18],
    )


def _numbers(node: Node) -> dict[str, int | str | None]:
    return {
        "id": node.task_id,
        "open_dependencies": node.open_dependencies,
        "dead_dependencies": node.dead_dependencies,
        "open_above": int(node.open_above),
        "dead_above": int(node.dead_above),
        "children": node.children,
        "children_completed": node.children_completed,
        "children_cancelled": node.children_cancelled,
        "children_failed": node.children_failed,
        "children_hurt": node.children_hurt,
    }
