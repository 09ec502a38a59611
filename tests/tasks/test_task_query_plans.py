"""The cost of each call: the indexes that its statements use, and steps that do not grow with the file."""

import re

import attrs
import pytest

from agent_runtime_tasks import Tasks


@attrs.define
class Watched:
    """A connection that remembers each statement with the values of its first run."""

    connection: object
    statements: dict = attrs.Factory(dict)

    def execute(self, sql, bindings=None):
        self.statements.setdefault(sql, bindings)
        return self.connection.execute(sql, bindings)

    def executemany(self, sql, bindings):
        bindings = list(bindings)
        if bindings:
            self.statements.setdefault(sql, bindings[0])
        return self.connection.executemany(sql, bindings)

    def __enter__(self):
        return self.connection.__enter__()

    def __exit__(self, *exception):
        return self.connection.__exit__(*exception)

    def plans(self):
        """Return the plan of each statement so far, by its text on one line, and forget them."""
        plans = {
            " ".join(sql.split()): [row[3] for row in self.connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
            for sql, values in self.statements.items()
        }
        self.statements.clear()
        return plans


@pytest.fixture
def gone():
    return set()


@pytest.fixture
def watched(connection):
    return Watched(connection)


@pytest.fixture
def tasks(watched, clock, gone):
    tasks = Tasks(watched, clock=clock, is_alive=lambda holder: holder not in gone)
    tasks.migrate()
    return tasks


@pytest.fixture
def filled(tasks, watched, clock):
    """Fill the file with some hundred tasks in all states, and return the id of a group."""
    previous = []
    for number in range(400):
        previous = [
            tasks.create(
                f"task {number}",
                goal_id=1 + number % 5,
                priority=1 + number % 10,
                dependencies=previous if number % 2 else [],
                not_before=clock.milliseconds + number * 20 if number % 3 == 0 else None,
            ).task.task_id
        ]
    group = tasks.create("group", goal_id=1).task.task_id
    for _ in range(10):
        tasks.create("child", parent_id=group)
    for number in range(60):
        claimed = tasks.claim_next(worker=f"w{number % 7}", holder=f"p{number % 5}", lease_seconds=10 + number)
        if number % 3 == 0:
            end = ("completed", "failed", "cancelled")[number // 3 % 3]
            tasks.update_status(claimed.task.task_id, end, worker="w", claim_token=claimed.claim_token)
    watched.statements.clear()
    return group


@pytest.fixture(params=["without statistics", "with statistics"])
def statistics(filled, connection, request):
    """Give the planner statistics of the file, or none."""
    if request.param == "with statistics":
        connection.execute("ANALYZE").fetchall()


def test_a_claim_takes_the_head_of_its_index(tasks, watched, statistics, gone, clock):
    gone.add("p1")
    clock.advance(12)
    claimed = tasks.claim_next(worker="ann", holder="p9")
    plans = watched.plans()

    def plan_of(pattern):
        [plan] = [plan for sql, plan in plans.items() if re.search(pattern, sql)]
        return plan

    assert claimed.task is not None
    assert plan_of(r"^SELECT id, offer, state .* LIMIT 1$") == [
        "SEARCH tasks_tasks USING INDEX tasks_offered (offer>?)"
    ]
    assert plan_of("^SELECT id, priority .* wake_at <= :now ORDER BY wake_at, id LIMIT 100") == [
        "SEARCH tasks_tasks USING INDEX tasks_waking (wake_at<?)"
    ]
    assert plan_of("c.expires_at <= :now ORDER BY") == ["SEARCH c USING INDEX tasks_claims_by_expiry (expires_at<?)"]
    assert plan_of("c.lapsed = 0 AND c.holder = :holder") == [
        "SEARCH c USING INDEX tasks_claims_by_holder (lapsed=? AND holder=?)"
    ]
    assert [step for step in plan_of("^WITH RECURSIVE known") if step.startswith("SEARCH")] == [
        "SEARCH tasks_claims USING COVERING INDEX tasks_claims_by_holder (lapsed=? AND holder>?)",
        "SEARCH c USING COVERING INDEX tasks_claims_by_holder (lapsed=? AND holder>?)",
    ]


def test_a_claim_in_goals_takes_the_heads_of_their_indexes(tasks, watched, statistics, clock):
    clock.advance(3)
    tasks.claim_next(worker="ann", goal_ids=[1, 2])
    plans = watched.plans()
    [head] = [plan for sql, plan in plans.items() if sql.startswith("SELECT id, offer, state")]
    [due] = [plan for sql, plan in plans.items() if sql.startswith("SELECT id, priority")]
    assert head == ["SEARCH tasks_tasks USING INDEX tasks_offered_in_goal (goal_id=? AND offer>?)"]
    assert due == ["SEARCH tasks_tasks USING INDEX tasks_waking_in_goal (goal_id=? AND wake_at<?)"]


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({}, "INTEGER PRIMARY KEY (rowid>?)"),
        ({"goal_ids": [1]}, "INDEX tasks_by_goal (goal_id=? AND state=? AND id>?)"),
        ({"goal_ids": [1], "status": "completed"}, "INDEX tasks_by_goal (goal_id=? AND state=? AND id>?)"),
        ({"goal_ids": [1, 2], "readiness": "waiting"}, "INDEX tasks_by_goal (goal_id=? AND state=? AND id>?)"),
        ({"status": "in_progress"}, "INDEX tasks_by_state (state=? AND id>?)"),
        ({"readiness": "waiting"}, "INDEX tasks_by_state (state=? AND id>?)"),
        ({"parent_id": 401}, "INDEX tasks_by_parent (parent_id=? AND id>?)"),
        ({"parent_id": 401, "status": "pending"}, "INDEX tasks_by_parent (parent_id=? AND id>?)"),
        ({"query": "parser", "goal_ids": [1]}, "INDEX tasks_by_goal (goal_id=? AND state=? AND id>?)"),
    ],
)
def test_a_page_of_a_list_follows_one_index_from_the_last_id_on(tasks, watched, filled, filters, index):
    tasks.list(after=7, **filters)
    pages = [plan for sql, plan in watched.plans().items() if sql.startswith("SELECT id FROM tasks_tasks")]
    assert pages
    for plan in pages:
        assert [step.replace("COVERING ", "") for step in plan] == [f"SEARCH tasks_tasks USING {index}"]


