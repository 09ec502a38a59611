"""The errors that all libraries share, and what every error of theirs says of itself."""

from typing import ClassVar


class AgentRuntimeError(Exception):
    """The base of all errors of the libraries.

    Attributes:
        code: the kind of refusal for a caller, one of a fixed set of words: not_found, invalid, conflict,
            illegal_transition, stale_claim, cycle, busy, storage or internal.
        keeps_writes: whether something was written before it was raised, which a transaction around the call keeps by
            committing. All other errors leave the database as it was.
        hint: a call or change that would be legal now, or None.
    """

    code: ClassVar[str] = "internal"
    keeps_writes: ClassVar[bool] = False
    hint: str | None = None

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class InvalidValue(AgentRuntimeError, ValueError):
    """An argument is out of its bounds; nothing was written.

    Attributes:
        argument: the name of the argument.
    """

    code = "invalid"

    def __init__(self, argument: str, problem: str, hint: str | None = None) -> None:
        super().__init__(f"{argument} {problem}", hint)
        self.argument = argument


class SchemaTooNew(AgentRuntimeError, RuntimeError):
    """A newer version of the library wrote this database; the database is not touched.

    Attributes:
        library: the prefix of the library's tables.
        found: the version of the tables.
        known: the newest version that this library knows.
    """

    code = "storage"

    def __init__(self, library: str, found: int, known: int) -> None:
        super().__init__(
            f"the {library} tables have schema version {found}; this version knows {known}",
            "upgrade to the version that wrote the file",
        )
        self.library = library
        self.found = found
        self.known = known
