"""`agent-runtime work`: tasks done by agents that are programs, one after the other."""

import asyncio
import sys
import time
from collections.abc import Callable

import attrs
import click

from agent_runtime_kernel.liveness import this_process
from agent_runtime_relay.runner import CommandAgent, Folder, Warden, split_command

from ...agents.relay_access import folder_of
from ...agents.task_work import TaskWork, Worked
from ...operations.call import Session
from ...replies.json import compact
from ..context import command_session, database, db_option, errors_end_the_process, json_lines_option, name_to_agents
from ..stopping import run_until_stopped

_POLL = 0.5  # seconds between two questions for a ready task
_AT_ONCE = 0.0
_COLORS = {"completed": "green", "failed": "red"}


@click.command()
@click.option(
    "--agent-command", metavar="COMMAND", required=True, help="The program, e.g. 'claude -p'; no shell runs it."
)
@click.option("--goal-id", metavar="NUMBER", type=click.IntRange(1), help="Only tasks of this goal and its sub-goals.")
@click.option("--parallel", metavar="NUMBER", type=click.IntRange(1, 64), default=1, help="Agents at once. [1]")
@click.option("--max-tasks", metavar="NUMBER", type=click.IntRange(1), help="Stop after so many.")
@click.option(
    "--idle-exit",
    metavar="SECONDS",
    type=click.FloatRange(0),
    is_flag=False,
    flag_value=_AT_ONCE,
    help="Stop when nothing was ready for so long; without a number, at once. Without this option it waits for more.",
)
@click.option("--time-limit", metavar="SECONDS", type=click.FloatRange(0.1, 86_400), default=600.0, help="Of a task.")
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
    """Claim the next ready task, run a program with the task's prompt on standard input, settle the task; and so on.

    What the program prints is the task's result. A task that failed is tried again later, while attempts are left.
    """
    with errors_end_the_process(as_json), Warden() as warden:
        opened = database(db, may_create=False)
        session = Session(worker=worker or command_session().worker, holder=this_process())
        name_to_agents(opened.path)
        folder = Folder(folder_of(opened.path))
        tasks = TaskWork(
            database=opened,
            session=session,
            agent=CommandAgent(argv=split_command(agent_command), warden=warden),
            folder=folder,
            time_limit=time_limit,
            goal_id=goal_id,
        )
        shift = Shift(tasks=tasks, most=max_tasks, idle_exit=idle_exit, tell=_as_json if as_json else _as_line)
        folder.make()
        try:
            run_until_stopped(shift.work(parallel))
        finally:
            opened.close()


@attrs.define(kw_only=True)
class Shift:
    """Agents at work side by side, until there is enough done or nothing to do.

    Args:
        tasks: claims tasks and works on them.
        most: tasks to work on at most; None for no limit.
        idle_exit: seconds without work after which they stop; None to wait for more.
        tell: is told what came of each task.
    """

    tasks: TaskWork
    most: int | None
    idle_exit: float | None
    tell: Callable[[Worked], None]
    _begun: int = attrs.field(default=0, init=False)
    _busy: int = attrs.field(default=0, init=False)
    _idle_since: float = attrs.field(factory=time.monotonic, init=False)

    async def work(self, parallel: int) -> None:
        """Let so many agents work side by side."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(parallel):
                    group.create_task(self._one_after_the_other())
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _one_after_the_other(self) -> None:
        while self.most is None or self._begun < self.most:
            self._begun += 1
            self._busy += 1
            try:
                done = await self.tasks.next()
            finally:
                self._busy -= 1
            if done is not None:
                self._idle_since = time.monotonic()
                self.tell(done)
                continue
            self._begun -= 1
            if self._is_over():
                return
            await asyncio.sleep(_POLL)

    def _is_over(self) -> bool:
        """Tell whether nothing was ready for long enough; what is being worked on may make more ready."""
        if self.idle_exit is None or self._busy:
            return False
        return time.monotonic() - self._idle_since >= self.idle_exit


def _as_json(done: Worked) -> None:
    click.echo(compact(attrs.asdict(done)))


def _as_line(done: Worked) -> None:
    error = "" if done.error is None else f": {' '.join(done.error.split())[:300]}"
    line = f"task {done.task_id} {done.title}: {done.outcome}{error} ({done.seconds:.1f} s)"
    click.secho(line, fg=_COLORS.get(done.outcome, "yellow") if sys.stdout.isatty() else None)
