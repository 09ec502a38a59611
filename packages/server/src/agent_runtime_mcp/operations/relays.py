"""Operations on relays: the relay library, with the breakers behind its routing."""

from collections.abc import Mapping
from typing import Any

import attrs

from agent_runtime_relay import KEEP, Advance, BatonReading, CreatedRelay, OutputPage, Relay, Retry
from agent_runtime_relay.bounds import (
    DEFAULT_L_SCORE_THRESHOLD,
    DEFAULT_LIST_LIMIT,
    DEFAULT_MAX_RETRIES,
    AgentTypeList,
    BatonId,
    Budget,
    Description,
    EntityId,
    FallbackAgents,
    Goal,
    LeaseSeconds,
    Limit,
    MaxRetries,
    Offset,
    OutputId,
    OutputText,
    PipelineId,
    PipelineName,
    Reason,
    Score,
    ScoreList,
    Sources,
    Status,
    StepIndex,
    Summary,
    TaskId,
    Tokens,
    WantedStatus,
)

from ..replies.pages import Cursor, page
from ..replies.sizes import part_of
from .bounds import CursorText
from .call import Call


@attrs.frozen(kw_only=True)
class RelayList:
    """A page of pipelines."""

    pipelines: tuple[Mapping[str, Any], ...]
    total: int
    next_cursor: str | None


def create_relay_pipeline(
    call: Call,
    name: PipelineName,
    goal: Goal,
    agent_types: AgentTypeList,
    description: Description = "",
    token_budget: Budget | None = None,
    quality_threshold: Score | None = None,
    l_score_threshold: Score = DEFAULT_L_SCORE_THRESHOLD,
    max_retries: MaxRetries = DEFAULT_MAX_RETRIES,
    fallback_agents: FallbackAgents | None = None,
    task_id: TaskId | None = None,
) -> CreatedRelay:
    """Create a pipeline that hands one piece of work through agents in order. Next: get_relay_baton.

    Args:
        name: (what it is for, in a line)
        goal: what every agent is told
        agent_types: roles in order, e.g. researcher, analyzer, synthesizer, validator, formatter, or your own; or
            a preset: quick, standard, deep
        description: (the same at length)
        token_budget: (for all steps; omitted: by the roles)
        quality_threshold: for all steps; omitted: by the roles
        l_score_threshold: (least L-score, 0.0-1.0)
        max_retries: (per step)
        fallback_agents: {agent: its stand-in}
        task_id: (the task it serves)
    """
    if task_id is not None:
        call.libraries.tasks.get(task_id)
    created = call.libraries.relays.create(
        name,
        goal,
        agent_types,
        description=description,
        token_budget=token_budget,
        quality_threshold=quality_threshold,
        l_score_threshold=l_score_threshold,
        max_retries=max_retries,
        fallback_agents=fallback_agents,
        task_id=task_id,
    )
    call.had_effect("pipeline", created.pipeline_id)
    call.show_baton(created.pipeline_id, created.baton_id)
    return created


def get_relay_status(call: Call, pipeline_id: PipelineId) -> Relay:
    """Show a pipeline: steps, attempts, scores, tokens.

    Args:
        pipeline_id: (its number)
    """
    return call.libraries.relays.status(pipeline_id)


def get_relay_baton(
    call: Call, pipeline_id: PipelineId, claim: bool = False, lease_seconds: LeaseSeconds | None = None
) -> BatonReading:
    """Get the current step's baton; its prompt is all that the agent is told. Next: do it, then advance_relay.

    A null baton: waiting_for says for what.

    Args:
        pipeline_id: (its number)
        claim: keep other workers from this step
        lease_seconds: (of the claim)
    """
    reading = call.libraries.relays.baton(
        pipeline_id, claim=claim, lease_seconds=lease_seconds, worker=call.worker, holder=call.session.holder
    )
    if reading.changed:
        call.had_effect("pipeline", pipeline_id)
    if reading.baton is not None:
        call.show_baton(pipeline_id, reading.baton.baton_id)
    return reading


def get_relay_output(call: Call, pipeline_id: PipelineId, output_id: OutputId, offset: Offset = 0) -> OutputPage:
    """Read a stored output, 24 KiB at a time.

    Args:
        pipeline_id: (its pipeline)
        output_id: (its number)
        offset: (next_offset of the part before)
    """
    page = call.libraries.relays.output(pipeline_id, output_id, offset=offset)
    text, _, rest_at, _ = part_of(page.text, 0)
    return page if rest_at is None else attrs.evolve(page, text=text, next_offset=page.offset + rest_at)


