"""The application behind a protocol: operations as tools, for one session, whose claims it renews and releases.

From its first claim on, the application renews the claims of the session in the background, each after a third of its
lease. When it is closed it releases them, so that the next session need not wait for the leases to end.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from .contract.schemas import output_schema
from .contract.tool_values import CallMeta, ToolListing, ToolReply
from .database.database import Database
from .dispatch.failures import INTERNAL, Problem, problem_of
from .dispatch.request import make_request
from .operations.call import Session
from .operations.table import Operation, table
from .planner.planning import prepared
from .replies.json import compact
from .runtime.libraries import Libraries

_TRY_AGAIN = 1.0  # seconds

_log = logging.getLogger(__name__)


class Application:
    """The application of one server process, from its first call on.

    Args:
        database: the database that it works on.
        session: the session that holds its claims.
    """

    def __init__(self, database: Database[Libraries], session: Session) -> None:
        self.database = database
        self.session = session
        self._claimed = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    async def call(self, name: str, arguments: Mapping[str, Any], meta: CallMeta) -> ToolReply:
        """Run one operation, and from the first claim on renew the claims of the session."""
        reply = await self.answer(name, arguments, meta)
        if self.session.holds_claims:
            self._claimed.set()
            self._keeper = self._keeper or asyncio.create_task(self._keep_claims())
        return reply

    async def answer(self, name: str, arguments: Mapping[str, Any], meta: CallMeta) -> ToolReply:
        """Run one operation and return its reply or its error."""
        try:
            request = make_request(name, arguments, self.session, client=meta.client_name, tool_use_id=meta.tool_use_id)
            request = await prepared(request, self.database, meta.progress)
            reply = await self.database.run(request.run, writes=request.writes)
        except Exception as error:
            problem = problem_of(error)
            if problem is None:
                _log.exception("%s failed", name)
                problem = INTERNAL
            return _error(problem)
        return ToolReply(
            structured=reply.values,
            text=reply.text,
            is_error=False,
            meta={"replayed": True} if reply.replayed else None,
        )

    def close(self) -> None:
        """Release the claims of the session, so that the next one can claim at once, and close the database."""
        if self._keeper is not None:
            self._keeper.cancel()
        holder = self.session.holder
        if not self.session.holds_claims or holder is None:
            return
        try:
            self.database.run_blocking(partial(_detach, holder), writes=True)
        except Exception:  # the process ends, and its death frees the claims as well
            _log.exception("the claims of this session could not be released")
        finally:
            self.database.close()

    async def _keep_claims(self) -> None:
        """Renew the claims of the session, each after a third of its lease, until the task is cancelled."""
        holder = self.session.holder
        if holder is None:
            return
        while True:
            self._claimed.clear()
            try:
                due_in = await self.database.run(partial(_renew, holder), writes=True)
            except Exception as error:
                if problem_of(error) is None:
                    raise
                _log.warning("claims were not renewed: %s", error)
                due_in = _TRY_AGAIN
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._claimed.wait(), due_in)


def listings() -> list[ToolListing]:
    """Return the listings of all tools."""
    return [_listing(operation) for operation in table().values()]


def _listing(operation: Operation) -> ToolListing:
    return ToolListing(
        name=operation.name,
        description=operation.description,
        input_schema=operation.arguments.schema,
        output_schema=output_schema(operation.reply_classes),
        annotations={
            "readOnlyHint": operation.kind == "read",
            "destructiveHint": operation.destructive,
            "idempotentHint": operation.idempotent,
            "openWorldHint": False,
        },
        meta={"anthropic/alwaysLoad": True} if operation.always_load else {},
    )


def _error(problem: Problem) -> ToolReply:
    return ToolReply(structured=None, text=compact(problem.as_json()), is_error=True, meta=None)


def _renew(holder: str, libraries: Libraries) -> float | None:
    """Renew the claims of a process that are due; return the seconds until the next one is due, or None."""
    due = [libraries.tasks.renew_due(holder), libraries.relays.renew_due(holder)]
    return min((seconds for seconds in due if seconds is not None), default=None)


def _detach(holder: str, libraries: Libraries) -> None:
    with libraries.connection:
        libraries.tasks.detach(holder)
        libraries.relays.detach(holder)
