"""What can go wrong with tasks. Each error belongs to a family of the standard library and carries the ids it is about."""

from collections.abc import Sequence


class TaskError(Exception):
    """What all errors of this library have in common.

    Attributes:
        hint: what would be legal now, or None.
    """

    hint: str | None = None

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class InvalidValue(TaskError, ValueError):
    """An argument is out of its bounds; nothing was written.

    Attributes:
        argument: the name of the argument.
    """

    def __init__(self, argument: str, problem: str, hint: str | None = None) -> None:
        super().__init__(f"{argument} {problem}", hint)
        self.argument = argument


class SchemaTooNew(TaskError, RuntimeError):
    """A newer version of the library wrote this database; it is not touched."""

    def __init__(self, library: str, found: int, known: int) -> None:
        super().__init__(
            f"the {library} tables have schema version {found}; this version knows {known}",
            "upgrade to the version that wrote the file",
        )
        self.library = library
        self.found = found
        self.known = known
