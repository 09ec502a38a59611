"""What an operation is given when it runs: the libraries, who calls, and what the session remembers."""

from typing import TYPE_CHECKING

import attrs

from ..runtime.libraries import Libraries

if TYPE_CHECKING:
    from agent_runtime_tasks import Plan


@attrs.define(kw_only=True, eq=False, repr=False)
class Session:
    """One client's session, or one command.

    Attributes:
        worker: who works in it, unless a call names another.
        holder: the process behind its claims; None where that ends at once, as on the command line.
        tokens: the claim tokens that were handed out in it, by task.
        finished: the tasks among them that it completed or failed itself.
        batons: the last baton that was shown in it, by pipeline.
    """

    worker: str
    holder: str | None
    tokens: dict[int, str] = attrs.field(factory=dict)
    finished: set[int] = attrs.field(factory=set)
    batons: dict[int, str] = attrs.field(factory=dict)

    @property
    def holds_claims(self) -> bool:
        """Whether the session may hold claims, on tasks or on batons."""
        return bool(self.tokens or self.batons)


@attrs.frozen(kw_only=True)
class PreparedPlan:
    """A plan that a planner made.

    Attributes:
        plan: the tasks.
        planner: who planned: command, or text.
        fallback_reason: why the configured planner command did not, or None.
        started: when planning began, by the performance counter.
    """

    plan: "Plan"
    planner: str
    fallback_reason: str | None
    started: float


@attrs.define(kw_only=True, eq=False, repr=False)
class Call:
    """One call of an operation, inside its transaction or snapshot.

    Attributes:
        libraries: what the operation works on.
        session: what the session remembers; changed only once the call is committed.
        worker: who calls.
        prepared: the plan that was made before the transaction, or None.
        subject: what an effect was on; None as long as there was none.
        tokens: what the session is to remember of claims once the call is committed; None forgets.
        finished: the tasks that the call completed or failed.
        recalled: the tasks whose token the session supplied.
        batons: the batons that this call shows, by pipeline.
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
        """Say that the call changed something, which the journal then records."""
        self.subject = f"{kind} {subject_id}"

    def token_of(self, task_id: int | None, given: str | None = None) -> str | None:
        """Return the claim token of a task: the one given, else the one that the session was handed."""
        if given is not None or task_id is None:
            return given
        token = self.session.tokens.get(task_id)
        if token is not None:
            self.recalled.add(task_id)
        return token

    def remember(self, task_id: int, claim_token: str | None) -> None:
        """Have the session remember, or forget, a claim token."""
        self.tokens[task_id] = claim_token

    def forget_if_recalled(self, task_id: object) -> None:
        """Have the session forget a token that it supplied and that ended a claim."""
        if isinstance(task_id, int) and task_id in self.recalled:
            self.remember(task_id, None)

    def finish(self, task_id: int) -> None:
        """Have the session remember that it ended its claim by completing or failing the task."""
        self.finished.add(task_id)

    def show_baton(self, pipeline_id: int, baton_id: str) -> None:
        """Have the session remember which baton of a pipeline it was shown last."""
        self.batons[pipeline_id] = baton_id

    def refused_as_stale(self) -> None:
        """Let the session forget the tokens that it supplied and that turned out to be stale."""
        for task_id in self.recalled:
            self._forget(task_id)

    def committed(self) -> None:
        """Let the session remember what this call learned."""
        for task_id, token in self.tokens.items():
            self._forget(task_id)
            if token is not None:
                self.session.tokens[task_id] = token
        self.session.finished |= self.finished
        self.session.batons.update(self.batons)

    def _forget(self, task_id: int) -> None:
        self.session.tokens.pop(task_id, None)
        self.session.finished.discard(task_id)
