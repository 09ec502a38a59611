"""The planner command: a program of the user's own that is told the goal and answers a plan.

It runs without a shell in its own process group, within a time limit.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence

import attrs

from agent_runtime_goals import Goal
from agent_runtime_tasks import Plan

from ._planner_answer import NoPlan, one_line, plan_in
from ._planner_prompt import prompt

PLANNER = "AGENT_RUNTIME_PLANNER"  # the variable that names the command
TIME_LIMIT = 45.0  # seconds
LARGEST_OUTPUT = 1024 * 1024
_GRACE = 2.0  # seconds: between asking a command to end and killing it; for output that is still to come when it ended
_PROGRESS_EVERY = 5.0
_SHOWN_OF_ERRORS = 300
_STANDARD_INPUT, _STANDARD_OUTPUT, _STANDARD_ERROR = range(3)

Progress = Callable[[float, float, str], Awaitable[None]]


class PlannerFailed(Exception):
    """The command gave no plan; the message says why, in words for the caller."""


@attrs.frozen(kw_only=True)
class PlannerCommand:
    """A planner command.

    Attributes:
        argv: the program and its arguments.
        environ: its environment. The variable that names the command is left out: should it use this runtime in turn,
            no planner command runs below it.
        time_limit: seconds that it may take.
    """

    argv: Sequence[str]
    environ: Mapping[str, str] = os.environ
    time_limit: float = TIME_LIMIT

    async def plan(self, goal: Goal, strategy: str, max_tasks: int, progress: Progress | None) -> Plan:
        """Return the plan that the command makes for a goal.

        Raises:
            PlannerFailed: it could not be started, took too long, failed, or printed no valid plan.
        """
        output = await self._run(prompt(goal, strategy, max_tasks), progress)
        try:
            return plan_in(output, max_tasks)
        except NoPlan as error:
            raise PlannerFailed(f"{self.argv[0]} printed {error}") from None

    async def _run(self, text: str, progress: Progress | None) -> str:
        try:
            transport, command = await asyncio.get_running_loop().subprocess_exec(
                _Command,
                *self.argv,
                env={name: value for name, value in self.environ.items() if name != PLANNER},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise PlannerFailed(
                f"{self.argv[0]} could not be started: {one_line(str(error), _SHOWN_OF_ERRORS)}"
            ) from None
        reporter = asyncio.create_task(self._report(progress)) if progress else None
        try:
            async with asyncio.timeout(self.time_limit):
                command.tell(text.encode())
                await command.ended.wait()
                with contextlib.suppress(TimeoutError):  # a process that it left behind may keep its output open
                    await asyncio.wait_for(command.said_all.wait(), _GRACE)
        except TimeoutError:
            raise PlannerFailed(f"{self.argv[0]} took more than {self.time_limit:g} seconds") from None
        finally:
            if reporter is not None:
                reporter.cancel()
            await _end(transport, command)
        output, errors = (said.decode(errors="replace") for said in (command.output, command.errors))
        if code := transport.get_returncode():
            told = one_line((errors.strip() or output.strip())[-_SHOWN_OF_ERRORS:], _SHOWN_OF_ERRORS)
            raise PlannerFailed(f"{self.argv[0]} {_ending(code)}" + (f": {told}" if told else ""))
        return output

    async def _report(self, progress: Progress) -> None:
        """Tell the client every few seconds that the command is still at it."""
        elapsed = 0.0
        while True:
            await progress(elapsed, self.time_limit, f"{self.argv[0]} is planning")
            await asyncio.sleep(_PROGRESS_EVERY)
            elapsed += _PROGRESS_EVERY


class _Command(asyncio.SubprocessProtocol):
    """What a running command has said so far.

    The end of the program and that of its output are told apart: processes that it left behind can keep the pipes open.
    """

    def __init__(self) -> None:
        self.output, self.errors = bytearray(), bytearray()
        self.ended, self.said_all = asyncio.Event(), asyncio.Event()
        self._open = {_STANDARD_OUTPUT, _STANDARD_ERROR}
        self._transport: asyncio.SubprocessTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.SubprocessTransport):
            self._transport = transport

    def tell(self, data: bytes) -> None:
        """Give it its whole input; it need not read that to the end."""
        pipe = self._transport and self._transport.get_pipe_transport(_STANDARD_INPUT)
        if isinstance(pipe, asyncio.WriteTransport):
            pipe.write(data)
            pipe.close()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Keep the beginning of what it prints."""
        kept = self.output if fd == _STANDARD_OUTPUT else self.errors
        kept += data[: LARGEST_OUTPUT - len(kept)]

    def pipe_connection_lost(self, fd: int, _exc: Exception | None) -> None:
        self._open.discard(fd)
        if not self._open:
            self.said_all.set()

    def process_exited(self) -> None:
        self.ended.set()


async def _end(transport: asyncio.SubprocessTransport, command: _Command) -> None:
    """End what is left of the command's process group. Whoever cancels this does not keep it from that."""
    group = transport.get_pid()
    try:
        if _signal(group, signal.SIGTERM):
            await _ended_within_grace(command)
            if _signal(group, signal.SIGKILL):
                await _ended_within_grace(command)
    finally:
        _signal(group, signal.SIGKILL)
        transport.close()


async def _ended_within_grace(command: _Command) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(command.ended.wait(), _GRACE)


def _signal(group: int, number: signal.Signals) -> bool:
    """Send a signal to a process group, and say whether there was any process in it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # the latter from macOS, where all of the group are zombies
        return False
    return True


def _ending(code: int) -> str:
    return f"ended with exit code {code}" if code > 0 else f"was ended by signal {-code}"
