"""The circuit breakers of a database: one for each agent, shared by every process on the file."""

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Unpack

from agent_runtime_kernel.bounds import optional
from agent_runtime_kernel.connection import Clock, Connection, Snapshot
from agent_runtime_kernel.findings import Finding

from ._guard import Classify, Guard, classify
from ._model import Admission, Breaker, BreakerChange, BreakerPage, HistoryPage, Result
from ._records.audit import Audit
from ._records.schema import SCHEMA
from ._records.store import Store
from ._records.views import Listing, breaker
from ._rules.events import Acquire, Trip
from ._rules.position import BreakerState
from ._rules.settings import SettingChanges, validated_settings
from ._work.admissions import Admissions
from ._work.changes import Changes, Report
from .bounds import (
    AFTER_AGENT,
    AFTER_NUMBER,
    AGENT_ID,
    DEFAULT_HISTORY_LIMIT,
    DEFAULT_LIST_LIMIT,
    DEFAULT_TRIP_REASON,
    FAILURE_TYPE,
    HOLDER,
    LIMIT,
    MESSAGE,
    PERMIT_ID,
    REASON,
    RESULT,
    STATE,
    WORKER,
    AfterAgent,
    AfterNumber,
    AgentId,
    FailureTypeName,
    Holder,
    Limit,
    Message,
    PermitId,
    Reason,
    ResultName,
    RetryAfter,
    State,
    Worker,
    retry_after,
)
from .errors import InvalidValue


