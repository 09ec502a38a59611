"""Turns: processes that write to one file give way to each other.

SQLite has no queue for its write lock. A process that writes again and again takes the lock before a waiting process
wakes up, so that the others starve. Therefore:

- A process that has written for the length of a turn, and has met others in the last second, pauses for a moment (a
  courtesy) before its next write. A turn holds many writes, as changing turns costs more than a write.
- A process that waits looks at the lock rarely at first, as each look takes time from the writer, and often once it
  has waited long.

Example: A writes for 9 ms while B waits. At its next write A pauses for 1 ms, B takes the lock, and A waits in turn.

Eight processes on two cores that do nothing but claim and complete reach about 0.7 of the throughput of one process
with NORMAL, and 0.8 with FULL. The longest wait for a claim is 0.2 seconds, and each gets at least 0.7 of the mean.
"""

import math
import random
import time

# Seconds. Of a range a random number is drawn: processes in step would meet again and again.
_SHORT_PAUSE = (0.0005, 0.002)
_PAUSE = (0.003, 0.007)
_COURTESY = (0.001, 0.0015)
_TURN = 0.009
_LONG = 0.08
_JUST_NOW = 0.005
_STILL_THERE = 1.0


class Turns:
    """The turns of one process, as far as it can tell without asking the others.

    Attributes:
        others_at: when it last found the file locked, in seconds of the monotonic clock.
        wrote_at: when it last wrote.
        turn_began: when its current turn began; infinite if it has none.
    """

    def __init__(self) -> None:
        self.others_at = -math.inf
        self.wrote_at = -math.inf
        self.turn_began = math.inf

    def met_others(self) -> float:
        """Record that the file was locked and return the time."""
        self.others_at = time.monotonic()
        return self.others_at

    def wrote(self) -> None:
        """Record that this process has just written. A write after a pause begins a new turn."""
        now = time.monotonic()
        if now - self.wrote_at >= _JUST_NOW or self.turn_began > now:
            self.turn_began = now
        self.wrote_at = now

    def is_over(self) -> bool:
        """Tell whether this process should give way: its turn was long, and it met others a short while ago."""
        now = time.monotonic()
        if now - self.turn_began < _TURN or now - self.wrote_at >= _JUST_NOW or now - self.others_at >= _STILL_THERE:
            return False
        self.turn_began = math.inf
        return True

    def courtesy(self) -> float:
        """Return the seconds to pause after a long turn."""
        return random.uniform(*_COURTESY)  # noqa: S311 - not a secret

    def pause(self, waited: float) -> float:
        """Return the seconds until the next attempt.

        Args:
            waited: the seconds that the operation has waited already.
        """
        return random.uniform(*(_PAUSE if 0 < waited < _LONG else _SHORT_PAUSE))  # noqa: S311 - not a secret
