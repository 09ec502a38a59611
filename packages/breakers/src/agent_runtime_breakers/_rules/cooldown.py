"""When an open breaker lets probes through, and what it shows until then."""

from .position import BreakerState, Position
from .settings import Mode, Settings


def half_opens_at(settings: Settings, position: Position) -> int | None:
    """Return when the cooldown of an open breaker is over; None for one that is not open, or is held so."""
    if settings.mode is Mode.FORCED_OPEN or position.opened_at is None or position.state is BreakerState.HALF_OPEN:
        return None
    cooldown = settings.cooldown(position.consecutive_trips)
    # Without a cooldown it half opens at once, even where the clock was set back to before it opened.
    return position.opened_at + cooldown if cooldown else 0


def shown_state(settings: Settings, position: Position, now: int) -> BreakerState:
    """Return the state to show: open while it is forced to be, half_open once its cooldown is over."""
    if settings.mode is Mode.FORCED_OPEN:
        return BreakerState.OPEN
    half_opens = half_opens_at(settings, position)
    return position.state if half_opens is None or half_opens > now else BreakerState.HALF_OPEN
