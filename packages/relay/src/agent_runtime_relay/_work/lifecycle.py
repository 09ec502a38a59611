"""Pipelines from outside: created, retried, paused, resumed, cancelled, and changed in what decides about them."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from .._records.records import Records
from .._rules import decisions as _decisions
from .._rules.retries import Tries
from .._rules.roles import Role
from .._rules.situation import Attempt, AttemptState, Mission, Pipeline, Situation
from ..bounds import RelayStatus
from ..errors import IllegalTransition, InvalidValue
from .claims import Claims
from .issuing import Issuing


class Lifecycle:
    """Moves the pipelines of one database.

    Args:
        records: the tables.
        issuing: gives out attempts.
        claims: says whether somebody is at work.
    """

    def __init__(self, records: Records, issuing: Issuing, claims: Claims) -> None:
        self.records = records
        self.issuing = issuing
        self.claims = claims

    def create(self, mission: Mission, roles: Sequence[Role], settings: Mapping[str, Any], now: int) -> Attempt:
        """Write a pipeline, its steps and its first baton, and return the attempt of that baton."""
        pipeline_id = self.records.pipelines.add(mission, roles, settings, now)
        situation = self.records.pipelines.situation(pipeline_id)
        return self.issuing.issue_again(situation.pipeline, situation.current, Tries(), now)

    def configure(
        self, situation: Situation, wanted: Mapping[str, float], stand_ins: Mapping[str, str], now: int
    ) -> bool:
        """Apply settings for agent types to the steps from the current one on, and tell whether anything changed.

        Args:
            situation: the pipeline as it stands.
            wanted: the quality threshold of an agent type.
            stand_ins: the fallback agent of an agent type; one that the pipeline already has stays.
            now: milliseconds since 1970.
        """
        pipeline = situation.pipeline
        steps = self.records.pipelines.steps(pipeline.id)[pipeline.current_step :]
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
            self.records.pipelines.set_thresholds(pipeline.id, thresholds)
        if fallbacks != pipeline.fallback_agents:
            self.records.pipelines.set_fallbacks(pipeline.id, fallbacks, now)
        return bool(thresholds) or fallbacks != pipeline.fallback_agents

    def retry(self, situation: Situation, step_index: int, reason: str | None, now: int) -> Attempt:
        """Issue another attempt of the current step after one that failed or was lost.

        Raises:
            InvalidValue: the pipeline has no such step.
            IllegalTransition: it is not the current one, is being worked on, or may not be tried again.
        """
        pipeline = situation.pipeline
        if step_index >= pipeline.total_steps:
            problem = f"is {step_index}; the steps of pipeline {pipeline.id} are 0 to {pipeline.total_steps - 1}"
            here = f"get_relay_baton(pipeline_id={pipeline.id}) names the current step"
            raise InvalidValue("step_index", problem, here)
        if not pipeline.status.runs:
            raise _decisions.no_baton(situation)
        self._require_current(pipeline, step_index)
        step, live = situation.current, situation.live
        if live is not None:
            self._require_dead(pipeline, live, now)
        tries = self.records.attempts.tries(pipeline.id, step_index)
        self._require_another(attrs.evolve(situation, live=None), tries)
        if live is not None:
            self.issuing.give_up(live, AttemptState.LOST, now)
        return self.issuing.issue_again(pipeline, step, tries, now, reason)

    def update(
        self,
        situation: Situation,
        wanted: RelayStatus | None,
        settings: Mapping[str, Any],
        reason: str | None,
        now: int,
    ) -> bool:
        """Change what decides about a pipeline, then its status, and tell whether anything changed.

        Raises:
            IllegalTransition: the status can't be reached, or a resumed pipeline would have no tokens.
        """
        before = situation.pipeline
        after = attrs.evolve(before, **settings, reason=before.reason if reason is None else reason)
        if after != before and not (before.status.runs or before.status.resumable):
            raise _decisions.no_baton(situation)
        moves = wanted is not None and wanted is not before.status
        if wanted is not None and moves:
            _decisions.require_transition(before, wanted)
            after = attrs.evolve(after, status=wanted, reason=reason)
        if after == before:
            return False
        after = attrs.evolve(after, updated_at=now)
        if moves and wanted is RelayStatus.CANCELLED and situation.live is not None:
            self.issuing.give_up(situation.live, AttemptState.CANCELLED, now)
        if moves and before.status is RelayStatus.FAILED and wanted is RelayStatus.IN_PROGRESS:
            self._issue_on_resumption(attrs.evolve(situation, pipeline=after), before, now)
        self.records.pipelines.write(before, after)
        return True

    def _issue_on_resumption(self, situation: Situation, before: Pipeline, now: int) -> None:
        """Grant a failed pipeline one more attempt, whether or not any was left."""
        pipeline, step = situation.pipeline, situation.current
        if not pipeline.may_issue:
            raise _decisions.no_baton(attrs.evolve(situation, pipeline=attrs.evolve(pipeline, status=before.status)))
        tries = self.records.attempts.tries(pipeline.id, step.index)
        self.issuing.issue_again(pipeline, step, tries, now, pipeline.reason)

    def _require_current(self, pipeline: Pipeline, step_index: int) -> None:
        if step_index == pipeline.current_step:
            return
        problem = "is completed and never runs again" if step_index < pipeline.current_step else "has not begun"
        raise IllegalTransition(
            pipeline.id,
            pipeline.status,
            f"step {step_index} {problem}",
            f"the current step is step_index={pipeline.current_step}",
        )

    def _require_dead(self, pipeline: Pipeline, live: Attempt, now: int) -> None:
        if live.hold is None:
            problem, hint = "waits to be worked on", f"get it with get_relay_baton(pipeline_id={pipeline.id})"
        elif self.claims.is_live(live, now):
            problem = f"is claimed by {live.hold.worker}"
            hint = "wait until it is handed on or its lease is over"
        else:
            return
        raise IllegalTransition(
            pipeline.id, pipeline.status, f"baton {live.baton_id} of step {live.step_index} {problem}", hint
        )

    def _require_another(self, situation: Situation, tries: Tries) -> None:
        pipeline = situation.pipeline
        match _decisions.why_none_may_follow(pipeline, situation.current, tries):
            case _decisions.RETRIES_EXHAUSTED:
                raise IllegalTransition(
                    pipeline.id,
                    pipeline.status,
                    f"step {pipeline.current_step} has no attempt left after {tries.all}",
                    f"raise max_retries above {pipeline.max_retries} with update_relay(pipeline_id={pipeline.id})",
                )
            case _decisions.BUDGET_EXHAUSTED:
                raise _decisions.no_baton(situation)
