"""The claims of one runner: taken, renewed, released."""

import contextlib
import logging
from collections.abc import Callable

from ..._batons import Baton, BatonReading
from ..._relays import Relays
from ..._work.prompt import HandingOver
from ...bounds import WaitingFor
from ...errors import BatonClaimed, IllegalTransition, StaleBaton
from .relay_access import RelayAccess
from .work import Superseded

_log = logging.getLogger(__name__)


class Claims:
    """The claims of one runner on batons.

    Args:
        access: the relays.
        worker: the name under which it claims.
        holder: the process that claims, or None.
        lease_seconds: the lease of a claim.
        clock: returns the time in seconds since 1970.
    """

    def __init__(
        self,
        access: RelayAccess,
        *,
        worker: str,
        holder: str | None,
        lease_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self.worker = worker
        self._access = access
        self._holder = holder
        self._lease_seconds = lease_seconds
        self._clock = clock

    async def claim(self, pipeline_id: int) -> BatonReading:
        """Claim the baton of a pipeline, or say what it waits for.

        Raises:
            PipelineNotFound: there is no such pipeline.
            BatonClaimed: another runner holds it.
        """
        return await self._access.write(
            lambda relays: self.claim_within(relays, pipeline_id), named="get_relay_baton", pipeline_id=pipeline_id
        )

    async def retry(self, pipeline_id: int) -> BatonReading:
        """Issue another attempt of the current step, unless somebody else did, and claim it."""

        def retry(relays: Relays) -> BatonReading:
            reading = relays.baton(pipeline_id)
            if reading.waiting_for is WaitingFor.RETRY:
                relays.retry(pipeline_id, reading.current_step)
            return self.claim_within(relays, pipeline_id)

        return await self._access.write(retry, named="retry_relay_step", pipeline_id=pipeline_id)

    def claim_within(self, relays: Relays, pipeline_id: int) -> BatonReading:
        """Claim a baton as a part of a larger transaction."""
        return relays.baton(
            pipeline_id,
            claim=True,
            lease_seconds=self._lease_seconds,
            worker=self.worker,
            holder=self._holder,
            handing_over=HandingOver.RESULT,
        )

    async def renew_due(self, baton: Baton) -> None:
        """Renew a claim if that is due by the wall clock, which may have been set meanwhile.

        If the reading does not say who holds the baton, as in a paused pipeline, renew it in any case: that says it.

        Raises:
            Superseded: this runner no longer holds it.
        """
        reading = await self._access.read(lambda relays: relays.baton(baton.pipeline_id))
        is_live = reading.baton is not None and reading.baton.baton_id == baton.baton_id
        if is_live and reading.claim is not None and reading.claim.worker == self.worker:
            left = reading.claim.expires_at / 1000 - self._clock()
            if 2 / 3 * self._lease_seconds < left <= self._lease_seconds:
                return
        try:
            await self._access.write(
                lambda relays: relays.renew(baton.pipeline_id, baton.baton_id, self.worker),
                named=None,
                pipeline_id=baton.pipeline_id,
            )
        except (BatonClaimed, StaleBaton, IllegalTransition) as error:
            raise Superseded(str(error)) from error

    async def release(self, baton: Baton) -> None:
        """Release a baton that nobody works on any more, and its permit. A settled one stays settled."""

        def release(relays: Relays) -> None:
            with contextlib.suppress(BatonClaimed, StaleBaton):
                relays.release(baton.pipeline_id, baton.baton_id, self.worker)

        try:
            await self._access.write(release, named="release_relay_baton", pipeline_id=baton.pipeline_id)
        except Exception:  # the claim ends with this process anyway, at the cost of an attempt
            _log.exception("baton %s was not released", baton.baton_id)
