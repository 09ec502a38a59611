"""Attempts that a runner gives up: the agent timed out, broke down, or answered what can't be read."""

import attrs

from .._batons import FailedAttempt
from .._guard import Guard, Result
from .._records.records import Records
from .._records.submission import Delivery
from .._rules import decisions as _decisions
from .._rules.decisions import shortcomings
from .._rules.situation import Attempt, AttemptState, Breakdown, Charge, Situation
from ..bounds import RelayStatus
from ..errors import AnotherPayload, StaleBaton


@attrs.frozen(kw_only=True)
class Failure:
    """The failure of an attempt.

    Attributes:
        result: the type of failure.
        error: the same in words.
        delivery: the output of the agent until then, and its cost.
        retry_after_seconds: with rate_limited, when the agent may be asked again.
    """

    result: Result
    error: str
    delivery: Delivery
    retry_after_seconds: float | None


class Failing:
    """Settles failed attempts.

    Args:
        records: the tables.
        guard: whom failures are reported to.
    """

    def __init__(self, records: Records, guard: Guard) -> None:
        self.records = records
        self.guard = guard

    def fail(self, situation: Situation, baton_id: str, failure: Failure, now: int) -> FailedAttempt:
        """Settle an attempt that its runner gave up; the same again answers the same.

        Raises:
            AnotherPayload: it was settled before in another way.
            StaleBaton: the attempt was lost.
            IllegalTransition: the pipeline was cancelled.
        """
        live = situation.live
        if live is None or live.baton_id != baton_id:
            return self._repeated(situation, baton_id, failure)
        if live.hold is not None:
            self.guard.settle(
                live.agent,
                live.hold.permit_id,
                failure.result,
                error=failure.error,
                retry_after_seconds=failure.retry_after_seconds,
            )
        pipeline, delivery = situation.pipeline, failure.delivery
        output_id = None
        if delivery.text:
            output_id = self.records.outputs.add(pipeline.id, live.step_index, live.attempt, delivery, now)
        tries = self.records.attempts.tries(pipeline.id, live.step_index)
        decision = _decisions.reject(pipeline, situation.current, delivery.submission.tokens_used, tries, now)
        breakdown = Breakdown(failure_type=str(failure.result), error=failure.error, output_id=output_id)
        settled = attrs.evolve(
            live,
            state=AttemptState.FAILED,
            agent_assigned=live.agent,
            ended_at=now,
            charge=decision.charge,
            breakdown=breakdown,
        )
        self.records.attempts.settle(settled)
        self.records.pipelines.write(pipeline, decision.pipeline)
        return _failed(settled, breakdown, decision.charge, decision.pipeline.status, replayed=False)

    def _repeated(self, situation: Situation, baton_id: str, failure: Failure) -> FailedAttempt:
        pipeline = situation.pipeline
        settled = self.records.settled(pipeline.id, baton_id)
        if settled.state is AttemptState.CANCELLED:
            raise _decisions.no_baton(situation)
        if settled.state is AttemptState.LOST:
            raise StaleBaton(pipeline.id, baton_id, "was lost, and another attempt stands in its place")
        breakdown, charge, cost = settled.breakdown, settled.charge, failure.delivery.submission.tokens_used
        if breakdown is None or charge is None or charge.tokens_used != cost:
            raise AnotherPayload(pipeline.id, baton_id)
        if (breakdown.failure_type, breakdown.error) != (str(failure.result), failure.error):
            raise AnotherPayload(pipeline.id, baton_id)
        return _failed(settled, breakdown, charge, pipeline.status, replayed=True)


def _failed(
    attempt: Attempt, breakdown: Breakdown, charge: Charge, status: RelayStatus, *, replayed: bool
) -> FailedAttempt:
    return FailedAttempt(
        pipeline_id=attempt.pipeline_id,
        status=status,
        step_index=attempt.step_index,
        attempt=attempt.attempt,
        attempts_left=charge.attempts_left,
        feedback=shortcomings(attempt, ()) or "",
        output_id=breakdown.output_id,
        tokens_used=charge.tokens_total,
        tokens_remaining=max(0, charge.tokens_left),
        replayed=replayed,
    )
