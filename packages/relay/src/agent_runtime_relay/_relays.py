"""The relays of a database: pipelines that carry one piece of work through many agents, one after the other."""

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from agent_runtime_kernel.bounds import optional
from agent_runtime_kernel.connection import Clock, Connection, Snapshot
from agent_runtime_kernel.findings import Finding

from . import bounds
from ._batons import Advance, BatonReading, Claim, FailedAttempt, Retry
from ._guard import Guard, Result, Unguarded
from ._model import CreatedRelay, Orphan, OutputPage, Relay, RelayChange, RelayPage
from ._records.audit import Audit
from ._records.records import Records
from ._records.schema import SCHEMA
from ._records.submission import Delivery, Submission, checked_delivery, hash_of
from ._rules.decisions import left
from ._rules.gate import SCORE, Check
from ._rules.roles import require_known_types, role
from ._rules.situation import Mission, default_budget
from ._work.adoption import Adoption
from ._work.claims import Claiming, Claims
from ._work.failing import Failing, Failure
from ._work.handover import Handover
from ._work.issuing import Issuing
from ._work.lifecycle import Lifecycle
from ._work.prompt import HandingOver
from ._work.readings import Readings
from .bounds import (
    AgentTypeList,
    BatonId,
    Budget,
    Description,
    EntityId,
    ErrorText,
    FailureType,
    FallbackAgents,
    Goal,
    LeaseSeconds,
    Limit,
    MaxRetries,
    Offset,
    OutputId,
    OutputText,
    PipelineId,
    PipelineName,
    Reason,
    RelayStatus,
    RetryAfterSeconds,
    Score,
    ScoreList,
    Sources,
    Status,
    StepIndex,
    Summary,
    TaskId,
    Tokens,
    WantedStatus,
    Worker,
)
from .errors import InvalidValue, StaleBaton

KEEP = attrs.NOTHING
_NO_GUARD = Unguarded()


def _unknown(holder: str) -> bool | None:  # noqa: ARG001 - the default of is_alive
    """Return None: liveness is unknown, so a lease alone decides."""
    return None


def _new_id() -> str:
    return secrets.token_hex(6)


