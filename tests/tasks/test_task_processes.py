"""Many processes on one file: each task has one winner, none is lost, and a killed process loses its claim."""

import multiprocessing
import os
import signal

import apsw

from agent_runtime_tasks import SCHEMA, Counts, Tasks

PROCESSES = 8
TASKS = 400
SPAWN = multiprocessing.get_context("spawn")
PATIENCE = 60


def open_tasks(path):
    """Open the file as another process does."""
    connection = apsw.Connection(str(path))
    connection.transaction_mode = "IMMEDIATE"
    connection.set_busy_timeout(PATIENCE * 1000)
    connection.pragma("journal_mode", "WAL")
    connection.pragma("synchronous", "NORMAL")
    connection.pragma("foreign_keys", True)
    return Tasks(connection, is_alive=runs)


def runs(holder):
    """Tell whether a process runs. The tests wait for killed processes, so no zombie keeps its number."""
    try:
        os.kill(int(holder), 0)
    except ProcessLookupError:
        return False
    return True


def work_until_all_is_done(path, barrier, report):
    tasks = open_tasks(path)
    worker = f"w{os.getpid()}"
    done = []
    claimed = tasks.claim_next(worker=worker, holder=str(os.getpid()))
    barrier.wait(PATIENCE)  # each process holds a claim now, at one time with all others
    while claimed.task is not None or claimed.queue.waiting or claimed.queue.in_progress:
        if claimed.task is not None:
            change = tasks.update_status(
                claimed.task.task_id, "completed", worker=worker, claim_token=claimed.claim_token, result=worker
            )
            done.append((change.task.task_id, change.newly_ready))
        claimed = tasks.claim_next(worker=worker, holder=str(os.getpid()))
    report.put((worker, done))


def test_eight_processes_claim_and_complete_each_task_once_and_lose_none(tmp_path):
    path = tmp_path / "tasks.db"
    tasks = open_tasks(path)
    tasks.migrate()
    with tasks.connection:
        first = [tasks.create(f"first {number}", goal_id=1).task.task_id for number in range(TASKS // 2)]
        after = [tasks.create(f"after {task_id}", dependencies=[task_id]).task.task_id for task_id in first]
    barrier, report = SPAWN.Barrier(PROCESSES), SPAWN.Queue()
    workers = [SPAWN.Process(target=work_until_all_is_done, args=(path, barrier, report)) for _ in range(PROCESSES)]
    for worker in workers:
        worker.start()
    reports = dict(report.get(timeout=PATIENCE) for _ in workers)
    for worker in workers:
        worker.join(PATIENCE)

    assert [worker.exitcode for worker in workers] == [0] * PROCESSES
    assert len(reports) == PROCESSES
    assert all(reports.values()), "each process had its share"
    completed = {task_id: worker for worker, done in reports.items() for task_id, _ in done}
    assert sorted(task_id for done in reports.values() for task_id, _ in done) == first + after
    assert sorted(task_id for done in reports.values() for _, ready in done for task_id in ready) == after
    assert tasks.counts([0, 1]) == {0: Counts(completed=TASKS), 1: Counts(completed=TASKS // 2)}
    for last in (0, 200):
        for task in tasks.list(limit=200, after=last).tasks:
            assert (task.fence, task.attempts, task.claim) == (1, 1, None)
            assert task.result == task.settled_by == completed[task.task_id]
            [attempt] = tasks.links(task).attempt_history
            assert (attempt.worker, attempt.outcome) == (task.settled_by, "completed")


def claim_and_hang(path, report):
    tasks = open_tasks(path)
    claimed = tasks.claim_next(worker="doomed", holder=str(os.getpid()))
    report.put((claimed.task.task_id, claimed.claim_token))
    signal.pause()


def test_the_claim_of_a_killed_process_is_dead_at_once_and_taken_over_as_lost(tmp_path):
    path = tmp_path / "tasks.db"
    tasks = open_tasks(path)
    tasks.migrate()
    task_id = tasks.create("work").task.task_id
    report = SPAWN.Queue()
    doomed = SPAWN.Process(target=claim_and_hang, args=(path, report))
    doomed.start()
    claimed_id, token = report.get(timeout=PATIENCE)
    assert claimed_id == task_id
    assert tasks.get(task_id).claim.live
    assert tasks.claim_next(worker="ann").task is None

    os.kill(doomed.pid, signal.SIGKILL)
    doomed.join(PATIENCE)

    assert doomed.exitcode == -signal.SIGKILL
    assert not tasks.get(task_id).claim.live
    [offer] = tasks.offers()
    assert (offer.task.task_id, offer.left_by) == (task_id, "doomed")
    claimed = tasks.claim_next(worker="ann", holder=str(os.getpid()))
    assert (claimed.task.task_id, claimed.task.attempts) == (task_id, 1)
    assert not tasks.is_current(task_id, token)
    [lost, _] = tasks.links(claimed.task).attempt_history
    assert (lost.worker, lost.outcome, lost.settled_by) == ("doomed", "lost", "ann")


def migrate_with_others(path, barrier, report):
    tasks = open_tasks(path)
    barrier.wait(PATIENCE)
    report.put(tasks.migrate())


def test_processes_that_start_together_migrate_once(tmp_path):
    processes = 4
    path = tmp_path / "tasks.db"
    open_tasks(path).connection.close()
    barrier, report = SPAWN.Barrier(processes), SPAWN.Queue()
    starting = [SPAWN.Process(target=migrate_with_others, args=(path, barrier, report)) for _ in range(processes)]
    for process in starting:
        process.start()
    migrations = [report.get(timeout=PATIENCE) for _ in starting]
    for process in starting:
        process.join(PATIENCE)
    assert sorted(migrations) == [0] * (processes - 1) + [len(SCHEMA.migrations)]
