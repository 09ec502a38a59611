"""The pause before a failed step is tried again: longer each time, and never in step with other runners."""

import attrs
from tenacity import AsyncRetrying, RetryCallState, wait_exponential_jitter

FIRST = 1.0  # seconds
LONGEST = 60.0


@attrs.frozen(kw_only=True)
class Backoff:
    """Exponential backoff with jitter.

    Attributes:
        first: seconds before the first retry; up to as many are added at random.
        longest: seconds at most.
    """

    first: float = FIRST
    longest: float = LONGEST

    def seconds(self, failures: int) -> float:
        """Return the seconds to wait after a number of failures in a row; 0.0 after none."""
        if failures < 1 or self.first <= 0:
            return 0.0
        state = RetryCallState(AsyncRetrying(), None, (), {})
        state.attempt_number = failures
        return self.first * wait_exponential_jitter(max=self.longest / self.first)(state)
