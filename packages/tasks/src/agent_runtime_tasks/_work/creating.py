"""The creation of tasks: one at a time, or all tasks of a plan."""

from collections.abc import Mapping
from typing import Any

import attrs

from agent_runtime_kernel.bounds import to_json
from agent_runtime_kernel.connection import Connection, Row

from .._model import State, Task, TaskChange
from .._records.reading import TASK_COLUMNS, Reading, task_of
from .._records.rows import Rows
from .._rules.plan import Plan, PlannedTask
from .._rules.rules import Node, bearing, derive
from .pausing import Pausing
from .placing import Placing, goal_of_child
from .ripple import Ripple, tally


@attrs.frozen(kw_only=True, eq=False, repr=False)
class NewTask:
    """The validated content of a task to be created."""

    title: str
    description: str
    goal_id: int | None
    priority: int
    dependencies: tuple[int, ...] = ()
    parent_id: int | None = None
    acceptance_criteria: tuple[str, ...]
    metadata: Mapping[str, Any] = attrs.field(factory=dict)
    max_attempts: int
    not_before: int | None = None


class Creating:
    """The creation of tasks in one database.

    Args:
        connection: the open connection.
        rows: the graph's rows.
        reading: reads tasks.
        placing: checks places in the graph.
        pausing: knows which goals are paused.
    """

    def __init__(
        self, connection: Connection, rows: Rows, reading: Reading, placing: Placing, pausing: Pausing
    ) -> None:
        self.connection = connection
        self.rows = rows
        self.reading = reading
        self.placing = placing
        self.pausing = pausing

    def create(self, new: NewTask, claim_token: str | None, now: int) -> TaskChange:
        """Create one task; runs inside a transaction."""
        ripple = Ripple(self.rows, now)
        prerequisites = [ripple.take(node) for node in self.placing.existing(new.dependencies)]
        parent = ripple.node(new.parent_id) if new.parent_id is not None else None
        if parent is not None:
            goal_id = goal_of_child(parent, parent.goal_id if new.goal_id is None else new.goal_id)
            new = attrs.evolve(new, goal_id=goal_id)
            self.placing.make_room(ripple, parent, claim_token, now)
        node = _node(new, held=self.pausing.is_paused(new.goal_id))
        node.open_dependencies = sum(not bearing(one).completed for one in prerequisites)
        node.dead_dependencies = sum(bearing(one).dead for one in prerequisites)
        if parent is not None:
            node.parent_id = parent.task_id
            node.open_above, node.dead_above = parent.is_blocked, parent.is_doomed
        derive(node, now)
        row = self._insert(node, new, now)
        self.rows.link(node.task_id, new.dependencies)
        self.rows.count(tally([(None, node)]))
        if parent is None:
            return TaskChange(task=task_of(row, now), changed=True)
        self.placing.check_depth(parent, node)
        ripple.join(ripple.take(node), parent)
        if new.dependencies:
            self.placing.check_circle(node.task_id)
        ready = ripple.settle()
        return TaskChange(
            task=self.reading.task(node.task_id, now),
            changed=True,
            newly_ready=tuple(one for one in ready if one != node.task_id),
        )

    def plan(self, goal_id: int | None, plan: Plan, max_attempts: int, now: int) -> list[Task]:
        """Create all tasks of a validated plan; runs inside a transaction."""
        held = self.pausing.is_paused(goal_id)
        ordered = plan.order()
        children: dict[str | None, int] = {}
        for item in ordered:
            children[item.parent] = children.get(item.parent, 0) + 1
        nodes: dict[str, Node] = {}
        created: list[tuple[PlannedTask, Node, Row]] = []
        for item in ordered:
            new = NewTask(
                title=item.title,
                description=item.description,
                goal_id=goal_id,
                priority=item.priority,
                acceptance_criteria=item.acceptance_criteria,
                max_attempts=max_attempts,
            )
            parent = nodes[item.parent] if item.parent is not None else None
            node = _node(new, held=held)
            node.parent_id = parent.task_id if parent else None
            node.open_above = parent.is_blocked if parent else False
            node.open_dependencies = len(item.depends_on)
            node.children = children.get(item.key, 0) if item.key is not None else 0
            derive(node, now)
            created.append((item, node, self._insert(node, new, now)))
            if item.key is not None:
                nodes[item.key] = node
        for item, node, _ in created:
            self.rows.link(node.task_id, {nodes[key].task_id for key in item.depends_on})
        self.rows.count(tally((None, node) for _, node, _ in created))
        return [task_of(row, now) for _, _, row in created]

    def _insert(self, node: Node, new: NewTask, now: int) -> Row:
        """Write a new task, give its node the id, and return its row of `TASK_COLUMNS`."""
        [row] = self.connection.execute(
            f"""
            INSERT INTO tasks_tasks (
                goal_id, parent_id, state, offer, wake_at, priority, not_before, open_dependencies, dead_dependencies,
                open_above, dead_above, children, max_attempts, created_at, updated_at, title, description,
                acceptance_criteria, metadata
            )
            VALUES (
                :goal_id, :parent_id, :state, :offer, :wake_at, :priority, :not_before, :open_dependencies,
                :dead_dependencies, :open_above, :dead_above, :children, :max_attempts, :now, :now, :title,
                :description, :acceptance_criteria, :metadata
            )
            RETURNING {TASK_COLUMNS}
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
        node.task_id = row[0]
        return row


def _node(new: NewTask, *, held: bool) -> Node:
    """Return the node of a task that has no links and no id yet."""
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
