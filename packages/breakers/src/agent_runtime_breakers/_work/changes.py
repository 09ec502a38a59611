"""The changes of breakers: reports of outcomes, and the decisions of a person."""

from collections.abc import Mapping
from typing import Any

import attrs

from .._model import BreakerChange, Result
from .._records.store import Store, Stored
from .._records.views import breaker
from .._rules.events import Configure, Event, Fail, FailureType, Release, Reset, Succeed, Trip, recovered, tripped
from .._rules.machine import step
from .._rules.standing import Permit
from ..errors import PermitNotFound, PermitSettled


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Report:
    """A validated report of an outcome.

    Attributes:
        agent_id: the agent that did the work.
        permit_id: the permit to settle, or None for work without a permit.
        result: success, release, or a type of failure.
        message: the error message, "" for none.
        retry_after: the milliseconds after which a rate-limited agent may be asked again, or None.
    """

    agent_id: str
    permit_id: str | None
    result: Result
    message: str
    retry_after: int | None


@attrs.frozen(kw_only=True, eq=False, repr=False)
class _Recorded:
    """A breaker after an outcome, and the effect of the outcome."""

    stored: Stored
    changed: bool = False
    tripped: bool = False
    recovered: bool = False


class Changes:
    """The changes of breakers in one database. Each call runs inside a transaction.

    Args:
        store: the breakers.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    def report(self, report: Report, now: int) -> BreakerChange:
        """Record an outcome; a permit that was settled in the same way before gets the same answer again.

        Raises:
            PermitNotFound: the agent has no such permit.
            PermitSettled: the permit was settled in another way.
        """
        recorded = self._record(self.store.load(report.agent_id, now), report, now)
        return BreakerChange(
            breaker=breaker(recorded.stored, now),
            changed=recorded.changed,
            tripped=recorded.tripped,
            recovered=recorded.recovered,
        )

    def note(self, report: Report, now: int) -> None:
        """Record an outcome as `report` does, and read only the records that this takes.

        Raises:
            PermitNotFound: the agent has no such permit.
            PermitSettled: the permit was settled in another way.
        """
        load = self.store.load_for_success if report.result is Result.SUCCESS else self.store.load
        self._record(load(report.agent_id, now), report, now)

    def trip(self, agent_id: str, event: Trip, now: int) -> BreakerChange:
        """Open a breaker by hand."""
        return self._move(self.store.load(agent_id, now), event, now)

    def reset(self, agent_id: str, now: int) -> BreakerChange:
        """Close a breaker by hand; an unknown breaker is closed and stays unknown."""
        stored = self.store.load(agent_id, now)
        if not stored.known:
            return BreakerChange(breaker=breaker(stored, now), changed=False)
        return self._move(stored, Reset(), now)

    def configure(self, agent_id: str, changes: Mapping[str, Any], now: int) -> BreakerChange:
        """Change validated settings."""
        stored = self.store.load(agent_id, now)
        settings = attrs.evolve(stored.standing.settings, **changes)
        changed = settings != stored.standing.settings
        if changed:
            self.store.save(stored, *step(stored.standing, Configure(settings), now), now)
            stored = self.store.load(agent_id, now)
        return BreakerChange(breaker=breaker(stored, now), changed=changed)

    def _record(self, stored: Stored, report: Report, now: int) -> _Recorded:
        agent_id, permit_id, result = report.agent_id, report.permit_id, report.result
        if permit_id is None and result is Result.RELEASE:
            return _Recorded(stored=stored)
        permit = None if permit_id is None else self._permit(agent_id, permit_id)
        if permit is not None and permit.outcome is not None:
            if permit.outcome != result:
                raise PermitSettled(agent_id, permit.permit_id, permit.outcome, result)
            return _Recorded(stored=stored, tripped=permit.tripped, recovered=permit.recovered)
        standing, effects = step(stored.standing, _event(report, permit), now)
        changed = bool(effects) or standing != stored.standing
        if changed:
            stored = self.store.save(stored, standing, effects, now, report.message)
        opens, closes = tripped(effects), recovered(effects)
        if permit is not None:
            self.store.permits.settle(agent_id, permit.permit_id, result, tripped=opens, recovered=closes)
        return _Recorded(stored=stored, changed=changed or permit is not None, tripped=opens, recovered=closes)

    def _move(self, stored: Stored, event: Event, now: int) -> BreakerChange:
        standing, effects = step(stored.standing, event, now)
        stored = self.store.save(stored, standing, effects, now)
        return BreakerChange(
            breaker=breaker(stored, now), changed=True, tripped=tripped(effects), recovered=recovered(effects)
        )

    def _permit(self, agent_id: str, permit_id: str) -> Permit:
        permit = self.store.permits.find(agent_id, permit_id)
        if permit is None:
            raise PermitNotFound(agent_id, permit_id)
        return permit


def _event(report: Report, permit: Permit | None) -> Event:
    if report.result is Result.SUCCESS:
        return Succeed(permit)
    if report.result is Result.RELEASE and permit is not None:
        return Release(permit)
    return Fail(permit, FailureType(report.result), report.retry_after)
