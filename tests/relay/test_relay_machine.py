"""All operations in any order on two pipelines, against a model that counts everything anew from its definitions."""

import os
from collections import Counter

import apsw
import attrs
import pytest
from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from relay_model import BAD, GOOD, Late, Line, Refused

from agent_runtime_kernel.errors import AgentRuntimeError
from agent_runtime_relay import Admission, Refusal, Relays
from fake_clock import FakeClock

WORKERS = st.sampled_from(["ann", "bob"])
HOLDERS = st.sampled_from([None, None, "process 1", "process 2"])
LEASES = st.sampled_from([None, 10, 60])
ANY = st.integers(0, 1000)
HANDED_IN = st.tuples(
    st.sampled_from([GOOD, GOOD, GOOD, BAD]), st.sampled_from([0, 40, 90]), st.sampled_from(["a", "b"])
)
BUDGETS = st.sampled_from([None, None, 100, 300, 1000])
REACHED = Counter()


def reach(what):
    REACHED[what] += 1
    event(what)
    return what


def outcome_of(operation):
    try:
        return operation()
    except AgentRuntimeError as error:
        return error


@attrs.define
class Door:
    """A guard that lets nobody in whom the machine says, and keeps a list of what it was told."""

    refusing: frozenset = frozenset()
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


class RelayMachine(RuleBasedStateMachine):
    opening = ()

    @initialize(
        steps=st.integers(2, 5),
        retries=st.integers(0, 2),
        has_spare=st.booleans(),
        budget=st.sampled_from([100_000, 250, 90]),
    )
    def create(self, steps, retries, has_spare, budget):
        self.clock, self.door, self.gone = FakeClock(), Door(), set()
        self.connection = apsw.Connection(":memory:")
        self.connection.transaction_mode = "IMMEDIATE"
        self.connection.pragma("foreign_keys", True)
        self.relays = Relays(
            self.connection,
            clock=self.clock,
            guard=self.door,
            is_alive=lambda holder: False if holder in self.gone else None,
        )
        self.relays.migrate()
        self.lines = {}
        for _ in range(2):
            created = self.relays.create(
                "Survey",
                "goal",
                ["agent"] * steps,
                max_retries=retries,
                token_budget=budget,
                fallback_agents={"agent": "spare"} if has_spare else {},
            )
            self.lines[created.pipeline_id] = Line(steps, retries, has_spare, budget, baton=created.baton_id)
        self.history = {}
        for step in self.opening:
            step(self)

    def teardown(self):
        if hasattr(self, "connection"):
            self.connection.close()

    def compare(self, expected, operation):
        """Let the model say what must happen, do it, and return what did; None when it was refused as it must be."""
        told = len(self.door.told)
        try:
            wanted, refusal = expected(), None
        except Refused as error:
            wanted, refusal = None, str(error)
        before = self.rows() if refusal is not None else None
        answer = outcome_of(operation)
        raised = type(answer).__name__ if isinstance(answer, AgentRuntimeError) else None
        assert raised == refusal, (answer, wanted)
        if raised is not None:
            reach(f"refused: {raised}")
            if getattr(answer, "orphan_output_id", None) is None:
                assert self.rows() == before
            return None, answer
        self.learn()
        permits = [permit for line in self.lines.values() for permit in line.permits]
        assert Counter(self.door.told[told:]) == Counter(permits)
        for line in self.lines.values():
            line.permits.clear()
        return wanted, answer

    def rows(self):
        return [
            self.connection.execute(f"SELECT * FROM relay_{table} ORDER BY 1, 2, 3").fetchall()
            for table in ("pipelines", "attempts", "outputs")
        ]

    def learn(self):
        """Tell the model the ids of batons that were issued."""
        found = self.connection.execute(
            "SELECT pipeline_id, step_index, attempt, baton_id FROM relay_attempts ORDER BY 1, 2, 3"
        ).fetchall()
        for pipeline_id, step_index, attempt, baton_id in found:
            known = self.lines[pipeline_id].tries[step_index][attempt - 1]
            assert known.baton in (None, baton_id)
            known.baton = baton_id

    def line(self, number):
        pipeline_id = 2 if number % 4 == 3 else 1
        return pipeline_id, self.lines[pipeline_id]

    def now(self):
        return self.clock()

    @rule(number=ANY, handed_in=HANDED_IN, which=st.sampled_from(["live", "live", "old", "same", "foreign"]), pick=ANY)
    def advance(self, number, handed_in, which, pick):
        pipeline_id, line = self.line(number)
        baton = self.baton(line, which, pick)
        attempt = line.find(baton)
        if which == "same" and attempt is not None and attempt.handed_in is not None:
            handed_in = attempt.handed_in
        self.hand_in(pipeline_id, line, handed_in, baton=baton)

    @rule(
        number=ANY,
        handed_in=HANDED_IN,
        worker=st.sampled_from([None, "ann", "bob"]),
        shown=st.sampled_from([None, "live", "old"]),
        pick=ANY,
    )
    def advance_without_baton(self, number, handed_in, worker, shown, pick):
        pipeline_id, line = self.line(number)
        shown = None if shown is None else self.baton(line, shown, pick)
        self.hand_in(pipeline_id, line, handed_in, baton=None, worker=worker, shown=shown)

    def baton(self, line, which, pick):
        if which == "live" and line.live is not None:
            return line.live.baton
        if which == "foreign":
            other = next(other for other in self.lines.values() if other is not line)
            return other.batons[pick % len(other.batons)]
        return line.batons[pick % len(line.batons)]

    def hand_in(self, pipeline_id, line, handed_in, *, baton, worker=None, shown=None):
        quality, tokens, text = handed_in
        at = {"now": self.now(), "gone": self.gone}

        def expected():
            if baton is not None and line.find(baton) is None:
                raise Refused("ForeignBaton")
            return line.advance(baton, handed_in, worker=worker, shown=shown, **at)

        wanted, answer = self.compare(
            expected,
            lambda: self.relays.advance(
                pipeline_id, quality, 0.9, tokens, output=text, baton_id=baton, worker=worker, last_shown=shown
            ),
        )
        if wanted is None:
            return self.keep_late(line, baton or shown, handed_in, answer)
        if wanted == "replayed":
            reach("replayed")
            first = self.history.get(baton)
            assert answer.replayed
            assert first is None or answer == attrs.evolve(first, replayed=True)
            return None
        attempt = next(attempt for step in reversed(line.tries) for attempt in reversed(step) if attempt.answer)
        self.history[attempt.baton] = answer
        return self.check_answer(line, wanted, answer)

    def check_answer(self, line, wanted, answer):
        reach(wanted)
        assert (answer.outcome, answer.status, answer.current_step) == (wanted, line.status, line.step)
        assert answer.attempts_left == line.left
        assert answer.tokens_used == line.used
        assert answer.tokens_remaining == max(0, line.budget - line.used)
        assert answer.over_budget == (line.used > line.budget)
        assert (answer.next_baton and answer.next_baton.baton_id) == (line.live.baton if wanted == "advanced" else None)

    def keep_late(self, line, baton, handed_in, error):
        attempt = baton and line.find(baton)
        is_late = type(error).__name__ == "StaleBaton" and attempt is not None and attempt.end in ("lost", "failed")
        output = getattr(error, "orphan_output_id", None)
        assert (output is not None) == is_late
        known = [*line.adopted, *(late.output for late in line.late)]
        if is_late and output not in known:
            reach("late result kept")
            [(step, number)] = [
                (step, number)
                for step, tries in enumerate(line.tries)
                for number, found in enumerate(tries, start=1)
                if found is attempt
            ]
            line.late.append(Late(output=output, step=step, attempt=number, handed_in=handed_in))

    @rule(number=ANY, worker=WORKERS, holder=HOLDERS, lease=LEASES)
    def claim(self, number, worker, holder, lease):
        pipeline_id, line = self.line(number)
        self.gone.discard(holder)
        at = {"now": self.now(), "gone": self.gone}
        tries = len(line.tries[line.step]) if line.live else 0
        wanted, reading = self.compare(
            lambda: line.claim(worker, holder, lease, **at),
            lambda: self.relays.baton(pipeline_id, claim=True, worker=worker, holder=holder, lease_seconds=lease),
        )
        if wanted is None:
            return
        reach(f"claim: {wanted}")
        if wanted == "claimed" and len(line.tries[line.step]) > tries:
            reach("claimed after a loss")
        if wanted in ("claimed", "renewed"):
            holding = line.live.holding
            assert (reading.claim.worker, reading.claim.live) == (holding.worker, True)
            assert reading.claim.expires_at == round(holding.until * 1000)
            assert reading.baton.agent_assigned == holding.agent
        else:
            assert (reading.baton, reading.waiting_for) == (None, wanted)

    @rule(
        number=ANY,
        which=st.sampled_from(["live", "live", "old"]),
        pick=ANY,
        tokens=st.sampled_from([0, 40]),
        seldom=st.integers(0, 1),
    )
    def fail(self, number, which, pick, tokens, seldom):
        if seldom:
            return
        pipeline_id, line = self.line(number)
        baton = self.baton(line, which, pick)
        wanted, answer = self.compare(
            lambda: line.fail(baton, tokens),
            lambda: self.relays.fail_attempt(pipeline_id, baton, "timeout", tokens_used=tokens),
        )
        if wanted is not None:
            reach(f"fail: {wanted}")
            assert answer.replayed == (wanted == "replayed")
            assert answer.status == line.status

    @rule(number=ANY, which=st.sampled_from(["live", "live", "old"]), pick=ANY, worker=WORKERS)
    def renew(self, number, which, pick, worker):
        pipeline_id, line = self.line(number)
        baton = self.baton(line, which, pick)
        now = self.now()
        wanted, answer = self.compare(
            lambda: line.renew(baton, worker, now=now) or "renewed",
            lambda: self.relays.renew(pipeline_id, baton, worker),
        )
        if wanted is not None:
            assert answer.expires_at == round(line.live.holding.until * 1000)

    @rule(number=ANY, which=st.sampled_from(["live", "live", "old"]), pick=ANY, worker=WORKERS)
    def release(self, number, which, pick, worker):
        pipeline_id, line = self.line(number)
        baton = self.baton(line, which, pick)
        wanted, answer = self.compare(
            lambda: line.release(baton, worker), lambda: self.relays.release(pipeline_id, baton, worker)
        )
        assert wanted is None or answer == wanted

    @rule(number=ANY, step=st.sampled_from([None, None, None, 0, 1, 2, 3]))
    def retry(self, number, step):
        pipeline_id, line = self.line(number)
        step = min(line.step, line.steps - 1) if step is None else step
        at = {"now": self.now(), "gone": self.gone}
        wanted, answer = self.compare(
            lambda: line.retry(step, **at) or "retried", lambda: self.relays.retry(pipeline_id, step)
        )
        if wanted is not None:
            reach("retried with the spare" if line.live.spare else "retried")
            assert (answer.attempt, answer.attempts_left) == (len(line.tries[step]), line.left)
            assert answer.baton.baton_id == line.live.baton

    @rule(number=ANY, handed_in=HANDED_IN)
    def hand_in_for_the_live_baton(self, number, handed_in):
        pipeline_id, line = self.line(number)
        if line.live is not None:
            self.hand_in(pipeline_id, line, handed_in, baton=line.live.baton)

    @rule(number=ANY, handed_in=HANDED_IN, comes_back=st.booleans())
    def overtake(self, number, handed_in, comes_back):
        """Let ann's claim run out, bob take the baton, and perhaps ann come back with her result."""
        pipeline_id, line = self.line(number)
        if line.runs and line.live is not None and not line.is_held(self.now(), self.gone):
            self.claim(number, "ann", None, 10)
            lost = line.live and line.live.baton
            self.wait(11)
            self.claim(number, "bob", None, 10)
            if comes_back and lost is not None:
                self.hand_in(pipeline_id, line, handed_in, baton=lost)

    @rule(number=ANY, worker=WORKERS)
    def go_on(self, number, worker):
        """Do what the pipeline waits for, and when it waits for nothing hand its baton on."""
        pipeline_id, line = self.line(number)
        match line.waits_for(self.now(), self.gone):
            case None:
                for _ in range(2):
                    self.claim(number, worker, None, None)
                if line.live is not None and line.live.holding is not None:
                    self.hand_in(pipeline_id, line, (GOOD, 40, "a"), baton=line.live.baton)
            case "retry":
                self.retry(number, None)
            case "breaker":
                self.claim(number, worker, None, None)
                self.refuse(())
            case "resume":
                self.update(number, "in_progress", None, 3, None, 0)
            case "budget":
                self.update(number, "in_progress" if line.status == "failed" else None, line.used + 100, None, None, 0)

    @rule(
        number=ANY,
        status=st.sampled_from([None, "in_progress", "paused", "paused", "cancelled"]),
        budget=BUDGETS,
        retries=st.sampled_from([None, None, 0, 3]),
        threshold=st.sampled_from([None, None, None, 0.1, 0.5]),
        seldom=st.integers(0, 3),
    )
    def update(self, number, status, budget, retries, threshold, seldom):
        pipeline_id, line = self.line(number)
        if status == "cancelled" and seldom:
            return
        given = {"status": status, "token_budget": budget, "max_retries": retries, "quality_threshold": threshold}
        given = {name: value for name, value in given.items() if value is not None}
        wanted, answer = self.compare(
            lambda: line.update(status, budget, retries, threshold), lambda: self.relays.update(pipeline_id, **given)
        )
        if wanted is not None:
            reach(f"updated to {status}")
            assert answer.changed == wanted

    @precondition(lambda self: any(line.late for line in self.lines.values()))
    @rule(pick=ANY, patient=st.booleans())
    def adopt(self, pick, patient):
        if patient:
            self.wait(61)
        choices = [(pipeline_id, late) for pipeline_id, line in self.lines.items() for late in line.late]
        pipeline_id, late = choices[pick % len(choices)]
        line = self.lines[pipeline_id]
        at = {"now": self.now(), "gone": self.gone}
        wanted, answer = self.compare(
            lambda: line.adopt(late, **at), lambda: self.relays.adopt_output(pipeline_id, late.output)
        )
        if wanted is not None:
            reach("adopted")
            self.check_answer(line, wanted, answer)
            assert answer.output_id == late.output

    @rule(seconds=st.sampled_from([1, 9, 11, 61, 901]))
    def wait(self, seconds):
        self.clock.advance(seconds)

    @rule(holder=st.sampled_from(["process 1", "process 2"]))
    def kill(self, holder):
        self.gone.add(holder)

    @rule(number=ANY, handed_in=HANDED_IN)
    def hand_in_while_all_refuse(self, number, handed_in):
        self.refuse(("agent", "spare"))
        self.hand_in_for_the_live_baton(number, handed_in)

    @rule(agents=st.sampled_from([(), ("agent",), ("agent", "spare")]))
    def refuse(self, agents):
        self.door.refusing = frozenset(agents)
        for line in self.lines.values():
            line.refusing = self.door.refusing

    @invariant()
    def the_status_is_what_the_model_says(self):
        for pipeline_id, line in getattr(self, "lines", {}).items():
            status = self.relays.status(pipeline_id)
            assert (status.status, status.current_step) == (line.status, line.step)
            assert (status.tokens_used, status.token_budget) == (line.used, line.budget)
            assert [step.attempts for step in status.steps] == [len(tries) for tries in line.tries]
            done = [step.status for step in status.steps[: line.step]]
            assert done == ["completed"] * line.step

    @invariant()
    def the_baton_is_what_the_model_says(self):
        for pipeline_id, line in getattr(self, "lines", {}).items():
            reading = self.relays.baton(pipeline_id)
            waiting = line.waits_for(self.now(), self.gone)
            assert reading.waiting_for == waiting
            reach(f"waiting for {waiting}")
            if waiting is None:
                assert reading.baton.baton_id == line.live.baton
                holding = line.live.holding
                assert (reading.claim and reading.claim.worker) == (holding and holding.worker)
                assert not holding or reading.claim.live == line.is_held(self.now(), self.gone)

    @invariant()
    def a_permit_is_open_for_each_claim_and_for_nothing_else(self):
        if hasattr(self, "lines"):
            claims = [line for line in self.lines.values() if line.live is not None and line.live.holding]
            assert len(self.door.open_permits) == len(claims)

    @invariant()
    def counts_are_those_of_the_rows_and_orphans_those_that_nobody_took(self):
        if not hasattr(self, "lines"):
            return
        counts = dict(self.connection.execute("SELECT status, pipelines FROM relay_counts").fetchall())
        assert Counter(counts) == Counter(line.status for line in self.lines.values())
        for pipeline_id, line in self.lines.items():
            assert {orphan.output_id for orphan in self.relays.orphans(pipeline_id)} == {
                late.output for late in line.late
            }

    @invariant()
    def an_audit_finds_nothing(self):
        if hasattr(self, "lines"):
            assert list(self.relays.audit()) == []

    @invariant()
    def what_is_settled_never_changes(self):
        if not hasattr(self, "lines"):
            return
        rows = self.connection.execute(
            "SELECT * FROM relay_attempts WHERE ended_at IS NOT NULL ORDER BY 1, 2, 3"
        ).fetchall()
        settled = {row[:3]: row for row in rows}
        before = getattr(self, "settled", {})
        assert {key: settled.get(key) for key in before} == before
        self.settled = settled


