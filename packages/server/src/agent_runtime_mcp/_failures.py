"""What each error of the libraries is to a caller: a code out of a fixed set, with message, hint and details."""

from typing import Any

import attrs

import agent_runtime_breakers.errors as breakers
import agent_runtime_goals.errors as goals
import agent_runtime_relay.errors as relay
import agent_runtime_tasks as tasks_library
import agent_runtime_tasks.errors as tasks

from ._moments import iso
from ._sizes import fit
from .errors import Failure

_CODES: dict[type[Exception], str] = {
    goals.InvalidValue: "invalid",
    goals.GoalNotFound: "not_found",
    goals.GoalClosed: "illegal_transition",
    goals.OpenSubGoals: "conflict",
    goals.GoalCycle: "cycle",
    goals.SchemaTooNew: "storage",
    tasks.InvalidValue: "invalid",
    tasks_library.InvalidPlan: "invalid",
    tasks.TaskNotFound: "not_found",
    tasks.TaskCycle: "cycle",
    tasks.IllegalTransition: "illegal_transition",
    tasks.ClaimConflict: "conflict",
    tasks.ResultConflict: "conflict",
    tasks.StaleClaim: "stale_claim",
    tasks.DependentsStarted: "illegal_transition",
    tasks.SchemaTooNew: "storage",
    relay.InvalidValue: "invalid",
    relay.PipelineNotFound: "not_found",
    relay.BatonNotFound: "not_found",
    relay.OutputNotFound: "not_found",
    relay.ForeignBaton: "conflict",
    relay.BatonClaimed: "conflict",
    relay.AnotherPayload: "conflict",
    relay.StaleBaton: "stale_claim",
    relay.IllegalTransition: "illegal_transition",
    relay.SchemaTooNew: "storage",
    breakers.InvalidValue: "invalid",
    breakers.PermitNotFound: "not_found",
    breakers.PermitSettled: "conflict",
    breakers.SchemaTooNew: "storage",
}


@attrs.frozen(kw_only=True)
class Problem:
    """An error as a caller sees it.

    Attributes:
        code: not_found, invalid, conflict, illegal_transition, stale_claim, cycle, busy, storage or internal.
        message: what happened, to which id.
        hint: what would be legal now, or None.
        details: facts for a program.
    """

    code: str
    message: str
    hint: str | None
    details: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return the object that MCP and the command line answer."""
        return fit({"error": attrs.asdict(self)})


def problem_of(error: Exception) -> Problem | None:
    """Return what an error is to a caller; None for a bug."""
    if isinstance(error, Failure):
        return Problem(code=error.code, message=error.message, hint=error.hint, details=error.details)
    code = _CODES.get(type(error))
    if code is None:
        return None
    hint = getattr(error, "hint", None)
    details = {name: _plain(name, value) for name, value in vars(error).items() if name != "hint"}
    return Problem(code=code, message=str(error), hint=hint, details=details)


INTERNAL = Problem(
    code="internal",
    message="something went wrong in agent-runtime itself; nothing was written",
    hint="the server's standard error has the details; please report them",
    details={},
)


def _plain(name: str, value: object) -> Any:
    if name.endswith("_at") and isinstance(value, int):
        return iso(value)
    return list(value) if isinstance(value, tuple) else value