@pytest.mark.parametrize(
    ("filters", "ready", "due"),
    [
        ({}, "tasks_by_state (state=? AND id>?)", "tasks_waking (wake_at<?)"),
        (
            {"goal_ids": [1, 2]},
            "tasks_by_goal (goal_id=? AND state=? AND id>?)",
            "tasks_waking_in_goal (goal_id=? AND wake_at<?)",
        ),
    ],
)
def test_a_page_of_ready_tasks_skips_waiting_tasks(tasks, watched, statistics, clock, filters, ready, due):
    clock.advance(3)
    found = {task.task_id for task in tasks.list(readiness="ready", limit=200, **filters).tasks}
    plans = {sql: plan for sql, plan in watched.plans().items() if sql.startswith("SELECT id FROM tasks_tasks")}
    assert [step.replace("COVERING ", "") for plan in plans.values() for step in plan if "SEARCH" in step] == [
        f"SEARCH tasks_tasks USING INDEX {ready}",
        "SEARCH tasks_tasks USING INTEGER PRIMARY KEY (rowid=?)",
        f"SEARCH tasks_tasks USING INDEX {due}",
    ]
    every = [task for after in (0, 200, 400) for task in tasks.list(limit=200, after=after, **filters).tasks]
    expected = sorted(task.task_id for task in every if task.readiness == "ready")
    assert found == set(expected[:200])
    assert any(task.not_before for task in every if task.task_id in found)


