"""The handover: settle an attempt with its output, and issue the baton of the next step.

    1. Find the live attempt of the baton. A baton that was settled before gets its old answer if the output is the
       same, and a refusal if it differs. The output of an attempt that was given up is kept as an orphan.
    2. Store the output, and judge it at the gates.
    3. Report the outcome to the guard, so that the breaker of a failing agent opens.
    4. Ask the decisions what follows, settle the attempt, issue the next one, and write the pipeline.

All of it is one transaction of the caller. The answer is derived from the rows alone, so that a repeated call gets the
same answer.

Example: step 1 of 3 passes its gates. Its attempt is accepted, baton 2 is issued for the agent that the guard admits,
and the answer is `advanced`. If the guard admits no agent, the answer is `blocked`, and baton 2 waits for one.
"""

from collections.abc import Callable

import attrs

from .._batons import Advance, NextBaton
from .._guard import Guard, Result
from .._records.records import Records
from .._records.submission import Delivery, Submission
from .._rules import decisions as _decisions
from .._rules import gate as _gate
from .._rules.gate import Check, Verdict
from .._rules.provenance import depth_penalty
from .._rules.retries import Tries
from .._rules.routing import Route
from .._rules.situation import Attempt, AttemptState, Charge, HandedIn, Situation
from ..bounds import Outcome, RelayStatus
from ..errors import AnotherPayload, StaleBaton
from .claims import Claims
from .issuing import Issuing

_STATUS_AFTER = {
    Outcome.ADVANCED: RelayStatus.IN_PROGRESS,
    Outcome.BLOCKED: RelayStatus.IN_PROGRESS,
    Outcome.COMPLETED: RelayStatus.COMPLETED,
    Outcome.BUDGET_EXHAUSTED: RelayStatus.FAILED,
}
_GIVEN_UP = (AttemptState.FAILED, AttemptState.LOST)


@attrs.frozen(kw_only=True)
class Work:
    """A piece of work: its submission, the id of its output, the verdict on it and the agent behind it."""

    submission: Submission
    output_id: int
    verdict: Verdict
    by: Route


