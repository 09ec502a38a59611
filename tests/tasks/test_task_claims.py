"""Claims: tokens and fences, leases, the processes behind them, take-overs and attempts."""

import pytest

from agent_runtime_tasks import Attempt, Outcome, Tasks
from agent_runtime_tasks.errors import ClaimConflict, InvalidValue, StaleClaim


@pytest.fixture
def gone():
    """The processes that have ended."""
    return set()


@pytest.fixture
def tasks(connection, clock, gone):
    tasks = Tasks(connection, clock=clock, is_alive=lambda holder: holder not in gone)
    tasks.migrate()
    return tasks


@pytest.fixture
def task_id(tasks):
    return tasks.create("work").task.task_id


def claim(tasks, task_id, worker="ann", **arguments):
    return tasks.update_status(task_id, "in_progress", worker=worker, **arguments).claim_token


def outcomes(tasks, task_id):
    return [attempt.outcome for attempt in tasks.links(tasks.get(task_id)).attempt_history]


# Tokens and fences


def test_a_token_carries_the_task_and_a_fence_that_grows_with_every_claim(tasks, task_id):
    tokens = []
    for fence in (1, 2, 3):
        tokens.append(claim(tasks, task_id))
        assert tokens[-1].startswith(f"{task_id}.{fence}.")
        assert tasks.get(task_id).fence == fence
        tasks.update_status(task_id, "pending", worker="ann", claim_token=tokens[-1])
    assert len(set(tokens)) == 3


@pytest.mark.parametrize("end", ["in_progress", "completed", "failed", "pending", "cancelled"])
def test_a_stale_token_is_told_who_holds_the_task_now_and_changes_nothing(tasks, task_id, end):
    old = claim(tasks, task_id)
    tasks.update_status(task_id, "pending", worker="ann", claim_token=old)
    claim(tasks, task_id, "bob")
    before = tasks.get(task_id)

    with pytest.raises(StaleClaim, match=f"task {task_id} is now claimed by bob") as refusal:
        tasks.update_status(task_id, end, worker="ann", claim_token=old, result="late")

    assert refusal.value.task_id == task_id
    assert refusal.value.hint == "nothing was changed; claim another task with get_next_task"
    assert tasks.get(task_id) == before


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "x",
        "1",
        "1.1",
        "1.1.",
        "1..secret",
        "1.-1.secret",
        "1.0x1.secret",
        "1.².secret",
        "1.2.secret",
        "1." + "9" * 5000 + ".secret",
        "01.1.secret",
        " 1.1.secret",
        "2.1.secret",
        "\x00",
        "☃.1.1",
    ],
)
@pytest.mark.parametrize("stands", ["pending", "in_progress", "completed"])
def test_a_malformed_or_foreign_token_is_stale_whatever_the_task_is(tasks, task_id, token, stands):
    if stands != "pending":
        current = claim(tasks, task_id)
        if stands == "completed":
            tasks.update_status(task_id, "completed", worker="ann", claim_token=current)
    before = tasks.get(task_id)

    for call in (
        lambda: tasks.update_status(task_id, "completed", worker="ann", claim_token=token),
        lambda: tasks.update_status(task_id, "cancelled", worker="ann", claim_token=token),
        lambda: tasks.renew(task_id, claim_token=token),
    ):
        with pytest.raises(StaleClaim, match=f"task {task_id} (was not|is now|is completed)"):
            call()

    assert tasks.get(task_id) == before


def test_a_token_with_the_right_fence_and_another_secret_is_not_the_finishing_one(tasks, task_id):
    token = claim(tasks, task_id)
    tasks.update_status(task_id, "completed", worker="ann", claim_token=token, result="r")
    with pytest.raises(StaleClaim):
        tasks.update_status(task_id, "completed", worker="ann", claim_token=f"{task_id}.1.guessed")


def test_the_token_of_another_task_is_stale(tasks, task_id):
    other = tasks.create("other").task.task_id
    token = claim(tasks, other)
    claim(tasks, task_id)
    for end in ("completed", "cancelled", "in_progress"):
        with pytest.raises(StaleClaim, match="was not claimed with this claim_token"):
            tasks.update_status(task_id, end, worker="ann", claim_token=token)


