"""The events of a run. Times are milliseconds since 1970, durations seconds."""

import attrs

from ...bounds import RelayStatus, WaitingFor


@attrs.frozen(kw_only=True)
class Event:
    """The fields that all events have: the pipeline and the time."""

    pipeline_id: int
    at: int


@attrs.frozen(kw_only=True)
class RunStarted(Event):
    """A runner took up a pipeline."""

    name: str
    status: RelayStatus
    current_step: int
    total_steps: int


@attrs.frozen(kw_only=True)
class StepStarted(Event):
    """An agent was given a baton; `recovered` is true if a run that died left its result."""

    step_index: int
    agent_type: str
    agent: str
    attempt: int
    baton_id: str
    recovered: bool = False


@attrs.frozen(kw_only=True)
class StepCompleted(Event):
    """An output passed the gates and the baton moved on.

    Attributes:
        quality_score: the score that the gate compared.
        l_score: the score that the gate compared.
        score_source: the author of the quality score: "self", or "check:" and a name.
        tokens_used: by the attempt.
        output_id: the stored output.
        seconds: from the start of the agent until the baton had moved.
    """

    step_index: int
    agent_type: str
    agent: str
    attempt: int
    quality_score: float
    l_score: float
    score_source: str
    tokens_used: int
    output_id: int
    seconds: float


@attrs.frozen(kw_only=True)
class AttemptFailed(Event):
    """An attempt failed.

    Attributes:
        failure_type: timeout, exception, invalid_output, quality_failure, rate_limited or resource_exhausted.
        error: the reason.
        attempts_left: the number of attempts that are still possible.
        tokens_used: by the attempt.
        output_id: the stored text of the agent, or None.
        seconds: from the start of the agent until the failure was recorded.
    """

    step_index: int
    agent_type: str
    agent: str
    attempt: int
    failure_type: str
    error: str
    attempts_left: int
    tokens_used: int
    output_id: int | None
    seconds: float


@attrs.frozen(kw_only=True)
class AttemptSuperseded(Event):
    """Somebody else settled the attempt or the pipeline while the agent worked. Its result is kept if possible.

    Attributes:
        reason: the refusal of its result.
        orphan_output_id: the stored result, for somebody to adopt, or None.
    """

    step_index: int
    agent_type: str
    agent: str
    attempt: int
    reason: str
    orphan_output_id: int | None


@attrs.frozen(kw_only=True)
class Waiting(Event):
    """The run pauses before a retry, or until a breaker admits an agent."""

    step_index: int
    waiting_for: WaitingFor
    seconds: float


@attrs.frozen(kw_only=True)
class RunEnded(Event):
    """A runner stopped working on a pipeline.

    Attributes:
        status: of the pipeline.
        waiting_for: the event that must happen before it can go on; nothing if it is completed or cancelled.
        reason: why it is not completed, or None.
        resumable: true if a run may take it up again.
    """

    status: RelayStatus
    waiting_for: WaitingFor
    reason: str | None
    resumable: bool
    current_step: int
    total_steps: int
    tokens_used: int
    tokens_remaining: int
