"""Agents as a runner knows them: something that is given an assignment and answers with a result."""

import asyncio
import contextlib
import fnmatch
import os
import shutil
import stat
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import attrs

from ..._batons import Baton
from ..._guard import Result
from ..results.results import AgentFailed, AgentResult, read_file, read_output, result_of
from .process import GRACE, KEPT, ProgramEnded, run_program
from .warden import Warden

TIME_LIMIT = 600.0  # seconds
LARGEST_RESULT = 2 * 1024 * 1024  # bytes of a result file: an output of 1 MiB, escaped
# What a program needs to find itself, its user, its language and the network; all else has to be let through by name.
PASSED_ON = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TERM",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TMPDIR",
    "XDG_*",
    "SSL_CERT_*",
    "NODE_EXTRA_CA_CERTS",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "ANTHROPIC_*",
    "CLAUDE_*",
    "AGENT_RUNTIME_DB",
)


@attrs.frozen(kw_only=True)
class Assignment:
    """What an agent is given.

    Attributes:
        baton: what is handed over.
        prompt: the whole briefing.
        input: the whole output of the step before; empty at the first.
        time_limit: seconds that it may take.
        folder: where files for it and from it are put.
    """

    baton: Baton
    prompt: str
    input: str
    time_limit: float
    folder: Path

    @property
    def result_file(self) -> Path:
        """Where its program may write the result."""
        return self.folder / f"{self.baton.baton_id}.result.json"

    @property
    def input_file(self) -> Path:
        """Where its program finds the whole output of the step before."""
        return self.folder / f"{self.baton.baton_id}.input.txt"


class Agent(Protocol):
    """Any async callable that works on an assignment."""

    def __call__(self, assignment: Assignment, /) -> Awaitable[AgentResult | Mapping[str, object] | str]:
        """Do the work and return a result, its fields, or a text that nobody has judged.

        A runner that stops, or that finds the time limit over, cancels this; a clean end is then the agent's to make.

        Raises:
            AgentFailed: it handed nothing in, and why; any other exception counts as one of type exception.
        """
        ...


@attrs.frozen(kw_only=True)
class CommandAgent:
    """An agent that is a program: the prompt comes on standard input, the result goes into a file or is printed.

    Attributes:
        argv: the program and its arguments; no shell reads them.
        grace: seconds between asking it to end and killing it.
        passed_on: names, or patterns of names, of what it is given of this process's environment.
        folder: where it works; None for where this process does.
        warden: ends it when this process dies.
    """

    argv: Sequence[str]
    grace: float = GRACE
    passed_on: Sequence[str] = PASSED_ON
    folder: Path | None = None
    warden: Warden = attrs.field(factory=Warden)

    async def __call__(self, assignment: Assignment) -> AgentResult:
        """Run the program on an assignment.

        Raises:
            AgentFailed: it took too long, failed, or handed in nothing that can be read.
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
            variables: what it is told in its environment.
            result_file: where it may write its result; it stays there.
            time_limit: seconds that it may take.

        Raises:
            AgentFailed: as when it is called.
        """
        remove(result_file)
        told = {**variables, "AGENT_RUNTIME_RESULT": str(result_file)}
        try:
            ended = await run_program(
                self.argv,
                prompt,
                environment={**passed_on(os.environ, self.passed_on), **told},
                folder=self.folder,
                time_limit=time_limit,
                grace=self.grace,
                warden=self.warden,
            )
        except OSError as error:
            raise AgentFailed(Result.EXCEPTION, f"{self.argv[0]} could not be started: {error}") from error
        return self._read(ended, result_file, time_limit)

    def _read(self, ended: ProgramEnded, result_file: Path, time_limit: float) -> AgentResult:
        """Read what came of the program: its result if there is one, else its exit code and what it said."""
        if ended.took_too_long:
            written = None
            with contextlib.suppress(AgentFailed):
                written = read_result_file(result_file)
            raise AgentFailed(
                Result.TIMEOUT,
                f"{self.argv[0]} took more than {time_limit:g} seconds{_said(ended)}",
                output=written or ended.output,
            )
        written = read_result_file(result_file)
        if written is not None:
            return read_file(written)
        printed = ended.output.strip()
        if ended.exit_code == 0 and not printed:
            raise AgentFailed(Result.INVALID_OUTPUT, f"{self.argv[0]} handed in nothing{_said(ended)}")
        result = read_output(printed) if printed else None
        if result is None or (ended.exit_code != 0 and _is_unjudged(result)):
            raise AgentFailed(
                Result.EXCEPTION,
                f"{self.argv[0]} ended with exit code {ended.exit_code}{_said(ended)}",
                output=ended.output,
            )
        if ended.output_bytes > KEPT and _is_unjudged(result):
            raise AgentFailed(
                Result.INVALID_OUTPUT,
                f"{self.argv[0]} printed {ended.output_bytes} bytes and no result; an output has at most 1 MiB",
                output=ended.output,
            )
        return result


def read_result_file(path: Path) -> str | None:
    """Return what a program wrote as its result, or None where it wrote nothing.

    Raises:
        AgentFailed: the file is too large to be one, or can't be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe there must not be waited for
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(LARGEST_RESULT + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AgentFailed(Result.INVALID_OUTPUT, f"the result file can't be read: {error}") from error
    if len(content) > LARGEST_RESULT:
        raise AgentFailed(
            Result.INVALID_OUTPUT, f"the result file is larger than {LARGEST_RESULT} bytes; an output has at most 1 MiB"
        )
    text = content.decode(errors="replace")
    return text if text.strip() else None


def remove(path: Path) -> None:
    """Remove what is at a path, if anything: agents write what they like there."""
    try:
        path.unlink(missing_ok=True)
    except OSError:  # a folder
        shutil.rmtree(path, ignore_errors=True)


def passed_on(environment: Mapping[str, str], patterns: Sequence[str]) -> dict[str, str]:
    """Return what of an environment goes to a program."""
    return {
        name: value
        for name, value in environment.items()
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    }


async def within(agent: Agent, assignment: Assignment) -> AgentResult:
    """Let an agent work on its assignment, and answer in one way whatever it does.

    Raises:
        AgentFailed: it handed nothing in.
    """
    try:
        if isinstance(agent, CommandAgent):  # it keeps the time itself, and what was written until then
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


def _is_unjudged(result: AgentResult) -> bool:
    return result.quality_score is None and result.l_score is None and not result.confidence


def _said(ended: ProgramEnded) -> str:
    words = ended.errors.strip()[-500:]
    return f": {words}" if words else ""
