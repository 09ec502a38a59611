"""What the next attempt is told about the one before."""

from collections.abc import Sequence

from ._gate import SELF, Check, GateResult, feedback, gates
from ._gate import Scores
from ._state import Attempt, AttemptState


def scores_of(attempt: Attempt) -> Scores:
    """Return how an attempt that was handed in was scored."""
    return Scores(
        quality_score=attempt.quality_score or 0.0,
        l_score=attempt.l_score or 0.0,
        score_source=attempt.score_source or SELF,
        depth=attempt.depth,
    )


def gates_of(attempt: Attempt) -> tuple[GateResult, ...]:
    """Return how an attempt that was handed in fared at the gates as they stood then."""
    return gates(scores_of(attempt), attempt.quality_threshold or 0.0, attempt.l_score_threshold or 0.0)


def shortcomings(attempt: Attempt, checks: Sequence[Check]) -> str | None:
    """Say why an attempt came to nothing, or None when it did not."""
    if attempt.state is AttemptState.FAILED:
        return f"{attempt.failure_type}: {attempt.error}" if attempt.error else attempt.failure_type
    if attempt.state is AttemptState.LOST:
        return f"lost: {attempt.worker} ended without handing anything on"
    return feedback(gates_of(attempt), attempt.score_source or SELF, checks)
