"""The content of tasks: texts, numbers and lists, edits, and lists of tasks."""

import contextlib

import attrs
import pytest

from agent_runtime_tasks import KEEP, Counts, InvalidPlan, Task, Tasks, TaskStatus
from agent_runtime_tasks.errors import InvalidValue, TaskNotFound


@pytest.fixture
def tasks(connection, clock):
    tasks = Tasks(connection, clock=clock)
    tasks.migrate()
    return tasks


def created(tasks, title="work", **arguments):
    return tasks.create(title, **arguments).task.task_id


def ids(page):
    return [task.task_id for task in page.tasks]


# Creating


def test_a_created_task_has_all_given_values(tasks, clock):
    change = tasks.create(
        "Write the parser",
        "All of it",
        goal_id=3,
        priority=8,
        acceptance_criteria=["it parses", "it fails well"],
        metadata={"area": "core", "points": [1, 2]},
        max_attempts=5,
        not_before=clock.milliseconds + 1000,
    )

    now = clock.milliseconds
    assert change.task == Task(
        task_id=1,
        title="Write the parser",
        description="All of it",
        status="pending",
        readiness="waiting",
        priority=8,
        goal_id=3,
        parent_id=None,
        open_dependencies=0,
        children=0,
        acceptance_criteria=("it parses", "it fails well"),
        metadata={"area": "core", "points": [1, 2]},
        attempts=0,
        max_attempts=5,
        fence=0,
        not_before=now + 1000,
        result=None,
        error=None,
        settled_by=None,
        claim=None,
        progress_note=None,
        created_at=now,
        updated_at=now,
        started_at=None,
        completed_at=None,
    )
    assert (change.changed, change.newly_ready, change.claim_token) == (True, (), None)
    assert tasks.get(1) == change.task


def test_a_task_needs_nothing_but_a_title(tasks):
    task = tasks.create("work").task
    assert (task.description, task.priority, task.max_attempts, task.readiness) == ("", 5, 3, "ready")
    assert (task.goal_id, task.parent_id, task.not_before, task.metadata, task.acceptance_criteria) == (
        None,
        None,
        None,
        {},
        (),
    )


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"title": ""}, "title must not be empty"),
        ({"title": "x" * 501}, "title has 501 characters"),
        ({"title": None}, "title must be text, not null"),
        ({"description": "x" * 65_537}, "description has 65537 bytes"),
        ({"goal_id": 0}, "goal_id is 0"),
        ({"priority": 11}, "priority is 11; it must be at least 1 and at most 10"),
        ({"priority": 0}, "priority is 0"),
        ({"priority": 5.0}, "priority must be a whole number, not a fraction"),
        ({"dependencies": [1] * 1001}, "dependencies has 1001 items"),
        ({"dependencies": ["1"]}, r"dependencies\[0\] must be a whole number, not text"),
        ({"dependencies": 1}, "dependencies must be a list, not a whole number"),
        ({"parent_id": -1}, "parent_id is -1"),
        ({"acceptance_criteria": ["x"] * 51}, "acceptance_criteria has 51 items"),
        ({"acceptance_criteria": [""]}, r"acceptance_criteria\[0\] must not be empty"),
        ({"metadata": []}, "metadata must be an object, not a list"),
        ({"max_attempts": 0}, "max_attempts is 0; it must be at least 1 and at most 100"),
        ({"max_attempts": 101}, "max_attempts is 101"),
        ({"not_before": -1}, "not_before is -1"),
        ({"not_before": "2027-01-01"}, "not_before must be a whole number, not text"),
    ],
)
def test_values_out_of_bounds_are_refused_and_nothing_is_written(tasks, arguments, problem):
    with pytest.raises(InvalidValue, match=problem) as refusal:
        tasks.create(**{"title": "work", **arguments})
    assert refusal.value.argument.startswith(next(iter(arguments)))
    assert tasks.list().tasks == ()
    assert tasks.counts([0])[0] == Counts()


# Plans


