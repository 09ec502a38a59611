"""The maintained counts of tasks, held against the tasks."""

from collections.abc import Iterator

import attrs

from agent_runtime_kernel.connection import Connection

_GOALS_AT_ONCE = 500
_COLUMNS = ("ready", "waiting", "unreachable", "in_progress", "completed", "failed", "cancelled", "groups")
_BUCKET = "CASE WHEN children > 0 THEN 'groups' ELSE state END"


@attrs.frozen(kw_only=True)
class WrongCount:
    """A count that is not what one gets by counting; goal 0 stands for all tasks."""

    goal_id: int
    column: str
    expected: int
    found: int


@attrs.frozen(eq=False, repr=False)
class Recounting:
    """Counts the tasks of one database anew.

    Args:
        connection: the open connection.
    """

    connection: Connection

    def wrong(self) -> Iterator[WrongCount]:
        """Yield the counts that are wrong, by goal."""
        yield from self._compare(
            {(0, bucket): count for bucket, count in self._in_all()}, self._stored("goal_id = 0", {})
        )
        last = 0
        while (end := self._end_of_page(last)) is not None:
            among = {"after": last, "up_to": end}
            counted = self.connection.execute(
                f"""
                SELECT goal_id, {_BUCKET} AS bucket, COUNT(*)
                FROM tasks_tasks
                WHERE goal_id > :after AND goal_id <= :up_to
                GROUP BY goal_id, {_BUCKET}
                """,
                among,
            ).fetchall()
            yield from self._compare(
                {(goal_id, bucket): count for goal_id, bucket, count in counted},
                self._stored("goal_id > :after AND goal_id <= :up_to", among),
            )
            last = end

    def rebuild(self) -> int:
        """Write the wrong counts anew and return how many there were; runs inside a transaction."""
        wrong = list(self.wrong())
        for column in _COLUMNS:
            self.connection.executemany(
                f"""
                INSERT INTO tasks_counts (goal_id, {column})
                VALUES (:goal_id, :count)
                ON CONFLICT (goal_id) DO UPDATE SET {column} = excluded.{column}
                """,
                [{"goal_id": one.goal_id, "count": one.expected} for one in wrong if one.column == column],
            ).fetchall()
        return len(wrong)

    def _in_all(self) -> list[tuple[str, int]]:
        rows = self.connection.execute(
            f"SELECT {_BUCKET} AS bucket, COUNT(*) FROM tasks_tasks GROUP BY {_BUCKET}"
        ).fetchall()
        return [(row[0], row[1]) for row in rows]

    def _stored(self, condition: str, bindings: dict[str, int]) -> dict[tuple[int, str], int]:
        rows = self.connection.execute(
            f"SELECT goal_id, {', '.join(_COLUMNS)} FROM tasks_counts WHERE {condition}", bindings
        ).fetchall()
        return {(row[0], column): count for row in rows for column, count in zip(_COLUMNS, row[1:], strict=True)}

    def _end_of_page(self, last: int) -> int | None:
        """Return the last goal of the next page, or None when there is no goal left."""
        rows = self.connection.execute(
            f"""
            SELECT goal_id
            FROM (
                SELECT goal_id FROM tasks_tasks WHERE goal_id > :last
                UNION
                SELECT goal_id FROM tasks_counts WHERE goal_id > :last
            ) AS known
            ORDER BY goal_id
            LIMIT {_GOALS_AT_ONCE}
            """,
            {"last": last},
        ).fetchall()
        return rows[-1][0] if rows else None

    @staticmethod
    def _compare(counted: dict[tuple[int, str], int], stored: dict[tuple[int, str], int]) -> Iterator[WrongCount]:
        for goal_id, column in sorted(counted.keys() | stored.keys()):
            expected, found = counted.get((goal_id, column), 0), stored.get((goal_id, column), 0)
            if expected != found:
                yield WrongCount(goal_id=goal_id, column=column, expected=expected, found=found)
