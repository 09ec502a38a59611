"""Each verb inside its transaction: read the breaker, ask the machine, write its answer down, say what happened."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from .._model import Admission, Breaker, BreakerChange, Result
from .._records.store import Store, Stored
from .._records.view import breaker, seconds
from ..errors import PermitNotFound, PermitSettled
from .fallbacks import Link, find_stand_in
from .machine import refusal, step
from .position import BreakerState, Cause
from .standing import (
    Acquire,
    Answer,
    Configure,
    Effect,
    Event,
    Fail,
    FailureType,
    LetThrough,
    Moved,
    Permit,
    PermitKind,
    Refused,
    Release,
    Reset,
    Standing,
    Succeed,
    Trip,
)


@attrs.frozen(kw_only=True)
class _Recorded:
    """A breaker after an outcome, and what that did."""

    stored: Stored
    changed: bool = False
    tripped: bool = False
    recovered: bool = False


@attrs.frozen
class Decisions:
    """What is decided about the breakers of one database at one moment.

    Args:
        store: the breakers.
        now: the time in milliseconds since 1970.
    """

    store: Store
    now: int

    def admit(self, agent_id: str, event: Acquire) -> Admission:
        """Grant a permit or refuse it."""
        stored = self.store.load_for_admission(agent_id)
        standing, effects = step(stored.standing, event, self.now)
        [answer] = [effect for effect in effects if isinstance(effect, Answer)]
        if isinstance(answer, LetThrough):
            return Admission(agent_id=agent_id, admitted=True, kind=PermitKind.NORMAL)
        self.store.save(stored, standing, effects, self.now)
        if isinstance(answer, Refused):
            return self._refused(agent_id, standing, answer)
        permit = answer.permit
        return Admission(
            agent_id=agent_id,
            admitted=True,
            permit_id=permit.permit_id,
            kind=permit.kind,
            expires_at=permit.expires_at,
        )

    def advise(self, agent_id: str) -> Admission:
        """Say whether a permit would be granted."""
        standing = self.store.load_if_wary(agent_id)
        refused = None if standing is None else refusal(standing, self.now)
        if standing is None or refused is None:
            return Admission(agent_id=agent_id, admitted=True)
        return self._refused(agent_id, standing, refused)

    def report(
        self, agent_id: str, permit_id: str | None, result: Result, message: str, retry_after: int | None
    ) -> BreakerChange:
        """Record an outcome, under a permit or without one; a permit that was settled so before is told again.

        Raises:
            PermitNotFound: the agent has no such permit.
            PermitSettled: the permit was settled in another way.
        """
        recorded = self._record(self.store.load(agent_id, self.now), permit_id, result, message, retry_after)
        return BreakerChange(
            breaker=breaker(recorded.stored, self.now),
            changed=recorded.changed,
            tripped=recorded.tripped,
            recovered=recorded.recovered,
        )

    def note(self, agent_id: str, permit_id: str | None, result: Result, message: str, retry_after: int | None) -> None:
        """Record an outcome as `report` does, and read only what that takes.

        Raises:
            PermitNotFound: the agent has no such permit.
            PermitSettled: the permit was settled in another way.
        """
        success = result is Result.SUCCESS
        stored = self.store.load_for_success(agent_id, self.now) if success else self.store.load(agent_id, self.now)
        self._record(stored, permit_id, result, message, retry_after)

    def _record(
        self, stored: Stored, permit_id: str | None, result: Result, message: str, retry_after: int | None
    ) -> _Recorded:
        agent_id = stored.agent_id
        if permit_id is None and result is Result.RELEASE:
            return _Recorded(stored=stored)
        permit = None if permit_id is None else self._permit(agent_id, permit_id)
        if permit is not None and permit.outcome is not None:
            if permit.outcome != result:
                raise PermitSettled(agent_id, permit.permit_id, permit.outcome, result)
            return _Recorded(stored=stored, tripped=permit.tripped, recovered=permit.recovered)
        standing, effects = step(stored.standing, _event(result, permit, retry_after), self.now)
        changed = bool(effects) or standing != stored.standing
        if changed:
            stored = self.store.save(stored, standing, effects, self.now, message)
        tripped, recovered = _tripped(effects), _recovered(effects)
        if permit is not None:
            self.store.permits.settle(agent_id, permit.permit_id, result, tripped=tripped, recovered=recovered)
        return _Recorded(stored=stored, changed=changed or permit is not None, tripped=tripped, recovered=recovered)

    def show(self, agent_id: str) -> Breaker:
        """Return a breaker as it stands."""
        return breaker(self.store.load(agent_id, self.now), self.now)

    def is_current(self, agent_id: str, permit_id: str) -> bool:
        """Say whether a permit is neither settled nor lost, and of the breaker's present generation."""
        permit = self.store.permits.find(agent_id, permit_id)
        if permit is None or permit.outcome is not None or permit.lost:
            return False
        return permit.generation == self.store.load_for_admission(agent_id).standing.position.generation

    def trip(self, agent_id: str, event: Trip) -> BreakerChange:
        """Open a breaker by hand."""
        return self._move(self.store.load(agent_id, self.now), event)

    def reset(self, agent_id: str) -> BreakerChange:
        """Close a breaker by hand; where nothing is known, there is nothing to close."""
        stored = self.store.load(agent_id, self.now)
        if not stored.known:
            return BreakerChange(breaker=breaker(stored, self.now), changed=False)
        return self._move(stored, Reset())

    def configure(self, agent_id: str, changes: Mapping[str, Any]) -> BreakerChange:
        """Change settings."""
        stored = self.store.load(agent_id, self.now)
        settings = attrs.evolve(stored.standing.settings, **changes)
        changed = settings != stored.standing.settings
        if changed:
            self.store.save(stored, *step(stored.standing, Configure(settings), self.now), self.now)
            stored = self.store.load(agent_id, self.now)
        return BreakerChange(breaker=breaker(stored, self.now), changed=changed)

    def _move(self, stored: Stored, event: Event) -> BreakerChange:
        standing, effects = step(stored.standing, event, self.now)
        stored = self.store.save(stored, standing, effects, self.now)
        return BreakerChange(
            breaker=breaker(stored, self.now), changed=True, tripped=_tripped(effects), recovered=_recovered(effects)
        )

    def _permit(self, agent_id: str, permit_id: str) -> Permit:
        permit = self.store.permits.find(agent_id, permit_id)
        if permit is None:
            raise PermitNotFound(agent_id, permit_id)
        return permit

    def _refused(self, agent_id: str, standing: Standing, refused: Refused) -> Admission:
        first = Link(admits=False, retry_after=refused.retry_after, fallback_agent=standing.settings.fallback_agent)
        found = find_stand_in(agent_id, first, self._link)
        return Admission(
            agent_id=agent_id,
            admitted=False,
            reason=refused.reason,
            retry_after_seconds=seconds(found.retry_after),
            fallback_agent=found.agent_id,
        )

    def _link(self, agent_id: str) -> Link:
        standing = self.store.load_for_admission(agent_id).standing
        refused = refusal(standing, self.now)
        return Link(
            admits=refused is None,
            retry_after=None if refused is None else refused.retry_after,
            fallback_agent=standing.settings.fallback_agent,
        )


def _event(result: Result, permit: Permit | None, retry_after: int | None) -> Event:
    if result is Result.SUCCESS:
        return Succeed(permit)
    if result is Result.RELEASE and permit is not None:
        return Release(permit)
    return Fail(permit, FailureType(result), retry_after)


def _tripped(effects: Sequence[Effect]) -> bool:
    return any(
        isinstance(effect, Moved) and effect.after is BreakerState.OPEN and effect.cause is not Cause.CLOCK_SET_BACK
        for effect in effects
    )


def _recovered(effects: Sequence[Effect]) -> bool:
    return any(
        isinstance(effect, Moved) and effect.after is BreakerState.CLOSED and effect.before is not BreakerState.CLOSED
        for effect in effects
    )
