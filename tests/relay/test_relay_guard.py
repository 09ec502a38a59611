"""Circuit breakers as a relay knows them: a guard on the same connection, inside the same transaction."""

import apsw
import attrs
import pytest
from handing_in import Team

from agent_runtime_relay import Admission, Check, Refusal, Relays
from agent_runtime_relay.errors import BatonClaimed

NO_FALLBACK = Refusal(retry_after_seconds=30)


@attrs.frozen
class Breakers:
    """A guard that writes what it is told into a table, and refuses whom the test says."""

    connection: apsw.Connection
    refused: dict[str, Refusal] = attrs.Factory(dict)

    def open_tables(self):
        self.connection.execute(
            "CREATE TABLE guard_log (id INTEGER PRIMARY KEY, verb TEXT, agent TEXT, permit TEXT, detail TEXT) STRICT"
        ).fetchall()

    def admit(self, agent, *, worker, holder):
        if agent in self.refused:
            return self.refused[agent]
        permit_id = f"permit {len(self.log) + 1}"
        self._write("admit", agent, permit_id, f"{worker} {holder}")
        return Admission(permit_id=permit_id)

    def advice(self, agent):
        return self.refused.get(agent, Admission())

    def settle(self, agent, permit_id, result, *, error="", retry_after_seconds=None):
        after = "" if retry_after_seconds is None else f" {retry_after_seconds}"
        self._write(str(result), agent, permit_id, error + after)

    def _write(self, *row):
        assert self.connection.in_transaction
        self.connection.execute(
            "INSERT INTO guard_log (verb, agent, permit, detail) VALUES (:verb, :agent, :permit, :detail)",
            dict(zip(("verb", "agent", "permit", "detail"), row, strict=True)),
        ).fetchall()

    @property
    def log(self):
        return self.connection.execute("SELECT verb, agent, permit FROM guard_log ORDER BY id").fetchall()

    @property
    def details(self):
        return [row[0] for row in self.connection.execute("SELECT detail FROM guard_log ORDER BY id").fetchall()]


@pytest.fixture
def guard(connection):
    guard = Breakers(connection)
    guard.open_tables()
    return guard


@pytest.fixture
def guarded(connection, clock, guard):
    relays = Relays(connection, clock=clock, guard=guard)
    relays.migrate()
    return relays


@pytest.fixture
def team(guarded):
    return Team.of(guarded, "one", "two", fallback_agents={"one": "spare"})


def test_a_permit_is_taken_by_a_claim_and_by_nothing_else(team, guard):
    team.read()
    assert guard.log == []
    team.claim("ann", holder="process 1")
    assert guard.log == [("admit", "one", "permit 1")]
    assert guard.details == ["ann process 1"]
    team.claim("ann")
    assert len(guard.log) == 1


def test_a_claimed_success_settles_its_permit(team, guard):
    team.hand_in(team.claim().baton.baton_id)
    assert guard.log[1:] == [("success", "one", "permit 1")]


def test_a_claimed_gate_failure_settles_as_one(team, guard):
    baton = team.claim().baton.baton_id
    team.fail_gate(baton, checks=[Check(name="tests", score=0.1)])
    assert guard.log[1:] == [("quality_failure", "one", "permit 1")]
    assert "check:tests scored 0.1" in guard.details[1]
    team.fail_gate(baton, checks=[Check(name="tests", score=0.1)])
    assert len(guard.log) == 2


@pytest.mark.parametrize("failure_type", ["timeout", "exception", "invalid_output", "resource_exhausted"])
def test_a_claimed_failure_settles_by_its_type(team, guard, failure_type):
    baton = team.claim().baton.baton_id
    team.relays.fail_attempt(1, baton, failure_type, "broken")
    team.relays.fail_attempt(1, baton, failure_type, "broken")
    assert guard.log[1:] == [(failure_type, "one", "permit 1")]


def test_a_rate_limit_passes_on_when_to_ask_again(team, guard):
    baton = team.claim().baton.baton_id
    team.relays.fail_attempt(1, baton, "rate_limited", "429", retry_after_seconds=60)
    assert (guard.log[1], guard.details[1]) == (("rate_limited", "one", "permit 1"), "429 60.0")


def test_release_cancellation_and_loss_release_the_permit(team, guard, clock):
    baton = team.claim("ann", lease_seconds=10).baton.baton_id
    team.relays.release(1, baton, "ann")
    team.claim("ann", lease_seconds=10)
    clock.advance(10)
    team.claim("bob", holder="process 1")
    team.relays.detach("process 1")
    team.claim("bob")
    team.update(status="cancelled")

    assert guard.log == [
        ("admit", "one", "permit 1"),
        ("release", "one", "permit 1"),
        ("admit", "one", "permit 3"),
        ("release", "one", "permit 3"),
        ("admit", "one", "permit 5"),
        ("release", "one", "permit 5"),
        ("admit", "one", "permit 7"),
        ("release", "one", "permit 7"),
    ]


