"""The stored permits: granted, then settled once or lost."""

from collections.abc import Callable

import attrs

from agent_runtime_kernel.connection import Connection, Row

from .._rules.standing import PERMIT_KEPT, Permit, PermitKind

_PRUNED_AT_ONCE = 100
_COLUMNS = "permit_id, generation, kind, worker, holder, granted_at, expires_at, lost, outcome, tripped, recovered"


class Permits:
    """The permits of one database.

    Args:
        connection: the open connection.
        is_alive: tells whether the process behind a holder is alive; None means that it is not known.
    """

    def __init__(self, connection: Connection, is_alive: Callable[[str], bool | None]) -> None:
        self.connection = connection
        self.is_alive = is_alive

    def find(self, agent_id: str, permit_id: str) -> Permit | None:
        """Return a permit of an agent."""
        row = self.connection.execute(
            f"""
            SELECT {_COLUMNS}
            FROM breakers_permits
            WHERE agent_id = :agent_id AND permit_id = :permit_id
            """,
            {"agent_id": agent_id, "permit_id": permit_id},
        ).fetchone()
        return None if row is None else _permit(row)

    def probes_in_flight(self, agent_id: str, generation: int) -> tuple[Permit, ...]:
        """Return the probes that are neither settled nor lost, with the liveness of their processes."""
        rows = self.connection.execute(
            f"""
            SELECT {_COLUMNS}
            FROM breakers_permits
            WHERE agent_id = :agent_id
                AND generation = :generation
                AND kind = 'probe'
                AND outcome IS NULL
                AND lost = 0
            ORDER BY permit_id
            """,
            {"agent_id": agent_id, "generation": generation},
        ).fetchall()
        return tuple(self._with_liveness(_permit(row)) for row in rows)

    def add(self, agent_id: str, permit: Permit) -> None:
        """Write a new permit."""
        self.connection.execute(
            """
            INSERT INTO breakers_permits
                (agent_id, permit_id, generation, kind, worker, holder, granted_at, expires_at)
            VALUES (:agent_id, :permit_id, :generation, :kind, :worker, :holder, :granted_at, :expires_at)
            """,
            {
                "agent_id": agent_id,
                "permit_id": permit.permit_id,
                "generation": permit.generation,
                "kind": str(permit.kind),
                "worker": permit.worker,
                "holder": permit.holder,
                "granted_at": permit.granted_at,
                "expires_at": permit.expires_at,
            },
        )

    def settle(self, agent_id: str, permit_id: str, outcome: str, *, tripped: bool, recovered: bool) -> None:
        """Write the outcome of a permit; an earlier outcome stands."""
        self.connection.execute(
            """
            UPDATE breakers_permits
            SET outcome = :outcome, tripped = :tripped, recovered = :recovered
            WHERE agent_id = :agent_id AND permit_id = :permit_id AND outcome IS NULL
            """,
            {
                "agent_id": agent_id,
                "permit_id": permit_id,
                "outcome": outcome,
                "tripped": int(tripped),
                "recovered": int(recovered),
            },
        )

    def lose(self, agent_id: str, permit_id: str) -> None:
        """Mark a probe as lost."""
        self.connection.execute(
            """
            UPDATE breakers_permits
            SET lost = 1
            WHERE agent_id = :agent_id AND permit_id = :permit_id
            """,
            {"agent_id": agent_id, "permit_id": permit_id},
        )

    def prune(self, now: int) -> None:
        """Delete at most a hundred expired permits, of any agent, that are seven days old, the oldest first."""
        rows = self.connection.execute(
            f"""
            SELECT agent_id, permit_id
            FROM breakers_permits
            WHERE granted_at <= :edge AND expires_at <= :now
            ORDER BY granted_at, agent_id, permit_id
            LIMIT {_PRUNED_AT_ONCE}
            """,
            {"edge": now - PERMIT_KEPT, "now": now},
        ).fetchall()
        if rows:
            self.connection.executemany(
                "DELETE FROM breakers_permits WHERE agent_id = :agent_id AND permit_id = :permit_id",
                [{"agent_id": agent_id, "permit_id": permit_id} for agent_id, permit_id in rows],
            )

    def clamp(self, agent_id: str, now: int) -> None:
        """Clamp timestamps in the future to now, after the clock was set back; leases keep their length."""
        self.connection.execute(
            """
            UPDATE breakers_permits
            SET granted_at = :now, expires_at = :now + expires_at - granted_at
            WHERE agent_id = :agent_id AND granted_at > :now
            """,
            {"agent_id": agent_id, "now": now},
        )

    def _with_liveness(self, probe: Permit) -> Permit:
        return probe if probe.holder is None else attrs.evolve(probe, alive=self.is_alive(probe.holder))


def _permit(row: Row) -> Permit:
    return Permit(
        permit_id=row[0],
        generation=row[1],
        kind=PermitKind(row[2]),
        worker=row[3],
        holder=row[4],
        granted_at=row[5],
        expires_at=row[6],
        lost=bool(row[7]),
        outcome=row[8],
        tripped=bool(row[9]),
        recovered=bool(row[10]),
    )