class Relays:
    """The relay pipelines of one database.

    Args:
        connection: an open connection; set its `transaction_mode` to "IMMEDIATE".
        clock: returns the time in seconds since 1970.
        is_alive: tells if the process behind a holder is alive; None if that is unknown, and its lease alone decides.
        new_id: makes the part of a baton's id that can't be guessed.
        guard: circuit breakers, on the same connection; without one every agent is admitted.
        snapshot: makes a context in which several reads see one state.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        clock: Clock = time.time,
        is_alive: Callable[[str], bool | None] = _unknown,
        new_id: Callable[[], str] = _new_id,
        guard: Guard = _NO_GUARD,
        snapshot: Snapshot = contextlib.nullcontext,
    ) -> None:
        self.connection = connection
        self.clock = clock
        self.is_alive = is_alive
        self.new_id = new_id
        self.guard = guard
        self.snapshot = snapshot
        self._records = Records(connection)
        self._issuing = Issuing(self._records, guard, new_id)
        self._claims = Claims(self._records, self._issuing, is_alive)
        self._handover = Handover(self._records, guard, self._issuing, self._claims, clock)
        self._failing = Failing(self._records, guard)
        self._lifecycle = Lifecycle(self._records, self._issuing, self._claims)
        self._adoption = Adoption(self._records, self._issuing, self._claims, self._handover, clock)
        self._readings = Readings(self._records, self._issuing, self._claims)

    def migrate(self) -> int:
        """Create or upgrade the tables and return the number of migrations applied.

        Raises:
            SchemaTooNew: a newer version of the library wrote this database.
        """
        return SCHEMA.migrate(self.connection, self.clock)

    def create(
        self,
        name: PipelineName,
        goal: Goal,
        agent_types: AgentTypeList,
        *,
        description: Description = "",
        token_budget: Budget | None = None,
        quality_threshold: Score | None = None,
        l_score_threshold: Score = bounds.DEFAULT_L_SCORE_THRESHOLD,
        max_retries: MaxRetries = bounds.DEFAULT_MAX_RETRIES,
        fallback_agents: FallbackAgents | None = None,
        task_id: TaskId | None = None,
    ) -> CreatedRelay:
        """Create a pipeline with all its steps and its first baton.

        Args:
            name: its purpose in one line of 1 to 500 characters.
            goal: the mission that every agent is told; at most 4 KiB.
            agent_types: the agents in their order, 1 to 256, or a preset: quick, standard, deep.
            description: the mission at length; at most 64 KiB, of which an agent is told 8.
            token_budget: tokens that all attempts together may use; by default the sum of the roles' limits, and at
                least 100,000.
            quality_threshold: the quality from which every output is accepted, 0.0 to 1.0; by default its role's.
            l_score_threshold: the L-score from which an output is accepted, 0.0 to 1.0.
            max_retries: the greatest number of tries of a step after the first, 0 to 100.
            fallback_agents: for an agent type the agent that stands in when it is blocked, or when its tries are
                used up (once).
            task_id: the task that the pipeline serves, or None.

        Raises:
            InvalidValue: an argument is out of its bounds.
        """
        types = bounds.AGENT_TYPES("agent_types", agent_types)
        fallbacks = bounds.FALLBACKS("fallback_agents", {} if fallback_agents is None else fallback_agents)
        require_known_types(fallbacks, types)
        roles = [role(agent_type) for agent_type in types]
        mission = Mission(
            name=bounds.NAME("name", name),
            goal=bounds.GOAL("goal", goal),
            description=bounds.DESCRIPTION("description", description),
        )
        by_roles = default_budget(role.max_output_tokens for role in roles)
        settings: dict[str, Any] = {
            "token_budget": by_roles if token_budget is None else bounds.BUDGET("token_budget", token_budget),
            "quality_threshold": optional(SCORE, "quality_threshold", quality_threshold),
            "l_score_threshold": SCORE("l_score_threshold", l_score_threshold),
            "max_retries": bounds.MAX_RETRIES("max_retries", max_retries),
            "fallback_agents": fallbacks,
            "task_id": optional(bounds.TASK_ID, "task_id", task_id),
        }
        with self.connection:
            first = self._lifecycle.create(mission, roles, settings, self._now())
        return CreatedRelay(
            pipeline_id=first.pipeline_id,
            name=mission.name,
            goal=mission.goal,
            status=RelayStatus.PENDING,
            steps=len(types),
            agents=types,
            token_budget=settings["token_budget"],
            baton_id=first.baton_id,
        )

    def configure(
        self,
        pipeline_id: PipelineId,
        *,
        quality_thresholds: Mapping[str, Score] | None = None,
        fallback_agents: FallbackAgents | None = None,
    ) -> bool:
        """Apply a runner's settings for agent types to the steps that are not completed yet.

        A quality_threshold or a fallback agent that the pipeline was created with stays.

        Args:
            pipeline_id: the number of the pipeline.
            quality_thresholds: the quality from which the output of an agent type is accepted, in place of its role's.
            fallback_agents: the agent that stands in for an agent type.

        Returns:
            True if anything changed.

        Raises:
            InvalidValue: an argument is out of its bounds.
            PipelineNotFound: there is no such pipeline.
        """
        thresholds = {name: SCORE("quality_thresholds", score) for name, score in (quality_thresholds or {}).items()}
        stand_ins = bounds.FALLBACKS("fallback_agents", fallback_agents or {})
        with self.connection:
            situation = self._records.pipelines.situation(bounds.PIPELINE_ID("pipeline_id", pipeline_id))
            return self._lifecycle.configure(situation, thresholds, stand_ins, self._now())

    def baton(
        self,
        pipeline_id: PipelineId,
        *,
        claim: bool = False,
        lease_seconds: LeaseSeconds | None = None,
        worker: Worker | None = None,
        holder: str | None = None,
        handing_over: HandingOver = HandingOver.CALL,
    ) -> BatonReading:
        """Return the baton to work on and the whole briefing of its agent, or what the pipeline waits for.

        Reading changes nothing. A claim keeps other workers out until its lease or its process ends. Then the next
        claim records a lost attempt and gets another baton.

        Args:
            pipeline_id: the number of the pipeline.
            claim: take the baton, or renew the claim that this worker holds.
            lease_seconds: the lease of the claim, 10 to 86,400; by default 900 for a new one, its own length for a
                renewed one.
            worker: the name of the caller.
            holder: the process that claims, as `is_alive` knows it, or None.
            handing_over: the way in which the briefing tells the agent to hand its output on.

        Raises:
            InvalidValue: an argument is out of its bounds, or a claim names no worker.
            PipelineNotFound: there is no such pipeline.
            BatonClaimed: another worker holds it.
        """
        pipeline_id = bounds.PIPELINE_ID("pipeline_id", pipeline_id)
        if not claim:
            with self.snapshot():
                situation = self._records.pipelines.situation(pipeline_id)
                return self._readings.baton(situation, Claiming(changed=False), self._now(), handing_over)
        if worker is None:
            raise InvalidValue("worker", "must say who claims the baton")
        worker = bounds.WORKER("worker", worker)
        lease = optional(bounds.LEASE_SECONDS, "lease_seconds", lease_seconds)
        with self.connection:
            now = self._now()
            before = self._records.pipelines.situation(pipeline_id)
            claiming = self._claims.claim(before, worker, holder, lease, now)
            return self._readings.baton(self._records.pipelines.situation(pipeline_id), claiming, now, handing_over)

    def renew(
        self, pipeline_id: PipelineId, baton_id: BatonId, worker: Worker, *, lease_seconds: LeaseSeconds | None = None
    ) -> Claim:
        """Extend the claim on a baton, even after its lease has ended, unless somebody else took it.

        Args:
            pipeline_id: the number of the pipeline.
            baton_id: the claimed baton.
            worker: the worker that holds it.
            lease_seconds: the lease from now on, 10 to 86,400; by default its own length.

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

    def renew_due(self, holder: str) -> float | None:
        """Renew the claims of a process that have used a third of their lease, and return when to call again.

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

    def release(self, pipeline_id: PipelineId, baton_id: BatonId, worker: Worker) -> bool:
        """Release a claimed baton, which costs no attempt, and return True if it was claimed.

        Args:
            pipeline_id: the number of the pipeline.
            baton_id: the claimed baton.
            worker: the worker that holds it.

        Raises:
            BatonClaimed: another worker holds it.
            StaleBaton: its attempt is settled.
        """
        baton_id, worker = bounds.BATON_ID("baton_id", baton_id), bounds.WORKER("worker", worker)
        with self.connection:
            situation = self._records.pipelines.situation(bounds.PIPELINE_ID("pipeline_id", pipeline_id))
            return self._claims.release(situation, baton_id, worker)

    def detach(self, holder: str) -> tuple[str, ...]:
        """Release every baton that a process holds, when it ends, and return their ids."""
        with self.connection:
            return self._claims.detach(holder)

    def advance(
        self,
        pipeline_id: PipelineId,
        quality_score: Score | None,
        l_score: Score | None,
        tokens_used: Tokens,
        *,
        output_entity_id: EntityId | None = None,
        output_summary: Summary = "",
        baton_id: BatonId | None = None,
        output: OutputText = "",
        sources: Sources = (),
        confidence: ScoreList = (),
        relevance: ScoreList = (),
        checks: Sequence[Check] = (),
        worker: Worker | None = None,
        last_shown: BatonId | None = None,
    ) -> Advance:
        """Hand in the output of the current step and, when it passes the gates, issue the baton of the next.

        The same baton with the same values again returns the same answer. Without a baton_id each call hands on
        the live baton.

        Args:
            pipeline_id: the number of the pipeline.
            quality_score: the quality of the output as its author judges it, 0.0 to 1.0; None only beside checks.
            l_score: its traceability to evidence, 0.0 to 1.0; None only beside checks, confidence or relevance.
            tokens_used: tokens that the attempt cost; an estimate will do.
            output_entity_id: the author's own id of the output, or None.
            output_summary: the summary for the next agent, at most 64 KiB.
            baton_id: the baton that is handed on; whoever shows it needs no claim.
            output: the whole output; at most 1 MiB.
            sources: the sources of the output, at most 100 of 500 characters.
            confidence: the certainty of each piece of evidence, 0.0 to 1.0; the L-score is then computed, too.
            relevance: the relevance of each piece to the mission, 0.0 to 1.0.
            checks: the checks of the output; the least of them and of the author's own score decides.
            worker: the name of the caller.
            last_shown: the last baton of this pipeline that the caller's session was shown; without a baton_id an
                older one than the live one is refused.

        Raises:
            InvalidValue: an argument is out of its bounds.
            PipelineNotFound: there is no such pipeline.
            BatonNotFound: the baton was never issued.
            ForeignBaton: it belongs to another pipeline.
            AnotherPayload: it was settled before with other values.
            BatonClaimed: no baton_id was given, and another worker holds the claim.
            StaleBaton: another attempt stands in its place. What was handed in is kept as an orphan output, which a
                transaction around this call must commit.
            IllegalTransition: no baton is live, or the pipeline does not run.
        """
        delivery = checked_delivery(
            quality_score=quality_score,
            l_score=l_score,
            tokens_used=tokens_used,
            output_entity_id=output_entity_id,
            output_summary=output_summary,
            output=output,
            sources=sources,
            confidence=confidence,
            relevance=relevance,
            checks=checks,
        )
        pipeline_id = bounds.PIPELINE_ID("pipeline_id", pipeline_id)
        baton = optional(bounds.BATON_ID, "baton_id", baton_id)
        caller = optional(bounds.WORKER, "worker", worker)
        with self.connection:
            answer = self._handover.advance(pipeline_id, delivery, baton_id=baton, worker=caller, last_shown=last_shown)
        if isinstance(answer, StaleBaton):
            raise answer
        return answer

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
            error: the fault, for the next attempt to read; at most 64 KiB.
            tokens_used: tokens that the attempt cost all the same.
            output: the output of the agent until then, at most 1 MiB.
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
            return self._failing.fail(situation, baton_id, failure, self._now())

    def retry(self, pipeline_id: PipelineId, step_index: StepIndex, reason: Reason | None = None) -> Retry:
        """Issue another attempt of the current step after one that failed or was lost.

        Args:
            pipeline_id: the number of the pipeline.
            step_index: the current step, counted from 0.
            reason: the change that the next attempt needs, at most 4 KiB.

        Raises:
            InvalidValue: an argument is out of its bounds, or there is no such step.
            PipelineNotFound: there is no such pipeline.
            IllegalTransition: another step is current, it is being worked on, or no attempt or token is left.
        """
        pipeline_id = bounds.PIPELINE_ID("pipeline_id", pipeline_id)
        step_index = bounds.STEP_INDEX("step_index", step_index)
        reason = optional(bounds.REASON, "reason", reason)
        with self.connection:
            before = self._records.pipelines.situation(pipeline_id)
            attempt = self._lifecycle.retry(before, step_index, reason, self._now())
            situation = self._records.pipelines.situation(pipeline_id)
            tries = self._records.attempts.tries(pipeline_id, step_index)
            return Retry(
                pipeline_id=pipeline_id,
                step_index=step_index,
                attempt=attempt.attempt,
                attempts_left=left(situation.pipeline, situation.current, tries),
                baton=self._readings.live_baton(situation),
            )

    def adopt_output(self, pipeline_id: PipelineId, output_id: OutputId) -> Advance:
        """Settle the current step with a result that came too late, through the same gates as any other.

        Args:
            pipeline_id: the number of the pipeline.
            output_id: the orphan output.

        Raises:
            PipelineNotFound, OutputNotFound: there is none of this id, or the output is not an orphan.
            BatonClaimed: somebody is at work on the step.
            IllegalTransition: its step is completed, or the pipeline is paused or closed.
        """
        pipeline_id = bounds.PIPELINE_ID("pipeline_id", pipeline_id)
        output_id = bounds.OUTPUT_ID("output_id", output_id)
        with self.connection:
            return self._adoption.adopt(pipeline_id, output_id)

    def update(
        self,
        pipeline_id: PipelineId,
        *,
        status: WantedStatus | attrs.NothingType = KEEP,
        token_budget: Budget | attrs.NothingType | None = KEEP,
        quality_threshold: Score | attrs.NothingType | None = KEEP,
        l_score_threshold: Score | attrs.NothingType | None = KEEP,
        max_retries: MaxRetries | attrs.NothingType | None = KEEP,
        reason: Reason | None = None,
    ) -> RelayChange:
        """Pause, resume or cancel a pipeline, or change its limits; None brings back the default of a limit.

        Args:
            pipeline_id: the number of the pipeline.
            status: paused keeps the baton and its claim; in_progress resumes, and grants a failed pipeline one more
                attempt; cancelled is final.
            token_budget: tokens that all attempts together may use.
            quality_threshold: the quality from which every output is accepted, 0.0 to 1.0; None for its role's.
            l_score_threshold: the L-score from which an output is accepted, 0.0 to 1.0.
            max_retries: the greatest number of tries of a step after the first, 0 to 100.
            reason: why; an attempt that this issues is told.

        Raises:
            InvalidValue: an argument is out of its bounds.
            PipelineNotFound: there is no such pipeline.
            IllegalTransition: the pipeline can't become that, or would have no tokens to resume with.
        """
        pipeline_id = bounds.PIPELINE_ID("pipeline_id", pipeline_id)
        wanted = None if status is KEEP else RelayStatus(bounds.WANTED_STATUS("status", status))
        reason = optional(bounds.REASON, "reason", reason)
        settings = _checked_settings(
            token_budget=token_budget,
            quality_threshold=quality_threshold,
            l_score_threshold=l_score_threshold,
            max_retries=max_retries,
        )
        with self.connection:
            situation = self._records.pipelines.situation(pipeline_id)
            if settings.get("token_budget", KEEP) is None:
                steps = self._records.pipelines.steps(pipeline_id)
                settings["token_budget"] = default_budget(step.max_output_tokens for step in steps)
            changed = self._lifecycle.update(situation, wanted, settings, reason, self._now())
            return RelayChange(relay=self._readings.relay(pipeline_id), changed=changed)

    def status(self, pipeline_id: PipelineId) -> Relay:
        """Return a pipeline with its steps, scores and tokens.

        Args:
            pipeline_id: the number of the pipeline.

        Raises:
            PipelineNotFound: there is no such pipeline.
        """
        with self.snapshot():
            return self._readings.relay(bounds.PIPELINE_ID("pipeline_id", pipeline_id))

    def list(
        self, status: Status | None = None, *, limit: Limit = bounds.DEFAULT_LIST_LIMIT, after: int = 0
    ) -> RelayPage:
        """Return a page of pipelines in the order of their ids.

        Args:
            status: only pipelines of this status.
            limit: pipelines at most, 1 to 200.
            after: the last id of the page before, 0 for the first page.

        Raises:
            InvalidValue: an argument is out of its bounds.
        """
        wanted = None if status is None else RelayStatus(bounds.STATUS("status", status))
        with self.snapshot():
            return self._readings.page(wanted, bounds.LIMIT("limit", limit), after)

    def output(self, pipeline_id: PipelineId, output_id: OutputId, *, offset: Offset = 0) -> OutputPage:
        """Return at most 24 KiB of an output.

        Args:
            pipeline_id: the number of the pipeline.
            output_id: the number of the output.
            offset: the byte at which to begin: 0, then the next_offset of the page before.

        Raises:
            OutputNotFound: the pipeline has no such output.
            InvalidValue: the offset is past the end or inside a character.
        """
        return self._records.outputs.page(
            bounds.PIPELINE_ID("pipeline_id", pipeline_id), bounds.OUTPUT_ID("output_id", output_id), offset
        )

    def full_output(self, pipeline_id: PipelineId, output_id: OutputId) -> str:
        """Return the whole of an output, at most 1 MiB.

        Args:
            pipeline_id: the number of the pipeline.
            output_id: the number of the output.

        Raises:
            OutputNotFound: the pipeline has no such output.
        """
        return self._records.outputs.text(
            bounds.PIPELINE_ID("pipeline_id", pipeline_id), bounds.OUTPUT_ID("output_id", output_id)
        )

    def orphans(self, pipeline_id: PipelineId) -> tuple[Orphan, ...]:
        """Return the results that came after their attempts were given up, and that nobody has adopted.

        Args:
            pipeline_id: the number of the pipeline.

        Raises:
            PipelineNotFound: there is no such pipeline.
        """
        with self.snapshot():
            pipeline = self._records.pipelines.situation(bounds.PIPELINE_ID("pipeline_id", pipeline_id)).pipeline
            return self._records.outputs.orphans(pipeline.id)

    def has_issued(self, baton_id: str) -> bool:
        """Tell whether a baton, live or settled, is one of this database."""
        return self._records.attempts.find(baton_id) is not None

    def audit(self, checked: Callable[[int], object] = lambda _count: None) -> Iterator[Finding]:
        """Yield the contradictions between derived values and the attempts, a page of pipelines at a time.

        Args:
            checked: called after each page with its number of pipelines.
        """
        with self.snapshot():
            yield from Audit(self.connection).findings(checked)

    def rebuild(self) -> int:
        """Recompute the derived columns, and nothing else; return how many rows were wrong."""
        with self.connection:
            return Audit(self.connection).rebuild()

    def _now(self) -> int:
        return round(self.clock() * 1000)


def _checked_settings(**given: Any) -> dict[str, Any]:
    checks: Mapping[str, Callable[[str, object], Any]] = {
        "token_budget": bounds.BUDGET,
        "quality_threshold": SCORE,
        "l_score_threshold": SCORE,
        "max_retries": bounds.MAX_RETRIES,
    }
    defaults = {"l_score_threshold": bounds.DEFAULT_L_SCORE_THRESHOLD, "max_retries": bounds.DEFAULT_MAX_RETRIES}
    return {
        name: defaults.get(name) if value is None else checks[name](name, value)
        for name, value in given.items()
        if value is not KEEP
    }
