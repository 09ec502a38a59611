"""The goals of a database: a forest in which status reaches down and open sub-goals hold completion up."""

import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import attrs

from agent_runtime_kernel.bounds import from_json, optional, to_json
from agent_runtime_kernel.connection import Clock, Connection, Row, Snapshot
from agent_runtime_kernel.findings import Finding

from ._audit import Audit
from ._model import Goal, GoalChange, GoalPage, GoalStatus
from ._schema import SCHEMA
from .bounds import (
    CRITERIA,
    DEFAULT_LIST_LIMIT,
    DESCRIPTION,
    GOAL_ID,
    LIMIT,
    METADATA,
    NAME,
    OUTCOME,
    STATUS,
    Criteria,
    Description,
    GoalId,
    GoalName,
    Limit,
    Metadata,
    Outcome,
    Status,
)
from .errors import GoalClosed, GoalCycle, GoalNotFound, InvalidValue, OpenSubGoals

KEEP = attrs.NOTHING
_COLUMNS = """id, name, description, status, parent_id, acceptance_criteria, outcome, metadata,
              created_at, updated_at, completed_at"""
_NAMED_IN_ERRORS = 10
_CHECKS: Mapping[str, Callable[[str, object], Any]] = {
    "status": lambda name, value: GoalStatus(STATUS(name, value)),
    "name": NAME,
    "description": DESCRIPTION,
    "metadata": METADATA,
    "acceptance_criteria": CRITERIA,
    "parent_goal_id": GOAL_ID,
    "outcome": OUTCOME,
}
_CLEARED: Mapping[str, Any] = {
    "description": "",
    "metadata": {},
    "acceptance_criteria": (),
    "parent_goal_id": None,
    "outcome": None,
}


