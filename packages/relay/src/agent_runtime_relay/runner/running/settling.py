"""What comes of a step: its result handed in, its failure recorded, or neither, as somebody else was faster."""

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
from ..programs.agents import Assignment
from ..results.results import AgentFailed, AgentResult, fitting
from .crew import Post
from .desk import Desk
from .events import AttemptFailed, AttemptSuperseded, Event, StepCompleted
from .folder import Folder
from .holding import Holding
from .work import Examined

_UNKNOWN = (0.5,)  # what the formula of the L-score takes for evidence that nobody spoke of


@attrs.frozen(kw_only=True)
class Step:
    """An attempt that a runner works on."""

    assignment: Assignment
    post: Post
    started: float = attrs.field(factory=time.monotonic)

    @property
    def baton(self) -> Baton:
        """The baton that is handed on at its end."""
        return self.assignment.baton


@attrs.frozen(kw_only=True)
class Settled:
    """What came of a step.

    Attributes:
        event: to be told.
        following: the next baton, where it was claimed at once.
        retry_after_seconds: how long to leave the agent alone, where no breaker knows of that.
    """

    event: Event
    following: BatonReading | None = None
    retry_after_seconds: float = 0.0


@attrs.frozen(kw_only=True)
class Settling:
    """Settles the steps of one runner.

    Args:
        desk: the relays.
        holding: claims the next baton.
        folder: where results lie until they are handed in.
        clock: returns the time in seconds since 1970.
    """

    desk: Desk
    holding: Holding
    folder: Folder
    clock: Callable[[], float]

    async def hand_in(self, step: Step, done: Examined, *, and_claim: bool) -> Settled:
        """Hand a result in, and claim the next baton in the same transaction."""
        baton = step.baton
        if done.result.quality_score is None and not done.checks:
            failure = AgentFailed(
                Result.INVALID_OUTPUT,
                f"the result has no quality_score, and {baton.agent_type} has no checks that could stand for it",
                tokens_used=done.tokens_used,
                output=done.result.output,
            )
            return await self.fail(step, failure)
        try:
            answer, following = await self._advance(baton.pipeline_id, baton.baton_id, done, and_claim=and_claim)
        except AnotherPayload as error:
            self.folder.forget(baton.baton_id)
            return self.superseded(step, str(error))
        except IllegalTransition as error:
            await self.holding.give_back(baton)
            if error.status != RelayStatus.PAUSED:  # else the result waits in the folder until it is resumed
                self.folder.forget(baton.baton_id)
            return self.superseded(step, str(error))
        self.folder.forget(baton.baton_id)
        if isinstance(answer, StaleBaton):
            return self.superseded(step, str(answer), answer.orphan_output_id)
        return Settled(event=self._handed_in(step, done, answer), following=following)

    async def hand_in_late(self, pipeline_id: int, baton_id: str, result: AgentResult) -> int | None:
        """Hand in a result for an attempt that was given up, and return the orphan output that it is kept as.

        Returns:
            None where it is none: it was handed in before, or nobody could adopt it, as nobody ever judged it.
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
        """Keep what was finished of a step that is not this runner's any more."""
        baton = step.baton
        result = self.folder.kept(baton.baton_id)
        orphan = None if result is None else await self.hand_in_late(baton.pipeline_id, baton.baton_id, result)
        self.folder.forget(baton.baton_id)
        return self.superseded(step, reason, orphan)

    async def fail(self, step: Step, failure: AgentFailed) -> Settled:
        """Settle an attempt whose agent handed nothing in."""
        baton = step.baton

        def fail(relays: Relays) -> tuple[FailedAttempt, bool]:
            failed = relays.fail_attempt(
                baton.pipeline_id,
                baton.baton_id,
                failure.failure_type,
                fitting(str(failure), 64 * KIB),
                tokens_used=failure.tokens_used,
                output=failure.output,
                retry_after_seconds=failure.retry_after_seconds,
            )
            return failed, isinstance(relays.guard.advice(baton.agent_assigned), Admission)

        try:
            failed, is_admitted = await self.desk.write(fail, named="fail_relay_attempt", pipeline_id=baton.pipeline_id)
        except (StaleBaton, AnotherPayload, IllegalTransition) as error:
            return self.superseded(step, str(error))
        finally:
            self.folder.forget(baton.baton_id)
        event = self._event(
            AttemptFailed,
            step,
            failure_type=failure.failure_type.value,
            error=str(failure),
            attempts_left=failed.attempts_left,
            tokens_used=failure.tokens_used,
            output_id=failed.output_id,
            seconds=_since(step),
        )
        return Settled(event=event, retry_after_seconds=(failure.retry_after_seconds or 0.0) if is_admitted else 0.0)

    def superseded(self, step: Step, reason: str, orphan_output_id: int | None = None) -> Settled:
        """Tell that a step was not this runner's to settle."""
        return Settled(event=self._event(AttemptSuperseded, step, reason=reason, orphan_output_id=orphan_output_id))

    async def _advance(
        self, pipeline_id: int, baton_id: str, done: Examined, *, and_claim: bool
    ) -> tuple[Advance | StaleBaton, BatonReading | None]:
        """Hand a result in; that it came late is an answer here, so that the transaction keeps it as an orphan."""
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
                    worker=self.holding.worker,
                )
            except StaleBaton as stale:
                return stale, None
            goes_on = and_claim and answer.outcome is Outcome.ADVANCED
            return answer, self.holding.claimed(relays, pipeline_id) if goes_on else None

        return await self.desk.write(advance, named="advance_relay", pipeline_id=pipeline_id)

    def _handed_in(self, step: Step, done: Examined, answer: Advance) -> Event:
        if answer.outcome is Outcome.GATE_FAILED:
            return self._event(
                AttemptFailed,
                step,
                failure_type=Result.QUALITY_FAILURE.value,
                error=answer.feedback or "",
                attempts_left=answer.attempts_left,
                tokens_used=done.tokens_used,
                output_id=answer.output_id,
                seconds=_since(step),
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
            seconds=_since(step),
        )

    def _event(self, kind: Callable[..., Event], step: Step, **facts: Any) -> Event:
        return kind(
            pipeline_id=step.baton.pipeline_id,
            at=round(self.clock() * 1000),
            step_index=step.baton.sequence_position - 1,
            agent_type=step.baton.agent_type,
            agent=step.baton.agent_assigned,
            attempt=step.baton.attempt,
            **facts,
        )


def _since(step: Step) -> float:
    return round(time.monotonic() - step.started, 3)
