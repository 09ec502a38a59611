"""What the derived columns of tasks should be, reckoned from their neighbours' rows by the rules."""

from collections.abc import Collection, Sequence

import attrs

from .._model import State
from .._records.claims import Claims
from .._records.rows import Rows
from .._rules.rules import Node, bearing, derive, queue_key


@attrs.frozen(eq=False, repr=False)
class Reckoning:
    """Reckons the derived columns of tasks anew.

    Args:
        rows: the graph's rows.
        claims: the claims.
        now: the time in milliseconds.
    """

    rows: Rows
    claims: Claims
    now: int

    def reckon(self, page: Sequence[Node], *, in_turn: bool = False) -> list[tuple[Node, Node]]:
        """Return each task as it stands and as it should be.

        Args:
            page: the tasks.
            in_turn: whether each is to follow from what those before it should be, and not from what they are.
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
        reckoned = []
        for node in page:
            wanted = self._wanted(
                node,
                parent=None if node.parent_id is None else known.get(node.parent_id),
                prerequisites=[known[other] for other in prerequisites.get(node.task_id, []) if other in known],
                children=[known[child.task_id] for child in children.get(node.task_id, [])],
                is_left=node.task_id in left,
            )
            reckoned.append((node, wanted))
            if in_turn:
                known[node.task_id] = wanted
        return reckoned

    def neighbours(self, task_ids: Collection[int]) -> list[int]:
        """Return the tasks whose columns follow from those of these."""
        parents = {node.parent_id for node in self.rows.nodes(task_ids) if node.parent_id is not None}
        dependents = {node.task_id for _, node in self.rows.dependents(task_ids)}
        children = {node.task_id for node in self.rows.children(task_ids)}
        return sorted(parents | dependents | children)

    def _wanted(
        self, node: Node, *, parent: Node | None, prerequisites: list[Node], children: list[Node], is_left: bool
    ) -> Node:
        told = [bearing(child) for child in children]
        before = [bearing(prerequisite) for prerequisite in prerequisites]
        wanted = attrs.evolve(
            node,
            open_dependencies=sum(not one.completed for one in before),
            dead_dependencies=sum(one.dead for one in before),
            open_above=parent is not None and parent.is_blocked,
            dead_above=parent is not None and parent.is_doomed,
            children=len(children),
            children_completed=sum(one.counts_as is State.COMPLETED for one in told),
            children_cancelled=sum(one.counts_as is State.CANCELLED for one in told),
            children_failed=sum(one.counts_as is State.FAILED for one in told),
            children_hurt=sum(one.hurts for one in told),
        )
        if wanted.state is State.IN_PROGRESS:
            wanted.offer = queue_key(node.priority, left=True) if is_left and not node.held else None
        derive(wanted, self._moment(node))
        return wanted

    def _moment(self, node: Node) -> int:
        """Return the time to derive a state at.

        What waits for its time is woken by the next who asks for work, and the clock may be set back after that: either
        state is right, and the one that is there stays.
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
