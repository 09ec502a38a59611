"""Views of breakers: one breaker, and pages of breakers by agent or by the state that they show at a moment."""

from typing import Any

import attrs

from .._model import Breaker, BreakerBrief, BreakerPage
from .._rules.machine import refusal
from .._rules.position import BreakerState, shown_state
from .._rules.settings import Settings
from .rows import BreakerRow
from .store import Store, Stored

_SETTINGS = tuple(field.name for field in attrs.fields(Settings))


class Listing:
    """The pages of breakers of one database.

    Args:
        store: the breakers.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    def page(self, state: BreakerState | None, after: str, limit: int, now: int) -> BreakerPage:
        """Return the breakers that follow an agent, in one state or in any."""
        not_closed = self.store.rows.not_closed(now)
        opened = tuple(agent_id for agent_id, shown in not_closed.items() if shown is BreakerState.OPEN)
        half_open = tuple(agent_id for agent_id, shown in not_closed.items() if shown is BreakerState.HALF_OPEN)
        if state is BreakerState.OPEN:
            total, rows = len(opened), self._among(opened, after, limit)
        elif state is BreakerState.HALF_OPEN:
            total, rows = len(half_open), self._among(half_open, after, limit)
        else:
            known = self.store.rows.count()
            if state is None:
                total, rows = known, self.store.rows.page(after, limit + 1)
            else:
                closed = self.store.rows.closed_after(after, limit + 1)
                total, rows = known - len(not_closed), self.store.rows.find_all(closed)
        return BreakerPage(
            breakers=tuple(brief(self.store.complete(row, now), now) for row in rows[:limit]),
            total=total,
            more=len(rows) > limit,
            open=opened,
            half_open=half_open,
        )

    def _among(self, agent_ids: tuple[str, ...], after: str, limit: int) -> list[BreakerRow]:
        following = [agent_id for agent_id in agent_ids if agent_id > after]
        return self.store.rows.find_all(following[: limit + 1])


def brief(stored: Stored, now: int) -> BreakerBrief:
    """Return a breaker without its last failures."""
    return BreakerBrief(**_fields(stored, now))


def breaker(stored: Stored, now: int) -> Breaker:
    """Return a breaker with its last failures."""
    return Breaker(recent_failures=stored.recent, **_fields(stored, now))


def seconds(milliseconds: int | None) -> float | None:
    """Return a waiting time in seconds."""
    return None if milliseconds is None else milliseconds / 1000


def _fields(stored: Stored, now: int) -> dict[str, Any]:
    standing = stored.standing
    settings, totals, position = standing.settings, standing.totals, standing.position
    refused = refusal(standing, now)
    return {
        **{name: getattr(settings, name) for name in _SETTINGS},
        "agent_id": stored.agent_id,
        "state": shown_state(settings, position, now),
        "known": stored.known,
        "can_execute": refused is None,
        "retry_after_seconds": 0.0 if refused is None else seconds(refused.retry_after),
        "failure_count": standing.window.failures,
        "total_failures": totals.failures,
        "total_successes": totals.successes,
        "trip_count": position.trip_count,
        "opened_at": position.opened_at,
        "last_failure_at": totals.last_failure_at,
        "last_success_at": totals.last_success_at,
    }
