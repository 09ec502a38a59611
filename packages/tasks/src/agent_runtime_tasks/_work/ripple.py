"""The ripple: one change travels through the graph, to dependents, to the group above and to the children below.

1. Take the nodes that a write changes, change them, and touch them.
2. `settle` derives the state of each touched node. If that changes the node's bearing, its neighbours are told, and so
   touched.
3. Step 2 repeats until no node is touched. Then all nodes that changed are written at once, with the counts of their
   goals.

Invariant: a neighbour's columns count the bearing that it was last told (`_told`), so that it is told differences only.

Example: task 3 waits for 1 and 2, and 2 is completed. When 1 is completed, its bearing becomes completed; task 3 is
told, its `open_dependencies` falls from 1 to 0, and it becomes ready.
"""

from collections.abc import Iterable

from .._model import State
from .._records.rows import Rows
from .._rules.rules import ABSENT, Bearing, Node, bearing, derive


class Ripple:
    """The consequences of changes to some tasks, gathered in memory and written once.

    Take the nodes to be changed with `node` or `take`, change them, `touch` them, then `settle`, which forgets them.

    Args:
        rows: reads and writes nodes.
        now: the time in milliseconds, for tasks that wait for their time.
    """

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now
        self._nodes: dict[int, Node] = {}
        self._before: dict[int, Node] = {}
        self._told: dict[int, Bearing] = {}
        self._touched: dict[int, None] = {}

    def node(self, task_id: int) -> Node:
        """Return a task's node, read once.

        Raises:
            TaskNotFound: there is no such task.
        """
        return self._nodes.get(task_id) or self.take(self._rows.node(task_id))

    def take(self, node: Node) -> Node:
        """Take in a node as it was read, and return it, or the one that was taken in before."""
        known = self._nodes.get(node.task_id)
        if known is not None:
            return known
        self._nodes[node.task_id] = node
        self._before[node.task_id] = node.copy()
        self._told[node.task_id] = bearing(node)
        return node

    def touch(self, node: Node) -> None:
        """Have `settle` derive the node's state again."""
        self._touched[node.task_id] = None

    def join(self, child: Node, parent: Node) -> None:
        """Put a child into a group that has not been told of its bearing yet."""
        child.parent_id = parent.task_id
        parent.children += 1
        child.open_above, child.dead_above = parent.is_blocked, parent.is_doomed
        self._tell_parent(parent, ABSENT, self._told[child.task_id])
        self.touch(child)
        self.touch(parent)

    def leave(self, child: Node, parent: Node) -> None:
        """Take a child out of its group. A group without children becomes a pending leaf."""
        self._tell_parent(parent, self._told[child.task_id], ABSENT)
        parent.children -= 1
        if not parent.is_group:
            parent.state = State.WAITING
        child.parent_id = None
        child.open_above = child.dead_above = False
        self.touch(child)
        self.touch(parent)

    def depend(self, node: Node, prerequisite: Node) -> None:
        """Make a task wait for another."""
        self._tell_dependent(node, ABSENT, self._told[prerequisite.task_id])

    def stop_depending(self, node: Node, prerequisite: Node) -> None:
        """Make a task no longer wait for another."""
        self._tell_dependent(node, self._told[prerequisite.task_id], ABSENT)

    def settle(self) -> tuple[int, ...]:
        """Derive what follows from the changes, write it, and return the ids of the tasks that became ready."""
        while self._touched:
            batch = [self._nodes[task_id] for task_id in self._touched]
            self._touched.clear()
            turned: list[tuple[Node, Bearing, Bearing]] = []
            for node in batch:
                derive(node, self._now)
                was, now = self._told[node.task_id], bearing(node)
                if was != now:
                    self._told[node.task_id] = now
                    turned.append((node, was, now))
            self._tell(turned)
        ready = self._write()
        self._nodes.clear()
        return ready

    def _tell(self, turned: list[tuple[Node, Bearing, Bearing]]) -> None:
        """Tell dependents, groups above and children below of bearings that changed."""
        changes = {node.task_id: (was, now) for node, was, now in turned}
        outward = [i for i, (was, now) in changes.items() if (was.completed, was.dead) != (now.completed, now.dead)]
        for prerequisite_id, dependent in self._rows.dependents(outward):
            self._tell_dependent(self.take(dependent), *changes[prerequisite_id])
        for node, was, now in turned:
            if node.parent_id is not None and (was.counts_as, was.hurts) != (now.counts_as, now.hurts):
                parent = self.node(node.parent_id)
                self._tell_parent(parent, was, now)
                self.touch(parent)
        downward = [
            node.task_id
            for node, was, now in turned
            if node.is_group and (was.blocks_below, was.dooms_below) != (now.blocks_below, now.dooms_below)
        ]
        for child in map(self.take, self._rows.children(downward)):
            if child.parent_id is not None:
                child.open_above = changes[child.parent_id][1].blocks_below
                child.dead_above = changes[child.parent_id][1].dooms_below
                self.touch(child)

    def _tell_dependent(self, node: Node, was: Bearing, now: Bearing) -> None:
        node.open_dependencies += was.completed - now.completed
        node.dead_dependencies += now.dead - was.dead
        self.touch(node)

    @staticmethod
    def _tell_parent(parent: Node, was: Bearing, now: Bearing) -> None:
        for counts_as, sign in ((was.counts_as, -1), (now.counts_as, 1)):
            if counts_as is State.COMPLETED:
                parent.children_completed += sign
            elif counts_as is State.CANCELLED:
                parent.children_cancelled += sign
            elif counts_as is State.FAILED:
                parent.children_failed += sign
        parent.children_hurt += now.hurts - was.hurts

    def _write(self) -> tuple[int, ...]:
        changed = [
            (self._before[task_id], node)
            for task_id, node in sorted(self._nodes.items())
            if node != self._before[task_id]
        ]
        numbers: list[Node] = []
        moved: list[Node] = []
        for before, node in changed:
            (numbers if self._place(node) == self._place(before) else moved).append(node)
        if numbers:
            self._rows.write_numbers(numbers)
        if moved:
            self._rows.write_states(moved, self._now)
        self._rows.count(tally(changed))
        return tuple(
            node.task_id for before, node in changed if node.state is State.READY and not before.is_ready(self._now)
        )

    @staticmethod
    def _place(node: Node) -> tuple[object, ...]:
        return node.state, node.offer, node.wake_at, node.pinned


def tally(changes: Iterable[tuple[Node | None, Node | None]]) -> dict[int, dict[str, int]]:
    """Return the differences that changes of nodes make to the counts of all tasks (0) and of each goal.

    Args:
        changes: each node before and after its change; None before it is created.
    """
    deltas: dict[int, dict[str, int]] = {}
    for before, after in changes:
        for node, sign in ((before, -1), (after, 1)):
            if node is not None:
                for goal_id in {0, node.goal_id or 0}:
                    counts = deltas.setdefault(goal_id, {})
                    counts[node.bucket] = counts.get(node.bucket, 0) + sign
    return deltas
