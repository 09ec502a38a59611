"""The rows of claims. Their meaning is in `_rules/claims.py`."""

from collections.abc import Iterable

from agent_runtime_kernel.connection import Connection, Row

from .._model import Claim
from .._rules.claims import IsAlive, StoredClaim
from .rows import bindings, chunks, placeholders

_DEAD_AT_ONCE = 100
CLAIM_COLUMNS = """
    c.task_id, c.worker, c.holder, c.token, c.fence, c.lease, c.started_at, c.expires_at, c.lapsed, c.detached, c.note
"""


class Claims:
    """The claims of one database.

    Args:
        connection: the open connection.
        is_alive: tells whether the process behind a holder is alive; None when that is not known.
    """

    def __init__(self, connection: Connection, is_alive: IsAlive) -> None:
        self.connection = connection
        self.is_alive = is_alive

    def find_all(self, task_ids: Iterable[int]) -> dict[int, StoredClaim]:
        """Return the claims of those tasks that are in progress."""
        found = {}
        for chunk in chunks(sorted(task_ids)):
            rows = self.connection.execute(
                f"""
                SELECT {CLAIM_COLUMNS}
                FROM tasks_claims AS c
                WHERE c.task_id IN ({placeholders(chunk)})
                """,
                bindings(chunk),
            ).fetchall()
            found.update({row[0]: claim_of(row) for row in rows})
        return found

    def keeps_out(self, claim: StoredClaim, token: str | None, now: int) -> bool:
        """Tell whether a claim keeps a caller with this token from its task."""
        return claim.keeps_out(token, now, self.is_alive)

    def shown(self, claim: StoredClaim, now: int) -> Claim:
        """Return a claim as callers see it."""
        return Claim(
            worker=claim.worker,
            expires_at=claim.expires_at,
            live=claim.is_live(now, self.is_alive),
            token=claim.token,
            detached=claim.detached,
        )

    def holding(self, worker: str) -> tuple[int, ...]:
        """Return the tasks in progress under a worker's name."""
        rows = self.connection.execute(
            """
            SELECT task_id
            FROM tasks_claims
            WHERE worker = :worker
            """,
            {"worker": worker},
        ).fetchall()
        return tuple(sorted(row[0] for row in rows))

    def held_by(self, holder: str) -> list[StoredClaim]:
        """Return the claims that a process holds and has not detached."""
        rows = self.connection.execute(
            f"""
            SELECT {CLAIM_COLUMNS}
            FROM tasks_claims AS c
            WHERE c.lapsed IN (0, 1) AND c.holder = :holder AND c.detached = 0
            ORDER BY c.lapsed, c.task_id
            """,
            {"holder": holder},
        ).fetchall()
        return [claim_of(row) for row in rows]

    def dead_holders(self) -> tuple[str, ...]:
        """Return the holders whose process has ended, asking once for each holder, not for each claim."""
        return tuple(holder for holder in self._holders() if self.is_alive(holder) is False)

    def dead(self, now: int, dead_holders: Iterable[str]) -> list[StoredClaim]:
        """Return dead claims that are not marked as lapsed: at most 100 expired ones, and 100 of each dead holder."""
        rows = self.connection.execute(
            f"""
            SELECT {CLAIM_COLUMNS}
            FROM tasks_claims AS c
            WHERE c.lapsed = 0 AND c.expires_at <= :now
            ORDER BY c.expires_at, c.task_id
            LIMIT {_DEAD_AT_ONCE}
            """,
            {"now": now},
        ).fetchall()
        for holder in dead_holders:
            rows += self.connection.execute(
                f"""
                SELECT {CLAIM_COLUMNS}
                FROM tasks_claims AS c
                WHERE c.lapsed = 0 AND c.holder = :holder
                ORDER BY c.task_id
                LIMIT {_DEAD_AT_ONCE}
                """,
                {"holder": holder},
            ).fetchall()
        return list({row[0]: claim_of(row) for row in rows}.values())

    def add(self, claim: StoredClaim) -> None:
        """Write a new claim."""
        self.connection.execute(
            """
            INSERT INTO tasks_claims (task_id, worker, holder, token, fence, lease, started_at, expires_at)
            VALUES (:task_id, :worker, :holder, :token, :fence, :lease, :started_at, :expires_at)
            """,
            {
                "task_id": claim.task_id,
                "worker": claim.worker,
                "holder": claim.holder,
                "token": claim.token,
                "fence": claim.fence,
                "lease": claim.lease,
                "started_at": claim.started_at,
                "expires_at": claim.expires_at,
            },
        )

    def write_renewed(self, claim: StoredClaim) -> None:
        """Write a claim that was renewed."""
        self.connection.execute(
            """
            UPDATE tasks_claims
            SET expires_at = :expires_at, lease = :lease, note = :note, lapsed = 0, detached = 0
            WHERE task_id = :task_id
            """,
            {
                "task_id": claim.task_id,
                "expires_at": claim.expires_at,
                "lease": claim.lease,
                "note": claim.note,
            },
        )

    def mark_lapsed(self, task_ids: Iterable[int]) -> None:
        """Mark the claims of tasks as dead."""
        self.connection.executemany(
            "UPDATE tasks_claims SET lapsed = 1 WHERE task_id = :id", [{"id": task_id} for task_id in task_ids]
        )

    def mark_detached(self, holder: str, now: int) -> tuple[int, ...]:
        """Mark all claims of a session that ended cleanly, and return their tasks."""
        rows = self.connection.execute(
            """
            UPDATE tasks_claims
            SET lapsed = 1,
                detached = 1,
                expires_at = CASE WHEN expires_at < :now THEN expires_at ELSE :now END
            WHERE lapsed IN (0, 1) AND holder = :holder AND detached = 0
            RETURNING task_id
            """,
            {"holder": holder, "now": now},
        ).fetchall()
        return tuple(sorted(row[0] for row in rows))

    def remove(self, task_id: int) -> None:
        """Delete the claim of a task."""
        self.connection.execute("DELETE FROM tasks_claims WHERE task_id = :task_id", {"task_id": task_id})

    def _holders(self) -> list[str]:
        """Return the holders of claims that have not lapsed, stepping along the index from one holder to the next."""
        rows = self.connection.execute(
            """
            WITH RECURSIVE known (holder) AS (
                SELECT min(holder)
                FROM tasks_claims
                WHERE lapsed = 0 AND holder IS NOT NULL
                UNION ALL
                SELECT (SELECT min(c.holder) FROM tasks_claims AS c WHERE c.lapsed = 0 AND c.holder > known.holder)
                FROM known
                WHERE known.holder IS NOT NULL
            )
            SELECT holder
            FROM known
            WHERE holder IS NOT NULL
            """
        ).fetchall()
        return [row[0] for row in rows]


def claim_of(row: Row) -> StoredClaim:
    """Return a row of `CLAIM_COLUMNS` as a claim."""
    return StoredClaim(
        task_id=row[0],
        worker=row[1],
        holder=row[2],
        token=row[3],
        fence=row[4],
        lease=row[5],
        started_at=row[6],
        expires_at=row[7],
        lapsed=bool(row[8]),
        detached=bool(row[9]),
        note=row[10],
    )