class Goals:
    """The goals of one database.

    Args:
        connection: an open connection; set its `transaction_mode` to "IMMEDIATE".
        clock: returns the time in seconds since 1970.
        snapshot: makes a context in which several reads see one state.
    """

    def __init__(
        self, connection: Connection, *, clock: Clock = time.time, snapshot: Snapshot = contextlib.nullcontext
    ) -> None:
        self.connection = connection
        self.clock = clock
        self.snapshot = snapshot

    def migrate(self) -> int:
        """Create or upgrade the tables and return the number of migrations applied.

        Raises:
            SchemaTooNew: a newer version of the library wrote this database.
        """
        return SCHEMA.migrate(self.connection, self.clock)

    def create(
        self,
        name: GoalName,
        description: Description = "",
        *,
        parent_goal_id: GoalId | None = None,
        acceptance_criteria: Criteria = (),
        metadata: Metadata | None = None,
    ) -> Goal:
        """Create an active goal.

        Args:
            name: the aim in one line of 1 to 500 characters.
            description: the aim at length, at most 64 KiB.
            parent_goal_id: the open goal that it is part of, or None.
            acceptance_criteria: the signs that it is reached, at most 50 texts of 2 KiB.
            metadata: a JSON object of the caller's own, at most 64 KiB.

        Raises:
            InvalidValue: an argument is out of its bounds.
            GoalNotFound: there is no such parent.
            GoalClosed: the parent is completed or cancelled.
        """
        values = {
            "name": NAME("name", name),
            "description": DESCRIPTION("description", description),
            "acceptance_criteria": to_json(CRITERIA("acceptance_criteria", acceptance_criteria)),
            "metadata": to_json(METADATA("metadata", {} if metadata is None else metadata)),
            "parent_id": optional(GOAL_ID, "parent_goal_id", parent_goal_id),
            "now": self._now(),
        }
        with self.connection:
            if parent_goal_id is not None:
                self._require_open(parent_goal_id, "no goal can be created under it")
            [row] = self.connection.execute(
                f"""
                INSERT INTO goals_goals
                    (name, description, status, parent_id, acceptance_criteria, metadata, created_at, updated_at)
                VALUES (:name, :description, 'active', :parent_id, :acceptance_criteria, :metadata, :now, :now)
                RETURNING {_COLUMNS}
                """,
                values,
            ).fetchall()
            self._count([(GoalStatus.ACTIVE, 1)])
        return _goal(row)

    def get(self, goal_id: GoalId) -> Goal:
        """Return a goal.

        Args:
            goal_id: the number of the goal.

        Raises:
            GoalNotFound: there is no such goal.
        """
        row = self.connection.execute(
            f"""
            SELECT {_COLUMNS}
            FROM goals_goals
            WHERE id = :id
            """,
            {"id": GOAL_ID("goal_id", goal_id)},
        ).fetchone()
        if row is None:
            raise GoalNotFound(goal_id)
        return _goal(row)

    def list(self, status: Status | None = None, *, limit: Limit = DEFAULT_LIST_LIMIT, after: int = 0) -> GoalPage:
        """Return a page of goals in the order of their ids.

        Args:
            status: only goals of this status.
            limit: the greatest number of goals, 1 to 200.
            after: the last id of the page before; 0 for the first page.

        Raises:
            InvalidValue: an argument is out of its bounds.
        """
        bindings: dict[str, Any] = {"after": after, "limit": LIMIT("limit", limit) + 1}
        condition = ""
        if status is not None:
            condition = "AND status = :status"
            bindings["status"] = STATUS("status", status)
        with self.snapshot():
            rows = self.connection.execute(
                f"""
                SELECT {_COLUMNS}
                FROM goals_goals
                WHERE id > :after {condition}
                ORDER BY id
                LIMIT :limit
                """,
                bindings,
            ).fetchall()
            counts = self.counts()
        return GoalPage(
            goals=tuple(map(_goal, rows[:limit])),
            total=sum(counts.values()) if status is None else counts[GoalStatus(status)],
            more=len(rows) > limit,
        )

    def counts(self) -> Mapping[GoalStatus, int]:
        """Return the number of goals of each status."""
        rows = self.connection.execute("SELECT status, goals FROM goals_counts").fetchall()
        return {GoalStatus(status): count for status, count in rows}

    def update(
        self,
        goal_id: GoalId,
        *,
        status: Status | attrs.NothingType = KEEP,
        name: GoalName | attrs.NothingType = KEEP,
        description: Description | attrs.NothingType | None = KEEP,
        metadata: Metadata | attrs.NothingType | None = KEEP,
        acceptance_criteria: Criteria | attrs.NothingType | None = KEEP,
        parent_goal_id: GoalId | attrs.NothingType | None = KEEP,
        outcome: Outcome | attrs.NothingType | None = KEEP,
        cancel_open: bool = False,
    ) -> GoalChange:
        """Change the given fields and keep the others; None clears a field that may be empty.

        Args:
            goal_id: the goal to change.
            status: active (reopens a closed goal), paused, completed, or cancelled (cancels open sub-goals, too).
            name: the new name.
            description: the new description.
            metadata: the new object, which replaces the old one.
            acceptance_criteria: the new criteria, which replace the old ones.
            parent_goal_id: the open goal to move under; None makes it a root.
            outcome: the result of the goal, at most 4 KiB.
            cancel_open: cancel open sub-goals when the goal is completed, instead of refusing to complete it.

        Raises:
            InvalidValue: an argument is out of its bounds.
            GoalNotFound: there is no such goal or parent.
            GoalClosed: the goal above is completed or cancelled.
            GoalCycle: the new parent stands below the goal.
            OpenSubGoals: it has open sub-goals, and `cancel_open` is not set.
        """
        changes = _validated_changes(
            status=status,
            name=name,
            description=description,
            metadata=metadata,
            acceptance_criteria=acceptance_criteria,
            parent_goal_id=parent_goal_id,
            outcome=outcome,
        )
        with self.connection:
            before = self.get(goal_id)
            after = attrs.evolve(before, **changes)
            if after == before:
                return GoalChange(goal=before, changed=False)
            now = self._now()
            self._check_place(before, after)
            cancelled = self._close_below(after, now, cancel_open) if after.status is not before.status else ()
            after = attrs.evolve(after, updated_at=now, completed_at=_completed_at(before, after, now))
            self._write(after)
            self._count([(before.status, -1), (after.status, 1)])
        return GoalChange(goal=after, changed=True, cancelled=cancelled)

    def subtree(self, goal_ids: Collection[int]) -> Mapping[int, tuple[int, ...]]:
        """Return for each goal its own id and the ids of its sub-goals at any depth."""
        roots = sorted(set(goal_ids))
        rows = self.connection.execute(
            f"""
            WITH RECURSIVE below (root, id) AS (
                SELECT id, id
                FROM goals_goals
                WHERE id IN ({_placeholders(roots)})
                UNION ALL
                SELECT below.root, child.id
                FROM below
                JOIN goals_goals AS child ON child.parent_id = below.id
            )
            SELECT root, id
            FROM below
            ORDER BY root, id
            """,
            _bindings(roots),
        ).fetchall()
        found: dict[int, list[int]] = {}
        for root, goal_id in rows:
            found.setdefault(root, []).append(goal_id)
        return {root: tuple(ids) for root, ids in found.items()}

    def ancestors(self, goal_id: GoalId) -> tuple[Goal, ...]:
        """Return the goal and its ancestors, from the goal upward.

        Raises:
            GoalNotFound: there is no such goal.
        """
        chain = [self.get(goal_id)]
        while chain[-1].parent_goal_id is not None:
            chain.append(self.get(chain[-1].parent_goal_id))
        return tuple(chain)

    def paused(self, goal_ids: Collection[int]) -> frozenset[int]:
        """Return the goals that are paused, by their own status or by that of an ancestor."""
        return frozenset(
            goal_id for goal_id in goal_ids if any(goal.status is GoalStatus.PAUSED for goal in self.ancestors(goal_id))
        )

    def audit(self, checked: Callable[[int], object] = lambda _count: None) -> Iterator[Finding]:
        """Yield the findings in the tables, reading a page at a time.

        Args:
            checked: called after each page with its number of goals.
        """
        with self.snapshot():
            yield from Audit(self.connection).findings(checked)

    def rebuild(self) -> int:
        """Recompute the derived rows and nothing else; return how many were wrong."""
        with self.connection:
            return Audit(self.connection).rebuild()

    def _check_place(self, before: Goal, after: Goal) -> None:
        """Refuse a parent that is closed or is a descendant of the goal."""
        moved = after.parent_goal_id != before.parent_goal_id
        reopened = after.status.is_open and not before.status.is_open
        if after.parent_goal_id is None or not (moved or reopened):
            return
        chain = self.ancestors(after.parent_goal_id)
        path = [goal.goal_id for goal in chain]
        if after.goal_id in path:
            down = path[: path.index(after.goal_id) + 1][::-1]
            raise GoalCycle(after.goal_id, after.parent_goal_id, down)
        if not chain[0].status.is_open and (reopened or after.status.is_open):
            attempt = f"goal {after.goal_id} can't be " + ("moved under it" if moved else "reopened under it")
            raise GoalClosed(chain[0].goal_id, chain[0].status, attempt)

    def _close_below(self, goal: Goal, now: int, cancel_open: bool) -> tuple[int, ...]:
        """Cancel the open sub-goals of a goal that closes, or refuse to close it."""
        if goal.status.is_open:
            return ()
        below = [goal_id for goal_id in self.subtree([goal.goal_id])[goal.goal_id] if goal_id != goal.goal_id]
        still_open = [sub_goal for sub_goal in map(self.get, below) if sub_goal.status.is_open]
        if still_open and goal.status is GoalStatus.COMPLETED and not cancel_open:
            first = [sub_goal.goal_id for sub_goal in still_open[:_NAMED_IN_ERRORS]]
            raise OpenSubGoals(goal.goal_id, len(still_open), first)
        for sub_goal in still_open:
            self._write(attrs.evolve(sub_goal, status=GoalStatus.CANCELLED, updated_at=now))
            self._count([(sub_goal.status, -1), (GoalStatus.CANCELLED, 1)])
        return tuple(sub_goal.goal_id for sub_goal in still_open)

    def _require_open(self, goal_id: int, attempt: str) -> None:
        goal = self.get(goal_id)
        if not goal.status.is_open:
            raise GoalClosed(goal_id, goal.status, attempt)

    def _write(self, goal: Goal) -> None:
        self.connection.execute(
            """
            UPDATE goals_goals
            SET name = :name,
                description = :description,
                status = :status,
                parent_id = :parent_id,
                acceptance_criteria = :acceptance_criteria,
                outcome = :outcome,
                metadata = :metadata,
                updated_at = :updated_at,
                completed_at = :completed_at
            WHERE id = :id
            """,
            {
                "id": goal.goal_id,
                "name": goal.name,
                "description": goal.description,
                "status": str(goal.status),
                "parent_id": goal.parent_goal_id,
                "acceptance_criteria": to_json(goal.acceptance_criteria),
                "outcome": goal.outcome,
                "metadata": to_json(goal.metadata),
                "updated_at": goal.updated_at,
                "completed_at": goal.completed_at,
            },
        )

    def _count(self, deltas: Sequence[tuple[GoalStatus, int]]) -> None:
        """Update the counts, in the order of their keys, so that concurrent writers can't deadlock."""
        self.connection.executemany(
            """
            UPDATE goals_counts
            SET goals = goals_counts.goals + :delta
            WHERE status = :status
            """,
            [{"status": str(status), "delta": delta} for status, delta in sorted(deltas)],
        )

    def _now(self) -> int:
        return round(self.clock() * 1000)


