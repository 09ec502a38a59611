"""The rows of breakers: their columns, and the writes of a whole row or of its tallies alone."""

import functools
from collections.abc import Sequence
from typing import Any

import attrs

from agent_runtime_kernel.connection import Connection, Row

from .._rules.position import BreakerState, Position, half_opens_at
from .._rules.settings import Mode, Settings
from .._rules.standing import Permit, Standing, Throttle, Totals, Window

_TALLIES = (
    "probe_successes",
    "probes_lost",
    "throttled_since",
    "throttled_until",
    "total_failures",
    "total_successes",
    "last_failure_at",
    "last_success_at",
    "counted_failures",
    "counted_successes",
)
_STANDING = (
    "state",
    "generation",
    "opened_at",
    "trip_count",
    "consecutive_trips",
    "cleared_failures",
    "cleared_successes",
    "transitions",
)
_DERIVED = ("shown_state", "half_opens_at")
_SETTINGS = tuple(field.name for field in attrs.fields(Settings))
_READ = (*_TALLIES, *_STANDING, *_SETTINGS)
_WRITTEN = (*_READ, *_DERIVED)

_SELECT = f"""
    SELECT agent_id, {", ".join(_READ)}
    FROM breakers_breakers
"""
_INSERT = f"""
    INSERT INTO breakers_breakers (agent_id, {", ".join(_WRITTEN)})
    VALUES (:agent_id, {", ".join(f":{column}" for column in _WRITTEN)})
"""
_UPDATE = f"""
    UPDATE breakers_breakers
    SET {", ".join(f"{column} = :{column}" for column in _WRITTEN)}
    WHERE agent_id = :agent_id
"""
_UPDATE_TALLIES = f"""
    UPDATE breakers_breakers
    SET {", ".join(f"{column} = :{column}" for column in _TALLIES)}
    WHERE agent_id = :agent_id
"""


@attrs.frozen(kw_only=True)
class Counted:
    """The counts of a breaker, from which its window is computed.

    Attributes:
        failures: the number of failures that counted so far.
        successes: the number of successes that counted so far.
        cleared_failures: the number of these failures before the window was last cleared.
        cleared_successes: the number of these successes before the window was last cleared.
        transitions: the number of transitions so far.
    """

    failures: int = 0
    successes: int = 0
    cleared_failures: int = 0
    cleared_successes: int = 0
    transitions: int = 0


@attrs.frozen(kw_only=True)
class BreakerRow:
    """A breaker as it is in its row: without its window and without its probes."""

    agent_id: str
    settings: Settings
    position: Position
    totals: Totals
    throttle: Throttle | None
    probe_successes: int
    probes_lost: int
    counted: Counted

    def standing(self, window: Window, probes: tuple[Permit, ...]) -> Standing:
        """Return the standing, with a window and probes that were read elsewhere."""
        return Standing(
            settings=self.settings,
            position=self.position,
            totals=self.totals,
            window=window,
            throttle=self.throttle,
            probes=probes,
            probe_successes=self.probe_successes,
            probes_lost=self.probes_lost,
        )


class Rows:
    """The rows of all breakers of one database.

    Args:
        connection: the open connection.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def find(self, agent_id: str) -> BreakerRow | None:
        """Return the row of an agent's breaker, or None if the agent is not known."""
        row = self.connection.execute(f"{_SELECT} WHERE agent_id = :agent_id", {"agent_id": agent_id}).fetchone()
        return None if row is None else _breaker_row(row)

    def find_unless_admitting(self, agent_id: str) -> BreakerRow | None:
        """Return the row of a breaker that may refuse, or None: a closed breaker without a throttle admits all."""
        row = self.connection.execute(
            f"{_SELECT} WHERE agent_id = :agent_id AND (shown_state <> 'closed' OR throttled_until IS NOT NULL)",
            {"agent_id": agent_id},
        ).fetchone()
        return None if row is None else _breaker_row(row)

    def find_all(self, agent_ids: Sequence[str]) -> list[BreakerRow]:
        """Return the rows of some agents in the order of the agents; unknown agents have none."""
        names = {f"id{index}": agent_id for index, agent_id in enumerate(agent_ids)}
        among = ", ".join(f":{name}" for name in names) or "NULL"
        rows = self.connection.execute(f"{_SELECT} WHERE agent_id IN ({among}) ORDER BY agent_id", names).fetchall()
        return list(map(_breaker_row, rows))

    def page(self, after: str, limit: int) -> list[BreakerRow]:
        """Return the rows that follow an agent."""
        rows = self.connection.execute(
            f"{_SELECT} WHERE agent_id > :after ORDER BY agent_id LIMIT :limit", {"after": after, "limit": limit}
        ).fetchall()
        return list(map(_breaker_row, rows))

    def closed_after(self, after: str, limit: int) -> list[str]:
        """Return the agents with a closed breaker that follow an agent."""
        rows = self.connection.execute(
            """
            SELECT agent_id
            FROM breakers_breakers
            WHERE shown_state = 'closed' AND agent_id > :after
            ORDER BY agent_id
            LIMIT :limit
            """,
            {"after": after, "limit": limit},
        ).fetchall()
        return [row[0] for row in rows]

    def not_closed(self, now: int) -> dict[str, BreakerState]:
        """Return the agents whose breakers show as open or half open at a time, with these states."""
        rows = self.connection.execute(
            """
            SELECT agent_id, CASE WHEN half_opens_at <= :now THEN 'half_open' ELSE shown_state END
            FROM breakers_breakers
            WHERE shown_state IN ('half_open', 'open')
            ORDER BY shown_state, agent_id
            """,
            {"now": now},
        ).fetchall()
        return {agent_id: BreakerState(state) for agent_id, state in sorted(rows)}

    def count(self) -> int:
        """Return the number of known breakers."""
        [row] = self.connection.execute("SELECT COUNT(*) FROM breakers_breakers").fetchall()
        return int(row[0])

    def insert(self, agent_id: str, standing: Standing, counted: Counted) -> None:
        """Write a new row."""
        self.connection.execute(_INSERT, _all_values(agent_id, standing, counted))

    def update(self, agent_id: str, standing: Standing, counted: Counted) -> None:
        """Write a row."""
        self.connection.execute(_UPDATE, _all_values(agent_id, standing, counted))

    def update_tallies(self, agent_id: str, standing: Standing, counted: Counted) -> None:
        """Write the columns that an outcome changes if the breaker makes no transition; this touches no index."""
        values = {"agent_id": agent_id, **_tallies(standing, counted)}
        self.connection.execute(_UPDATE_TALLIES, values)