def test_a_token_is_current_until_its_claim_ends(tasks, task_id):
    token = claim(tasks, task_id)
    assert tasks.is_current(task_id, token)
    assert not tasks.is_current(task_id, f"{task_id}.1.other")
    tasks.update_status(task_id, "pending", worker="ann", claim_token=token)
    assert not tasks.is_current(task_id, token)


def test_secrets_are_made_by_new_id(connection, clock):
    tasks = Tasks(connection, clock=clock, new_id=lambda: "a.b")
    tasks.migrate()
    task_id = tasks.create("work").task.task_id
    token = claim(tasks, task_id)
    assert token == f"{task_id}.1.a.b"
    assert tasks.update_status(task_id, "completed", worker="ann", claim_token=token).changed
    assert not tasks.update_status(task_id, "completed", worker="ann", claim_token=token).changed


# Leases


def test_a_claim_is_live_up_to_the_end_of_its_lease(tasks, clock, task_id):
    claim(tasks, task_id, lease_seconds=60)
    clock.advance(59.999)
    assert tasks.get(task_id).claim.live
    with pytest.raises(ClaimConflict):
        claim(tasks, task_id, "bob")

    clock.advance(0.001)
    assert not tasks.get(task_id).claim.live
    assert claim(tasks, task_id, "bob")


@pytest.mark.parametrize("end", ["completed", "failed", "pending"])
def test_the_current_fence_settles_though_its_lease_is_over_as_long_as_nobody_took_the_task(tasks, clock, task_id, end):
    token = claim(tasks, task_id, lease_seconds=60)
    clock.advance(3600)

    change = tasks.update_status(task_id, end, worker="ann", claim_token=token)

    assert change.task.status == end
    assert change.task.attempts == (0 if end == "pending" else 1)


def test_the_current_fence_settles_though_others_were_offered_the_task(tasks, clock, task_id):
    token = claim(tasks, task_id, lease_seconds=60)
    urgent = tasks.create("urgent", priority=9).task.task_id
    clock.advance(61)
    assert tasks.claim_next(worker="bob").task.task_id == urgent
    assert [offer.task.task_id for offer in tasks.offers()] == [task_id]

    assert tasks.update_status(task_id, "completed", worker="ann", claim_token=token).changed
    assert tasks.offers() == ()


def test_a_renewal_after_the_lease_makes_the_claim_live_again_and_withdraws_the_offer(tasks, clock, task_id):
    token = claim(tasks, task_id, lease_seconds=60)
    urgent = tasks.create("urgent", priority=9).task.task_id
    clock.advance(61)
    assert tasks.claim_next(worker="bob").task.task_id == urgent

    change = tasks.renew(task_id, claim_token=token)

    assert (change.changed, change.claim_token, change.task.claim.live) == (True, token, True)
    assert change.task.claim.expires_at == clock.milliseconds + 60_000
    assert tasks.claim_next(worker="bob").task is None


def test_after_a_take_over_the_former_holder_is_stale(tasks, clock, task_id):
    token = claim(tasks, task_id, lease_seconds=60)
    clock.advance(61)
    claim(tasks, task_id, "bob")

    for call in (
        lambda: tasks.update_status(task_id, "completed", worker="ann", claim_token=token),
        lambda: tasks.renew(task_id, claim_token=token),
    ):
        with pytest.raises(StaleClaim, match="is now claimed by bob"):
            call()


def test_a_renewal_moves_the_end_of_the_lease_and_keeps_progress_as_the_note(tasks, clock, task_id):
    token = claim(tasks, task_id, lease_seconds=60)
    clock.advance(30)

    change = tasks.renew(task_id, claim_token=token, progress="half way")
    assert change.task.claim.expires_at == clock.milliseconds + 60_000
    assert change.task.progress_note == "half way"
    change = tasks.renew(task_id, claim_token=token, lease_seconds=120)
    assert change.task.claim.expires_at == clock.milliseconds + 120_000
    assert change.task.progress_note == "half way"
    change = tasks.update_status(task_id, "in_progress", worker="ann", claim_token=token)
    assert change.task.progress_note == "half way"

    done = tasks.update_status(task_id, "completed", worker="ann", claim_token=token)
    assert done.task.progress_note is None
    assert [attempt.note for attempt in tasks.links(done.task).attempt_history] == ["half way"]


