"""The audit of goals: their maintained counts, and that no open goal stands under a closed one."""

from collections.abc import Callable, Iterator
from typing import Any

from agent_runtime_kernel.connection import Connection
from agent_runtime_kernel.findings import Finding

from ._model import GoalStatus

_AT_ONCE = 500


class Audit:
    """The audit of the goals of one database, a page at a time."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def findings(self, checked: Callable[[int], Any]) -> Iterator[Finding]:
        """Yield the findings; `checked` is called after each page with its number of goals."""
        stored = self._stored_counts()
        for status, count in self._true_counts().items():
            if stored.get(status) != count:
                yield Finding(
                    what="count of goals",
                    subject=f"status {status}",
                    expected=str(count),
                    found=str(stored.get(status)),
                    derived=True,
                )
        last = 0
        while page := self._page(last):
            for goal_id, status, parent_id, parent_status in page:
                if _is_open(status) and parent_status is not None and not _is_open(parent_status):
                    yield Finding(
                        what="open goal under a closed one",
                        subject=f"goal {goal_id}",
                        expected=f"closed, as goal {parent_id} is {parent_status}",
                        found=status,
                        derived=False,
                    )
            checked(len(page))
            last = page[-1][0]

    def rebuild(self) -> int:
        """Recompute the counts and return how many were wrong; runs inside a transaction."""
        stored = self._stored_counts()
        wrong = [
            {"status": status, "goals": count}
            for status, count in self._true_counts().items()
            if stored.get(status) != count
        ]
        self.connection.executemany(
            """
            INSERT INTO goals_counts (status, goals)
            VALUES (:status, :goals)
            ON CONFLICT (status) DO UPDATE SET goals = excluded.goals
            """,
            wrong,
        )
        return len(wrong)

    def _stored_counts(self) -> dict[str, int]:
        return dict(self.connection.execute("SELECT status, goals FROM goals_counts").fetchall())

    def _true_counts(self) -> dict[str, int]:
        rows = self.connection.execute("SELECT status, COUNT(*) FROM goals_goals GROUP BY status").fetchall()
        return {str(status): 0 for status in sorted(GoalStatus)} | dict(rows)

    def _page(self, last: int) -> list[tuple[Any, ...]]:
        return self.connection.execute(
            f"""
            SELECT goal.id, goal.status, parent.id, parent.status
            FROM goals_goals AS goal
            LEFT JOIN goals_goals AS parent ON parent.id = goal.parent_id
            WHERE goal.id > CAST(:last AS BIGINT)
            ORDER BY goal.id
            LIMIT {_AT_ONCE}
            """,
            {"last": last},
        ).fetchall()


def _is_open(status: str) -> bool:
    return GoalStatus(status).is_open
