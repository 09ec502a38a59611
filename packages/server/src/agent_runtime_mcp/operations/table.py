"""The one table of operations. MCP tools and commands of the command line are both made from its rows."""

import typing
from collections.abc import Callable
from functools import cache, cached_property
from typing import Any, Literal

import attrs

from ..contract.arguments import Arguments, read_arguments
from ..contract.docstrings import read_docstring
from . import breakers, goals, overview, relays, tasks
from .bounds import REQUEST_ID_ARGUMENT, WORKER_ARGUMENT

Kind = Literal["read", "write"]


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Operation:
    """One row of the table.

    Attributes:
        definition: the documented, annotated function that does it; its name is that of the MCP tool.
        group: the group of the command line; None for a command of its own.
        verb: the command in its group.
        kind: whether it reads or writes.
        destructive: it can end what others work on.
        idempotent: repeating it has no further effect.
        takes_request_id: a repeated request is answered from the journal.
        takes_worker: the caller may name itself.
        always_load: clients that search for tools are asked to show it from the start.
    """

    definition: Callable[..., Any]
    group: str | None
    verb: str
    kind: Kind
    destructive: bool = False
    idempotent: bool = False
    takes_request_id: bool = False
    takes_worker: bool = False
    always_load: bool = False

    @property
    def name(self) -> str:
        """The name of the MCP tool."""
        return self.definition.__name__

    @cached_property
    def description(self) -> str:
        """What it does, as a model and a person read it."""
        return read_docstring(self.definition).text

    @cached_property
    def arguments(self) -> Arguments:
        """Its arguments as MCP lists them."""
        more = [REQUEST_ID_ARGUMENT] if self.takes_request_id else []
        more += [WORKER_ARGUMENT] if self.takes_worker else []
        return read_arguments(self.definition, leave_out=("call",), more=more)

    @cached_property
    def accepted(self) -> Arguments:
        """What it takes in all: every write takes `worker` and `request_id`, listed or not."""
        if self.kind == "read":
            return self.arguments
        names = {argument.name for argument in self.arguments.arguments}
        more = [one for one in (REQUEST_ID_ARGUMENT, WORKER_ARGUMENT) if one.name not in names]
        return Arguments(self.name, (*self.arguments.arguments, *more))

    @cached_property
    def reply_classes(self) -> tuple[type, ...]:
        """The classes of its replies."""
        returned = typing.get_type_hints(self.definition)["return"]
        return typing.get_args(returned) or (returned,)

    def writes(self, arguments: dict[str, Any]) -> bool:
        """Say whether it writes with these arguments: what can claim only reads when it is not to claim."""
        claims = {argument.name: argument.default for argument in self.arguments.arguments}.get("claim", True)
        return self.kind == "write" and bool(arguments.get("claim", claims))

    def run(self, call: Any, arguments: dict[str, Any]) -> Any:
        """Do it with checked arguments."""
        return self.definition(call, **arguments)


def _write(definition: Callable[..., Any], group: str, verb: str, **traits: bool) -> Operation:
    return Operation(definition=definition, group=group, verb=verb, kind="write", **traits)


def _read(definition: Callable[..., Any], group: str | None, verb: str, **traits: bool) -> Operation:
    return Operation(definition=definition, group=group, verb=verb, kind="read", idempotent=True, **traits)


OPERATIONS: tuple[Operation, ...] = (
    _write(goals.create_goal, "goal", "create", takes_request_id=True, always_load=True),
    _read(goals.get_goal, "goal", "show"),
    _read(goals.list_goals, "goal", "list"),
    _write(goals.update_goal, "goal", "update", destructive=True, idempotent=True),
    _write(tasks.decompose_goal, "goal", "decompose", takes_request_id=True, always_load=True),
    _write(tasks.create_task, "task", "create", takes_request_id=True),
    _write(tasks.get_next_task, "task", "next", takes_request_id=True, takes_worker=True, always_load=True),
    _write(tasks.renew_task, "task", "renew"),
    _write(tasks.update_task_status, "task", "update-status", takes_worker=True, always_load=True),
    _write(tasks.edit_task, "task", "edit", idempotent=True),
    _read(tasks.list_tasks, "task", "list"),
    _read(tasks.get_task, "task", "show"),
    _write(relays.create_relay_pipeline, "relay", "create", takes_request_id=True),
    _read(relays.get_relay_status, "relay", "status"),
    _write(relays.get_relay_baton, "relay", "baton", takes_worker=True),
    _write(relays.advance_relay, "relay", "advance", takes_request_id=True),
    _read(relays.get_relay_output, "relay", "output"),
    _write(relays.retry_relay_step, "relay", "retry", takes_request_id=True),
    _write(relays.update_relay, "relay", "update", destructive=True, idempotent=True),
    _read(relays.list_relay_pipelines, "relay", "list"),
    _read(breakers.circuit_breaker_status, "breaker", "status"),
    _read(breakers.circuit_breaker_list, "breaker", "list"),
    _write(breakers.circuit_breaker_acquire, "breaker", "acquire", takes_request_id=True, takes_worker=True),
    _write(breakers.circuit_breaker_release, "breaker", "release", idempotent=True),
    _write(breakers.circuit_breaker_record_failure, "breaker", "record-failure", takes_request_id=True),
    _write(breakers.circuit_breaker_record_success, "breaker", "record-success", takes_request_id=True),
    _write(breakers.circuit_breaker_trip, "breaker", "trip"),
    _write(breakers.circuit_breaker_reset, "breaker", "reset", idempotent=True),
    _write(breakers.circuit_breaker_configure, "breaker", "configure", idempotent=True),
    _read(overview.runtime_overview, None, "overview", takes_worker=True, always_load=True),
)


@cache
def by_name() -> dict[str, Operation]:
    """Return the operations by their MCP names."""
    return {operation.name: operation for operation in OPERATIONS}
