"""A breaker as the database holds it: read whole before a step, and written back as the step's effects ask for."""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

import attrs

from ._history import History
from ._model import RecentFailure
from ._outcomes import SHOWN, Outcomes
from ._permits import Permits
from ._position import BreakerState, Transition
from ._rows import BreakerRow, Counted, Rows
from ._standing import ClockSetBack, Effect, Granted, Kept, Moved, ProbeLost, Standing, Window, WindowCleared
from ._storage import Connection

OUTCOMES_KEPT = 7 * 24 * 3600 * 1000


@attrs.frozen(kw_only=True)
class Stored:
    """A breaker with all that a step needs.

    Attributes:
        row: its row, with the window counted and the probes looked at.
        known: whether there is such a row yet.
        recent: its last failures, newest first.
    """

    row: BreakerRow
    known: bool
    recent: tuple[RecentFailure, ...] = ()

    @property
    def standing(self) -> Standing:
        """What a step starts from."""
        return self.row.standing


@attrs.frozen(slots=False)
class Store:
    """The breakers of one database.

    Args:
        connection: the open connection.
        is_alive: whether the process behind a holder still lives; None when that can't be known.
    """

    connection: Connection
    is_alive: Callable[[str], bool | None]

    @cached_property
    def rows(self) -> Rows:
        """The rows of the breakers."""
        return Rows(self.connection)

    @cached_property
    def outcomes(self) -> Outcomes:
        """What the windows hold."""
        return Outcomes(self.connection)

    @cached_property
    def permits(self) -> Permits:
        """The permits."""
        return Permits(self.connection, self.is_alive)

    @cached_property
    def history(self) -> History:
        """The transitions."""
        return History(self.connection)

    def load(self, agent_id: str, now: int) -> Stored:
        """Return the breaker of an agent with its window and its last failures."""
        stored = self.load_for_admission(agent_id)
        return self._with_outcomes(stored, now) if stored.known else stored

    def load_for_admission(self, agent_id: str) -> Stored:
        """Return the breaker of an agent with its probes: outcomes have no say in who is admitted."""
        row = self.rows.find(agent_id)
        if row is None:
            return Stored(row=BreakerRow(agent_id=agent_id, standing=Standing(), counted=Counted()), known=False)
        return Stored(row=self._with_probes(row), known=True)

    def complete(self, rows: Iterable[BreakerRow], now: int) -> list[Stored]:
        """Return listed breakers with their probes and windows, but without their last failures."""
        completed = []
        for row in rows:
            standing = self._with_probes(row).standing
            edge = now - standing.settings.window
            last = standing.totals.last_failure_at
            before = None if last is None else self.outcomes.counted_before(row.agent_id, edge, failed=True)
            window = Window(failures=_in_window(row.counted.failures, row.counted.cleared_failures, before))
            standing = attrs.evolve(standing, window=window)
            completed.append(Stored(row=attrs.evolve(row, standing=standing), known=True))
        return completed

    def save(
        self, before: Stored, standing: Standing, effects: Sequence[Effect], now: int, error_message: str = ""
    ) -> Stored:
        """Write where a step left a breaker, and return it so.

        Args:
            before: what the step started from.
            standing: what it ended in.
            effects: what it wants done.
            now: the time in milliseconds since 1970.
            error_message: what went wrong, for an outcome that is to be kept.
        """
        agent_id = before.row.agent_id
        row = BreakerRow(agent_id=agent_id, standing=standing, counted=_counted(before.row.counted, effects))
        if not before.known:
            self.rows.insert(row)
        elif standing is not before.standing or row.counted != before.row.counted:
            self.rows.update(before.row, row)
        counted, number = before.row.counted, before.row.counted.transitions
        recent = before.recent
        for effect in effects:
            match effect:
                case Kept():
                    recent = self._keep(row, counted, effect, now, error_message, recent)
                case Moved():
                    number += 1
                    self.history.add(agent_id, _transition(effect, number, now))
                case Granted(permit):
                    self.permits.add(agent_id, permit)
                    self.permits.prune(now)
                case ProbeLost(permit_id):
                    self.permits.lose(agent_id, permit_id)
                case ClockSetBack():
                    self.outcomes.stamp_at_most(agent_id, now)
                    self.permits.stamp_at_most(agent_id, now)
                    recent = tuple(attrs.evolve(failure, at=min(failure.at, now)) for failure in recent)
        return Stored(row=row, known=True, recent=recent)

    def _with_probes(self, row: BreakerRow) -> BreakerRow:
        position = row.standing.position
        if position.state is not BreakerState.HALF_OPEN:
            return row
        probes = self.permits.probes_in_flight(row.agent_id, position.generation)
        return attrs.evolve(row, standing=attrs.evolve(row.standing, probes=probes))

    def _with_outcomes(self, stored: Stored, now: int) -> Stored:
        row, counted, settings = stored.row, stored.row.counted, stored.standing.settings
        edge = now - settings.window
        failures = self.outcomes.failures(row.agent_id, edge)
        successes = 0
        if settings.failure_rate_threshold is not None:
            before = self.outcomes.counted_before(row.agent_id, edge, failed=False)
            successes = _in_window(counted.successes, counted.cleared_successes, before)
        window = Window(
            failures=_in_window(counted.failures, counted.cleared_failures, failures.counted_before),
            successes=successes,
        )
        row = attrs.evolve(row, standing=attrs.evolve(row.standing, window=window))
        return Stored(row=row, known=True, recent=failures.recent)

    def _keep(
        self,
        row: BreakerRow,
        counted: Counted,
        outcome: Kept,
        now: int,
        error_message: str,
        recent: tuple[RecentFailure, ...],
    ) -> tuple[RecentFailure, ...]:
        failed = outcome.failure is not None
        totals = row.standing.totals
        self.outcomes.keep(
            row.agent_id,
            now,
            totals.failures + totals.successes,
            counted.failures if failed else counted.successes,
            outcome.failure,
            error_message if failed else None,
        )
        kept_for = max(row.standing.settings.window, OUTCOMES_KEPT)
        self.outcomes.prune(row.agent_id, now - kept_for, failed=failed)
        if outcome.failure is None:
            return recent
        newest = RecentFailure(at=now, failure_type=outcome.failure, error_message=error_message)
        return (newest, *recent)[:SHOWN]


def _in_window(counted: int, cleared: int, before: int | None) -> int:
    """Return how many counted since the window began or was cleared, whichever was later."""
    return 0 if before is None else counted - max(before, cleared)


def _counted(before: Counted, effects: Sequence[Effect]) -> Counted:
    """Return the counts after a step; a window that it clears is cleared last of all."""
    failures, successes, transitions = before.failures, before.successes, before.transitions
    cleared = False
    for effect in effects:
        match effect:
            case Kept(failure, counts=True):
                failures += failure is not None
                successes += failure is None
            case Moved():
                transitions += 1
            case WindowCleared():
                cleared = True
    return Counted(
        failures=failures,
        successes=successes,
        cleared_failures=failures if cleared else before.cleared_failures,
        cleared_successes=successes if cleared else before.cleared_successes,
        transitions=transitions,
    )


def _transition(move: Moved, number: int, now: int) -> Transition:
    return Transition(
        number=number,
        at=now,
        cause=move.cause,
        reason=move.reason,
        before=move.before,
        after=move.after,
        generation=move.generation,
    )
