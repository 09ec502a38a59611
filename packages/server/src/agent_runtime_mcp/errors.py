"""Errors of the server: each has a code, a message with the value, and a hint at what would be legal now."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent_runtime_kernel.errors import AgentRuntimeError, InvalidValue
from agent_runtime_kernel.errors import SchemaTooNew as KernelSchemaTooNew

__all__ = [
    "Busy",
    "Conflict",
    "Failure",
    "IllegalTransition",
    "InvalidArguments",
    "InvalidValue",
    "NotFound",
    "SchemaTooNew",
    "StaleReply",
    "StorageFailure",
]


class Failure(AgentRuntimeError):
    """The base of the server's own errors.

    Attributes:
        message: what is wrong, with the value.
        details: facts for a program, as JSON values.
    """

    def __init__(self, message: str, hint: str | None = None, details: dict[str, Any] | None = None) -> None:
        super().__init__(message, hint)
        self.message = message
        self.details = {} if details is None else details


class StorageFailure(Failure, OSError):
    """The database file can't be read or written; nothing was lost.

    Attributes:
        path: the database file.
        reason: what is wrong with it.
    """

    code = "storage"

    def __init__(self, path: Path, reason: str, hint: str | None = None) -> None:
        shown = str(path).encode("utf-8", "replace").decode()
        super().__init__(f"{shown}: {reason}", hint, {"path": shown, "reason": reason})
        self.path = path
        self.reason = reason


class Busy(Failure, TimeoutError):
    """Other processes kept the database locked for longer than the caller waits; nothing was written.

    Attributes:
        path: the database file.
        waited: seconds spent waiting.
    """

    code = "busy"

    def __init__(self, path: Path, waited: float) -> None:
        super().__init__(
            f"{path}: locked by another process for {waited:.0f} seconds",
            "call again; if it stays locked, look for a program that keeps a transaction open on the file",
            {"path": str(path), "waited_seconds": round(waited, 1)},
        )
        self.path = path
        self.waited = waited


class InvalidArguments(Failure, ValueError):
    """Arguments are unknown, missing, of the wrong type or out of bounds; nothing was written.

    Attributes:
        faults: one text for each thing that is wrong.
    """

    code = "invalid"

    def __init__(self, faults: Sequence[str], hint: str | None = None) -> None:
        super().__init__("; ".join(faults), hint, {"faults": list(faults)})
        self.faults = tuple(faults)


class Conflict(Failure, RuntimeError):
    """The request contradicts what is stored."""

    code = "conflict"


class IllegalTransition(Failure, RuntimeError):
    """The status of the subject does not allow the operation."""

    code = "illegal_transition"


class StaleReply(Failure, RuntimeError):
    """The claim of a repeated request is no longer current, so its stored reply would mislead."""

    code = "stale_claim"


class NotFound(Failure, LookupError):
    """There is nothing with that name."""

    code = "not_found"


class SchemaTooNew(Failure, KernelSchemaTooNew):
    """A newer version of the server wrote this database; the database is not touched."""

    code = "storage"

    def __init__(self, library: str, found: int, known: int) -> None:
        KernelSchemaTooNew.__init__(self, library, found, known)
        self.message = str(self)
        self.details = {}
