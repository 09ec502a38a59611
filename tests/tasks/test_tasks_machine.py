"""All operations in any order, against a model that knows the definitions alone, with an audit of derived columns."""

import itertools
import os
from collections import Counter

import apsw
import attrs
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from task_model import FINISHED, Fact, World

from agent_runtime_tasks import InvalidPlan, Tasks, check_plan
from agent_runtime_tasks.errors import (
    ClaimConflict,
    DependentsStarted,
    IllegalTransition,
    InvalidValue,
    ResultConflict,
    StaleClaim,
    TaskCycle,
)
from fake_clock import FakeClock

GOALS = (1, 2)
WORKERS = st.sampled_from(["ann", "bob"])
ANY = st.integers(0, 10_000)
PRIORITIES = st.sampled_from([1, 5, 9])
GOAL_IDS = st.sampled_from([None, (1,), (2,), (1, 2), ()])
WAITS = st.sampled_from([None, None, None, -5, 30])
TEXTS = st.sampled_from([None, None, "one", "two"])
LEASES = st.sampled_from([10, 60, 900])
STATUSES = st.sampled_from(
    ["in_progress", "in_progress", "completed", "completed", "completed", "failed", "pending", "pending", "cancelled"]
)
TOKENS = st.sampled_from(["current", "current", "current", "none", "none", "old", "other", "garbage"])
DEPTH = 16
ENDS_IN = {
    "completed": ("completed",),
    "failed": ("failed", "pending"),
    "cancelled": ("cancelled",),
    "released": ("pending",),
}

EVERYTHING = """
    SELECT id, goal_id, parent_id, state, offer, wake_at, priority, pinned, not_before, open_dependencies,
           dead_dependencies, open_above, dead_above, children, children_completed, children_cancelled,
           children_failed, children_hurt
    FROM tasks_tasks
    ORDER BY id
"""


