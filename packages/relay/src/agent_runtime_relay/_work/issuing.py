"""Attempts given out and given up: whom a baton is offered to, and what becomes of one that nobody hands on."""

from collections.abc import Callable

import attrs

from .._guard import Guard, Result
from .._records.records import Records
from .._rules.retries import NextTry, Tries, next_try
from .._rules.routing import Blocked, Route, route
from .._rules.situation import Attempt, AttemptState, Pipeline, Step, baton_id


@attrs.frozen(kw_only=True)
class Prepared:
    """An attempt that is still to be written, and whether some agent would be admitted for it now."""

    attempt: Attempt
    admitted: bool


class Issuing:
    """Gives out the attempts of one database.

    Args:
        records: the tables.
        guard: says whom to give a baton to.
        new_id: makes the part of a baton's id that can't be guessed.
    """

    def __init__(self, records: Records, guard: Guard, new_id: Callable[[], str]) -> None:
        self.records = records
        self.guard = guard
        self.new_id = new_id

    def prepare(
        self,
        pipeline: Pipeline,
        step: Step,
        tries: Tries,
        *,
        depth: int,
        now: int,
        retry_reason: str | None = None,
    ) -> Prepared:
        """Return the attempt that follows those there were."""
        planned = next_try(tries, step.agent_type, pipeline.max_retries, pipeline.fallback_agents)
        advised = self._advise(pipeline, planned)
        admitted = isinstance(advised, Route)
        attempt = Attempt(
            pipeline_id=pipeline.id,
            step_index=step.index,
            attempt=planned.attempt,
            baton_id=baton_id(pipeline.id, step.index, planned.attempt, self.new_id()),
            state=AttemptState.READY,
            agent_offered=advised.agent if isinstance(advised, Route) else planned.agent,
            agent_assigned=None,
            route_reason=advised.reason if isinstance(advised, Route) else planned.reason,
            last_resort=planned.last_resort,
            retry_reason=retry_reason,
            depth=depth,
            created_at=now,
        )
        return Prepared(attempt=attempt, admitted=admitted)

    def issue_again(
        self, pipeline: Pipeline, step: Step, tries: Tries, now: int, retry_reason: str | None = None
    ) -> Attempt:
        """Write the attempt of a step that follows those there were, and return it."""
        depth = self.records.attempts.depth_before(pipeline.id, step.index) + 1
        prepared = self.prepare(pipeline, step, tries, depth=depth, now=now, retry_reason=retry_reason)
        self.records.attempts.issue(prepared.attempt)
        return prepared.attempt

    def give_up(self, attempt: Attempt, state: AttemptState, now: int) -> None:
        """Settle a live attempt that comes to nothing, as lost or cancelled, and release its permit."""
        self.release_permit(attempt)
        self.records.attempts.settle(attrs.evolve(attempt, state=state, ended_at=now))

    def release_permit(self, attempt: Attempt) -> None:
        """Tell the guard that a claim ended in neither success nor failure."""
        if attempt.hold is not None:
            self.guard.settle(attempt.agent, attempt.hold.permit_id, Result.RELEASE)

    def advise(self, pipeline: Pipeline, step: Step, attempt: Attempt) -> Route | Blocked:
        """Tell who would be admitted for an attempt now, without taking a permit."""
        return self._advise(pipeline, _planned(pipeline, step, attempt))

    def admit(
        self, pipeline: Pipeline, step: Step, attempt: Attempt, worker: str, holder: str | None
    ) -> Route | Blocked:
        """Take a permit for an attempt from the first agent that admits."""
        planned = _planned(pipeline, step, attempt)
        return route(
            planned.agent,
            planned.reason,
            pipeline.fallback_agents.get(planned.agent),
            lambda agent: self.guard.admit(agent, worker=worker, holder=holder),
        )

    def _advise(self, pipeline: Pipeline, planned: NextTry) -> Route | Blocked:
        return route(planned.agent, planned.reason, pipeline.fallback_agents.get(planned.agent), self.guard.advice)


def _planned(pipeline: Pipeline, step: Step, attempt: Attempt) -> NextTry:
    agent = pipeline.fallback_agents[step.agent_type] if attempt.last_resort else step.agent_type
    return NextTry(attempt=attempt.attempt, agent=agent, last_resort=attempt.last_resort)
