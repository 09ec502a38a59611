"""The outcomes of agents' work: what a window holds, and the last failures to show."""

import attrs

from agent_runtime_kernel.connection import Connection

from .._model import RecentFailure

SHOWN = 10
PRUNED_AT_ONCE = 100


@attrs.frozen(kw_only=True)
class Failures:
    """The last failures of an agent, newest first, and where the window begins among those that counted.

    Attributes:
        recent: at most ten.
        counted_before: how many counted before the oldest one in the window, or None where the window is empty.
    """

    recent: tuple[RecentFailure, ...]
    counted_before: int | None


@attrs.frozen
class Outcomes:
    """The outcomes of one database. A success is kept for the rates of failure, a failure to be shown, too."""

    connection: Connection

    def failures(self, agent_id: str, edge: int) -> Failures:
        """Return the last failures and where the window begins.

        Args:
            agent_id: whose.
            edge: outcomes as old as this are out of the window.
        """
        rows = self.connection.execute(
            f"""
            SELECT at, failure_type, error_message, counted_before
            FROM breakers_outcomes
            WHERE agent_id = :agent_id AND failed = 1
            ORDER BY at DESC, number DESC
            LIMIT {SHOWN}
            """,
            {"agent_id": agent_id},
        ).fetchall()
        inside = [counted_before for at, _, _, counted_before in rows if at > edge]
        counted_before = inside[-1] if inside else None
        if len(inside) == SHOWN:
            counted_before = self.counted_before(agent_id, edge, failed=True)
        recent = [RecentFailure(at=at, failure_type=kind, error_message=error) for at, kind, error, _ in rows]
        return Failures(recent=tuple(recent), counted_before=counted_before)

    def counted_before(self, agent_id: str, edge: int, *, failed: bool) -> int | None:
        """Return how many outcomes counted before the oldest one in the window; None where the window is empty."""
        row = self.connection.execute(
            """
            SELECT counted_before
            FROM breakers_outcomes
            WHERE agent_id = :agent_id AND failed = :failed AND at > :edge
            ORDER BY at, number
            LIMIT 1
            """,
            {"agent_id": agent_id, "failed": int(failed), "edge": edge},
        ).fetchone()
        return None if row is None else int(row[0])

    def keep(
        self, agent_id: str, at: int, number: int, counted_before: int, failure: str | None, error: str | None
    ) -> None:
        """Write an outcome; `failure` is its type, None for a success."""
        self.connection.execute(
            """
            INSERT INTO breakers_outcomes (agent_id, failed, at, number, counted_before, failure_type, error_message)
            VALUES (:agent_id, :failed, :at, :number, :counted_before, :failure_type, :error_message)
            """,
            {
                "agent_id": agent_id,
                "failed": int(failure is not None),
                "at": at,
                "number": number,
                "counted_before": counted_before,
                "failure_type": failure,
                "error_message": error,
            },
        ).fetchall()

    def prune(self, agent_id: str, edge: int, *, failed: bool) -> None:
        """Delete at most a hundred outcomes that are as old as `edge`, the oldest first."""
        rows = self.connection.execute(
            f"""
            SELECT at, number
            FROM breakers_outcomes
            WHERE agent_id = :agent_id AND failed = :failed AND at <= :edge
            ORDER BY at, number
            LIMIT {PRUNED_AT_ONCE}
            """,
            {"agent_id": agent_id, "failed": int(failed), "edge": edge},
        ).fetchall()
        if not rows:
            return
        self.connection.executemany(
            """
            DELETE FROM breakers_outcomes
            WHERE agent_id = :agent_id AND failed = :failed AND at = :at AND number = :number
            """,
            [{"agent_id": agent_id, "failed": int(failed), "at": at, "number": number} for at, number in rows],
        ).fetchall()

    def stamp_at_most(self, agent_id: str, now: int) -> None:
        """Stamp with now what a clock that was set back left in the future."""
        self.connection.execute(
            """
            UPDATE breakers_outcomes
            SET at = :now
            WHERE agent_id = :agent_id AND failed IN (0, 1) AND at > :now
            """,
            {"agent_id": agent_id, "now": now},
        ).fetchall()
