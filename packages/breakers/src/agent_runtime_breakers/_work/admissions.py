"""The admission of work: a permit, or a refusal with the agent that stands in."""

from .._model import Admission
from .._records.store import Store
from .._records.views import seconds
from .._rules.events import Acquire, Granted, LetThrough, Refused
from .._rules.fallbacks import Link, find_stand_in
from .._rules.machine import refusal, step
from .._rules.standing import PermitKind, Standing


class Admissions:
    """The admissions of one database.

    Args:
        store: the breakers.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    def admit(self, agent_id: str, event: Acquire, now: int) -> Admission:
        """Grant a permit or refuse it; runs inside a transaction."""
        stored = self.store.load_for_admission(agent_id)
        standing, effects = step(stored.standing, event, now)
        [answer] = [effect for effect in effects if isinstance(effect, Granted | LetThrough | Refused)]
        if isinstance(answer, LetThrough):
            return Admission(agent_id=agent_id, admitted=True, kind=PermitKind.NORMAL)
        self.store.save(stored, standing, effects, now)
        if isinstance(answer, Refused):
            return self._refused(agent_id, standing, answer, now)
        permit = answer.permit
        return Admission(
            agent_id=agent_id,
            admitted=True,
            permit_id=permit.permit_id,
            kind=permit.kind,
            expires_at=permit.expires_at,
        )

    def advise(self, agent_id: str, now: int) -> Admission:
        """Return the answer that `admit` would give, and write nothing."""
        standing = self.store.load_unless_admitting(agent_id)
        refused = None if standing is None else refusal(standing, now)
        if standing is None or refused is None:
            return Admission(agent_id=agent_id, admitted=True)
        return self._refused(agent_id, standing, refused, now)

    def is_current(self, agent_id: str, permit_id: str) -> bool:
        """Tell whether a permit is neither settled nor lost, and of the breaker's present generation."""
        permit = self.store.permits.find(agent_id, permit_id)
        if permit is None or permit.outcome is not None or permit.lost:
            return False
        return permit.generation == self.store.load_for_admission(agent_id).standing.position.generation

    def _refused(self, agent_id: str, standing: Standing, refused: Refused, now: int) -> Admission:
        first = Link(admits=False, retry_after=refused.retry_after, fallback_agent=standing.settings.fallback_agent)
        found = find_stand_in(agent_id, first, lambda other: self._link(other, now))
        return Admission(
            agent_id=agent_id,
            admitted=False,
            reason=refused.reason,
            retry_after_seconds=seconds(found.retry_after),
            fallback_agent=found.agent_id,
        )

    def _link(self, agent_id: str, now: int) -> Link:
        standing = self.store.load_for_admission(agent_id).standing
        refused = refusal(standing, now)
        return Link(
            admits=refused is None,
            retry_after=None if refused is None else refused.retry_after,
            fallback_agent=standing.settings.fallback_agent,
        )
