"""Making tasks and changing what they are: their place in the graph, their texts and numbers."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import attrs

from ._claims import Claims
from ._cycles import Surroundings, find_circle
from ._model import DEEPEST_GROUP, Outcome, State, Task, TaskChange, TaskStatus
from ._plan import Plan, PlannedTask
from ._reading import Reading
from ._ripple import Ripple, tally
from ._rows import Rows
from ._rules import Node, bearing, derive
from ._storage import Connection
from ._transitions import Transitions
from ._values import to_json
from .errors import IllegalTransition, InvalidValue, TaskCycle, TaskNotFound

_AT_ONCE = 1000


@attrs.frozen(kw_only=True)
class NewTask:
    """A task to be made, checked."""

    title: str
    description: str
    goal_id: int | None
    priority: int
    dependencies: tuple[int, ...]
    parent_id: int | None
    acceptance_criteria: tuple[str, ...]
    metadata: Mapping[str, Any]
    max_attempts: int
    not_before: int | None


@attrs.frozen
class Editing:
    """Makes and changes the tasks of one database.

    Args:
        connection: the open connection.
        rows: the graph's rows.
        claims: the claims.
        reading: how tasks are read.
        transitions: how tasks are opened again.
    """

    connection: Connection
    rows: Rows
    claims: Claims
    reading: Reading
    transitions: Transitions

    def create(self, new: NewTask, claim_token: str | None, now: int) -> TaskChange:
        """Make one task; runs inside a transaction."""
        ripple = Ripple(self.rows, now)
        prerequisites = [ripple.take(node) for node in self._existing(new.dependencies)]
        parent = ripple.node(new.parent_id) if new.parent_id is not None else None
        if parent is not None:
            new = attrs.evolve(new, goal_id=self._goal_of_child(parent, new.goal_id))
            self._open_for_child(ripple, parent, claim_token, now)
        node = self._node(new, self._is_held(new.goal_id))
        node.open_dependencies = sum(not bearing(one).completed for one in prerequisites)
        node.dead_dependencies = sum(bearing(one).dead for one in prerequisites)
        if parent is not None:
            node.parent_id = parent.task_id
            node.open_above, node.dead_above = parent.is_blocked, parent.is_doomed
        derive(node, now)
        node.task_id = self._insert(node, new, now)
        self.rows.link(node.task_id, new.dependencies)
        self.rows.count(tally([(None, node)]))
        ready: tuple[int, ...] = ()
        if parent is not None:
            self._check_depth(parent, node)
            ripple.join(ripple.take(node), parent)
            if new.dependencies:
                self._check_circle(node.task_id)
            ready = ripple.settle()
        task = self.reading.task(node.task_id, now)
        return TaskChange(task=task, changed=True, newly_ready=tuple(one for one in ready if one != node.task_id))

    def plan(self, goal_id: int | None, plan: Plan, max_attempts: int, now: int) -> list[Task]:
        """Make all tasks of a checked plan; runs inside a transaction."""
        held = self._is_held(goal_id)
        ordered = plan.order()
        children: dict[str | None, int] = {}
        for item in ordered:
            children[item.parent] = children.get(item.parent, 0) + 1
        nodes: dict[str, Node] = {}
        made: list[tuple[PlannedTask, Node]] = []
        for item in ordered:
            new = _planned(item, goal_id, max_attempts)
            parent = nodes[item.parent] if item.parent is not None else None
            node = self._node(new, held)
            node.parent_id = parent.task_id if parent else None
            node.open_above = parent.is_blocked if parent else False
            node.open_dependencies = len(item.depends_on)
            node.children = children.get(item.key, 0) if item.key is not None else 0
            derive(node, now)
            node.task_id = self._insert(node, new, now)
            made.append((item, node))
            if item.key is not None:
                nodes[item.key] = node
        for item, node in made:
            self.rows.link(node.task_id, {nodes[key].task_id for key in item.depends_on})
        self.rows.count(tally((None, node) for _, node in made))
        return self.reading.tasks([node.task_id for _, node in made], now)

    def edit(self, task_id: int, changes: Mapping[str, Any], claim_token: str | None, now: int) -> TaskChange:
        """Change what a task is; `changes` are checked and hold what differs or not; runs inside a transaction."""
        task = self.reading.task(task_id, now)
        ripple = Ripple(self.rows, now)
        node = ripple.node(task_id)
        before = self.rows.prerequisites([task_id]).get(task_id, [])
        after = sorted(set(changes.get("dependencies", before)))
        goal_id = self._goal_after(node, changes)
        parent_id = changes.get("parent_id", node.parent_id)
        content = {
            name: value
            for name, value in changes.items()
            if name not in ("dependencies", "parent_id", "goal_id") and getattr(task, name) != value
        }
        moved = parent_id != node.parent_id
        if not content and after == before and goal_id == task.goal_id and not moved:
            return TaskChange(task=task, changed=False)
        if after != before or moved or goal_id != task.goal_id:
            self._require_pending(task)
        self._write_content(task_id, content, now)
        if goal_id != task.goal_id:
            self._change_goal(ripple, node, goal_id)
        if after != before:
            self._change_prerequisites(ripple, node, before, after)
        if moved:
            self._change_parent(ripple, node, parent_id, claim_token, now)
        elif after != before:
            self._check_circle(task_id)
        if "priority" in content and node.state is State.IN_PROGRESS and node.offer is not None:
            self.claims.offer_again([task_id])
        node.priority = content.get("priority", node.priority)
        node.not_before = content.get("not_before", node.not_before)
        ripple.touch(node)
        ready = ripple.settle()
        return TaskChange(
            task=self.reading.task(task_id, now),
            changed=True,
            newly_ready=tuple(one for one in ready if one != task_id),
        )

    def refresh_goal(self, goal_id: int, states: Sequence[State], now: int) -> None:
        """Derive again the tasks of a goal that are in some states, a thousand at a time."""
        for state in states:
            last = 0
            while ids := self._ids_in(goal_id, state, last):
                ripple = Ripple(self.rows, now)
                for node in self.rows.nodes(ids):
                    ripple.touch(ripple.take(node))
                ripple.settle()
                last = ids[-1]

    def _ids_in(self, goal_id: int, state: State, after: int) -> list[int]:
        rows = self.connection.execute(
            f"""
            SELECT id
            FROM tasks_tasks
            WHERE goal_id = :goal_id AND state = :state AND id > :after
            ORDER BY id
            LIMIT {_AT_ONCE}
            """,
            {"goal_id": goal_id, "state": state.value, "after": after},
        ).fetchall()
        return [row[0] for row in rows]

    def _existing(self, task_ids: Collection[int]) -> list[Node]:
        if not task_ids:
            return []
        found = self.rows.nodes(set(task_ids))
        missing = set(task_ids) - {node.task_id for node in found}
        if missing:
            raise TaskNotFound(min(missing))
        return found

    def _is_held(self, goal_id: int | None) -> bool:
        if goal_id is None:
            return False
        held = self.connection.execute(
            "SELECT goal_id FROM tasks_holds WHERE goal_id = :goal_id", {"goal_id": goal_id}
        ).fetchone()
        return held is not None

    @staticmethod
    def _goal_of_child(parent: Node, goal_id: int | None) -> int | None:
        if goal_id is not None and goal_id != parent.goal_id:
            belongs = f"goal {parent.goal_id}" if parent.goal_id is not None else "no goal"
            raise InvalidValue(
                "goal_id", f"is {goal_id}, but parent task {parent.task_id} belongs to {belongs}", "omit goal_id"
            )
        return parent.goal_id

    def _goal_after(self, node: Node, changes: Mapping[str, Any]) -> int | None:
        goal_id: int | None = changes.get("goal_id", node.goal_id)
        parent_id = changes.get("parent_id", node.parent_id)
        if parent_id is None:
            return goal_id
        return self._goal_of_child(self.rows.node(parent_id), changes.get("goal_id"))

    def _open_for_child(self, ripple: Ripple, parent: Node, claim_token: str | None, now: int) -> None:
        """Let a task take a child: a claimed leaf by its holder, whose claim ends; a finished task is opened again."""
        if parent.state is State.IN_PROGRESS:
            task = self.reading.task(parent.task_id, now)
            claim = self.transitions.require_holder(task, claim_token, "break it down into children")
            self.claims.end(claim, Outcome.RELEASED, now)
            parent.state = State.WAITING
        else:
            self.transitions.open_again(ripple, parent)

    @staticmethod
    def _node(new: NewTask, held: bool) -> Node:
        return Node(
            task_id=0,
            goal_id=new.goal_id,
            parent_id=None,
            state=State.WAITING,
            offer=None,
            wake_at=None,
            priority=new.priority,
            pinned=False,
            held=held,
            not_before=new.not_before,
            open_dependencies=0,
            dead_dependencies=0,
            open_above=False,
            dead_above=False,
            children=0,
            children_completed=0,
            children_cancelled=0,
            children_failed=0,
            children_hurt=0,
        )

    def _insert(self, node: Node, new: NewTask, now: int) -> int:
        [row] = self.connection.execute(
            """
            INSERT INTO tasks_tasks (
                goal_id, parent_id, state, offer, wake_at, priority, not_before, open_dependencies, dead_dependencies,
                open_above, dead_above, children, max_attempts, created_at, updated_at, title, description,
                acceptance_criteria, metadata
            )
            VALUES (
                :goal_id, :parent_id, :state, :offer, :wake_at, :priority, :not_before, :open_dependencies,
                :dead_dependencies, :open_above, :dead_above, :children, :max_attempts, :now, :now, :title, :description,
                :acceptance_criteria, :metadata
            )
            RETURNING id
            """,
            {
                "goal_id": node.goal_id,
                "parent_id": node.parent_id,
                "state": node.state.value,
                "offer": node.offer,
                "wake_at": node.wake_at,
                "priority": node.priority,
                "not_before": node.not_before,
                "open_dependencies": node.open_dependencies,
                "dead_dependencies": node.dead_dependencies,
                "open_above": int(node.open_above),
                "dead_above": int(node.dead_above),
                "children": node.children,
                "max_attempts": new.max_attempts,
                "now": now,
                "title": new.title,
                "description": new.description,
                "acceptance_criteria": to_json(new.acceptance_criteria),
                "metadata": to_json(new.metadata),
            },
        ).fetchall()
        return int(row[0])

    @staticmethod
    def _require_pending(task: Task) -> None:
        if task.status is not TaskStatus.PENDING:
            raise IllegalTransition(
                task.task_id,
                f"is {task.status}; its dependencies, parent and goal change only while it is pending",
                "set it to pending first, which releases or reopens it",
            )

    def _write_content(self, task_id: int, content: Mapping[str, Any], now: int) -> None:
        stored = {name: to_json(value) if name in _AS_JSON else value for name, value in content.items()}
        assignments = "".join(f", {name} = :{name}" for name in stored)
        self.connection.execute(
            f"UPDATE tasks_tasks SET updated_at = :now{assignments} WHERE id = :id",
            {**stored, "now": now, "id": task_id},
        ).fetchall()

    def _change_goal(self, ripple: Ripple, node: Node, goal_id: int | None) -> None:
        held = self._is_held(goal_id)
        moving = [node, *map(ripple.take, self.rows.descendants(node.task_id))]
        running = [one.task_id for one in moving if one.state is State.IN_PROGRESS]
        if running:
            raise IllegalTransition(
                node.task_id, f"can't change its goal while {running[0]} below it is in progress", "settle that first"
            )
        self.connection.executemany(
            "UPDATE tasks_tasks SET goal_id = :goal_id WHERE id = :id",
            [{"goal_id": goal_id, "id": one.task_id} for one in moving],
        ).fetchall()
        for one in moving:
            one.goal_id, one.held = goal_id, held
            ripple.touch(one)

    def _change_prerequisites(self, ripple: Ripple, node: Node, before: Iterable[int], after: Iterable[int]) -> None:
        gone, new = set(before) - set(after), set(after) - set(before)
        for one in self._existing(gone | new):
            prerequisite = ripple.take(one)
            if one.task_id in gone:
                ripple.depend_no_more(node, prerequisite)
            else:
                if one.task_id == node.task_id:
                    raise TaskCycle((node.task_id, node.task_id))
                ripple.depend(node, prerequisite)
        self.rows.unlink(node.task_id, gone)
        self.rows.link(node.task_id, new)

    def _change_parent(
        self, ripple: Ripple, node: Node, parent_id: int | None, claim_token: str | None, now: int
    ) -> None:
        if parent_id == node.task_id:
            raise TaskCycle((node.task_id, node.task_id))
        self.connection.execute(
            "UPDATE tasks_tasks SET parent_id = :parent_id WHERE id = :id",
            {"parent_id": parent_id, "id": node.task_id},
        ).fetchall()
        self._check_circle(node.task_id)
        if node.parent_id is not None:
            ripple.leave(node, ripple.node(node.parent_id))
        if parent_id is not None:
            parent = ripple.node(parent_id)
            self._check_depth(parent, node)
            self._open_for_child(ripple, parent, claim_token, now)
            ripple.join(node, parent)

    def _check_depth(self, parent: Node, node: Node) -> None:
        above = 1 + len(self.rows.ancestors(parent))
        levels, level = 0, [node]
        while level and node.is_group:
            level = self.rows.children([one.task_id for one in level if one.is_group])
            levels += bool(level)
        if above + levels > DEEPEST_GROUP:
            raise InvalidValue(
                "parent_id",
                f"is {parent.task_id}, which would nest groups {above + levels} deep; at most {DEEPEST_GROUP} are kept",
            )

    def _check_circle(self, task_id: int) -> None:
        circle = find_circle(task_id, self._look)
        if circle:
            raise TaskCycle(circle)

    def _look(self, starts: Collection[int], ends: Collection[int]) -> Surroundings:
        children: dict[int, list[int]] = {}
        for child in self.rows.children(ends):
            if child.parent_id is not None:
                children.setdefault(child.parent_id, []).append(child.task_id)
        return Surroundings(
            prerequisites=self.rows.prerequisites(starts),
            parents={node.task_id: node.parent_id for node in self.rows.nodes(starts)},
            children=children,
        )


_AS_JSON = ("acceptance_criteria", "metadata")


def _planned(item: PlannedTask, goal_id: int | None, max_attempts: int) -> NewTask:
    return NewTask(
        title=item.title,
        description=item.description,
        goal_id=goal_id,
        priority=item.priority,
        dependencies=(),
        parent_id=None,
        acceptance_criteria=item.acceptance_criteria,
        metadata={},
        max_attempts=max_attempts,
        not_before=None,
    )
