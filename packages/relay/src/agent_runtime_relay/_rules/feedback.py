"""What the next attempt is told about the one before."""

from collections.abc import Sequence

from .gate import Check, feedback
from .state import Attempt, AttemptState


def shortcomings(attempt: Attempt, checks: Sequence[Check]) -> str | None:
    """Say why a settled attempt came to nothing, or None when it did not."""
    if attempt.handed_in is not None:
        return feedback(attempt.handed_in.verdict, checks)
    if attempt.breakdown is not None:
        failure_type, error = attempt.breakdown.failure_type, attempt.breakdown.error
        return f"{failure_type}: {error}" if error else failure_type
    if attempt.state is AttemptState.LOST and attempt.hold is not None:
        return f"lost: {attempt.hold.worker} ended without handing anything on"
    return None
