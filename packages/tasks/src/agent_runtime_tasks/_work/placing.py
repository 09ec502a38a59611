"""The place of a task in the graph: the prerequisites, the group and the goal that it may have."""

from collections.abc import Collection

from .._model import Outcome, State
from .._records.rows import Rows
from .._records.tokens import Tokens
from .._rules.cycles import Surroundings, find_circle
from .._rules.rules import Node
from ..bounds import MAX_GROUP_DEPTH
from ..errors import InvalidValue, TaskCycle, TaskNotFound
from .claiming import Claiming
from .reopening import Reopening
from .ripple import Ripple


class Placing:
    """The checks of places in one database.

    Args:
        rows: the graph's rows.
        tokens: tells current claim tokens from stale ones.
        claiming: ends the claim of a task that is broken down.
        reopening: reopens finished tasks.
    """

    def __init__(self, rows: Rows, tokens: Tokens, claiming: Claiming, reopening: Reopening) -> None:
        self.rows = rows
        self.tokens = tokens
        self.claiming = claiming
        self.reopening = reopening

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

    def make_room(self, ripple: Ripple, parent: Node, claim_token: str | None, now: int) -> None:
        """Prepare a task for a child: end the claim of a task in progress, reopen a finished task.

        Raises:
            StaleClaim: the task is claimed, and the token is not that of its claim.
            DependentsStarted: it is finished, and tasks that waited for it have started.
        """
        if parent.state is State.IN_PROGRESS:
            claim = self.tokens.require_holder(parent.task_id, claim_token, "break it down into children")
            self.claiming.end(claim, Outcome.RELEASED, now, token=claim_token)
            parent.state = State.WAITING
        else:
            self.reopening.open_again(ripple, parent)

    def check_depth(self, parent: Node, node: Node) -> None:
        """Refuse groups that would nest too deep.

        Raises:
            InvalidValue: the groups would nest deeper than 16.
        """
        above = 1 + len(self.rows.ancestors(parent))
        levels, level = 0, [node]
        while groups := [one.task_id for one in level if one.is_group]:
            level = self.rows.children(groups)
            levels += 1
        depth = above + levels
        if depth > MAX_GROUP_DEPTH:
            raise InvalidValue(
                "parent_id",
                f"is {parent.task_id}, which would nest groups {depth} deep; at most {MAX_GROUP_DEPTH} are kept",
                "choose a parent further up",
            )

    def check_circle(self, task_id: int) -> None:
        """Refuse a circle of waiting through a task whose prerequisites or group changed.

        Raises:
            TaskCycle: the task would wait for itself.
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
    """Return the goal of a child, which must be its parent's.

    Args:
        parent: the group to be.
        goal_id: the goal that was asked for; the parent's if the caller named none.

    Raises:
        InvalidValue: another goal was asked for.
    """
    if goal_id != parent.goal_id:
        asked = f"is {goal_id}" if goal_id is not None else "is null"
        belongs = f"goal {parent.goal_id}" if parent.goal_id is not None else "no goal"
        raise InvalidValue("goal_id", f"{asked}, but parent task {parent.task_id} belongs to {belongs}", "omit goal_id")
    return goal_id
