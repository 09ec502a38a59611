"""What is made ready for an operation before its transaction, because it takes long or needs another program."""

from collections.abc import Awaitable, Callable

import attrs

from agent_runtime_tasks import Plan

Progress = Callable[[float, float, str], Awaitable[None]]  # seconds that passed, seconds at most, what goes on


class PlannerFailed(Exception):
    """The planner command gave no plan; the message says why, in words for the caller."""


@attrs.frozen(kw_only=True)
class PreparedPlan:
    """A plan that a planner made.

    Attributes:
        plan: the tasks.
        planner: who planned: command, or text.
        fallback_reason: why the configured planner command did not, or None.
        started: when planning began, by the performance counter.
    """

    plan: Plan
    planner: str
    fallback_reason: str | None
    started: float
