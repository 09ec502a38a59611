"""The relay's interface to circuit breakers: they admit agents, and are told the results."""

from enum import StrEnum
from typing import Protocol

import attrs


class Result(StrEnum):
    """The result of an agent's work, in the words of a circuit breaker."""

    SUCCESS = "success"
    RELEASE = "release"
    TIMEOUT = "timeout"
    EXCEPTION = "exception"
    QUALITY_FAILURE = "quality_failure"
    RESOURCE_EXHAUSTED = "resource_exhausted"
    RATE_LIMITED = "rate_limited"
    INVALID_OUTPUT = "invalid_output"


@attrs.frozen(kw_only=True)
class Admission:
    """The agent may be given work.

    Attributes:
        permit_id: the permit that the outcome settles, or None if nothing needs settling.
    """

    permit_id: str | None = None


@attrs.frozen(kw_only=True)
class Refusal:
    """The agent must not be given work now.

    Attributes:
        retry_after_seconds: the time until it is worth asking again; None means not before somebody intervenes.
        fallback_agent: an agent that admits in its place, or None.
    """

    retry_after_seconds: float | None = None
    fallback_agent: str | None = None


class Guard(Protocol):
    """Circuit breakers, as far as a relay needs them.

    Every method but `advice` is called inside the transaction of the relay: a guard that writes must do so on the same
    connection, so that both commit or neither does.
    """

    def admit(self, agent: str, *, worker: str, holder: str | None) -> Admission | Refusal:
        """Take a permit for an agent, or say why not.

        Args:
            agent: the agent that is to be given work.
            worker: the worker that is about to claim the baton.
            holder: the process that will hold the permit, opaque, or None.
        """
        ...

    def advice(self, agent: str) -> Admission | Refusal:
        """Tell whether an agent would be admitted, writing nothing and taking no permit."""
        ...

    def settle(
        self,
        agent: str,
        permit_id: str | None,
        result: Result,
        *,
        error: str = "",
        retry_after_seconds: float | None = None,
    ) -> None:
        """Record the result of an agent's work; a permit that is no longer known must not raise.

        Args:
            agent: the agent that did the work.
            permit_id: the permit from `admit`, or None for work that was done without one.
            result: success, release (neither success nor failure), or a type of failure.
            error: the fault.
            retry_after_seconds: with rate_limited, when the agent may be asked again.
        """
        ...


@attrs.frozen
class Unguarded:
    """A guard that admits every agent and records nothing."""

    def admit(self, agent: str, *, worker: str, holder: str | None) -> Admission | Refusal:  # noqa: ARG002 - protocol
        """Admit the agent."""
        return _ADMITTED

    def advice(self, agent: str) -> Admission | Refusal:  # noqa: ARG002 - protocol
        """Say that the agent would be admitted."""
        return _ADMITTED

    def settle(
        self,
        agent: str,
        permit_id: str | None,
        result: Result,
        *,
        error: str = "",
        retry_after_seconds: float | None = None,
    ) -> None:
        """Record nothing."""


_ADMITTED = Admission()
