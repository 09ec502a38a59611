"""The circuit breaker as a pure function: `step(standing, event, now)` has no database, no clock and no memory.

A breaker is closed while its agent works, opens when failures pile up, and after a cooldown lets a few probes find out
whether to close again. What belongs to an earlier generation, or reports to a breaker that waits for no report, counts
in the totals and decides nothing.
"""

import attrs

from .clock import without_future_stamps
from .cooldown import half_opens_at
from .position import BreakerState, Cause, Position, moved
from .settings import Mode, Settings
from .standing import (
    PERMIT_KEPT,
    SLOW_CALL,
    Acquire,
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
    Totals,
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
    if standing.settings.mode is Mode.DISABLED and isinstance(event, Acquire | Succeed | Fail):
        return standing, (LetThrough(),) if isinstance(event, Acquire) else ()
    turn = _begin(standing, now)
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
            turn.settings = event.settings
    return turn.standing, tuple(turn.effects)


def refusal(standing: Standing, now: int) -> Refused | None:
    """Return what somebody who asks for a permit would be told, None where one would be granted."""
    is_closed = standing.position.state is BreakerState.CLOSED and standing.throttle is None
    if is_closed and standing.settings.mode is Mode.NORMAL:
        return None  # as nearly all are, nearly always: there is nothing to find out
    return _begin(standing, now).refusal()


def _begin(standing: Standing, now: int) -> "_Turn":
    """Return a turn that begins with what a clock that was set back makes necessary."""
    heeded = without_future_stamps(standing, now)
    turn = _Turn(
        now,
        heeded.settings,
        heeded.position,
        heeded.totals,
        heeded.window,
        heeded.throttle,
        heeded.probes,
        heeded.probe_successes,
        heeded.probes_lost,
    )
    opened_late = standing.position.opened_at is not None and standing.position.opened_at > now
    if heeded is not standing or opened_late:
        turn.effects.append(ClockSetBack())
    if opened_late:
        turn.move(Cause.CLOCK_SET_BACK, "the clock was set back, so the cooldown begins anew")
    return turn


@attrs.define
class _Turn:
    """A step in the making: the parts of a standing, which an event replaces, and the effects so far."""

    now: int
    settings: Settings
    position: Position
    totals: Totals
    window: Window
    throttle: Throttle | None
    probes: tuple[Permit, ...]
    probe_successes: int
    probes_lost: int
    effects: list[Effect] = attrs.field(factory=list)

    @property
    def standing(self) -> Standing:
        """Where the event leaves the breaker."""
        return Standing(
            settings=self.settings,
            position=self.position,
            totals=self.totals,
            window=self.window,
            throttle=self.throttle,
            probes=self.probes,
            probe_successes=self.probe_successes,
            probes_lost=self.probes_lost,
        )

    def acquire(self, event: Acquire) -> None:
        """Grant a permit or refuse it."""
        if refused := self.refusal():
            self.effects.append(refused)
        else:
            self._grant(event)

    def refusal(self) -> Refused | None:
        """Say why no permit can be granted now; to know, probes that are lost are given up."""
        mode = self.settings.mode
        if mode is Mode.FORCED_OPEN:
            return Refused(RefusalReason.FORCED_OPEN, None)
        if mode is not Mode.NORMAL:
            return None
        self._give_up_lost_probes()
        cooldown_left, throttle_left = self._cooldown_left(), self._throttle_left()
        if cooldown_left:
            return Refused(RefusalReason.OPEN, max(cooldown_left, throttle_left))
        if throttle_left:
            return Refused(RefusalReason.THROTTLED, throttle_left)
        probes = self.probes
        if len(probes) < self.settings.half_open_max_calls:
            return None
        return Refused(RefusalReason.PROBE_IN_FLIGHT, min(probe.expires_at for probe in probes) - self.now)

    def succeed(self, permit: Permit | None) -> None:
        """Count a success; one that took too long counts against the agent."""
        totals = self.totals
        self.totals = Totals(
            failures=totals.failures,
            successes=totals.successes + 1,
            last_failure_at=totals.last_failure_at,
            last_success_at=self.now,
        )
        if not self._hears(permit):
            return
        if permit is not None and self._is_slow(permit):
            self._count_failure(SLOW_CALL)
        elif self._is_probing:
            self._probe_succeeded(permit)
        else:
            window = self.window
            self.window = Window(failures=window.failures, successes=window.successes + 1)
            self.effects.append(Kept(None, counts=True))

    def fail(self, event: Fail) -> None:
        """Count a failure; being told when to come back is no failure of a probe."""
        totals = self.totals
        self.totals = Totals(
            failures=totals.failures + 1,
            successes=totals.successes,
            last_failure_at=self.now,
            last_success_at=totals.last_success_at,
        )
        if not self._hears(event.permit):
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

    def release(self, permit: Permit) -> None:
        """Free the slot of a probe that was not made."""
        self._free_slot(permit)

    def trip(self, event: Trip) -> None:
        """Open by hand."""
        self.move(Cause.TRIPPED, event.reason)
        if event.hold:
            self.settings = attrs.evolve(self.settings, mode=Mode.FORCED_OPEN)

    def reset(self) -> None:
        """Close by hand and forget what counted."""
        self.move(Cause.RESET, "reset by hand")
        self._clear_window()
        self.throttle = None
        if self.settings.mode is Mode.FORCED_OPEN:
            self.settings = attrs.evolve(self.settings, mode=Mode.NORMAL)

    def move(self, cause: Cause, reason: str) -> None:
        """Make a transition; what was found out about the agent by probes ends with most of them."""
        before, after = self.position, moved(self.position, cause, self.now)
        self.position = after
        if cause not in _KEEPS_PROBES:
            self.probes, self.probe_successes, self.probes_lost = (), 0, 0
        self.effects.append(Moved(cause, reason, before.state, after.state, after.generation))

    def _grant(self, event: Acquire) -> None:
        if self.settings.mode is Mode.NORMAL:
            self._begin_probing()
        probing = self._is_probing
        permit = Permit(
            permit_id=event.permit_id,
            generation=self.position.generation,
            kind=PermitKind.PROBE if probing else PermitKind.NORMAL,
            worker=event.worker,
            holder=event.holder,
            granted_at=self.now,
            expires_at=self.now + (self.settings.probe_lease if probing else PERMIT_KEPT),
        )
        if probing:
            self.probes = (*self.probes, permit)
        self.effects.append(Granted(permit))

    def _hears(self, permit: Permit | None) -> bool:
        """Say whether an outcome counts beyond the totals; without a permit it may have to stand in for a probe."""
        mode = self.settings.mode
        if mode is Mode.FORCED_OPEN:
            return False
        if permit is not None and (permit.lost or permit.generation != self.position.generation):
            return False
        if self.position.state is BreakerState.CLOSED or mode is Mode.METRICS_ONLY:
            return True
        if permit is not None:
            return permit.kind is PermitKind.PROBE
        self._give_up_lost_probes()
        if self._cooldown_left():
            return False
        self._begin_probing()
        return not self.probes

    def _count_failure(self, failure: str) -> None:
        window = self.window
        window = Window(failures=window.failures + 1, successes=window.successes)
        self.window = window
        self.effects.append(Kept(failure, counts=True))
        settings = self.settings
        if settings.mode is Mode.METRICS_ONLY:
            return
        if self._is_probing:
            self.move(Cause.PROBE_FAILED, f"a probe failed: {failure}")
            return
        if window.failures >= settings.failure_threshold:
            reason = f"{window.failures} failures in {settings.window_seconds:g} s, the last: {failure}"
            self.move(Cause.FAILURES, reason)
            return
        calls = window.failures + window.successes
        rate = settings.failure_rate_threshold
        if rate is not None and calls >= settings.minimum_calls and window.failures / calls >= rate:
            reason = f"{window.failures} of {calls} calls failed in {settings.window_seconds:g} s, the last: {failure}"
            self.move(Cause.FAILURE_RATE, reason)

    def _probe_succeeded(self, permit: Permit | None) -> None:
        self._free_slot(permit)
        self.probe_successes += 1
        if self.probe_successes >= self.settings.success_threshold:
            probes = "a probe" if self.probe_successes == 1 else f"{self.probe_successes} probes"
            self.move(Cause.RECOVERED, f"{probes} succeeded")
            self._clear_window()

    def _free_slot(self, permit: Permit | None) -> None:
        others = self.probes
        if permit is not None:
            others = tuple(probe for probe in others if probe.permit_id != permit.permit_id)
            if len(others) == len(self.probes):
                return
        self.probes, self.probes_lost = others, 0

    def _give_up_lost_probes(self) -> None:
        """Free the slots of probes whose lease is over or whose process is gone; three in a row reopen the breaker."""
        for probe in self.probes:
            if probe.expires_at <= self.now:
                why = "its lease is over"
            elif probe.alive is False:
                why = "its process is gone"
            else:
                continue
            by = "" if probe.worker is None else f" of {probe.worker}"
            others = tuple(other for other in self.probes if other.permit_id != probe.permit_id)
            self.probes, self.probes_lost = others, self.probes_lost + 1
            self.effects.append(ProbeLost(probe.permit_id))
            self.move(Cause.PROBE_LOST, f"the probe{by} was lost: {why}")
        if self.probes_lost >= LOST_IN_A_ROW:
            self.move(Cause.PROBES_LOST, f"{self.probes_lost} probes were lost in a row")

    def _begin_probing(self) -> None:
        if self.position.state is BreakerState.OPEN:
            seconds = self.settings.cooldown(self.position.consecutive_trips) / 1000
            self.move(Cause.COOLDOWN_OVER, f"the cooldown of {seconds:g} s is over")

    def _cooldown_left(self) -> int:
        return max((half_opens_at(self.settings, self.position) or 0) - self.now, 0)

    def _throttle(self, milliseconds: int) -> None:
        until = self.now + milliseconds
        throttle = self.throttle
        if throttle is None or throttle.until < until:
            self.throttle = Throttle(since=self.now, until=until)

    def _throttle_left(self) -> int:
        throttle = self.throttle
        return 0 if throttle is None else max(throttle.until - self.now, 0)

    def _clear_window(self) -> None:
        self.window = Window()
        self.effects.append(WindowCleared())

    def _is_slow(self, permit: Permit) -> bool:
        limit = self.settings.slow_call_seconds
        return limit is not None and self.now - permit.granted_at > round(limit * 1000)

    @property
    def _is_probing(self) -> bool:
        """Whether what counts now counts as a probe."""
        return self.position.state is BreakerState.HALF_OPEN and self.settings.mode is Mode.NORMAL
