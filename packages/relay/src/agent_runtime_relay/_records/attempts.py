"""The attempts of a database: a row for each try of a step, live until it is settled, and unchanged from then on."""

from agent_runtime_kernel.connection import Connection, Row

from .._rules.gate import Scores, Verdict
from .._rules.retries import Tries
from .._rules.routing import RouteReason
from .._rules.situation import Attempt, AttemptState, Breakdown, Charge, HandedIn, Hold, baton_key
from ..bounds import Outcome

ATTEMPT_COLUMNS = (
    "pipeline_id",
    "step_index",
    "attempt",
    "baton_id",
    "state",
    "agent_offered",
    "agent_assigned",
    "route_reason",
    "last_resort",
    "retry_reason",
    "depth",
    "created_at",
    "ended_at",
    "worker",
    "holder",
    "permit_id",
    "claimed_at",
    "lease_ms",
    "expires_at",
    "tokens_used",
    "tokens_total",
    "tokens_left",
    "attempts_left",
    "output_id",
    "outcome",
    "quality_score",
    "l_score",
    "score_source",
    "quality_threshold",
    "l_score_threshold",
    "handoff_ms",
    "failure_type",
    "error",
)
_COLUMNS = ", ".join(ATTEMPT_COLUMNS)


class Attempts:
    """The attempts of one database."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

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
        )

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
        return attempt_of(rows[0]) if rows else None

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
        return tuple(map(attempt_of, rows))

    def held_by(self, holder: str) -> tuple[Attempt, ...]:
        """Return the attempts whose claim a process holds."""
        rows = self.connection.execute(
            f"""
            SELECT {_COLUMNS}
            FROM relay_attempts
            WHERE ended_at IS NULL AND holder = :holder
            ORDER BY pipeline_id
            """,
            {"holder": holder},
        ).fetchall()
        return tuple(map(attempt_of, rows))

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
        hold = attempt.hold
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
                AND ended_at IS NULL
            RETURNING attempt
            """,
            {
                "pipeline_id": attempt.pipeline_id,
                "step_index": attempt.step_index,
                "attempt": attempt.attempt,
                "state": str(attempt.state),
                "agent_assigned": attempt.agent_assigned,
                "route_reason": str(attempt.route_reason),
                "worker": hold and hold.worker,
                "holder": hold and hold.holder,
                "permit_id": hold and hold.permit_id,
                "claimed_at": hold and hold.claimed_at,
                "lease_ms": hold and hold.lease_ms,
                "expires_at": hold and hold.expires_at,
            },
        ).fetchall()

    def settle(self, attempt: Attempt) -> None:
        """Write down how a live attempt ended; from then on its row stays as it is."""
        charge, handed_in, breakdown = attempt.charge, attempt.handed_in, attempt.breakdown
        verdict = handed_in and handed_in.verdict
        [_] = self.connection.execute(
            """
            UPDATE relay_attempts
            SET state = :state,
                agent_assigned = :agent_assigned,
                route_reason = :route_reason,
                depth = :depth,
                ended_at = :ended_at,
                tokens_used = :tokens_used,
                tokens_total = :tokens_total,
                tokens_left = :tokens_left,
                attempts_left = :attempts_left,
                output_id = :output_id,
                outcome = :outcome,
                quality_score = :quality_score,
                l_score = :l_score,
                score_source = :score_source,
                quality_threshold = :quality_threshold,
                l_score_threshold = :l_score_threshold,
                handoff_ms = :handoff_ms,
                failure_type = :failure_type,
                error = :error
            WHERE pipeline_id = :pipeline_id
                AND step_index = :step_index
                AND attempt = :attempt
                AND ended_at IS NULL
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
                "tokens_used": charge.tokens_used if charge else 0,
                "tokens_total": charge and charge.tokens_total,
                "tokens_left": charge and charge.tokens_left,
                "attempts_left": charge and charge.attempts_left,
                "output_id": attempt.output_id,
                "outcome": handed_in and str(handed_in.outcome),
                "quality_score": verdict and verdict.scores.quality_score,
                "l_score": verdict and verdict.scores.l_score,
                "score_source": verdict and verdict.scores.score_source,
                "quality_threshold": verdict and verdict.quality_threshold,
                "l_score_threshold": verdict and verdict.l_score_threshold,
                "handoff_ms": handed_in and handed_in.handoff_ms,
                "failure_type": breakdown and breakdown.failure_type,
                "error": breakdown and breakdown.error,
            },
        ).fetchall()


def attempt_of(row: Row) -> Attempt:
    """Return the attempt of a row with the columns of `ATTEMPT_COLUMNS`."""
    return Attempt(
        pipeline_id=row[0],
        step_index=row[1],
        attempt=row[2],
        baton_id=row[3],
        state=AttemptState(row[4]),
        agent_offered=row[5],
        agent_assigned=row[6],
        route_reason=RouteReason(row[7]),
        last_resort=bool(row[8]),
        retry_reason=row[9],
        depth=row[10],
        created_at=row[11],
        ended_at=row[12],
        hold=None if row[13] is None else _hold(row),
        charge=None if row[20] is None else _charge(row),
        handed_in=None if row[24] is None else _handed_in(row),
        breakdown=None if row[31] is None else _breakdown(row),
    )


def _hold(row: Row) -> Hold:
    return Hold(
        worker=row[13],
        holder=row[14],
        permit_id=row[15],
        claimed_at=row[16],
        lease_ms=row[17],
        expires_at=row[18],
    )


def _charge(row: Row) -> Charge:
    return Charge(tokens_used=row[19], tokens_total=row[20], tokens_left=row[21], attempts_left=row[22])


def _handed_in(row: Row) -> HandedIn:
    scores = Scores(quality_score=row[25], l_score=row[26], score_source=row[27], depth=row[10])
    return HandedIn(
        output_id=row[23],
        outcome=Outcome(row[24]),
        verdict=Verdict(scores=scores, quality_threshold=row[28], l_score_threshold=row[29]),
        handoff_ms=row[30],
    )


def _breakdown(row: Row) -> Breakdown:
    return Breakdown(failure_type=row[31], error=row[32], output_id=row[23])
