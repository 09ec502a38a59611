"""The I/O-free circuit breaker state machine: `step(standing, event, now)` returns the new standing and effects.

It has no database, no clock and no memory. The caller reads the standing, calls `step`, and stores the new standing and
the effects in one transaction.

States:
    closed: all work is admitted. Successes and failures are counted in a rolling window of `window_seconds`.
    open: all work is refused until the cooldown is over.
    half_open: at most `half_open_max_calls` probes are in flight at once; all other work is refused.

Transitions, by their cause:
    closed -> open: the window holds `failure_threshold` failures (failures), or at least `minimum_calls` outcomes with
        a share of failures of `failure_rate_threshold` (failure_rate). A success slower than `slow_call_seconds` counts
        as a failure here.
    open -> half_open: the cooldown is over (cooldown_over). No timer does this: the first caller after the cooldown
        does, and becomes the first probe. The cooldown is
        cooldown_seconds x cooldown_multiplier^(consecutive trips - 1), at most the larger of `cooldown_seconds` and
        `max_cooldown_seconds`.
    half_open -> closed: `success_threshold` probes succeeded (recovered). The window is cleared.
    half_open -> open: one probe failed or was too slow (probe_failed), or three probes in a row were lost
        (probes_lost). The next cooldown is longer by the multiplier.
    any -> open, any -> closed: a person trips or resets the breaker (tripped, reset). A reset also clears the window
        and the throttle.
    Without a change of state: a lost probe frees its slot (probe_lost), and an `opened_at` in the future is set to now,
        because the clock was set back (clock_set_back).

Modes: forced_open, which `Trip(hold=True)` sets until the reset, refuses all work. metrics_only admits all work and
records outcomes, but they never open the breaker. disabled admits all work and records nothing.

Permits: an admitted caller gets a permit of the breaker's generation and settles it with a success, a failure or a
release. Each transition to a state begins a generation and so voids all earlier permits. Their outcomes, and those of
lost probes, count in the totals and decide nothing. An outcome without a permit counts while the breaker is closed;
once the cooldown is over, it counts as a probe if no probe is in flight. A probe is lost when its lease of
`probe_lease_seconds` ends or its process is gone.

Throttle: a failure `rate_limited` with `retry_after` refuses all work until that time. It counts once, however many
callers report it, and does not count against a probe.

Invariants:
    - Probes are in flight only while the breaker is half open, and all are of its generation.
    - `opened_at` is None exactly while the breaker is closed. The generation never falls.
    - The position follows from the stored transitions by `position.moved`, so that `replay` computes it again.
    - `refusal` answers as a step with `Acquire` would at the same time.
    - `step` changes no argument: the same arguments give the same answer.

Example, with failure_threshold=2, cooldown_seconds=10, success_threshold=1, cooldown_multiplier=2:
    0 s   Fail, Fail  two failures in the window: closed -> open, generation 1, one trip
    4 s   Acquire     Refused(open, retry_after=6000)
    10 s  Acquire     open -> half_open, generation 2; Granted(a probe)
    11 s  Acquire     Refused(probe_in_flight) until the lease of the probe ends
    12 s  Fail        the probe failed: half_open -> open, generation 3, two trips in a row, a cooldown of 20 s
    32 s  Acquire     open -> half_open, generation 4; Granted(a probe)
    33 s  Succeed     the probe succeeded: half_open -> closed, generation 5, an empty window
"""

import attrs

from .events import (
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
    ProbeLost,
    RefusalReason,
    Refused,
    Release,
    Reset,
    Succeed,
    Trip,
    WindowCleared,
)
from .position import BreakerState, Cause, half_opens_at, moved
from .settings import Mode
from .standing import PERMIT_KEPT, Permit, PermitKind, Standing, Throttle, Window

LOST_IN_A_ROW = 3
_KEEPS_PROBES = frozenset({Cause.PROBE_LOST, Cause.CLOCK_SET_BACK})


def step(standing: Standing, event: Event, now: int) -> tuple[Standing, tuple[Effect, ...]]:
    """Return the breaker after an event, and the effects to store or to answer.

    Args:
        standing: the breaker before, with its window and the liveness of its probes as of `now`.
        event: the event.
        now: the time in milliseconds since 1970.
    """
    if standing.settings.mode is Mode.DISABLED and isinstance(event, Acquire | Succeed | Fail):
        return standing, (LetThrough(),) if isinstance(event, Acquire) else ()
    running = _Step(standing, now)
    match event:
        case Acquire():
            running.acquire(event)
        case Succeed():
            running.succeed(event.permit)
        case Fail():
            running.fail(event)
        case Release():
            running.free_slot(event.permit)
        case Trip():
            running.trip(event)
        case Reset():
            running.reset()
        case Configure():
            running.settings = event.settings
    return running.result(), tuple(running.effects)


def refusal(standing: Standing, now: int) -> Refused | None:
    """Return the refusal that a caller would get now, or None if a permit would be granted."""
    is_closed = standing.position.state is BreakerState.CLOSED and standing.throttle is None
    if is_closed and standing.settings.mode is Mode.NORMAL:
        return None  # the common case, without the cost of a step
    return _Step(standing, now).refusal()