class Breakers:
    """The circuit breakers of one database.

    Args:
        connection: an open connection; set its `transaction_mode` to "IMMEDIATE".
        clock: returns the time in seconds since 1970.
        is_alive: tells whether the process behind a holder is alive. None means that it is not known: then leases
            decide.
        new_id: makes the id of a permit; each id must be unique.
        snapshot: makes a context in which several reads see one state.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        clock: Clock = time.time,
        is_alive: Callable[[str], bool | None] = lambda _holder: None,
        new_id: Callable[[], str] = lambda: secrets.token_hex(12),
        snapshot: Snapshot = contextlib.nullcontext,
    ) -> None:
        self.connection = connection
        self.clock = clock
        self.is_alive = is_alive
        self.new_id = new_id
        self.snapshot = snapshot

        store = Store(connection, is_alive)
        self._store = store
        self._admissions = Admissions(store)
        self._changes = Changes(store)
        self._listing = Listing(store)
        self._audit = Audit(connection, store.rows, store.transitions)

    def migrate(self) -> int:
        """Create or upgrade the tables and return how many migrations that took.

        Raises:
            SchemaTooNew: a newer version of the library wrote this database.
        """
        return SCHEMA.migrate(self.connection, self.clock)

    def acquire(self, agent_id: AgentId, *, worker: Worker | None = None, holder: Holder | None = None) -> Admission:
        """Ask whether an agent may be given work, and take a permit if so.

        Settle the permit with `record_success`, `record_failure`, or `release` if the agent was not called after all.

        Args:
            agent_id: the agent to give work to; 1 to 200 characters.
            worker: the name of the caller; the history names it if a probe is lost.
            holder: the process that will hold the permit, as `is_alive` knows it; None lets the lease alone decide.

        Raises:
            InvalidValue: an argument is out of its bounds.
        """
        agent_id = AGENT_ID("agent_id", agent_id)
        event = Acquire(
            permit_id=PERMIT_ID("new_id", self.new_id()),
            worker=optional(WORKER, "worker", worker),
            holder=optional(HOLDER, "holder", holder),
        )
        with self.connection:
            return self._admissions.admit(agent_id, event, self._now())

    def advice(self, agent_id: AgentId) -> Admission:
        """Return the answer that `acquire` would give; write nothing and take no permit.

        Args:
            agent_id: the agent; 1 to 200 characters.

        Raises:
            InvalidValue: an argument is out of its bounds.
        """
        agent_id = AGENT_ID("agent_id", agent_id)
        with self.snapshot():
            return self._admissions.advise(agent_id, self._now())

    def settle(
        self,
        agent_id: AgentId,
        permit_id: PermitId | None,
        result: ResultName,
        *,
        error_message: Message = "",
        retry_after_seconds: RetryAfter | None = None,
    ) -> BreakerChange:
        """Report the result of a permit, as `record_success`, `record_failure` and `release` do.

        Args:
            agent_id: the agent that did the work.
            permit_id: the permit from `acquire`, or None for work without a permit.
            result: success, release (neither success nor failure), or a type of failure.
            error_message: the error message; at most 4 KiB.
            retry_after_seconds: with rate_limited, the time after which the agent may be asked again, 0 to 31,536,000.

        Raises:
            InvalidValue: an argument is out of its bounds.
            PermitNotFound: the agent has no such permit.
            PermitSettled: the permit was settled in another way.
        """
        report = _report(agent_id, permit_id, result, error_message, retry_after_seconds)
        with self.connection:
            return self._changes.report(report, self._now())

    def note(
        self,
        agent_id: AgentId,
        permit_id: PermitId | None,
        result: ResultName,
        *,
        error_message: Message = "",
        retry_after_seconds: RetryAfter | None = None,
    ) -> None:
        """Report the result of a permit as `settle` does, but return nothing and so read less.

        Args:
            agent_id: the agent that did the work.
            permit_id: the permit from `acquire`, or None for work without a permit.
            result: success, release (neither success nor failure), or a type of failure.
            error_message: the error message; at most 4 KiB.
            retry_after_seconds: with rate_limited, the time after which the agent may be asked again, 0 to 31,536,000.

        Raises:
            InvalidValue: an argument is out of its bounds.
            PermitNotFound: the agent has no such permit.
            PermitSettled: the permit was settled in another way.
        """
        report = _report(agent_id, permit_id, result, error_message, retry_after_seconds)
        with self.connection:
            self._changes.note(report, self._now())

    def release(self, agent_id: AgentId, permit_id: PermitId) -> BreakerChange:
        """Give a permit back unused: the agent was not called, so it neither succeeded nor failed.

        Args:
            agent_id: the agent.
            permit_id: the permit from `acquire`.

        Raises:
            InvalidValue: an argument is out of its bounds.
            PermitNotFound: the agent has no such permit.
            PermitSettled: the permit was settled in another way.
        """
        return self.settle(agent_id, PERMIT_ID("permit_id", permit_id), Result.RELEASE)

    def record_failure(
        self,
        agent_id: AgentId,
        failure_type: FailureTypeName,
        error_message: Message,
        *,
        permit_id: PermitId | None = None,
        retry_after_seconds: RetryAfter | None = None,
    ) -> BreakerChange:
        """Report that an agent's work failed; the breaker opens when the failures in the window reach the threshold.

        Args:
            agent_id: the agent that failed.
            failure_type: timeout, exception, quality_failure, resource_exhausted, rate_limited or invalid_output.
            error_message: the error message; at most 4 KiB.
            permit_id: the permit from `acquire`, or None for work without a permit.
            retry_after_seconds: with rate_limited, the time after which the agent may be asked again, 0 to 31,536,000;
                until then the breaker refuses, and other failures of this type do not count.

        Raises:
            InvalidValue: an argument is out of its bounds.
            PermitNotFound: the agent has no such permit.
            PermitSettled: the permit was settled in another way.
        """
        return self.settle(
            agent_id,
            permit_id,
            FAILURE_TYPE("failure_type", failure_type),
            error_message=error_message,
            retry_after_seconds=retry_after_seconds,
        )

    def record_success(self, agent_id: AgentId, *, permit_id: PermitId | None = None) -> BreakerChange:
        """Report that an agent's work succeeded; enough successful probes close a half-open breaker.

        Args:
            agent_id: the agent that succeeded.
            permit_id: the permit from `acquire`, or None for work without a permit.

        Raises:
            InvalidValue: an argument is out of its bounds.
            PermitNotFound: the agent has no such permit.
            PermitSettled: the permit was settled in another way.
        """
        return self.settle(agent_id, permit_id, Result.SUCCESS)

    def trip(self, agent_id: AgentId, reason: Reason = DEFAULT_TRIP_REASON, *, hold: bool = False) -> BreakerChange:
        """Open a breaker by hand, for a cooldown or until it is reset.

        Args:
            agent_id: the agent that must not be given work.
            reason: the reason, kept in the history; at most 4 KiB.
            hold: True keeps it open until it is reset, without probes after the cooldown.

        Raises:
            InvalidValue: an argument is out of its bounds.
        """
        if not isinstance(hold, bool):
            raise InvalidValue("hold", "must be true or false")
        event = Trip(REASON("reason", reason), hold)
        with self.connection:
            return self._changes.trip(AGENT_ID("agent_id", agent_id), event, self._now())

    def reset(self, agent_id: AgentId) -> BreakerChange:
        """Close a breaker by hand: earlier failures no longer count, permits and throttles are void.

        Args:
            agent_id: the agent that may be given work again.

        Raises:
            InvalidValue: an argument is out of its bounds.
        """
        with self.connection:
            return self._changes.reset(AGENT_ID("agent_id", agent_id), self._now())

    def configure(self, agent_id: AgentId, **changes: Unpack[SettingChanges]) -> BreakerChange:
        """Change the given settings of a breaker and keep the others, its state and its history.

        Args:
            agent_id: the agent.
            mode: normal, forced_open (refuse all), disabled (admit all, record nothing) or metrics_only (admit all).
            failure_threshold: the number of failures within the window that opens it, 1 to 1,000,000; default 5.
            window_seconds: the time for which an outcome counts, 0.001 to 31,536,000; default 60.
            cooldown_seconds: the time for which it stays open, 0 to 31,536,000; default 300.
            success_threshold: the number of probes that must succeed to close it, 1 to 1,000,000; default 2.
            half_open_max_calls: the greatest number of probes in flight at once, 1 to 1,000; default 1.
            probe_lease_seconds: the time for which a probe keeps its slot, 0.001 to 31,536,000; default 900.
            fallback_agent: another agent, which stands in while this one refuses; None for no stand-in.
            failure_rate_threshold: the share of failures in the window that opens it, too, up to 1.0; None for no rule.
            minimum_calls: the number of outcomes in the window before the share counts, 1 to 1,000,000; default 10.
            slow_call_seconds: the time from permit to report above which a success counts as a failure, 0 to
                31,536,000; None for never.
            cooldown_multiplier: the factor of the cooldown each time a probe reopens it, 1 to 100; default 1.
            max_cooldown_seconds: the longest cooldown that the factor leads to, 0 to 31,536,000; default 3,600.

        Raises:
            InvalidValue: an argument is out of its bounds.
            TypeError: there is no such setting.
        """
        agent_id = AGENT_ID("agent_id", agent_id)
        settings = validated_settings(agent_id, changes)
        with self.connection:
            return self._changes.configure(agent_id, settings, self._now())

    def status(self, agent_id: AgentId) -> Breaker:
        """Return the breaker of an agent, and write nothing; the breaker of an unknown agent is closed.

        Args:
            agent_id: the agent; 1 to 200 characters.

        Raises:
            InvalidValue: an argument is out of its bounds.
        """
        agent_id = AGENT_ID("agent_id", agent_id)
        with self.snapshot():
            now = self._now()
            return breaker(self._store.load(agent_id, now), now)

    def is_current(self, agent_id: AgentId, permit_id: PermitId) -> bool:
        """Tell whether a permit can still be settled with effect: it is not settled, not lost, and not void.

        Args:
            agent_id: the agent; 1 to 200 characters.
            permit_id: the permit from `acquire`.

        Raises:
            InvalidValue: an argument is out of its bounds.
        """
        agent_id, permit_id = AGENT_ID("agent_id", agent_id), PERMIT_ID("permit_id", permit_id)
        with self.snapshot():
            return self._admissions.is_current(agent_id, permit_id)

    def list(
        self, state: State | None = None, *, limit: Limit = DEFAULT_LIST_LIMIT, after: AfterAgent = ""
    ) -> BreakerPage:
        """Return a page of breakers in the order of their agents, and write nothing.

        Args:
            state: only breakers that are closed, open or half_open at this moment.
            limit: the greatest number of breakers, 1 to 200.
            after: the last agent of the previous page, "" for the first page.

        Raises:
            InvalidValue: an argument is out of its bounds.
        """
        chosen = optional(STATE, "state", state)
        shown = None if chosen is None else BreakerState(chosen)
        after, limit = AFTER_AGENT("after", after), LIMIT("limit", limit)
        with self.snapshot():
            return self._listing.page(shown, after, limit, self._now())

    def history(
        self, agent_id: AgentId, *, limit: Limit = DEFAULT_HISTORY_LIMIT, after: AfterNumber = 0
    ) -> HistoryPage:
        """Return the transitions of a breaker, oldest first; `replay` computes its position from them.

        Args:
            agent_id: the agent; 1 to 200 characters.
            limit: the greatest number of transitions, 1 to 200.
            after: the number of the last transition of the previous page, 0 for the first page.

        Raises:
            InvalidValue: an argument is out of its bounds.
        """
        agent_id = AGENT_ID("agent_id", agent_id)
        after, limit = AFTER_NUMBER("after", after), LIMIT("limit", limit)
        with self.snapshot():
            row = self._store.rows.find(agent_id)
            transitions = self._store.transitions.page(agent_id, after, limit + 1)
        return HistoryPage(
            transitions=tuple(transitions[:limit]),
            total=0 if row is None else row.counted.transitions,
            more=len(transitions) > limit,
        )

    def guard(
        self,
        agent_id: AgentId,
        *,
        worker: Worker | None = None,
        holder: Holder | None = None,
        classify: Classify = classify,
    ) -> Guard:
        """Return a decorator and context manager, for sync and async code, that takes a permit and settles it.

        Args:
            agent_id: the agent that does the guarded work.
            worker: the name of the caller.
            holder: the process that holds the permit, as `is_alive` knows it.
            classify: returns the meaning of an exception for the breaker; None releases the permit.

        Raises:
            InvalidValue: an argument is out of its bounds.
        """
        return Guard(self, AGENT_ID("agent_id", agent_id), worker, holder, classify)

    def audit(self, checked: Callable[[int], object] = lambda _count: None) -> Iterator[Finding]:
        """Yield the contradictions between breakers and their histories, a page at a time.

        Args:
            checked: called with the number of breakers of each page.
        """
        with self.snapshot():
            yield from self._audit.findings(checked)

    def rebuild(self) -> int:
        """Recompute the derived columns, write nothing else, and return the number of wrong rows."""
        with self.connection:
            return self._audit.rebuild()

    def _now(self) -> int:
        return round(self.clock() * 1000)


def _report(
    agent_id: object, permit_id: object, result: object, error_message: object, retry_after_seconds: object
) -> Report:
    """Validate the arguments of a report."""
    return Report(
        agent_id=AGENT_ID("agent_id", agent_id),
        permit_id=optional(PERMIT_ID, "permit_id", permit_id),
        result=(chosen := Result(RESULT("result", result))),
        message=MESSAGE("error_message", error_message),
        retry_after=retry_after(chosen, retry_after_seconds),
    )
