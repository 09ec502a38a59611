"""The state of a task, derived from its neighbours.

A leaf is ready when it waits for nothing. A group's status follows its children. A task's neighbours are the tasks that
wait for it, the group above it and the children below it; a task's bearing is what its state means to them. When a
write changes a bearing, the neighbours' states are derived again, until no bearing changes.

Example: task 2 waits for task 1. Task 1 fails, so its bearing becomes dead. Task 2 then has a dead dependency: it turns
from waiting to unreachable, which in turn is a dead dependency of each task that waits for task 2.

Invariants:

- A leaf is in progress, completed, failed or cancelled because a call made it so; its other states are derived.
- A group is cancelled by hand (`pinned`) or has the state that its children give it.
- A task has a key in the ready queue (`offer`) while it is ready, or while it is in progress under a lapsed claim and
  its goal is not paused. It has a `wake_at` while it waits for its time alone.
"""

import operator

import attrs

from .._model import FINISHED_STATES, State


@attrs.define(kw_only=True, repr=False)
class Node:
    """The columns of a task that its state is derived from.

    Attributes:
        offer: the sort key in the ready queue, or None while it is not offered.
        wake_at: the time at which it becomes ready, if it waits for nothing else.
        pinned: a group that was cancelled by hand, whatever its children reached.
        held: its goal is paused.
        open_dependencies: the number of its prerequisites that are not completed.
        dead_dependencies: the number of its prerequisites that can no longer be completed.
        open_above: a group above waits for a prerequisite.
        dead_above: a group above has a prerequisite that can no longer be completed.
        children_failed: children that failed, and leaves that are unreachable.
        children_hurt: children that failed, are unreachable, or are groups with such a child.
    """

    task_id: int
    goal_id: int | None
    parent_id: int | None
    state: State
    offer: int | None
    wake_at: int | None
    priority: int
    pinned: bool
    held: bool
    not_before: int | None
    open_dependencies: int
    dead_dependencies: int
    open_above: bool
    dead_above: bool
    children: int
    children_completed: int
    children_cancelled: int
    children_failed: int
    children_hurt: int

    def copy(self) -> "Node":
        """Return an equal node."""
        return Node(**dict(zip(_COLUMNS, _values_of(self), strict=True)))

    @property
    def is_group(self) -> bool:
        """True if it has children."""
        return self.children > 0

    @property
    def is_blocked(self) -> bool:
        """True while a prerequisite of its own or of a group above is not completed."""
        return self.open_dependencies > 0 or self.open_above

    @property
    def is_doomed(self) -> bool:
        """True if a prerequisite of its own or of a group above can no longer be completed."""
        return self.dead_dependencies > 0 or self.dead_above

    def is_ready(self, now: int) -> bool:
        """Tell whether it can be claimed. Its row may still say that it waits for a time that has come."""
        return self.state is State.READY or (self.wake_at is not None and self.wake_at <= now)

    @property
    def bucket(self) -> str:
        """The column of the counts in which it is counted."""
        return "groups" if self.is_group else _BUCKETS[self.state]


_COLUMNS = tuple(field.name for field in attrs.fields(Node))
_values_of = operator.attrgetter(*_COLUMNS)
_BUCKETS = {state: state.value for state in State}


@attrs.frozen(repr=False)
class Bearing:
    """The meaning of a task's state to its neighbours.

    Attributes:
        completed: the tasks that wait for it no longer do.
        dead: the tasks that wait for it are unreachable.
        counts_as: the state as which the group above counts it, or None while it is open.
        hurts: the group above can't be completed as things are.
        blocks_below: its children have to wait.
        dooms_below: its children are unreachable.
    """

    completed: bool
    dead: bool
    counts_as: State | None
    hurts: bool
    blocks_below: bool
    dooms_below: bool


# A missing task blocks nobody and counts nowhere.
ABSENT = Bearing(completed=True, dead=False, counts_as=None, hurts=False, blocks_below=False, dooms_below=False)


def bearing(node: Node) -> Bearing:
    """Return the meaning of a task's state to its neighbours."""
    state = node.state
    hurt_group = state is State.GROUP and node.children_hurt > 0
    hurts = state in (State.FAILED, State.UNREACHABLE) or hurt_group
    if state in FINISHED_STATES:
        counts_as = state
    elif state is State.UNREACHABLE and not node.is_group:
        counts_as = State.FAILED
    else:
        counts_as = None
    return Bearing(
        completed=state is State.COMPLETED,
        dead=hurts or state is State.CANCELLED,
        counts_as=counts_as,
        hurts=hurts,
        blocks_below=node.is_blocked,
        dooms_below=node.is_doomed,
    )


def derive(node: Node, now: int) -> None:
    """Set a task's state and its place in the ready queue from the other columns."""
    node.state = _group_state(node) if node.is_group else _leaf_state(node, now)
    if node.state is State.READY:
        node.offer = queue_key(node.priority, left=False)
    elif node.state is not State.IN_PROGRESS:
        node.offer = None
    waits_only_for_its_time = node.state is State.WAITING and not (node.is_blocked or node.held)
    node.wake_at = node.not_before if waits_only_for_its_time else None


def queue_key(priority: int, *, left: bool) -> int:
    """Return the sort key of an offer: by priority, and within one, tasks that an ended session left come first."""
    return 2 * priority + left


def _leaf_state(node: Node, now: int) -> State:
    if node.state in FINISHED_STATES or node.state is State.IN_PROGRESS:
        return node.state
    if node.is_doomed:
        return State.UNREACHABLE
    if node.is_blocked or node.held or (node.not_before is not None and node.not_before > now):
        return State.WAITING
    return State.READY


def _group_state(node: Node) -> State:
    if node.pinned:
        return State.CANCELLED
    if node.children_completed + node.children_cancelled == node.children:
        return State.COMPLETED if node.children_completed else State.CANCELLED
    if node.children_completed + node.children_cancelled + node.children_failed == node.children:
        return State.FAILED
    return State.UNREACHABLE if node.is_doomed else State.GROUP