class _Step:
    """A step in progress: the parts of a standing, which an event replaces, and the effects so far.

    It begins with the correction of timestamps that a clock which was set back left in the future.
    """

    def __init__(self, before: Standing, now: int) -> None:
        standing = before.clamped(now)
        self.now = now
        self.settings = standing.settings
        self.position = standing.position
        self.totals = standing.totals
        self.window = standing.window
        self.throttle = standing.throttle
        self.probes = standing.probes
        self.probe_successes = standing.probe_successes
        self.probes_lost = standing.probes_lost
        self.effects: list[Effect] = []
        opened_later = before.position.opened_at is not None and before.position.opened_at > now
        if standing is not before or opened_later:
            self.effects.append(ClockSetBack())
        if opened_later:
            self._move(Cause.CLOCK_SET_BACK, "the clock was set back, so the cooldown begins anew")

    def result(self) -> Standing:
        """Return the breaker after the event."""
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
        """Return the reason why a permit can't be granted now, or None; lost probes are given up first."""
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
        """Count a success; a slow one counts against the agent."""
        self.totals = self.totals.with_success(self.now)
        if not self._counts(permit):
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
        """Count a failure; a rate limit with a time to retry is not a failure of a probe."""
        self.totals = self.totals.with_failure(self.now)
        if not self._counts(event.permit):
            self.effects.append(Kept(event.failure_type, counts=False))
            return
        throttled_before = self._throttle_left() > 0
        is_limit = event.failure_type is FailureType.RATE_LIMITED
        if is_limit and event.retry_after is not None:
            self._throttle(event.retry_after)
            if self._is_probing:
                self.free_slot(event.permit)
                self.effects.append(Kept(event.failure_type, counts=False))
                return
        if is_limit and throttled_before and not self._is_probing:
            self.effects.append(Kept(event.failure_type, counts=False))
            return
        self._count_failure(event.failure_type)

    def free_slot(self, permit: Permit | None) -> None:
        """Free the slot of a probe; without a permit, all slots."""
        others = self.probes
        if permit is not None:
            others = tuple(probe for probe in others if probe.permit_id != permit.permit_id)
            if len(others) == len(self.probes):
                return
        self.probes, self.probes_lost = others, 0

    def trip(self, event: Trip) -> None:
        """Open by hand."""
        self._move(Cause.TRIPPED, event.reason)
        if event.hold:
            self.settings = attrs.evolve(self.settings, mode=Mode.FORCED_OPEN)

    def reset(self) -> None:
        """Close by hand, with an empty window and without a throttle."""
        self._move(Cause.RESET, "reset by hand")
        self._clear_window()
        self.throttle = None
        if self.settings.mode is Mode.FORCED_OPEN:
            self.settings = attrs.evolve(self.settings, mode=Mode.NORMAL)

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

    def _counts(self, permit: Permit | None) -> bool:
        """Tell whether an outcome counts beyond the totals; without a permit it may count as a probe."""
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
        self.window = window = Window(failures=window.failures + 1, successes=window.successes)
        self.effects.append(Kept(failure, counts=True))
        if self.settings.mode is Mode.METRICS_ONLY:
            return
        if self._is_probing:
            self._move(Cause.PROBE_FAILED, f"a probe failed: {failure}")
        elif reached := window.threshold_reached(self.settings, failure):
            self._move(*reached)

    def _probe_succeeded(self, permit: Permit | None) -> None:
        self.free_slot(permit)
        self.probe_successes += 1
        if self.probe_successes >= self.settings.success_threshold:
            probes = "a probe" if self.probe_successes == 1 else f"{self.probe_successes} probes"
            self._move(Cause.RECOVERED, f"{probes} succeeded")
            self._clear_window()

    def _give_up_lost_probes(self) -> None:
        """Free the slots of lost probes; three lost in a row reopen the breaker."""
        for probe in self.probes:
            why = probe.reason_lost(self.now)
            if why is None:
                continue
            by = "" if probe.worker is None else f" of {probe.worker}"
            others = tuple(other for other in self.probes if other.permit_id != probe.permit_id)
            self.probes, self.probes_lost = others, self.probes_lost + 1
            self.effects.append(ProbeLost(probe.permit_id))
            self._move(Cause.PROBE_LOST, f"the probe{by} was lost: {why}")
        if self.probes_lost >= LOST_IN_A_ROW:
            self._move(Cause.PROBES_LOST, f"{self.probes_lost} probes were lost in a row")

    def _begin_probing(self) -> None:
        if self.position.state is BreakerState.OPEN:
            seconds = self.settings.cooldown(self.position.consecutive_trips) / 1000
            self._move(Cause.COOLDOWN_OVER, f"the cooldown of {seconds:g} s is over")

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

    def _move(self, cause: Cause, reason: str) -> None:
        """Make a transition; most transitions end all probes."""
        before, after = self.position, moved(self.position, cause, self.now)
        self.position = after
        if cause not in _KEEPS_PROBES:
            self.probes, self.probe_successes, self.probes_lost = (), 0, 0
        self.effects.append(Moved(cause, reason, before.state, after.state, after.generation))

    def _clear_window(self) -> None:
        self.window = Window()
        self.effects.append(WindowCleared())

    def _is_slow(self, permit: Permit) -> bool:
        limit = self.settings.slow_call_seconds
        return limit is not None and self.now - permit.granted_at > round(limit * 1000)

    @property
    def _is_probing(self) -> bool:
        """True if an outcome that counts now counts as one of a probe."""
        return self.position.state is BreakerState.HALF_OPEN and self.settings.mode is Mode.NORMAL
