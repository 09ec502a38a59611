"""Claims: who works on what, until when, and whether they still do.

A claim is live until its lease is over, its process is gone or its session detached it. One that is found dead is
marked as lapsed, which puts its task back into the ready queue; the claim stands until somebody takes the task over,
so that its holder may still settle it as long as nobody did.
"""

from collections.abc import Callable, Iterable

import attrs

from agent_runtime_kernel.connection import Connection, Row

from .._model import Attempt, Claim, Outcome
from .._rules.rules import queue_key
from .rows import bindings, chunks, placeholders

LAPSED_AT_ONCE = 100
CLAIM_COLUMNS = """
    c.task_id, c.worker, c.holder, c.token, c.fence, c.lease, c.started_at, c.expires_at, c.lapsed, c.detached, c.note
"""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ClaimRow:
    """A claim as it is stored; times and the lease are in milliseconds."""

    task_id: int
    worker: str
    holder: str | None
    token: str
    fence: int
    lease: int
    started_at: int
    expires_at: int
    lapsed: bool
    detached: bool
    note: str | None

    @property
    def renewal_due_at(self) -> int:
        """When a third of the lease is used."""
        return self.expires_at - self.lease * 2 // 3

    @property
    def outcome_if_taken_over(self) -> Outcome:
        """How its attempt ends when somebody else goes on."""
        return Outcome.DETACHED if self.detached else Outcome.LOST


