"""All operations in any order on two pipelines, against a model that counts everything anew from its definitions."""

import os
from collections import Counter

import apsw
import attrs
from agent_runtime_relay import Admission, Refusal, Relays
from agent_runtime_relay.errors import RelayError
from conftest import FakeClock
from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from relay_model import BAD, GOOD, Late, Line, Refused

WORKERS = st.sampled_from(["ann", "bob"])
HOLDERS = st.sampled_from([None, None, "process 1", "process 2"])
LEASES = st.sampled_from([None, 10, 60])
ANY = st.integers(0, 1000)
HANDED_IN = st.tuples(st.sampled_from([GOOD, GOOD, GOOD, BAD]), st.sampled_from([0, 40, 90]), st.sampled_from(["a", "b"]))
BUDGETS = st.sampled_from([None, None, 100, 300, 1000])
REACHED = Counter()


def reach(what):
    REACHED[what] += 1
    event(what)
    return what


@attrs.define
class Door:
    """A guard that lets nobody in whom the machine says, and keeps a list of what it was told."""

    refusing: set = attrs.Factory(set)
    told: list = attrs.Factory(list)
    open_permits: set = attrs.Factory(set)

    def admit(self, agent, *, worker, holder):
        if agent in self.refusing:
            return Refusal(retry_after_seconds=5)
        self.told.append(("admit", agent))
        permit = f"permit {len(self.told)}"
        self.open_permits.add(permit)
        return Admission(permit_id=permit)

    def advice(self, agent):
        return Refusal(retry_after_seconds=5) if agent in self.refusing else Admission()

    def settle(self, agent, permit_id, result, *, error="", retry_after_seconds=None):
        if permit_id is not None:
            self.open_permits.remove(permit_id)
        self.told.append((str(result), agent))
