"""Claims on batons: taken with a lease, renewed, released, or lost with the process that held them.

    ready      The baton is issued; any worker may claim it.
    claimed    A worker holds it. The claim is live while its lease runs and its process is not known to be gone; then
               no other worker can claim the baton, or hand it on without its baton_id.
    lost       A claim was found dead by the next claim: its attempt counts as lost, and the step is tried again under
               a new baton, unless its tries or its tokens are used up.

A renewal extends a claim even after its lease has ended, as long as nobody took the baton. A release costs no attempt.

Example: ann claims step 2 with a lease of 900 seconds, and her process is killed. bob asks for the baton: ann's attempt
is settled as lost, a new baton is issued for step 2, and bob gets that one.
"""

from collections.abc import Callable

import attrs

from .._batons import Claim
from .._records.records import Records
from .._rules import decisions as _decisions
from .._rules.routing import Blocked
from .._rules.situation import Attempt, AttemptState, Hold, Situation
from ..bounds import DEFAULT_LEASE_SECONDS, RelayStatus
from ..errors import BatonClaimed, IllegalTransition, StaleBaton
from .issuing import Issuing

_DEFAULT_LEASE_MS = DEFAULT_LEASE_SECONDS * 1000


@attrs.frozen(kw_only=True)
class Claiming:
    """The result of asking for a baton: whether anything was written, and the refusal, if any."""

    changed: bool
    blocked: Blocked | None = None