def test_only_the_holder_renews(tasks, task_id):
    with pytest.raises(StaleClaim, match=f"task {task_id} is pending, not claimed") as refusal:
        tasks.renew(task_id, claim_token=None)
    assert refusal.value.hint == "only the holder can renew the claim: claim it first"
    claim(tasks, task_id)
    with pytest.raises(StaleClaim, match=f"task {task_id} is claimed by ann") as refusal:
        tasks.renew(task_id, claim_token=None)
    assert refusal.value.hint == "only the holder can renew the claim: pass its claim_token"


def test_a_renewal_out_of_bounds_is_refused(tasks, task_id):
    token = claim(tasks, task_id)
    with pytest.raises(InvalidValue, match="lease_seconds is 5"):
        tasks.renew(task_id, claim_token=token, lease_seconds=5)
    with pytest.raises(InvalidValue, match="progress has 4097 bytes"):
        tasks.renew(task_id, claim_token=token, progress="x" * 4097)


# Processes


def test_a_claim_dies_with_its_process_at_once(tasks, gone, task_id):
    claim(tasks, task_id, holder="p1")
    assert tasks.get(task_id).claim.live

    gone.add("p1")

    assert not tasks.get(task_id).claim.live
    assert claim(tasks, task_id, "bob", holder="p2")
    assert outcomes(tasks, task_id) == ["lost", None]
    assert tasks.get(task_id).attempts == 1


def test_without_knowledge_of_processes_the_lease_decides(connection, clock):
    tasks = Tasks(connection, clock=clock)
    tasks.migrate()
    task_id = tasks.create("work").task.task_id
    claim(tasks, task_id, holder="p1", lease_seconds=60)
    assert tasks.get(task_id).claim.live
    clock.advance(60)
    assert not tasks.get(task_id).claim.live


def test_the_queue_asks_for_each_process_and_not_for_each_claim(connection, clock):
    asked = []
    tasks = Tasks(connection, clock=clock, is_alive=lambda holder: asked.append(holder) or True)
    tasks.migrate()
    for number in range(6):
        tasks.create(f"task {number}")
        tasks.claim_next(worker="ann", holder=f"p{number % 2}")
    asked.clear()

    tasks.claim_next(worker="bob")
    tasks.offers()

    assert sorted(asked) == ["p0", "p0", "p1", "p1"]


def test_a_process_is_no_longer_asked_for_once_its_claims_are_offered_again(connection, clock):
    asked = []
    tasks = Tasks(connection, clock=clock, is_alive=asked.append)
    tasks.migrate()
    task_id = tasks.create("work", goal_id=1).task.task_id
    claim(tasks, task_id, holder="p1", lease_seconds=10)
    tasks.hold([1])
    clock.advance(11)
    tasks.claim_next(worker="bob")
    asked.clear()

    tasks.claim_next(worker="bob")

    assert asked == []


def test_claims_of_a_dead_process_are_offered_before_others_of_their_priority(tasks, gone):
    early, late = (tasks.create(title).task.task_id for title in ("early", "late"))
    urgent = tasks.create("urgent", priority=6).task.task_id
    claim(tasks, late, holder="p1")
    gone.add("p1")

    offers = tasks.offers(limit=3)
    assert [(offer.task.task_id, offer.left_by) for offer in offers] == [(urgent, None), (late, "ann"), (early, None)]
    assert [tasks.claim_next(worker="bob").task.task_id for _ in range(3)] == [urgent, late, early]
    assert tasks.get(late).fence == 2


def test_looking_never_writes(tasks, connection, gone, clock):
    task_id = tasks.create("work", goal_id=1).task.task_id
    tasks.create("later", not_before=clock.milliseconds + 1000)
    claim(tasks, task_id, holder="p1")
    gone.add("p1")
    clock.advance(2)
    connection.execute("PRAGMA query_only = ON").fetchall()

    assert not tasks.get(task_id).claim.live
    assert len(tasks.offers(limit=5)) == 2
    assert len(tasks.list().tasks) == 2
    assert tasks.queue().ready == 1
    assert tasks.counts([0, 1])[0].ready == 1
    assert tasks.open_in([1]) == (1, (task_id,))
    assert tasks.holding("ann") == (task_id,)
    assert tasks.links(tasks.get(task_id)).attempt_history[0].outcome is None


# Sessions that end cleanly


