"""A page of breakers, found by index: by agent, or by the state that they show at this moment."""

import attrs

from .._model import BreakerPage
from .._rules.position import BreakerState
from .rows import BreakerRow
from .store import Store
from .view import brief


@attrs.frozen
class Listing:
    """Lists of the breakers of one database."""

    store: Store

    def page(self, state: BreakerState | None, after: str, limit: int, now: int) -> BreakerPage:
        """Return the breakers that follow an agent, of one state or of any."""
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