class Claims:
    """The claims on the batons of one database.

    Args:
        records: the tables.
        issuing: issues the attempt after a lost one.
        is_alive: tells whether the process behind a holder is alive; None if that is not known.
    """

    def __init__(self, records: Records, issuing: Issuing, is_alive: Callable[[str], bool | None]) -> None:
        self.records = records
        self.issuing = issuing
        self.is_alive = is_alive

    def is_live(self, attempt: Attempt, now: int) -> bool:
        """Tell whether a claim keeps others from the baton: its lease runs, and its process is not known to be gone."""
        hold = attempt.hold
        if attempt.state is not AttemptState.CLAIMED or hold is None or now >= hold.expires_at:
            return False
        return hold.holder is None or self.is_alive(hold.holder) is not False

    def refuse_others(self, attempt: Attempt, worker: str | None, now: int) -> None:
        """Refuse a worker who is not the holder of a live claim.

        Raises:
            BatonClaimed: somebody else holds it.
        """
        if attempt.hold is not None and attempt.hold.worker != worker and self.is_live(attempt, now):
            raise _claimed(attempt, attempt.hold)

    def claim(
        self, situation: Situation, worker: str, holder: str | None, lease_seconds: float | None, now: int
    ) -> Claiming:
        """Give the live baton to a worker, or renew its claim; a dead claim becomes a lost attempt first.

        Raises:
            BatonClaimed: somebody else holds it.
        """
        live = situation.live
        if live is None or _decisions.waiting_for(situation) is not None:
            return Claiming(changed=False)
        lost = False
        if live.hold is not None:
            if self.is_live(live, now):
                _require_holder(live, live.hold, worker, holder)
                self._renew(live, live.hold, holder, lease_seconds, now)
                return Claiming(changed=True)
            replacement = self._replace_lost(situation, live, now)
            if replacement is None:
                return Claiming(changed=True)
            live, lost = replacement, True
        pipeline = situation.pipeline
        admitted = self.issuing.admit(pipeline, situation.current, live, worker, holder)
        if isinstance(admitted, Blocked):
            return Claiming(changed=lost, blocked=admitted)
        lease_ms = _milliseconds(lease_seconds, _DEFAULT_LEASE_MS)
        hold = Hold(
            worker=worker,
            holder=holder,
            permit_id=admitted.permit_id,
            claimed_at=now,
            lease_ms=lease_ms,
            expires_at=now + lease_ms,
        )
        agent, reason = admitted.agent, admitted.reason
        self.records.attempts.hold(
            attrs.evolve(live, state=AttemptState.CLAIMED, agent_assigned=agent, route_reason=reason, hold=hold)
        )
        if pipeline.status is RelayStatus.PENDING:
            started = attrs.evolve(pipeline, status=RelayStatus.IN_PROGRESS, updated_at=now)
            self.records.pipelines.write(pipeline, started)
        return Claiming(changed=True)

    def renew(self, situation: Situation, baton_id: str, worker: str, lease_seconds: float | None, now: int) -> Claim:
        """Extend the claim of a worker, even after its lease has ended, unless somebody else took the baton.

        Raises:
            BatonClaimed: somebody else holds it.
            IllegalTransition: nobody holds it.
            StaleBaton: the attempt was settled.
        """
        live = self._held(situation, baton_id, worker)
        if live.hold is None:
            raise IllegalTransition(
                live.pipeline_id,
                situation.pipeline.status,
                f"baton {baton_id} is not claimed",
                f"claim it with get_relay_baton(pipeline_id={live.pipeline_id}, claim=true)",
            )
        return self._renew(live, live.hold, None, lease_seconds, now)

    def release(self, situation: Situation, baton_id: str, worker: str) -> bool:
        """Release a claim, which costs no attempt, and tell whether there was one.

        Raises:
            BatonClaimed: somebody else holds it.
            StaleBaton: the attempt was settled.
        """
        live = self._held(situation, baton_id, worker)
        if live.hold is None:
            return False
        self._release(live)
        return True

    def renewal_due_at(self, holder: str) -> int | None:
        """Return when the first claim of a process has used a third of its lease, or None if it holds no claim."""
        holds = [attempt.hold for attempt in self.records.attempts.held_by(holder)]
        return min((hold.renewal_due_at for hold in holds if hold is not None), default=None)

    def renew_due(self, holder: str, now: int) -> None:
        """Renew the claims of a process that have used a third of their lease."""
        for attempt in self.records.attempts.held_by(holder):
            if attempt.hold is not None and attempt.hold.renewal_due_at <= now:
                self._renew(attempt, attempt.hold, None, None, now)

    def detach(self, holder: str) -> tuple[str, ...]:
        """Release every claim of a process, and return the ids of the batons."""
        held = self.records.attempts.held_by(holder)
        for attempt in held:
            self._release(attempt)
        return tuple(attempt.baton_id for attempt in held)

    def _held(self, situation: Situation, baton_id: str, worker: str) -> Attempt:
        """Return the live attempt of a baton, unless somebody else holds it."""
        live = situation.live
        pipeline_id = situation.pipeline.id
        if live is None or live.baton_id != baton_id:
            settled = self.records.settled(pipeline_id, baton_id)
            raise StaleBaton(pipeline_id, baton_id, f"is settled: {settled.state}")
        if live.hold is not None and live.hold.worker != worker:
            raise _claimed(live, live.hold)
        return live

    def _renew(self, live: Attempt, hold: Hold, holder: str | None, lease_seconds: float | None, now: int) -> Claim:
        lease_ms = _milliseconds(lease_seconds, hold.lease_ms)
        renewed = attrs.evolve(hold, holder=holder or hold.holder, lease_ms=lease_ms, expires_at=now + lease_ms)
        self.records.attempts.hold(attrs.evolve(live, hold=renewed))
        return Claim(worker=renewed.worker, expires_at=renewed.expires_at, live=True)

    def _release(self, live: Attempt) -> None:
        self.issuing.release_permit(live)
        self.records.attempts.hold(attrs.evolve(live, state=AttemptState.READY, agent_assigned=None, hold=None))

    def _replace_lost(self, situation: Situation, live: Attempt, now: int) -> Attempt | None:
        """Settle a lost attempt and issue the next; fail the pipeline and return None if none may follow."""
        pipeline, step = situation.pipeline, situation.current
        self.issuing.give_up(live, AttemptState.LOST, now)
        tries = self.records.attempts.tries(pipeline.id, step.index)
        reason = _decisions.why_none_may_follow(pipeline, step, tries)
        if reason is None:
            return self.issuing.issue_again(pipeline, step, tries, now)
        failed = attrs.evolve(pipeline, status=RelayStatus.FAILED, reason=reason, updated_at=now)
        self.records.pipelines.write(pipeline, failed)
        return None


def _require_holder(attempt: Attempt, hold: Hold, worker: str, holder: str | None) -> None:
    """Refuse another worker, and another process of the same worker's name."""
    same_process = holder is None or hold.holder is None or hold.holder == holder
    if hold.worker != worker or not same_process:
        raise _claimed(attempt, hold)


def _claimed(attempt: Attempt, hold: Hold) -> BatonClaimed:
    return BatonClaimed(attempt.pipeline_id, attempt.baton_id, hold.worker, hold.expires_at)


def _milliseconds(seconds: float | None, default: int) -> int:
    return default if seconds is None else round(seconds * 1000)
