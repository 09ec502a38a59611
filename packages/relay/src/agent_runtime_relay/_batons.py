"""The values that this library answers with about batons and how they move. Times are milliseconds since 1970."""

import attrs

from ._rules.gate import GateResult
from ._rules.routing import RouteReason
from .bounds import Outcome, RelayStatus, WaitingFor


@attrs.frozen(kw_only=True)
class Baton:
    """The baton that an agent is given.

    Attributes:
        baton_id: the fence: whoever shows it may hand this attempt on.
        pipeline_id: the pipeline.
        sequence_position: the step, from 1.
        total_agents: the number of steps.
        agent_type: the role.
        agent_assigned: the agent assigned to the step.
        route_reason: the reason for choosing that agent.
        input_summary: the summary of the previous output; None in a reply whose prompt holds it.
        input_output_id: the whole output of the step before, or None.
        input_entity_id: the previous agent's own id of that output, or None.
        task_description: the work of the step.
        expected_output_type: the kind of output to hand on.
        quality_threshold: the quality from which it is accepted, inclusive.
        l_score_threshold: the L-score from which it is accepted, inclusive.
        max_output_tokens: the greatest number of tokens that the agent may write.
        remaining_budget: tokens that the pipeline has left.
        tokens_used: tokens that the pipeline has spent.
        source_chain: the last 200 sources of the steps before, in order, each once.
        source_count: the number of all sources.
        l_score_chain: the L-scores of the steps before.
        attempt: the number of this try of the step, from 1.
        max_retries: the greatest number of tries after the first.
        feedback: the faults of the previous try, or None.
        created_at: the time at which it was issued.
    """

    baton_id: str
    pipeline_id: int
    sequence_position: int
    total_agents: int
    agent_type: str
    agent_assigned: str
    route_reason: RouteReason
    input_summary: str | None
    input_output_id: int | None
    input_entity_id: int | None
    task_description: str
    expected_output_type: str
    quality_threshold: float
    l_score_threshold: float
    max_output_tokens: int
    remaining_budget: int
    tokens_used: int
    source_chain: tuple[str, ...]
    source_count: int
    l_score_chain: tuple[float, ...]
    attempt: int
    max_retries: int
    feedback: str | None
    created_at: int


@attrs.frozen(kw_only=True)
class Claim:
    """The claim on a baton: its worker, the end of its lease, and whether it is live."""

    worker: str
    expires_at: int
    live: bool


@attrs.frozen(kw_only=True)
class BatonReading:
    """The baton of a pipeline, and all that its agent needs to be told.

    Attributes:
        pipeline_id: the pipeline.
        status: the status of the pipeline.
        current_step: from 0; the number of steps when completed.
        current_agent: the agent whose turn it is, or None.
        baton: None where none can be worked on.
        prompt: the whole briefing of the agent, or None.
        claim: the claim on it, or None.
        tokens_remaining: the tokens left of the budget.
        waiting_for: the event that has to come first if the baton is None.
        retry_after_seconds: the time until the breakers may admit an agent again, or None.
        changed: whether this call wrote anything.
    """

    pipeline_id: int
    status: RelayStatus
    current_step: int
    current_agent: str | None
    baton: Baton | None
    prompt: str | None
    claim: Claim | None
    tokens_remaining: int
    waiting_for: WaitingFor | None
    retry_after_seconds: float | None
    changed: bool


@attrs.frozen(kw_only=True)
class NextBaton:
    """The baton that was issued for the next step."""

    baton_id: str
    agent_type: str
    agent_assigned: str
    sequence_position: int


@attrs.frozen(kw_only=True)
class Advance:
    """The result of handing a baton on.

    Attributes:
        pipeline_id: the pipeline.
        status: the status of the pipeline afterwards.
        outcome: advanced, completed, gate_failed, budget_exhausted, or blocked (no breaker admits the next agent).
        current_step: the step to work on now, from 0.
        total_steps: the number of steps.
        next_agent: the agent of that step, or None if the pipeline is completed.
        next_baton: the baton to go on with; None unless advanced.
        gates: the result of each gate.
        score_source: the source of the quality: "self", or "check:" and a name.
        attempts_left: attempts that the current step may still be given.
        feedback: what the next attempt must do better, or None.
        output_id: the id of the stored output.
        tokens_used: the tokens that the pipeline has used.
        tokens_remaining: the tokens left of the budget.
        over_budget: whether more tokens were used than the budget has.
        handoff_time_ms: the milliseconds from the start of the call to the decision.
        replayed: whether this is the stored reply of an earlier call.
    """

    pipeline_id: int
    status: RelayStatus
    outcome: Outcome
    current_step: int
    total_steps: int
    next_agent: str | None
    next_baton: NextBaton | None
    gates: tuple[GateResult, ...]
    score_source: str
    attempts_left: int
    feedback: str | None
    output_id: int
    tokens_used: int
    tokens_remaining: int
    over_budget: bool
    handoff_time_ms: float
    replayed: bool


@attrs.frozen(kw_only=True)
class Retry:
    """A further attempt of the current step: its number, how many may follow, and its baton."""

    pipeline_id: int
    step_index: int
    attempt: int
    attempts_left: int
    baton: Baton


@attrs.frozen(kw_only=True)
class FailedAttempt:
    """The result of an attempt that its runner gave up.

    Attributes:
        pipeline_id: the pipeline.
        status: the status of the pipeline afterwards: failed if no attempt is left.
        step_index: the step, from 0.
        attempt: the number of the attempt.
        attempts_left: attempts that the step may still be given.
        feedback: the text for the next attempt.
        output_id: the id of the agent's output that was kept, or None.
        tokens_used: the tokens that the pipeline has used.
        tokens_remaining: the tokens left of the budget.
        replayed: whether it had been recorded before.
    """

    pipeline_id: int
    status: RelayStatus
    step_index: int
    attempt: int
    attempts_left: int
    feedback: str
    output_id: int | None
    tokens_used: int
    tokens_remaining: int
    replayed: bool
