"""Circuit breakers of an earlier file."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from agent_runtime_breakers import Settings
from agent_runtime_kernel.errors import AgentRuntimeError

from .report import Report
from .target import Target
from .values import Field, as_text

_SETTINGS = tuple(field.name for field in attrs.fields(Settings) if field.name != "mode")


def take(rows: Sequence[Mapping[str, Any]], target: Target, report: Report) -> None:
    """Configure each breaker as it was, and open those that were not closed."""
    for row in rows:
        agent_id = as_text(row.get("agent_id"))
        field = Field(f"breaker {agent_id[:80]}", row, report)
        try:
            if target.breakers.status(agent_id).known:
                report.left(field.subject, "this agent has a breaker already")
                continue
            _configure(agent_id, field, target, report)
        except AgentRuntimeError as error:
            report.left(field.subject, str(error))
            continue
        _open(agent_id, field, target, report)
        report.took("breakers")


def _configure(agent_id: str, field: Field, target: Target, report: Report) -> None:
    """Write the settings one by one, so that one out of its bounds does not affect the others."""
    target.at(field.moment("created_at", "updated_at"))
    target.breakers.configure(agent_id)
    for name in _SETTINGS:
        value = field.row.get(name)
        if value is None or value == "":
            continue
        settings: dict[str, Any] = {name: value}
        try:
            target.breakers.configure(agent_id, **settings)
        except AgentRuntimeError as error:
            report.left(field.subject, str(error))


def _open(agent_id: str, field: Field, target: Target, report: Report) -> None:
    state = as_text(field.row.get("state")).lower() or "closed"
    if state in ("open", "half_open"):
        target.at(field.moment("opened_at", "last_failure_at", "updated_at"))
        target.breakers.trip(agent_id, reason="was open in the earlier file")
        if state == "half_open":
            report.mapped(field.subject, "state half_open became open, which becomes half_open after its cooldown")
    elif state != "closed":
        report.mapped(field.subject, f"state {state[:40]!r} became closed")
    failures = field.row.get("failure_count")
    if failures:
        report.left(field.subject, f"its count of {as_text(failures)[:40]} failures, whose times are unknown")
