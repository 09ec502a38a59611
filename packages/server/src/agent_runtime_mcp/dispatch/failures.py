"""What each error of the libraries is to a caller: a code out of a fixed set, with message, hint and details."""

from collections.abc import Mapping
from typing import Any

import attrs

from ..contract.moments import iso
from ..errors import Failure

# By name: an error that was raised has its library imported, and of the others a command needs none.
_CODES: Mapping[str, Mapping[str, str]] = {
    "agent_runtime_goals": {
        "InvalidValue": "invalid",
        "GoalNotFound": "not_found",
        "GoalClosed": "illegal_transition",
        "OpenSubGoals": "conflict",
        "GoalCycle": "cycle",
        "SchemaTooNew": "storage",
    },
    "agent_runtime_tasks": {
        "InvalidValue": "invalid",
        "InvalidPlan": "invalid",
        "TaskNotFound": "not_found",
        "TaskCycle": "cycle",
        "IllegalTransition": "illegal_transition",
        "ClaimConflict": "conflict",
        "ResultConflict": "conflict",
        "StaleClaim": "stale_claim",
        "DependentsStarted": "illegal_transition",
        "SchemaTooNew": "storage",
    },
    "agent_runtime_relay": {
        "InvalidValue": "invalid",
        "PipelineNotFound": "not_found",
        "BatonNotFound": "not_found",
        "OutputNotFound": "not_found",
        "ForeignBaton": "conflict",
        "BatonClaimed": "conflict",
        "AnotherPayload": "conflict",
        "StaleBaton": "stale_claim",
        "IllegalTransition": "illegal_transition",
        "SchemaTooNew": "storage",
        "NoAgent": "invalid",
        "InvalidConfiguration": "invalid",
        "FolderUnusable": "storage",
    },
    "agent_runtime_breakers": {
        "InvalidValue": "invalid",
        "PermitNotFound": "not_found",
        "PermitSettled": "conflict",
        "SchemaTooNew": "storage",
    },
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
        from ..replies.sizes import fit

        return fit({"error": attrs.asdict(self)})


def problem_of(error: Exception) -> Problem | None:
    """Return what an error is to a caller; None for a bug."""
    if isinstance(error, Failure):
        return Problem(code=error.code, message=error.message, hint=error.hint, details=error.details)
    kind = type(error)
    code = _CODES.get(kind.__module__.partition(".")[0], {}).get(kind.__name__)
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
