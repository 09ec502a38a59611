"""The batons that a runner holds: claimed, kept, given back."""

import contextlib
import logging
from collections.abc import Callable

import attrs

from ..._batons import Baton, BatonReading
from ..._relays import Relays
from ..._work.prompt import HandingOver
from ...bounds import WaitingFor
from ...errors import BatonClaimed, IllegalTransition, StaleBaton
from .desk import Desk
from .work import Superseded

_log = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class Holding:
    """Claims batons for one runner.

    Args:
        desk: the relays.
        worker: who claims.
        holder: the process that claims, or None.
        lease_seconds: of a claim.
        clock: returns the time in seconds since 1970.
    """

    desk: Desk
    worker: str
    holder: str | None
    lease_seconds: float
    clock: Callable[[], float]

    async def claim(self, pipeline_id: int) -> BatonReading:
        """Claim the baton of a pipeline, or learn what it waits for.

        Raises:
            PipelineNotFound: there is no such pipeline.
            BatonClaimed: another runner holds it.
        """
        return await self.desk.write(
            lambda relays: self.claimed(relays, pipeline_id), named="get_relay_baton", pipeline_id=pipeline_id
        )

    async def retry(self, pipeline_id: int) -> BatonReading:
        """Issue another attempt of the current step, unless somebody else did, and claim it."""

        def retry(relays: Relays) -> BatonReading:
            reading = relays.baton(pipeline_id)
            if reading.waiting_for is WaitingFor.RETRY:
                relays.retry(pipeline_id, reading.current_step)
            return self.claimed(relays, pipeline_id)

        return await self.desk.write(retry, named="retry_relay_step", pipeline_id=pipeline_id)

    def claimed(self, relays: Relays, pipeline_id: int) -> BatonReading:
        """Claim a baton as a part of a larger transaction."""
        return relays.baton(
            pipeline_id,
            claim=True,
            lease_seconds=self.lease_seconds,
            worker=self.worker,
            holder=self.holder,
            handing_over=HandingOver.RESULT,
        )

    async def keep(self, baton: Baton) -> None:
        """Renew a claim that is due, by the clock on the wall: it may have been set meanwhile.

        Wherever the reading alone can't tell whose the baton is, as of a paused pipeline, renewing it tells.

        Raises:
            Superseded: it is not this runner's any more.
        """
        reading = await self.desk.read(lambda relays: relays.baton(baton.pipeline_id))
        is_live = reading.baton is not None and reading.baton.baton_id == baton.baton_id
        if is_live and reading.claim is not None and reading.claim.worker == self.worker:
            left = reading.claim.expires_at / 1000 - self.clock()
            if 2 / 3 * self.lease_seconds < left <= self.lease_seconds:
                return
        try:
            await self.desk.write(
                lambda relays: relays.renew(baton.pipeline_id, baton.baton_id, self.worker),
                named=None,
                pipeline_id=baton.pipeline_id,
            )
        except (BatonClaimed, StaleBaton, IllegalTransition) as error:
            raise Superseded(str(error)) from error

    async def give_back(self, baton: Baton) -> None:
        """Give a baton back that nobody works on any more, and its permit with it; a settled one stays settled."""

        def release(relays: Relays) -> None:
            with contextlib.suppress(BatonClaimed, StaleBaton):
                relays.release(baton.pipeline_id, baton.baton_id, self.worker)

        try:
            await self.desk.write(release, named="release_relay_baton", pipeline_id=baton.pipeline_id)
        except Exception:  # the claim ends with this process all the same, at the cost of an attempt
            _log.exception("baton %s was not given back", baton.baton_id)