def test_a_plan_is_applied_whole_with_its_groups_and_order(tasks):
    made = tasks.plan(
        [
            {"key": "test", "title": "Test it", "depends_on": ["write"], "parent": "parser", "priority": 7},
            {"key": "write", "title": "Write it", "parent": "parser", "description": "with care"},
            {"key": "parser", "title": "The parser", "acceptance_criteria": ["green"]},
            {"title": "Announce it", "depends_on": ["parser"]},
        ],
        goal_id=4,
        max_attempts=2,
    )

    by_title = {task.title: task for task in made}
    parser, write, test, announce = (by_title[title] for title in ("The parser", "Write it", "Test it", "Announce it"))
    assert [task.readiness for task in (parser, write, test, announce)] == ["group", "ready", "waiting", "waiting"]
    assert (parser.children, parser.acceptance_criteria) == (2, ("green",))
    assert write.parent_id == test.parent_id == parser.task_id
    assert tasks.links(test).dependencies == (write.task_id,)
    assert tasks.links(announce).dependencies == (parser.task_id,)
    assert {(task.goal_id, task.max_attempts) for task in made} == {(4, 2)}
    assert made == list(tasks.list().tasks)
    assert tasks.counts([4])[4] == Counts(ready=1, waiting=2, groups=1)


def test_a_plan_with_a_fault_is_not_applied_at_all(tasks):
    with pytest.raises(InvalidPlan):
        tasks.plan([{"key": "a", "title": "A"}, {"title": "B", "depends_on": ["c"]}])
    with pytest.raises(InvalidValue):
        tasks.plan([{"title": "A"}], goal_id=0)
    with pytest.raises(InvalidValue):
        tasks.plan([{"title": "A"}], max_attempts=0)
    assert tasks.list().tasks == ()


def test_a_plan_for_a_held_goal_waits(tasks):
    tasks.hold([1])
    [task] = tasks.plan([{"title": "A"}], goal_id=1)
    assert task.readiness == "waiting"
    tasks.unhold([1])
    assert tasks.get(task.task_id).readiness == "ready"


# Editing


def test_an_edit_keeps_what_is_omitted_and_changes_what_is_given(tasks, clock):
    before = tasks.create("work", "all", priority=3, acceptance_criteria=["a"], metadata={"k": 1}).task
    clock.advance(5)

    change = tasks.edit(before.task_id, title="other work", priority=KEEP, max_attempts=9)

    after = attrs.evolve(before, title="other work", max_attempts=9, updated_at=clock.milliseconds)
    assert (change.changed, change.task) == (True, after)
    assert tasks.get(before.task_id) == after


def test_null_clears_fields_that_may_be_empty(tasks, clock):
    first = created(tasks, "first")
    task = tasks.create(
        "work",
        "all",
        goal_id=1,
        dependencies=[first],
        acceptance_criteria=["a"],
        metadata={"k": 1},
        not_before=clock.milliseconds + 9000,
    ).task

    change = tasks.edit(
        task.task_id,
        description=None,
        goal_id=None,
        parent_id=None,
        dependencies=None,
        acceptance_criteria=None,
        metadata=None,
        not_before=None,
    )

    after = change.task
    assert (after.description, after.goal_id, after.acceptance_criteria, after.metadata) == ("", None, (), {})
    assert (after.not_before, after.readiness, tasks.links(after).dependencies) == (None, "ready", ())


@pytest.mark.parametrize("name", ["title", "priority", "max_attempts"])
def test_required_fields_cannot_be_cleared(tasks, name):
    task_id = created(tasks)
    with pytest.raises(InvalidValue, match=f"{name} can't be cleared") as refusal:
        tasks.edit(task_id, **{name: None})
    assert (refusal.value.argument, refusal.value.hint) == (name, f"omit {name} to keep it")


def test_an_edit_that_changes_nothing_writes_nothing(tasks, clock):
    first = created(tasks, "first")
    before = tasks.create("work", goal_id=1, dependencies=[first], acceptance_criteria=["a"], metadata={"k": 1}).task
    clock.advance(5)

    change = tasks.edit(
        before.task_id,
        title="work",
        dependencies=[first, first],
        goal_id=1,
        parent_id=None,
        acceptance_criteria=["a"],
        metadata={"k": 1},
        priority=5,
    )

    assert (change.changed, change.task, change.newly_ready) == (False, before, ())


def test_texts_and_numbers_of_a_task_in_progress_or_finished_may_be_changed(tasks):
    task_id = created(tasks)
    tasks.update_status(task_id, "in_progress", worker="ann")
    assert tasks.edit(task_id, description="more", not_before=0, max_attempts=1).task.status == "in_progress"
    tasks.update_status(task_id, "cancelled", worker="ann")
    assert tasks.edit(task_id, metadata={"k": 1}, priority=9).task.status == "cancelled"


