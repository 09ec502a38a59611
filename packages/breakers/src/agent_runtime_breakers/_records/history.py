"""The history of breakers: the outcomes of the last days, and the transitions, which are kept for good."""

import attrs

from agent_runtime_kernel.connection import Connection, Row

from .._model import RecentFailure
from .._rules.position import BreakerState, Cause, Transition

SHOWN = 10
_PRUNED_AT_ONCE = 100


@attrs.frozen(kw_only=True)
class Failures:
    """The last failures of an agent, and the beginning of the window among the failures that counted.

    Attributes:
        recent: the last failures, at most ten, newest first.
        counted_before: the number that counted before the oldest one in the window; None if the window is empty.
    """

    recent: tuple[RecentFailure, ...]
    counted_before: int | None


class Outcomes:
    """The outcomes of one database. Successes are kept for the failure rate, failures also to be shown.

    Args:
        connection: the open connection.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def failures(self, agent_id: str, edge: int) -> Failures:
        """Return the last failures and the beginning of the window.

        Args:
            agent_id: the agent.
            edge: the time in milliseconds since 1970 up to which outcomes are out of the window.
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
        """Return the number that counted before the oldest outcome in the window; None if the window is empty."""
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

    def add(
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
        )

    def prune(self, agent_id: str, edge: int, *, failed: bool) -> None:
        """Delete at most a hundred outcomes up to the time `edge`, the oldest first."""
        rows = self.connection.execute(
            f"""
            SELECT at, number
            FROM breakers_outcomes
            WHERE agent_id = :agent_id AND failed = :failed AND at <= :edge
            ORDER BY at, number
            LIMIT {_PRUNED_AT_ONCE}
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
        )

    def clamp(self, agent_id: str, now: int) -> None:
        """Clamp timestamps in the future to now, after the clock was set back."""
        self.connection.execute(
            """
            UPDATE breakers_outcomes
            SET at = :now
            WHERE agent_id = :agent_id AND failed IN (0, 1) AND at > :now
            """,
            {"agent_id": agent_id, "now": now},
        )


class Transitions:
    """The transitions of one database, from which the position of each breaker can be replayed.

    Args:
        connection: the open connection.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def add(self, agent_id: str, transition: Transition) -> None:
        """Write a transition."""
        self.connection.execute(
            """
            INSERT INTO breakers_transitions
                (agent_id, number, at, cause, reason, state_before, state_after, generation)
            VALUES (:agent_id, :number, :at, :cause, :reason, :state_before, :state_after, :generation)
            """,
            {
                "agent_id": agent_id,
                "number": transition.number,
                "at": transition.at,
                "cause": str(transition.cause),
                "reason": transition.reason,
                "state_before": str(transition.before),
                "state_after": str(transition.after),
                "generation": transition.generation,
            },
        )

    def page(self, agent_id: str, after: int, limit: int) -> list[Transition]:
        """Return the transitions that follow a number, oldest first."""
        rows = self.connection.execute(
            """
            SELECT number, at, cause, reason, state_before, state_after, generation
            FROM breakers_transitions
            WHERE agent_id = :agent_id AND number > :after
            ORDER BY number
            LIMIT :limit
            """,
            {"agent_id": agent_id, "after": after, "limit": limit},
        ).fetchall()
        return list(map(_transition, rows))


def _transition(row: Row) -> Transition:
    return Transition(
        number=row[0],
        at=row[1],
        cause=Cause(row[2]),
        reason=row[3],
        before=BreakerState(row[4]),
        after=BreakerState(row[5]),
        generation=row[6],
    )
