"""An import as a whole: one transaction, through the libraries, each thing at the time at which it happened."""

from typing import Any

from agent_runtime_breakers import Breakers
from agent_runtime_goals import Goals
from agent_runtime_relay import Relays
from agent_runtime_tasks import Tasks

from ..journal.journal import Entry
from ..runtime.libraries import Libraries
from . import breakers as _breakers
from . import goals as _goals
from . import relays as _relays
from . import tasks as _tasks
from .reading import EarlierFile
from .report import Report
from .target import Moment, Target


def take_over(earlier: EarlierFile, libraries: Libraries, worker: str) -> Report:
    """Write all that an earlier file holds, in one transaction, and report what became of it."""
    connection = libraries.connection
    now = round(libraries.journal.clock() * 1000)
    moment = Moment(now)
    # No breaker is told of the outcomes of relays that are written anew here: its own rows say what it knew.
    relays = Relays(connection, clock=moment, snapshot=libraries.snapshot)
    target = Target(
        connection=connection,
        goals=Goals(connection, clock=moment, snapshot=libraries.snapshot),
        tasks=Tasks(connection, clock=moment, snapshot=libraries.snapshot),
        relays=relays,
        breakers=Breakers(connection, clock=moment, snapshot=libraries.snapshot),
        moment=moment,
        now=now,
        worker=worker,
    )
    report = Report()
    with connection:
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
    """Return the rows of a table by id, none where the file has no such table."""
    return sorted(earlier.rows.get(table, []), key=lambda row: _order(row.get("id")))


def _order(earlier_id: Any) -> tuple[bool, Any, str]:
    number = earlier_id if isinstance(earlier_id, int) else 0
    return not isinstance(earlier_id, int), number, str(earlier_id)
