"""The values of this library: goals, pages of goals, and changes."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import attrs


class GoalStatus(StrEnum):
    """The status of a goal. Completed and cancelled goals are closed, the others are open."""

    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        """True if work may be added under a goal of this status."""
        return self in (GoalStatus.ACTIVE, GoalStatus.PAUSED)


@attrs.frozen(kw_only=True)
class Goal:
    """A goal as it is stored.

    Attributes:
        goal_id: its number.
        name: the aim in one line.
        description: the aim at length.
        status: active, paused, completed or cancelled.
        parent_goal_id: the goal above, or None.
        acceptance_criteria: the signs that it is reached.
        outcome: the result, or None.
        metadata: the caller's own object.
        created_at: the time of its creation, in milliseconds since 1970, as are the other times.
        updated_at: the time of its last change.
        completed_at: the time of its completion, or None.
    """

    goal_id: int
    name: str
    description: str
    status: GoalStatus
    parent_goal_id: int | None
    acceptance_criteria: tuple[str, ...]
    outcome: str | None
    metadata: Mapping[str, Any]
    created_at: int
    updated_at: int
    completed_at: int | None


@attrs.frozen(kw_only=True)
class GoalPage:
    """A page of goals in the order of their ids.

    Attributes:
        goals: the goals of the page.
        total: the number of goals that match.
        more: whether goals follow after the page.
    """

    goals: tuple[Goal, ...]
    total: int
    more: bool


@attrs.frozen(kw_only=True)
class GoalChange:
    """The effect of an update.

    Attributes:
        goal: the goal after the update.
        changed: whether anything was written.
        cancelled: the sub-goals that were cancelled with it.
    """

    goal: Goal
    changed: bool
    cancelled: tuple[int, ...] = ()
