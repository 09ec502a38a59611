"""Who holds a baton, for how long, and what becomes of it when the holder is gone."""

import pytest
from handing_in import Team

from agent_runtime_relay import Claim, Relays
from agent_runtime_relay.errors import BatonClaimed, IllegalTransition, InvalidValue, StaleBaton

SECOND = 1000


@pytest.fixture
def living():
    """The processes that live; others are gone, and those that are not asked about are unknown."""
    return {}


@pytest.fixture
def watched(connection, clock, living):
    relays = Relays(connection, clock=clock, is_alive=living.get)
    relays.migrate()
    return Team.of(relays, "one", "two")


def test_reading_changes_nothing_and_shows_no_claim(team):
    with team.unchanged():
        reading = team.read()
    assert (reading.claim, reading.changed, reading.waiting_for, reading.status) == (None, False, None, "pending")
    assert (reading.current_agent, reading.current_step, reading.tokens_remaining) == ("one", 0, 100_000)


def test_a_claim_starts_the_pipeline_and_names_the_holder(team, clock):
    reading = team.claim("ann")

    assert reading.claim == Claim(worker="ann", expires_at=clock.milliseconds + 900 * SECOND, live=True)
    assert (reading.status, reading.changed, reading.baton.baton_id) == ("in_progress", True, team.first_baton)
    assert team.read().claim == reading.claim
    assert team.status.steps[0].status == "in_progress"
    assert team.relays.list("pending").total == 0


def test_another_worker_is_refused_while_the_lease_runs(team, clock):
    expires_at = team.claim("ann", lease_seconds=60).claim.expires_at
    clock.advance(59.999)

    with team.unchanged(), pytest.raises(BatonClaimed, match="is claimed by ann") as refusal:
        team.claim("bob")

    assert (refusal.value.worker, refusal.value.expires_at) == ("ann", expires_at)


def test_the_same_worker_renews_for_as_long_as_before_or_as_it_says(team, clock):
    baton = team.claim("ann", lease_seconds=60).baton.baton_id
    clock.advance(30)

    assert team.claim("ann").claim.expires_at == clock.milliseconds + 60 * SECOND
    again = team.claim("ann", lease_seconds=20)

    assert (again.claim.expires_at, again.baton.baton_id) == (clock.milliseconds + 20 * SECOND, baton)
    assert team.status.steps[0].attempts == 1


def test_an_expired_claim_becomes_a_lost_attempt_when_somebody_claims_next(team, clock):
    first = team.claim("ann", lease_seconds=60).baton.baton_id
    clock.advance(60)
    with team.unchanged():
        reading = team.read()
    assert (reading.claim.live, reading.baton.baton_id) == (False, first)

    taken = team.claim("bob")

    assert (taken.claim.worker, taken.baton.attempt) == ("bob", 2)
    assert taken.baton.feedback == "lost: ann ended without handing anything on"
    assert taken.baton.baton_id != first
    assert team.status.steps[0].attempts == 2
    assert team.status.tokens_used == 0


def test_an_expired_claim_still_hands_its_baton_on_as_long_as_nobody_took_it(team, clock):
    baton = team.claim("ann", lease_seconds=10).baton.baton_id
    clock.advance(3600)
    assert team.hand_in(baton).outcome == "advanced"


def test_a_claim_whose_process_is_gone_is_lost_at_once(watched, living):
    living["process 1"] = True
    watched.claim("ann", holder="process 1")
    with pytest.raises(BatonClaimed):
        watched.claim("bob", holder="process 2")

    living["process 1"] = False

    assert watched.read().claim.live is False
    assert watched.claim("ann", holder="process 2").baton.attempt == 2


def test_a_process_of_which_nothing_is_known_counts_as_alive(watched, clock):
    watched.claim("ann", holder="process 1", lease_seconds=10)
    with pytest.raises(BatonClaimed):
        watched.claim("bob", holder="process 2")
    clock.advance(10)
    assert watched.claim("bob").baton.attempt == 2


def test_two_processes_of_one_name_do_not_hold_one_baton(watched, living):
    living |= {"process 1": True, "process 2": True}
    watched.claim("ann", holder="process 1")
    with watched.unchanged(), pytest.raises(BatonClaimed):
        watched.claim("ann", holder="process 2")
    assert watched.claim("ann", holder="process 1").baton.attempt == 1
    assert watched.claim("ann").baton.attempt == 1


def test_attempts_are_lost_until_none_is_left_and_then_the_pipeline_fails(relays, clock):
    team = Team.of(relays, "one", "two", max_retries=1)
    for attempt in (1, 2):
        assert team.claim("ann", lease_seconds=10).baton.attempt == attempt
        clock.advance(10)

    reading = team.claim("ann")

    assert (reading.baton, reading.waiting_for, reading.status, reading.changed) == (None, "resume", "failed", True)
    assert (team.status.reason, team.live) == ("retries_exhausted", None)
    team.update(status="in_progress", max_retries=3)
    assert team.claim("ann").baton.attempt == 3


