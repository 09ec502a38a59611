"""The circuit breaker as a pure function: `step(standing, event, now)` has no database, no clock and no memory.

A breaker is closed while its agent works, opens when failures pile up, and after a cooldown lets a few probes find out
whether to close again. What belongs to an earlier generation, or reports to a breaker that waits for no report, counts
in the totals and decides nothing.
"""

from typing import Any

import attrs

from ._clock import without_future_stamps
from ._position import BreakerState, Cause, moved
from ._settings import Mode
from ._standing import (
    PERMIT_KEPT,
    SLOW_CALL,
    Acquire,
    Answer,
    ClockSetBack,
    Configure,
    Effect,
    Event,
    Fail,
    FailureType,
    Granted,
    Kept,
    LetThrough,
    Moved,
    Permit,
    PermitKind,
    ProbeLost,
    RefusalReason,
    Refused,
    Release,
    Reset,
    Standing,
    Succeed,
    Throttle,
    Trip,
    Window,
    WindowCleared,
)

LOST_IN_A_ROW = 3
_KEEPS_PROBES = frozenset({Cause.PROBE_LOST, Cause.CLOCK_SET_BACK})


def step(standing: Standing, event: Event, now: int) -> tuple[Standing, tuple[Effect, ...]]:
    """Return where an event leaves a breaker and what is to be done about it.

    Args:
        standing: the breaker before, its window counted and its probes looked at as of `now`.
        event: what happens.
        now: the time in milliseconds since 1970.
    """
    turn = _Turn(standing, now)
    turn.heed_a_clock_set_back()
    match event:
        case Acquire():
            turn.acquire(event)
        case Succeed():
            turn.succeed(event.permit)
        case Fail():
            turn.fail(event)
        case Release():
            turn.release(event.permit)
        case Trip():
            turn.trip(event)
        case Reset():
            turn.reset()
        case Configure():
            turn.standing = attrs.evolve(turn.standing, settings=event.settings)
    return turn.standing, tuple(turn.effects)


def admission(standing: Standing, now: int) -> Answer:
    """Return what somebody who asks for a permit would be told."""
    turn = _Turn(standing, now)
    turn.heed_a_clock_set_back()
    return turn.acquire(Acquire())


def shown_state(standing: Standing, now: int) -> BreakerState:
    """Return the state to show: open while it is forced to be, half_open once its cooldown is over."""
    if standing.settings.mode is Mode.FORCED_OPEN:
        return BreakerState.OPEN
    half_opens = half_opens_at(standing)
    return standing.position.state if half_opens is None or half_opens > now else BreakerState.HALF_OPEN


def half_opens_at(standing: Standing) -> int | None:
    """Return when the cooldown of an open breaker is over; None for one that is not open, or is held so."""
    position = standing.position
    if standing.settings.mode is Mode.FORCED_OPEN or position.state is not BreakerState.OPEN:
        return None
    return (position.opened_at or 0) + standing.settings.cooldown(position.consecutive_trips)


