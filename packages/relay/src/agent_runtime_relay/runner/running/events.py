"""What a runner tells while it works. Times are milliseconds since 1970, durations seconds."""

import attrs

from ...bounds import RelayStatus, WaitingFor


@attrs.frozen(kw_only=True)
class Event:
    """What all events have in common: which pipeline, and when."""

    pipeline_id: int
    at: int


@attrs.frozen(kw_only=True)
class RunStarted(Event):
    """A runner took a pipeline up."""

    name: str
    status: RelayStatus
    current_step: int
    total_steps: int


@attrs.frozen(kw_only=True)
class StepStarted(Event):
    """An agent was given a baton; `recovered` says that its result was there already, from a run that died."""

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
        quality_score: as it was weighed.
        l_score: as it was weighed.
        score_source: who decided the quality: "self", or "check:" and a name.
        tokens_used: by the attempt.
        output_id: where the output is kept.
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
    """An attempt came to nothing.

    Attributes:
        failure_type: timeout, exception, invalid_output, quality_failure, rate_limited or resource_exhausted.
        error: what went wrong.
        attempts_left: how many there may still be.
        output_id: where what the agent wrote is kept, or None.
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
    """Somebody else settled the attempt, or the pipeline, while the agent worked; its result is kept where it can be.

    Attributes:
        orphan_output_id: where the result is kept for somebody to adopt, or None.
    """

    step_index: int
    agent_type: str
    agent: str
    attempt: int
    reason: str
    orphan_output_id: int | None


@attrs.frozen(kw_only=True)
class Waiting(Event):
    """Nothing is done for a while, before a retry or until a breaker admits an agent."""

    step_index: int
    waiting_for: WaitingFor
    seconds: float


@attrs.frozen(kw_only=True)
class RunEnded(Event):
    """A runner let a pipeline go.

    Attributes:
        status: of the pipeline.
        waiting_for: what has to happen before it can go on; nothing when it is completed or cancelled.
        reason: why it is not completed, or None.
        resumable: whether it can be taken up again.
    """

    status: RelayStatus
    waiting_for: WaitingFor
    reason: str | None
    resumable: bool
    current_step: int
    total_steps: int
    tokens_used: int
    tokens_remaining: int
