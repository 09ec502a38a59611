"""The one table of operations. MCP tools and commands of the command line are both made from its rows.

A row names the function that does it, which is imported when it is first looked at: a command needs one of them.
"""

import typing
from collections.abc import Callable
from functools import cache, cached_property
from importlib import import_module
from typing import Any, Literal

import attrs

from ..contract.arguments import Arguments, read_arguments
from ..contract.docstrings import read_docstring
from .bounds import REQUEST_ID_ARGUMENT, WORKER_ARGUMENT

Kind = Literal["read", "write"]


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Operation:
    """One row of the table.

    Attributes:
        name: the name of the MCP tool, and of the documented, annotated function that does it.
        module: the module of this package with that function.
        group: the group of the command line; None for a command of its own.
        verb: the command in its group.
        kind: whether it reads or writes.
        destructive: it can end what others work on.
        idempotent: repeating it has no further effect.
        takes_request_id: a repeated request is answered from the journal.
        takes_worker: the caller may name itself.
        always_load: clients that search for tools are asked to show it from the start.
    """

    name: str
    module: str
    group: str | None
    verb: str
    kind: Kind
    destructive: bool = False
    idempotent: bool = False
    takes_request_id: bool = False
    takes_worker: bool = False
    always_load: bool = False

    @cached_property
    def definition(self) -> Callable[..., Any]:
        """The function that does it."""
        found: Callable[..., Any] = getattr(import_module(f".{self.module}", __package__), self.name)
        return found

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


def _write(function: str, group: str, verb: str, **traits: bool) -> Operation:
    module, _, name = function.partition(".")
    return Operation(name=name, module=module, group=group, verb=verb, kind="write", **traits)


def _read(function: str, group: str | None, verb: str, **traits: bool) -> Operation:
    module, _, name = function.partition(".")
    return Operation(name=name, module=module, group=group, verb=verb, kind="read", idempotent=True, **traits)


OPERATIONS: tuple[Operation, ...] = (
    _write("_goal_operations.create_goal", "goal", "create", takes_request_id=True, always_load=True),
    _read("_goal_operations.get_goal", "goal", "show"),
    _read("_goal_operations.list_goals", "goal", "list"),
    _write("_goal_operations.update_goal", "goal", "update", destructive=True, idempotent=True),
    _write("_task_operations.decompose_goal", "goal", "decompose", takes_request_id=True, always_load=True),
    _write("_task_operations.create_task", "task", "create", takes_request_id=True),
    _write(
        "_task_operations.get_next_task", "task", "next", takes_request_id=True, takes_worker=True, always_load=True
    ),
    _write("_task_operations.renew_task", "task", "renew"),
    _write("_task_operations.update_task_status", "task", "update-status", takes_worker=True, always_load=True),
    _write("_task_operations.edit_task", "task", "edit", idempotent=True),
    _read("_task_operations.list_tasks", "task", "list"),
    _read("_task_operations.get_task", "task", "show"),
    _write("_relay_operations.create_relay_pipeline", "relay", "create", takes_request_id=True),
    _read("_relay_operations.get_relay_status", "relay", "status"),
    _write("_relay_operations.get_relay_baton", "relay", "baton", takes_worker=True),
    _write("_relay_operations.advance_relay", "relay", "advance", takes_request_id=True),
    _read("_relay_operations.get_relay_output", "relay", "output"),
    _write("_relay_operations.retry_relay_step", "relay", "retry", takes_request_id=True),
    _write("_relay_operations.update_relay", "relay", "update", destructive=True, idempotent=True),
    _read("_relay_operations.list_relay_pipelines", "relay", "list"),
    _read("_breaker_operations.circuit_breaker_status", "breaker", "status"),
    _read("_breaker_operations.circuit_breaker_list", "breaker", "list"),
    _write(
        "_breaker_operations.circuit_breaker_acquire", "breaker", "acquire", takes_request_id=True, takes_worker=True
    ),
    _write("_breaker_operations.circuit_breaker_release", "breaker", "release", idempotent=True),
    _write("_breaker_operations.circuit_breaker_record_failure", "breaker", "record-failure", takes_request_id=True),
    _write("_breaker_operations.circuit_breaker_record_success", "breaker", "record-success", takes_request_id=True),
    _write("_breaker_operations.circuit_breaker_trip", "breaker", "trip"),
    _write("_breaker_operations.circuit_breaker_reset", "breaker", "reset", idempotent=True),
    _write("_breaker_operations.circuit_breaker_configure", "breaker", "configure", idempotent=True),
    _read("_overview.runtime_overview", None, "overview", takes_worker=True, always_load=True),
)


@cache
def by_name() -> dict[str, Operation]:
    """Return the operations by their MCP names."""
    return {operation.name: operation for operation in OPERATIONS}
