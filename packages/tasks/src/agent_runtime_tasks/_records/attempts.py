"""The rows of attempts: one for each claim that has ended."""

from agent_runtime_kernel.connection import Connection

from .._model import Attempt, Outcome
from .._rules.claims import StoredClaim


class Attempts:
    """The ended attempts of one database.

    Args:
        connection: the open connection.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def add(
        self,
        claim: StoredClaim,
        outcome: Outcome,
        now: int,
        *,
        settled_by: str | None,
        error: str | None,
        token: str | None,
    ) -> None:
        """Write the attempt of a claim that ends now.

        Args:
            claim: the claim.
            outcome: the end of the attempt.
            now: the time.
            settled_by: the worker who ends it.
            error: the reason why it did not succeed, or None.
            token: the token of the claim, if the caller showed it.
        """
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
        )

    def find(self, task_id: int, fence: int) -> Attempt | None:
        """Return the ended attempt of a fence."""
        found = [attempt for attempt in self.last(task_id, fence, 1) if attempt.attempt == fence]
        return found[0] if found else None

    def last(self, task_id: int, up_to: int, count: int) -> list[Attempt]:
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

    def outcome_with(self, task_id: int, fence: int, token: str) -> Outcome | None:
        """Return the outcome of the attempt of a fence, if its holder ended it with this token."""
        row = self.connection.execute(
            """
            SELECT outcome
            FROM tasks_attempts
            WHERE task_id = :task_id AND fence = :fence AND ended_with = :token
            """,
            {"task_id": task_id, "fence": fence, "token": token},
        ).fetchone()
        return Outcome(row[0]) if row else None


def running(claim: StoredClaim) -> Attempt:
    """Return the attempt of a claim that has not ended."""
    return Attempt(
        attempt=claim.fence,
        worker=claim.worker,
        started_at=claim.started_at,
        ended_at=None,
        outcome=None,
        settled_by=None,
        error=None,
        note=claim.note,
    )
