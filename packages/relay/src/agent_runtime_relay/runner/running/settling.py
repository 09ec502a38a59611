"""The end of a step: its result handed in, its failure recorded, or neither.

A step ends in one of these ways, each with its event:

- completed: the result passed the gates, and the next baton is claimed in the same transaction;
- failed: the agent has no result, or its result did not pass;
- superseded: somebody else settled the attempt or the pipeline first. A late result for another attempt is stored as an
  orphan output, if it has a score so that somebody can adopt it.

Invariant: the file of a result is removed only after the database has the result, or has refused it for good. A runner
that dies before that leaves the file for the next run.

Example: an agent finishes after its lease ran out, and another runner has retried the step. The result is handed in for
a stale baton, stored as an orphan, and the step ends as superseded with the number of the orphan.
"""

import time
from collections.abc import Callable
from typing import Any

import attrs

from agent_runtime_kernel.bounds import KIB

from ..._batons import Advance, Baton, BatonReading, FailedAttempt
from ..._guard import Admission, Result
from ..._relays import Relays
from ...bounds import Outcome, RelayStatus
from ...errors import AnotherPayload, IllegalTransition, StaleBaton
from ..assignment import Assignment
from ..results.result import AgentFailed, AgentResult, truncated
from .claims import Claims
from .crew import Post
from .events import AttemptFailed, AttemptSuperseded, Event, StepCompleted
from .folder import Folder
from .relay_access import RelayAccess
from .work import Examined

_UNKNOWN = (0.5,)  # the confidence and relevance for the L-score if nobody gave any


@attrs.frozen(kw_only=True)
class Step:
    """An attempt that a runner works on."""

    assignment: Assignment
    post: Post
    started: float = attrs.field(factory=time.monotonic)

    @property
    def baton(self) -> Baton:
        """The baton of the attempt."""
        return self.assignment.baton


@attrs.frozen(kw_only=True)
class Settled:
    """The outcome of a step.

    Attributes:
        event: the event to yield.
        following: the next baton if it was claimed at once, or None.
        retry_after_seconds: seconds for which not to call the agent, if no breaker keeps it from being called.
    """

    event: Event
    following: BatonReading | None = None
    retry_after_seconds: float = 0.0


