"""Where a task may stand: which prerequisites, group and goal it can have without waiting for itself."""

from collections.abc import Collection

import attrs

from agent_runtime_kernel.connection import Connection

from .._model import DEEPEST_GROUP, Outcome, State
from .._records.claims import Claims
from .._records.rows import Rows
from .._records.tokens import Tokens
from .._rules.cycles import Surroundings, find_circle
from .._rules.rules import Node
from ..errors import InvalidValue, TaskCycle, TaskNotFound
from .ripple import Ripple
from .transitions import Transitions


@attrs.frozen(eq=False, repr=False)
class Placing:
    """Checks the places of tasks in one database, and makes room for children.

    Args:
        connection: the open connection.
        rows: the graph's rows.
        claims: the claims.
        tokens: which claim tokens are current.
        transitions: how tasks are opened again.
    """

    connection: Connection
    rows: Rows
    claims: Claims
    tokens: Tokens
    transitions: Transitions

    def existing(self, task_ids: Collection[int]) -> list[Node]:
        """Return the nodes of tasks.

        Raises:
            TaskNotFound: one of them does not exist.
        """
        if not task_ids:
            return []
        found = self.rows.nodes(set(task_ids))
        missing = set(task_ids) - {node.task_id for node in found}
        if missing:
            raise TaskNotFound(min(missing))
        return found

    def is_held(self, goal_id: int | None) -> bool:
        """Say whether no tasks of a goal are offered."""
        if goal_id is None:
            return False
        held = self.connection.execute(
            "SELECT goal_id FROM tasks_holds WHERE goal_id = :goal_id", {"goal_id": goal_id}
        ).fetchone()
        return held is not None

    def make_room(self, ripple: Ripple, parent: Node, claim_token: str | None, now: int) -> None:
        """Let a task take a child: a claimed leaf by its holder, whose claim ends; a finished task is opened again.

        Raises:
            StaleClaim: the task is claimed, and the token is not that of its claim.
            DependentsStarted: it is finished, and what waited for it has started.
        """
        if parent.state is State.IN_PROGRESS:
            claim = self.tokens.require_holder(parent.task_id, claim_token, "break it down into children")
            self.claims.end(claim, Outcome.RELEASED, now, token=claim_token)
            parent.state = State.WAITING
        else:
            self.transitions.open_again(ripple, parent)

    def check_depth(self, parent: Node, node: Node) -> None:
        """Refuse groups that would nest too deep.

        Raises:
            InvalidValue: they would.
        """
        above = 1 + len(self.rows.ancestors(parent))
        levels, level = 0, [node]
        while groups := [one.task_id for one in level if one.is_group]:
            level = self.rows.children(groups)
            levels += 1
        if above + levels > DEEPEST_GROUP:
            raise InvalidValue(
                "parent_id",
                f"is {parent.task_id}, which would nest groups {above + levels} deep; at most {DEEPEST_GROUP} are kept",
                "choose a parent further up",
            )

    def check_circle(self, task_id: int) -> None:
        """Refuse a circle of waiting through a task whose prerequisites or group changed.

        Raises:
            TaskCycle: there is one.
        """
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


def goal_of_child(parent: Node, goal_id: int | None) -> int | None:
    """Return the goal of a child, which is its parent's.

    Args:
        parent: the group to be.
        goal_id: the goal that was asked for, or the parent's where none was.

    Raises:
        InvalidValue: another one was asked for.
    """
    if goal_id != parent.goal_id:
        asked = f"is {goal_id}" if goal_id is not None else "is null"
        belongs = f"goal {parent.goal_id}" if parent.goal_id is not None else "no goal"
        raise InvalidValue("goal_id", f"{asked}, but parent task {parent.task_id} belongs to {belongs}", "omit goal_id")
    return goal_id
