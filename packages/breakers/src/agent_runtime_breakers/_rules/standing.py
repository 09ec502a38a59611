"""The standing of a breaker: the values that a step of the machine starts from and ends in."""

from enum import StrEnum
from typing import Self

import attrs

from .position import BEGINNING, Cause, Position
from .settings import DEFAULTS, Settings

PERMIT_KEPT = 7 * 24 * 3600 * 1000  # milliseconds


class PermitKind(StrEnum):
    """The purpose of a permit: normal work, or a probe that shows whether the agent recovered."""

    NORMAL = "normal"
    PROBE = "probe"


@attrs.frozen(kw_only=True)
class Permit:
    """A permit as it is stored; times are in milliseconds since 1970.

    Attributes:
        permit_id: its id, unique for its agent.
        generation: the breaker's generation that it belongs to; in a later one it is void.
        kind: normal or probe.
        worker: the name of the caller, or None.
        holder: the process that holds it, opaque, or None.
        granted_at: the time at which it was granted.
        expires_at: the end of its lease.
        lost: True if its slot was given away.
        alive: True or False if it is known that the holder lives or is gone; asked for probes in flight only.
        outcome: success, release or the type of failure that it was settled as, or None.
        tripped: True if its settlement opened the breaker.
        recovered: True if its settlement closed the breaker.
    """

    permit_id: str
    generation: int
    kind: PermitKind
    worker: str | None
    holder: str | None
    granted_at: int
    expires_at: int
    lost: bool = False
    alive: bool | None = None
    outcome: str | None = None
    tripped: bool = False
    recovered: bool = False

    def clamped(self, now: int) -> Self:
        """Return the permit granted no later than now; its lease keeps its length."""
        if self.granted_at <= now:
            return self
        return attrs.evolve(self, granted_at=now, expires_at=now + self.expires_at - self.granted_at)

    def reason_lost(self, now: int) -> str | None:
        """Return the reason why a probe in flight is lost; None if it is not."""
        if self.expires_at <= now:
            return "its lease is over"
        return "its process is gone" if self.alive is False else None


@attrs.frozen(kw_only=True)
class Totals:
    """All outcomes that were ever reported."""

    failures: int = 0
    successes: int = 0
    last_failure_at: int | None = None
    last_success_at: int | None = None

    def with_success(self, now: int) -> "Totals":
        """Return the totals after another success."""
        return Totals(
            failures=self.failures,
            successes=self.successes + 1,
            last_failure_at=self.last_failure_at,
            last_success_at=now,
        )

    def with_failure(self, now: int) -> "Totals":
        """Return the totals after another failure."""
        return Totals(
            failures=self.failures + 1,
            successes=self.successes,
            last_failure_at=now,
            last_success_at=self.last_success_at,
        )

    def clamped(self, now: int) -> Self:
        """Return the totals with no timestamp later than now."""
        return attrs.evolve(
            self,
            last_failure_at=_at_most(self.last_failure_at, now),
            last_success_at=_at_most(self.last_success_at, now),
        )


@attrs.frozen(kw_only=True)
class Window:
    """The outcomes that count at the moment of the step: younger than the window, and not cleared since."""

    failures: int = 0
    successes: int = 0

    def threshold_reached(self, settings: Settings, last: str) -> tuple[Cause, str] | None:
        """Return the cause and the reason to open after a failure of the type `last`; None to stay closed."""
        failures, calls, seconds = self.failures, self.failures + self.successes, settings.window_seconds
        if failures >= settings.failure_threshold:
            return Cause.FAILURES, f"{failures} failures in {seconds:g} s, the last: {last}"
        rate = settings.failure_rate_threshold
        if rate is not None and calls >= settings.minimum_calls and failures / calls >= rate:
            return Cause.FAILURE_RATE, f"{failures} of {calls} calls failed in {seconds:g} s, the last: {last}"
        return None


@attrs.frozen(kw_only=True)
class Throttle:
    """A time in which the agent asked to be left alone, in milliseconds since 1970."""

    since: int
    until: int

    def clamped(self, now: int) -> Self:
        """Return the throttle begun no later than now; it keeps its length."""
        return self if self.since <= now else attrs.evolve(self, since=now, until=now + self.until - self.since)


@attrs.frozen(kw_only=True)
class Standing:
    """A breaker with all that a decision about it depends on.

    Attributes:
        settings: its settings.
        position: its state, generation and trips.
        totals: all outcomes that were ever reported.
        window: the outcomes that count at the moment of the step.
        throttle: the time in which the agent asked to be left alone, or None.
        probes: the probes in flight.
        probe_successes: the number of probes that succeeded since it became half open.
        probes_lost: the number of probes that were lost since one was last settled.
    """

    settings: Settings = DEFAULTS
    position: Position = BEGINNING
    totals: Totals = attrs.field(factory=Totals)
    window: Window = attrs.field(factory=Window)
    throttle: Throttle | None = None
    probes: tuple[Permit, ...] = ()
    probe_successes: int = 0
    probes_lost: int = 0

    def clamped(self, now: int) -> Self:
        """Return the standing with no timestamp later than now; return itself if there was none.

        A clock that was set back leaves such timestamps. Leases and throttles keep their length. `opened_at` stays as
        it is: to correct it is a transition.
        """
        totals, throttle, probes = self.totals, self.throttle, self.probes
        if (
            (totals.last_failure_at or 0) <= now
            and (totals.last_success_at or 0) <= now
            and (throttle is None or throttle.since <= now)
            and all(probe.granted_at <= now for probe in probes)
        ):
            return self
        return attrs.evolve(
            self,
            totals=totals.clamped(now),
            throttle=throttle and throttle.clamped(now),
            probes=tuple(probe.clamped(now) for probe in probes),
        )


def _at_most(timestamp: int | None, now: int) -> int | None:
    return now if timestamp is not None and timestamp > now else timestamp