def test_a_refused_edit_changes_nothing(tasks):
    group = created(tasks, "group")
    child = created(tasks, "child", parent_id=group)
    before = tasks.get(child)
    with pytest.raises(TaskNotFound):
        tasks.edit(child, title="other", dependencies=[99])
    with pytest.raises(InvalidValue):
        tasks.edit(child, title="other", priority=99)
    assert tasks.get(child) == before
    with pytest.raises(TaskNotFound, match="task 99"):
        tasks.edit(99, title="other")


# Reading


def test_an_unknown_task_is_named(tasks):
    with pytest.raises(TaskNotFound, match="task 7 does not exist") as refusal:
        tasks.get(7)
    assert refusal.value.task_id == 7
    with pytest.raises(InvalidValue):
        tasks.get("7")


def test_pages_follow_each_other_without_gaps(tasks):
    made = [created(tasks, f"task {number}") for number in range(7)]
    first = tasks.list(limit=3)
    second = tasks.list(limit=3, after=first.tasks[-1].task_id)
    third = tasks.list(limit=3, after=second.tasks[-1].task_id)
    assert ids(first) + ids(second) + ids(third) == made
    assert [page.more for page in (first, second, third)] == [True, True, False]
    assert tasks.list(limit=1).tasks[0] == tasks.get(made[0])


@pytest.fixture
def many(tasks, clock):
    """One task of each kind in goal 1, and by its kind another in goal 2 and in none."""
    found = {}
    for goal_id in (1, 2, None):
        made = {"ready": created(tasks, "Ready", goal_id=goal_id)}
        made["waiting"] = created(tasks, "Waiting", goal_id=goal_id, dependencies=[made["ready"]])
        made["due"] = created(tasks, "Due", goal_id=goal_id, not_before=clock.milliseconds + 1000)
        made["failed"] = created(tasks, "Failed", goal_id=goal_id)
        made["unreachable"] = created(tasks, "Unreachable", goal_id=goal_id, dependencies=[made["failed"]])
        made["group"] = created(tasks, "Group", goal_id=goal_id)
        made["child"] = created(tasks, "Child", parent_id=made["group"])
        for status in ("in_progress", "completed", "cancelled"):
            made[status] = created(tasks, status.title(), goal_id=goal_id)
        for status in ("failed", "in_progress", "completed", "cancelled"):
            tasks.update_status(made[status], status, worker="ann")
        found[goal_id] = made
    clock.advance(2)
    return found


@pytest.mark.parametrize("goal_ids", [None, [1], [1, 2], []])
@pytest.mark.parametrize(
    ("filters", "kinds"),
    [
        ({}, None),
        ({"status": "pending"}, ["ready", "waiting", "due", "unreachable", "group", "child"]),
        ({"status": "in_progress"}, ["in_progress"]),
        ({"status": "completed"}, ["completed"]),
        ({"status": "failed"}, ["failed"]),
        ({"status": "cancelled"}, ["cancelled"]),
        ({"readiness": "ready"}, ["ready", "due", "child"]),
        ({"readiness": "waiting"}, ["waiting"]),
        ({"readiness": "unreachable"}, ["unreachable"]),
        ({"readiness": "group"}, ["group"]),
        ({"status": "pending", "readiness": "ready"}, ["ready", "due", "child"]),
        ({"status": "completed", "readiness": "ready"}, []),
    ],
)
def test_lists_contain_the_tasks_that_match_the_filters(tasks, many, goal_ids, filters, kinds):
    expected = [
        task_id
        for goal_id, made in many.items()
        for kind, task_id in made.items()
        if (goal_ids is None or goal_id in goal_ids) and (kinds is None or kind in kinds)
    ]
    assert ids(tasks.list(goal_ids=goal_ids, limit=200, **filters)) == sorted(expected)
    walked, after = [], 0
    while (page := tasks.list(goal_ids=goal_ids, limit=2, after=after, **filters)).tasks:
        walked += ids(page)
        after = walked[-1]
        assert page.more == (len(walked) < len(expected))
    assert walked == sorted(expected)


