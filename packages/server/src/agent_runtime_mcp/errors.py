"""What an operation answers when it can't be done: a code, a message, what would be legal now."""

from pathlib import Path
from typing import Any, ClassVar


class Failure(Exception):  # noqa: N818 - it is the answer "this failed", to a person or a model
    """What all failures of the application have in common.

    Attributes:
        code: the kind of failure, one of a fixed set of words.
        message: what went wrong and with what.
        hint: what would help, or None.
        details: facts for a program, as JSON values.
    """

    code: ClassVar[str] = "internal"

    def __init__(self, message: str, hint: str | None = None, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = {} if details is None else details


class StorageFailure(Failure, OSError):
    """The database can't be read or written; nothing was lost.

    Attributes:
        path: the database file.
        reason: what is the matter with it.
    """

    code = "storage"

    def __init__(self, path: Path, reason: str, hint: str | None = None) -> None:
        super().__init__(f"{path}: {reason}", hint, {"path": str(path), "reason": reason})
        self.path = path
        self.reason = reason


class Busy(Failure, TimeoutError):
    """Other processes kept the database locked for as long as one waits; nothing was written.

    Attributes:
        path: the database file.
        waited: seconds spent waiting.
    """

    code = "busy"

    def __init__(self, path: Path, waited: float) -> None:
        super().__init__(
            f"{path}: locked by another process for {waited:.0f} seconds",
            "call again; if it stays so, look for a program that holds a transaction open on the file",
            {"path": str(path), "waited_seconds": round(waited, 1)},
        )
        self.path = path
        self.waited = waited
