"""The circuit breakers of a database: one for each agent, shared by every process on the file."""

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from functools import cached_property

import attrs

from agent_runtime_kernel.connection import Connection, Snapshot
from agent_runtime_kernel.findings import Finding

from ._guard import Classify, Guard, classify
from ._model import (
    AFTER_AGENT,
    AFTER_NUMBER,
    FAILURE_TYPE,
    HOLDER,
    LIMIT,
    MESSAGE,
    PERMIT_ID,
    REASON,
    RESULT,
    STATE,
    WORKER,
    Admission,
    AfterAgent,
    AfterNumber,
    Breaker,
    BreakerChange,
    BreakerPage,
    FailureTypeName,
    HistoryPage,
    Holder,
    Limit,
    Message,
    PermitId,
    Reason,
    Result,
    ResultName,
    RetryAfter,
    State,
    Worker,
    retry_after,
)
from ._records.audit import Audit
from ._records.listing import Listing
from ._records.schema import SCHEMA
from ._records.store import Store
from ._rules.decisions import Decisions
from ._rules.position import BreakerState
from ._rules.settings import (
    AGENT_ID,
    KEEP,
    AgentId,
    Count,
    ModeName,
    Multiplier,
    Probes,
    Rate,
    Seconds,
    SomeSeconds,
    checked_settings,
)
from ._rules.standing import Acquire, Trip
from .errors import InvalidValue


def _unknown(_holder: str) -> bool | None:
    return None


def _new_permit_id() -> str:
    return secrets.token_hex(12)