@attrs.frozen(eq=False, repr=False)
class Claims:
    """The claims of one database.

    Args:
        connection: the open connection.
        is_alive: whether the process behind a holder still lives; None when that can't be known.
    """

    connection: Connection
    is_alive: Callable[[str], bool | None]

    def find_all(self, task_ids: Iterable[int]) -> dict[int, ClaimRow]:
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

    def is_live(self, claim: ClaimRow, now: int) -> bool:
        """Say whether the claim keeps others from the task at this moment."""
        if claim.lapsed or claim.expires_at <= now:
            return False
        return claim.holder is None or self.is_alive(claim.holder) is not False

    def shown(self, claim: ClaimRow, now: int) -> Claim:
        """Return the claim as it is shown."""
        return Claim(
            worker=claim.worker,
            expires_at=claim.expires_at,
            live=self.is_live(claim, now),
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

    def dead_holders(self) -> tuple[str, ...]:
        """Return the holders whose process is gone, asking once for each holder, not for each claim."""
        return tuple(holder for holder in self._holders() if self.is_alive(holder) is False)

    def dead(self, now: int, dead_holders: Iterable[str]) -> list[ClaimRow]:
        """Return claims that are dead and not marked so: at most 100 for their time, and 100 of each dead holder."""
        rows = self.connection.execute(
            f"""
            SELECT {CLAIM_COLUMNS}
            FROM tasks_claims AS c
            WHERE c.lapsed = 0 AND c.expires_at <= :now
            ORDER BY c.expires_at, c.task_id
            LIMIT {LAPSED_AT_ONCE}
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
                LIMIT {LAPSED_AT_ONCE}
                """,
                {"holder": holder},
            ).fetchall()
        return list({row[0]: claim_of(row) for row in rows}.values())

    def lapse(self, claims: Iterable[ClaimRow]) -> None:
        """Mark claims as dead and offer their tasks, but not those of paused goals."""
        ids = [{"id": claim.task_id} for claim in claims]
        if not ids:
            return
        self.connection.executemany("UPDATE tasks_claims SET lapsed = 1 WHERE task_id = :id", ids).fetchall()
        self.offer_again(row["id"] for row in ids)

    def offer_again(self, task_ids: Iterable[int]) -> None:
        """Offer tasks in progress that an ended session left, but not those of paused goals."""
        self.connection.executemany(
            f"""
            UPDATE tasks_tasks
            SET offer = priority * {queue_key(1, left=False)} + {queue_key(0, left=True)}
            WHERE id = :id
                AND state = 'in_progress'
                AND NOT EXISTS (SELECT 1 FROM tasks_holds AS h WHERE h.goal_id = tasks_tasks.goal_id)
            """,
            [{"id": task_id} for task_id in task_ids],
        ).fetchall()

    def detach(self, holder: str, now: int) -> tuple[int, ...]:
        """Mark all claims of a session that ends cleanly, and return their tasks."""
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
        task_ids = tuple(sorted(row[0] for row in rows))
        if task_ids:
            self.offer_again(task_ids)
        return task_ids

    def add(self, claim: ClaimRow) -> None:
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
        ).fetchall()

    def renew(self, claim: ClaimRow, now: int, lease: int, note: str | None) -> ClaimRow:
        """Let a claim's lease begin anew, and return the claim."""
        renewed = attrs.evolve(claim, expires_at=now + lease, lease=lease, note=note, lapsed=False, detached=False)
        self.connection.execute(
            """
            UPDATE tasks_claims
            SET expires_at = :expires_at, lease = :lease, note = :note, lapsed = 0, detached = 0
            WHERE task_id = :task_id
            """,
            {
                "task_id": claim.task_id,
                "expires_at": renewed.expires_at,
                "lease": renewed.lease,
                "note": renewed.note,
            },
        ).fetchall()
        if claim.lapsed:
            self.connection.execute(
                "UPDATE tasks_tasks SET offer = NULL WHERE id = :id", {"id": claim.task_id}
            ).fetchall()
        return renewed

    def held_by(self, holder: str) -> list[ClaimRow]:
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

    def end(
        self,
        claim: ClaimRow,
        outcome: Outcome,
        now: int,
        *,
        settled_by: str | None = None,
        error: str | None = None,
        token: str | None = None,
    ) -> None:
        """Take a claim away and write its attempt into the history; `token` is the one that was shown for it."""
        self.connection.execute(
            "DELETE FROM tasks_claims WHERE task_id = :task_id", {"task_id": claim.task_id}
        ).fetchall()
        self.connection.execute(
            """
            INSERT INTO tasks_attempts
                (task_id, fence, worker, started_at, ended_at, outcome, settled_by, error, note, ended_with)
            VALUES
                (:task_id, :fence, :worker, :started_at, :ended_at, :outcome, :settled_by, :error, :note, :ended_with)
            """,
            {
                "task_id": claim.task_id,
                "fence": claim.fence,
                "worker": claim.worker,
                "started_at": claim.started_at,
                "ended_at": now,
                "outcome": outcome.value,
                "settled_by": None if settled_by == claim.worker else settled_by,
                "error": error,
                "note": claim.note,
                "ended_with": token,
            },
        ).fetchall()

    def attempt(self, task_id: int, fence: int) -> Attempt | None:
        """Return one ended attempt."""
        found = [attempt for attempt in self.attempts(task_id, fence, 1) if attempt.attempt == fence]
        return found[0] if found else None

    def ended_with(self, task_id: int, fence: int, token: str) -> Outcome | None:
        """Return how the attempt of a fence ended, if it was by showing this token."""
        row = self.connection.execute(
            """
            SELECT outcome
            FROM tasks_attempts
            WHERE task_id = :task_id AND fence = :fence AND ended_with = :token
            """,
            {"task_id": task_id, "fence": fence, "token": token},
        ).fetchone()
        return Outcome(row[0]) if row else None

    def attempts(self, task_id: int, up_to: int, count: int) -> list[Attempt]:
        """Return the last ended attempts up to a fence, oldest first."""
        rows = self.connection.execute(
            """
            SELECT fence, worker, started_at, ended_at, outcome, settled_by, error, note
            FROM tasks_attempts
            WHERE task_id = :task_id AND fence <= :up_to
            ORDER BY fence DESC
            LIMIT :count
            """,
            {"task_id": task_id, "up_to": up_to, "count": count},
        ).fetchall()
        return [
            Attempt(
                attempt=row[0],
                worker=row[1],
                started_at=row[2],
                ended_at=row[3],
                outcome=Outcome(row[4]),
                settled_by=row[5],
                error=row[6],
                note=row[7],
            )
            for row in reversed(rows)
        ]

    def _holders(self) -> list[str]:
        """Step from holder to holder along the index, so that the cost is theirs and not that of their claims."""
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


def claim_of(row: Row) -> ClaimRow:
    """Return a row of `CLAIM_COLUMNS` as a claim."""
    return ClaimRow(
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
