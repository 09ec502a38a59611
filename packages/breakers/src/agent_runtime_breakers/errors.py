"""The errors of this library. Each belongs to a family of the standard library and carries its ids."""

from agent_runtime_kernel.errors import AgentRuntimeError, InvalidValue
from agent_runtime_kernel.errors import SchemaTooNew as KernelSchemaTooNew

__all__ = [
    "BreakerError",
    "BreakerOpen",
    "InvalidValue",
    "PermitNotFound",
    "PermitSettled",
    "SchemaTooNew",
]


class BreakerError(AgentRuntimeError):
    """The base of this library's errors about the state of breakers and permits."""


class PermitNotFound(BreakerError, LookupError):
    """The agent has no permit of this id: it was never granted, or its record was pruned after seven days."""

    code = "not_found"

    def __init__(self, agent_id: str, permit_id: str) -> None:
        super().__init__(
            f"permit {permit_id} of agent {agent_id} does not exist",
            "take the permit_id that circuit_breaker_acquire answered, or report the outcome without one",
        )
        self.agent_id = agent_id
        self.permit_id = permit_id


class PermitSettled(BreakerError, RuntimeError):
    """The permit was settled before in another way; the first settlement stands.

    Attributes:
        settled_as: success, release, or the type of failure that stands.
    """

    code = "conflict"

    def __init__(self, agent_id: str, permit_id: str, settled_as: str, attempted: str) -> None:
        super().__init__(
            f"permit {permit_id} of agent {agent_id} was settled as {settled_as} and can't become {attempted}",
            "take another permit with circuit_breaker_acquire for the next call of the agent",
        )
        self.agent_id = agent_id
        self.permit_id = permit_id
        self.settled_as = settled_as


class BreakerOpen(BreakerError, RuntimeError):
    """A guarded call was not made, as the agent admits no work now.

    Attributes:
        agent_id: the agent.
        reason: open, probe_in_flight, throttled or forced_open.
        retry_after: the seconds until it is worth asking again; None means not before a reset.
        fallback_agent: an agent that would admit the work in its place, or None.
    """

    code = "conflict"

    def __init__(self, agent_id: str, reason: str, retry_after: float | None, fallback_agent: str | None) -> None:
        when = "not before it is reset" if retry_after is None else f"ask again in {retry_after:g} s"
        instead = "" if fallback_agent is None else f", or give the work to {fallback_agent}"
        super().__init__(f"agent {agent_id} admits no work: {reason}", f"{when}{instead}")
        self.agent_id = agent_id
        self.reason = reason
        self.retry_after = retry_after
        self.fallback_agent = fallback_agent


class SchemaTooNew(BreakerError, KernelSchemaTooNew):
    """A newer version of the library wrote this database; the database is not touched."""