def _goal(row: Row) -> Goal:
    return Goal(
        goal_id=row[0],
        name=row[1],
        description=row[2],
        status=GoalStatus(row[3]),
        parent_goal_id=row[4],
        acceptance_criteria=tuple(from_json(row[5])),
        outcome=row[6],
        metadata=from_json(row[7]),
        created_at=row[8],
        updated_at=row[9],
        completed_at=row[10],
    )


def _validated_changes(**given: Any) -> dict[str, Any]:
    """Validate the given fields and return those that are not KEEP."""
    changes: dict[str, Any] = {}
    for name, value in given.items():
        if value is KEEP:
            continue
        if value is not None:
            changes[name] = _CHECKS[name](name, value)
        elif name in _CLEARED:
            changes[name] = _CLEARED[name]
        else:
            raise InvalidValue(name, "can't be cleared", f"omit {name} to keep it")
    return changes


def _completed_at(before: Goal, after: Goal, now: int) -> int | None:
    if after.status is not GoalStatus.COMPLETED:
        return None
    return before.completed_at if before.status is GoalStatus.COMPLETED else now


def _placeholders(ids: Sequence[int]) -> str:
    return ", ".join(f":id{index}" for index in range(len(ids))) or "NULL"


def _bindings(ids: Sequence[int]) -> dict[str, int]:
    return {f"id{index}": goal_id for index, goal_id in enumerate(ids)}
