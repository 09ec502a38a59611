"""What becomes of stamps that a clock which was set back left in the future."""

import attrs

from .standing import Permit, Standing, Throttle, Totals


def without_future_stamps(standing: Standing, now: int) -> Standing:
    """Return the breaker with now in place of later stamps, itself where there is none.

    Leases and throttles keep their length. When it opened is left as it is: to correct that is a transition.
    """
    totals, throttle, probes = standing.totals, standing.throttle, standing.probes
    if (
        (totals.last_failure_at or 0) <= now
        and (totals.last_success_at or 0) <= now
        and (throttle is None or throttle.since <= now)
        and all(probe.granted_at <= now for probe in probes)
    ):
        return standing
    return attrs.evolve(
        standing,
        totals=_totals(totals, now),
        throttle=throttle and _throttle(throttle, now),
        probes=tuple(_probe(probe, now) for probe in probes),
    )


def _totals(totals: Totals, now: int) -> Totals:
    return attrs.evolve(
        totals,
        last_failure_at=_at_most(totals.last_failure_at, now),
        last_success_at=_at_most(totals.last_success_at, now),
    )


def _at_most(stamp: int | None, now: int) -> int | None:
    return now if stamp is not None and stamp > now else stamp


def _throttle(throttle: Throttle, now: int) -> Throttle:
    if throttle.since <= now:
        return throttle
    return Throttle(since=now, until=now + throttle.until - throttle.since)


def _probe(probe: Permit, now: int) -> Permit:
    if probe.granted_at <= now:
        return probe
    return attrs.evolve(probe, granted_at=now, expires_at=now + probe.expires_at - probe.granted_at)
