"""The result of `agent-runtime bench`."""

import os
import platform
from pathlib import Path
from typing import Any

import apsw
import attrs

from .figures import Figure, Verdict


@attrs.frozen(kw_only=True)
class Report:
    """The measured figures and their environment.

    Attributes:
        folder: a folder on the measured disk.
        synchronous: the durability of the writes: FULL or NORMAL.
        start: milliseconds from starting a server to its first reply.
        verdicts: the promises beside the measured figures.
        operations: the cost of single calls.
    """

    folder: Path
    synchronous: str
    start: float
    verdicts: tuple[Verdict, ...]
    operations: tuple[Figure, ...]

    @property
    def kept(self) -> bool:
        """True if every promise is kept."""
        return all(verdict.kept for verdict in self.verdicts)

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "kept": self.kept,
            "promises": [verdict.as_json() for verdict in self.verdicts],
            "start_ms": round(self.start, 1),
            "operations": [figure.as_json() for figure in self.operations],
            "environment": {
                "folder": str(self.folder),
                "synchronous": self.synchronous,
                "cores": os.cpu_count(),
                "system": platform.system(),
                "python": platform.python_version(),
                "sqlite": apsw.sqlite_lib_version(),
            },
        }
