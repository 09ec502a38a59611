"""A breaker and a model of it, written independently, go through the same life and are compared at every turn."""

from collections import Counter

import apsw
import attrs
import pytest
from breaker_model import FAILURES, ModelBreaker
from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from opened_breakers import numbered_breakers

from agent_runtime_breakers import replay
from agent_runtime_breakers.errors import PermitSettled

AGENT = "coder"
HOLDERS = [None, "process-1", "process-2"]
PAUSES = [0.001, 0.5, 1, 4.999, 5, 9.999, 10, 20, 40, 90]
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "mode": st.sampled_from(["normal"] * 5 + ["metrics_only", "disabled", "forced_open"]),
        "failure_threshold": st.integers(1, 4),
        "window_seconds": st.sampled_from([5, 20, 60]),
        "cooldown_seconds": st.sampled_from([0, 5, 10, 10, 20]),
        "success_threshold": st.integers(1, 3),
        "half_open_max_calls": st.integers(1, 3),
        "probe_lease_seconds": st.sampled_from([5, 10, 20]),
        "failure_rate_threshold": st.sampled_from([None, 0.3, 0.5, 1]),
        "minimum_calls": st.integers(1, 5),
        "slow_call_seconds": st.sampled_from([None, None, 5, 10]),
        "cooldown_multiplier": st.sampled_from([1, 2]),
        "max_cooldown_seconds": st.sampled_from([5, 40]),
    },
)
STORED = """
    SELECT state, generation, opened_at, trip_count, consecutive_trips
    FROM breakers_breakers
    WHERE agent_id = :agent_id
"""

reached: Counter[str] = Counter()


class BreakerLife(RuleBasedStateMachine):
    """Callers come and go, processes die, clocks jump, and results arrive in any order."""

    permits = Bundle("permits")

    def __init__(self):
        super().__init__()
        self.seconds = 1_800_000_000.0
        self.dead = set()
        self.seen = set()
        self.connection = apsw.Connection(":memory:")
        self.connection.transaction_mode = "IMMEDIATE"
        self.breakers = numbered_breakers(self.connection, lambda: self.seconds, is_alive=self.is_alive)
        self.model = ModelBreaker(self.is_alive)

    def is_alive(self, holder):
        return holder not in self.dead if holder.startswith("process-1") else (False if holder in self.dead else None)

    @property
    def now(self):
        return round(self.seconds * 1000)

    @initialize(changes=CHANGES)
    def begin(self, changes):
        self.configure({"cooldown_seconds": 10, "failure_threshold": 2, **changes, "mode": "normal"})

    @rule(changes=CHANGES)
    def configure(self, changes):
        change = self.breakers.configure(AGENT, **changes)
        assert change.changed == self.model.configure(self.now, changes)

    @rule(pause=st.sampled_from(PAUSES))
    def wait(self, pause):
        self.seconds = round(self.seconds + pause, 3)

    @precondition(lambda self: self.model.word == "open")
    @rule()
    def wait_for_the_end_of_the_cooldown(self):
        self.seconds = round(self.seconds + (self.breakers.status(AGENT).retry_after_seconds or 0), 3)

    @rule(pause=st.sampled_from(PAUSES))
    def set_the_clock_back(self, pause):
        self.seconds = round(self.seconds - pause, 3)

    @rule(holder=st.sampled_from([name for name in HOLDERS if name]))
    def kill(self, holder):
        self.dead.add(holder)

    @rule(holder=st.sampled_from([name for name in HOLDERS if name]))
    def start_again(self, holder):
        self.dead.discard(holder)

    @rule(target=permits, holder=st.sampled_from(HOLDERS))
    def acquire(self, holder):
        foretold = self.breakers.advice(AGENT)
        admission = self.breakers.acquire(AGENT, holder=holder)
        expected, wait = self.model.acquire(self.now, admission.permit_id, holder)
        assert (admission.kind or admission.reason) == expected
        if not admission.admitted:
            assert admission.retry_after_seconds == (None if wait is None else wait / 1000)
            assert admission == foretold
        else:
            assert foretold.admitted
        return admission.permit_id

    @rule(permit=permits, how=st.sampled_from(["success", "success", "success", "release", *FAILURES]))
    def settle(self, permit, how):
        if permit is not None:
            self.report(permit, how, None)

    @rule(permit=permits, wait=st.sampled_from([0, 1, 5, 20]))
    def settle_as_rate_limited(self, permit, wait):
        if permit is not None:
            self.report(permit, "rate_limited", wait)

    @rule(how=st.sampled_from(["success", "success", "release", *FAILURES]))
    def record(self, how):
        self.report(None, how, None)

    @rule(wait=st.sampled_from([0, 1, 5, 20]))
    def record_rate_limited(self, wait):
        self.report(None, "rate_limited", wait)

    def report(self, permit, how, wait):
        expected = self.model.settle(self.now, permit, how, None if wait is None else wait * 1000)
        if isinstance(expected, str):
            with pytest.raises(PermitSettled, match=f"was settled as {expected} and"):
                self.breakers.settle(AGENT, permit, how, retry_after_seconds=wait)
        else:
            change = self.breakers.settle(AGENT, permit, how, retry_after_seconds=wait)
            assert (change.tripped, change.recovered) == expected
            assert change.breaker == self.breakers.status(AGENT)

    @rule(hold=st.sampled_from([False, False, False, True]))
    def trip(self, hold):
        self.model.trip(self.now, hold)
        assert self.breakers.trip(AGENT, hold=hold).tripped

    @rule()
    def reset(self):
        was_closed = self.model.word == "closed"
        self.model.reset(self.now)
        assert self.breakers.reset(AGENT).recovered is not was_closed

    @invariant()
    def they_show_the_same(self):
        expected = self.model.view(self.now)
        shown = attrs.asdict(self.breakers.status(AGENT), recurse=False)
        assert {name: shown[name] for name in expected} == expected
        self.seen.add(expected["state"])

    @invariant()
    def a_list_shows_what_status_shows(self):
        shown = self.breakers.status(AGENT)
        page = self.breakers.list(shown.state)
        assert [attrs.asdict(breaker) for breaker in page.breakers] == (
            [attrs.asdict(shown, filter=lambda field, _: field.name != "recent_failures")] if shown.known else []
        )

    @invariant()
    def its_history_leads_to_where_it_stands(self):
        transitions, more = [], True
        while more:
            page = self.breakers.history(AGENT, limit=200, after=len(transitions))
            transitions += page.transitions
            more = page.more
        assert len(transitions) == page.total
        for row in self.connection.execute(STORED, {"agent_id": AGENT}).fetchall():
            assert attrs.astuple(replay(transitions)) == row

    def teardown(self):
        reached["runs"] += 1
        for state in self.seen:
            event(f"reached {state}")
            reached[state] += 1
        self.connection.close()


def test_a_breaker_lives_as_its_model_does_and_is_often_half_open(record_property):
    reached.clear()
    run_state_machine_as_test(BreakerLife, settings=settings(max_examples=50, stateful_step_count=40, deadline=None))

    record_property("reached", dict(reached))
    assert reached["half_open"] >= reached["runs"] / 10, reached
