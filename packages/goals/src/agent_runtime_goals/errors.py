"""The errors of goals. Each belongs to a family of the standard library and carries the ids that it is about."""

from collections.abc import Sequence

from agent_runtime_kernel.errors import AgentRuntimeError, InvalidValue
from agent_runtime_kernel.errors import SchemaTooNew as KernelSchemaTooNew

__all__ = [
    "GoalClosed",
    "GoalCycle",
    "GoalError",
    "GoalNotFound",
    "InvalidValue",
    "OpenSubGoals",
    "SchemaTooNew",
]


class GoalError(AgentRuntimeError):
    """The base of this library's errors, which are about the state of what is stored."""


class GoalNotFound(GoalError, LookupError):
    """There is no goal of this id."""

    code = "not_found"

    def __init__(self, goal_id: int) -> None:
        super().__init__(f"goal {goal_id} does not exist", "list_goals names the goals there are")
        self.goal_id = goal_id


class GoalClosed(GoalError, RuntimeError):
    """A goal can't be created, moved or reopened under a completed or cancelled one."""

    code = "illegal_transition"

    def __init__(self, goal_id: int, status: str, attempt: str) -> None:
        super().__init__(f"goal {goal_id} is {status}, so {attempt}", f"set goal {goal_id} to active first")
        self.goal_id = goal_id
        self.status = status


class OpenSubGoals(GoalError, RuntimeError):
    """A goal with open sub-goals can't be completed unless they are cancelled with it."""

    code = "conflict"

    def __init__(self, goal_id: int, count: int, first: Sequence[int]) -> None:
        ids = ", ".join(map(str, first)) + (", ..." if count > len(first) else "")
        super().__init__(
            f"goal {goal_id} has {count} open sub-goal{'' if count == 1 else 's'} ({ids})",
            'complete them first; list_goals with status="active" names the open ones',
        )
        self.goal_id = goal_id
        self.count = count
        self.first = tuple(first)


class GoalCycle(GoalError, ValueError):
    """A goal would become its own ancestor.

    Attributes:
        path: the ids from the goal down to the intended parent.
    """

    code = "cycle"

    def __init__(self, goal_id: int, parent_goal_id: int, path: Sequence[int]) -> None:
        super().__init__(
            f"goal {goal_id} can't stand under goal {parent_goal_id}: {' > '.join(map(str, path))} > {goal_id}",
            "choose a parent that is not below the goal",
        )
        self.goal_id = goal_id
        self.path = tuple(path)


class SchemaTooNew(GoalError, KernelSchemaTooNew):
    """A newer version of the library wrote this database; the database is not touched."""