@attrs.define
class _Turn:
    """A step in the making."""

    standing: Standing
    now: int
    effects: list[Effect] = attrs.field(factory=list)

    def heed_a_clock_set_back(self) -> None:
        """Stamp with now what is stamped later, so that a wrong clock delays by one more cooldown at most."""
        before = self.standing
        self.standing = without_future_stamps(before, self.now)
        opened_late = before.position.opened_at is not None and before.position.opened_at > self.now
        if self.standing is not before or opened_late:
            self.effects.append(ClockSetBack())
        if opened_late:
            self._move(Cause.CLOCK_SET_BACK, "the clock was set back, so the cooldown begins anew")

    def acquire(self, event: Acquire) -> Answer:
        """Grant a permit or refuse it; the answer is the last effect, too."""
        answer = self._answer(event)
        self.effects.append(answer)
        return answer

    def succeed(self, permit: Permit | None) -> None:
        """Count a success; one that took too long counts against the agent."""
        if self.standing.settings.mode is Mode.DISABLED:
            return
        totals = self.standing.totals
        self._set(totals=attrs.evolve(totals, successes=totals.successes + 1, last_success_at=self.now))
        if not self._counts(permit):
            return
        if permit is not None and self._is_slow(permit):
            self._count_failure(SLOW_CALL)
        elif self._is_probing:
            self._probe_succeeded(permit)
        else:
            window = self.standing.window
            self._set(window=attrs.evolve(window, successes=window.successes + 1))
            self.effects.append(Kept(None, counts=True))

    def fail(self, event: Fail) -> None:
        """Count a failure; being told when to come back is no failure of a probe."""
        if self.standing.settings.mode is Mode.DISABLED:
            return
        totals = self.standing.totals
        self._set(totals=attrs.evolve(totals, failures=totals.failures + 1, last_failure_at=self.now))
        if not self._counts(event.permit):
            self.effects.append(Kept(event.failure_type, counts=False))
            return
        throttled_before = self._throttle_left() > 0
        is_limit = event.failure_type is FailureType.RATE_LIMITED
        if is_limit and event.retry_after is not None:
            self._throttle(event.retry_after)
            if self._is_probing:
                self._free_slot(event.permit)
                self.effects.append(Kept(event.failure_type, counts=False))
                return
        if is_limit and throttled_before and not self._is_probing:
            self.effects.append(Kept(event.failure_type, counts=False))
            return
        self._count_failure(event.failure_type)

    def release(self, permit: Permit | None) -> None:
        """Free the slot of a probe that was not made."""
        if permit is not None:
            self._free_slot(permit)

    def trip(self, event: Trip) -> None:
        """Open by hand."""
        self._move(Cause.TRIPPED, event.reason)
        if event.hold:
            self._set(settings=attrs.evolve(self.standing.settings, mode=Mode.FORCED_OPEN))

    def reset(self) -> None:
        """Close by hand and forget what counted."""
        self._move(Cause.RESET, "reset by hand")
        self._clear_window()
        self._set(throttle=None)
        if self.standing.settings.mode is Mode.FORCED_OPEN:
            self._set(settings=attrs.evolve(self.standing.settings, mode=Mode.NORMAL))

    def _answer(self, event: Acquire) -> Answer:
        mode = self.standing.settings.mode
        if mode is Mode.DISABLED:
            return LetThrough()
        if mode is Mode.METRICS_ONLY:
            return self._grant(event, PermitKind.NORMAL, PERMIT_KEPT)
        if mode is Mode.FORCED_OPEN:
            return Refused(RefusalReason.FORCED_OPEN, None)
        self._give_up_lost_probes()
        throttle_left = self._throttle_left()
        if self._state is BreakerState.OPEN and (cooldown_left := self._cooldown_left()):
            return Refused(RefusalReason.OPEN, max(cooldown_left, throttle_left))
        if throttle_left:
            return Refused(RefusalReason.THROTTLED, throttle_left)
        if self._state is BreakerState.CLOSED:
            return self._grant(event, PermitKind.NORMAL, PERMIT_KEPT)
        self._begin_probing()
        probes = self.standing.probes
        if len(probes) >= self.standing.settings.half_open_max_calls:
            soonest = min(probe.expires_at for probe in probes)
            return Refused(RefusalReason.PROBE_IN_FLIGHT, soonest - self.now)
        answer = self._grant(event, PermitKind.PROBE, self.standing.settings.probe_lease)
        self._set(probes=(*probes, answer.permit))
        return answer

    def _grant(self, event: Acquire, kind: PermitKind, lease: int) -> Granted:
        return Granted(
            Permit(
                permit_id=event.permit_id,
                generation=self.standing.position.generation,
                kind=kind,
                worker=event.worker,
                holder=event.holder,
                granted_at=self.now,
                expires_at=self.now + lease,
            )
        )

    def _counts(self, permit: Permit | None) -> bool:
        """Say whether an outcome counts beyond the totals; without a permit it may have to stand in for a probe."""
        mode = self.standing.settings.mode
        if mode is Mode.FORCED_OPEN:
            return False
        if permit is not None and (permit.lost or permit.generation != self.standing.position.generation):
            return False
        if self._state is BreakerState.CLOSED or mode is Mode.METRICS_ONLY:
            return True
        if permit is not None:
            return permit.kind is PermitKind.PROBE
        self._give_up_lost_probes()
        if self._state is BreakerState.OPEN and self._cooldown_left():
            return False
        self._begin_probing()
        return not self.standing.probes

    def _count_failure(self, failure: str) -> None:
        window = self.standing.window
        window = Window(failures=window.failures + 1, successes=window.successes)
        self._set(window=window)
        self.effects.append(Kept(failure, counts=True))
        settings = self.standing.settings
        if settings.mode is Mode.METRICS_ONLY:
            return
        if self._is_probing:
            self._move(Cause.PROBE_FAILED, f"a probe failed: {failure}")
            return
        if window.failures >= settings.failure_threshold:
            reason = f"{window.failures} failures in {settings.window_seconds:g} s, the last: {failure}"
            self._move(Cause.FAILURES, reason)
            return
        calls = window.failures + window.successes
        rate = settings.failure_rate_threshold
        if rate is not None and calls >= settings.minimum_calls and window.failures / calls >= rate:
            reason = f"{window.failures} of {calls} calls failed in {settings.window_seconds:g} s, the last: {failure}"
            self._move(Cause.FAILURE_RATE, reason)

    def _probe_succeeded(self, permit: Permit | None) -> None:
        self._free_slot(permit)
        succeeded = self.standing.probe_successes + 1
        self._set(probe_successes=succeeded)
        if succeeded >= self.standing.settings.success_threshold:
            self._move(Cause.RECOVERED, f"{succeeded} probe{'' if succeeded == 1 else 's'} succeeded")
            self._clear_window()

    def _free_slot(self, permit: Permit | None) -> None:
        others = self.standing.probes
        if permit is not None:
            others = tuple(probe for probe in others if probe.permit_id != permit.permit_id)
            if len(others) == len(self.standing.probes):
                return
        self._set(probes=others, probes_lost=0)

    def _give_up_lost_probes(self) -> None:
        """Free the slots of probes whose lease is over or whose process is gone; three in a row reopen the breaker."""
        for probe in self.standing.probes:
            if probe.expires_at <= self.now:
                why = "its lease is over"
            elif probe.alive is False:
                why = "its process is gone"
            else:
                continue
            by = "" if probe.worker is None else f" of {probe.worker}"
            others = tuple(other for other in self.standing.probes if other.permit_id != probe.permit_id)
            self._set(probes=others, probes_lost=self.standing.probes_lost + 1)
            self.effects.append(ProbeLost(probe.permit_id))
            self._move(Cause.PROBE_LOST, f"the probe{by} was lost: {why}")
        if self.standing.probes_lost >= LOST_IN_A_ROW:
            self._move(Cause.PROBES_LOST, f"{self.standing.probes_lost} probes were lost in a row")

    def _begin_probing(self) -> None:
        if self._state is BreakerState.OPEN:
            position = self.standing.position
            seconds = self.standing.settings.cooldown(position.consecutive_trips) / 1000
            self._move(Cause.COOLDOWN_OVER, f"the cooldown of {seconds:g} s is over")

    def _cooldown_left(self) -> int:
        return max((half_opens_at(self.standing) or 0) - self.now, 0)

    def _throttle(self, milliseconds: int) -> None:
        until = self.now + milliseconds
        throttle = self.standing.throttle
        if throttle is None or throttle.until < until:
            self._set(throttle=Throttle(since=self.now, until=until))

    def _throttle_left(self) -> int:
        throttle = self.standing.throttle
        return 0 if throttle is None else max(throttle.until - self.now, 0)

    def _clear_window(self) -> None:
        self._set(window=Window())
        self.effects.append(WindowCleared())

    def _is_slow(self, permit: Permit) -> bool:
        limit = self.standing.settings.slow_call_seconds
        return limit is not None and self.now - permit.granted_at > round(limit * 1000)

    @property
    def _state(self) -> BreakerState:
        return self.standing.position.state

    @property
    def _is_probing(self) -> bool:
        """Whether what counts now counts as a probe."""
        standing = self.standing
        return standing.position.state is BreakerState.HALF_OPEN and standing.settings.mode is Mode.NORMAL

    def _move(self, cause: Cause, reason: str) -> None:
        before = self.standing.position
        after = moved(before, cause, self.now)
        if cause in _KEEPS_PROBES:
            self._set(position=after)
        else:
            self._set(position=after, probes=(), probe_successes=0, probes_lost=0)
        self.effects.append(Moved(cause, reason, before.state, after.state, after.generation))

    def _set(self, **changes: Any) -> None:
        self.standing = attrs.evolve(self.standing, **changes)