def test_of_an_unclaimed_baton_only_a_success_is_recorded(team, guard):
    team.fail_gate()
    team.retry()
    team.relays.fail_attempt(1, team.live, "exception")
    team.retry()
    assert guard.log == []
    team.hand_in()
    assert guard.log == [("success", "one", None)]


def test_a_fallbacks_success_does_not_count_for_the_first_agent(team, guard):
    guard.refused["one"] = NO_FALLBACK
    reading = team.read()
    assert (reading.current_agent, reading.baton.route_reason) == ("spare", "pipeline_fallback")

    team.hand_in()

    assert guard.log == [("success", "spare", None)]
    assert team.status.steps[0].agent_assigned == "spare"


def test_a_refused_agent_gives_way_to_the_pipelines_fallback(team, guard):
    guard.refused["one"] = Refusal(retry_after_seconds=30, fallback_agent="third")

    reading = team.claim()

    assert (reading.baton.agent_type, reading.baton.agent_assigned) == ("one", "spare")
    assert (reading.current_agent, reading.baton.route_reason) == ("spare", "pipeline_fallback")
    assert guard.log == [("admit", "spare", "permit 1")]


def test_then_to_the_agent_that_the_guard_names(team, guard):
    guard.refused.update({"one": Refusal(fallback_agent="third"), "spare": NO_FALLBACK})
    assert (team.claim().baton.agent_assigned, team.read().baton.route_reason) == ("third", "breaker_fallback")


def test_where_all_refuse_the_baton_waits_and_no_attempt_is_consumed(team, guard):
    guard.refused.update({"one": Refusal(retry_after_seconds=30), "spare": Refusal(retry_after_seconds=12)})

    with team.unchanged():
        for reading in (team.read(), team.claim()):
            assert (reading.baton, reading.waiting_for, reading.retry_after_seconds) == (None, "breaker", 12)
            assert (reading.status, reading.current_agent, reading.changed) == ("pending", "one", False)
    assert guard.log == []

    guard.refused.clear()
    assert team.claim().baton.attempt == 1


def test_an_advance_towards_agents_that_all_refuse_answers_blocked(team, guard):
    guard.refused["two"] = NO_FALLBACK

    advance = team.hand_in(team.first_baton)

    assert (advance.outcome, advance.status, advance.current_step) == ("blocked", "in_progress", 1)
    assert (advance.next_agent, advance.next_baton) == ("two", None)
    assert team.status.steps[0].status == "completed"
    assert team.live is not None
    assert (team.read().waiting_for, team.read().retry_after_seconds) == ("breaker", 30)
    again = team.hand_in(team.first_baton)
    assert (again.replayed, again.outcome, again.next_baton) == (True, "blocked", None)

    guard.refused.clear()
    assert team.claim().baton.baton_id == team.live
    assert team.hand_in(team.first_baton).outcome == "blocked"


def test_a_live_claim_is_shown_whatever_the_breakers_say_since(team, guard):
    team.claim("ann")
    guard.refused.update({"one": NO_FALLBACK, "spare": NO_FALLBACK})
    assert team.read().baton.agent_assigned == "one"
    assert team.claim("ann").claim.worker == "ann"
    with pytest.raises(BatonClaimed):
        team.claim("bob")


def test_a_lost_attempt_is_recorded_even_when_nobody_admits_the_next(team, guard, clock):
    team.claim("ann", lease_seconds=10)
    guard.refused.update({"one": NO_FALLBACK, "spare": NO_FALLBACK})
    clock.advance(10)

    reading = team.claim("bob")

    assert (reading.waiting_for, reading.changed) == ("breaker", True)
    assert team.status.steps[0].attempts == 2
    with team.unchanged():
        assert not team.claim("bob").changed


def test_the_last_resort_is_routed_like_any_agent(guarded, guard):
    team = Team.of(guarded, "one", max_retries=0, fallback_agents={"one": "spare"})
    team.fail_gate()
    guard.refused["spare"] = Refusal(fallback_agent="third")
    assert team.retry().baton.agent_assigned == "third"
    assert team.claim().current_agent == "third"
    assert team.fail_gate(team.live).status == "failed"


def test_the_guard_writes_with_the_handover_or_not_at_all(team, guard, connection):
    baton = team.claim().baton.baton_id
    connection.execute(
        "CREATE TEMP TRIGGER no_batons BEFORE INSERT ON relay_attempts BEGIN SELECT RAISE(ABORT, 'no baton'); END"
    ).fetchall()

    with team.unchanged(), pytest.raises(apsw.ConstraintError, match="no baton"):
        team.hand_in(baton)

    assert guard.log == [("admit", "one", "permit 1")]


def test_nothing_that_only_reads_takes_the_write_lock(connect, clock):
    relays = Relays(connect(), clock=clock)
    relays.migrate()
    team = Team.of(relays, "one", "two")
    output_id = team.hand_in(output="text").output_id
    other = connect()
    with other:
        other.execute("UPDATE relay_counts SET pipelines = pipelines").fetchall()
        relays.connection.set_busy_timeout(0)
        assert team.status.current_step == 1
        assert team.read().baton is not None
        assert relays.list().total == 1
        assert relays.output(1, output_id).text == "text"
        assert relays.orphans(1) == ()
