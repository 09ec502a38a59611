"""The transitions of breakers, kept for good: what a breaker stands at can be replayed from them."""

import attrs

from agent_runtime_kernel.connection import Connection, Row

from .._rules.position import BreakerState, Cause, Transition


@attrs.frozen
class History:
    """The transitions of one database."""

    connection: Connection

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
        ).fetchall()

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
