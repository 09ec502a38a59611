"""What whoever runs agents does with the batons it holds, and with results that came too late."""

from collections.abc import Mapping

import attrs

from .. import bounds
from .._batons import Advance, Claim, FailedAttempt
from .._guard import Result
from .._records.submission import Delivery, Submission, hash_of
from .._rules.gate import SCORE
from ..bounds import (
    BatonId,
    ErrorText,
    FailureType,
    FallbackAgents,
    LeaseSeconds,
    OutputId,
    OutputText,
    PipelineId,
    RetryAfterSeconds,
    Score,
    Tokens,
    Worker,
)
from .adoption import Adoption
from .failing import Failing, Failure
from .parts import optional
from .upkeep import Upkeep


@attrs.frozen
class HeldBatons(Upkeep):
    """The part of the relays of one database that runners use."""

    def renew(
        self, pipeline_id: PipelineId, baton_id: BatonId, worker: Worker, *, lease_seconds: LeaseSeconds | None = None
    ) -> Claim:
        """Extend the claim on a baton, even when its lease is just over and nobody took it.

        Args:
            pipeline_id: the number of the pipeline.
            baton_id: the claimed baton.
            worker: who holds it.
            lease_seconds: how long from now it binds others, 10 to 86,400; by default as long as it did.

        Raises:
            BatonClaimed: another worker holds it.
            StaleBaton: its attempt is settled.
            IllegalTransition: nobody holds it.
        """
        lease = optional(bounds.LEASE_SECONDS, "lease_seconds", lease_seconds)
        baton_id, worker = bounds.BATON_ID("baton_id", baton_id), bounds.WORKER("worker", worker)
        with self.connection:
            situation = self._records.pipelines.situation(bounds.PIPELINE_ID("pipeline_id", pipeline_id))
            return self._claims.renew(situation, baton_id, worker, lease, self._now())

    def release(self, pipeline_id: PipelineId, baton_id: BatonId, worker: Worker) -> bool:
        """Give a claimed baton back, which costs no attempt, and tell whether it was claimed.

        Args:
            pipeline_id: the number of the pipeline.
            baton_id: the claimed baton.
            worker: who holds it.

        Raises:
            BatonClaimed: another worker holds it.
            StaleBaton: its attempt is settled.
        """
        baton_id, worker = bounds.BATON_ID("baton_id", baton_id), bounds.WORKER("worker", worker)
        with self.connection:
            situation = self._records.pipelines.situation(bounds.PIPELINE_ID("pipeline_id", pipeline_id))
            return self._claims.release(situation, baton_id, worker)

    def renew_due(self, holder: str) -> float | None:
        """Renew those claims of a process that have used a third of their lease, and say when to call again.

        Args:
            holder: the process behind the claims.

        Returns:
            The seconds until the next claim is due, or None while the process holds none.
        """
        now = self._now()
        due_at = self._claims.renewal_due_at(holder)
        if due_at is not None and due_at <= now:
            with self.connection:
                self._claims.renew_due(holder, now)
            due_at = self._claims.renewal_due_at(holder)
        return None if due_at is None else (due_at - now) / 1000

    def detach(self, holder: str) -> tuple[str, ...]:
        """Give back every baton that a process holds, as it ends, and return their ids."""
        with self.connection:
            return self._claims.detach(holder)

    def has_issued(self, baton_id: str) -> bool:
        """Tell whether a baton, live or settled, is one of this database."""
        return self._records.attempts.find(baton_id) is not None

    def fail_attempt(
        self,
        pipeline_id: PipelineId,
        baton_id: BatonId,
        failure_type: FailureType,
        error: ErrorText = "",
        *,
        tokens_used: Tokens = 0,
        output: OutputText = "",
        retry_after_seconds: RetryAfterSeconds | None = None,
    ) -> FailedAttempt:
        """Settle an attempt whose agent handed nothing on; the same again returns the same answer.

        Args:
            pipeline_id: the number of the pipeline.
            baton_id: its baton.
            failure_type: timeout, exception, invalid_output, rate_limited, resource_exhausted or quality_failure.
            error: what went wrong, for the next attempt to read; at most 64 KiB.
            tokens_used: tokens that the attempt cost all the same.
            output: what the agent wrote until then; at most 1 MiB.
            retry_after_seconds: with rate_limited, when the agent may be asked again.

        Raises:
            InvalidValue: an argument is out of its bounds.
            PipelineNotFound, BatonNotFound: there is none of this id.
            ForeignBaton: the baton belongs to another pipeline.
            AnotherPayload: it was settled before in another way.
            StaleBaton: it was lost.
            IllegalTransition: the pipeline was cancelled.
        """
        pipeline_id = bounds.PIPELINE_ID("pipeline_id", pipeline_id)
        baton_id = bounds.BATON_ID("baton_id", baton_id)
        text = bounds.OUTPUT("output", output)
        failure = Failure(
            result=Result(bounds.FAILURE_TYPE("failure_type", failure_type)),
            error=bounds.ERROR("error", error),
            delivery=Delivery(
                submission=Submission(
                    quality_score=None,
                    l_score=None,
                    tokens_used=bounds.TOKENS("tokens_used", tokens_used),
                    sha256=hash_of(text),
                ),
                text=text,
            ),
            retry_after_seconds=optional(bounds.RETRY_AFTER_SECONDS, "retry_after_seconds", retry_after_seconds),
        )
        with self.connection:
            situation = self._records.pipelines.situation(pipeline_id)
            return Failing(self._records, self.guard).fail(situation, baton_id, failure, self._now())

    def configure(
        self,
        pipeline_id: PipelineId,
        *,
        quality_thresholds: Mapping[str, Score] | None = None,
        fallback_agents: FallbackAgents | None = None,
    ) -> bool:
        """Set what a runner's configuration says of agent types, for the steps that are not completed yet.

        A quality_threshold or a fallback agent that the pipeline was created with stays.

        Args:
            pipeline_id: the number of the pipeline.
            quality_thresholds: the quality from which the output of an agent type is accepted, in place of its role's.
            fallback_agents: who stands in for an agent type.

        Returns:
            Whether anything changed.

        Raises:
            InvalidValue: an argument is out of its bounds.
            PipelineNotFound: there is no such pipeline.
        """
        wanted = {name: SCORE("quality_thresholds", score) for name, score in (quality_thresholds or {}).items()}
        stand_ins = bounds.FALLBACKS("fallback_agents", fallback_agents or {})
        with self.connection:
            pipeline = self._records.pipelines.situation(bounds.PIPELINE_ID("pipeline_id", pipeline_id)).pipeline
            steps = self._records.pipelines.steps(pipeline.id)[pipeline.current_step :]
            thresholds = {
                step.index: wanted[step.agent_type]
                for step in steps
                if wanted.get(step.agent_type, step.quality_threshold) != step.quality_threshold
            }
            types = {step.agent_type for step in steps}
            fallbacks = {
                **{name: agent for name, agent in stand_ins.items() if name in types},
                **pipeline.fallback_agents,
            }
            if thresholds:
                self._records.pipelines.set_thresholds(pipeline.id, thresholds)
            if fallbacks != pipeline.fallback_agents:
                self._records.pipelines.set_fallbacks(pipeline.id, fallbacks, self._now())
            return bool(thresholds) or fallbacks != pipeline.fallback_agents

    def adopt_output(self, pipeline_id: PipelineId, output_id: OutputId) -> Advance:
        """Settle the current step with a result that came too late, through the same gates as any other.

        Args:
            pipeline_id: the number of the pipeline.
            output_id: the orphan output.

        Raises:
            PipelineNotFound, OutputNotFound: there is none of this id, or the output is no orphan.
            BatonClaimed: somebody is at work on the step.
            IllegalTransition: its step is completed, or the pipeline is paused or closed.
        """
        adoption = Adoption(self._records, self._issuing, self._claims, self._handover, self.clock)
        with self.connection:
            return adoption.adopt(
                bounds.PIPELINE_ID("pipeline_id", pipeline_id), bounds.OUTPUT_ID("output_id", output_id)
            )
