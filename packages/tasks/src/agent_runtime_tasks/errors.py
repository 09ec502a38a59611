"""The errors of tasks. Each belongs to a family of the standard library and carries its ids."""

from collections.abc import Sequence

from agent_runtime_kernel.errors import AgentRuntimeError, InvalidValue
from agent_runtime_kernel.errors import SchemaTooNew as KernelSchemaTooNew

__all__ = [
    "ClaimConflict",
    "DependentsStarted",
    "IllegalTransition",
    "InvalidValue",
    "ResultConflict",
    "SchemaTooNew",
    "StaleClaim",
    "TaskCycle",
    "TaskError",
    "TaskNotFound",
]


class TaskError(AgentRuntimeError):
    """The base of the errors about the stored tasks."""


class TaskNotFound(TaskError, LookupError):
    """There is no task with this id."""

    code = "not_found"

    def __init__(self, task_id: int) -> None:
        super().__init__(f"task {task_id} does not exist", "list_tasks names the tasks there are")
        self.task_id = task_id


class TaskCycle(TaskError, ValueError):
    """Tasks would wait for each other in a circle.

    Attributes:
        path: the ids along the circle, each waiting for the next, with the first one again at the end.
    """

    code = "cycle"

    def __init__(self, path: Sequence[int]) -> None:
        circle = " -> ".join(map(str, path))
        super().__init__(
            f"tasks would wait for each other: {circle}",
            "leave out a dependency on the path; a group waits for its children, a child for what its groups wait for",
        )
        self.path = tuple(path)


class IllegalTransition(TaskError, RuntimeError):
    """The task can't change from its status to the requested one."""

    code = "illegal_transition"

    def __init__(self, task_id: int, problem: str, hint: str) -> None:
        super().__init__(f"task {task_id} {problem}", hint)
        self.task_id = task_id


class ClaimConflict(TaskError, RuntimeError):
    """Somebody else holds the task under a live claim.

    Attributes:
        worker: the name under which the task is claimed.
        expires_at: the end of the lease unless it is renewed, in milliseconds since 1970.
    """

    code = "conflict"

    def __init__(self, task_id: int, worker: str, expires_at: int) -> None:
        super().__init__(
            f"task {task_id} is claimed by {worker}", "take another task with get_next_task, or wait for this one"
        )
        self.task_id = task_id
        self.worker = worker
        self.expires_at = expires_at


class ResultConflict(TaskError, RuntimeError):
    """The task was completed under this claim with another result; the first one stands."""

    code = "conflict"

    def __init__(self, task_id: int) -> None:
        super().__init__(
            f"task {task_id} was completed under this claim with another result",
            "the first result stands; get_task shows it",
        )
        self.task_id = task_id


class StaleClaim(TaskError, RuntimeError):
    """The caller does not hold the task: its claim has ended, or was never its own."""

    code = "stale_claim"

    def __init__(self, task_id: int, problem: str, hint: str) -> None:
        super().__init__(f"task {task_id} {problem}", hint)
        self.task_id = task_id


class DependentsStarted(TaskError, RuntimeError):
    """The task can't be reopened, because tasks that waited for it have started.

    Attributes:
        started: the first few tasks that waited for it and are in progress or completed.
    """

    code = "illegal_transition"

    def __init__(self, task_id: int, started: Sequence[int]) -> None:
        ids = ", ".join(map(str, started))
        super().__init__(
            f"task {task_id} can't be reopened: task{'' if len(started) == 1 else 's'} {ids} waited for it and started",
            f"reopen or release {ids} first, or create a new task",
        )
        self.task_id = task_id
        self.started = tuple(started)


class SchemaTooNew(TaskError, KernelSchemaTooNew):
    """A newer version of the library wrote this database; the database is not touched."""
