"""Requests: a call of an operation from its arguments to its reply.

    request = make_request("create_task", {"title": "Write the parser"}, session)
    reply = await database.run(request.run, writes=request.writes)

A request is validated when it is made. It runs in one transaction, or in a snapshot where it only reads. The effect of
the operation, the row of the journal and the stored reply are committed together, or not at all. `Database` runs it
again when another process is in the way. So it has no effect outside its transaction, and the session learns after the
commit.
"""

import json
from collections.abc import Mapping
from typing import Any

import attrs

from agent_runtime_kernel.errors import AgentRuntimeError, InvalidValue

from ..contract.moments import is_moment, iso
from ..errors import NotFound
from ..journal.journal import Entry
from ..operations.bounds import WORKER
from ..operations.call import Call, PreparedPlan, Session
from ..operations.table import Operation, table
from ..replies.json import plain
from ..replies.sizes import fit_and_write
from ..runtime.libraries import Libraries
from .replays import require_current

_STALE = "stale_claim"


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Reply:
    """The answer of an operation.

    Attributes:
        values: the reply as JSON values.
        text: the same as compact JSON.
        replayed: an earlier request of the same id stored it.
    """

    values: dict[str, Any]
    text: str
    replayed: bool


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Request:
    """A validated request, ready to run.

    Attributes:
        operation: the row of the table.
        arguments: the validated arguments that were given.
        worker: the name of the caller.
        request_id: the caller's id for the request, or None.
        session: the caller's session.
        client: the name of the client program, or None.
        tool_use_id: the client's id of the tool use, or None.
        prepared: the plan that was made for it, or None.
    """

    operation: Operation
    arguments: dict[str, Any]
    worker: str
    request_id: str | None
    session: Session
    client: str | None
    tool_use_id: str | None
    prepared: PreparedPlan | None = None

    @property
    def writes(self) -> bool:
        """True if it takes the write lock."""
        return self.operation.writes(self.arguments)

    @property
    def needs_plan(self) -> bool:
        """True if a plan must be made before it runs, as the caller gave none."""
        return self.operation.prepare == "plan" and self.arguments.get("plan") is None

    def argument(self, name: str) -> Any:
        """Return an argument, or its default if it was omitted."""
        return self.arguments.get(name, self.operation.defaults[name])

    def run(self, libraries: Libraries) -> Reply:
        """Run the operation and commit what it writes, whole or not at all."""
        call = Call(libraries=libraries, session=self.session, worker=self.worker, prepared=self.prepared)
        try:
            if self.writes:
                reply = self._in_transaction(call)
            else:
                with libraries.snapshot():
                    reply = self._answer(call)
        except AgentRuntimeError as error:
            if error.code == _STALE:
                call.refused_as_stale()
            raise
        call.committed()
        return reply

    def _in_transaction(self, call: Call) -> Reply:
        with call.libraries.connection:
            try:
                return self._replayed(call) or self._written(call)
            except AgentRuntimeError as refusal:
                if not refusal.keeps_writes:
                    raise
                refused = refusal
        raise refused

    def is_replay(self, libraries: Libraries) -> bool:
        """Tell whether the request was answered before."""
        if self.request_id is None:
            return False
        stored = libraries.journal.replay(self.worker, self.operation.name, self.request_id, self._asked)
        return stored is not None

    @property
    def _asked(self) -> dict[str, Any]:
        """The arguments as JSON values in one notation: for the journal, and to recognize a repeated request."""
        return {name: iso(value) if is_moment(name) and value else value for name, value in self.arguments.items()}

    def _written(self, call: Call) -> Reply:
        reply = self._answer(call)
        if call.subject is not None:
            call.libraries.journal.write(
                Entry(
                    worker=self.worker,
                    client=self.client,
                    tool_use_id=self.tool_use_id,
                    operation=self.operation.name,
                    subject=call.subject,
                    arguments=self._asked,
                    request_id=self.request_id,
                    reply=None if self.request_id is None else reply.text,
                )
            )
        return reply

    def _answer(self, call: Call) -> Reply:
        values, text = fit_and_write(plain(self.operation.run(call, self.arguments)))
        return Reply(values=values, text=text, replayed=False)

    def _replayed(self, call: Call) -> Reply | None:
        """Return the stored reply of the same request, or None.

        Raises:
            StaleReply: the reply holds a claim that is no longer current.
        """
        if self.request_id is None:
            return None
        stored = call.libraries.journal.replay(self.worker, self.operation.name, self.request_id, self._asked)
        if stored is None:
            return None
        values = json.loads(stored)
        require_current(call.libraries, self.request_id, values)
        token, task = values.get("claim_token"), values.get("task")
        if token is not None and task is not None:
            call.remember(task["task_id"], token)
        return Reply(values=values, text=stored, replayed=True)


def make_request(
    name: str,
    given: Mapping[str, Any],
    session: Session,
    *,
    client: str | None = None,
    tool_use_id: str | None = None,
) -> Request:
    """Look up an operation by its name and return the request to run, as `request_of` does.

    Args:
        name: the MCP name of the operation.
        given: the arguments as the caller gave them.
        session: the caller's session.
        client: the name of the client program.
        tool_use_id: the client's id of the tool use.

    Raises:
        NotFound: there is no such operation.
        InvalidArguments: something is wrong with the arguments.
    """
    operation = table().get(name)
    if operation is None:
        raise NotFound(f"there is no operation {name}", "call --help lists them")
    return request_of(operation, given, session, client=client, tool_use_id=tool_use_id)


def request_of(
    operation: Operation,
    given: Mapping[str, Any],
    session: Session,
    *,
    client: str | None = None,
    tool_use_id: str | None = None,
) -> Request:
    """Validate the arguments of an operation and return the request to run.

    Args:
        operation: a row of the table.
        given: the arguments as the caller gave them.
        session: the caller's session.
        client: the name of the client program.
        tool_use_id: the client's id of the tool use.

    Raises:
        InvalidArguments: something is wrong with the arguments.
    """
    arguments = operation.accepted.check(given)
    request_id = arguments.pop("request_id", None)
    worker = arguments.pop("worker", None) or _worker_of(session)
    return Request(
        operation=operation,
        arguments=arguments,
        worker=worker,
        request_id=request_id,
        session=session,
        client=client,
        tool_use_id=tool_use_id,
    )


def _worker_of(session: Session) -> str:
    """Return the name of a session's worker, validated like an argument, as it may come from the environment."""
    try:
        return WORKER("worker", session.worker)
    except InvalidValue as error:
        raise InvalidValue(
            "worker",
            str(error).removeprefix("worker "),
            "name a worker of 1 to 200 characters with the argument, or in AGENT_RUNTIME_WORKER",
        ) from None
