"""The values that this library answers with about pipelines and outputs. Times are milliseconds since 1970."""

import attrs

from .bounds import RelayStatus, StepStatus


@attrs.frozen(kw_only=True)
class CreatedRelay:
    """A pipeline that was just created.

    Attributes:
        pipeline_id: its number.
        name: its purpose in one line.
        goal: the mission.
        status: pending.
        steps: the number of steps.
        agents: the agent types in their order.
        token_budget: the tokens that all steps together may use.
        baton_id: the first baton.
    """

    pipeline_id: int
    name: str
    goal: str
    status: RelayStatus
    steps: int
    agents: tuple[str, ...]
    token_budget: int
    baton_id: str


@attrs.frozen(kw_only=True)
class RelayStep:
    """A step of a pipeline.

    Attributes:
        step_index: its place, from 0.
        agent_type: the role.
        agent_assigned: the agent that did it, does it or will do it; None before a baton was issued.
        status: its status.
        attempts: the number of attempts.
        quality_score: the quality of the last scored attempt, or None.
        l_score: the L-score of the same attempt.
        score_source: the source of that quality: "self", or "check:" and a name.
        tokens_used: the tokens that all its attempts used.
        output_id: the output of the last attempt that handed one in, or None.
        started_at: the time at which its first baton was issued, or None.
        completed_at: the time at which its output was accepted, or None.
    """

    step_index: int
    agent_type: str
    agent_assigned: str | None
    status: StepStatus
    attempts: int
    quality_score: float | None
    l_score: float | None
    score_source: str | None
    tokens_used: int
    output_id: int | None
    started_at: int | None
    completed_at: int | None


@attrs.frozen(kw_only=True)
class Orphan:
    """A result that came after its attempt was given up; it waits for somebody to adopt it.

    Attributes:
        output_id: the output.
        step_index: the step that it is for, from 0.
        attempt: the attempt that was given up.
        agent: the agent of that attempt.
        quality_score: the quality that its author reported, or None.
        l_score: the L-score that its author reported, or None.
        tokens_used: the tokens that its author reported.
        summary: the summary of its author.
        sha256: the SHA-256 of the text.
        created_at: the time at which it came.
    """

    output_id: int
    step_index: int
    attempt: int
    agent: str
    quality_score: float | None
    l_score: float | None
    tokens_used: int
    summary: str
    sha256: str
    created_at: int


@attrs.frozen(kw_only=True)
class Relay:
    """The current state of a pipeline.

    Attributes:
        pipeline_id: its number.
        name: its purpose in one line.
        goal: the mission.
        status: its status.
        reason: why it is paused, failed or cancelled, or None.
        resumable: true if `update` can resume it.
        current_step: the step to work on, from 0; total_steps when completed.
        total_steps: the number of steps.
        tokens_used: the tokens that all attempts used.
        tokens_remaining: the tokens left of the budget.
        token_budget: the tokens that all steps together may use.
        quality_scores: the quality of each completed step, in order.
        l_scores: the L-score of each completed step, in order.
        average_quality: the mean quality of the completed steps, or None.
        average_l_score: the mean L-score of the completed steps, or None.
        steps: all of them.
        orphans: results that came after their attempts were given up, and that nobody has adopted.
    """

    pipeline_id: int
    name: str
    goal: str
    status: RelayStatus
    reason: str | None
    resumable: bool
    current_step: int
    total_steps: int
    tokens_used: int
    tokens_remaining: int
    token_budget: int
    quality_scores: tuple[float, ...]
    l_scores: tuple[float, ...]
    average_quality: float | None
    average_l_score: float | None
    steps: tuple[RelayStep, ...]
    orphans: tuple[Orphan, ...]


@attrs.frozen(kw_only=True)
class RelayChange:
    """The result of an update: the pipeline afterwards, and whether anything was written."""

    relay: Relay
    changed: bool


@attrs.frozen(kw_only=True)
class RelaySummary:
    """A pipeline in a list."""

    pipeline_id: int
    name: str
    status: RelayStatus
    current_step: int
    total_steps: int
    progress_percent: float
    tokens_used: int
    created_at: int


@attrs.frozen(kw_only=True)
class RelayPage:
    """A page of pipelines in the order of their ids.

    Attributes:
        pipelines: the pipelines of the page.
        total: the number of pipelines that match.
        more: whether pipelines follow after the page.
    """

    pipelines: tuple[RelaySummary, ...]
    total: int
    more: bool


@attrs.frozen(kw_only=True)
class OutputPage:
    """A part of an output.

    Attributes:
        pipeline_id: the pipeline.
        output_id: the output.
        text: the part from `offset` on.
        offset: the byte of UTF-8 at which it begins.
        next_offset: the byte at which the next part begins, or None at the end.
        bytes: the size of the whole.
    """

    pipeline_id: int
    output_id: int
    text: str
    offset: int
    next_offset: int | None
    bytes: int