class Handover:
    """Hands on the batons of one database.

    Args:
        records: the tables.
        guard: gets the outcomes.
        issuing: prepares the next attempt.
        claims: knows the holder of a baton.
        clock: returns the time in seconds since 1970.
    """

    def __init__(
        self, records: Records, guard: Guard, issuing: Issuing, claims: Claims, clock: Callable[[], float]
    ) -> None:
        self.records = records
        self.guard = guard
        self.issuing = issuing
        self.claims = claims
        self.clock = clock

    def advance(
        self, pipeline_id: int, delivery: Delivery, *, baton_id: str | None, worker: str | None, last_shown: str | None
    ) -> Advance | StaleBaton:
        """Hand a baton on. The refusal of a late result is returned, and raised once the kept result is committed.

        Raises:
            PipelineNotFound, BatonNotFound: there is no such pipeline or baton.
            ForeignBaton, BatonClaimed, AnotherPayload: somebody else's baton, claim or result stands against it.
            IllegalTransition: no baton can be handed on.
        """
        started = self.clock()
        now = round(started * 1000)
        situation = self.records.pipelines.situation(pipeline_id)
        live = situation.live
        if baton_id is not None and (live is None or live.baton_id != baton_id):
            return self._settled_before(situation, baton_id, delivery, now)
        if live is None or not situation.pipeline.status.runs:
            raise _decisions.no_baton(situation)
        if baton_id is None:
            if last_shown is not None and last_shown != live.baton_id:
                return self._refuse_older(situation, last_shown, delivery, now)
            self.claims.refuse_others(live, worker, now)
        output_id = self.records.outputs.add(pipeline_id, live.step_index, live.attempt, delivery, now)
        verdict = judge(situation, live, delivery.submission)
        by = self._report(situation, live, verdict, delivery.submission.checks)
        work = Work(submission=delivery.submission, output_id=output_id, verdict=verdict, by=by)
        return self.settle(situation, live, work, started)

    def settle(self, situation: Situation, attempt: Attempt, work: Work, started: float) -> Advance:
        """Settle a live attempt by the verdict on its work, and issue the next baton if it passed.

        Args:
            situation: the situation of the pipeline.
            attempt: its live attempt.
            work: the work that was handed in.
            started: the time at which the call began, in seconds since 1970.
        """
        now = round(started * 1000)
        verdict, tokens_used = work.verdict, work.submission.tokens_used
        pipeline, step, next_step = situation.pipeline, situation.current, situation.next_step
        if verdict.passed:
            decision = _decisions.accept(pipeline, next_step, tokens_used, now)
        else:
            tries = self.records.attempts.tries(pipeline.id, step.index)
            decision = _decisions.reject(pipeline, step, tokens_used, tries, now)
        outcome, following = decision.outcome, None
        if outcome is Outcome.ADVANCED and next_step is not None:
            depth = verdict.scores.depth + 1
            prepared = self.issuing.prepare(decision.pipeline, next_step, Tries(), depth=depth, now=now)
            outcome, following = Outcome.ADVANCED if prepared.admitted else Outcome.BLOCKED, prepared.attempt
        handed_in = HandedIn(
            output_id=work.output_id,
            verdict=verdict,
            outcome=outcome,
            handoff_ms=round(max(0.0, self.clock() - started) * 1000, 3),
        )
        settled = attrs.evolve(
            attempt,
            state=AttemptState.ACCEPTED if verdict.passed else AttemptState.REJECTED,
            agent_assigned=work.by.agent,
            route_reason=work.by.reason,
            depth=verdict.scores.depth,
            ended_at=now,
            charge=decision.charge,
            handed_in=handed_in,
        )
        self.records.attempts.settle(settled)
        if following is not None:
            self.records.attempts.issue(following)
        self.records.pipelines.write(pipeline, decision.pipeline)
        agent_types = [step.agent_type] if next_step is None else [step.agent_type, next_step.agent_type]
        return _reply(settled, following, agent_types, pipeline.total_steps, work.submission.checks)

    def _report(self, situation: Situation, live: Attempt, verdict: Verdict, checks: tuple[Check, ...]) -> Route:
        """Report the outcome to the guard, and return the agent that did the work.

        For a baton that nobody claimed only a success is reported, for the agent that was advised. Otherwise one agent
        that scores itself low would block every relay with its role.
        """
        if live.hold is not None:
            result = Result.SUCCESS if verdict.passed else Result.QUALITY_FAILURE
            self.guard.settle(live.agent, live.hold.permit_id, result, error=_gate.feedback(verdict, checks) or "")
            return Route(agent=live.agent, reason=live.route_reason)
        advised = self.issuing.advise(situation.pipeline, situation.current, live)
        by = advised if isinstance(advised, Route) else Route(agent=live.agent_offered, reason=live.route_reason)
        if verdict.passed:
            self.guard.settle(by.agent, None, Result.SUCCESS)
        return by

    def _settled_before(
        self, situation: Situation, baton_id: str, delivery: Delivery, now: int
    ) -> Advance | StaleBaton:
        """Return the earlier answer for a baton that is not live, or the refusal of a late result."""
        pipeline_id = situation.pipeline.id
        attempt = self.records.settled(pipeline_id, baton_id)
        if attempt.state is AttemptState.CANCELLED:
            raise _decisions.no_baton(situation)
        if attempt.state in _GIVEN_UP:
            return self._stale(attempt, f"is settled as {attempt.state}: its result comes too late", delivery, now)
        if (
            attempt.handed_in is None
            or self.records.outputs.submission(attempt.handed_in.output_id) != delivery.submission
        ):
            raise AnotherPayload(pipeline_id, baton_id)
        following = None
        if attempt.handed_in.outcome in (Outcome.ADVANCED, Outcome.BLOCKED):
            following = self.records.attempts.get(pipeline_id, attempt.step_index + 1, 1)
        steps = self.records.pipelines.steps(pipeline_id)[attempt.step_index : attempt.step_index + 2]
        agent_types = [step.agent_type for step in steps]
        checks = delivery.submission.checks
        reply = _reply(attempt, following, agent_types, situation.pipeline.total_steps, checks)
        return attrs.evolve(reply, replayed=True)

    def _refuse_older(self, situation: Situation, last_shown: str, delivery: Delivery, now: int) -> StaleBaton:
        """Refuse a call without baton_id from a session that was shown an older baton than the live one."""
        problem = "is no longer the live one, and no baton_id was given"
        attempt = self.records.attempts.find(last_shown)
        if attempt is None or attempt.pipeline_id != situation.pipeline.id:
            return StaleBaton(situation.pipeline.id, last_shown, problem)
        return self._stale(attempt, problem, delivery, now)

    def _stale(self, attempt: Attempt, problem: str, delivery: Delivery, now: int) -> StaleBaton:
        orphan = None
        if attempt.state in _GIVEN_UP and not delivery.is_empty:
            key = (attempt.pipeline_id, attempt.step_index, attempt.attempt)
            orphan = self.records.outputs.keep_late(*key, delivery, now)
        return StaleBaton(attempt.pipeline_id, attempt.baton_id, problem, orphan)