def test_without_a_baton_another_workers_claim_is_in_the_way(team, clock):
    baton = team.claim("ann", lease_seconds=10).baton.baton_id
    with team.unchanged():
        for caller in ("bob", None):
            with pytest.raises(BatonClaimed, match="is claimed by ann"):
                team.hand_in(worker=caller)
    assert team.hand_in(baton, worker="bob").outcome == "advanced"

    team.claim("ann", lease_seconds=10)
    assert team.hand_in(worker="ann").outcome == "advanced"
    team.claim("ann", lease_seconds=10)
    clock.advance(10)
    assert team.hand_in(worker="bob").outcome == "completed"


def test_a_renewal_moves_the_end_of_the_lease(team, clock):
    baton = team.claim("ann", lease_seconds=60).baton.baton_id
    clock.advance(50)

    assert team.relays.renew(1, baton, "ann") == Claim(
        worker="ann", expires_at=clock.milliseconds + 60 * SECOND, live=True
    )
    clock.advance(70)
    renewed = team.relays.renew(1, baton, "ann", lease_seconds=10)

    assert renewed.expires_at == clock.milliseconds + 10 * SECOND
    assert team.read().claim == renewed


def test_only_the_holder_renews_and_releases(team, clock):
    baton = team.claim("ann", lease_seconds=10).baton.baton_id
    with team.unchanged():
        for operation in (team.relays.renew, team.relays.release):
            with pytest.raises(BatonClaimed):
                operation(1, baton, "bob")
    clock.advance(10)
    team.claim("bob")
    with team.unchanged():
        for operation in (team.relays.renew, team.relays.release):
            with pytest.raises(StaleBaton, match="is settled: lost"):
                operation(1, baton, "ann")


def test_an_unclaimed_baton_is_not_renewed(team):
    with team.unchanged(), pytest.raises(IllegalTransition, match="is not claimed"):
        team.relays.renew(1, team.first_baton, "ann")


def test_a_released_baton_stays_and_costs_no_attempt(team):
    baton = team.claim("ann").baton.baton_id

    assert team.relays.release(1, baton, "ann")
    assert not team.relays.release(1, baton, "ann")

    reading = team.claim("bob")
    assert (reading.baton.baton_id, reading.baton.attempt, reading.claim.worker) == (baton, 1, "bob")


def test_a_running_process_renews_what_has_used_a_third_of_its_lease(relays, clock):
    short, long = Team.of(relays, "one"), Team.of(relays, "one")
    short.claim("ann", holder="process 1", lease_seconds=30)
    long.claim("ann", holder="process 1", lease_seconds=900)
    assert relays.renew_due("process 1") == 10
    assert relays.renew_due("process 2") is None

    clock.advance(10)
    assert relays.renew_due("process 1") == 10
    assert short.read().claim.expires_at == clock.milliseconds + 30 * SECOND
    assert long.read().claim.expires_at == clock.milliseconds + 890 * SECOND

    clock.advance(3600)
    assert relays.renew_due("process 1") == 10
    assert short.read().claim.live


def test_a_process_that_ends_gives_back_all_that_it_holds(relays):
    teams = [Team.of(relays, "one") for _ in range(3)]
    teams[0].claim("ann", holder="process 1")
    teams[1].claim("ann", holder="process 1")
    teams[2].claim("bob", holder="process 2")

    assert relays.detach("process 1") == (teams[0].first_baton, teams[1].first_baton)
    assert relays.detach("process 1") == ()

    assert [team.read().claim and team.read().claim.worker for team in teams] == [None, None, "bob"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"worker": None}, "worker must say who claims the baton"),
        ({"worker": ""}, "worker must not be empty"),
        ({"worker": "a\x00b"}, "worker contains a NUL"),
        ({"worker": "ann", "lease_seconds": 9}, "lease_seconds is 9"),
        ({"worker": "ann", "lease_seconds": 86401}, "lease_seconds is 86401"),
        ({"worker": "ann", "lease_seconds": True}, "lease_seconds must be a number"),
    ],
)
def test_a_claim_out_of_bounds_is_refused_and_nothing_is_written(team, arguments, problem):
    with team.unchanged(), pytest.raises(InvalidValue, match=problem):
        team.relays.baton(1, claim=True, **arguments)


def test_where_there_is_no_baton_a_claim_changes_nothing(team):
    team.fail_gate()
    with team.unchanged():
        reading = team.claim()
    assert (reading.baton, reading.waiting_for, reading.changed, reading.claim) == (None, "retry", False, None)
