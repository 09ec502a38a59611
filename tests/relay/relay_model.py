"""What a relay is by its definitions alone: lists of tries, from which all else is counted anew each time."""

import attrs

GOOD, BAD = 0.9, 0.2
DEFAULT_LEASE = 900


class Refused(Exception):
    """The operation must raise the error of this name and change nothing."""


@attrs.define(kw_only=True)
class Holding:
    worker: str
    holder: str | None
    lease: float
    until: float
    agent: str


@attrs.define(kw_only=True)
class Try:
    baton: str
    spare: bool
    offered: str
    holding: Holding | None = None
    end: str | None = None
    tokens: int = 0
    handed_in: object = None
    answer: object = None


@attrs.define(kw_only=True)
class Late:
    output: int
    step: int
    attempt: int
    handed_in: object


@attrs.define
class Line:
    """One pipeline of equal steps, each for the agent "agent", with "spare" as its fallback or none."""

    steps: int
    retries: int
    has_spare: bool
    budget: int
    baton: str = attrs.field(kw_only=True)
    threshold: float = 0.6
    status: str = "pending"
    step: int = 0
    tries: list = attrs.Factory(list)
    late: list = attrs.Factory(list)
    adopted: list = attrs.Factory(list)
    permits: list = attrs.Factory(list)
    refusing: frozenset = frozenset()

    def __attrs_post_init__(self):
        self.tries = [[] for _ in range(self.steps)]
        self.tries[0].append(Try(baton=self.baton, spare=False, offered="agent"))

    @property
    def used(self):
        return sum(attempt.tokens for step in self.tries for attempt in step)

    @property
    def left(self):
        if self.step == self.steps:
            return 0
        here = self.tries[self.step]
        spares = sum(attempt.spare for attempt in here)
        return max(0, 1 + self.retries - (len(here) - spares)) + max(0, self.has_spare - spares)

    @property
    def live(self):
        if self.step < self.steps and self.tries[self.step] and self.tries[self.step][-1].end is None:
            return self.tries[self.step][-1]
        return None

    @property
    def runs(self):
        return self.status in ("pending", "in_progress")

    @property
    def batons(self):
        return [attempt.baton for step in self.tries for attempt in step]

    def find(self, baton):
        return next((attempt for step in self.tries for attempt in step if attempt.baton == baton), None)

    def is_held(self, now, gone):
        holding = self.live and self.live.holding
        return bool(holding) and now < holding.until and holding.holder not in gone

    def agents(self, attempt):
        """Whom an attempt may go to, in order."""
        if attempt.spare:
            return ["spare"]
        return ["agent", "spare"] if self.has_spare else ["agent"]

    def route(self, attempt):
        return next((agent for agent in self.agents(attempt) if agent not in self.refusing), None)

    def waits_for(self, now, gone):
        if self.status in ("completed", "cancelled"):
            return "nothing"
        if self.status == "paused":
            return "resume"
        if self.live is None:
            if self.budget - self.used < 1:
                return "budget"
            return "resume" if self.status == "failed" else "retry"
        if not self.is_held(now, gone) and self.route(self.live) is None:
            return "breaker"
        return None

    def next_is_spare(self):
        here = self.tries[self.step]
        own = [attempt for attempt in here if not attempt.spare]
        return len(own) >= 1 + self.retries and self.has_spare and len(own) == len(here)

    def issue(self, baton):
        attempt = Try(baton=baton, spare=self.next_is_spare(), offered="")
        attempt.offered = self.route(attempt) or self.agents(attempt)[0]
        self.tries[self.step].append(attempt)

    def end(self, attempt, how, tokens=0):
        attempt.end, attempt.tokens = how, tokens

    def report(self, result):
        """What the guard is told about the live try, if it was claimed."""
        if self.live.holding:
            self.permits.append((result, self.live.holding.agent))

    def advance(self, baton, handed_in, *, worker=None, shown=None, now, gone):
        """Return the outcome, or "replayed"; raise Refused with the name of the error."""
        live = self.live
        if baton is not None and (live is None or live.baton != baton):
            return self._again(baton, handed_in)
        if live is None or not self.runs:
            raise Refused("IllegalTransition")
        if baton is None:
            if shown is not None and shown != live.baton:
                raise Refused("StaleBaton")
            if self.is_held(now, gone) and live.holding.worker != worker:
                raise Refused("BatonClaimed")
        return self.settle(handed_in, reported=True)

    def settle(self, handed_in, *, reported):
        live, (quality, tokens, _) = self.live, handed_in
        passed = quality >= self.threshold
        if reported:
            if live.holding:
                self.report("success" if passed else "quality_failure")
            elif passed:
                self.permits.append(("success", self.route(live) or live.offered))
        live.handed_in = handed_in
        self.end(live, "accepted" if passed else "rejected", tokens)
        self.status = "in_progress" if self.status == "pending" else self.status
        if not passed:
            self.status = self.status if self.left else "failed"
            live.answer = "gate_failed"
            return live.answer
        self.step += 1
        if self.step == self.steps:
            self.status = live.answer = "completed"
        elif self.budget - self.used < 1:
            self.status, live.answer = "failed", "budget_exhausted"
        else:
            self.issue(None)
            live.answer = "blocked" if self.route(self.live) is None else "advanced"
        return live.answer

    def _again(self, baton, handed_in):
        attempt = self.find(baton)
        if attempt.end == "cancelled":
            raise Refused("IllegalTransition")
        if attempt.end in ("lost", "failed"):
            raise Refused("StaleBaton")
        if attempt.handed_in != handed_in:
            raise Refused("AnotherPayload")
        return "replayed"

    def fail(self, baton, tokens):
        live = self.live
        if live is None or live.baton != baton:
            attempt = self.find(baton)
            if attempt.end == "cancelled":
                raise Refused("IllegalTransition")
            if attempt.end == "lost":
                raise Refused("StaleBaton")
            if attempt.end != "failed" or attempt.tokens != tokens:
                raise Refused("AnotherPayload")
            return "replayed"
        self.report("timeout")
        self.end(live, "failed", tokens)
        self.status = "in_progress" if self.status == "pending" else self.status
        self.status = self.status if self.left else "failed"
        return "failed"

    def claim(self, worker, holder, lease, *, now, gone):
        """Return what somebody who claims is told: claimed, renewed, blocked or what the pipeline waits for."""
        if not self.runs or self.live is None:
            return self.waits_for(now, gone)
        holding = self.live.holding
        if self.is_held(now, gone):
            other_process = holder is not None and holding.holder is not None and holder != holding.holder
            if holding.worker != worker or other_process:
                raise Refused("BatonClaimed")
            holding.lease = holding.lease if lease is None else lease
            holding.until, holding.holder = now + holding.lease, holder or holding.holder
            return "renewed"
        if holding:
            self.lose()
            if not self.left or self.budget - self.used < 1:
                self.status = "failed"
                return self.waits_for(now, gone)
            self.issue(None)
        agent = self.route(self.live)
        if agent is None:
            return "breaker"
        lease = DEFAULT_LEASE if lease is None else lease
        self.live.holding = Holding(worker=worker, holder=holder, lease=lease, until=now + lease, agent=agent)
        self.status = "in_progress"
        self.permits.append(("admit", agent))
        return "claimed"

    def lose(self):
        self.report("release")
        self.end(self.live, "lost")

    def renew(self, baton, worker, *, now):
        holding = self._own(baton, worker)
        if holding is None:
            raise Refused("IllegalTransition")
        holding.until = now + holding.lease

    def release(self, baton, worker):
        holding = self._own(baton, worker)
        if holding is not None:
            self.report("release")
            self.live.holding = None
        return holding is not None

    def _own(self, baton, worker):
        if self.live is None or self.live.baton != baton:
            raise Refused("StaleBaton")
        holding = self.live.holding
        if holding is not None and holding.worker != worker:
            raise Refused("BatonClaimed")
        return holding

    def retry(self, step, *, now, gone):
        if step >= self.steps:
            raise Refused("InvalidValue")
        if not self.runs or step != self.step:
            raise Refused("IllegalTransition")
        if self.live is not None and (self.live.holding is None or self.is_held(now, gone)):
            raise Refused("IllegalTransition")
        if not self.left or self.budget - self.used < 1:
            raise Refused("IllegalTransition")
        if self.live is not None:
            self.lose()
        self.issue(None)

    def update(self, status, budget, retries, threshold):
        """Return whether anything changes."""
        wanted = (budget or self.budget, self.retries if retries is None else retries, threshold or self.threshold)
        changes = wanted != (self.budget, self.retries, self.threshold)
        if changes and self.status in ("completed", "cancelled"):
            raise Refused("IllegalTransition")
        moves = status is not None and status != self.status
        origins = {
            "paused": ("pending", "in_progress"),
            "in_progress": ("paused", "failed"),
            "cancelled": ("pending", "in_progress", "paused", "failed"),
        }
        if moves and self.status not in origins[status]:
            raise Refused("IllegalTransition")
        if moves and self.status == "failed" and status == "in_progress" and wanted[0] - self.used < 1:
            raise Refused("IllegalTransition")
        self.budget, self.retries, self.threshold = wanted
        if moves:
            if status == "cancelled" and self.live is not None:
                self.report("release")
                self.end(self.live, "cancelled")
            if status == "in_progress" and self.status == "failed":
                self.issue(None)
            self.status = status
        return changes or moves

    def adopt(self, late, *, now, gone):
        if self.status not in ("in_progress", "failed") or late.step != self.step:
            raise Refused("IllegalTransition")
        if self.is_held(now, gone):
            raise Refused("BatonClaimed")
        self.status = "in_progress"
        if self.live is not None and self.live.holding is not None:
            self.lose()
        if self.live is None:
            self.issue(None)
        self.late.remove(late)
        self.adopted.append(late.output)
        return self.settle(late.handed_in, reported=False)