def stored_state(settings: Settings, position: Position) -> str:
    """Return the column `shown_state`: an open breaker shows as half open from `half_opens_at` on, without a write."""
    return str(BreakerState.OPEN if settings.mode is Mode.FORCED_OPEN else position.state)


def _breaker_row(row: Row) -> BreakerRow:
    (
        agent_id,
        probe_successes,
        probes_lost,
        throttled_since,
        throttled_until,
        total_failures,
        total_successes,
        last_failure_at,
        last_success_at,
        counted_failures,
        counted_successes,
        state,
        generation,
        opened_at,
        trip_count,
        consecutive_trips,
        cleared_failures,
        cleared_successes,
        transitions,
        *settings,
    ) = row
    return BreakerRow(
        agent_id=agent_id,
        settings=_settings(*settings),
        position=Position(
            state=BreakerState(state),
            generation=generation,
            opened_at=opened_at,
            trip_count=trip_count,
            consecutive_trips=consecutive_trips,
        ),
        totals=Totals(
            failures=total_failures,
            successes=total_successes,
            last_failure_at=last_failure_at,
            last_success_at=last_success_at,
        ),
        throttle=None if throttled_since is None else Throttle(since=throttled_since, until=throttled_until),
        probe_successes=probe_successes,
        probes_lost=probes_lost,
        counted=Counted(
            failures=counted_failures,
            successes=counted_successes,
            cleared_failures=cleared_failures,
            cleared_successes=cleared_successes,
            transitions=transitions,
        ),
    )


@functools.lru_cache(maxsize=256)
def _settings(mode: str, *others: Any) -> Settings:
    """Return equal settings as one object: most breakers have the default settings."""
    return Settings(mode=Mode(mode), **dict(zip(_SETTINGS[1:], others, strict=True)))


def _all_values(agent_id: str, standing: Standing, counted: Counted) -> dict[str, Any]:
    position, settings = standing.position, standing.settings
    return {
        "agent_id": agent_id,
        **_tallies(standing, counted),
        "state": str(position.state),
        "generation": position.generation,
        "opened_at": position.opened_at,
        "trip_count": position.trip_count,
        "consecutive_trips": position.consecutive_trips,
        "cleared_failures": counted.cleared_failures,
        "cleared_successes": counted.cleared_successes,
        "transitions": counted.transitions,
        "shown_state": stored_state(settings, position),
        "half_opens_at": half_opens_at(settings, position),
        **{name: getattr(settings, name) for name in _SETTINGS},
        "mode": str(settings.mode),
    }


def _tallies(standing: Standing, counted: Counted) -> dict[str, Any]:
    totals, throttle = standing.totals, standing.throttle
    return {
        "probe_successes": standing.probe_successes,
        "probes_lost": standing.probes_lost,
        "throttled_since": None if throttle is None else throttle.since,
        "throttled_until": None if throttle is None else throttle.until,
        "total_failures": totals.failures,
        "total_successes": totals.successes,
        "last_failure_at": totals.last_failure_at,
        "last_success_at": totals.last_success_at,
        "counted_failures": counted.failures,
        "counted_successes": counted.successes,
    }
