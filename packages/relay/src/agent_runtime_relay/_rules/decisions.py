"""The decisions about a pipeline: pure functions from its situation and an event to its next state.

    pending -> in_progress    the first baton was claimed, handed on or failed
    in_progress -> completed  the last output passed its gates
    in_progress -> failed     a step's tries are used up (retries_exhausted), or no token is left for the next baton
                              (budget_exhausted); a paused pipeline fails when the last try of its step does
    pending, in_progress -> paused;  paused, failed -> in_progress    a person pauses or resumes it; adopting a late
                              result resumes a failed one
    any but completed and cancelled -> cancelled                      a person cancels it

Every attempt charges its tokens, whether it passed or not. An output that passed is kept even when it overran the
budget: the overrun only keeps the next baton from being issued.

Example: a step with max_retries=1 fails its gate twice. The first failure leaves one attempt, and the pipeline stays in
progress; the second leaves none, and the pipeline fails with `retries_exhausted`, unless a fallback agent is left.
"""

from collections.abc import Sequence

import attrs

from ..errors import IllegalTransition
from .gate import Check, feedback
from .retries import Tries, attempts_left
from .situation import Attempt, AttemptState, Charge, Pipeline, Situation, Step
from .states import Outcome, RelayStatus, WaitingFor

BUDGET_EXHAUSTED = "budget_exhausted"
RETRIES_EXHAUSTED = "retries_exhausted"

_REACHED_FROM = {
    RelayStatus.PAUSED: (RelayStatus.PENDING, RelayStatus.IN_PROGRESS),
    RelayStatus.IN_PROGRESS: (RelayStatus.PAUSED, RelayStatus.FAILED),
    RelayStatus.CANCELLED: (RelayStatus.PENDING, RelayStatus.IN_PROGRESS, RelayStatus.PAUSED, RelayStatus.FAILED),
}


@attrs.frozen(kw_only=True)
class Decision:
    """The decision that the end of an attempt leads to.

    Attributes:
        pipeline: its new state.
        outcome: the outcome to report.
        charge: the cost of the attempt and what it left; attempts are counted as if the following baton were issued.
    """

    pipeline: Pipeline
    outcome: Outcome
    charge: Charge


def accept(pipeline: Pipeline, next_step: Step | None, tokens_used: int, now: int) -> Decision:
    """Decide what follows when an output passed its gates."""
    after = _charged(pipeline, tokens_used, now, current_step=pipeline.current_step + 1)
    if next_step is None:
        done = attrs.evolve(after, status=RelayStatus.COMPLETED, reason=None)
        return _decision(done, Outcome.COMPLETED, tokens_used, 0)
    if not after.may_issue:
        failed = attrs.evolve(after, status=RelayStatus.FAILED, reason=BUDGET_EXHAUSTED)
        return _decision(failed, Outcome.BUDGET_EXHAUSTED, tokens_used, left(pipeline, next_step, Tries()))
    return _decision(after, Outcome.ADVANCED, tokens_used, left(pipeline, next_step, Tries(all=1)))


def reject(pipeline: Pipeline, step: Step, tokens_used: int, tries: Tries, now: int) -> Decision:
    """Decide what follows when an attempt failed, by its gate or otherwise; `tries` counts it in."""
    after = _charged(pipeline, tokens_used, now, current_step=pipeline.current_step)
    remaining = left(pipeline, step, tries)
    if not remaining:
        after = attrs.evolve(after, status=RelayStatus.FAILED, reason=RETRIES_EXHAUSTED)
    return _decision(after, Outcome.GATE_FAILED, tokens_used, remaining)


def quality_threshold(pipeline: Pipeline, step: Step) -> float:
    """Return the quality that a step must reach: the pipeline's own threshold, else its role's."""
    return step.quality_threshold if pipeline.quality_threshold is None else pipeline.quality_threshold


def left(pipeline: Pipeline, step: Step, tries: Tries) -> int:
    """Return the number of attempts that a step has left."""
    return attempts_left(tries, pipeline.max_retries, step.agent_type in pipeline.fallback_agents)