def advance_relay(
    call: Call,
    pipeline_id: PipelineId,
    quality_score: Score,
    l_score: Score,
    tokens_used: Tokens,
    output_entity_id: EntityId | None = None,
    output_summary: Summary = "",
    baton_id: BatonId | None = None,
    output: OutputText = "",
    sources: Sources = (),
    confidence: ScoreList = (),
    relevance: ScoreList = (),
) -> Advance:
    """Hand in the current step's output; past its gates the next agent gets a baton. gate_failed: retry_relay_step.

    Args:
        pipeline_id: (its number)
        quality_score: judged strictly: 0.5 usable with rework, 0.8 good, 1.0 flawless
        l_score: how well each claim is traced to evidence
        tokens_used: by this step; an estimate will do
        output_entity_id: (your own memory's id of it)
        output_summary: what the next agent is told
        baton_id: makes repeating the call harmless
        output: (the whole text, up to 1 MiB)
        sources: (where it comes from)
        confidence: per piece of evidence
        relevance: per piece of evidence
    """
    advance = call.libraries.relays.advance(
        pipeline_id,
        quality_score,
        l_score,
        tokens_used,
        output_entity_id=output_entity_id,
        output_summary=output_summary,
        baton_id=baton_id,
        output=output,
        sources=sources,
        confidence=confidence,
        relevance=relevance,
        worker=call.worker,
        last_shown=call.session.batons.get(pipeline_id),
    )
    if not advance.replayed:
        call.had_effect("pipeline", pipeline_id)
    if advance.next_baton is not None:
        call.show_baton(pipeline_id, advance.next_baton.baton_id)
    return advance


def retry_relay_step(call: Call, pipeline_id: PipelineId, step_index: StepIndex, reason: Reason | None = None) -> Retry:
    """Try the current step again after its gate failed or its agent was lost. Next: get_relay_baton.

    Args:
        pipeline_id: (its number)
        step_index: the current step, from 0
        reason: what the agent is to do better
    """
    retry = call.libraries.relays.retry(pipeline_id, step_index, reason)
    call.had_effect("pipeline", pipeline_id)
    if retry.baton is not None:
        call.show_baton(pipeline_id, retry.baton.baton_id)
    return retry


def update_relay(
    call: Call,
    pipeline_id: PipelineId,
    status: WantedStatus | attrs.NothingType = KEEP,
    token_budget: Budget | attrs.NothingType | None = KEEP,
    quality_threshold: Score | attrs.NothingType | None = KEEP,
    l_score_threshold: Score | attrs.NothingType | None = KEEP,
    max_retries: MaxRetries | attrs.NothingType | None = KEEP,
    reason: Reason | None = None,
) -> Relay:
    """Pause, resume (in_progress, after a failure too) or cancel a pipeline, or change its limits.

    Args:
        pipeline_id: (its number)
        status: (what it becomes)
        token_budget: (another budget)
        quality_threshold: (another threshold; null: by the roles)
        l_score_threshold: (another threshold)
        max_retries: (another limit)
        reason: (why)
    """
    change = call.libraries.relays.update(
        pipeline_id,
        status=status,
        token_budget=token_budget,
        quality_threshold=quality_threshold,
        l_score_threshold=l_score_threshold,
        max_retries=max_retries,
        reason=reason,
    )
    if change.changed:
        call.had_effect("pipeline", pipeline_id)
    return change.relay


def list_relay_pipelines(
    call: Call, status: Status | None = None, limit: Limit = DEFAULT_LIST_LIMIT, cursor: CursorText | None = None
) -> RelayList:
    """List pipelines, oldest first.

    Args:
        status: (only of this status)
        limit: (pipelines at most)
        cursor: (next_cursor of the page before)
    """
    here = Cursor({"list": "relays", "status": status})
    found = call.libraries.relays.list(status, limit=limit, after=here.after_id(cursor))
    shown, next_cursor = page(found.pipelines, more=found.more, cursor=here, key=lambda row: row["pipeline_id"])
    return RelayList(pipelines=shown, total=found.total, next_cursor=next_cursor)
