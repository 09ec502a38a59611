"""Views of a pipeline: its status, its baton with the briefing, and lists."""

from collections.abc import Sequence

import attrs

from .._batons import Baton, BatonReading, Claim
from .._model import Relay, RelayPage, RelayStep, RelaySummary
from .._records.outputs import Trail
from .._records.records import Records
from .._rules import decisions as _decisions
from .._rules import situation as _situation
from .._rules.decisions import shortcomings
from .._rules.roles import role
from .._rules.routing import Blocked, Route
from .._rules.situation import Attempt, AttemptState, Hold, Mission, Situation, Step
from ..bounds import RelayStatus, StepStatus, WaitingFor
from .claims import Claiming, Claims
from .issuing import Issuing
from .prompt import HandingOver, briefing

_SOURCES_SHOWN = 200
_STEP_STATUS = {
    AttemptState.READY: StepStatus.READY,
    AttemptState.CLAIMED: StepStatus.IN_PROGRESS,
    AttemptState.ACCEPTED: StepStatus.COMPLETED,
    AttemptState.REJECTED: StepStatus.FAILED,
    AttemptState.FAILED: StepStatus.FAILED,
    AttemptState.LOST: StepStatus.FAILED,
    AttemptState.CANCELLED: StepStatus.CANCELLED,
}


class Readings:
    """Reads the pipelines of one database and writes nothing.

    Args:
        records: the tables.
        issuing: says who may do an attempt.
        claims: says whether a claim is live.
    """

    def __init__(self, records: Records, issuing: Issuing, claims: Claims) -> None:
        self.records = records
        self.issuing = issuing
        self.claims = claims

    def relay(self, pipeline_id: int) -> Relay:
        """Return a pipeline with its steps."""
        pipeline = self.records.pipelines.situation(pipeline_id).pipeline
        mission = self.records.pipelines.mission(pipeline_id)
        tries: dict[int, list[Attempt]] = {}
        for attempt in self.records.attempts.of_pipeline(pipeline_id):
            tries.setdefault(attempt.step_index, []).append(attempt)
        steps = tuple(_step(step, tries.get(step.index, [])) for step in self.records.pipelines.steps(pipeline_id))
        done = [step for step in steps if step.status is StepStatus.COMPLETED]
        quality_scores = tuple(step.quality_score for step in done if step.quality_score is not None)
        l_scores = tuple(step.l_score for step in done if step.l_score is not None)
        return Relay(
            pipeline_id=pipeline_id,
            name=mission.name,
            goal=mission.goal,
            status=pipeline.status,
            reason=pipeline.reason,
            resumable=pipeline.status.resumable,
            current_step=pipeline.current_step,
            total_steps=pipeline.total_steps,
            tokens_used=pipeline.tokens_used,
            tokens_remaining=pipeline.tokens_remaining,
            token_budget=pipeline.token_budget,
            quality_scores=quality_scores,
            l_scores=l_scores,
            average_quality=_average(quality_scores),
            average_l_score=_average(l_scores),
            steps=steps,
            orphans=self.records.outputs.orphans(pipeline_id),
        )

    def page(self, status: RelayStatus | None, limit: int, after: int) -> RelayPage:
        """Return a page of pipelines in the order of their ids."""
        rows = self.records.pipelines.page(status, limit + 1, after)
        counts = self.records.pipelines.counts()
        summaries = [
            RelaySummary(
                pipeline_id=pipeline_id,
                name=name,
                status=RelayStatus(found),
                current_step=current_step,
                total_steps=total_steps,
                progress_percent=round(100 * current_step / total_steps, 1),
                tokens_used=tokens_used,
                created_at=created_at,
            )
            for pipeline_id, name, found, current_step, total_steps, tokens_used, created_at in rows[:limit]
        ]
        return RelayPage(
            pipelines=tuple(summaries),
            total=sum(counts.values()) if status is None else counts[status],
            more=len(rows) > limit,
        )

    def baton(
        self,
        situation: Situation,
        claiming: Claiming,
        now: int,
        handing_over: HandingOver = HandingOver.CALL,
    ) -> BatonReading:
        """Return what is to be worked on next, and how; or what has to happen before anything can be."""
        pipeline, live = situation.pipeline, situation.live
        waiting = _decisions.waiting_for(situation)
        if live is None or waiting is not None:
            agent = None if waiting is WaitingFor.NOTHING else _agent(situation)
            return self._waiting(situation, waiting, agent, claiming, None)
        claimed = self.claims.is_live(live, now)
        route: Route | Blocked = claiming.blocked or (
            Route(agent=live.agent, reason=live.route_reason)
            if claimed
            else self.issuing.advise(pipeline, situation.current, live)
        )
        if isinstance(route, Blocked):
            return self._waiting(situation, WaitingFor.BREAKER, live.agent_offered, claiming, route.retry_after_seconds)
        mission = self.records.pipelines.mission(pipeline.id)
        trail = self.records.outputs.trail(pipeline.id)
        baton = self._baton(situation, live, route, mission, trail)
        return BatonReading(
            pipeline_id=pipeline.id,
            status=pipeline.status,
            current_step=pipeline.current_step,
            current_agent=route.agent,
            baton=attrs.evolve(baton, input_summary=None),
            prompt=briefing(baton, mission, trail.last, handing_over),
            claim=_claim(live.hold, live=claimed),
            tokens_remaining=pipeline.tokens_remaining,
            waiting_for=None,
            retry_after_seconds=None,
            changed=claiming.changed,
        )

    def live_baton(self, situation: Situation) -> Baton:
        """Return the live baton of a pipeline as it was offered, with its input_summary."""
        if situation.live is None:
            raise ValueError(f"pipeline {situation.pipeline.id} has no live baton")
        offered = Route(agent=situation.live.agent, reason=situation.live.route_reason)
        pipeline_id = situation.pipeline.id
        mission = self.records.pipelines.mission(pipeline_id)
        return self._baton(situation, situation.live, offered, mission, self.records.outputs.trail(pipeline_id))

    def _waiting(
        self,
        situation: Situation,
        waiting: WaitingFor | None,
        agent: str | None,
        claiming: Claiming,
        retry_after_seconds: float | None,
    ) -> BatonReading:
        pipeline = situation.pipeline
        return BatonReading(
            pipeline_id=pipeline.id,
            status=pipeline.status,
            current_step=pipeline.current_step,
            current_agent=agent,
            baton=None,
            prompt=None,
            claim=None,
            tokens_remaining=pipeline.tokens_remaining,
            waiting_for=waiting,
            retry_after_seconds=retry_after_seconds,
            changed=claiming.changed,
        )

    def _baton(self, situation: Situation, live: Attempt, route: Route, mission: Mission, trail: Trail) -> Baton:
        pipeline, step, last = situation.pipeline, situation.current, trail.last
        part = role(step.agent_type)
        return Baton(
            baton_id=live.baton_id,
            pipeline_id=pipeline.id,
            sequence_position=step.index + 1,
            total_agents=pipeline.total_steps,
            agent_type=step.agent_type,
            agent_assigned=route.agent,
            route_reason=route.reason,
            input_summary=None if last is None else last.summary,
            input_output_id=None if last is None else last.output_id,
            input_entity_id=None if last is None else last.entity_id,
            task_description=f"{part.duty} The mission: {mission.goal}",
            expected_output_type=part.expected_output_type,
            quality_threshold=_decisions.quality_threshold(pipeline, step),
            l_score_threshold=pipeline.l_score_threshold,
            max_output_tokens=_situation.output_limit(
                step.max_output_tokens, pipeline.token_budget, pipeline.tokens_used
            ),
            remaining_budget=pipeline.tokens_remaining,
            tokens_used=pipeline.tokens_used,
            source_chain=trail.sources[-_SOURCES_SHOWN:],
            source_count=len(trail.sources),
            l_score_chain=trail.l_scores,
            attempt=live.attempt,
            max_retries=pipeline.max_retries,
            feedback=self._feedback(live),
            created_at=live.created_at,
        )

    def _feedback(self, live: Attempt) -> str | None:
        """Say what went wrong in the attempt before, and why there is another one."""
        notes = []
        before = self.records.attempts.get(live.pipeline_id, live.step_index, live.attempt - 1)
        if before is not None:
            checks = () if before.output_id is None else self.records.outputs.submission(before.output_id).checks
            notes.append(shortcomings(before, checks))
        notes.append(live.retry_reason)
        return "\n".join(note for note in notes if note) or None


