"""What can go wrong with tasks. Each error belongs to a family of the standard library and carries its ids."""

from collections.abc import Sequence


class TaskError(Exception):
    """What all errors of this library have in common.

    Attributes:
        hint: what would be legal now, or None.
    """

    hint: str | None = None

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class InvalidValue(TaskError, ValueError):
    """An argument is out of its bounds; nothing was written.

    Attributes:
        argument: the name of the argument.
    """

    def __init__(self, argument: str, problem: str, hint: str | None = None) -> None:
        super().__init__(f"{argument} {problem}", hint)
        self.argument = argument


class TaskNotFound(TaskError, LookupError):
    """There is no task of this id."""

    def __init__(self, task_id: int) -> None:
        super().__init__(f"task {task_id} does not exist", "list_tasks names the tasks there are")
        self.task_id = task_id


class TaskCycle(TaskError, ValueError):
    """Tasks would wait for each other in a circle.

    Attributes:
        path: the ids along the circle, each waiting for the next, the first one again at the end.
    """

    def __init__(self, path: Sequence[int]) -> None:
        circle = " -> ".join(map(str, path))
        super().__init__(
            f"tasks would wait for each other: {circle}",
            "leave out a dependency on the path; a group waits for its children, a child for what its groups wait for",
        )
        self.path = tuple(path)


class IllegalTransition(TaskError, RuntimeError):
    """The task's status does not lead to the one asked for."""

    def __init__(self, task_id: int, problem: str, hint: str) -> None:
        super().__init__(f"task {task_id} {problem}", hint)
        self.task_id = task_id


class ClaimConflict(TaskError, RuntimeError):
    """Somebody else holds the task under a live claim.

    Attributes:
        worker: who holds it.
        expires_at: when the lease ends unless it is renewed, in milliseconds since 1970.
    """

    def __init__(self, task_id: int, worker: str, expires_at: int) -> None:
        super().__init__(
            f"task {task_id} is claimed by {worker}", "take another task with get_next_task, or wait for this one"
        )
        self.task_id = task_id
        self.worker = worker
        self.expires_at = expires_at


class ResultConflict(TaskError, RuntimeError):
    """The task was completed under this claim with another result; the first one stands."""

    def __init__(self, task_id: int) -> None:
        super().__init__(
            f"task {task_id} was completed under this claim with another result",
            "the first result stands; get_task shows it",
        )
        self.task_id = task_id


class StaleClaim(TaskError, RuntimeError):
    """The caller does not hold the task: the claim ended, or was never its own."""

    def __init__(self, task_id: int, problem: str, hint: str) -> None:
        super().__init__(f"task {task_id} {problem}", hint)
        self.task_id = task_id


class DependentsStarted(TaskError, RuntimeError):
    """What waited for the task has started, so the task can't be reopened.

    Attributes:
        started: the tasks in progress or completed that waited for it, the first few of them.
    """

    def __init__(self, task_id: int, started: Sequence[int]) -> None:
        ids = ", ".join(map(str, started))
        super().__init__(
            f"task {task_id} can't be reopened: task{'' if len(started) == 1 else 's'} {ids} waited for it and started",
            f"reopen or release {ids} first, or create a new task",
        )
        self.task_id = task_id
        self.started = tuple(started)


class SchemaTooNew(TaskError, RuntimeError):
    """A newer version of the library wrote this database; it is not touched."""

    def __init__(self, library: str, found: int, known: int) -> None:
        super().__init__(
            f"the {library} tables have schema version {found}; this version knows {known}",
            "upgrade to the version that wrote the file",
        )
        self.library = library
        self.found = found
        self.known = known
