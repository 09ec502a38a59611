"""Relay pipelines of an earlier file. Their completed steps are handed in again, one by one."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from agent_runtime_kernel.errors import AgentRuntimeError

from .report import Report
from .target import Target
from .values import LONG_TEXT, Field, as_text, cut_text

_MOST_TOKENS = 10**12
_LARGEST_OUTPUT = 1024 * 1024
_RUNNING = frozenset({"pending", "running", "active", "in_progress"})
_COMPLETED = frozenset({"completed", "done", "success", "passed"})
_CANCELLED = frozenset({"cancelled", "canceled"})


@attrs.frozen(kw_only=True)
class _Pipeline:
    """A pipeline of the earlier file: its agents, and a field for each of its completed steps."""

    field: Field
    agents: tuple[str, ...]
    done: tuple[Field, ...]


def take(
    pipelines: Sequence[Mapping[str, Any]],
    steps: Sequence[Mapping[str, Any]],
    target: Target,
    report: Report,
) -> None:
    """Create the pipelines and advance each to its earlier step; one that can't be created whole is left out."""
    by_pipeline: dict[Any, list[Mapping[str, Any]]] = {}
    for step in steps:
        by_pipeline.setdefault(step.get("pipeline_id"), []).append(step)
    for row in pipelines:
        field = Field(f"pipeline {row.get('id')}", row, report)
        own = sorted(by_pipeline.pop(row.get("id"), []), key=_index)
        notes = len(report.notes)
        try:
            with target.connection:
                pipeline_id = _write(_read(field, own, report), target, report)
        except AgentRuntimeError as error:
            del report.notes[notes:]
            report.left(field.subject, str(error))
            continue
        report.took("relays", row.get("id"), pipeline_id)
    for pipeline_id, orphans in by_pipeline.items():
        report.left(f"pipeline {pipeline_id}", f"{len(orphans)} steps of a pipeline that does not exist")


def _read(field: Field, steps: Sequence[Mapping[str, Any]], report: Report) -> _Pipeline:
    agents = [as_text(agent) for agent in field.json("agent_types", list)]
    if not agents and steps:
        agents = [as_text(step.get("agent_type")) for step in steps]
        report.mapped(field.subject, "agent_types taken from its steps")
    if steps:
        fields = [Field(f"{field.subject}, step {step.get('step_index')}", step, report) for step in steps]
        count = 0
        while count < len(fields) and _word(fields[count].row) in _COMPLETED:
            count += 1
        for later in fields[count:]:
            if _word(later.row) in _COMPLETED:
                report.left(later.subject, "was completed after a step that was not")
    else:
        count = field.number("current_step", 0, len(agents), 0)
        spent = {"tokens_used": field.row.get("tokens_used")}
        rows = [spent if index == count - 1 else {} for index in range(count)]
        fields = [Field(f"{field.subject}, step {index}", row, report) for index, row in enumerate(rows)]
    return _Pipeline(field=field, agents=tuple(agents), done=tuple(fields[: min(count, len(agents))]))


def _write(pipeline: _Pipeline, target: Target, report: Report) -> int:
    """Create a pipeline, hand in its completed steps, and give it its budget and status.

    Thresholds and budget are set last, as the completed steps were accepted once and are not judged again.
    """
    field = pipeline.field
    created, changed = field.moment("created_at"), field.moment("completed_at", "updated_at", "created_at")
    target.at(created)
    made = target.relays.create(
        field.name("name", f"pipeline {field.row.get('id')} of the earlier file"),
        field.text("goal", 4 * 1024) or "not recorded",
        pipeline.agents,
        description=field.text("description"),
        token_budget=_MOST_TOKENS,
        quality_threshold=0.0,
        l_score_threshold=0.0,
    )
    budget = field.number("token_budget", 1, _MOST_TOKENS, 0) or None
    baton = as_text(field.row.get("baton_data"))
    if baton and not pipeline.done:
        report.left(field.subject, "its baton_data, as no step is completed")
    spent = 0
    for index, step in enumerate(pipeline.done):
        if index == len(pipeline.agents) - 1:
            target.relays.update(made.pipeline_id, token_budget=budget)
        target.at(step.moment("completed_at", "updated_at") or changed)
        tokens = step.number("tokens_used", 0, _MOST_TOKENS, 0)
        spent += tokens
        entity = step.row.get("output_entity_id")
        handed_on = baton if step is pipeline.done[-1] else ""  # the next agent sees the summary
        target.relays.advance(
            made.pipeline_id,
            quality_score=_score(step, "quality_score", report),
            l_score=_score(step, "l_score", report),
            tokens_used=tokens,
            output_entity_id=entity if isinstance(entity, int) and entity >= 0 else None,
            output_summary=cut_text(handed_on, LONG_TEXT),
            output=cut_text(handed_on, _LARGEST_OUTPUT) if len(handed_on.encode()) > LONG_TEXT else "",
        )
    recorded = field.row.get("tokens_used")
    if isinstance(recorded, int) and recorded != spent:
        report.mapped(field.subject, f"tokens_used {recorded} became {spent}, the sum of its completed steps")
    target.at(changed)
    _settle(made.pipeline_id, budget, pipeline, target, report)
    return made.pipeline_id


def _settle(pipeline_id: int, budget: int | None, pipeline: _Pipeline, target: Target, report: Report) -> None:
    word = _word(pipeline.field.row) or "pending"
    if len(pipeline.done) == len(pipeline.agents):
        if word not in _COMPLETED:
            report.mapped(pipeline.field.subject, f"status {word[:40]!r} became completed, as all its steps are")
        return
    target.relays.update(pipeline_id, token_budget=budget, quality_threshold=None, l_score_threshold=None)
    if word in _RUNNING:
        return
    if word in _CANCELLED:
        target.relays.update(pipeline_id, status="cancelled", reason="cancelled in the earlier file")
        return
    target.relays.update(pipeline_id, status="paused", reason=f"{word[:40]} in the earlier file")
    if word != "paused":
        report.mapped(pipeline.field.subject, f"status {word[:40]!r} became paused, which can be resumed")


def _score(step: Field, column: str, report: Report) -> float:
    found = step.row.get(column)
    if isinstance(found, int | float) and math.isfinite(found) and 0 <= found <= 1:
        return float(found)
    report.mapped(step.subject, f"{column} {'null' if found is None else repr(as_text(found)[:40])} became 0.0")
    return 0.0


def _word(row: Mapping[str, Any]) -> str:
    return as_text(row.get("status")).lower()


def _index(step: Mapping[str, Any]) -> int:
    found = step.get("step_index")
    return found if isinstance(found, int) else 0