def test_the_children_of_a_group_are_listed_by_state_and_goal(tasks, clock):
    group = created(tasks, goal_id=1)
    ready, done = created(tasks, parent_id=group), created(tasks, parent_id=group)
    due = created(tasks, parent_id=group, not_before=clock.milliseconds + 1000)
    tasks.update_status(done, "completed", worker="ann")
    assert ids(tasks.list(parent_id=group)) == [ready, done, due]
    assert ids(tasks.list(parent_id=group, status="completed")) == [done]
    assert ids(tasks.list(parent_id=group, readiness="ready")) == [ready]
    assert ids(tasks.list(parent_id=group, readiness="waiting")) == [due]
    clock.advance(1)
    assert ids(tasks.list(parent_id=group, readiness="ready")) == [ready, due]
    assert ids(tasks.list(parent_id=group, goal_ids=[1], status="pending")) == [ready, due]
    assert ids(tasks.list(parent_id=group, goal_ids=[2])) == []
    assert ids(tasks.list(parent_id=group, goal_ids=[])) == []
    assert ids(tasks.list(parent_id=group, status="failed", readiness="ready")) == []


def test_a_query_finds_text_in_title_and_description_whatever_its_case_and_signs(tasks):
    a = created(tasks, "Write the PARSER", goal_id=1)
    b = created(tasks, "other", description="about the parser", goal_id=2)
    c = created(tasks, "100% of a_b! done")
    assert ids(tasks.list(query="Parser")) == [a, b]
    assert ids(tasks.list(query="parser", goal_ids=[2])) == [b]
    assert ids(tasks.list(query="100%")) == [c]
    assert ids(tasks.list(query="a_b!")) == [c]
    assert ids(tasks.list(query="axb")) == []
    assert ids(tasks.list(query="%")) == [c]


@pytest.mark.parametrize(
    ("filters", "problem"),
    [
        ({"status": "done"}, "status is 'done'"),
        ({"readiness": "open"}, "readiness is 'open'; it must be one of ready, waiting, unreachable, group"),
        ({"limit": 0}, "limit is 0"),
        ({"limit": 201}, "limit is 201"),
        ({"parent_id": "1"}, "parent_id must be a whole number"),
        ({"query": "x" * 4097}, "query has 4097 bytes"),
    ],
)
def test_filters_out_of_bounds_are_refused(tasks, filters, problem):
    with pytest.raises(InvalidValue, match=problem):
        tasks.list(**filters)


def test_counts_tell_leaves_from_groups(tasks, many):
    [one, everything] = [tasks.counts([1])[1], tasks.counts([0])[0]]
    assert one == Counts(ready=3, waiting=1, unreachable=1, in_progress=1, completed=1, failed=1, cancelled=1, groups=1)
    assert (one.leaves, one.open) == (9, 6)
    assert everything == Counts(**{name: 3 * number for name, number in attrs.asdict(one).items()})
    assert tasks.counts([7, 1]) == {7: Counts(), 1: one}
    assert tasks.counts([]) == {}


def test_words_of_status_and_readiness_compare_with_plain_text(tasks):
    task = tasks.create("work").task
    assert task.status is TaskStatus.PENDING
    assert (f"{task.status}", f"{task.readiness}") == ("pending", "ready")


# Transactions


def test_several_calls_in_one_transaction_are_kept_or_dropped_together(tasks, connection):
    kept = created(tasks, "kept")
    before = tasks.counts([0])

    def change_ones_mind():
        with connection:
            tasks.create("dropped")
            claimed = tasks.claim_next(worker="ann")
            tasks.update_status(kept, "completed", worker="ann", claim_token=claimed.claim_token)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        change_ones_mind()

    assert ids(tasks.list()) == [kept]
    assert (tasks.get(kept).fence, tasks.counts([0])) == (0, before)


def test_a_refusal_inside_a_transaction_undoes_its_own_call_alone(tasks, connection):
    with connection:
        first = created(tasks, "first")
        with pytest.raises(TaskNotFound):
            tasks.create("second", parent_id=first, dependencies=[99])
        third = created(tasks, "third")
    assert ids(tasks.list()) == [first, third]
    assert tasks.counts([0])[0] == Counts(ready=2)
    assert tasks.get(first).children == 0


def test_reads_of_several_statements_run_in_the_snapshot_that_is_handed_in(connection, clock):
    entered = []

    @contextlib.contextmanager
    def snapshot():
        entered.append(True)
        yield

    tasks = Tasks(connection, clock=clock, snapshot=snapshot)
    tasks.migrate()
    task = tasks.create("work", goal_id=1).task
    assert not entered
    for read in (
        lambda: tasks.links(task),
        lambda: tasks.prerequisites(task),
        tasks.list,
        tasks.offers,
        lambda: tasks.counts([0, 1]),
        tasks.queue,
        lambda: tasks.open_in([1]),
    ):
        entered.clear()
        read()
        assert entered == [True]
