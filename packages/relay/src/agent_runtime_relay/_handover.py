"""Handing a baton on: settle the attempt, charge it, keep its output, issue the next, report the outcome."""

from collections.abc import Callable

import attrs

from . import _decisions, _gate
from ._batons import Advance, NextBaton
from ._bounds import Outcome, RelayStatus
from ._claims import Claims
from ._feedback import gates_of, shortcomings
from ._gate import Check
from ._guard import Guard, Result
from ._issuing import Issuing
from ._provenance import depth_penalty
from ._records import Records
from ._retries import Tries
from ._routing import Route
from ._state import Attempt, AttemptState, Situation
from ._submission import Delivery, Submission
from .errors import AnotherPayload, IllegalTransition, OutputNotFound, StaleBaton

_STATUS_AFTER = {
    Outcome.ADVANCED: RelayStatus.IN_PROGRESS,
    Outcome.BLOCKED: RelayStatus.IN_PROGRESS,
    Outcome.COMPLETED: RelayStatus.COMPLETED,
    Outcome.BUDGET_EXHAUSTED: RelayStatus.FAILED,
}


@attrs.frozen
class Handover:
    """Hands on the batons of one database.

    Args:
        records: its tables.
        guard: whom outcomes are reported to.
        issuing: prepares the next attempt.
        claims: says who holds a baton.
        clock: returns the time in seconds since 1970.
    """

    records: Records
    guard: Guard
    issuing: Issuing
    claims: Claims
    clock: Callable[[], float]

    def advance(
        self,
        pipeline_id: int,
        delivery: Delivery,
        *,
        baton_id: str | None,
        worker: str | None,
        last_shown: str | None,
    ) -> Advance | StaleBaton:
        """Hand a baton on; a late result is kept, so its refusal is returned for the caller to raise once that stands."""
        started = self.clock()
        now = round(started * 1000)
        situation = self.records.pipelines.situation(pipeline_id)
        live = situation.live
        if baton_id is not None and (live is None or live.baton_id != baton_id):
            return self._settled_before(situation, baton_id, delivery, now)
        if live is None or not situation.pipeline.status.runs:
            raise _decisions.no_baton(situation)
        if baton_id is None:
            if last_shown is not None and last_shown != live.baton_id:
                return self._refuse_older(situation, last_shown, delivery, now)
            self.claims.refuse_others(live, worker, now)
        output_id = self.records.outputs.add(pipeline_id, live.step_index, live.attempt, delivery, now)
        worked = self._with_route(situation, live)
        return self._settle(situation, worked, delivery.submission, output_id, started, report=True)

    def settle(
        self, situation: Situation, attempt: Attempt, submission: Submission, output_id: int, started: float
    ) -> Advance:
        """Settle a live attempt with what was handed in for it, and issue the next baton when it passed.

        Args:
            situation: the pipeline as it stands in the file, with `attempt` live.
            attempt: the live attempt, with the agent that did the work.
            submission: what was handed in.
            output_id: where the output is kept.
            started: when the call began, in seconds since 1970.
        """
        now = round(started * 1000)
        pipeline, step, next_step = situation.pipeline, situation.current, situation.next_step
        scores = _gate.weigh(
            quality_score=submission.quality_score,
            l_score=submission.l_score,
            confidence=submission.confidence,
            relevance=submission.relevance,
            checks=submission.checks,
            depth=attempt.depth,
            penalty=depth_penalty(pipeline.total_steps),
        )
        threshold = step.quality_threshold if pipeline.quality_threshold is None else pipeline.quality_threshold
        passed = scores.quality_score >= threshold and scores.l_score >= pipeline.l_score_threshold
        if passed:
            decision = _decisions.accept(pipeline, next_step, submission.tokens_used, now)
        else:
            tries = self.records.attempts.tries(pipeline.id, step.index)
            decision = _decisions.reject(pipeline, step, submission.tokens_used, tries, now)
        outcome, prepared = decision.outcome, None
        if outcome is Outcome.ADVANCED and next_step is not None:
            prepared = self.issuing.prepare(decision.pipeline, next_step, Tries(), depth=scores.depth + 1, now=now)
            outcome = Outcome.ADVANCED if prepared.admitted else Outcome.BLOCKED
        settled = attrs.evolve(
            attempt,
            state=AttemptState.ACCEPTED if passed else AttemptState.REJECTED,
            depth=scores.depth,
            ended_at=now,
            outcome=outcome,
            quality_score=scores.quality_score,
            l_score=scores.l_score,
            score_source=scores.score_source,
            quality_threshold=threshold,
            l_score_threshold=pipeline.l_score_threshold,
            attempts_left=decision.attempts_left,
            tokens_used=submission.tokens_used,
            tokens_total=decision.pipeline.tokens_used,
            tokens_left=decision.pipeline.token_budget - decision.pipeline.tokens_used,
            handoff_ms=round(max(0.0, self.clock() - started) * 1000, 3),
            output_id=output_id,
        )
        self.records.attempts.settle(settled)
        if prepared is not None:
            self.records.attempts.issue(prepared.attempt)
        self.records.pipelines.write(pipeline, decision.pipeline)
        return _reply(
            settled,
            prepared.attempt if prepared is not None else None,
            submission.checks,
            agent_types=(step.agent_type, None if next_step is None else next_step.agent_type),
            total_steps=pipeline.total_steps,
        )
