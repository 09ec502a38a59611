"""Edits of tasks: their texts and numbers, and their place in the graph."""

from collections.abc import Iterable, Mapping
from typing import Any

from agent_runtime_kernel.bounds import to_json
from agent_runtime_kernel.connection import Connection

from .._model import State, Task, TaskChange, TaskStatus
from .._records.claims import Claims
from .._records.reading import Reading
from .._records.rows import Rows
from .._rules.rules import Node, queue_key
from ..errors import IllegalTransition, TaskCycle
from .pausing import Pausing
from .placing import Placing, goal_of_child
from .ripple import Ripple

_AS_JSON = ("acceptance_criteria", "metadata")
_PLACE = ("dependencies", "parent_id", "goal_id")


class Editing:
    """The edits of tasks in one database.

    Args:
        connection: the open connection.
        rows: the graph's rows.
        claims: the claims.
        reading: reads tasks.
        placing: checks places in the graph.
        pausing: knows which goals are paused.
    """

    def __init__(
        self, connection: Connection, rows: Rows, claims: Claims, reading: Reading, placing: Placing, pausing: Pausing
    ) -> None:
        self.connection = connection
        self.rows = rows
        self.claims = claims
        self.reading = reading
        self.placing = placing
        self.pausing = pausing

    def edit(self, task_id: int, changes: Mapping[str, Any], claim_token: str | None, now: int) -> TaskChange:
        """Write validated changes of a task, as far as they differ from what is stored; runs inside a transaction."""
        task = self.reading.task(task_id, now)
        content = {
            name: value for name, value in changes.items() if name not in _PLACE and getattr(task, name) != value
        }
        ripple = Ripple(self.rows, now)
        node = ripple.node(task_id)
        before = self.rows.prerequisites([task_id]).get(task_id, [])
        after = sorted(set(changes.get("dependencies", before)))
        parent_id = changes.get("parent_id", node.parent_id)
        goal_id = self._goal_after(node, parent_id, changes)
        place = before, node.parent_id, node.goal_id
        if place != (after, parent_id, goal_id):
            self._require_pending(task)
        elif not content:
            return TaskChange(task=task, changed=False)
        self._write_content(task_id, content, now)
        if goal_id != node.goal_id:
            self._change_goal(ripple, node, goal_id)
        if after != before:
            self._change_prerequisites(ripple, node, before, after)
        if parent_id != node.parent_id:
            self._change_parent(ripple, node, parent_id, claim_token, now)
        elif after != before:
            self.placing.check_circle(task_id)
        node.priority = content.get("priority", node.priority)
        node.not_before = content.get("not_before", node.not_before)
        if node.state is State.IN_PROGRESS and node.offer is not None:
            node.offer = queue_key(node.priority, left=True)
        ripple.touch(node)
        ready = ripple.settle()
        return TaskChange(
            task=self.reading.task(task_id, now),
            changed=True,
            newly_ready=tuple(one for one in ready if one != task_id),
        )

    def _goal_after(self, node: Node, parent_id: int | None, changes: Mapping[str, Any]) -> int | None:
        if parent_id is None:
            goal_id: int | None = changes.get("goal_id", node.goal_id)
            return goal_id
        parent = self.rows.node(parent_id)
        return goal_of_child(parent, changes.get("goal_id", parent.goal_id))

    @staticmethod
    def _require_pending(task: Task) -> None:
        if task.status is TaskStatus.PENDING:
            return
        if task.children:
            hint = "its status follows its children: reopen one of them, or what they wait for, first"
        elif task.status is TaskStatus.IN_PROGRESS:
            hint = "set it to pending first, which releases the claim"
        else:
            hint = "set it to pending first, which reopens it"
        raise IllegalTransition(
            task.task_id, f"is {task.status}; its dependencies, parent and goal change only while it is pending", hint
        )

    def _write_content(self, task_id: int, content: Mapping[str, Any], now: int) -> None:
        stored = {name: to_json(value) if name in _AS_JSON else value for name, value in content.items()}
        assignments = "".join(f", {name} = :{name}" for name in stored)
        self.connection.execute(
            f"UPDATE tasks_tasks SET updated_at = :now{assignments} WHERE id = :id",
            {**stored, "now": now, "id": task_id},
        )

    def _change_goal(self, ripple: Ripple, node: Node, goal_id: int | None) -> None:
        """Move a task, with all tasks below it, to another goal."""
        held = self.pausing.is_paused(goal_id)
        moving = [node, *map(ripple.take, self.rows.descendants(node.task_id))]
        self.connection.executemany(
            "UPDATE tasks_tasks SET goal_id = :goal_id WHERE id = :id",
            [{"goal_id": goal_id, "id": one.task_id} for one in moving],
        )
        claims = self.claims.find_all([one.task_id for one in moving if one.state is State.IN_PROGRESS])
        for one in moving:
            one.goal_id, one.held = goal_id, held
            if one.task_id in claims:
                left = claims[one.task_id].lapsed and not held
                one.offer = queue_key(one.priority, left=True) if left else None
            ripple.touch(one)

    def _change_prerequisites(self, ripple: Ripple, node: Node, before: Iterable[int], after: Iterable[int]) -> None:
        gone, new = set(before) - set(after), set(after) - set(before)
        if node.task_id in new:
            raise TaskCycle((node.task_id, node.task_id))
        for prerequisite in map(ripple.take, self.placing.existing(gone | new)):
            if prerequisite.task_id in gone:
                ripple.stop_depending(node, prerequisite)
            else:
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
        )
        self.placing.check_circle(node.task_id)
        if node.parent_id is not None:
            ripple.leave(node, ripple.node(node.parent_id))
        if parent_id is not None:
            parent = ripple.node(parent_id)
            self.placing.check_depth(parent, node)
            self.placing.make_room(ripple, parent, claim_token, now)
            ripple.join(node, parent)