def why_none_may_follow(pipeline: Pipeline, step: Step, tries: Tries) -> str | None:
    """Return the reason that a step gets no further attempt, or None if it may get one."""
    if not left(pipeline, step, tries):
        return RETRIES_EXHAUSTED
    return None if pipeline.may_issue else BUDGET_EXHAUSTED


def waiting_for(situation: Situation) -> WaitingFor | None:
    """Return the event that has to come before there is a baton to work on, or None if there is one."""
    pipeline = situation.pipeline
    if pipeline.status in (RelayStatus.COMPLETED, RelayStatus.CANCELLED):
        return WaitingFor.NOTHING
    if pipeline.status is RelayStatus.PAUSED:
        return WaitingFor.RESUME
    if situation.live is not None:
        return None
    if not pipeline.may_issue:
        return WaitingFor.BUDGET
    return WaitingFor.RESUME if pipeline.status is RelayStatus.FAILED else WaitingFor.RETRY


def require_transition(pipeline: Pipeline, wanted: RelayStatus) -> None:
    """Refuse a status that can't be reached from the pipeline's own.

    Raises:
        IllegalTransition: it says what could be reached.
    """
    if pipeline.status not in _REACHED_FROM[wanted]:
        reachable = [str(status) for status, origins in _REACHED_FROM.items() if pipeline.status in origins]
        hint = f"it can become {' or '.join(reachable)}" if reachable else "create another pipeline"
        raise IllegalTransition(pipeline.id, pipeline.status, f"it can't become {wanted}", hint)


def no_baton(situation: Situation) -> IllegalTransition:
    """Return the refusal to hand on a baton while there is none."""
    pipeline = situation.pipeline
    match waiting_for(situation):
        case WaitingFor.RETRY:
            problem = f"the last attempt of step {pipeline.current_step} failed and no baton is live"
            hint = f"call retry_relay_step(pipeline_id={pipeline.id}, step_index={pipeline.current_step})"
        case WaitingFor.BUDGET:
            problem = f"no tokens remain of {pipeline.token_budget}, so no baton is issued"
            hint = "raise token_budget with update_relay" + _and_resume(pipeline)
        case WaitingFor.RESUME:
            problem = "no baton is handed on until it is resumed"
            hint = f'call update_relay(pipeline_id={pipeline.id}, status="in_progress")'
        case _:
            problem = "it has no baton any more"
            hint = "list_relay_pipelines names the pipelines there are"
    return IllegalTransition(pipeline.id, pipeline.status, problem, hint)


def _charged(pipeline: Pipeline, tokens_used: int, now: int, *, current_step: int) -> Pipeline:
    return attrs.evolve(
        pipeline,
        tokens_used=pipeline.tokens_used + tokens_used,
        status=RelayStatus.IN_PROGRESS if pipeline.status is RelayStatus.PENDING else pipeline.status,
        current_step=current_step,
        updated_at=now,
    )


def _decision(after: Pipeline, outcome: Outcome, tokens_used: int, attempts_left: int) -> Decision:
    charge = Charge(
        tokens_used=tokens_used,
        tokens_total=after.tokens_used,
        tokens_left=after.token_budget - after.tokens_used,
        attempts_left=attempts_left,
    )
    return Decision(pipeline=after, outcome=outcome, charge=charge)


def _and_resume(pipeline: Pipeline) -> str:
    if pipeline.status is RelayStatus.FAILED:
        return ' and status="in_progress"'
    return f", then call retry_relay_step(step_index={pipeline.current_step})"


def shortcomings(attempt: Attempt, checks: Sequence[Check]) -> str | None:
    """Return why a settled attempt came to nothing, or None if it did not."""
    if attempt.handed_in is not None:
        return feedback(attempt.handed_in.verdict, checks)
    if attempt.breakdown is not None:
        failure_type, error = attempt.breakdown.failure_type, attempt.breakdown.error
        return f"{failure_type}: {error}" if error else failure_type
    if attempt.state is AttemptState.LOST and attempt.hold is not None:
        return f"lost: {attempt.hold.worker} ended without handing anything on"
    return None
