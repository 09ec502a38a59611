"""What can go wrong with goals. Each error belongs to a family of the standard library and carries its ids."""

from collections.abc import Sequence


class GoalError(Exception):
    """What all errors of this library have in common.

    Attributes:
        hint: what would be legal now, or None.
    """

    hint: str | None = None

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class InvalidValue(GoalError, ValueError):
    """An argument is out of its bounds; nothing was written.

    Attributes:
        argument: the name of the argument.
    """

    def __init__(self, argument: str, problem: str, hint: str | None = None) -> None:
        super().__init__(f"{argument} {problem}", hint)
        self.argument = argument


class GoalNotFound(GoalError, LookupError):
    """There is no goal of this id."""

    def __init__(self, goal_id: int) -> None:
        super().__init__(f"goal {goal_id} does not exist", "list_goals names the goals there are")
        self.goal_id = goal_id


class GoalClosed(GoalError, RuntimeError):
    """A goal can't be created, moved or reopened under one that is completed or cancelled."""

    def __init__(self, goal_id: int, status: str, attempt: str) -> None:
        super().__init__(f"goal {goal_id} is {status}, so {attempt}", f"set goal {goal_id} to active first")
        self.goal_id = goal_id
        self.status = status


class OpenSubGoals(GoalError, RuntimeError):
    """A goal with open sub-goals can't be completed without saying what becomes of them."""

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
        path: the ids from the goal down to the one it would stand under.
    """

    def __init__(self, goal_id: int, parent_goal_id: int, path: Sequence[int]) -> None:
        super().__init__(
            f"goal {goal_id} can't stand under goal {parent_goal_id}: {' > '.join(map(str, path))} > {goal_id}",
            "choose a parent that is not below the goal",
        )
        self.goal_id = goal_id
        self.path = tuple(path)


class SchemaTooNew(GoalError, RuntimeError):
    """A newer version of the library wrote this database; it is not touched."""

    def __init__(self, library: str, found: int, known: int) -> None:
        super().__init__(
            f"the {library} tables have schema version {found}; this version knows {known}",
            "upgrade to the version that wrote the file",
        )
        self.library = library
        self.found = found
        self.known = known
