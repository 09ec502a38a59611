"""Results that come after their attempt was given up: refused, kept, and adopted by whoever wants them."""

import pytest
from handing_in import Team, everything

from agent_runtime_relay import Orphan
from agent_runtime_relay.errors import BatonClaimed, IllegalTransition, OutputNotFound, StaleBaton


@pytest.fixture
def overtaken(relays, clock):
    """A team whose first baton was lost by ann, and whose second is claimed by bob."""
    team = Team.of(relays, "one", "two")
    team.claim("ann", lease_seconds=10)
    clock.advance(10)
    team.claim("bob", lease_seconds=10)
    return team


def late(team, **values):
    with pytest.raises(StaleBaton) as refusal:
        team.hand_in(team.first_baton, **{"output": "too late", **values})
    return refusal.value.orphan_output_id


def test_a_late_result_is_refused_and_kept(overtaken, clock):
    problem = "is settled as lost: its result comes too late; the late result is kept as output 1"
    with pytest.raises(StaleBaton, match=problem) as refusal:
        overtaken.hand_in(overtaken.first_baton, output="too late", output_summary="sum", tokens_used=70)

    [orphan] = overtaken.relays.orphans(1)
    assert orphan == Orphan(
        output_id=refusal.value.orphan_output_id,
        step_index=0,
        attempt=1,
        agent="one",
        quality_score=0.9,
        l_score=0.9,
        tokens_used=70,
        summary="sum",
        sha256=orphan.sha256,
        created_at=clock.milliseconds,
    )
    assert overtaken.relays.output(1, orphan.output_id).text == "too late"
    assert overtaken.status.tokens_used == 0
    assert overtaken.read().claim.worker == "bob"


def test_the_same_late_result_is_kept_once_and_another_one_too(overtaken):
    first = late(overtaken)
    with overtaken.unchanged():
        assert late(overtaken) == first
    assert late(overtaken, output="another") == first + 1
    assert len(overtaken.relays.orphans(1)) == 2


def test_a_late_result_that_was_adopted_is_not_kept_again(overtaken):
    output_id = late(overtaken)
    overtaken.relays.release(1, overtaken.live, "bob")
    overtaken.relays.adopt_output(1, output_id)
    with overtaken.unchanged():
        assert late(overtaken) == output_id
    assert overtaken.relays.orphans(1) == ()


def test_a_late_result_without_words_is_not_kept(overtaken):
    with overtaken.unchanged():
        assert late(overtaken, output="") is None


def test_a_late_result_of_a_failed_attempt_is_kept_too(team):
    team.relays.fail_attempt(1, team.first_baton, "timeout", "no answer")
    assert late(team) is not None


def test_a_late_result_without_a_baton_is_kept_for_the_baton_that_was_shown(overtaken):
    with pytest.raises(StaleBaton) as refusal:
        overtaken.hand_in(last_shown=overtaken.first_baton, output="too late")
    assert refusal.value.orphan_output_id == overtaken.relays.orphans(1)[0].output_id


def test_a_transaction_around_the_call_decides_whether_it_is_kept(overtaken, connection):
    before = everything(connection)
    with pytest.raises(StaleBaton), connection:
        overtaken.hand_in(overtaken.first_baton, output="too late")
    assert everything(connection) == before
    with connection:
        late(overtaken)
    assert len(overtaken.relays.orphans(1)) == 1


def test_an_orphan_is_adopted_in_place_of_a_failed_attempt(overtaken):
    output_id = late(overtaken, tokens_used=70, sources=["a book"])
    overtaken.fail_gate(overtaken.live, tokens_used=5)

    advance = overtaken.relays.adopt_output(1, output_id)

    assert (advance.outcome, advance.output_id, advance.tokens_used) == ("advanced", output_id, 75)
    step = overtaken.status.steps[0]
    assert (step.status, step.attempts, step.output_id, step.agent_assigned) == ("completed", 3, output_id, "one")
    assert overtaken.relays.orphans(1) == ()
    baton = overtaken.read().baton
    assert (baton.input_output_id, baton.source_chain) == (output_id, ("a book",))
    with overtaken.unchanged(), pytest.raises(OutputNotFound, match="pipeline 1 has no orphan output 1"):
        overtaken.relays.adopt_output(1, output_id)


def test_an_orphan_takes_the_place_of_a_baton_that_nobody_has_begun(overtaken):
    output_id = late(overtaken)
    waiting = overtaken.live
    overtaken.relays.release(1, waiting, "bob")

    assert overtaken.relays.adopt_output(1, output_id).outcome == "advanced"

    assert overtaken.status.steps[0].attempts == 2
    assert overtaken.hand_in(waiting, output="too late").replayed


def test_an_orphan_takes_the_place_of_a_lost_attempt(overtaken, clock):
    output_id = late(overtaken)
    clock.advance(10)
    assert overtaken.relays.adopt_output(1, output_id).outcome == "advanced"
    assert overtaken.status.steps[0].attempts == 3


def test_an_orphan_is_not_adopted_over_somebody_who_is_at_work(overtaken):
    output_id = late(overtaken)
    with overtaken.unchanged(), pytest.raises(BatonClaimed, match="is claimed by bob"):
        overtaken.relays.adopt_output(1, output_id)


def test_an_orphan_of_a_completed_step_is_not_adopted(overtaken):
    output_id = late(overtaken)
    overtaken.hand_in(overtaken.live)
    with overtaken.unchanged(), pytest.raises(IllegalTransition, match="is for step 0, which is completed"):
        overtaken.relays.adopt_output(1, output_id)


def test_an_orphan_revives_a_failed_pipeline(relays, clock):
    team = Team.of(relays, "one", "two", max_retries=0)
    team.claim("ann", lease_seconds=10)
    clock.advance(10)
    assert team.claim("bob").status == "failed"

    advance = relays.adopt_output(1, late(team))

    assert (advance.outcome, advance.status, team.status.reason) == ("advanced", "in_progress", None)


def test_an_orphan_passes_the_same_gates(overtaken):
    output_id = late(overtaken, quality_score=0.1)
    overtaken.relays.release(1, overtaken.live, "bob")

    advance = overtaken.relays.adopt_output(1, output_id)

    assert (advance.outcome, advance.attempts_left) == ("gate_failed", 2)
    assert overtaken.relays.orphans(1) == ()


@pytest.mark.parametrize("status", ["paused", "cancelled"])
def test_a_pipeline_that_does_not_run_adopts_nothing(overtaken, status):
    output_id = late(overtaken)
    overtaken.update(status=status)
    with overtaken.unchanged(), pytest.raises(IllegalTransition, match=f"pipeline 1 is {status}"):
        overtaken.relays.adopt_output(1, output_id)


def test_only_an_orphan_is_adopted(relays, overtaken):
    accepted = overtaken.hand_in(overtaken.live, output="in time").output_id
    for output_id in (accepted, 99):
        with overtaken.unchanged(), pytest.raises(OutputNotFound):
            relays.adopt_output(1, output_id)
    other = Team.of(relays, "one")
    orphan = late(overtaken)
    with pytest.raises(OutputNotFound):
        relays.adopt_output(other.pipeline_id, orphan)