class TaskMachine(RuleBasedStateMachine):
    @initialize(
        items=st.lists(
            st.tuples(st.lists(st.integers(0, 9), max_size=2), st.none() | st.none() | st.integers(0, 3)),
            min_size=4,
            max_size=10,
        ),
        goal=st.sampled_from([None, 1, 2]),
    )
    def open(self, items, goal):
        self.clock = FakeClock()
        self.world = World(self.clock.milliseconds)
        self.connection = apsw.Connection(":memory:")
        self.connection.transaction_mode = "IMMEDIATE"
        self.connection.pragma("foreign_keys", True)
        self.numbers = itertools.count(1)
        self.processes = ["p0", "p1"]
        self.tokens = {}
        self.tasks = Tasks(
            self.connection,
            clock=self.clock,
            is_alive=lambda holder: holder not in self.world.dead,
            new_id=lambda: f"id{next(self.numbers)}",
        )
        self.tasks.migrate()
        self.before = {}
        after = [[one for one in before if one < place] for place, (before, _) in enumerate(items)]
        parents = [one if one is not None and one < place else None for place, (_, one) in enumerate(items)]
        self.apply_plan(goal, list(zip(after, parents, strict=True)))
        if not self.world.tasks:  # its groups waited for themselves
            self.apply_plan(goal, [(before, None) for before in after])

    def teardown(self):
        if hasattr(self, "connection"):
            self.connection.close()

    # Drawing

    def pick(self, number):
        ids = sorted(self.world.tasks)
        return ids[number % len(ids)]

    def process(self, number):
        living = [None, *(one for one in self.processes if one not in self.world.dead)]
        return living[number % len(living)]

    def token(self, kind, task):
        claim = self.world.tasks[task].claim
        known = self.tokens.get(task, [])
        match kind:
            case "current":
                return claim.token if claim else (known[-1] if known else None)
            case "old":
                return known[0] if known else f"{task}.7.id0"
            case "other":
                others = [one for other, them in self.tokens.items() if other != task for one in them]
                return others[-1] if others else "0.0.id0"
            case "garbage":
                return ("", "x", f"{task}.{'9' * 5000}.y", f"{task}.1.forged", f"{task}..", "ß.²")[task % 6]
        return None

    # Effects of calls

    def attempt(self, expected, call):
        """Make a call that must fail in one of the expected ways, or succeed without any; return the result."""
        self.before = {task: self.world.readiness(task) for task in self.world.tasks}
        if not expected:
            return call()
        rows = self.rows()
        with pytest.raises(tuple(expected)) as refusal:
            call()
        assert self.rows() == rows, "a refused call wrote"
        return refusal.value

    def rows(self):
        return [
            self.connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
            for table in ("tasks_tasks", "tasks_dependencies", "tasks_claims", "tasks_attempts", "tasks_counts")
        ]

    def became_ready(self, task):
        return tuple(
            sorted(
                other
                for other in self.world.tasks
                if other != task and self.world.readiness(other) == "ready" and self.before.get(other) != "ready"
            )
        )

    def check_change(self, change, task, *, changed=True, token=None):
        assert change.changed is changed
        assert change.claim_token == token
        assert change.newly_ready == (self.became_ready(task) if changed else ())
        self.check_task(change.task)

    def check_task(self, task):
        world, fact = self.world, self.world.tasks[task.task_id]
        claim = fact.claim
        assert attrs.asdict(task, recurse=False) | {"updated_at": 0, "created_at": 0, "completed_at": 0} == {
            "task_id": fact.id,
            "title": fact.title,
            "description": "",
            "status": world.status(fact.id),
            "readiness": world.readiness(fact.id),
            "priority": fact.priority,
            "goal_id": fact.goal,
            "parent_id": fact.parent,
            "open_dependencies": sum(world.status(other) != "completed" for other in fact.dependencies),
            "children": len(world.children(fact.id)),
            "acceptance_criteria": (),
            "metadata": {},
            "attempts": fact.attempts,
            "max_attempts": fact.max_attempts,
            "fence": fact.fence,
            "not_before": fact.not_before,
            "result": fact.result,
            "error": fact.error,
            "settled_by": fact.settled_by,
            "claim": task.claim,
            "progress_note": claim.note if claim else None,
            "created_at": 0,
            "updated_at": 0,
            "started_at": fact.started_at,
            "completed_at": 0,
        }
        assert (task.completed_at is not None) == (task.status == "completed")
        assert (task.claim is None) == (claim is None)
        if claim:
            shown = (task.claim.worker, task.claim.expires_at, task.claim.live, task.claim.token, task.claim.detached)
            assert shown == (claim.worker, claim.expires_at, world.is_live(fact.id), claim.token, claim.detached)

    def remember(self, task, token):
        self.tokens.setdefault(task, []).append(token)

    # Making tasks

    @rule(
        goal=st.sampled_from([None, None, 1, 2]),
        parent=st.none() | ANY,
        dependencies=st.lists(ANY, max_size=3),
        priority=PRIORITIES,
        wait=WAITS,
        max_attempts=st.integers(1, 3),
        token=TOKENS,
    )
    def create(self, goal, parent, dependencies, priority, wait, max_attempts, token):
        world = self.world
        dependencies = {self.pick(one) for one in dependencies} if world.tasks else set()
        parent = self.pick(parent) if parent is not None and world.tasks else None
        fact = Fact(
            id=0,
            goal=goal if parent is None else world.tasks[parent].goal,
            dependencies=dependencies,
            priority=priority,
            not_before=None if wait is None else world.now + wait * 1000,
            max_attempts=max_attempts,
            title=f"task {priority}",
        )
        shown = self.token(token, parent) if parent is not None else None
        expected = set()
        if parent is not None:
            expected |= self.refusals_of_child(parent, shown)
            if goal not in (None, world.tasks[parent].goal):
                expected.add(InvalidValue)
            trial = attrs.evolve(world, tasks=dict(world.tasks) | {0: attrs.evolve(fact, parent=parent)})
            expected |= {TaskCycle} if trial.has_circle() else set()
            expected |= {InvalidValue} if trial.depth() > DEPTH else set()
        change = self.attempt(
            expected,
            lambda: self.tasks.create(
                fact.title,
                goal_id=goal,
                priority=priority,
                dependencies=sorted(dependencies),
                parent_id=parent,
                max_attempts=max_attempts,
                not_before=fact.not_before,
                claim_token=shown,
            ),
        )
        if expected:
            self.check_refusal(change)
            return
        fact.id = change.task.task_id
        world.tasks[fact.id] = fact
        if parent is not None:
            self.take_in(fact.id, parent)
        world.forget()
        self.check_change(change, fact.id)

    def refusals_of_child(self, parent, token):
        fact = self.world.tasks[parent]
        if fact.claim:
            return set() if token == fact.claim.token else {StaleClaim}
        reopens = self.world.status(parent) in FINISHED
        return {DependentsStarted} if reopens and self.world.started_after(parent) else set()

    def take_in(self, task, parent):
        fact = self.world.tasks[parent]
        if fact.claim:
            self.world.end_claim(parent, "released", None, shown=fact.claim.token)
            fact.status = "pending"
        elif self.world.status(parent) in FINISHED:
            self.world.reopen(parent)
        self.world.put(task, parent)

    def check_refusal(self, error):
        assert error.hint or isinstance(error, InvalidValue)
        if isinstance(error, TaskCycle):
            assert error.path[0] == error.path[-1]
            assert len(error.path) > 1
            assert "->".join(map(str, error.path)) in str(error).replace(" ", "")

    @rule(
        goal=st.sampled_from([None, 1, 2]),
        items=st.lists(
            st.tuples(st.lists(st.integers(0, 5), max_size=2), st.none() | st.integers(0, 5)), min_size=1, max_size=5
        ),
    )
    def plan(self, goal, items):
        self.apply_plan(goal, items)

    def apply_plan(self, goal, items):
        given = [
            {
                "key": f"k{index}",
                "title": f"planned {index}",
                "depends_on": [f"k{one}" for one in depends_on if one < len(items)],
                "parent": f"k{parent}" if parent is not None and parent < len(items) else None,
            }
            for index, (depends_on, parent) in enumerate(items)
        ]
        trial = World(0)
        for index, item in enumerate(given):
            trial.tasks[index] = Fact(
                id=index,
                dependencies={int(key[1:]) for key in item["depends_on"]},
                parent=int(item["parent"][1:]) if item["parent"] else None,
            )
        expected = {InvalidPlan} if trial.has_circle() else set()
        made = self.attempt(expected, lambda: self.tasks.plan(given, goal_id=goal, max_attempts=2))
        if expected:
            return
        ids = dict(zip([int(item.key[1:]) for item in check_plan(given).order()], made, strict=True))
        for index, task in ids.items():
            self.world.tasks[task.task_id] = Fact(
                id=task.task_id,
                goal=goal,
                parent=ids[trial.tasks[index].parent].task_id if trial.tasks[index].parent is not None else None,
                dependencies={ids[one].task_id for one in trial.tasks[index].dependencies},
                title=f"planned {index}",
                max_attempts=2,
            )
        self.world.forget()
        for task in made:
            self.check_task(task)

    # Claiming

    @rule(worker=WORKERS, process=ANY, goals=GOAL_IDS, lease=LEASES)
    def claim_next(self, worker, process, goals, lease):
        process = self.process(process)
        claimed = self.attempt(
            set(),
            lambda: self.tasks.claim_next(worker=worker, holder=process, goal_ids=goals, lease_seconds=lease),
        )
        failed = []
        for task in self.world.queue(goals):
            if self.world.tasks[task].claim and not self.world.take_over(task, worker):
                failed.append(task)
                continue
            assert claimed.task is not None
            assert claimed.task.task_id == task
            self.world.claim(task, worker, process, claimed.claim_token, lease * 1000)
            self.remember(task, claimed.claim_token)
            self.check_task(claimed.task)
            completed = {one for one in self.world.awaited(task) if self.world.status(one) == "completed"}
            assert [(one.task_id, one.result) for one in claimed.prerequisites] == [
                (one, self.world.tasks[one].result) for one in sorted(completed)
            ]
            break
        else:
            assert claimed.task is None
            assert claimed.claim_token is None
        assert claimed.failed == tuple(failed)
        assert claimed.queue == self.tasks.queue(goals)
        assert claimed.holding == self.held_by(worker)

    def held_by(self, worker):
        return tuple(
            sorted(task for task, fact in self.world.tasks.items() if fact.claim and fact.claim.worker == worker)
        )

    @rule(
        task=ANY,
        status=STATUSES,
        worker=WORKERS,
        process=ANY,
        token=TOKENS,
        result=TEXTS,
        error=TEXTS,
        delay=st.sampled_from([None, None, 30]),
        lease=st.none() | LEASES,
    )
    def update_status(self, task, **arguments):
        self.change_status(self.pick(task), **arguments)

    @precondition(lambda self: self.with_claim())
    @rule(
        task=ANY,
        status=st.sampled_from(["completed", "completed", "completed", "failed", "pending", "in_progress"]),
        token=st.sampled_from(["current", "current", "current", "none", "old"]),
        error=TEXTS,
    )
    def settle(self, task, status, token, error):
        claimed = self.with_claim()
        self.change_status(claimed[task % len(claimed)], status=status, token=token, error=error)

    def with_claim(self):
        return [task for task, fact in self.world.tasks.items() if fact.claim]

    @precondition(lambda self: self.finished())
    @rule(task=ANY)
    def reopen(self, task):
        finished = self.finished()
        self.change_status(finished[task % len(finished)], status="pending", token="none")

    def finished(self):
        return [task for task in self.world.tasks if self.world.status(task) in FINISHED]

    @precondition(lambda self: self.world.queue())
    @rule(first=st.booleans(), status=st.sampled_from(["in_progress", "completed", "completed", "failed", "cancelled"]))
    def advance(self, first, status):
        self.change_status(self.world.queue()[0 if first else -1], status=status, token="none")

    def change_status(
        self, task, *, status, token, worker="bob", process=0, result=None, error=None, delay=None, lease=None
    ):
        world, fact = self.world, self.world.tasks[task]
        shown = self.token(token, task)
        process = self.process(process)
        texts = {name: text for name, text in (("result", result), ("error", error)) if text is not None}
        expected, effect = self.foretell(fact, status, shown, texts)
        change = self.attempt(
            expected,
            lambda: self.tasks.update_status(
                task,
                status,
                worker=worker,
                holder=process,
                claim_token=shown,
                retry_in_seconds=delay,
                lease_seconds=lease,
                **texts,
            ),
        )
        if expected:
            self.check_refusal(change)
            return
        if effect == "nothing":
            self.check_change(change, task, changed=False)
            return
        new_token = None
        claim = fact.claim
        if effect == "renew":
            world.renew(task, lease and lease * 1000)
            new_token = claim.token
        elif effect == "claim":
            if claim is None or world.take_over(task, worker):
                new_token = change.claim_token
                world.claim(task, worker, process, new_token, (lease or 900) * 1000)
                self.remember(task, new_token)
        elif effect == "settle":
            world.end_claim(task, status, worker, error=error, shown=shown)
            fact.status, fact.settled_by = status, worker
        elif effect == "cancel":
            world.cancel(task, worker, shown)
        elif effect == "reopen":
            world.reopen(task)
            fact.not_before = fact.not_before if delay is None else world.now + delay * 1000
        elif effect == "release":
            mine = "released" if shown else ("detached" if claim.detached else "lost")
            outcome = "failed" if error else mine
            world.end_claim(task, outcome, worker, error=error, shown=shown)
            used_up = outcome in ("failed", "lost") and fact.attempts >= fact.max_attempts
            fact.status, fact.settled_by = ("failed", worker) if used_up else ("pending", None)
            fact.not_before = fact.not_before if delay is None else world.now + delay * 1000
        fact.result, fact.error = texts.get("result", fact.result), texts.get("error", fact.error)
        world.forget()
        self.check_change(change, task, token=new_token)

    def foretell(self, fact, status, token, texts):
        """Return the error that a call must raise, or else its effect, by the table of states."""
        world, task, claim = self.world, fact.id, fact.claim
        stands = world.status(task)
        is_holder = claim is not None and token == claim.token
        if token is not None and not is_holder:
            ended_so = fact.history and status in ENDS_IN.get(fact.history[-1][4], ())
            if claim is not None or token != fact.shown_at_the_end or stands != status or not ended_so:
                return {StaleClaim}, None
            if status == "completed" and "result" in texts and texts["result"] != fact.result:
                return {ResultConflict}, None
            return set(), "nothing"
        bars = claim is not None and world.is_live(task) and not is_holder
        if status == "in_progress":
            if claim is not None:
                return ({ClaimConflict}, None) if bars else (set(), "renew" if is_holder else "claim")
            return (set(), "claim") if world.readiness(task) == "ready" else ({IllegalTransition}, None)
        if status == stands and not (status == "pending" and claim):
            return set(), "nothing"
        if status == "cancelled":
            legal = stands in ("pending", "in_progress") or (stands == "failed" and world.is_group(task))
            return (set(), "cancel") if legal else ({IllegalTransition}, None)
        if bars:
            return {StaleClaim}, None
        if status in ("completed", "failed"):
            blocked = status == "completed" and world.is_blocked(task) and claim is None
            legal = stands in ("pending", "in_progress") and not world.is_group(task) and not blocked
            return (set(), "settle") if legal else ({IllegalTransition}, None)
        if claim is not None:
            return set(), "release"
        if world.is_group(task):
            all_cancelled = all(world.status(child) == "cancelled" for child in world.children(task))
            if not fact.pinned or all_cancelled:
                return {IllegalTransition}, None
        return ({DependentsStarted}, None) if world.started_after(task) else (set(), "reopen")

    @rule(task=ANY, token=TOKENS, lease=st.none() | LEASES, progress=TEXTS)
    def renew(self, task, token, lease, progress):
        task = self.pick(task)
        shown = self.token(token, task)
        claim = self.world.tasks[task].claim
        expected = set() if claim and shown == claim.token else {StaleClaim}
        change = self.attempt(
            expected, lambda: self.tasks.renew(task, claim_token=shown, lease_seconds=lease, progress=progress)
        )
        if expected:
            self.check_refusal(change)
            return
        self.world.renew(task, lease and lease * 1000, progress)
        self.check_change(change, task, token=claim.token)

    @rule(process=ANY)
    def renew_due(self, process):
        process = self.process(process)
        if process is None:
            return
        held = [
            fact
            for fact in self.world.tasks.values()
            if fact.claim and fact.claim.holder == process and not fact.claim.detached
        ]
        for fact in held:
            if self.world.now - (fact.claim.expires_at - fact.claim.lease) >= fact.claim.lease / 3:
                self.world.renew(fact.id)
        due = [fact.claim.expires_at - fact.claim.lease * 2 / 3 - self.world.now for fact in held]
        wait = self.tasks.renew_due(process)
        assert wait == (pytest.approx(min(due) / 1000, abs=0.001) if due else None)

    @rule(process=ANY)
    def detach(self, process):
        process = self.process(process)
        if process is None:
            return
        left = []
        for task, fact in sorted(self.world.tasks.items()):
            if fact.claim and fact.claim.holder == process and not fact.claim.detached:
                fact.claim.detached = True
                fact.claim.expires_at = min(fact.claim.expires_at, self.world.now)
                left.append(task)
        assert self.tasks.detach(process) == tuple(left)
        self.world.forget()

    @rule(number=ANY)
    def die(self, number):
        process = self.process(number)
        if process is not None:
            self.world.dead.add(process)
            self.processes.append(f"p{len(self.processes)}")
            self.world.forget()

    # Changing tasks

    @rule(
        task=ANY,
        dependencies=st.none() | st.lists(ANY, max_size=3),
        parent=st.sampled_from(["keep", "keep", "none"]) | ANY,
        goal=st.sampled_from(["keep", "keep", "keep", None, 1, 2]),
        priority=st.none() | PRIORITIES,
        wait=st.sampled_from(["keep", "keep", None, 30, -5]),
        max_attempts=st.sampled_from([None, None, 1, 2]),
        token=TOKENS,
    )
    def edit(self, task, dependencies, parent, goal, priority, wait, max_attempts, token):
        task = self.pick(task)
        world, fact = self.world, self.world.tasks[task]
        changes = {}
        if dependencies is not None:
            changes["dependencies"] = sorted({self.pick(one) for one in dependencies})
        if parent != "keep":
            changes["parent_id"] = None if parent == "none" else self.pick(parent)
        if goal != "keep":
            changes["goal_id"] = goal
        if priority is not None:
            changes["priority"] = priority
        if wait != "keep":
            changes["not_before"] = None if wait is None else world.now + wait * 1000
        if max_attempts is not None:
            changes["max_attempts"] = max_attempts
        new_parent = changes.get("parent_id", fact.parent)
        moves = new_parent != fact.parent
        shown = self.token(token, new_parent) if new_parent is not None else None
        new_goal = changes.get("goal_id", fact.goal) if new_parent is None else world.tasks[new_parent].goal
        after = set(changes.get("dependencies", fact.dependencies))

        expected = set()
        if new_parent is not None and changes.get("goal_id", new_goal) != new_goal:
            expected.add(InvalidValue)
        if world.status(task) != "pending" and (moves or after != fact.dependencies or new_goal != fact.goal):
            expected.add(IllegalTransition)
        moved = attrs.evolve(fact, parent=new_parent, dependencies=after)
        trial = attrs.evolve(world, tasks=dict(world.tasks) | {task: moved})
        if new_parent == task or task in after or trial.has_circle():
            expected.add(TaskCycle)
        elif moves and new_parent is not None:
            expected |= self.refusals_of_child(new_parent, shown)
            expected |= {InvalidValue} if trial.depth() > DEPTH else set()
        changed = (
            moves
            or after != fact.dependencies
            or new_goal != fact.goal
            or changes.get("priority", fact.priority) != fact.priority
            or changes.get("not_before", fact.not_before) != fact.not_before
            or changes.get("max_attempts", fact.max_attempts) != fact.max_attempts
        )
        change = self.attempt(expected, lambda: self.tasks.edit(task, claim_token=shown, **changes))
        if expected:
            self.check_refusal(change)
            if isinstance(change, TaskCycle):
                for waiting, awaited in itertools.pairwise(change.path):
                    assert awaited in trial.waits_for(waiting)
            return
        fact.dependencies = after
        fact.priority = changes.get("priority", fact.priority)
        fact.not_before = changes.get("not_before", fact.not_before)
        fact.max_attempts = changes.get("max_attempts", fact.max_attempts)
        for one in (task, *world.below(task)):
            world.tasks[one].goal = new_goal
        if moves and new_parent is not None:
            self.take_in(task, new_parent)
        elif moves:
            world.put(task, None)
        world.forget()
        self.check_change(change, task, changed=changed)

    @rule(goals=st.sampled_from([(1,), (2,), (1, 2)]), held=st.booleans())
    def hold(self, goals, held):
        if held:
            self.tasks.hold(goals)
            self.world.held |= set(goals)
        else:
            self.tasks.unhold(goals)
            self.world.held -= set(goals)
        self.world.forget()

    @precondition(lambda self: len(self.world.tasks) > 12)
    @rule(goals=st.sampled_from([(1,), (2,), (1, 2)]), worker=WORKERS)
    def cancel_open_in(self, goals, worker):
        world = self.world
        open_leaves = [
            task
            for task, fact in world.tasks.items()
            if fact.goal in goals and not world.is_group(task) and world.is_open(task)
        ]
        assert self.tasks.open_in(goals) == (len(open_leaves), tuple(sorted(open_leaves)[:10]))
        assert self.tasks.cancel_open_in(goals, worker=worker) == len(open_leaves)
        for task in open_leaves:
            world.cancel(task, worker)

    @rule(seconds=st.sampled_from([1, 15, 15, 60, 1000]))
    def wait(self, seconds):
        self.clock.advance(seconds)
        self.world.now = self.clock.milliseconds
        self.world.forget()

    # Invariants

    @invariant()
    def reads_agree_with_the_definitions(self):
        world, tasks = self.world, self.tasks
        listed = tasks.list(limit=200).tasks
        assert [task.task_id for task in listed] == sorted(world.tasks)
        for task in listed:
            self.check_task(task)
        for goal, counts in tasks.counts([0, *GOALS]).items():
            found = Counter({name: number for name, number in attrs.asdict(counts).items() if number})
            assert found == world.counts(goal or None)
        for goals in (None, (1,), (1, 2)):
            offers = tasks.offers(goal_ids=goals, limit=200)
            assert [offer.task.task_id for offer in offers] == world.offers(goals)
            for offer in offers:
                claim = world.tasks[offer.task.task_id].claim
                assert offer.left_by == (claim.worker if claim else None)

    @invariant()
    def queues_say_when_the_next_task_becomes_ready(self):
        world = self.world
        for goals in (None, (1,), (1, 2)):
            queue = self.tasks.queue(goals)
            later = [
                fact.not_before
                for task, fact in world.tasks.items()
                if world.readiness(task) == "waiting"
                and (goals is None or fact.goal in goals)
                and not world.is_blocked(task)
                and fact.goal not in world.held
            ]
            counts = [world.counts()] if goals is None else [world.counts(goal) for goal in goals]
            assert (queue.ready, queue.waiting, queue.unreachable, queue.in_progress) == tuple(
                sum(one[state] for one in counts) for state in ("ready", "waiting", "unreachable", "in_progress")
            )
            assert queue.next_ready_at == min(later, default=None)

    @invariant()
    def links_agree_with_the_definitions(self):
        world = self.world
        if not world.tasks:
            return
        task = self.pick(len(self.tokens) + world.now // 1000)
        links, fact = self.tasks.links(self.tasks.get(task)), world.tasks[task]
        assert links.dependencies == tuple(sorted(fact.dependencies))
        assert links.dependents == tuple(sorted(one for one in world.tasks if task in world.tasks[one].dependencies))
        assert links.children == tuple(sorted(world.children(task)))
        assert links.blocked_by == world.blocked_by(task)
        history = [*fact.history]
        if (claim := fact.claim) is not None:
            history.append((fact.fence, claim.worker, claim.started_at, None, None, None, None, claim.note))
        assert [attrs.astuple(one) for one in links.attempt_history] == history[-10:]

    @invariant()
    def derived_columns_equal_recomputed_ones(self):
        world = self.world
        stored = Counter()
        for row in self.connection.execute(EVERYTHING).fetchall():
            task, goal, parent, state, offer, wake_at, priority, pinned, not_before = row[:9]
            fact = world.tasks[task]
            assert (goal, parent, priority, not_before) == (fact.goal, fact.parent, fact.priority, fact.not_before)
            assert pinned == (fact.pinned and world.is_group(task))
            due = state == "waiting" and world.readiness(task) == "ready" and fact.not_before is not None
            assert state == ("waiting" if due else world.state(task))
            assert wake_at == (fact.not_before if due or self.only_waits_for_its_time(task) else None)
            assert offer == self.offer_of(fact, state)
            children = world.children(task)
            ends = Counter(world._end_of_child(child) for child in children)
            above = [] if fact.parent is None else world.awaited(fact.parent)
            assert row[9:] == (
                sum(world.status(other) != "completed" for other in fact.dependencies),
                sum(world.is_lost(other) for other in fact.dependencies),
                int(any(world.status(other) != "completed" for other in above)),
                int(any(world.is_lost(other) for other in above)),
                len(children),
                ends["completed"],
                ends["cancelled"],
                ends["failed"],
                sum(world.hurts(child) for child in children),
            )
            for counted in {0, goal or 0}:
                stored[counted, "groups" if children else state] += 1
        names = ("ready", "waiting", "unreachable", "in_progress", "completed", "failed", "cancelled", "groups")
        for goal, *numbers in self.connection.execute(f"SELECT goal_id, {', '.join(names)} FROM tasks_counts"):
            for name, number in zip(names, numbers, strict=True):
                assert stored.pop((goal, name), 0) == number
        assert not stored

    def only_waits_for_its_time(self, task):
        world, fact = self.world, self.world.tasks[task]
        return world.readiness(task) == "waiting" and not world.is_blocked(task) and fact.goal not in world.held

    def offer_of(self, fact, state):
        if state == "ready":
            return 2 * fact.priority
        marked = self.connection.execute(
            "SELECT lapsed FROM tasks_claims WHERE task_id = :task", {"task": fact.id}
        ).fetchone()
        if state == "in_progress" and marked == (1,) and fact.goal not in self.world.held:
            return 2 * fact.priority + 1
        return None


TestTaskMachine = TaskMachine.TestCase
TestTaskMachine.settings = settings(
    max_examples=int(os.environ.get("TASK_MACHINE_EXAMPLES", "100")),
    stateful_step_count=int(os.environ.get("TASK_MACHINE_STEPS", "40")),
    derandomize="TASK_MACHINE_EXAMPLES" not in os.environ,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink),
)
