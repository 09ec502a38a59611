"""The circuit breakers behind a relay's routing, inside the relay's own transaction."""

from agent_runtime_breakers import Breakers
from agent_runtime_breakers.errors import PermitNotFound, PermitSettled
from agent_runtime_relay import Admission, Refusal, Result


class BreakerGuard:
    """A guard for relays that asks the breakers.

    Args:
        breakers: the breakers, on the connection of the relays.
    """

    def __init__(self, breakers: Breakers) -> None:
        self.breakers = breakers

    def admit(self, agent: str, *, worker: str, holder: str | None) -> Admission | Refusal:
        """Take a permit for an agent, or return the reason for the refusal."""
        admission = self.breakers.acquire(agent, worker=worker, holder=holder)
        if admission.admitted:
            return Admission(permit_id=admission.permit_id)
        return Refusal(retry_after_seconds=admission.retry_after_seconds, fallback_agent=admission.fallback_agent)

    def advice(self, agent: str) -> Admission | Refusal:
        """Tell whether an agent would be admitted, without taking a permit."""
        advice = self.breakers.advice(agent)
        if advice.admitted:
            return Admission()
        return Refusal(retry_after_seconds=advice.retry_after_seconds, fallback_agent=advice.fallback_agent)

    def settle(
        self,
        agent: str,
        permit_id: str | None,
        result: Result,
        *,
        error: str = "",
        retry_after_seconds: float | None = None,
    ) -> None:
        """Record the outcome of an agent's work; a permit that was pruned or settled already is left as it is."""
        try:
            self.breakers.note(
                agent,
                permit_id,
                result.value,
                error_message=_first_4_kib(error),
                retry_after_seconds=retry_after_seconds,
            )
        except (PermitNotFound, PermitSettled):
            return


def _first_4_kib(text: str) -> str:
    return text.encode()[:4096].decode(errors="ignore")