def test_a_session_that_ends_cleanly_leaves_its_tasks_in_progress_and_offers_them(tasks, clock):
    mine = [tasks.create(f"task {number}").task.task_id for number in range(3)]
    claim(tasks, mine[0], holder="p1")
    claim(tasks, mine[1], holder="p1")
    claim(tasks, mine[2], holder="p2")
    clock.advance(5)

    assert tasks.detach("p1") == (mine[0], mine[1])

    left = tasks.get(mine[0])
    assert (left.status, left.claim.live, left.claim.detached, left.claim.worker) == ("in_progress", False, True, "ann")
    assert left.claim.expires_at == clock.milliseconds
    assert tasks.get(mine[2]).claim.live
    assert [offer.task.task_id for offer in tasks.offers(limit=9)] == mine[:2]
    assert tasks.detach("p1") == ()


def test_the_next_session_goes_on_with_a_left_task_and_the_left_attempt_is_not_counted(tasks):
    task_id = tasks.create("work", max_attempts=1).task.task_id
    for number in range(3):
        claimed = tasks.claim_next(worker="ann", holder=f"p{number}")
        assert claimed.task.task_id == task_id
        assert (claimed.task.fence, claimed.task.attempts) == (number + 1, 0)
        tasks.detach(f"p{number}")
    assert outcomes(tasks, task_id) == ["detached", "detached", None]


def test_the_next_session_may_settle_a_left_task(tasks, task_id):
    claim(tasks, task_id, holder="p1")
    tasks.detach("p1")

    change = tasks.update_status(task_id, "completed", worker="bob", result="was done")

    assert (change.task.status, change.task.settled_by, change.task.attempts) == ("completed", "bob", 1)
    [attempt] = tasks.links(change.task).attempt_history
    assert (attempt.outcome, attempt.settled_by) == ("completed", "bob")


def test_releasing_a_left_task_counts_only_with_an_error(tasks, task_id):
    claim(tasks, task_id, holder="p1")
    tasks.detach("p1")
    assert tasks.update_status(task_id, "pending", worker="bob").task.attempts == 0
    claim(tasks, task_id, holder="p2")
    tasks.detach("p2")
    change = tasks.update_status(task_id, "pending", worker="bob", error="the notes make no sense")
    assert (change.task.attempts, change.task.error) == (1, "the notes make no sense")
    assert outcomes(tasks, task_id) == ["detached", "failed"]


def test_the_token_of_a_session_that_ended_still_settles_and_renews(tasks, task_id):
    token = claim(tasks, task_id, holder="p1")
    tasks.detach("p1")
    assert tasks.renew(task_id, claim_token=token).task.claim.live
    assert tasks.offers() == ()
    tasks.detach("p1")
    assert tasks.update_status(task_id, "completed", worker="ann", claim_token=token).task.settled_by == "ann"


def test_a_session_that_ends_cleanly_after_its_lease_is_not_counted(tasks, clock, task_id):
    claim(tasks, task_id, holder="p1", lease_seconds=10)
    clock.advance(11)
    expired = tasks.get(task_id).claim.expires_at
    tasks.create("urgent", priority=9)
    tasks.claim_next(worker="bob")
    assert tasks.detach("p1") == (task_id,)
    assert tasks.get(task_id).claim.expires_at == expired

    tasks.claim_next(worker="bob")

    assert outcomes(tasks, task_id) == ["detached", None]


def test_a_running_session_renews_what_has_used_a_third_of_its_lease(tasks, clock):
    short, long = (tasks.create(title).task.task_id for title in ("short", "long"))
    claim(tasks, short, holder="p1", lease_seconds=30)
    claim(tasks, long, holder="p1", lease_seconds=900)
    assert tasks.renew_due("p1") == 10
    assert tasks.renew_due("p2") is None

    clock.advance(10)
    assert tasks.renew_due("p1") == 10
    assert tasks.get(short).claim.expires_at == clock.milliseconds + 30_000
    assert tasks.get(long).claim.expires_at == clock.milliseconds + 890_000

    clock.advance(3600)
    assert tasks.renew_due("p1") == 10
    assert all(tasks.get(task_id).claim.live for task_id in (short, long))


# Attempts


def test_a_take_over_of_a_lost_claim_counts_and_says_why(tasks, clock, task_id):
    claim(tasks, task_id, lease_seconds=60)
    clock.advance(61)

    claimed = tasks.claim_next(worker="bob")

    assert (claimed.task.task_id, claimed.task.attempts, claimed.task.fence) == (task_id, 1, 2)
    assert claimed.task.error == "ann was lost while working on it"
    [lost, _] = tasks.links(claimed.task).attempt_history
    assert lost == Attempt(
        attempt=1,
        worker="ann",
        started_at=clock.milliseconds - 61_000,
        ended_at=clock.milliseconds,
        outcome=Outcome.LOST,
        settled_by="bob",
        error="ann was lost while working on it",
        note=None,
    )