def test_no_statement_of_any_call_scans_or_sorts_a_table(tasks, watched, filled, gone, clock):
    group = filled
    clock.advance(12)
    gone.add("p1")
    claimed = tasks.claim_next(worker="ann", holder="p9")
    task_id, token = claimed.task.task_id, claimed.claim_token
    tasks.offers(limit=5)
    tasks.offers(goal_ids=[1, 2])
    tasks.renew(task_id, claim_token=token, progress="half")
    clock.advance(500)
    tasks.renew_due("p9")
    tasks.holding("ann")
    tasks.is_current(task_id, token)
    tasks.get(task_id)
    for shown in (task_id, group, 402, 8):
        tasks.links(tasks.get(shown))
    tasks.prerequisites(tasks.get(402))
    tasks.update_status(task_id, "completed", worker="ann", claim_token=token, result="r")
    tasks.update_status(task_id, "completed", worker="ann", claim_token=token, result="r")
    tasks.update_status(task_id, "pending", worker="ann")
    tasks.update_status(task_id, "in_progress", worker="ann", holder="p9")
    tasks.detach("p9")
    tasks.update_status(task_id, "in_progress", worker="bob")
    tasks.update_status(task_id, "cancelled", worker="bob")
    tasks.counts([0, 1, 2])
    tasks.queue()
    tasks.queue([1, 2])
    tasks.hold([2])
    tasks.unhold([2])
    new = tasks.create("new", goal_id=1, dependencies=[5, 6]).task.task_id
    tasks.plan([{"key": "a", "title": "A"}, {"title": "B", "parent": "a"}], goal_id=1)
    tasks.edit(new, dependencies=[7], priority=9, not_before=clock.milliseconds + 1000)
    tasks.edit(new, parent_id=group)
    tasks.edit(group, goal_id=3)
    tasks.edit(new, parent_id=None)
    tasks.update_status(group, "cancelled", worker="ann")
    tasks.open_in([4])
    tasks.cancel_open_in([4], worker="ann")

    plans = watched.plans()
    assert len(plans) > 40
    for sql, plan in plans.items():
        for step in plan:
            assert "TEMP B-TREE" not in step, sql
            assert not step.startswith("SCAN") or step == "SCAN known", sql


def test_empty_lists_match_nothing_and_build_no_empty_in(tasks, watched, filled):
    group = filled
    assert tasks.list(parent_id=group).tasks
    watched.statements.clear()

    for filters in ({}, {"parent_id": group}, {"status": "pending"}, {"parent_id": group, "readiness": "ready"}):
        assert tasks.list(goal_ids=[], **filters).tasks == ()
    assert tasks.list(parent_id=group, status="completed", readiness="ready").tasks == ()
    assert tasks.offers(goal_ids=[]) == ()
    assert tasks.claim_next(worker="ann", goal_ids=[]).task is None
    assert (tasks.counts([]), tasks.queue([]).ready) == ({}, 0)
    assert (tasks.open_in([]), tasks.cancel_open_in([], worker="ann")) == ((0, ()), 0)
    tasks.hold([])
    tasks.unhold([])
    new = tasks.create("new", dependencies=[], acceptance_criteria=[]).task.task_id
    tasks.edit(new, dependencies=[])

    assert any("1 = 0" in sql for sql in watched.statements)
    assert [sql for sql in watched.statements if re.search(r"\bIN\s*\(\s*\)", sql)] == []


@pytest.fixture
def steps(connection):
    """Count the virtual machine's steps of a call, in tens."""

    def steps(call):
        count = 0

        def tick():
            nonlocal count
            count += 1
            return False

        connection.set_progress_handler(tick, 10)
        call()
        connection.set_progress_handler(None)
        return count

    return steps


@pytest.mark.parametrize("goal_ids", [None, [1]])
def test_a_claim_costs_the_same_however_many_tasks_wait_run_or_are_done(connection, clock, steps, goal_ids):
    tasks = Tasks(connection, clock=clock)
    tasks.migrate()

    def add(count):
        with connection:
            first = tasks.create("first", goal_id=1, priority=9).task.task_id
            for number in range(count):
                tasks.create(f"ready {number}", goal_id=1 + number % 2, priority=4)
                tasks.create(f"blocked {number}", goal_id=1, dependencies=[first])
                tasks.create(f"later {number}", goal_id=1, not_before=clock.milliseconds + 10**6 + number)
                done = tasks.create(f"done {number}", goal_id=1).task.task_id
                tasks.update_status(done, "completed", worker="ann")
                running = tasks.create(f"running {number}", goal_id=1).task.task_id
                tasks.update_status(running, "in_progress", worker=f"w{number}", holder="p1")
        tasks.claim_next(worker="ann")

    def claim():
        assert tasks.claim_next(worker="ann", goal_ids=goal_ids).task is not None

    add(10)
    few = steps(claim)
    add(300)
    many = steps(claim)
    assert many <= few + 3
