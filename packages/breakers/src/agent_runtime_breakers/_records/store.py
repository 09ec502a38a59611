"""Stored breakers: read before a step of the machine, and written back as the effects of the step ask for."""

from collections.abc import Callable, Sequence

import attrs

from agent_runtime_kernel.connection import Connection

from .._model import RecentFailure
from .._rules.events import ClockSetBack, Effect, Granted, Kept, Moved, ProbeLost, WindowCleared
from .._rules.position import BreakerState, Transition
from .._rules.standing import Permit, Standing, Window
from .history import SHOWN, Outcomes, Transitions
from .permits import Permits
from .rows import BreakerRow, Counted, Rows

_OUTCOMES_KEPT = 7 * 24 * 3600 * 1000  # milliseconds
_PRUNED_EVERY = 20
_UNCOUNTED = Window()


@attrs.frozen(kw_only=True)
class Stored:
    """A breaker with all that a step needs.

    Attributes:
        agent_id: the agent that it guards.
        standing: the start of a step.
        counted: the counts from which its window is computed.
        known: True if it has a row.
        recent: its last failures, newest first.
    """

    agent_id: str
    standing: Standing
    counted: Counted
    known: bool = True
    recent: tuple[RecentFailure, ...] = ()


class Store:
    """The breakers of one database.

    Args:
        connection: the open connection.
        is_alive: tells whether the process behind a holder is alive; None means that it is not known.
    """

    def __init__(self, connection: Connection, is_alive: Callable[[str], bool | None]) -> None:
        self.rows = Rows(connection)
        self.outcomes = Outcomes(connection)
        self.permits = Permits(connection, is_alive)
        self.transitions = Transitions(connection)

    def load(self, agent_id: str, now: int) -> Stored:
        """Return the breaker of an agent with its window and its last failures."""
        row = self.rows.find(agent_id)
        return _unknown(agent_id) if row is None else self._with_outcomes(row, now)

    def load_for_success(self, agent_id: str, now: int) -> Stored:
        """Return the breaker of an agent that succeeded: failures matter only if slow calls count as failures."""
        row = self.rows.find(agent_id)
        if row is None:
            return _unknown(agent_id)
        return self._without_outcomes(row) if row.settings.slow_call_seconds is None else self._with_outcomes(row, now)

    def load_for_admission(self, agent_id: str) -> Stored:
        """Return the breaker of an agent without its outcomes: admission does not depend on them."""
        row = self.rows.find(agent_id)
        return _unknown(agent_id) if row is None else self._without_outcomes(row)

    def load_unless_admitting(self, agent_id: str) -> Standing | None:
        """Return the breaker of an agent if it may refuse a permit, or None if it admits all."""
        row = self.rows.find_unless_admitting(agent_id)
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
        """Write the result of a step and return the breaker as it is stored now.

        Args:
            before: the breaker before the step.
            standing: the breaker after the step.
            effects: the effects of the step.
            now: the time in milliseconds since 1970.
            error_message: the error message of an outcome that must be stored.
        """
        agent_id, counted = before.agent_id, _counted(before.counted, effects)
        self._save_row(before, standing, counted)
        recent, number = before.recent, before.counted.transitions
        for effect in effects:
            match effect:
                case Kept():
                    recent = self._add_outcome(before, standing, effect, now, error_message, recent)
                case Moved():
                    number += 1
                    self.transitions.add(agent_id, _transition(effect, number, now))
                case Granted(permit):
                    self.permits.add(agent_id, permit)
                    self.permits.prune(now)
                case ProbeLost(permit_id):
                    self.permits.lose(agent_id, permit_id)
                case ClockSetBack():
                    self.outcomes.clamp(agent_id, now)
                    self.permits.clamp(agent_id, now)
                    recent = tuple(attrs.evolve(failure, at=min(failure.at, now)) for failure in recent)
        return Stored(agent_id=agent_id, standing=standing, counted=counted, recent=recent)

    def _with_outcomes(self, row: BreakerRow, now: int) -> Stored:
        edge = now - row.settings.window
        failures = self.outcomes.failures(row.agent_id, edge)
        window = Window(
            failures=_in_window(row.counted.failures, row.counted.cleared_failures, failures.counted_before),
            successes=0 if row.settings.failure_rate_threshold is None else self._successes(row, edge),
        )
        standing = row.standing(window, self._probes(row))
        return Stored(agent_id=row.agent_id, standing=standing, counted=row.counted, recent=failures.recent)

    def _without_outcomes(self, row: BreakerRow) -> Stored:
        return Stored(agent_id=row.agent_id, standing=row.standing(_UNCOUNTED, self._probes(row)), counted=row.counted)

    def _save_row(self, before: Stored, standing: Standing, counted: Counted) -> None:
        old = before.standing
        if not before.known:
            self.rows.insert(before.agent_id, standing, counted)
        elif standing.settings is not old.settings or counted.transitions > before.counted.transitions:
            self.rows.update(before.agent_id, standing, counted)
        elif counted != before.counted or standing != old:
            self.rows.update_tallies(before.agent_id, standing, counted)

    def _add_outcome(
        self,
        before: Stored,
        standing: Standing,
        outcome: Kept,
        now: int,
        error_message: str,
        recent: tuple[RecentFailure, ...],
    ) -> tuple[RecentFailure, ...]:
        """Write an outcome, delete old outcomes of its kind, and return the last failures."""
        agent_id, failure = before.agent_id, outcome.failure
        number = standing.totals.failures + standing.totals.successes
        counted_before = before.counted.successes if failure is None else before.counted.failures
        error = None if failure is None else error_message
        self.outcomes.add(agent_id, now, number, counted_before, failure, error)
        edge = now - max(standing.settings.window, _OUTCOMES_KEPT)
        oldest_is_too_old = failure is not None and bool(recent) and recent[-1].at <= edge
        if oldest_is_too_old or number % _PRUNED_EVERY == 0:
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
    """Return the number that counted since the window began or was cleared, whichever was later."""
    return 0 if before is None else counted - max(before, cleared)


def _counted(before: Counted, effects: Sequence[Effect]) -> Counted:
    """Return the counts after a step; if the step clears the window, its own outcomes are cleared, too."""
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