def _step(step: Step, attempts: Sequence[Attempt]) -> RelayStep:
    last = attempts[-1] if attempts else None
    verdicts = [attempt.handed_in.verdict for attempt in attempts if attempt.handed_in is not None]
    scores = verdicts[-1].scores if verdicts else None
    outputs = [attempt.output_id for attempt in attempts if attempt.output_id is not None]
    return RelayStep(
        step_index=step.index,
        agent_type=step.agent_type,
        agent_assigned=None if last is None else last.agent,
        status=StepStatus.PENDING if last is None else _STEP_STATUS[last.state],
        attempts=len(attempts),
        quality_score=None if scores is None else scores.quality_score,
        l_score=None if scores is None else scores.l_score,
        score_source=None if scores is None else scores.score_source,
        tokens_used=sum(attempt.charge.tokens_used for attempt in attempts if attempt.charge is not None),
        output_id=outputs[-1] if outputs else None,
        started_at=attempts[0].created_at if attempts else None,
        completed_at=last.ended_at if last is not None and last.state is AttemptState.ACCEPTED else None,
    )


def _claim(hold: Hold | None, *, live: bool) -> Claim | None:
    return None if hold is None else Claim(worker=hold.worker, expires_at=hold.expires_at, live=live)


def _agent(situation: Situation) -> str | None:
    if situation.live is not None:
        return situation.live.agent
    return None if situation.step is None else situation.step.agent_type


def _average(scores: Sequence[float]) -> float | None:
    return round(sum(scores) / len(scores), 6) if scores else None
