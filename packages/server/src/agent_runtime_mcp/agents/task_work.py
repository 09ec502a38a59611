"""Works on tasks with an agent that is a program: claims the next ready one, runs the agent on it, settles it."""

import asyncio
import logging
import math
import time
from functools import partial
from typing import Any

import attrs

from agent_runtime_kernel.errors import AgentRuntimeError
from agent_runtime_relay.runner import AgentFailed, AgentResult, Backoff, CommandAgent, Folder, Superseded, attended

from ..database.database import Database
from ..dispatch.request import make_request
from ..operations.call import Session
from ..replies.sizes import cut_text
from ..runtime.libraries import Libraries
from .task_prompt import TaskBriefing, briefing_of, task_prompt

LEASE_SECONDS = 60
LOOK_EVERY = 2.0
_LONGEST_TEXT = 64 * 1024  # bytes of a result and of an error
_CLIENT = "agent-runtime"
_RATE_LIMITED = "rate_limited"

_log = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class Worked:
    """What came of a task.

    Attributes:
        task_id: the task.
        title: its title.
        outcome: completed, failed (it is tried again while attempts are left), released (its agent is rate limited, and
            no attempt is counted) or superseded (somebody else settled it meanwhile).
        status: of the task afterwards.
        error: what went wrong, or None.
        tokens_used: by the agent, as it says.
        seconds: from the claim to the end.
    """

    task_id: int
    title: str
    outcome: str
    status: str | None
    error: str | None
    tokens_used: int
    seconds: float


@attrs.frozen(kw_only=True)
class TaskWork:
    """Works on tasks, one at a time; several at once may share it.

    Args:
        database: the file.
        session: whose claims they are.
        agent: the program.
        folder: where its results are written.
        time_limit: seconds for a task.
        goal_id: only tasks of this goal and its sub-goals; None for all.
        backoff: how long a task that failed is not offered.
        look_every: seconds between two looks at the claim, and at what others did to the task.
    """

    database: Database[Libraries]
    session: Session
    agent: CommandAgent
    folder: Folder
    time_limit: float
    goal_id: int | None = None
    backoff: Backoff = attrs.field(factory=lambda: Backoff(first=5.0, longest=300.0))
    look_every: float = LOOK_EVERY

    async def next(self) -> Worked | None:
        """Claim the next ready task and work on it; None where nothing is ready.

        When this is cancelled, the agent is stopped and the task released.
        """
        started = time.monotonic()
        scope = {} if self.goal_id is None else {"goal_id": self.goal_id}
        claimed = await self._call("get_next_task", lease_seconds=LEASE_SECONDS, **scope)
        if claimed["task"] is None:
            return None
        task_id, token = claimed["task"]["task_id"], claimed["claim_token"]
        try:
            briefing = await self.database.run(partial(briefing_of, task_id), writes=False)
            outcome, error, tokens_used = await self._work_on(briefing, token)
        except BaseException:
            await asyncio.shield(asyncio.ensure_future(self._release(task_id, token)))
            raise
        after = await self.database.run(lambda libraries: libraries.tasks.get(task_id), writes=False)
        return Worked(
            task_id=task_id,
            title=briefing.task.title,
            outcome=outcome,
            status=str(after.status),
            error=error,
            tokens_used=tokens_used,
            seconds=round(time.monotonic() - started, 3),
        )

    async def _work_on(self, briefing: TaskBriefing, token: str) -> tuple[str, str | None, int]:
        """Run the agent and settle the task; return the outcome, what went wrong, and the tokens used."""
        task_id = briefing.task.task_id
        try:
            result = await self._run(briefing, token)
        except Superseded as superseded:
            return "superseded", str(superseded), 0
        except AgentFailed as failure:
            return await self._fail(briefing, token, failure)
        try:
            await self._settle(task_id, token, status="completed", result=_text_of(result))
        except AgentRuntimeError as refusal:
            return "superseded", str(refusal), result.tokens_used
        return "completed", None, result.tokens_used

    async def _run(self, briefing: TaskBriefing, token: str) -> AgentResult:
        """Run the agent, and look after the claim meanwhile.

        Raises:
            AgentFailed: it handed nothing in.
            Superseded: the claim is over; the agent was stopped.
        """
        task_id = briefing.task.task_id
        self.folder.forget(f"task-{task_id}")  # what a run that died left there
        result_file = self.folder.path / f"task-{task_id}.{token}.result.json"
        variables = {"AGENT_RUNTIME_TASK_ID": str(task_id)}
        try:
            return await attended(
                self.agent.answer(task_prompt(briefing), variables, result_file, self.time_limit),
                lambda: self._look_after(task_id, token),
                self.look_every,
            )
        finally:
            self.folder.forget(f"task-{task_id}")

    async def _look_after(self, task_id: int, token: str) -> None:
        """Renew the claim where that is due.

        Raises:
            Superseded: it is over.
        """

        def look(libraries: Libraries) -> bool:
            if self.session.holder is not None:
                libraries.tasks.renew_due(self.session.holder)
            return libraries.tasks.is_current(task_id, token)

        is_current = await self.database.run(look, writes=True)
        if not is_current:
            raise Superseded(f"task {task_id} was settled or taken over by somebody else")

    async def _fail(self, briefing: TaskBriefing, token: str, failure: AgentFailed) -> tuple[str, str | None, int]:
        """Give the task back: a rate limit costs no attempt, anything else does."""
        task, error = briefing.task, cut_text(f"{failure.failure_type}: {failure}", _LONGEST_TEXT)
        try:
            if failure.failure_type == _RATE_LIMITED:
                wait = math.ceil(failure.retry_after_seconds or self.backoff.seconds(1))
                await self._settle(task.task_id, token, status="pending", retry_in_seconds=wait)
                return "released", error, failure.tokens_used
            wait = math.ceil(self.backoff.seconds(task.attempts + 1))
            await self._settle(task.task_id, token, status="pending", error=error, retry_in_seconds=wait)
        except AgentRuntimeError as refusal:
            return "superseded", str(refusal), failure.tokens_used
        return "failed", error, failure.tokens_used

    async def _release(self, task_id: int, token: str) -> None:
        try:
            await self._settle(task_id, token, status="pending")
        except AgentRuntimeError:  # it is settled already
            return
        except Exception:  # the claim ends with this process all the same, at the cost of an attempt
            _log.exception("task %s was not released", task_id)

    async def _settle(self, task_id: int, token: str, **change: Any) -> None:
        await self._call("update_task_status", task_id=task_id, claim_token=token, **change)

    async def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        request = make_request(operation, arguments, self.session, client=_CLIENT)
        return (await self.database.run(request.run, writes=request.writes)).values


def _text_of(result: AgentResult) -> str:
    """Return what the task's result is: the output, or its summary where the output is too long for one."""
    if len(result.output.encode()) <= _LONGEST_TEXT:
        return result.output or result.output_summary
    return result.output_summary or cut_text(result.output, _LONGEST_TEXT)
