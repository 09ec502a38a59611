"""The table of operations. MCP tools and commands of the command line are both derived from its rows.

The rows stand by group. Those of a group, and the library behind them, are imported when the group is first asked for:
a command needs one library, and importing all four would double the time of most commands.
"""

import typing
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import Any, Literal

import attrs

from ..contract.arguments import Arguments, read_arguments
from ..contract.docstrings import read_docstring
from .bounds import REQUEST_ID_ARGUMENT, WORKER_ARGUMENT

Kind = Literal["read", "write"]
Rows = tuple["Operation", ...]


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Operation:
    """One row of the table.

    Attributes:
        definition: the function that does it, with its docstring and annotations; its name is that of the MCP tool.
        verb: the word for it on the command line, within the group of its row.
        kind: "read" or "write".
        destructive: it can end the work of others.
        idempotent: repeating it has no further effect.
        takes_request_id: `request_id` is listed; a repeated request is answered from the journal.
        takes_worker: `worker` is listed; the caller may name itself.
        always_load: clients that search for tools are asked to show it from the start.
        prepare: what is made before the transaction unless the caller gives it: "plan", or None for nothing.
    """

    definition: Callable[..., Any]
    verb: str
    kind: Kind
    destructive: bool = False
    idempotent: bool = False
    takes_request_id: bool = False
    takes_worker: bool = False
    always_load: bool = False
    prepare: Literal["plan"] | None = None

    @property
    def name(self) -> str:
        """The name of the MCP tool."""
        return self.definition.__name__

    @cached_property
    def description(self) -> str:
        """The description that models and people read."""
        return read_docstring(self.definition).text

    @cached_property
    def arguments(self) -> Arguments:
        """The arguments that MCP lists."""
        more = [REQUEST_ID_ARGUMENT] if self.takes_request_id else []
        more += [WORKER_ARGUMENT] if self.takes_worker else []
        return read_arguments(self.definition, leave_out=("call",), more=more)

    @cached_property
    def accepted(self) -> Arguments:
        """All arguments that it accepts: every write accepts `worker` and `request_id`, listed or not."""
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

    @cached_property
    def defaults(self) -> Mapping[str, Any]:
        """The value of each optional argument when it is omitted."""
        return {argument.name: argument.default for argument in self.arguments.arguments if not argument.required}

    def writes(self, arguments: dict[str, Any]) -> bool:
        """Tell whether it writes with these arguments; one that may claim only reads when it is told not to claim."""
        return self.kind == "write" and bool(arguments.get("claim", self.defaults.get("claim", True)))

    def run(self, call: Any, arguments: dict[str, Any]) -> Any:
        """Run it with validated arguments."""
        return self.definition(call, **arguments)


def _write(definition: Callable[..., Any], verb: str, **traits: Any) -> Operation:
    return Operation(definition=definition, verb=verb, kind="write", **traits)


def _read(definition: Callable[..., Any], verb: str, **traits: Any) -> Operation:
    return Operation(definition=definition, verb=verb, kind="read", idempotent=True, **traits)


def _goals() -> Rows:
    from . import decompose, goals

    return (
        _write(goals.create_goal, "create", takes_request_id=True, always_load=True),
        _read(goals.get_goal, "show"),
        _read(goals.list_goals, "list"),
        _write(goals.update_goal, "update", destructive=True, idempotent=True),
        _write(decompose.decompose_goal, "decompose", takes_request_id=True, always_load=True, prepare="plan"),
    )


def _tasks() -> Rows:
    from . import tasks

    return (
        _write(tasks.create_task, "create", takes_request_id=True),
        _write(tasks.get_next_task, "next", takes_request_id=True, takes_worker=True, always_load=True),
        _write(tasks.renew_task, "renew"),
        _write(tasks.update_task_status, "update-status", takes_worker=True, always_load=True),
        _write(tasks.edit_task, "edit", idempotent=True),
        _read(tasks.list_tasks, "list"),
        _read(tasks.get_task, "show"),
    )


def _relays() -> Rows:
    from . import relays

    return (
        _write(relays.create_relay_pipeline, "create", takes_request_id=True),
        _read(relays.get_relay_status, "status"),
        _write(relays.get_relay_baton, "baton", takes_worker=True),
        _write(relays.advance_relay, "advance", takes_request_id=True),
        _read(relays.get_relay_output, "output"),
        _write(relays.retry_relay_step, "retry", takes_request_id=True),
        _write(relays.update_relay, "update", destructive=True, idempotent=True),
        _read(relays.list_relay_pipelines, "list"),
    )


def _breakers() -> Rows:
    from . import breakers

    return (
        _read(breakers.circuit_breaker_status, "status"),
        _read(breakers.circuit_breaker_list, "list"),
        _write(breakers.circuit_breaker_acquire, "acquire", takes_request_id=True, takes_worker=True),
        _write(breakers.circuit_breaker_release, "release", idempotent=True),
        _write(breakers.circuit_breaker_record_failure, "record-failure", takes_request_id=True),
        _write(breakers.circuit_breaker_record_success, "record-success", takes_request_id=True),
        _write(breakers.circuit_breaker_trip, "trip"),
        _write(breakers.circuit_breaker_reset, "reset", idempotent=True),
        _write(breakers.circuit_breaker_configure, "configure", idempotent=True),
    )


def _everything() -> Rows:
    from . import overview

    return (_read(overview.runtime_overview, "overview", takes_worker=True, always_load=True),)


# By group of the command line; None holds the commands outside any group.
_GROUPS: Mapping[str | None, Callable[[], Rows]] = {
    "goal": _goals,
    "task": _tasks,
    "relay": _relays,
    "breaker": _breakers,
    None: _everything,
}


@cache
def operations(group: str | None) -> Mapping[str, Operation]:
    """Return the operations of a group of the command line by their verbs; of None, those outside any group."""
    return {operation.verb: operation for operation in _GROUPS[group]()}


@cache
def table() -> Mapping[str, Operation]:
    """Return all operations by their MCP names."""
    return {operation.name: operation for group in _GROUPS for operation in operations(group).values()}


def command_words(operation: Operation) -> tuple[str, ...]:
    """Return the words of the command line that call an operation, such as ("task", "next")."""
    [group] = [group for group in _GROUPS if operations(group).get(operation.verb) is operation]
    return (operation.verb,) if group is None else (group, operation.verb)
