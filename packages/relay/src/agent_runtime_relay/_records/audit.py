"""The audit of relays: each pipeline against its attempts, and the counts against the pipelines."""

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from agent_runtime_kernel.connection import Connection
from agent_runtime_kernel.findings import Finding

from ..bounds import RelayStatus

_AT_ONCE = 200


@attrs.frozen(kw_only=True)
class Tally:
    """A pipeline, and what its attempts add up to.

    Attributes:
        tokens_used: the tokens in its row.
        tokens_spent: the tokens that its attempts used.
        accepted: the number of accepted attempts; each completed a step.
        live: the number of live batons.
        live_elsewhere: the number of live batons of another step than the current one.
        tries: the number of tries of the current step.
    """

    id: int
    status: RelayStatus
    current_step: int
    tokens_used: int
    tokens_spent: int
    accepted: int
    live: int
    live_elsewhere: int
    tries: int


class Audit:
    """Looks through the pipelines of one database, a page at a time.

    Args:
        connection: the open connection.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def findings(self, checked: Callable[[int], Any]) -> Iterator[Finding]:
        """Yield what is wrong; `checked` is told how many pipelines each page had."""
        for status, (stored, count) in self._wrong_counts().items():
            yield Finding(
                what="count of pipelines",
                subject=f"status {status}",
                expected=str(count),
                found=str(stored),
                derived=True,
            )
        for page in self._pages():
            for tally in page:
                yield from faults(tally)
            checked(len(page))

    def rebuild(self) -> int:
        """Write counts and sums anew and return how many were wrong; runs inside a transaction."""
        counts = self._wrong_counts()
        self.connection.executemany(
            """
            INSERT INTO relay_counts (status, pipelines)
            VALUES (:status, :pipelines)
            ON CONFLICT (status) DO UPDATE SET pipelines = excluded.pipelines
            """,
            [{"status": status, "pipelines": count} for status, (_, count) in counts.items()],
        )
        sums = 0
        for page in self._pages():
            wrong = [tally for tally in page if tally.tokens_used != tally.tokens_spent]
            self.connection.executemany(
                "UPDATE relay_pipelines SET tokens_used = :tokens WHERE id = :id",
                [{"id": tally.id, "tokens": tally.tokens_spent} for tally in wrong],
            )
            sums += len(wrong)
        return len(counts) + sums

    def _wrong_counts(self) -> dict[str, tuple[int | None, int]]:
        """Return the stored and the true count of each status whose count is wrong."""
        stored: dict[str, int] = dict(self.connection.execute("SELECT status, pipelines FROM relay_counts").fetchall())
        counted: dict[str, int] = dict(
            self.connection.execute("SELECT status, COUNT(*) FROM relay_pipelines GROUP BY status").fetchall()
        )
        both = {str(status): (stored.get(status), counted.get(status, 0)) for status in sorted(RelayStatus)}
        return {status: counts for status, counts in both.items() if counts[0] != counts[1]}

    def _pages(self) -> Iterator[list[Tally]]:
        last = 0
        while rows := self.connection.execute(
            f"""
            SELECT p.id, p.status, p.current_step, p.tokens_used,
                   coalesce(SUM(a.tokens_used), 0),
                   COUNT(a.attempt) FILTER (WHERE a.state = 'accepted'),
                   COUNT(a.attempt) FILTER (WHERE a.ended_at IS NULL),
                   COUNT(a.attempt) FILTER (WHERE a.ended_at IS NULL AND a.step_index <> p.current_step),
                   COUNT(a.attempt) FILTER (WHERE a.step_index = p.current_step)
            FROM (
                SELECT id, status, current_step, tokens_used
                FROM relay_pipelines
                WHERE id > :last
                ORDER BY id
                LIMIT {_AT_ONCE}
            ) AS p
            LEFT JOIN relay_attempts AS a ON a.pipeline_id = p.id
            GROUP BY p.id, p.status, p.current_step, p.tokens_used
            ORDER BY p.id
            """,
            {"last": last},
        ).fetchall():
            last = rows[-1][0]
            yield [_tally(row) for row in rows]


def faults(tally: Tally) -> Iterator[Finding]:
    """Say what is wrong with a pipeline."""
    subject = f"pipeline {tally.id}"
    if tally.tokens_used != tally.tokens_spent:
        yield Finding(
            what="tokens used by a pipeline",
            subject=subject,
            expected=str(tally.tokens_spent),
            found=str(tally.tokens_used),
            derived=True,
        )
    for what, is_wrong, expected, found in (
        ("completed steps", tally.accepted != tally.current_step, f"{tally.accepted} accepted", tally.current_step),
        ("live batons", tally.live > 1, "at most 1", tally.live),
        ("live batons of other steps", tally.live_elsewhere > 0, f"of step {tally.current_step}", tally.live_elsewhere),
        ("live batons", tally.live > 0 and not _may_have_one(tally.status), f"none: {tally.status}", tally.live),
        ("live batons", tally.status.runs and not tally.live + tally.tries, "1", tally.live),
    ):
        if is_wrong:
            yield Finding(what=what, subject=subject, expected=expected, found=str(found), derived=False)


def _may_have_one(status: RelayStatus) -> bool:
    return status.runs or status is RelayStatus.PAUSED


def _tally(row: tuple[Any, ...]) -> Tally:
    return Tally(
        id=row[0],
        status=RelayStatus(row[1]),
        current_step=row[2],
        tokens_used=row[3],
        tokens_spent=row[4],
        accepted=row[5],
        live=row[6],
        live_elsewhere=row[7],
        tries=row[8],
    )
