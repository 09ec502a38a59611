"""What the state of a task follows from: rules without a database and without a clock.

A leaf is ready when nothing stands before it. A group's status follows its children. What a task's state means to the
tasks around it (those that wait for it, the group above, the children below) is its bearing; when a write changes a
bearing, the change travels on until no bearing changes any more.
"""

import operator

import attrs

from .._model import FINISHED_STATES, Outcome, State


@attrs.define(kw_only=True)
class Node:
    """The columns of a task that its state is derived from.

    Attributes:
        pinned: a group that was cancelled by hand, whatever its children reached.
        held: its goal is paused.
        open_dependencies: how many of its prerequisites are not completed.
        dead_dependencies: how many of them can't be completed any more.
        open_above: a group above waits for a prerequisite.
        dead_above: a group above has one that can't be completed any more.
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
        """Return another node that is equal to this one."""
        return Node(**dict(zip(_COLUMNS, _values_of(self), strict=True)))

    @property
    def is_group(self) -> bool:
        """Whether it has children."""
        return self.children > 0

    @property
    def is_blocked(self) -> bool:
        """Whether a prerequisite of its own or of a group above is open."""
        return self.open_dependencies > 0 or self.open_above

    @property
    def is_doomed(self) -> bool:
        """Whether a prerequisite of its own or of a group above can't be completed any more."""
        return self.dead_dependencies > 0 or self.dead_above

    def is_ready(self, now: int) -> bool:
        """Whether it can be claimed, though its row may still say that it waits for a time that has come."""
        return self.state is State.READY or (self.wake_at is not None and self.wake_at <= now)

    @property
    def bucket(self) -> str:
        """The column of the counts that it is counted in."""
        return "groups" if self.is_group else _BUCKETS[self.state]


_COLUMNS = tuple(field.name for field in attrs.fields(Node))
_values_of = operator.attrgetter(*_COLUMNS)
_BUCKETS = {state: state.value for state in State}


@attrs.frozen
class Bearing:
    """What a task's state means to the tasks around it.

    Attributes:
        completed: for those that wait for it: they need wait no more.
        dead: for those that wait for it: they wait in vain.
        counts_as: for the group above: the state to count the child as, or None while it is open.
        hurts: for the group above: it can't be completed as things stand.
        blocks_below: for the children: they have to wait.
        dooms_below: for the children: they are unreachable.
    """

    completed: bool
    dead: bool
    counts_as: State | None
    hurts: bool
    blocks_below: bool
    dooms_below: bool


# Of what is not there, nobody waits for it and no group counts it.
ABSENT = Bearing(completed=True, dead=False, counts_as=None, hurts=False, blocks_below=False, dooms_below=False)


def bearing(node: Node) -> Bearing:
    """Say what a task's state means to the tasks around it."""
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
    """Set a task's state, and its place in the ready queue, from what stands around it."""
    node.state = _group_state(node) if node.is_group else _leaf_state(node, now)
    if node.state is State.READY:
        node.offer = queue_key(node.priority, left=False)
    elif node.state is not State.IN_PROGRESS:
        node.offer = None
    only_waits_for_its_time = node.state is State.WAITING and not (node.is_blocked or node.held)
    node.wake_at = node.not_before if only_waits_for_its_time else None


def queue_key(priority: int, *, left: bool) -> int:
    """Return the sort key of an offer: by priority, and what an ended session left before the rest of its priority."""
    return 2 * priority + left


def counts_against_the_limit(outcome: Outcome, attempts: int, max_attempts: int) -> tuple[int, bool]:
    """Return the counted attempts after one that ended so, and whether they are used up without success."""
    counted = attempts + outcome.counts
    return counted, outcome.counts and outcome is not Outcome.COMPLETED and counted >= max_attempts


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
