"""The relays of a database: pipelines that carry one piece of work through many agents, one after the other."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from . import bounds
from ._batons import Advance, BatonReading, Retry
from ._model import CreatedRelay, RelayChange
from ._records.schema import SCHEMA
from ._records.submission import checked_delivery
from ._rules import budget as _budget
from ._rules import provenance as _provenance
from ._rules.decisions import left
from ._rules.gate import SCORE, Check
from ._rules.roles import require_known_types, role
from ._rules.state import Mission
from ._work.claims import Claiming
from ._work.held_batons import HeldBatons
from ._work.parts import optional
from ._work.prompt import HandingOver
from .bounds import (
    AgentTypeList,
    BatonId,
    Budget,
    Description,
    EntityId,
    FallbackAgents,
    Goal,
    LeaseSeconds,
    MaxRetries,
    OutputText,
    PipelineId,
    PipelineName,
    Reason,
    RelayStatus,
    Score,
    ScoreList,
    Sources,
    StepIndex,
    Summary,
    TaskId,
    Tokens,
    WantedStatus,
    Worker,
)
from .errors import InvalidValue, StaleBaton

KEEP = attrs.NOTHING
DEFAULT_MAX_RETRIES = 3


@attrs.frozen
class Relays(HeldBatons):
    """The relay pipelines of one database.

    Args:
        connection: an open connection; set its `transaction_mode` to "IMMEDIATE".
        clock: returns the time in seconds since 1970.
        is_alive: whether the process behind a holder lives; None when that is unknown, and its lease alone decides.
        new_id: makes the part of a baton's id that can't be guessed.
        guard: circuit breakers, on the same connection; without one every agent is admitted.
        snapshot: makes a context in which several reads see one state.
    """

    def migrate(self) -> int:
        """Create or upgrade the tables and return how many migrations that took.

        Raises:
            SchemaTooNew: a newer version of the library wrote this database.
        """
        return SCHEMA.migrate(self.connection)

    def create(
        self,
        name: PipelineName,
        goal: Goal,
        agent_types: AgentTypeList,
        *,
        description: Description = "",
        token_budget: Budget | None = None,
        quality_threshold: Score | None = None,
        l_score_threshold: Score = _provenance.ACCEPTED_FROM,
        max_retries: MaxRetries = DEFAULT_MAX_RETRIES,
        fallback_agents: FallbackAgents | None = None,
        task_id: TaskId | None = None,
    ) -> CreatedRelay:
        """Create a pipeline with all its steps and its first baton.

        Args:
            name: what it is for, in a line of 1 to 500 characters.
            goal: the mission that every agent is told; at most 4 KiB.
            agent_types: the agents in their order, 1 to 256, or a preset: quick, standard, deep.
            description: the mission at length; at most 64 KiB, of which an agent is told 8.
            token_budget: tokens that all attempts together may use; by default the sum of the roles' limits, and at
                least 100,000.
            quality_threshold: the quality from which every output is accepted, 0.0 to 1.0; by default its role's.
            l_score_threshold: the L-score from which an output is accepted, 0.0 to 1.0.
            max_retries: how often a step may be tried again, 0 to 100.
            fallback_agents: for an agent type the agent that stands in when it is blocked, or when its tries are
                used up (once).
            task_id: the task that this is done for, or None.

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
        default_budget = _budget.default_budget(role.max_output_tokens for role in roles)
        settings = {
            "token_budget": default_budget if token_budget is None else bounds.BUDGET("token_budget", token_budget),
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

        Reading changes nothing. A claim keeps other workers away until its lease is over or its process is gone; then
        the next claim records a lost attempt and is given another baton.

        Args:
            pipeline_id: the number of the pipeline.
            claim: take the baton, or renew the claim that this worker holds.
            lease_seconds: how long the claim binds others, 10 to 86,400; 900 for a new one, its own length for a
                renewed one.
            worker: who claims.
            holder: the process that claims, as `is_alive` knows it, or None.
            handing_over: how the briefing tells the agent to hand its output on.

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
            quality_score: how good the output is by its author's own judgement, 0.0 to 1.0; None only beside checks.
            l_score: how far it can be traced to evidence, 0.0 to 1.0; None only beside checks, confidence or relevance.
            tokens_used: tokens that the attempt cost; an estimate will do.
            output_entity_id: what the author keeps the output under in a memory of its own, or None.
            output_summary: what the next agent is told; at most 64 KiB.
            baton_id: the baton that is handed on; whoever shows it needs no claim.
            output: the whole output; at most 1 MiB.
            sources: where it comes from; at most 100 of 500 characters.
            confidence: how sure each piece of evidence is, 0.0 to 1.0; the L-score is then computed, too.
            relevance: how much each piece has to do with the mission, 0.0 to 1.0.
            checks: what others found; the least of them and of the author's own mark decides.
            worker: who calls.
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

    def retry(self, pipeline_id: PipelineId, step_index: StepIndex, reason: Reason | None = None) -> Retry:
        """Issue another attempt of the current step after one that failed or was lost.

        Args:
            pipeline_id: the number of the pipeline.
            step_index: the current step, counted from 0.
            reason: what to do better, for the next attempt to read; at most 4 KiB.

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
            max_retries: how often a step may be tried again, 0 to 100.
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
                settings["token_budget"] = _budget.default_budget(step.max_output_tokens for step in steps)
            changed = self._lifecycle.update(situation, wanted, settings, reason, self._now())
            return RelayChange(relay=self._readings.relay(pipeline_id), changed=changed)


def _checked_settings(**given: Any) -> dict[str, Any]:
    checks: Mapping[str, Callable[[str, object], Any]] = {
        "token_budget": bounds.BUDGET,
        "quality_threshold": SCORE,
        "l_score_threshold": SCORE,
        "max_retries": bounds.MAX_RETRIES,
    }
    defaults = {"l_score_threshold": _provenance.ACCEPTED_FROM, "max_retries": DEFAULT_MAX_RETRIES}
    return {
        name: defaults.get(name) if value is None else checks[name](name, value)
        for name, value in given.items()
        if value is not KEEP
    }
