"""A breaker as it is shown."""

from typing import Any

import attrs

from .._model import Breaker, BreakerBrief
from .._rules.cooldown import shown_state
from .._rules.machine import refusal
from .._rules.settings import Settings
from .store import Stored

_SETTINGS = tuple(field.name for field in attrs.fields(Settings))


def brief(stored: Stored, now: int) -> BreakerBrief:
    """Return a breaker as lists show it."""
    return BreakerBrief(**_fields(stored, now))


def breaker(stored: Stored, now: int) -> Breaker:
    """Return a breaker with its last failures."""
    return Breaker(recent_failures=stored.recent, **_fields(stored, now))


def seconds(milliseconds: int | None) -> float | None:
    """Return a time to wait as it is answered."""
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
