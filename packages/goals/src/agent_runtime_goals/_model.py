"""The values of this library: goals, their pages and what a change did."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import attrs

from ._values import Choice, Integer, Items, JsonObject, Text

GOAL_ID = Integer(low=1)
NAME = Text(shortest=1, characters=500, one_line=True)
DESCRIPTION = Text(kib=64)
OUTCOME = Text(kib=4)
CRITERIA = Items(item=Text(shortest=1, kib=2), at_most=50)
METADATA = JsonObject(kib=64)
LIMIT = Integer(low=1, high=200)


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


STATUS = Choice(words=tuple(GoalStatus))

GoalId = Annotated[int, GOAL_ID]
GoalName = Annotated[str, NAME]
Description = Annotated[str, DESCRIPTION]
Outcome = Annotated[str, OUTCOME]
Criteria = Annotated[tuple[str, ...], CRITERIA]
Metadata = Annotated[Mapping[str, Any], METADATA]
Status = Annotated[str, STATUS]
Limit = Annotated[int, LIMIT]


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