class Settling:
    """The ends of the steps of one runner.

    Args:
        access: the relays.
        claims: claims the next baton.
        folder: keeps results until they are handed in.
        clock: returns the time in seconds since 1970.
    """

    def __init__(self, access: RelayAccess, claims: Claims, folder: Folder, clock: Callable[[], float]) -> None:
        self._access = access
        self._claims = claims
        self._folder = folder
        self._clock = clock

    async def hand_in(self, step: Step, done: Examined, *, and_claim: bool) -> Settled:
        """Hand in a result and, if wanted, claim the next baton in the same transaction."""
        baton = step.baton
        if done.result.quality_score is None and not done.checks:
            failure = AgentFailed(
                Result.INVALID_OUTPUT,
                f"the result has no quality_score, and {baton.agent_type} has no checks to score it",
                tokens_used=done.tokens_used,
                output=done.result.output,
            )
            return await self.fail(step, failure)
        try:
            answer, following = await self._advance(baton.pipeline_id, baton.baton_id, done, and_claim=and_claim)
        except AnotherPayload as error:
            self._folder.forget(baton.baton_id)
            return self._superseded(step, str(error))
        except IllegalTransition as error:
            await self._claims.release(baton)
            if error.status != RelayStatus.PAUSED:  # a paused one finds the result in the folder when it is resumed
                self._folder.forget(baton.baton_id)
            return self._superseded(step, str(error))
        self._folder.forget(baton.baton_id)
        if isinstance(answer, StaleBaton):
            return self._superseded(step, str(answer), answer.orphan_output_id)
        return Settled(event=self._event_of(step, done, answer), following=following)

    async def hand_in_late(self, pipeline_id: int, baton_id: str, result: AgentResult) -> int | None:
        """Hand in a result for an attempt that was given up.

        Returns:
            The orphan output as which it is stored. None if it was handed in before, or if it has no score, so that
            nobody could adopt it.
        """
        if result.quality_score is None:
            return None
        late = Examined(result=result, checks=(), tokens_used=result.tokens_used)
        try:
            answer, _ = await self._advance(pipeline_id, baton_id, late, and_claim=False)
        except (AnotherPayload, IllegalTransition):
            return None
        return answer.orphan_output_id if isinstance(answer, StaleBaton) else None

    async def come_late(self, step: Step, reason: str) -> Settled:
        """Settle a step that this runner no longer holds, and keep its result if it was finished."""
        baton = step.baton
        result = self._folder.kept(baton.baton_id)
        orphan = None if result is None else await self.hand_in_late(baton.pipeline_id, baton.baton_id, result)
        self._folder.forget(baton.baton_id)
        return self._superseded(step, reason, orphan)

    async def fail(self, step: Step, failure: AgentFailed) -> Settled:
        """Record the failure of an attempt."""
        baton = step.baton

        def fail(relays: Relays) -> tuple[FailedAttempt, bool]:
            failed = relays.fail_attempt(
                baton.pipeline_id,
                baton.baton_id,
                failure.failure_type,
                truncated(str(failure), 64 * KIB),
                tokens_used=failure.tokens_used,
                output=failure.output,
                retry_after_seconds=failure.retry_after_seconds,
            )
            return failed, isinstance(relays.guard.advice(baton.agent_assigned), Admission)

        try:
            failed, is_admitted = await self._access.write(
                fail, named="fail_relay_attempt", pipeline_id=baton.pipeline_id
            )
        except (StaleBaton, AnotherPayload, IllegalTransition) as error:
            return self._superseded(step, str(error))
        finally:
            self._folder.forget(baton.baton_id)
        event = self._event(
            AttemptFailed,
            step,
            failure_type=failure.failure_type.value,
            error=str(failure),
            attempts_left=failed.attempts_left,
            tokens_used=failure.tokens_used,
            output_id=failed.output_id,
            seconds=_seconds_since_start(step),
        )
        return Settled(event=event, retry_after_seconds=(failure.retry_after_seconds or 0.0) if is_admitted else 0.0)

    def _superseded(self, step: Step, reason: str, orphan_output_id: int | None = None) -> Settled:
        """Report that this runner did not settle the step."""
        return Settled(event=self._event(AttemptSuperseded, step, reason=reason, orphan_output_id=orphan_output_id))

    async def _advance(
        self, pipeline_id: int, baton_id: str, done: Examined, *, and_claim: bool
    ) -> tuple[Advance | StaleBaton, BatonReading | None]:
        """Hand in a result. Return a stale baton instead of raising it, so that the transaction keeps the orphan."""
        result = done.result
        is_traced = bool(result.l_score is not None or result.confidence or result.relevance or done.checks)

        def advance(relays: Relays) -> tuple[Advance | StaleBaton, BatonReading | None]:
            try:
                answer = relays.advance(
                    pipeline_id,
                    result.quality_score,
                    result.l_score,
                    done.tokens_used,
                    output=result.output,
                    output_summary=result.output_summary,
                    sources=result.sources,
                    confidence=result.confidence if is_traced else _UNKNOWN,
                    relevance=result.relevance if is_traced else _UNKNOWN,
                    checks=done.checks,
                    baton_id=baton_id,
                    worker=self._claims.worker,
                )
            except StaleBaton as stale:
                return stale, None
            goes_on = and_claim and answer.outcome is Outcome.ADVANCED
            return answer, self._claims.claim_within(relays, pipeline_id) if goes_on else None

        return await self._access.write(advance, named="advance_relay", pipeline_id=pipeline_id)

    def _event_of(self, step: Step, done: Examined, answer: Advance) -> Event:
        if answer.outcome is Outcome.GATE_FAILED:
            return self._event(
                AttemptFailed,
                step,
                failure_type=Result.QUALITY_FAILURE.value,
                error=answer.feedback or "",
                attempts_left=answer.attempts_left,
                tokens_used=done.tokens_used,
                output_id=answer.output_id,
                seconds=_seconds_since_start(step),
            )
        quality, l_score = answer.gates
        return self._event(
            StepCompleted,
            step,
            quality_score=quality.score,
            l_score=l_score.score,
            score_source=answer.score_source,
            tokens_used=done.tokens_used,
            output_id=answer.output_id,
            seconds=_seconds_since_start(step),
        )

    def _event(self, kind: Callable[..., Event], step: Step, **facts: Any) -> Event:
        return kind(
            pipeline_id=step.baton.pipeline_id,
            at=round(self._clock() * 1000),
            step_index=step.baton.sequence_position - 1,
            agent_type=step.baton.agent_type,
            agent=step.baton.agent_assigned,
            attempt=step.baton.attempt,
            **facts,
        )


def _seconds_since_start(step: Step) -> float:
    return round(time.monotonic() - step.started, 3)
