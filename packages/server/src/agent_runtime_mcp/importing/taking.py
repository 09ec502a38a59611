"""The whole import: one transaction through the libraries, each write at the time of the earlier event.

Goals come first, then their tasks, then the final status of the goals. Relays and breakers stand alone.
"""

from typing import Any

from ..journal.journal import Entry
from ..runtime.libraries import Libraries
from . import breakers as _breakers
from . import goals as _goals
from . import relays as _relays
from . import tasks as _tasks
from .reading import EarlierFile
from .report import Report
from .target import Target


def take_over(earlier: EarlierFile, libraries: Libraries, worker: str) -> Report:
    """Write the content of an earlier file in one transaction, and return the report."""
    now = round(libraries.journal.clock() * 1000)
    target = Target(libraries.connection, libraries.snapshot, now=now, worker=worker)
    report = Report()
    with libraries.connection:
        _goals.take(rows(earlier, "goals"), target, report)
        _tasks.take(rows(earlier, "tasks"), target, report)
        _goals.settle(rows(earlier, "goals"), target, report)
        _relays.take(rows(earlier, "relay_pipelines"), rows(earlier, "relay_steps"), target, report)
        _breakers.take(rows(earlier, "circuit_breakers"), target, report)
        for name in earlier.others:
            report.left(f"table {name}", "not known")
        libraries.journal.write(
            Entry(
                worker=worker,
                client=None,
                tool_use_id=None,
                operation="import",
                subject=f"file {earlier.path.name}"[:200],
                arguments={"path": str(earlier.path), "taken": report.taken},
                request_id=None,
                reply=None,
            )
        )
    return report


def rows(earlier: EarlierFile, table: str) -> list[dict[str, Any]]:
    """Return the rows of a table ordered by id; an empty list if the file has no such table."""
    return sorted(earlier.rows.get(table, []), key=lambda row: _order(row.get("id")))


def _order(earlier_id: Any) -> tuple[bool, Any, str]:
    number = earlier_id if isinstance(earlier_id, int) else 0
    return not isinstance(earlier_id, int), number, str(earlier_id)