@attrs.frozen(slots=False)
class Breakers:
    """The circuit breakers of one database.

    Args:
        connection: an open connection; set its `transaction_mode` to "IMMEDIATE".
        clock: returns the time in seconds since 1970.
        is_alive: tells whether the process behind a holder still lives, None where that can't be known.
        new_id: makes the id of a permit, unlike any other.
        snapshot: makes a context in which several reads see one state.
    """

    connection: Connection
    clock: Callable[[], float] = attrs.field(default=time.time, kw_only=True)
    is_alive: Callable[[str], bool | None] = attrs.field(default=_unknown, kw_only=True)
    new_id: Callable[[], str] = attrs.field(default=_new_permit_id, kw_only=True)
    snapshot: Snapshot = attrs.field(default=contextlib.nullcontext, kw_only=True)

    def migrate(self) -> int:
        """Create or upgrade the tables and return how many migrations that took.

        Raises:
            SchemaTooNew: a newer version of the library wrote this database.
        """
        return SCHEMA.migrate(self.connection)

    def acquire(self, agent_id: AgentId, *, worker: Worker | None = None, holder: Holder | None = None) -> Admission:
        """Ask whether an agent may be given work, and take a permit if so.

        Report what came of the work with the permit: `record_success`, `record_failure`, or `release` where the agent
        was not tried after all.

        Args:
            agent_id: the agent that is to be given work; 1 to 200 characters.
            worker: who asks; named in the history where a probe is lost.
            holder: the process that will hold the permit, in the words of `is_alive`; None for a permit that lives by
                its lease alone.

        Raises:
            InvalidValue: an argument is out of its bounds.
        """
        agent_id = AGENT_ID("agent_id", agent_id)
        event = Acquire(
            permit_id=PERMIT_ID("new_id", self.new_id()),
            worker=None if worker is None else WORKER("worker", worker),
            holder=None if holder is None else HOLDER("holder", holder),
        )
        with self.connection:
            return self._decisions().admit(agent_id, event)

    def advice(self, agent_id: AgentId) -> Admission:
        """Tell what `acquire` would answer, writing nothing and taking no permit.

        Args:
            agent_id: the agent; 1 to 200 characters.

        Raises:
            InvalidValue: an argument is out of its bounds.
        """
        agent_id = AGENT_ID("agent_id", agent_id)
        with self.snapshot():
            return self._decisions().advise(agent_id)

    def settle(
        self,
        agent_id: AgentId,
        permit_id: PermitId | None,
        result: ResultName,
        *,
        error_message: Message = "",
        retry_after_seconds: RetryAfter | None = None,
    ) -> BreakerChange:
        """Report what came of a permit: what `record_success`, `record_failure` and `release` do, by a word.

        Args:
            agent_id: the agent that did the work.
            permit_id: what `acquire` answered, or None for work that was done without a permit.
            result: success, release (neither success nor failure), or a type of failure.
            error_message: what went wrong; at most 4 KiB.
            retry_after_seconds: with rate_limited, when the agent may be asked again, 0 to 31,536,000.

        Raises:
            InvalidValue: an argument is out of its bounds.
            PermitNotFound: the agent has no such permit.
            PermitSettled: the permit was settled in another way.
        """
        agent_id = AGENT_ID("agent_id", agent_id)
        permit_id = None if permit_id is None else PERMIT_ID("permit_id", permit_id)
        chosen = Result(RESULT("result", result))
        message = MESSAGE("error_message", error_message)
        wait = retry_after(chosen, retry_after_seconds)
        with self.connection:
            return self._decisions().report(agent_id, permit_id, chosen, message, wait)

    def note(
        self,
        agent_id: AgentId,
        permit_id: PermitId | None,
        result: ResultName,
        *,
        error_message: Message = "",
        retry_after_seconds: RetryAfter | None = None,
    ) -> None:
        """Report what came of a permit as `settle` does, but tell nothing: in the middle of other work that is cheaper.

        Args:
            agent_id: the agent that did the work.
            permit_id: what `acquire` answered, or None for work that was done without a permit.
            result: success, release (neither success nor failure), or a type of failure.
            error_message: what went wrong; at most 4 KiB.
            retry_after_seconds: with rate_limited, when the agent may be asked again, 0 to 31,536,000.

        Raises:
            InvalidValue: an argument is out of its bounds.
            PermitNotFound: the agent has no such permit.
            PermitSettled: the permit was settled in another way.
        """
        agent_id = AGENT_ID("agent_id", agent_id)
        permit_id = None if permit_id is None else PERMIT_ID("permit_id", permit_id)
        chosen = Result(RESULT("result", result))
        message = MESSAGE("error_message", error_message)
        wait = retry_after(chosen, retry_after_seconds)
        with self.connection:
            self._decisions().note(agent_id, permit_id, chosen, message, wait)

    def release(self, agent_id: AgentId, permit_id: PermitId) -> BreakerChange:
        """Give a permit back unused: the agent was not tried, so it is neither a success nor a failure.

        Args:
            agent_id: the agent.
            permit_id: what `acquire` answered.

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
        """Report that an agent's work failed; as many failures in the window as the threshold open the breaker.

        Args:
            agent_id: the agent that failed.
            failure_type: timeout, exception, quality_failure, resource_exhausted, rate_limited or invalid_output.
            error_message: what went wrong; at most 4 KiB.
            permit_id: what `acquire` answered, or None for work that was done without a permit.
            retry_after_seconds: with rate_limited, when the agent may be asked again, 0 to 31,536,000; until then the
                breaker refuses, and no second failure of this type counts.

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
        """Report that an agent's work succeeded; enough successful probes close a breaker that is half open.

        Args:
            agent_id: the agent that succeeded.
            permit_id: what `acquire` answered, or None for work that was done without a permit.

        Raises:
            InvalidValue: an argument is out of its bounds.
            PermitNotFound: the agent has no such permit.
            PermitSettled: the permit was settled in another way.
        """
        return self.settle(agent_id, permit_id, Result.SUCCESS)

    def trip(self, agent_id: AgentId, reason: Reason = "manual intervention", *, hold: bool = False) -> BreakerChange:
        """Open a breaker by hand, for a cooldown or until it is reset.

        Args:
            agent_id: the agent that is to be given no work.
            reason: why; kept in the history, at most 4 KiB.
            hold: keep it open until it is reset, instead of probing after the cooldown.

        Raises:
            InvalidValue: an argument is out of its bounds.
        """
        if not isinstance(hold, bool):
            raise InvalidValue("hold", "must be true or false")
        event = Trip(REASON("reason", reason), hold)
        with self.connection:
            return self._decisions().trip(AGENT_ID("agent_id", agent_id), event)

    def reset(self, agent_id: AgentId) -> BreakerChange:
        """Close a breaker by hand: failures so far count no more, permits and throttles are void.

        Args:
            agent_id: the agent that is to be given work again.

        Raises:
            InvalidValue: an argument is out of its bounds.
        """
        with self.connection:
            return self._decisions().reset(AGENT_ID("agent_id", agent_id))

    def configure(
        self,
        agent_id: AgentId,
        *,
        mode: ModeName | attrs.NothingType = KEEP,
        failure_threshold: Count | attrs.NothingType = KEEP,
        window_seconds: SomeSeconds | attrs.NothingType = KEEP,
        cooldown_seconds: Seconds | attrs.NothingType = KEEP,
        success_threshold: Count | attrs.NothingType = KEEP,
        half_open_max_calls: Probes | attrs.NothingType = KEEP,
        probe_lease_seconds: SomeSeconds | attrs.NothingType = KEEP,
        fallback_agent: AgentId | attrs.NothingType | None = KEEP,
        failure_rate_threshold: Rate | attrs.NothingType | None = KEEP,
        minimum_calls: Count | attrs.NothingType = KEEP,
        slow_call_seconds: Seconds | attrs.NothingType | None = KEEP,
        cooldown_multiplier: Multiplier | attrs.NothingType = KEEP,
        max_cooldown_seconds: Seconds | attrs.NothingType = KEEP,
    ) -> BreakerChange:
        """Change the settings that are given and keep the rest; state and history are kept, too.

        Args:
            agent_id: the agent.
            mode: normal, forced_open (refuse all), disabled (admit all, record nothing) or metrics_only (admit all).
            failure_threshold: failures within the window that open the breaker, 1 to 1,000,000; 5 to begin with.
            window_seconds: how long an outcome counts, 0.001 to 31,536,000; 60 to begin with.
            cooldown_seconds: how long it stays open, 0 to 31,536,000; 300 to begin with.
            success_threshold: probes that must succeed to close it, 1 to 1,000,000; 2 to begin with.
            half_open_max_calls: probes in flight at once, 1 to 1,000; 1 to begin with.
            probe_lease_seconds: how long a probe keeps its slot, 0.001 to 31,536,000; 900 to begin with.
            fallback_agent: another agent, which stands in while this one refuses; None for nobody.
            failure_rate_threshold: share of failures in the window that opens it, too, up to 1.0; None for none.
            minimum_calls: outcomes in the window before the share counts, 1 to 1,000,000; 10 to begin with.
            slow_call_seconds: a success counts as a failure if permit and report lie further apart than this, 0 to
                31,536,000; None for never.
            cooldown_multiplier: what the cooldown grows by each time a probe reopens it, 1 to 100; 1 to begin with.
            max_cooldown_seconds: what the cooldown grows to at most, 0 to 31,536,000; 3,600 to begin with.

        Raises:
            InvalidValue: an argument is out of its bounds.
        """
        agent_id = AGENT_ID("agent_id", agent_id)
        changes = checked_settings(
            agent_id,
            {
                "mode": mode,
                "failure_threshold": failure_threshold,
                "window_seconds": window_seconds,
                "cooldown_seconds": cooldown_seconds,
                "success_threshold": success_threshold,
                "half_open_max_calls": half_open_max_calls,
                "probe_lease_seconds": probe_lease_seconds,
                "fallback_agent": fallback_agent,
                "failure_rate_threshold": failure_rate_threshold,
                "minimum_calls": minimum_calls,
                "slow_call_seconds": slow_call_seconds,
                "cooldown_multiplier": cooldown_multiplier,
                "max_cooldown_seconds": max_cooldown_seconds,
            },
        )
        with self.connection:
            return self._decisions().configure(agent_id, changes)

    def status(self, agent_id: AgentId) -> Breaker:
        """Return the breaker of an agent; nothing is written, and an agent that nothing is known about is closed.

        Args:
            agent_id: the agent; 1 to 200 characters.

        Raises:
            InvalidValue: an argument is out of its bounds.
        """
        agent_id = AGENT_ID("agent_id", agent_id)
        with self.snapshot():
            return self._decisions().show(agent_id)

    def is_current(self, agent_id: AgentId, permit_id: PermitId) -> bool:
        """Say whether a permit can still be settled with effect: it is not settled, not lost, and not void.

        Args:
            agent_id: the agent; 1 to 200 characters.
            permit_id: what `acquire` answered.

        Raises:
            InvalidValue: an argument is out of its bounds.
        """
        agent_id, permit_id = AGENT_ID("agent_id", agent_id), PERMIT_ID("permit_id", permit_id)
        with self.snapshot():
            return self._decisions().is_current(agent_id, permit_id)

    def list(self, state: State | None = None, *, limit: Limit = 50, after: AfterAgent = "") -> BreakerPage:
        """Return a page of breakers in the order of their agents; nothing is written.

        Args:
            state: only breakers that are closed, open or half_open at this moment.
            limit: breakers at most, 1 to 200.
            after: the last agent of the page before, "" for the first page.

        Raises:
            InvalidValue: an argument is out of its bounds.
        """
        shown = None if state is None else BreakerState(STATE("state", state))
        after, limit = AFTER_AGENT("after", after), LIMIT("limit", limit)
        with self.snapshot():
            return Listing(self._store).page(shown, after, limit, self._now())

    def history(self, agent_id: AgentId, *, limit: Limit = 50, after: AfterNumber = 0) -> HistoryPage:
        """Return what a breaker went through and why, oldest first; `replay` gives where that leaves it.

        Args:
            agent_id: the agent; 1 to 200 characters.
            limit: transitions at most, 1 to 200.
            after: the number of the last transition of the page before, 0 for the first page.

        Raises:
            InvalidValue: an argument is out of its bounds.
        """
        agent_id = AGENT_ID("agent_id", agent_id)
        after, limit = AFTER_NUMBER("after", after), LIMIT("limit", limit)
        with self.snapshot():
            row = self._store.rows.find(agent_id)
            transitions = self._store.history.page(agent_id, after, limit + 1)
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
            worker: who gives it the work.
            holder: the process that holds the permit, in the words of `is_alive`.
            classify: tells what an exception means to the breaker; None releases the permit.

        Raises:
            InvalidValue: an argument is out of its bounds.
        """
        return Guard(self, AGENT_ID("agent_id", agent_id), worker, holder, classify)

    def audit(self, checked: Callable[[int], object] = lambda _count: None) -> Iterator[Finding]:
        """Yield what the rows of breakers say and their histories contradict, reading a page at a time.

        Args:
            checked: told of each page how many breakers it had.
        """
        with self.snapshot():
            yield from Audit(self.connection, self._store.rows, self._store.history).findings(checked)

    def rebuild(self) -> int:
        """Write anew what is derived, and nothing else; return how many rows were wrong."""
        with self.connection:
            return Audit(self.connection, self._store.rows, self._store.history).rebuild()

    @cached_property
    def _store(self) -> Store:
        return Store(self.connection, self.is_alive)

    def _decisions(self) -> Decisions:
        return Decisions(self._store, self._now())

    def _now(self) -> int:
        return round(self.clock() * 1000)
