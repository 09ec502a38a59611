"""What the rows of an attempt say about it afterwards: its verdict, and what the next attempt is told."""

from collections.abc import Sequence

from ._gate import SELF, Check, Scores, Verdict, feedback
from ._state import Attempt, AttemptState


def verdict_on(attempt: Attempt) -> Verdict:
    """Return the verdict on an attempt that was handed in, by the thresholds as they stood then.

    Raises:
        ValueError: nothing was handed in.
    """
    scores = (attempt.quality_score, attempt.l_score, attempt.quality_threshold, attempt.l_score_threshold)
    quality_score, l_score, quality_threshold, l_score_threshold = scores
    if quality_score is None or l_score is None or quality_threshold is None or l_score_threshold is None:
        raise ValueError(f"nothing was handed in for baton {attempt.baton_id}")
    return Verdict(
        scores=Scores(
            quality_score=quality_score,
            l_score=l_score,
            score_source=attempt.score_source or SELF,
            depth=attempt.depth,
        ),
        quality_threshold=quality_threshold,
        l_score_threshold=l_score_threshold,
    )


def shortcomings(attempt: Attempt, checks: Sequence[Check]) -> str | None:
    """Say why a settled attempt came to nothing, or None when it did not."""
    if attempt.state is AttemptState.FAILED:
        return f"{attempt.failure_type}: {attempt.error}" if attempt.error else attempt.failure_type
    if attempt.state is AttemptState.LOST:
        return f"lost: {attempt.worker} ended without handing anything on"
    return feedback(verdict_on(attempt), checks)
