"""Problems: errors of the libraries and the server as a caller sees them."""

from typing import Any

import attrs

from agent_runtime_kernel.errors import AgentRuntimeError

from ..contract.moments import iso
from ..errors import Failure
from ..replies.sizes import fit


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
    """Return the problem that an error is to a caller; None for a bug."""
    if isinstance(error, Failure):
        return Problem(code=error.code, message=error.message, hint=error.hint, details=error.details)
    if isinstance(error, AgentRuntimeError):
        details = {name: _plain(name, value) for name, value in vars(error).items() if name != "hint"}
        return Problem(code=error.code, message=str(error), hint=error.hint, details=details)
    return None


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