OPENINGS = {
    "nothing done": ((), {"waiting for None"}),
    "a late result adopted": (
        (lambda m: m.overtake(0, (GOOD, 40, "b"), True), lambda m: m.adopt(0, True)),
        {"late result kept", "adopted", "refused: StaleBaton"},
    ),
    "a holder overtaken": (
        (lambda m: m.overtake(0, (BAD, 40, "b"), True),),
        {"claim: claimed", "claimed after a loss", "late result kept"},
    ),
    "an attempt failed": (
        (lambda m: m.fail(0, "live", 0, 40, 0), lambda m: m.fail(0, "old", 0, 40, 0), lambda m: m.go_on(0, "ann")),
        {"fail: failed", "fail: replayed", "waiting for retry"},
    ),
    "tries used up": (
        5 * (lambda m: m.hand_in_for_the_live_baton(0, (BAD, 0, "a")), lambda m: m.retry(0, None)),
        {"gate_failed", "retried", "retried with the spare", "waiting for resume", "refused: IllegalTransition"},
    ),
    "all tokens spent": (
        (lambda m: m.hand_in_for_the_live_baton(0, (GOOD, 100_000, "a")), lambda m: m.go_on(0, "ann")),
        {"budget_exhausted", "updated to in_progress"},
    ),
    "nobody admitted": (
        (lambda m: m.hand_in_while_all_refuse(0, (GOOD, 40, "a")), lambda m: m.claim(0, "ann", None, None)),
        {"blocked", "claim: breaker", "waiting for breaker"},
    ),
    "a call repeated": (
        (
            lambda m: m.hand_in_for_the_live_baton(0, (GOOD, 40, "a")),
            lambda m: m.advance(0, (GOOD, 40, "a"), "same", 0),
            lambda m: m.advance(0, (GOOD, 40, "b"), "old", 0),
            lambda m: m.advance(3, (GOOD, 40, "a"), "foreign", 0),
        ),
        {"advanced", "replayed", "refused: AnotherPayload", "refused: ForeignBaton"},
    ),
    "a claim renewed and contested": (
        (*2 * (lambda m: m.claim(0, "ann", None, None),), lambda m: m.claim(0, "bob", None, None)),
        {"claim: claimed", "claim: renewed", "refused: BatonClaimed"},
    ),
    "paused and resumed": (
        (lambda m: m.update(0, "paused", None, None, None, 0), lambda m: m.claim(0, "ann", None, None)),
        {"updated to paused", "claim: resume"},
    ),
    "carried to its end": (5 * (lambda m: m.go_on(0, "ann"),), {"completed", "waiting for nothing"}),
    "one cancelled": (
        (lambda m: m.go_on(3, "ann"), lambda m: m.update(3, "cancelled", None, None, None, 0)),
        {"updated to cancelled"},
    ),
}


@pytest.mark.parametrize("opening", OPENINGS)
def test_relays_behave_like_the_model_whatever_follows(opening):
    class Opened(RelayMachine):
        pass

    Opened.opening, must_reach = OPENINGS[opening]
    REACHED.clear()
    run_state_machine_as_test(
        Opened,
        settings=settings(
            max_examples=int(os.environ.get("RELAY_MACHINE_EXAMPLES", "10")),
            stateful_step_count=int(os.environ.get("RELAY_MACHINE_STEPS", "40")),
            derandomize="RELAY_MACHINE_EXAMPLES" not in os.environ,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
        ),
    )
    for what, times in sorted(REACHED.items()):
        print(f"{times:6} {what}")  # noqa: T201 - shown with -s or -rP: how often each state was reached
    assert must_reach <= set(REACHED)