def test_at_max_attempts_the_queue_fails_a_lost_task_and_goes_on_to_the_next(tasks, clock):
    lost = tasks.create("lost", priority=9, max_attempts=2).task.task_id
    after = tasks.create("after", dependencies=[lost], priority=9).task.task_id
    other = tasks.create("other").task.task_id
    for _ in range(2):
        assert tasks.claim_next(worker="ann", lease_seconds=10).task.task_id == lost
        clock.advance(11)
    assert [offer.task.task_id for offer in tasks.offers(limit=5)] == [other]

    claimed = tasks.claim_next(worker="bob")

    assert (claimed.task.task_id, claimed.failed) == (other, (lost,))
    task = tasks.get(lost)
    assert (task.status, task.attempts, task.settled_by) == ("failed", 2, "bob")
    assert tasks.get(after).readiness == "unreachable"
    assert outcomes(tasks, lost) == ["lost", "lost"]


def test_every_kind_of_end_is_one_row_and_counts_or_not(tasks, clock):
    task_id = tasks.create("work", max_attempts=100).task.task_id
    token = claim(tasks, task_id)
    tasks.update_status(task_id, "pending", worker="ann", claim_token=token)
    token = claim(tasks, task_id)
    tasks.update_status(task_id, "pending", worker="ann", claim_token=token, error="e")
    claim(tasks, task_id, lease_seconds=10)
    clock.advance(10)
    claim(tasks, task_id, "bob", holder="p1")
    tasks.detach("p1")
    token = claim(tasks, task_id)
    assert tasks.get(task_id).attempts == 2
    tasks.update_status(task_id, "completed", worker="ann", claim_token=token)
    assert tasks.get(task_id).attempts == 3

    assert outcomes(tasks, task_id) == ["released", "failed", "lost", "detached", "completed"]
    tasks.update_status(task_id, "pending", worker="ann")
    claim(tasks, task_id)
    tasks.update_status(task_id, "cancelled", worker="bob")
    assert tasks.get(task_id).attempts == 0
    assert outcomes(tasks, task_id)[-1] == "cancelled"


def test_the_last_ten_attempts_are_shown_oldest_first(tasks, task_id):
    for _ in range(12):
        token = claim(tasks, task_id)
        tasks.update_status(task_id, "pending", worker="ann", claim_token=token)
    claim(tasks, task_id)
    history = tasks.links(tasks.get(task_id)).attempt_history
    assert [attempt.attempt for attempt in history] == list(range(4, 14))
    assert [attempt.outcome for attempt in history] == ["released"] * 9 + [None]


def test_a_lower_limit_fails_the_task_at_the_next_counted_attempt(tasks, task_id):
    for _ in range(2):
        token = claim(tasks, task_id)
        tasks.update_status(task_id, "pending", worker="ann", claim_token=token, error="e")
    assert tasks.edit(task_id, max_attempts=1).task.status == "pending"
    token = claim(tasks, task_id)
    assert tasks.update_status(task_id, "pending", worker="ann", claim_token=token, error="e").task.status == "failed"


def test_a_hundred_dead_claims_are_taken_back_in_one_call_and_the_rest_in_the_next(tasks, clock):
    ids = [tasks.create(f"task {number}").task.task_id for number in range(120)]
    for _ in ids:
        tasks.claim_next(worker="ann", lease_seconds=10)
    clock.advance(11)
    claimed = [tasks.claim_next(worker="bob").task.task_id for _ in ids]
    assert claimed == ids
    assert tasks.claim_next(worker="bob").task is None


def test_a_worker_sees_what_it_holds(tasks):
    ids = [tasks.create(f"task {number}").task.task_id for number in range(3)]
    assert tasks.claim_next(worker="ann").holding == (ids[0],)
    assert tasks.claim_next(worker="bob").holding == (ids[1],)
    assert tasks.claim_next(worker="ann").holding == (ids[0], ids[2])
    assert tasks.claim_next(worker="ann").holding == (ids[0], ids[2])
    assert tasks.holding("ann") == (ids[0], ids[2])
