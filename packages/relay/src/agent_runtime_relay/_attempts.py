"""The attempts of a database: a row for each try of a step, live until it is settled, and unchanged from then on."""

import attrs

from ._retries import Tries
from ._state import Attempt, baton_key
from ._storage import Connection

FIELDS = tuple(field.name for field in attrs.fields(Attempt))
_COLUMNS = ", ".join(FIELDS)


@attrs.frozen
class Attempts:
    """The attempts of one database."""

    connection: Connection

    def issue(self, attempt: Attempt) -> None:
        """Write an attempt whose baton nobody has claimed yet."""
        self.connection.execute(
            """
            INSERT INTO relay_attempts
                (pipeline_id, step_index, attempt, baton_id, state, agent_offered, route_reason, last_resort,
                 retry_reason, depth, created_at, tokens_used)
            VALUES
                (:pipeline_id, :step_index, :attempt, :baton_id, 'ready', :agent_offered, :route_reason, :last_resort,
                 :retry_reason, :depth, :created_at, 0)
            """,
            {
                "pipeline_id": attempt.pipeline_id,
                "step_index": attempt.step_index,
                "attempt": attempt.attempt,
                "baton_id": attempt.baton_id,
                "agent_offered": attempt.agent_offered,
                "route_reason": str(attempt.route_reason),
                "last_resort": int(attempt.last_resort),
                "retry_reason": attempt.retry_reason,
                "depth": attempt.depth,
                "created_at": attempt.created_at,
            },
        ).fetchall()

    def find(self, baton: str) -> Attempt | None:
        """Return the attempt that a baton was issued for, of whatever pipeline, or None."""
        key = baton_key(baton)
        if key is None:
            return None
        found = self.get(key.pipeline_id, key.step_index, key.attempt)
        return found if found is not None and found.baton_id == baton else None

    def get(self, pipeline_id: int, step_index: int, attempt: int) -> Attempt | None:
        """Return an attempt, or None."""
        rows = self.connection.execute(
            f"""
            SELECT {_COLUMNS}
            FROM relay_attempts
            WHERE pipeline_id = :pipeline_id AND step_index = :step_index AND attempt = :attempt
            """,
            {"pipeline_id": pipeline_id, "step_index": step_index, "attempt": attempt},
        ).fetchall()
        return Attempt(*rows[0]) if rows else None

    def of_pipeline(self, pipeline_id: int) -> tuple[Attempt, ...]:
        """Return all attempts of a pipeline in their order."""
        rows = self.connection.execute(
            f"""
            SELECT {_COLUMNS}
            FROM relay_attempts
            WHERE pipeline_id = :pipeline_id
            ORDER BY step_index, attempt
            """,
            {"pipeline_id": pipeline_id},
        ).fetchall()
        return tuple(Attempt(*row) for row in rows)

    def held_by(self, holder: str) -> tuple[Attempt, ...]:
        """Return the attempts whose claim a process holds."""
        rows = self.connection.execute(
            f"""
            SELECT {_COLUMNS}
            FROM relay_attempts
            WHERE state IN ('ready', 'claimed') AND holder = :holder
            ORDER BY pipeline_id
            """,
            {"holder": holder},
        ).fetchall()
        return tuple(Attempt(*row) for row in rows)

    def tries(self, pipeline_id: int, step_index: int) -> Tries:
        """Count the attempts of a step."""
        [(every, last_resorts)] = self.connection.execute(
            """
            SELECT COUNT(*), COUNT(*) FILTER (WHERE last_resort = 1)
            FROM relay_attempts
            WHERE pipeline_id = :pipeline_id AND step_index = :step_index
            """,
            {"pipeline_id": pipeline_id, "step_index": step_index},
        ).fetchall()
        return Tries(all=every, last_resorts=last_resorts)

    def depth_before(self, pipeline_id: int, step_index: int) -> int:
        """Return the depth of the output that a step builds on, 0 for the first one."""
        rows = self.connection.execute(
            """
            SELECT depth
            FROM relay_attempts
            WHERE pipeline_id = :pipeline_id AND step_index = :before AND state = 'accepted'
            """,
            {"pipeline_id": pipeline_id, "before": step_index - 1},
        ).fetchall()
        return int(rows[0][0]) if rows else 0

    def hold(self, attempt: Attempt) -> None:
        """Write down who holds the baton of a live attempt, or that nobody does any more."""
        [_] = self.connection.execute(
            """
            UPDATE relay_attempts
            SET state = :state,
                agent_assigned = :agent_assigned,
                route_reason = :route_reason,
                worker = :worker,
                holder = :holder,
                permit_id = :permit_id,
                claimed_at = :claimed_at,
                lease_ms = :lease_ms,
                expires_at = :expires_at
            WHERE pipeline_id = :pipeline_id
                AND step_index = :step_index
                AND attempt = :attempt
                AND state IN ('ready', 'claimed')
            RETURNING attempt
            """,
            {
                "pipeline_id": attempt.pipeline_id,
                "step_index": attempt.step_index,
                "attempt": attempt.attempt,
                "state": str(attempt.state),
                "agent_assigned": attempt.agent_assigned,
                "route_reason": str(attempt.route_reason),
                "worker": attempt.worker,
                "holder": attempt.holder,
                "permit_id": attempt.permit_id,
                "claimed_at": attempt.claimed_at,
                "lease_ms": attempt.lease_ms,
                "expires_at": attempt.expires_at,
            },
        ).fetchall()

    def settle(self, attempt: Attempt) -> None:
        """Write down how a live attempt ended; from then on its row stays as it is."""
        [_] = self.connection.execute(
            """
            UPDATE relay_attempts
            SET state = :state,
                agent_assigned = :agent_assigned,
                route_reason = :route_reason,
                depth = :depth,
                ended_at = :ended_at,
                outcome = :outcome,
                quality_score = :quality_score,
                l_score = :l_score,
                score_source = :score_source,
                quality_threshold = :quality_threshold,
                l_score_threshold = :l_score_threshold,
                attempts_left = :attempts_left,
                tokens_used = :tokens_used,
                tokens_total = :tokens_total,
                tokens_left = :tokens_left,
                handoff_ms = :handoff_ms,
                output_id = :output_id,
                failure_type = :failure_type,
                error = :error
            WHERE pipeline_id = :pipeline_id
                AND step_index = :step_index
                AND attempt = :attempt
                AND state IN ('ready', 'claimed')
            RETURNING attempt
            """,
            {
                "pipeline_id": attempt.pipeline_id,
                "step_index": attempt.step_index,
                "attempt": attempt.attempt,
                "state": str(attempt.state),
                "agent_assigned": attempt.agent_assigned,
                "route_reason": str(attempt.route_reason),
                "depth": attempt.depth,
                "ended_at": attempt.ended_at,
                "outcome": None if attempt.outcome is None else str(attempt.outcome),
                "quality_score": attempt.quality_score,
                "l_score": attempt.l_score,
                "score_source": attempt.score_source,
                "quality_threshold": attempt.quality_threshold,
                "l_score_threshold": attempt.l_score_threshold,
                "attempts_left": attempt.attempts_left,
                "tokens_used": attempt.tokens_used,
                "tokens_total": attempt.tokens_total,
                "tokens_left": attempt.tokens_left,
                "handoff_ms": attempt.handoff_ms,
                "output_id": attempt.output_id,
                "failure_type": attempt.failure_type,
                "error": attempt.error,
            },
        ).fetchall()
