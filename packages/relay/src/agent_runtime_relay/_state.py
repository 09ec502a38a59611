"""The state of a pipeline as decisions see it: the pipeline, its steps and its attempts, without SQL."""

import re
from collections.abc import Mapping
from enum import StrEnum

import attrs

from . import _budget
from ._bounds import Outcome, RelayStatus
from ._routing import RouteReason
from ._values import from_json

_BATON_KEY = re.compile(r"(\d{1,18})\.(\d{1,3})\.(\d{1,9})\.", re.ASCII)


class AttemptState(StrEnum):
    """Where a try of a step stands; ready and claimed are live, the others are history."""

    READY = "ready"
    CLAIMED = "claimed"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FAILED = "failed"
    LOST = "lost"
    CANCELLED = "cancelled"

    @property
    def is_live(self) -> bool:
        """Whether its baton may be handed on."""
        return self in (AttemptState.READY, AttemptState.CLAIMED)


@attrs.frozen
class Attempt:
    """A try of a step, field by field as its row has them."""

    pipeline_id: int
    step_index: int
    attempt: int
    baton_id: str
    state: AttemptState = attrs.field(converter=AttemptState)
    agent_offered: str
    agent_assigned: str | None
    route_reason: RouteReason = attrs.field(converter=RouteReason)
    last_resort: bool = attrs.field(converter=bool)
    retry_reason: str | None
    depth: int
    created_at: int
    worker: str | None = None
    holder: str | None = None
    permit_id: str | None = None
    claimed_at: int | None = None
    lease_ms: int | None = None
    expires_at: int | None = None
    ended_at: int | None = None
    outcome: Outcome | None = attrs.field(default=None, converter=attrs.converters.optional(Outcome))
    quality_score: float | None = None
    l_score: float | None = None
    score_source: str | None = None
    quality_threshold: float | None = None
    l_score_threshold: float | None = None
    attempts_left: int | None = None
    tokens_used: int = 0
    tokens_total: int | None = None
    tokens_left: int | None = None
    handoff_ms: float | None = None
    output_id: int | None = None
    failure_type: str | None = None
    error: str | None = None

    @property
    def agent(self) -> str:
        """Who does it, or is meant to."""
        return self.agent_assigned or self.agent_offered


@attrs.frozen
class Pipeline:
    """What moves in a pipeline, and what decides about it, field by field."""

    id: int
    status: RelayStatus = attrs.field(converter=RelayStatus)
    reason: str | None
    current_step: int
    total_steps: int
    token_budget: int
    tokens_used: int
    quality_threshold: float | None
    l_score_threshold: float
    max_retries: int
    fallback_agents: Mapping[str, str] = attrs.field(
        converter=lambda value: from_json(value) if isinstance(value, str) else value
    )
    created_at: int
    updated_at: int

    @property
    def tokens_remaining(self) -> int:
        """Tokens that may still be spent."""
        return _budget.remaining(self.token_budget, self.tokens_used)

    @property
    def may_issue(self) -> bool:
        """Whether the budget allows another baton."""
        return _budget.allows_a_baton(self.token_budget, self.tokens_used)


@attrs.frozen
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
    """What a pipeline is for, as its author wrote it."""

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
    """Return the id of a baton: the key of its attempt, by which it is found again, and a mark that can't be guessed."""
    return f"{pipeline_id}.{step_index + 1}.{attempt}.{mark}"


def baton_key(baton: str) -> BatonKey | None:
    """Return the key that a baton's id carries, or None when it carries none."""
    match = _BATON_KEY.match(baton)
    if match is None:
        return None
    pipeline_id, position, attempt = map(int, match.groups())
    return BatonKey(pipeline_id=pipeline_id, step_index=position - 1, attempt=attempt)
