"""Calls of the libraries, beside the smallest transaction on the same disk."""

from typing import Any

import pytest

from agent_runtime_relay import Relays

ROUNDS = {"FULL": 300, "NORMAL": 2000}
AGENTS = 48
OUTPUT = "What this agent found, in the words in which the next one reads it.\n" * 60  # 4 KiB


@pytest.fixture
def measure(beside, floor, synchronous):
    """Measure a call and hold it against so many transactions with FULL and NORMAL."""

    def run(name, operation, *, full, normal, prepare=tuple):
        txn = f"txn_{synchronous.lower()}"
        beside(
            f"{name}, {synchronous}",
            operation,
            floors={txn: floor.write},
            goal={txn: full if synchronous == "FULL" else normal},
            rounds=ROUNDS[synchronous],
            prepare=prepare,
        )

    return run


@pytest.fixture
def goal_id(libraries):
    return libraries.goals.create("Ship version 1.0").goal_id


class Worker:
    """Claims and completes tasks; there is always another one."""

    def __init__(self, libraries: Any, goal_id: int) -> None:
        self._tasks = libraries.tasks
        self._goal_id = goal_id
        self._claimed: Any = None

    def make_another(self):
        self.complete()
        self._tasks.create("Write the changelog", "All of it", goal_id=self._goal_id)
        return ()

    def claim(self) -> None:
        self._claimed = self._tasks.claim_next(worker="ada")

    def make_and_claim_another(self):
        self.make_another()
        self.claim()
        return ()

    def complete(self) -> None:
        if self._claimed is not None:
            claimed, self._claimed = self._claimed, None
            self._tasks.update_status(
                claimed.task.task_id,
                "completed",
                worker="ada",
                claim_token=claimed.claim_token,
                result="CHANGELOG.md, 12 entries",
            )


def test_create_task(measure, libraries, goal_id):
    measure(
        "create_task",
        lambda: libraries.tasks.create("Write the changelog", "All of it", goal_id=goal_id),
        full=1.8,
        normal=5,
    )


def test_claim(measure, libraries, goal_id):
    worker = Worker(libraries, goal_id)
    measure("claim", worker.claim, full=2.0, normal=6, prepare=worker.make_another)


def test_complete(measure, libraries, goal_id):
    worker = Worker(libraries, goal_id)
    measure("complete", worker.complete, full=2.0, normal=6, prepare=worker.make_and_claim_another)


def test_record_failure(measure, libraries):
    breakers = libraries.breakers
    breakers.configure("researcher", failure_threshold=1_000_000)  # stays closed, so that each failure is counted
    measure(
        "record_failure",
        lambda: breakers.record_failure("researcher", "timeout", "no answer within 60 s"),
        full=1.8,
        normal=5,
    )


def test_acquire(measure, libraries):
    measure("acquire", lambda: libraries.breakers.acquire("researcher", worker="ada"), full=1.8, normal=5)


class Relay:
    """Hands batons on; when a relay is at its end, another one begins."""

    def __init__(self, relays: Relays, *, claims: bool) -> None:
        self._relays = relays
        self._claims = claims
        self._pipeline_id = 0
        self._baton_id: str | None = None

    def take_baton(self):
        if self._baton_id is None:
            created = self._relays.create("A report", "Write it", [f"specialist {each}" for each in range(AGENTS)])
            self._pipeline_id, self._baton_id = created.pipeline_id, created.baton_id
        if self._claims:
            self._relays.baton(self._pipeline_id, claim=True, worker="ada")
        return ()

    def advance(self) -> None:
        advance = self._relays.advance(
            self._pipeline_id,
            0.9,
            0.9,
            1200,
            baton_id=self._baton_id,
            output=OUTPUT,
            output_summary="what was found, in a line",
            worker="ada",
        )
        self._baton_id = advance.next_baton.baton_id if advance.next_baton else None


def test_advance_without_breakers(measure, libraries):
    relay = Relay(Relays(libraries.connection), claims=False)
    measure("advance_relay without breakers", relay.advance, full=3.0, normal=10, prepare=relay.take_baton)


def test_advance_with_a_breaker(measure, libraries):
    relay = Relay(libraries.relays, claims=False)
    measure("advance_relay with a breaker", relay.advance, full=3.0, normal=10, prepare=relay.take_baton)


def test_advance_of_a_claimed_baton_with_a_breaker(measure, libraries):
    relay = Relay(libraries.relays, claims=True)
    measure("advance_relay with a breaker, claimed", relay.advance, full=3.0, normal=10, prepare=relay.take_baton)