def judge(situation: Situation, attempt: Attempt, submission: Submission) -> Verdict:
    """Judge a submission for the current step by the thresholds of the pipeline."""
    pipeline, step = situation.pipeline, situation.current
    return Verdict(
        scores=_gate.weigh(
            quality_score=submission.quality_score,
            l_score=submission.l_score,
            confidence=submission.confidence,
            relevance=submission.relevance,
            checks=submission.checks,
            depth=attempt.depth,
            penalty=depth_penalty(pipeline.total_steps),
        ),
        quality_threshold=_decisions.quality_threshold(pipeline, step),
        l_score_threshold=pipeline.l_score_threshold,
    )


def _reply(
    settled: Attempt, following: Attempt | None, agent_types: list[str], total_steps: int, checks: tuple[Check, ...]
) -> Advance:
    """Derive the answer from rows alone, so that a repeated call gets the same one.

    Args:
        settled: the attempt that was handed in.
        following: the attempt issued after it, if any.
        agent_types: the agent types of its step and, if there is one, of the next.
        total_steps: the number of steps of the pipeline.
        checks: the checks of the output.
    """
    handed_in, charge = settled.handed_in, settled.charge
    if handed_in is None or charge is None:
        raise ValueError(f"nothing was handed in for baton {settled.baton_id}")
    outcome = handed_in.outcome
    steps_done = 0 if outcome is Outcome.GATE_FAILED else 1
    next_agent = None if outcome is Outcome.COMPLETED else agent_types[steps_done]
    if following is not None:
        next_agent = following.agent_offered
    return Advance(
        pipeline_id=settled.pipeline_id,
        status=_status_after(outcome, charge),
        outcome=outcome,
        current_step=settled.step_index + steps_done,
        total_steps=total_steps,
        next_agent=next_agent,
        next_baton=_next_baton(following, agent_types[-1]) if outcome is Outcome.ADVANCED else None,
        gates=_gate.gates(handed_in.verdict),
        score_source=handed_in.verdict.scores.score_source,
        attempts_left=charge.attempts_left,
        feedback=_gate.feedback(handed_in.verdict, checks),
        output_id=handed_in.output_id,
        tokens_used=charge.tokens_total,
        tokens_remaining=max(0, charge.tokens_left),
        over_budget=charge.tokens_left < 0,
        handoff_time_ms=handed_in.handoff_ms,
        replayed=False,
    )


def _status_after(outcome: Outcome, charge: Charge) -> RelayStatus:
    if outcome is Outcome.GATE_FAILED:
        return RelayStatus.IN_PROGRESS if charge.attempts_left else RelayStatus.FAILED
    return _STATUS_AFTER[outcome]


def _next_baton(following: Attempt | None, agent_type: str) -> NextBaton | None:
    if following is None:
        return None
    return NextBaton(
        baton_id=following.baton_id,
        agent_type=agent_type,
        agent_assigned=following.agent_offered,
        sequence_position=following.step_index + 1,
    )
