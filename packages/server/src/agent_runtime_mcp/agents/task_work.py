"""Work on tasks by an agent that is a program: claim the next ready task, run the agent, settle the task."""

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
from .task_prompt import TaskBriefing, read_briefing, task_prompt

LEASE_SECONDS = 60
LOOK_EVERY = 2.0
_MAX_TEXT_BYTES = 64 * 1024  # of a result and of an error
_CLIENT = "agent-runtime"
_RATE_LIMITED = "rate_limited"
_BACKOFF = Backoff(first=5.0, longest=300.0)

_log = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class Worked:
    """The outcome of the work on a task.

    Attributes:
        task_id: the task.
        title: its title.
        outcome: completed, failed (it is tried again while attempts are left), released (its agent is rate limited, and
            no attempt is counted) or superseded (somebody else settled it meanwhile).
        status: the status of the task afterwards.
        error: the reason of a failure, or None.
        tokens_used: by the agent, as it reports.
        seconds: from the claim to the end.
    """

    task_id: int
    title: str
    outcome: str
    status: str | None
    error: str | None
    tokens_used: int
    seconds: float


class TaskWork:
    """Work on tasks, one at a time. Several coroutines may share one object.

    Args:
        database: the database.
        session: the session that claims.
        agent: the program.
        folder: the folder for its results.
        time_limit: seconds for a task.
        goal_id: only tasks of this goal and its sub-goals; None for all.
        backoff: the pause before a task that failed is offered again.
        look_every: seconds between two looks at the claim, and at changes of the task by others.
    """

    def __init__(
        self,
        *,
        database: Database[Libraries],
        session: Session,
        agent: CommandAgent,
        folder: Folder,
        time_limit: float,
        goal_id: int | None = None,
        backoff: Backoff = _BACKOFF,
        look_every: float = LOOK_EVERY,
    ) -> None:
        self._database = database
        self._session = session
        self._agent = agent
        self._folder = folder
        self._time_limit = time_limit
        self._goal_id = goal_id
        self._backoff = backoff
        self._look_every = look_every

    async def next(self) -> Worked | None:
        """Claim the next ready task and work on it. Return None if no task is ready.

        When this is cancelled, it stops the agent and releases the task.
        """
        started = time.monotonic()
        scope = {} if self._goal_id is None else {"goal_id": self._goal_id}
        claimed = await self._call("get_next_task", lease_seconds=LEASE_SECONDS, **scope)
        if claimed["task"] is None:
            return None
        task_id, token = claimed["task"]["task_id"], claimed["claim_token"]
        try:
            briefing = await self._database.run(partial(read_briefing, task_id), writes=False)
            outcome, error, tokens_used = await self._work_on(briefing, token)
        except BaseException:
            await asyncio.shield(asyncio.ensure_future(self._release(task_id, token)))
            raise
        after = await self._database.run(lambda libraries: libraries.tasks.get(task_id), writes=False)
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
        """Run the agent and settle the task. Return the outcome, the error, and the tokens used."""
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
        """Run the agent and keep the claim alive meanwhile.

        Raises:
            AgentFailed: it has no result.
            Superseded: the claim is over, and the agent was stopped.
        """
        task_id = briefing.task.task_id
        self._folder.forget(f"task-{task_id}")  # files of a run that died
        result_file = self._folder.path / f"task-{task_id}.{token}.result.json"
        variables = {"AGENT_RUNTIME_TASK_ID": str(task_id)}
        try:
            return await attended(
                self._agent.answer(task_prompt(briefing), variables, result_file, self._time_limit),
                lambda: self._renew_due(task_id, token),
                self._look_every,
            )
        finally:
            self._folder.forget(f"task-{task_id}")

    async def _renew_due(self, task_id: int, token: str) -> None:
        """Renew the claim if that is due.

        Raises:
            Superseded: it is over.
        """

        def look(libraries: Libraries) -> bool:
            if self._session.holder is not None:
                libraries.tasks.renew_due(self._session.holder)
            return libraries.tasks.is_current(task_id, token)

        is_current = await self._database.run(look, writes=True)
        if not is_current:
            raise Superseded(f"task {task_id} was settled or taken over by somebody else")

    async def _fail(self, briefing: TaskBriefing, token: str, failure: AgentFailed) -> tuple[str, str | None, int]:
        """Release the task: a rate limit costs no attempt, any other failure does."""
        task, error = briefing.task, cut_text(f"{failure.failure_type}: {failure}", _MAX_TEXT_BYTES)
        try:
            if failure.failure_type == _RATE_LIMITED:
                wait = math.ceil(failure.retry_after_seconds or self._backoff.seconds(1))
                await self._settle(task.task_id, token, status="pending", retry_in_seconds=wait)
                return "released", error, failure.tokens_used
            wait = math.ceil(self._backoff.seconds(task.attempts + 1))
            await self._settle(task.task_id, token, status="pending", error=error, retry_in_seconds=wait)
        except AgentRuntimeError as refusal:
            return "superseded", str(refusal), failure.tokens_used
        return "failed", error, failure.tokens_used

    async def _release(self, task_id: int, token: str) -> None:
        try:
            await self._settle(task_id, token, status="pending")
        except AgentRuntimeError:  # it is settled already
            return
        except Exception:  # the claim ends with this process anyway, at the cost of an attempt
            _log.exception("task %s was not released", task_id)

    async def _settle(self, task_id: int, token: str, **change: Any) -> None:
        await self._call("update_task_status", task_id=task_id, claim_token=token, **change)

    async def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        request = make_request(operation, arguments, self._session, client=_CLIENT)
        return (await self._database.run(request.run, writes=request.writes)).values


def _text_of(result: AgentResult) -> str:
    """Return the text of the task's result: the output, or its summary if the output is too long."""
    if len(result.output.encode()) <= _MAX_TEXT_BYTES:
        return result.output or result.output_summary
    return result.output_summary or cut_text(result.output, _MAX_TEXT_BYTES)
