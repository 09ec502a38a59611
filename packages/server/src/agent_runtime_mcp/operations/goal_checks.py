"""Checks of goals before work on their tasks."""

from typing import TYPE_CHECKING

from ..errors import IllegalTransition
from .call import Call

if TYPE_CHECKING:
    from agent_runtime_goals import Goal


def require_open_goal(call: Call, goal_id: int, attempt: str) -> "Goal":
    """Return a goal that accepts work.

    Raises:
        IllegalTransition: it is completed or cancelled.
    """
    goal = call.libraries.goals.get(goal_id)
    if not goal.status.is_open:
        raise IllegalTransition(
            f"goal {goal_id} is {goal.status}: {attempt}",
            f"reopen it with update_goal status active, or choose another goal than {goal_id}",
            {"goal_id": goal_id, "status": goal.status.value},
        )
    return goal


def goal_ids_of(call: Call, goal_id: int | None) -> tuple[int, ...] | None:
    """Return a goal's id and those of its sub-goals as a filter; None does not filter."""
    if goal_id is None:
        return None
    call.libraries.goals.get(goal_id)
    return call.libraries.goals.subtree([goal_id])[goal_id]
