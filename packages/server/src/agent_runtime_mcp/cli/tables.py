"""The columns of tables for people: their headings, and how a cell is made from a row."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

Row = Mapping[str, Any]
Column = tuple[str, Callable[[Row], Any]]


def _score(name: str) -> Callable[[Row], Any]:
    return lambda row: None if row[name] is None else f"{row[name]:.2f}"


def _plain(name: str) -> Callable[[Row], Any]:
    return lambda row: row.get(name)


def _time(row: Row) -> str | None:
    """Format the duration of a completed step, or the start of a running one."""
    if row["started_at"] is None:
        return None
    if row["completed_at"] is None:
        return f"since {row['started_at'][11:19]}"
    seconds = (datetime.fromisoformat(row["completed_at"]) - datetime.fromisoformat(row["started_at"])).total_seconds()
    return f"{seconds:.1f} s"


def _agent(row: Row) -> str:
    assigned = row["agent_assigned"]
    return row["agent_type"] if assigned in (None, row["agent_type"]) else f"{row['agent_type']} ({assigned})"


def _retry_after(row: Row) -> str | None:
    seconds = row["retry_after_seconds"]
    if row["can_execute"]:
        return None
    return "until reset" if seconds is None else f"in {seconds:.0f} s"


# Names that only complete rows of a kind have.
_IN_WHOLE_ROWS = {"breakers": frozenset({"trip_count"}), "tasks": frozenset({"open_dependencies"})}
_COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "steps": (
        ("step", _plain("step_index")),
        ("agent", _agent),
        ("status", _plain("status")),
        ("tries", _plain("attempts")),
        ("quality", _score("quality_score")),
        ("L-score", _score("l_score")),
        ("tokens", _plain("tokens_used")),
        ("output", _plain("output_id")),
        ("time", _time),
    ),
    "would_run": (
        ("step", _plain("step_index")),
        ("agent", _plain("agent_type")),
        ("command", _plain("command")),
        ("limit", lambda row: None if row["time_limit"] is None else f"{row['time_limit']:g} s"),
        ("quality", _score("threshold")),
        ("fallback", _plain("fallback")),
        ("checks", lambda row: ", ".join(row["checks"])),
    ),
    "pipelines": (
        ("pipeline", _plain("pipeline_id")),
        ("name", _plain("name")),
        ("status", _plain("status")),
        ("progress", lambda row: f"{row['current_step']}/{row['total_steps']}"),
        ("tokens", _plain("tokens_used")),
        ("created", lambda row: row["created_at"][:16].replace("T", " ")),
    ),
    "breakers": (
        ("agent", _plain("agent_id")),
        ("state", _plain("state")),
        ("mode", lambda row: None if row["mode"] == "normal" else row["mode"]),
        ("ask again", _retry_after),
        ("failed", lambda row: f"{row['failure_count']} now, {row['total_failures']} in all"),
        ("done", _plain("total_successes")),
        ("trips", _plain("trip_count")),
        ("fallback", _plain("fallback_agent")),
    ),
    "tasks": (
        ("task", _plain("task_id")),
        ("title", _plain("title")),
        ("state", lambda row: row["readiness"] or row["status"]),
        ("prio", _plain("priority")),
        ("goal", _plain("goal_id")),
        ("group", _plain("parent_id")),
        ("waits for", lambda row: row["open_dependencies"] or None),
    ),
}


def columns_of(kind: str, rows: Sequence[Row]) -> Sequence[Column]:
    """Return the columns for rows of a kind; none if the rows are only an extract of that kind."""
    columns = _COLUMNS.get(kind, ())
    return columns if rows[0].keys() >= _IN_WHOLE_ROWS.get(kind, frozenset()) else ()
