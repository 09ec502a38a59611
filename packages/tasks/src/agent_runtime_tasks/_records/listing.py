"""Lists of tasks by goal, state and parent.

Each filter is split into lookups that follow one index each, so that the cost of a page does not grow with the file.
"""

import itertools
from collections.abc import Collection, Sequence
from typing import Any

import attrs

from agent_runtime_kernel.connection import Connection

from .._model import Readiness, State, TaskPage, TaskStatus
from .reading import Reading

_ALL_STATES = tuple(State)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Filter:
    """The validated filters of a list; None does not filter."""

    goal_ids: Collection[int] | None = None
    status: TaskStatus | None = None
    readiness: Readiness | None = None
    parent_id: int | None = None
    query: str | None = None

    @property
    def states(self) -> Sequence[State] | None:
        """The states that match, or None for all."""
        if self.readiness is not None:
            # A task whose time has come is ready, but its row says waiting until a claim promotes it.
            also_waiting = (State.WAITING,) if self.readiness is Readiness.READY else ()
            wanted: tuple[State, ...] = (State(self.readiness.value), *also_waiting)
            return wanted if self.status in (None, TaskStatus.PENDING) else ()
        if self.status is None:
            return None
        return tuple(state for state in _ALL_STATES if state.status is self.status)


class Listing:
    """The lists of tasks of one database.

    Args:
        connection: the open connection.
        reading: reads the tasks of a page.
    """

    def __init__(self, connection: Connection, reading: Reading) -> None:
        self.connection = connection
        self.reading = reading

    def page(self, wanted: Filter, limit: int, after: int, now: int) -> TaskPage:
        """Return the matching tasks after one id, in the order of their ids."""
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
    """Split a filter into lookups that each follow one index; together they find all that match."""
    if wanted.parent_id is not None:
        return [("AND parent_id = :parent_id", {"parent_id": wanted.parent_id})]
    states = wanted.states
    if wanted.goal_ids is None and states is None:
        return [("", {})]
    goal_ids: Sequence[int | None] = (None,) if wanted.goal_ids is None else sorted(wanted.goal_ids)
    pairs = itertools.product(goal_ids, _ALL_STATES if states is None else states)
    return [_branch(goal_id, state, only_due=wanted.readiness is Readiness.READY) for goal_id, state in pairs]


def _branch(goal_id: int | None, state: State, *, only_due: bool) -> tuple[str, dict[str, Any]]:
    """Return the lookup of one state; with `only_due`, that of waiting tasks finds only those whose time has come."""
    values: dict[str, Any] = {} if goal_id is None else {"goal_id": goal_id}
    of_goal = "" if goal_id is None else "AND goal_id = :goal_id"
    if state is State.WAITING and only_due:
        return f"AND id IN (SELECT id FROM tasks_tasks WHERE wake_at <= :now {of_goal})", values
    return f"{of_goal} AND state = :state", {**values, "state": state.value}


def _conditions(wanted: Filter) -> tuple[str, dict[str, Any]]:
    """Return the conditions that are checked row by row within a lookup."""
    conditions = ""
    values: dict[str, Any] = {}
    if wanted.parent_id is not None:
        states = wanted.states
        if states is not None:
            conditions += f" AND {_is_one_of('state', len(states))}"
            values |= {f"state{index}": state.value for index, state in enumerate(states)}
        if wanted.goal_ids is not None:
            goal_ids = sorted(wanted.goal_ids)
            conditions += f" AND {_is_one_of('goal_id', len(goal_ids))}"
            values |= {f"goal_id{index}": goal_id for index, goal_id in enumerate(goal_ids)}
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


def _is_one_of(column: str, count: int) -> str:
    """Return the condition that a column has one of so many values; without values it is never met."""
    if count == 0:
        return "1 = 0"  # `IN ()` is SQLite's alone
    return f"{column} IN ({', '.join(f':{column}{index}' for index in range(count))})"


def _escaped(text: str) -> str:
    for special in "!%_":
        text = text.replace(special, f"!{special}")
    return text
