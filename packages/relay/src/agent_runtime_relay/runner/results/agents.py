"""Agents as a runner sees them: async callables that take an assignment and return a result."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import attrs

from ..._guard import Result
from ..assignment import Assignment
from ..programs.environment import PASSED_ON, passed_on
from ..programs.process import GRACE, KEPT, ProgramEnded, run_program
from ..programs.warden import Warden
from .files import read_result_file, remove
from .reading import read_file, read_output, result_of
from .result import AgentFailed, AgentResult


class Agent(Protocol):
    """Any async callable that works on an assignment."""

    def __call__(self, assignment: Assignment, /) -> Awaitable[AgentResult | Mapping[str, object] | str]:
        """Do the work and return a result, its fields, or a text without a score.

        A runner that stops, or that reaches the time limit, cancels this call. The agent must then end cleanly.

        Raises:
            AgentFailed: it has no result; the error says why. Any other exception is a failure of type exception.
        """
        ...


@attrs.frozen(kw_only=True)
class CommandAgent:
    """An agent that is a program.

    It reads the prompt from standard input, and writes its result to a file or prints it.

    Attributes:
        argv: the program and its arguments; no shell reads them.
        grace: seconds between asking it to end and killing it.
        passed_on: names, or patterns of names, of the environment variables that it is given.
        folder: its working directory; None for that of this process.
        warden: kills it when this process dies.
    """

    argv: Sequence[str]
    grace: float = GRACE
    passed_on: Sequence[str] = PASSED_ON
    folder: Path | None = None
    warden: Warden = attrs.field(factory=Warden)

    async def __call__(self, assignment: Assignment) -> AgentResult:
        """Run the program on an assignment.

        Raises:
            AgentFailed: it took too long, failed, or wrote no readable result.
        """
        baton = assignment.baton
        variables = {
            "AGENT_RUNTIME_PIPELINE_ID": str(baton.pipeline_id),
            "AGENT_RUNTIME_BATON_ID": baton.baton_id,
            "AGENT_RUNTIME_ROLE": baton.agent_type,
            "AGENT_RUNTIME_STEP": str(baton.sequence_position - 1),
        }
        if assignment.input:
            assignment.input_file.write_text(assignment.input, encoding="utf-8")
            variables["AGENT_RUNTIME_INPUT"] = str(assignment.input_file)
        try:
            return await self.answer(assignment.prompt, variables, assignment.result_file, assignment.time_limit)
        finally:
            remove(assignment.input_file)

    async def answer(
        self, prompt: str, variables: Mapping[str, str], result_file: Path, time_limit: float
    ) -> AgentResult:
        """Run the program on a prompt.

        Args:
            prompt: its standard input.
            variables: environment variables besides those passed on.
            result_file: the file into which it may write its result; the file is left there.
            time_limit: seconds that it may take.

        Raises:
            AgentFailed: it took too long, failed, or wrote no readable result.
        """
        remove(result_file)
        added = {**variables, "AGENT_RUNTIME_RESULT": str(result_file)}
        try:
            ended = await run_program(
                self.argv,
                prompt,
                environment={**passed_on(os.environ, self.passed_on), **added},
                folder=self.folder,
                time_limit=time_limit,
                grace=self.grace,
                warden=self.warden,
            )
        except OSError as error:
            raise AgentFailed(Result.EXCEPTION, f"{self.argv[0]} could not be started: {error}") from error
        return self._read(ended, result_file, time_limit)

    def _read(self, ended: ProgramEnded, result_file: Path, time_limit: float) -> AgentResult:
        """Return the result that the program wrote or printed, or raise a failure with its exit code and its errors."""
        if ended.took_too_long:
            written = None
            with contextlib.suppress(AgentFailed):
                written = read_result_file(result_file)
            raise AgentFailed(
                Result.TIMEOUT,
                f"{self.argv[0]} took more than {time_limit:g} seconds{_quoted_errors(ended)}",
                output=written or ended.output,
            )
        written = read_result_file(result_file)
        if written is not None:
            return read_file(written)
        printed = ended.output.strip()
        if ended.exit_code == 0 and not printed:
            raise AgentFailed(Result.INVALID_OUTPUT, f"{self.argv[0]} handed in nothing{_quoted_errors(ended)}")
        result = read_output(printed) if printed else None
        if result is None or (ended.exit_code != 0 and _has_no_scores(result)):
            raise AgentFailed(
                Result.EXCEPTION,
                f"{self.argv[0]} ended with exit code {ended.exit_code}{_quoted_errors(ended)}",
                output=ended.output,
            )
        if ended.output_bytes > KEPT and _has_no_scores(result):
            raise AgentFailed(
                Result.INVALID_OUTPUT,
                f"{self.argv[0]} printed {ended.output_bytes} bytes and no result; an output has at most 1 MiB",
                output=ended.output,
            )
        return result


async def run_agent(agent: Agent, assignment: Assignment) -> AgentResult:
    """Run an agent on its assignment within the time limit.

    Raises:
        AgentFailed: it has no result, whatever exception it raised.
    """
    try:
        if isinstance(agent, CommandAgent):  # it keeps the time limit itself, and what was written until then
            return await agent(assignment)
        async with asyncio.timeout(assignment.time_limit) as limit:
            answer = await agent(assignment)
        return result_of(answer)
    except AgentFailed:
        raise
    except TimeoutError as error:
        over = not isinstance(agent, CommandAgent) and limit.expired()
        message = f"the agent took more than {assignment.time_limit:g} seconds" if over else f"TimeoutError: {error}"
        raise AgentFailed(Result.TIMEOUT, message) from error
    except Exception as error:
        raise AgentFailed(Result.EXCEPTION, f"{type(error).__name__}: {error}") from error


def _has_no_scores(result: AgentResult) -> bool:
    return result.quality_score is None and result.l_score is None and not result.confidence


def _quoted_errors(ended: ProgramEnded) -> str:
    errors = ended.errors.strip()[-500:]
    return f": {errors}" if errors else ""
