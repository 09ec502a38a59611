"""How one change travels through the graph: to dependents, to the group above, to the children below."""

from collections.abc import Iterable

import attrs

from .._model import State
from .._records.rows import Rows
from .._rules.rules import ABSENT, Bearing, Node, bearing, derive


@attrs.define(eq=False, repr=False)
class Ripple:
    """The consequences of changes to some tasks, gathered in memory and written once.

    Take the nodes to be changed with `node` or `take`, change them, `touch` them, then `settle`, which forgets them.

    Args:
        rows: where nodes are read and written.
        now: the time in milliseconds, for what waits for its time.
    """

    _rows: Rows
    _now: int
    _nodes: dict[int, Node] = attrs.field(init=False, factory=dict)
    _before: dict[int, Node] = attrs.field(init=False, factory=dict)
    _told: dict[int, Bearing] = attrs.field(init=False, factory=dict)
    _touched: dict[int, None] = attrs.field(init=False, factory=dict)

    def node(self, task_id: int) -> Node:
        """Return a task's node, read once.

        Raises:
            TaskNotFound: there is no such task.
        """
        return self._nodes.get(task_id) or self.take(self._rows.node(task_id))

    def take(self, node: Node) -> Node:
        """Take in a node as it was read; of one that is here already, the one here counts."""
        known = self._nodes.get(node.task_id)
        if known is not None:
            return known
        self._nodes[node.task_id] = node
        self._before[node.task_id] = node.copy()
        self._told[node.task_id] = bearing(node)
        return node

    def touch(self, node: Node) -> None:
        """Have the node's state derived again."""
        self._touched[node.task_id] = None

    def join(self, child: Node, parent: Node) -> None:
        """Put a child, whose bearing nobody above knows yet, into a group."""
        child.parent_id = parent.task_id
        parent.children += 1
        child.open_above, child.dead_above = parent.is_blocked, parent.is_doomed
        self._tell_parent(parent, ABSENT, self._told[child.task_id])
        self.touch(child)
        self.touch(parent)

    def leave(self, child: Node, parent: Node) -> None:
        """Take a child out of its group; a group without children is a pending leaf again."""
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

    def depend_no_more(self, node: Node, prerequisite: Node) -> None:
        """Make a task wait for another no more."""
        self._tell_dependent(node, self._told[prerequisite.task_id], ABSENT)

    def settle(self) -> tuple[int, ...]:
        """Let the changes travel, write what they changed, and return the ids that became ready."""
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
    """Return what changes of nodes (before and after, None for none) do to the counts of all (0) and of each goal."""
    deltas: dict[int, dict[str, int]] = {}
    for before, after in changes:
        for node, sign in ((before, -1), (after, 1)):
            if node is not None:
                for goal_id in {0, node.goal_id or 0}:
                    counts = deltas.setdefault(goal_id, {})
                    counts[node.bucket] = counts.get(node.bucket, 0) + sign
    return deltas
