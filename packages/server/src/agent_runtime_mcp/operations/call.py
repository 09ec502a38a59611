"""The call of an operation: the libraries, the caller, and what the caller's session remembers."""

from typing import TYPE_CHECKING

import attrs

from ..runtime.libraries import Libraries

if TYPE_CHECKING:
    from agent_runtime_tasks import Plan


@attrs.define(kw_only=True, eq=False, repr=False)
class Session:
    """One client's session, or one command.

    Attributes:
        worker: the name of the caller, unless a call gives another.
        holder: the process behind its claims; None for a process that ends at once, as a command does.
        tokens: the claim tokens that the session was handed, by task.
        finished: those of the tasks that the session completed or failed itself.
        batons: the last baton that the session was shown, by pipeline.
    """

    worker: str
    holder: str | None
    tokens: dict[int, str] = attrs.field(factory=dict)
    finished: set[int] = attrs.field(factory=set)
    batons: dict[int, str] = attrs.field(factory=dict)

    @property
    def holds_claims(self) -> bool:
        """True if the session may hold claims, on tasks or on batons."""
        return bool(self.tokens or self.batons)


@attrs.frozen(kw_only=True)
class PreparedPlan:
    """A plan that a planner made before the transaction.

    Attributes:
        plan: the tasks.
        planner: the source of the plan: command, or text.
        fallback_reason: why the configured planner command gave no plan, or None.
        started: the performance counter when planning began.
    """

    plan: "Plan"
    planner: str
    fallback_reason: str | None
    started: float


@attrs.define(kw_only=True, eq=False, repr=False)
class Call:
    """One call of an operation, inside its transaction or snapshot.

    Attributes:
        libraries: the libraries that the operation works on.
        session: the caller's session, changed only after the commit.
        worker: the name of the caller.
        prepared: the plan that was made before the transaction, or None.
        subject: the kind and id of what the call changed, or None while it has changed nothing.
        tokens: the claim tokens that the session remembers after the commit, by task; None forgets one.
        finished: the tasks that the call completed or failed.
        recalled: the tasks whose token came from the session.
        batons: the batons that the call shows, by pipeline.
    """

    libraries: Libraries
    session: Session
    worker: str
    prepared: PreparedPlan | None = None
    subject: str | None = None
    tokens: dict[int, str | None] = attrs.field(factory=dict)
    finished: set[int] = attrs.field(factory=set)
    recalled: set[int] = attrs.field(factory=set)
    batons: dict[int, str] = attrs.field(factory=dict)

    def had_effect(self, kind: str, subject_id: object) -> None:
        """Note that the call changed something, for the journal."""
        self.subject = f"{kind} {subject_id}"

    def token_of(self, task_id: int | None, given: str | None = None) -> str | None:
        """Return the claim token of a task: the given one, else the one that the session was handed."""
        if given is not None or task_id is None:
            return given
        token = self.session.tokens.get(task_id)
        if token is not None:
            self.recalled.add(task_id)
        return token

    def remember(self, task_id: int, claim_token: str | None) -> None:
        """Let the session remember a claim token, or forget it, after the commit."""
        self.tokens[task_id] = claim_token

    def forget_if_recalled(self, task_id: object) -> None:
        """Let the session forget a token that it supplied and whose claim has ended."""
        if isinstance(task_id, int) and task_id in self.recalled:
            self.remember(task_id, None)

    def finish(self, task_id: int) -> None:
        """Let the session remember that it ended its claim by completing or failing the task."""
        self.finished.add(task_id)

    def show_baton(self, pipeline_id: int, baton_id: str) -> None:
        """Let the session remember the baton of a pipeline that it was shown last."""
        self.batons[pipeline_id] = baton_id

    def refused_as_stale(self) -> None:
        """Forget the tokens that the session supplied and that turned out to be stale."""
        for task_id in self.recalled:
            self._forget(task_id)

    def committed(self) -> None:
        """Apply to the session what the call learned."""
        for task_id, token in self.tokens.items():
            self._forget(task_id)
            if token is not None:
                self.session.tokens[task_id] = token
        self.session.finished |= self.finished
        self.session.batons.update(self.batons)

    def _forget(self, task_id: int) -> None:
        self.session.tokens.pop(task_id, None)
        self.session.finished.discard(task_id)
