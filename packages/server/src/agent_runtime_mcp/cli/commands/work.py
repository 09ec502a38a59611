"""`agent-runtime work`: ready tasks done by agents that are programs."""

import asyncio
import sys
import time
from collections.abc import Callable

import attrs
import click

from agent_runtime_kernel.liveness import this_process
from agent_runtime_relay.runner import CommandAgent, Folder, Warden, split_command

from ...agents.relay_access import agents_folder
from ...agents.task_work import TaskWork, Worked
from ...operations.call import Session
from ...replies.json import compact
from ..context import command_session, database, errors_end_the_process, name_to_agents
from ..options import db_option, json_lines_option
from ..stopping import run_until_stopped

_POLL = 0.5  # seconds between two questions for a ready task
_AT_ONCE = 0.0
_TIME_LIMIT = 600.0  # seconds
_LONGEST_ERROR = 300  # characters
_COLORS = {"completed": "green", "failed": "red"}


@click.command()
@click.option(
    "--agent-command", metavar="COMMAND", required=True, help="The program, e.g. 'claude -p'; no shell runs it."
)
@click.option("--goal-id", metavar="NUMBER", type=click.IntRange(1), help="Only tasks of this goal and its sub-goals.")
@click.option("--parallel", metavar="NUMBER", type=click.IntRange(1, 64), default=1, help="Agents at once. [1]")
@click.option("--max-tasks", metavar="NUMBER", type=click.IntRange(1), help="Stop after so many tasks.")
@click.option(
    "--idle-exit",
    metavar="SECONDS",
    type=click.FloatRange(0),
    is_flag=False,
    flag_value=_AT_ONCE,
    help="Stop after so many seconds without a ready task; without a number, at once. Default: wait for more.",
)
@click.option(
    "--time-limit",
    metavar="SECONDS",
    type=click.FloatRange(0.1, 86_400),
    default=_TIME_LIMIT,
    help=f"For a task. [{_TIME_LIMIT:g}]",
)
@click.option("--worker", metavar="TEXT", help="Who claims the tasks.")
@json_lines_option
@db_option
def work(
    agent_command: str,
    goal_id: int | None,
    parallel: int,
    max_tasks: int | None,
    idle_exit: float | None,
    time_limit: float,
    worker: str | None,
    as_json: bool,
    db: str | None,
) -> None:
    """Claim the next ready task, run a program with the task's prompt on standard input, settle the task, and repeat.

    The task's result is the program's output. A failed task is tried again later, while it has attempts left.
    """
    with errors_end_the_process(as_json), Warden() as warden:
        opened = database(db, may_create=False)
        session = Session(worker=worker or command_session().worker, holder=this_process())
        name_to_agents(opened.path)
        folder = Folder(agents_folder(opened.path))
        tasks = TaskWork(
            database=opened,
            session=session,
            agent=CommandAgent(argv=split_command(agent_command), warden=warden),
            folder=folder,
            time_limit=time_limit,
            goal_id=goal_id,
        )
        report = _print_json if as_json else _print_line
        shift = Shift(tasks, max_tasks=max_tasks, idle_exit=idle_exit, report=report)
        folder.make()
        try:
            run_until_stopped(shift.work(parallel))
        finally:
            opened.close()


class Shift:
    """Agents that work side by side until enough tasks are done or no task is left.

    Args:
        tasks: claims tasks and works on them.
        max_tasks: the number of tasks to work on; None for no limit.
        idle_exit: seconds without a ready task after which they stop; None to wait for more.
        report: is called with the outcome of each task.
    """

    def __init__(
        self, tasks: TaskWork, *, max_tasks: int | None, idle_exit: float | None, report: Callable[[Worked], None]
    ) -> None:
        self._tasks = tasks
        self._max_tasks = max_tasks
        self._idle_exit = idle_exit
        self._report = report
        self._begun = 0
        self._busy = 0
        self._idle_since = time.monotonic()

    async def work(self, parallel: int) -> None:
        """Run so many agents side by side."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(parallel):
                    group.create_task(self._one_after_the_other())
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _one_after_the_other(self) -> None:
        while self._max_tasks is None or self._begun < self._max_tasks:
            self._begun += 1
            self._busy += 1
            try:
                done = await self._tasks.next()
            finally:
                self._busy -= 1
            if done is not None:
                self._idle_since = time.monotonic()
                self._report(done)
                continue
            self._begun -= 1
            if self._is_over():
                return
            await asyncio.sleep(_POLL)

    def _is_over(self) -> bool:
        """Tell whether no task was ready for long enough. A task that is being worked on may make more ready."""
        if self._idle_exit is None or self._busy:
            return False
        return time.monotonic() - self._idle_since >= self._idle_exit


def _print_json(done: Worked) -> None:
    click.echo(compact(attrs.asdict(done)))


def _print_line(done: Worked) -> None:
    error = "" if done.error is None else f": {' '.join(done.error.split())[:_LONGEST_ERROR]}"
    line = f"task {done.task_id} {done.title}: {done.outcome}{error} ({done.seconds:.1f} s)"
    click.secho(line, fg=_COLORS.get(done.outcome, "yellow") if sys.stdout.isatty() else None)
