"""Races that a claim loses: another writer changes the task between the look at the queue and the guarded UPDATE."""

import re

import pytest

from agent_runtime_tasks import Tasks
from agent_runtime_tasks.errors import ClaimConflict, IllegalTransition

GUARDED = re.compile(r"UPDATE tasks_tasks .* WHERE id = :id AND offer IS NOT DISTINCT FROM :offer .* RETURNING")


class Overtaken:
    """A connection on which another writer is a moment faster: it acts right before the first guarded UPDATE.

    SQLite's write lock rules that out between processes; an engine that locks rows does not.
    """

    def __init__(self, connection):
        self.connection = connection
        self.rival = None
        self.guarded = 0

    def execute(self, sql, bindings=None):
        if GUARDED.search(" ".join(sql.split())):
            self.guarded += 1
            if self.rival is not None:
                rival, self.rival = self.rival, None
                rival()
        return self.connection.execute(sql, bindings)

    def executemany(self, sql, bindings):
        return self.connection.executemany(sql, bindings)

    def __enter__(self):
        return self.connection.__enter__()

    def __exit__(self, *exception):
        return self.connection.__exit__(*exception)


@pytest.fixture
def overtaken(connection):
    return Overtaken(connection)


@pytest.fixture
def tasks(overtaken, clock):
    tasks = Tasks(overtaken, clock=clock)
    tasks.migrate()
    return tasks


@pytest.fixture
def rival(connection, clock):
    """The faster writer, on the same database."""
    return Tasks(connection, clock=clock)


@pytest.fixture(autouse=True)
def _the_tables_agree_in_the_end(rival):
    yield
    assert list(rival.audit()) == []


def created(tasks, count, **arguments):
    return [tasks.create(f"task {number}", **arguments).task.task_id for number in range(count)]


@pytest.mark.parametrize("goal_ids", [None, [1, 2]])
def test_a_claim_that_loses_the_first_offer_goes_on_with_the_next(tasks, rival, overtaken, goal_ids):
    first, second, third = created(tasks, 3, goal_id=1)
    overtaken.rival = lambda: rival.claim_next(worker="bob")

    claimed = tasks.claim_next(worker="ann", goal_ids=goal_ids)

    assert (claimed.task.task_id, claimed.holding, overtaken.guarded) == (second, (second,), 2)
    assert rival.holding("bob") == (first,)
    assert (claimed.queue.ready, claimed.queue.in_progress) == (1, 2)
    assert [offer.task.task_id for offer in tasks.offers()] == [third]


def test_a_claim_that_loses_the_only_offer_finds_nothing(tasks, rival, overtaken):
    [task_id] = created(tasks, 1)
    overtaken.rival = lambda: rival.claim_next(worker="bob")

    claimed = tasks.claim_next(worker="ann")

    assert (claimed.task, claimed.claim_token, claimed.queue.in_progress) == (None, None, 1)
    assert tasks.get(task_id).claim.worker == "bob"


def test_an_offer_that_is_still_there_after_the_lost_race_is_not_tried_again(tasks, rival, overtaken):
    first, second = created(tasks, 2)
    overtaken.rival = lambda: rival.edit(first, priority=6)

    claimed = tasks.claim_next(worker="ann")

    assert (claimed.task.task_id, overtaken.guarded) == (second, 2)
    assert tasks.claim_next(worker="ann").task.task_id == first


def test_a_dead_claim_that_another_took_over_first_is_left_to_it(tasks, rival, overtaken, clock):
    left, other = created(tasks, 2)
    tasks.claim_next(worker="cid", lease_seconds=10)
    clock.advance(11)
    overtaken.rival = lambda: rival.claim_next(worker="bob")

    claimed = tasks.claim_next(worker="ann")

    assert claimed.task.task_id == other
    task = tasks.get(left)
    assert (task.claim.worker, task.fence, task.attempts) == ("bob", 2, 1)
    assert [attempt.outcome for attempt in tasks.links(task).attempt_history] == ["lost", None]


def test_a_claim_that_was_renewed_in_time_is_not_taken_over(tasks, rival, overtaken, clock):
    left, other = created(tasks, 2)
    token = tasks.claim_next(worker="cid", lease_seconds=10).claim_token
    clock.advance(11)
    overtaken.rival = lambda: rival.renew(left, claim_token=token)

    assert tasks.claim_next(worker="ann").task.task_id == other

    assert tasks.is_current(left, token)
    assert tasks.get(left).attempts == 0


def test_a_task_without_attempts_left_that_another_failed_first_is_failed_once(tasks, rival, overtaken, clock):
    left, other, more = created(tasks, 3, max_attempts=1)
    tasks.claim_next(worker="cid", lease_seconds=10)
    clock.advance(11)
    overtaken.rival = lambda: rival.claim_next(worker="bob")

    claimed = tasks.claim_next(worker="ann")

    assert (claimed.task.task_id, claimed.failed) == (more, ())
    assert (tasks.get(left).status, tasks.get(left).settled_by) == ("failed", "bob")
    assert rival.holding("bob") == (other,)


def test_a_claim_of_one_task_names_the_faster_claimer(tasks, rival, overtaken):
    [task_id] = created(tasks, 1)
    overtaken.rival = lambda: rival.update_status(task_id, "in_progress", worker="bob")

    with pytest.raises(ClaimConflict, match=f"task {task_id} is claimed by bob"):
        tasks.update_status(task_id, "in_progress", worker="ann")


@pytest.mark.parametrize("max_attempts", [1, 3])
def test_a_take_over_of_one_task_names_the_status_that_another_gave_it(tasks, rival, overtaken, clock, max_attempts):
    [task_id] = created(tasks, 1, max_attempts=max_attempts)
    token = tasks.claim_next(worker="cid", lease_seconds=10).claim_token
    clock.advance(11)
    overtaken.rival = lambda: rival.update_status(task_id, "completed", worker="cid", claim_token=token)

    with pytest.raises(IllegalTransition, match=f"task {task_id} was changed at the same time and is completed now"):
        tasks.update_status(task_id, "in_progress", worker="ann")
