"""The state of a pipeline as decisions see it: the pipeline, its steps and its attempts, without SQL."""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

import attrs

from .gate import Verdict
from .routing import RouteReason
from .states import Outcome, RelayStatus

SMALLEST_DEFAULT = 100_000
_BATON_KEY = re.compile(r"(\d{1,18})\.(\d{1,3})\.(\d{1,9})\.", re.ASCII)


class AttemptState(StrEnum):
    """The state of an attempt; ready and claimed are live, the others are history."""

    READY = "ready"
    CLAIMED = "claimed"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FAILED = "failed"
    LOST = "lost"
    CANCELLED = "cancelled"

    @property
    def is_live(self) -> bool:
        """True if its baton may be handed on."""
        return self in (AttemptState.READY, AttemptState.CLAIMED)


@attrs.frozen(kw_only=True)
class Hold:
    """The claim that a worker holds on a baton.

    Attributes:
        worker: the name of the worker.
        holder: the process, as the application knows it, or None.
        permit_id: the guard's permit for the agent, or None.
        claimed_at: since when.
        lease_ms: the length of the lease.
        expires_at: the end of the lease.
    """

    worker: str
    holder: str | None
    permit_id: str | None
    claimed_at: int
    lease_ms: int
    expires_at: int

    @property
    def renewal_due_at(self) -> int:
        """The time at which a third of the lease is used."""
        return self.expires_at - self.lease_ms * 2 // 3


@attrs.frozen(kw_only=True)
class Charge:
    """The cost of an attempt, and the tokens and attempts left after it.

    Attributes:
        tokens_used: the tokens that the attempt used.
        tokens_total: the tokens that the pipeline used, this attempt included.
        tokens_left: the tokens left of the budget, negative after an overrun.
        attempts_left: attempts that the step current afterwards may still be given.
    """

    tokens_used: int
    tokens_total: int
    tokens_left: int
    attempts_left: int


@attrs.frozen(kw_only=True)
class HandedIn:
    """The output that was handed in, its verdict and its outcome; handoff_ms is the time that took."""

    output_id: int
    verdict: Verdict
    outcome: Outcome
    handoff_ms: float


@attrs.frozen(kw_only=True)
class Breakdown:
    """The failure of an attempt that handed nothing in, and the id of any output that was kept."""

    failure_type: str
    error: str
    output_id: int | None


@attrs.frozen(kw_only=True)
class Attempt:
    """A try of a step.

    Attributes:
        pipeline_id: the pipeline.
        step_index: the step, from 0.
        attempt: its number, from 1.
        baton_id: the id that hands it on.
        state: its state.
        agent_offered: whom it was issued to.
        agent_assigned: the agent that claimed it or did it, or None so far.
        route_reason: why that agent.
        last_resort: whether it is the fallback agent's one try after all others.
        retry_reason: why there is another attempt, as somebody put it, or None.
        depth: hops from the sources.
        created_at: the time at which it was issued.
        hold: the claim on it, or the claim when it was settled.
        ended_at: the time at which it was settled, or None while it is live.
        charge: its cost; None if it was lost or cancelled.
        handed_in: set when it was accepted or rejected.
        breakdown: set when it failed.
    """

    pipeline_id: int
    step_index: int
    attempt: int
    baton_id: str
    state: AttemptState
    agent_offered: str
    agent_assigned: str | None
    route_reason: RouteReason
    last_resort: bool
    retry_reason: str | None
    depth: int
    created_at: int
    hold: Hold | None = None
    ended_at: int | None = None
    charge: Charge | None = None
    handed_in: HandedIn | None = None
    breakdown: Breakdown | None = None

    @property
    def agent(self) -> str:
        """The agent that does it, or the one it was offered to."""
        return self.agent_assigned or self.agent_offered

    @property
    def output_id(self) -> int | None:
        """The id of its output, or None."""
        ending = self.handed_in or self.breakdown
        return None if ending is None else ending.output_id


@attrs.frozen(kw_only=True)
class Pipeline:
    """The changing state of a pipeline, and the settings that decide about it."""

    id: int
    status: RelayStatus
    reason: str | None
    current_step: int
    total_steps: int
    token_budget: int
    tokens_used: int
    quality_threshold: float | None
    l_score_threshold: float
    max_retries: int
    created_at: int
    updated_at: int
    fallback_agents: Mapping[str, str]

    @property
    def tokens_remaining(self) -> int:
        """Tokens that may still be spent."""
        return remaining(self.token_budget, self.tokens_used)

    @property
    def may_issue(self) -> bool:
        """True if the budget allows another baton."""
        return allows_a_baton(self.token_budget, self.tokens_used)


@attrs.frozen(kw_only=True)
class Step:
    """A step; it never changes once its pipeline is created."""

    index: int
    agent_type: str
    quality_threshold: float
    max_output_tokens: int


@attrs.frozen(kw_only=True)
class Situation:
    """All that a decision about a pipeline looks at.

    Attributes:
        pipeline: the pipeline.
        step: the current step, or None when it is completed.
        next_step: the one after, or None.
        live: the attempt whose baton is live, or None.
    """

    pipeline: Pipeline
    step: Step | None
    next_step: Step | None
    live: Attempt | None

    @property
    def current(self) -> Step:
        """The current step of a pipeline that is not completed."""
        if self.step is None:
            raise ValueError(f"pipeline {self.pipeline.id} has no step left")
        return self.step


@attrs.frozen(kw_only=True)
class Mission:
    """The purpose of a pipeline, as its author wrote it."""

    name: str
    goal: str
    description: str


@attrs.frozen(kw_only=True)
class BatonKey:
    """The attempt that a baton says it was issued for."""

    pipeline_id: int
    step_index: int
    attempt: int


def baton_id(pipeline_id: int, step_index: int, attempt: int, mark: str) -> str:
    """Return the id of a baton: the key of its attempt, by which it is found, and a mark that can't be guessed."""
    return f"{pipeline_id}.{step_index + 1}.{attempt}.{mark}"


def baton_key(baton: str) -> BatonKey | None:
    """Return the key that a baton's id carries, or None when it carries none."""
    match = _BATON_KEY.match(baton)
    if match is None:
        return None
    pipeline_id, position, attempt = map(int, match.groups())
    return BatonKey(pipeline_id=pipeline_id, step_index=position - 1, attempt=attempt)


def default_budget(role_limits: Iterable[int]) -> int:
    """Return the budget of a pipeline whose roles may write so many tokens each."""
    return max(SMALLEST_DEFAULT, sum(role_limits))


def remaining(token_budget: int, tokens_used: int) -> int:
    """Return the tokens that may still be spent; an overrun leaves none."""
    return max(0, token_budget - tokens_used)


def allows_a_baton(token_budget: int, tokens_used: int) -> bool:
    """Tell whether at least one token remains, without which no baton is issued."""
    return remaining(token_budget, tokens_used) >= 1


def output_limit(role_limit: int, token_budget: int, tokens_used: int) -> int:
    """Return how many tokens the holder of a baton may write."""
    return min(role_limit, remaining(token_budget, tokens_used))
