"""Lists of tasks by goal, state and parent: each a few steps along an index, whatever the size of the file."""

import itertools
from collections.abc import Collection, Sequence
from typing import Any

import attrs

from agent_runtime_kernel.connection import Connection

from .._model import Readiness, State, TaskPage, TaskStatus
from .reading import Reading

_ALL_STATES = tuple(State)


@attrs.frozen(kw_only=True)
class Filter:
    """Which tasks to list, checked; None does not filter."""

    goal_ids: Collection[int] | None = None
    status: TaskStatus | None = None
    readiness: Readiness | None = None
    parent_id: int | None = None
    query: str | None = None

    @property
    def states(self) -> Sequence[State] | None:
        """The states that match, or None for all."""
        if self.readiness is not None:
            # What waits for a time that has come is ready, though its row says waiting until a claim promotes it.
            also_waiting = (State.WAITING,) if self.readiness is Readiness.READY else ()
            wanted: tuple[State, ...] = (State(self.readiness.value), *also_waiting)
            return wanted if self.status in (None, TaskStatus.PENDING) else ()
        if self.status is None:
            return None
        return tuple(state for state in _ALL_STATES if state.status is self.status)


@attrs.frozen(eq=False, repr=False)
class Listing:
    """Lists the tasks of one database.

    Args:
        connection: the open connection.
        reading: how tasks are read.
    """

    connection: Connection
    reading: Reading

    def page(self, wanted: Filter, limit: int, after: int, now: int) -> TaskPage:
        """Return the tasks that match, in the order of their ids, from after one id on."""
        found: set[int] = set()
        conditions, values = _conditions(wanted)
        for condition, branch in _branches(wanted):
            matches = f"{condition} {conditions}"
            rows = self.connection.execute(
                f"""
                SELECT id
                FROM tasks_tasks
                WHERE id > :after {matches}
                ORDER BY id
                LIMIT :limit
                """,
                {**values, **branch, "after": after, "limit": limit + 1} | ({"now": now} if ":now" in matches else {}),
            ).fetchall()
            found.update(row[0] for row in rows)
        ids = sorted(found)
        return TaskPage(tasks=tuple(self.reading.tasks(ids[:limit], now)), more=len(ids) > limit)


def _branches(wanted: Filter) -> list[tuple[str, dict[str, Any]]]:
    """Split a filter into look-ups that each follow one index; together they hold what matches."""
    if wanted.parent_id is not None:
        return [("AND parent_id = :parent_id", {"parent_id": wanted.parent_id})]
    states = wanted.states
    if wanted.goal_ids is None and states is None:
        return [("", {})]
    goal_ids: Sequence[int | None] = (None,) if wanted.goal_ids is None else sorted(wanted.goal_ids)
    pairs = itertools.product(goal_ids, _ALL_STATES if states is None else states)
    return [_branch(goal_id, state, only_due=wanted.readiness is Readiness.READY) for goal_id, state in pairs]


def _branch(goal_id: int | None, state: State, *, only_due: bool) -> tuple[str, dict[str, Any]]:
    """Return the look-up of one state; of what waits, on demand only what waited for a time that has come."""
    values: dict[str, Any] = {} if goal_id is None else {"goal_id": goal_id}
    of_goal = "" if goal_id is None else "AND goal_id = :goal_id"
    if state is State.WAITING and only_due:
        return f"AND id IN (SELECT id FROM tasks_tasks WHERE wake_at <= :now {of_goal})", values
    return f"{of_goal} AND state = :state", {**values, "state": state.value}


def _conditions(wanted: Filter) -> tuple[str, dict[str, Any]]:
    """Return what the look-ups leave to be checked row by row."""
    conditions = ""
    values: dict[str, Any] = {}
    if wanted.parent_id is not None:
        states = wanted.states
        if states is not None:
            named = ", ".join(f":state{index}" for index in range(len(states)))
            conditions += f" AND state IN ({named})" if states else " AND 1 = 0"
            values |= {f"state{index}": state.value for index, state in enumerate(states)}
        if wanted.goal_ids is not None:
            goal_ids = sorted(wanted.goal_ids)
            conditions += f" AND goal_id IN ({', '.join(f':goal{index}' for index in range(len(goal_ids)))})"
            values |= {f"goal{index}": goal_id for index, goal_id in enumerate(goal_ids)}
    if wanted.readiness is Readiness.READY and wanted.parent_id is not None:
        conditions += " AND (state = 'ready' OR wake_at <= :now)"
    elif wanted.readiness is Readiness.WAITING:
        conditions += " AND (wake_at IS NULL OR wake_at > :now)"
    if wanted.query is not None:
        conditions += (
            " AND (lower(title) LIKE lower(:query) ESCAPE '!' OR lower(description) LIKE lower(:query) ESCAPE '!')"
        )
        values["query"] = f"%{_escaped(wanted.query)}%"
    return conditions, values


def _escaped(text: str) -> str:
    for special in "!%_":
        text = text.replace(special, f"!{special}")
    return text
