"""Late results that somebody takes up after all."""

from collections.abc import Callable

import attrs

from .._batons import Advance
from .._model import Orphan
from .._records.records import Records
from .._rules import decisions as _decisions
from .._rules.routing import Route
from .._rules.situation import Attempt, AttemptState, Situation
from ..bounds import RelayStatus
from ..errors import IllegalTransition, OutputNotFound
from .claims import Claims
from .handover import Handover, Work, judge
from .issuing import Issuing


class Adoption:
    """Settles steps with late results.

    Args:
        records: the tables.
        issuing: gives out the attempt that takes the result up.
        claims: says whether somebody is at work on the step.
        handover: hands the result on.
        clock: returns the time in seconds since 1970.
    """

    def __init__(
        self, records: Records, issuing: Issuing, claims: Claims, handover: Handover, clock: Callable[[], float]
    ) -> None:
        self.records = records
        self.issuing = issuing
        self.claims = claims
        self.handover = handover
        self.clock = clock

    def adopt(self, pipeline_id: int, output_id: int) -> Advance:
        """Settle the current step with a late result, as if it had come in time; the guard is told nothing.

        Raises:
            PipelineNotFound, OutputNotFound: there is none of this id, or it is not an orphan.
            BatonClaimed: somebody is at work on the step.
            IllegalTransition: the step is completed, or the pipeline does not run.
        """
        started = self.clock()
        now = round(started * 1000)
        situation = self.records.pipelines.situation(pipeline_id)
        orphan = self._orphan(pipeline_id, output_id)
        self._require_current(situation, orphan)
        if situation.live is not None:
            self.claims.refuse_others(situation.live, None, now)
        situation = self._resumed(situation, now)
        attempt = self._attempt_for(situation, now)
        submission = self.records.outputs.submission(output_id)
        work = Work(
            submission=submission,
            output_id=output_id,
            verdict=judge(situation, attempt, submission),
            by=Route(agent=orphan.agent, reason=attempt.route_reason),
        )
        return self.handover.settle(situation, attempt, work, started)

    def _orphan(self, pipeline_id: int, output_id: int) -> Orphan:
        for orphan in self.records.outputs.orphans(pipeline_id):
            if orphan.output_id == output_id:
                return orphan
        raise OutputNotFound(pipeline_id, output_id, "orphan output")

    def _require_current(self, situation: Situation, orphan: Orphan) -> None:
        pipeline = situation.pipeline
        if pipeline.status not in (RelayStatus.IN_PROGRESS, RelayStatus.FAILED):
            raise _decisions.no_baton(situation)
        if orphan.step_index != pipeline.current_step:
            raise IllegalTransition(
                pipeline.id,
                pipeline.status,
                f"output {orphan.output_id} is for step {orphan.step_index}, which is completed and never runs again",
                f"the current step is {pipeline.current_step}",
            )

    def _resumed(self, situation: Situation, now: int) -> Situation:
        before = situation.pipeline
        if before.status is RelayStatus.IN_PROGRESS:
            return situation
        after = attrs.evolve(before, status=RelayStatus.IN_PROGRESS, reason=None, updated_at=now)
        self.records.pipelines.write(before, after)
        return attrs.evolve(situation, pipeline=after)

    def _attempt_for(self, situation: Situation, now: int) -> Attempt:
        """Return the live attempt if nobody has begun it, else a new one in place of a lost or failed one."""
        live, pipeline, step = situation.live, situation.pipeline, situation.current
        if live is not None and live.state is AttemptState.READY:
            return live
        if live is not None:
            self.issuing.give_up(live, AttemptState.LOST, now)
        tries = self.records.attempts.tries(pipeline.id, step.index)
        return self.issuing.issue_again(pipeline, step, tries, now)
