"""The permits of a database: granted, lost and settled once."""

from collections.abc import Callable

import attrs

from agent_runtime_kernel.connection import Connection, Row

from .._rules.standing import PERMIT_KEPT, Permit, PermitKind

PRUNED_AT_ONCE = 100
_COLUMNS = "permit_id, generation, kind, worker, holder, granted_at, expires_at, lost, outcome, tripped, recovered"


@attrs.frozen
class Permits:
    """The permits of one database.

    Args:
        connection: the open connection.
        is_alive: whether the process behind a holder still lives; None when that can't be known.
    """

    connection: Connection
    is_alive: Callable[[str], bool | None]

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
        """Return the probes that are neither settled nor lost, with what can be told about their processes."""
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
        return tuple(self._looked_at(_permit(row)) for row in rows)

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
        ).fetchall()

    def settle(self, agent_id: str, permit_id: str, outcome: str, *, tripped: bool, recovered: bool) -> None:
        """Write down what came of a permit; what was written before stands."""
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
        ).fetchall()

    def lose(self, agent_id: str, permit_id: str) -> None:
        """Mark a probe whose slot was given away."""
        self.connection.execute(
            """
            UPDATE breakers_permits
            SET lost = 1
            WHERE agent_id = :agent_id AND permit_id = :permit_id
            """,
            {"agent_id": agent_id, "permit_id": permit_id},
        ).fetchall()

    def prune(self, now: int) -> None:
        """Delete at most a hundred permits, of any agent, that were granted seven days ago, the oldest first."""
        rows = self.connection.execute(
            f"""
            SELECT agent_id, permit_id
            FROM breakers_permits
            WHERE granted_at <= :edge AND expires_at <= :now
            ORDER BY granted_at, agent_id, permit_id
            LIMIT {PRUNED_AT_ONCE}
            """,
            {"edge": now - PERMIT_KEPT, "now": now},
        ).fetchall()
        if rows:
            self.connection.executemany(
                "DELETE FROM breakers_permits WHERE agent_id = :agent_id AND permit_id = :permit_id",
                [{"agent_id": agent_id, "permit_id": permit_id} for agent_id, permit_id in rows],
            ).fetchall()

    def stamp_at_most(self, agent_id: str, now: int) -> None:
        """Stamp with now what a clock that was set back left in the future; leases keep their length."""
        self.connection.execute(
            """
            UPDATE breakers_permits
            SET granted_at = :now, expires_at = :now + expires_at - granted_at
            WHERE agent_id = :agent_id AND granted_at > :now
            """,
            {"agent_id": agent_id, "now": now},
        ).fetchall()

    def _looked_at(self, probe: Permit) -> Permit:
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
