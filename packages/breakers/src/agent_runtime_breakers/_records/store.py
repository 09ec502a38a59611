"""A breaker as the database holds it: read whole before a step, and written back as the step's effects ask for."""

from collections.abc import Callable, Sequence
from functools import cached_property

import attrs

from agent_runtime_kernel.connection import Connection

from .._model import RecentFailure
from .._rules.position import BreakerState, Transition
from .._rules.standing import (
    ClockSetBack,
    Effect,
    Granted,
    Kept,
    Moved,
    Permit,
    ProbeLost,
    Standing,
    Window,
    WindowCleared,
)
from .history import History
from .outcomes import SHOWN, Outcomes
from .permits import Permits
from .rows import BreakerRow, Counted, Rows

OUTCOMES_KEPT = 7 * 24 * 3600 * 1000
PRUNED_EVERY = 20
_UNCOUNTED = Window()


@attrs.frozen(kw_only=True)
class Stored:
    """A breaker with all that a step needs.

    Attributes:
        agent_id: the agent it guards.
        standing: what a step starts from.
        counted: what its window is counted with.
        known: whether there is a row of it yet.
        recent: its last failures, newest first.
    """

    agent_id: str
    standing: Standing
    counted: Counted
    known: bool = True
    recent: tuple[RecentFailure, ...] = ()


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
        row = self.rows.find(agent_id)
        return _unknown(agent_id) if row is None else self._whole(row, now)

    def load_for_success(self, agent_id: str, now: int) -> Stored:
        """Return the breaker of an agent that succeeded: failures have a say in that only where it took too long."""
        row = self.rows.find(agent_id)
        if row is None:
            return _unknown(agent_id)
        return self._alone(row) if row.settings.slow_call_seconds is None else self._whole(row, now)

    def load_for_admission(self, agent_id: str) -> Stored:
        """Return the breaker of an agent with its probes alone: outcomes have no say in who is admitted."""
        row = self.rows.find(agent_id)
        return _unknown(agent_id) if row is None else self._alone(row)

    def load_if_wary(self, agent_id: str) -> Standing | None:
        """Return where the breaker of an agent stands for an admission, or None where it admits whoever asks."""
        row = self.rows.find_wary(agent_id)
        return None if row is None else row.standing(_UNCOUNTED, self._probes(row))

    def complete(self, row: BreakerRow, now: int) -> Stored:
        """Return a listed breaker with its probes and its window, but without its last failures."""
        before = None
        if row.totals.last_failure_at is not None:
            before = self.outcomes.counted_before(row.agent_id, now - row.settings.window, failed=True)
        window = Window(failures=_in_window(row.counted.failures, row.counted.cleared_failures, before))
        return Stored(agent_id=row.agent_id, standing=row.standing(window, self._probes(row)), counted=row.counted)

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
        agent_id, counted = before.agent_id, _counted(before.counted, effects)
        self._save_row(before, standing, counted)
        recent, number = before.recent, before.counted.transitions
        for effect in effects:
            match effect:
                case Kept():
                    recent = self._keep(before, standing, effect, now, error_message, recent)
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
        return Stored(agent_id=agent_id, standing=standing, counted=counted, recent=recent)

    def _whole(self, row: BreakerRow, now: int) -> Stored:
        edge = now - row.settings.window
        failures = self.outcomes.failures(row.agent_id, edge)
        window = Window(
            failures=_in_window(row.counted.failures, row.counted.cleared_failures, failures.counted_before),
            successes=0 if row.settings.failure_rate_threshold is None else self._successes(row, edge),
        )
        standing = row.standing(window, self._probes(row))
        return Stored(agent_id=row.agent_id, standing=standing, counted=row.counted, recent=failures.recent)

    def _alone(self, row: BreakerRow) -> Stored:
        return Stored(agent_id=row.agent_id, standing=row.standing(_UNCOUNTED, self._probes(row)), counted=row.counted)

    def _save_row(self, before: Stored, standing: Standing, counted: Counted) -> None:
        was = before.standing
        if not before.known:
            self.rows.insert(before.agent_id, standing, counted)
        elif standing.settings is not was.settings or counted.transitions > before.counted.transitions:
            self.rows.update(before.agent_id, standing, counted)
        elif counted != before.counted or standing != was:
            self.rows.update_tallies(before.agent_id, standing, counted)

    def _keep(
        self,
        before: Stored,
        standing: Standing,
        outcome: Kept,
        now: int,
        error_message: str,
        recent: tuple[RecentFailure, ...],
    ) -> tuple[RecentFailure, ...]:
        """Write an outcome, delete what is too old of its sort, and return the last failures."""
        agent_id, failure = before.agent_id, outcome.failure
        number = standing.totals.failures + standing.totals.successes
        counted_before = before.counted.successes if failure is None else before.counted.failures
        error = None if failure is None else error_message
        self.outcomes.keep(agent_id, now, number, counted_before, failure, error)
        edge = now - max(standing.settings.window, OUTCOMES_KEPT)
        oldest_is_too_old = failure is not None and bool(recent) and recent[-1].at <= edge
        if oldest_is_too_old or number % PRUNED_EVERY == 0:
            self.outcomes.prune(agent_id, edge, failed=failure is not None)
        if failure is None:
            return recent
        newest = RecentFailure(at=now, failure_type=failure, error_message=error_message)
        return (newest, *[earlier for earlier in recent[: SHOWN - 1] if earlier.at > edge])

    def _successes(self, row: BreakerRow, edge: int) -> int:
        before = self.outcomes.counted_before(row.agent_id, edge, failed=False)
        return _in_window(row.counted.successes, row.counted.cleared_successes, before)

    def _probes(self, row: BreakerRow) -> tuple[Permit, ...]:
        if row.position.state is not BreakerState.HALF_OPEN:
            return ()
        return self.permits.probes_in_flight(row.agent_id, row.position.generation)


def _unknown(agent_id: str) -> Stored:
    return Stored(agent_id=agent_id, standing=Standing(), counted=Counted(), known=False)


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
