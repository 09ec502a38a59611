"""The planner command: a program of the user's own that reads a goal and prints a plan.

It runs like the agents of a relay: without a shell, in its own process group, within a time limit, and never longer
than the process that started it.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence

import attrs

from agent_runtime_goals import Goal
from agent_runtime_relay.runner import ProgramEnded, Warden, run_program
from agent_runtime_tasks import Plan

from .answer import PlannerFailed, Progress, one_line, read_plan
from .prompt import prompt

TIME_LIMIT = 45.0  # seconds
_GRACE = 2.0  # seconds between asking a command to end and killing it
_PROGRESS_EVERY = 5.0  # seconds
_MAX_ERROR_LENGTH = 300


@attrs.frozen(kw_only=True)
class PlannerCommand:
    """A program that makes plans.

    Attributes:
        argv: the program and its arguments.
        environ: its environment.
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
        return read_plan(output, max_tasks, self.argv[0])

    async def _run(self, text: str, progress: Progress | None) -> str:
        reporter = asyncio.create_task(self._report(progress)) if progress else None
        try:
            with Warden() as warden:
                ended = await run_program(
                    self.argv,
                    text,
                    environment=self.environ,
                    time_limit=self.time_limit,
                    grace=_GRACE,
                    warden=warden,
                )
        except OSError as error:
            raise PlannerFailed(
                f"{self.argv[0]} could not be started: {one_line(str(error), _MAX_ERROR_LENGTH)}"
            ) from None
        finally:
            if reporter is not None:
                reporter.cancel()
        if ended.took_too_long:
            raise PlannerFailed(f"{self.argv[0]} took more than {self.time_limit:g} seconds")
        if ended.exit_code:
            raise PlannerFailed(f"{self.argv[0]} {_ending(ended)}")
        return ended.output

    async def _report(self, progress: Progress) -> None:
        """Report every few seconds that the command is still running."""
        elapsed = 0.0
        while True:
            await progress(elapsed, self.time_limit, f"{self.argv[0]} is planning")
            await asyncio.sleep(_PROGRESS_EVERY)
            elapsed += _PROGRESS_EVERY


def _ending(ended: ProgramEnded) -> str:
    code = ended.exit_code or 0
    errors = one_line(ended.last_words(_MAX_ERROR_LENGTH), _MAX_ERROR_LENGTH)
    how = f"ended with exit code {code}" if code > 0 else f"was ended by signal {-code}"
    return f"{how}: {errors}" if errors else how
