"""The model of tasks: their state, recomputed from plain facts at each look, slowly and by the definitions alone.

`World` holds facts only (dependencies, settled statuses, claims). All else (readiness, the status of groups, blockers,
counts, the order of offers) is derived from all facts at each look.
"""

from collections import Counter

import attrs

FINISHED = ("completed", "failed", "cancelled")


@attrs.define(kw_only=True)
class HeldClaim:
    worker: str
    holder: str | None
    token: str
    lease: int
    started_at: int
    expires_at: int
    detached: bool = False
    note: str | None = None


@attrs.define(kw_only=True)
class Fact:
    """The facts of a task: `status` is that of a leaf; `pinned` is True for a group that was cancelled by hand."""

    id: int
    goal: int | None = None
    parent: int | None = None
    dependencies: set[int] = attrs.Factory(set)
    priority: int = 5
    not_before: int | None = None
    status: str = "pending"
    pinned: bool = False
    max_attempts: int = 3
    attempts: int = 0
    fence: int = 0
    claim: HeldClaim | None = None
    title: str = ""
    result: str | None = None
    error: str | None = None
    settled_by: str | None = None
    started_at: int | None = None
    history: list[tuple] = attrs.Factory(list)
    shown_at_the_end: str | None = None


@attrs.define
class World:
    now: int
    tasks: dict[int, Fact] = attrs.Factory(dict)
    held: set[int] = attrs.Factory(set)
    dead: set[str] = attrs.Factory(set)
    _known: dict = attrs.field(factory=dict, init=False)

    def forget(self):
        """Forget what was derived, because a fact has changed."""
        self._known.clear()

    def _once(self, question, task, answer):
        key = question, task
        if key not in self._known:
            self._known[key] = answer()
        return self._known[key]

    def children(self, task):
        return self._once("children", task, lambda: [one.id for one in self.tasks.values() if one.parent == task])

    def is_group(self, task):
        return bool(self.children(task))

    def above(self, task):
        chain = []
        while (parent := self.tasks[task].parent) is not None:
            chain.append(parent)
            task = parent
        return chain

    def below(self, task):
        return [one for child in self.children(task) for one in (child, *self.below(child))]

    def awaited(self, task):
        """Return the prerequisites of a task and of the groups above it."""
        return {other for one in (task, *self.above(task)) for other in self.tasks[one].dependencies}

    def status(self, task):
        return self._once("status", task, lambda: self._status(task))

    def _status(self, task):
        fact = self.tasks[task]
        if not self.is_group(task):
            return fact.status
        if fact.pinned:
            return "cancelled"
        ends = [self._end_of_child(child) for child in self.children(task)]
        if set(ends) <= {"completed", "cancelled"}:
            return "completed" if "completed" in ends else "cancelled"
        return "failed" if set(ends) <= {"completed", "cancelled", "failed"} else "pending"

    def _end_of_child(self, child):
        status = self.status(child)
        if status == "pending" and not self.is_group(child) and self.is_doomed(child):
            return "failed"
        return status

    def is_doomed(self, task):
        return self._once("doomed", task, lambda: any(self.is_lost(other) for other in self.awaited(task)))

    def is_lost(self, task):
        """Tell whether the tasks that depend on it are unreachable."""
        return self.status(task) == "cancelled" or self.hurts(task)

    def hurts(self, task):
        """Tell whether it keeps the group above from being completed."""
        return self._once("hurts", task, lambda: self._hurts(task))

    def _hurts(self, task):
        status = self.status(task)
        if status != "pending":
            return status == "failed"
        return self.is_doomed(task) or any(self.hurts(child) for child in self.children(task))

    def is_open(self, task):
        return self.status(task) in ("pending", "in_progress")

    def is_blocked(self, task):
        return any(self.status(other) != "completed" for other in self.awaited(task))

    def readiness(self, task):
        return self._once("readiness", task, lambda: self._readiness(task))

    def _readiness(self, task):
        fact = self.tasks[task]
        if self.status(task) != "pending":
            return None
        if self.is_doomed(task):
            return "unreachable"
        if self.is_group(task):
            return "group"
        too_early = fact.not_before is not None and fact.not_before > self.now
        return "waiting" if self.is_blocked(task) or fact.goal in self.held or too_early else "ready"

    def state(self, task):
        return self.readiness(task) or self.status(task)

    def blocked_by(self, task):
        """Return the open prerequisites, or the failed and cancelled roots of those that can't be completed."""
        if self.status(task) != "pending":
            return ()
        if self.is_doomed(task):
            return tuple(sorted(self._roots_of(self.awaited(task), set())))
        return tuple(sorted(other for other in self.awaited(task) if self.status(other) != "completed"))

    def _roots_of(self, tasks, seen):
        roots = set()
        for task in tasks:
            if task in seen or not self.is_lost(task):
                continue
            seen.add(task)
            if self.status(task) == "cancelled" or (self.status(task) == "failed" and not self.is_group(task)):
                roots.add(task)
                continue
            roots |= self._roots_of([child for child in self.children(task) if self.hurts(child)], seen)
            roots |= self._roots_of(self.awaited(task), seen)
        return roots

    def is_live(self, task):
        claim = self.tasks[task].claim
        return (
            claim is not None and not claim.detached and claim.expires_at > self.now and claim.holder not in self.dead
        )

    def counts(self, goal=None):
        """Return the number of tasks in each state, in a goal or in all."""
        return Counter(
            "groups" if self.is_group(task) else self.state(task)
            for task, fact in self.tasks.items()
            if goal is None or fact.goal == goal
        )

    def queue(self, goals=None):
        """Return the offered tasks in order: by priority, then tasks that an ended session left, then by age."""
        offered = []
        for task, fact in self.tasks.items():
            left = fact.status == "in_progress" and not self.is_live(task) and fact.goal not in self.held
            if (left or self.readiness(task) == "ready") and (goals is None or fact.goal in goals):
                offered.append((-fact.priority, not left, task))
        return [task for _, _, task in sorted(offered)]

    def would_fail_when_taken_over(self, task):
        fact = self.tasks[task]
        return fact.claim is not None and not fact.claim.detached and fact.attempts + 1 >= fact.max_attempts

    def offers(self, goals=None):
        return [task for task in self.queue(goals) if not self.would_fail_when_taken_over(task)]

    def started_after(self, task):
        """Return the tasks in progress or completed that waited for a task, or for a completed group above it."""
        awaited = {task, *(group for group in self.above(task) if self.status(group) == "completed")}
        return {
            one
            for waiting, fact in self.tasks.items()
            if fact.dependencies & awaited
            for one in (waiting, *self.below(waiting))
            if self.status(one) in ("in_progress", "completed")
        }

    def depth(self):
        """Return the greatest number of groups above a task."""
        return max((len(self.above(task)) for task in self.tasks), default=0)

    def waits_for(self, task):
        """Return the points to which a step along a circle of waiting can lead."""
        fact = self.tasks[task]
        return {*fact.dependencies, *self.children(task), *([] if fact.parent is None else [fact.parent])}

    def has_circle(self):
        """Tell whether anything waits for itself: a start for ends of prerequisites and for starts of groups above."""
        edges = {}
        for task, fact in self.tasks.items():
            edges[task, "start"] = [(other, "end") for other in fact.dependencies]
            if fact.parent is not None:
                edges[task, "start"].append((fact.parent, "start"))
            edges[task, "end"] = [(task, "start"), *((child, "end") for child in self.children(task))]
        while edges:
            free = [point for point, awaited in edges.items() if not any(other in edges for other in awaited)]
            if not free:
                return True
            for point in free:
                del edges[point]
        return False

    # Changes of facts. Each records only what was done; the questions above derive what follows.

    def claim(self, task, worker, holder, token, lease):
        fact = self.tasks[task]
        fact.fence += 1
        fact.status = "in_progress"
        fact.started_at = self.now if fact.started_at is None else fact.started_at
        fact.shown_at_the_end = None
        fact.claim = HeldClaim(
            worker=worker, holder=holder, token=token, lease=lease, started_at=self.now, expires_at=self.now + lease
        )
        self.forget()

    def end_claim(self, task, outcome, by, *, error=None, shown=None):
        """End a claim; its attempt counts when it was completed, failed or lost."""
        fact = self.tasks[task]
        claim = fact.claim
        if claim is None:
            return
        fact.claim = None
        fact.shown_at_the_end = shown
        fact.attempts += outcome in ("completed", "failed", "lost")
        settled_by = None if by in (None, claim.worker) else by
        fact.history.append(
            (fact.fence, claim.worker, claim.started_at, self.now, outcome, settled_by, error, claim.note)
        )
        self.forget()

    def take_over(self, task, worker):
        """End a dead claim; return False if that used up the attempts."""
        fact = self.tasks[task]
        if self.would_fail_when_taken_over(task):
            fact.settled_by = worker
            fact.status = "failed"
        claim = fact.claim
        error = None if claim.detached else f"{claim.worker} was lost while working on it"
        self.end_claim(task, "detached" if claim.detached else "lost", worker, error=error)
        fact.error = error or fact.error
        return fact.status != "failed"

    def renew(self, task, lease=None, note=None):
        claim = self.tasks[task].claim
        claim.lease = lease or claim.lease
        claim.note = note or claim.note
        claim.expires_at = self.now + claim.lease
        claim.detached = False
        self.forget()

    def cancel(self, task, worker, token=None):
        for one in (task, *self.below(task)):
            if self.is_group(one):
                continue
            if self.is_open(one):
                fact = self.tasks[one]
                shown = token if fact.claim and fact.claim.token == token else None
                self.end_claim(one, "cancelled", worker, shown=shown)
                fact.status = "cancelled"
                fact.settled_by = worker
        if self.is_group(task):
            self.tasks[task].pinned = True
            self.tasks[task].settled_by = worker
        self.forget()

    def reopen(self, task):
        for one in [one for one in (task, *self.above(task)) if self.status(one) in FINISHED]:
            fact = self.tasks[one]
            fact.pinned = False
            fact.attempts = 0
            fact.settled_by = None
            if not self.is_group(one):
                fact.status = "pending"
        self.forget()

    def put(self, task, parent):
        """Put a task into a group, or take it out of one. A task that gets its first child loses its claim."""
        left = self.tasks[task].parent
        self.tasks[task].parent = parent
        self.forget()
        if left is not None and not self.is_group(left):
            self.tasks[left].status = "pending"
            self.tasks[left].pinned = False
        self.forget()
