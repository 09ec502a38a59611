"""The outputs of a database: what was handed in, and what came too late. A row is never changed."""

import attrs

from agent_runtime_kernel.bounds import KIB, from_json, to_json
from agent_runtime_kernel.connection import Connection

from .._model import Orphan, OutputPage
from ..bounds import OFFSET
from ..errors import InvalidValue, OutputNotFound
from .submission import Delivery, Submission, checks_from_json, checks_to_json

PAGE_BYTES = 24 * KIB
_SUBMISSION_COLUMNS = """quality_score, l_score, tokens_used, entity_id, summary, sources, confidence, relevance,
              checks, sha256"""


@attrs.frozen(kw_only=True)
class Trace:
    """The summary of an accepted output for the next agent, without its text."""

    output_id: int
    entity_id: int | None
    summary: str
    bytes: int


@attrs.frozen(kw_only=True)
class Trail:
    """The trail that the completed steps of a pipeline leave to the next one.

    Attributes:
        l_scores: the L-score of each step.
        sources: the sources of all steps in order, each once.
        last: the output of the last one, or None before the first is done.
    """

    l_scores: tuple[float, ...]
    sources: tuple[str, ...]
    last: Trace | None


class Outputs:
    """The outputs of one database."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def add(
        self, pipeline_id: int, step_index: int, attempt: int, delivery: Delivery, now: int, *, late: bool = False
    ) -> int:
        """Keep what was handed in for an attempt and return its id."""
        submission = delivery.submission
        [(output_id,)] = self.connection.execute(
            """
            INSERT INTO relay_outputs
                (pipeline_id, step_index, attempt, late, quality_score, l_score, tokens_used, entity_id, sources,
                 confidence, relevance, checks, sha256, created_at, bytes, summary, text)
            VALUES
                (:pipeline_id, :step_index, :attempt, :late, :quality_score, :l_score, :tokens_used, :entity_id,
                 :sources, :confidence, :relevance, :checks, :sha256, :now, :bytes, :summary, :text)
            RETURNING id
            """,
            {
                "pipeline_id": pipeline_id,
                "step_index": step_index,
                "attempt": attempt,
                "late": int(late),
                "quality_score": submission.quality_score,
                "l_score": submission.l_score,
                "tokens_used": submission.tokens_used,
                "entity_id": submission.entity_id,
                "sources": _list_json(submission.sources),
                "confidence": _list_json(submission.confidence),
                "relevance": _list_json(submission.relevance),
                "checks": checks_to_json(submission.checks),
                "sha256": submission.sha256,
                "now": now,
                "bytes": len(delivery.text.encode()),
                "summary": submission.summary,
                "text": delivery.text,
            },
        ).fetchall()
        return int(output_id)

    def keep_late(self, pipeline_id: int, step_index: int, attempt: int, delivery: Delivery, now: int) -> int:
        """Keep a late result once, however often it is handed in, and return its id."""
        rows = self.connection.execute(
            """
            SELECT id
            FROM relay_outputs
            WHERE pipeline_id = :pipeline_id AND late = 1 AND step_index = :step_index AND attempt = :attempt
            ORDER BY id
            """,
            {"pipeline_id": pipeline_id, "step_index": step_index, "attempt": attempt},
        ).fetchall()
        for (output_id,) in rows:
            if self.submission(output_id) == delivery.submission:
                return int(output_id)
        return self.add(pipeline_id, step_index, attempt, delivery, now, late=True)

    def submission(self, output_id: int) -> Submission:
        """Return what was handed in, without the text."""
        [row] = self.connection.execute(
            f"""
            SELECT {_SUBMISSION_COLUMNS}
            FROM relay_outputs
            WHERE id = :id
            """,
            {"id": output_id},
        ).fetchall()
        return Submission(
            quality_score=row[0],
            l_score=row[1],
            tokens_used=row[2],
            entity_id=row[3],
            summary=row[4],
            sources=tuple(from_json(row[5])),
            confidence=tuple(from_json(row[6])),
            relevance=tuple(from_json(row[7])),
            checks=checks_from_json(row[8]),
            sha256=row[9],
        )

    def trail(self, pipeline_id: int) -> Trail:
        """Return what the completed steps of a pipeline leave to the next one."""
        rows = self.connection.execute(
            """
            SELECT accepted.l_score, output.sources, accepted.output_id
            FROM relay_attempts AS accepted
            JOIN relay_outputs AS output ON output.id = accepted.output_id
            WHERE accepted.pipeline_id = CAST(:pipeline_id AS BIGINT) AND accepted.state = 'accepted'
            ORDER BY accepted.step_index, accepted.attempt
            """,
            {"pipeline_id": pipeline_id},
        ).fetchall()
        sources = dict.fromkeys(source for _, of_a_step, _ in rows for source in from_json(of_a_step))
        return Trail(
            l_scores=tuple(l_score for l_score, _, _ in rows),
            sources=tuple(sources),
            last=self._trace(rows[-1][2]) if rows else None,
        )

    def text(self, pipeline_id: int, output_id: int) -> str:
        """Return a whole text.

        Raises:
            OutputNotFound: the pipeline has no such output.
        """
        rows = self.connection.execute(
            """
            SELECT text
            FROM relay_outputs
            WHERE id = :id AND pipeline_id = :pipeline_id
            """,
            {"id": output_id, "pipeline_id": pipeline_id},
        ).fetchall()
        if not rows:
            raise OutputNotFound(pipeline_id, output_id)
        return str(rows[0][0])

    def page(self, pipeline_id: int, output_id: int, offset: int) -> OutputPage:
        """Return at most 24 KiB of a text from a byte on, cut between characters.

        Raises:
            OutputNotFound: the pipeline has no such output.
            InvalidValue: the offset lies past the end or inside a character.
        """
        whole = self.text(pipeline_id, output_id).encode()
        start = OFFSET("offset", offset)
        if start > len(whole):
            raise InvalidValue("offset", f"is {start}; the output has {len(whole)} bytes")
        if _splits_a_character(whole, start):
            raise InvalidValue("offset", f"is {start}, inside a character", "go on from next_offset of the page before")
        end = min(start + PAGE_BYTES, len(whole))
        while _splits_a_character(whole, end):
            end -= 1
        return OutputPage(
            pipeline_id=pipeline_id,
            output_id=output_id,
            text=whole[start:end].decode(),
            offset=start,
            next_offset=end if end < len(whole) else None,
            bytes=len(whole),
        )

    def orphans(self, pipeline_id: int) -> tuple[Orphan, ...]:
        """Return the late results that no attempt has taken up."""
        rows = self.connection.execute(
            """
            SELECT output.id, output.step_index, output.attempt, coalesce(late.agent_assigned, late.agent_offered),
                   output.quality_score, output.l_score, output.tokens_used, output.summary, output.sha256,
                   output.created_at
            FROM relay_outputs AS output
            JOIN relay_attempts AS late
                ON late.pipeline_id = output.pipeline_id
                AND late.step_index = output.step_index
                AND late.attempt = output.attempt
            WHERE output.pipeline_id = :pipeline_id
                AND output.late = 1
                AND NOT EXISTS (
                    SELECT 1
                    FROM relay_attempts AS taken
                    WHERE taken.pipeline_id = :pipeline_id AND taken.output_id = output.id
                )
            ORDER BY output.id
            """,
            {"pipeline_id": pipeline_id},
        ).fetchall()
        return tuple(
            Orphan(
                output_id=row[0],
                step_index=row[1],
                attempt=row[2],
                agent=row[3],
                quality_score=row[4],
                l_score=row[5],
                tokens_used=row[6],
                summary=row[7],
                sha256=row[8],
                created_at=row[9],
            )
            for row in rows
        )

    def _trace(self, output_id: int) -> Trace:
        [row] = self.connection.execute(
            """
            SELECT id, entity_id, summary, bytes
            FROM relay_outputs
            WHERE id = :id
            """,
            {"id": output_id},
        ).fetchall()
        return Trace(output_id=row[0], entity_id=row[1], summary=row[2], bytes=row[3])


def _list_json(items: tuple[object, ...]) -> str:
    return to_json(items) if items else "[]"


def _splits_a_character(whole: bytes, at: int) -> bool:
    return at < len(whole) and whole[at] & 0b1100_0000 == 0b1000_0000
