"""The values of this library: goals, their pages and what a change did."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import attrs


class GoalStatus(StrEnum):
    """Where a goal stands. Completed and cancelled are closed, the others open."""

    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        """Whether work may be added under a goal of this status."""
        return self in (GoalStatus.ACTIVE, GoalStatus.PAUSED)


@attrs.frozen(kw_only=True)
class Goal:
    """A goal as it stands in the database.

    Attributes:
        goal_id: its number.
        name: what is to be reached, in a line.
        description: what is to be reached, at length.
        status: active, paused, completed or cancelled.
        parent_goal_id: the goal above, or None.
        acceptance_criteria: how one can tell that it is reached.
        outcome: what came of it, or None.
        metadata: the caller's own object.
        created_at: milliseconds since 1970, as are the other times.
        updated_at: when it was last changed.
        completed_at: when it was completed, or None.
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
    """Some goals in the order of their ids, how many match in all, and whether more follow the last one."""

    goals: tuple[Goal, ...]
    total: int
    more: bool


@attrs.frozen(kw_only=True)
class GoalChange:
    """What an update did.

    Attributes:
        goal: the goal afterwards.
        changed: whether anything was written.
        cancelled: the sub-goals that were cancelled along with it.
    """

    goal: Goal
    changed: bool
    cancelled: tuple[int, ...] = ()
