"""Carries a pipeline to its end: claims its batons, runs its agents, hands in what they answer, and resumes."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs

from ..._batons import Baton, BatonReading
from ..._model import Relay
from ..._relays import Relays
from ..._work.prompt import HandingOver
from ...bounds import RelayStatus, WaitingFor
from ..programs.agents import Assignment, within
from ..results.results import AgentFailed
from .backoff import Backoff
from .crew import Crew, NoAgent, crew_of
from .desk import Desk, desk_of
from .events import AttemptFailed, Event, RunEnded, RunStarted, StepStarted, Waiting
from .folder import Folder, default_folder
from .holding import Holding
from .settling import Settled, Settling, Step
from .work import Superseded, attended, examined

LEASE_SECONDS = 60.0
LOOK_EVERY = 2.0
_ASK_AGAIN = (0.1, 5.0)  # seconds between two questions whether a breaker admits: somebody may reset it early


def _folder_of(folder: Folder | Path) -> Folder:
    return folder if isinstance(folder, Folder) else Folder(folder)


@attrs.define(eq=False)
class Runner:
    """Runs pipelines with real agents, each to its end or until it can't go on.

    Whatever happens to the runner, all truth is in the database: another run goes on where it says. A result that was
    handed in but not settled is found in the folder and settled first.

    Args:
        relays: the pipelines: a `Relays`, or a `Desk` that gives access to one.
        agents: one agent for all steps, agents by name, or a `Crew`.
        worker: who claims the batons; without a holder, no two runners may go by one name.
        holder: the process that claims, as the relays' `is_alive` knows it; without one a run that died is over
            only with its lease.
        folder: where agents find their input and leave their results: a path; by default one of this user's under the
            folder for temporary files.
        lease_seconds: how long a claim outlives a runner of which nothing else is known, 10 to 86,400.
        backoff: how long to wait before a retry.
        look_every: seconds between two looks at the claim, and at what others did to the pipeline.
        sleep: waits for so many seconds.
        clock: returns the time in seconds since 1970.
    """

    desk: Desk = attrs.field(converter=desk_of, alias="relays")
    crew: Crew = attrs.field(converter=crew_of, alias="agents")
    worker: str = attrs.field(kw_only=True)
    holder: str | None = attrs.field(default=None, kw_only=True)
    folder: Folder = attrs.field(factory=lambda: Folder(default_folder()), converter=_folder_of, kw_only=True)
    lease_seconds: float = attrs.field(default=LEASE_SECONDS, kw_only=True)
    backoff: Backoff = attrs.field(factory=Backoff, kw_only=True)
    look_every: float = attrs.field(default=LOOK_EVERY, kw_only=True)
    sleep: Callable[[float], Awaitable[object]] = attrs.field(default=asyncio.sleep, kw_only=True)
    clock: Callable[[], float] = attrs.field(default=time.time, kw_only=True)
    _holding: Holding = attrs.field(init=False, repr=False)
    _settling: Settling = attrs.field(init=False, repr=False)

    @_holding.default
    def _make_holding(self) -> Holding:
        return Holding(
            desk=self.desk,
            worker=self.worker,
            holder=self.holder,
            lease_seconds=self.lease_seconds,
            clock=self.clock,
        )

    @_settling.default
    def _make_settling(self) -> Settling:
        return Settling(desk=self.desk, holding=self._holding, folder=self.folder, clock=self.clock)

    async def run(self, pipeline_id: int) -> AsyncGenerator[Event, None]:
        """Run a pipeline, and tell what happens.

        When this is cancelled or closed, the agent is stopped, its baton given back and its permit released.

        Args:
            pipeline_id: the number of the pipeline.

        Yields:
            `RunStarted`, then what becomes of each step, then `RunEnded`.

        Raises:
            PipelineNotFound: there is no such pipeline.
            BatonClaimed: another runner is at work on it.
            NoAgent: nobody is there for a step.
        """
        relay = await self._configured(pipeline_id)
        self.folder.make()
        yield self._event(
            RunStarted,
            relay,
            name=relay.name,
            current_step=relay.current_step,
            total_steps=relay.total_steps,
            status=relay.status,
        )
        for part in (self._recover, self._steps):
            async with contextlib.aclosing(part(relay)) as events:
                async for event in events:
                    yield event
        yield await self._ended(relay)

    async def _configured(self, pipeline_id: int) -> Relay:
        """Write into the pipeline what the crew's configuration says of it, and return it."""
        crew = self.crew

        def configure(relays: Relays) -> None:
            claim = relays.baton(pipeline_id).claim
            if claim is None or not claim.live:  # else another runner works by a configuration of its own
                relays.configure(pipeline_id, quality_thresholds=crew.thresholds, fallback_agents=crew.fallbacks)

        if crew.thresholds or crew.fallbacks:
            await self.desk.write(configure, named="configure_relay", pipeline_id=pipeline_id)
        return await self.desk.read(lambda relays: relays.status(pipeline_id))

    async def _recover(self, relay: Relay) -> AsyncGenerator[Event, None]:
        """Settle what a run that died left behind: with the live baton as its result, else as an orphan."""
        found = self.folder.batons(relay.pipeline_id)
        if not found:
            return
        reading, left = await self.desk.read(
            lambda relays: (
                relays.baton(relay.pipeline_id, handing_over=HandingOver.RESULT),
                [baton_id for baton_id in found if relays.has_issued(baton_id)],  # others may use the same folder
            )
        )
        if reading.claim is not None and reading.claim.live:
            return  # whoever holds it is at work in that folder
        for baton_id in left:
            result = self.folder.kept(baton_id)
            if result is not None and reading.baton is not None and reading.baton.baton_id == baton_id:
                yield self._step_started(reading.baton, recovered=True)
                step = await self._step(reading, reading.baton)
                done = await examined(step.assignment, result, self.crew)
                yield (await self._settling.hand_in(step, done, and_claim=False)).event
            elif result is not None:
                await self._settling.hand_in_late(relay.pipeline_id, baton_id, result)
            if reading.waiting_for is not WaitingFor.RESUME:
                self.folder.forget(baton_id)

    async def _steps(self, relay: Relay) -> AsyncGenerator[Event, None]:
        """Work on the batons of a pipeline until there is none to work on."""
        reading = await self._holding.claim(relay.pipeline_id)
        failures, leave_alone = 0, 0.0
        told = None
        try:
            while True:
                if reading.baton is not None:
                    yield self._step_started(reading.baton)
                    settled = await self._carry_out(reading, reading.baton)
                    failures = failures + 1 if isinstance(settled.event, AttemptFailed) else 0
                    leave_alone = settled.retry_after_seconds
                    reading = settled.following or attrs.evolve(reading, baton=None)
                    yield settled.event
                    if settled.following is None:
                        reading = await self._holding.claim(relay.pipeline_id)
                    continue
                wait = self._wait(reading, failures, leave_alone)
                if wait is None:
                    return
                waited_for = (reading.current_step, reading.waiting_for)
                if wait and told != waited_for:
                    told = waited_for
                    yield self._event(
                        Waiting,
                        relay,
                        step_index=reading.current_step,
                        waiting_for=reading.waiting_for,
                        seconds=round(wait, 3),
                    )
                if reading.waiting_for is WaitingFor.RETRY:
                    await self.sleep(wait)
                    reading = await self._holding.retry(relay.pipeline_id)
                    told = None
                else:
                    await self.sleep(min(max(wait, _ASK_AGAIN[0]), _ASK_AGAIN[1]))
                    reading = await self._holding.claim(relay.pipeline_id)
        finally:
            if reading.baton is not None:
                await asyncio.shield(asyncio.ensure_future(self._holding.give_back(reading.baton)))

    def _wait(self, reading: BatonReading, failures: int, leave_alone: float) -> float | None:
        """Return how long to wait for a baton, or None when waiting does not help."""
        match reading.waiting_for:
            case WaitingFor.RETRY:
                return max(self.backoff.seconds(failures), leave_alone)
            case WaitingFor.BREAKER:
                return reading.retry_after_seconds
        return None

    async def _carry_out(self, reading: BatonReading, baton: Baton) -> Settled:
        """Have an agent work on a step, and settle it."""
        step = await self._step(reading, baton)

        async def look_after() -> None:
            await self._holding.keep(baton)

        try:
            result = await attended(within(step.post.agent, step.assignment), look_after, self.look_every)
            self.folder.keep(baton.baton_id, result)
            done = await attended(examined(step.assignment, result, self.crew), look_after, self.look_every)
        except AgentFailed as failure:
            return await self._settling.fail(step, failure)
        except Superseded as superseded:
            return await self._settling.come_late(step, str(superseded))
        return await self._settling.hand_in(step, done, and_claim=True)

    async def _step(self, reading: BatonReading, baton: Baton) -> Step:
        """Make ready what an agent needs for a baton.

        Raises:
            NoAgent: nobody is there for it.
        """
        post = self.crew.post(baton.agent_assigned)
        if post is None:
            raise NoAgent(baton.agent_assigned)
        output_id, whole = baton.input_output_id, ""
        if output_id is not None:
            whole = await self.desk.read(lambda relays: relays.full_output(baton.pipeline_id, output_id))
        assignment = Assignment(
            baton=baton,
            prompt=reading.prompt or "",
            input=whole,
            time_limit=post.time_limit,
            folder=self.folder.path,
        )
        return Step(assignment=assignment, post=post)

    async def _ended(self, before: Relay) -> Event:
        relay, reading = await self.desk.read(
            lambda relays: (relays.status(before.pipeline_id), relays.baton(before.pipeline_id))
        )
        waiting = reading.waiting_for
        reason = relay.reason
        if waiting is WaitingFor.BREAKER:
            reason = f"no breaker admits {reading.current_agent} until somebody intervenes"
        return self._event(
            RunEnded,
            relay,
            status=relay.status,
            waiting_for=waiting or WaitingFor.NOTHING,
            reason=reason,
            resumable=relay.status not in (RelayStatus.COMPLETED, RelayStatus.CANCELLED),
            current_step=relay.current_step,
            total_steps=relay.total_steps,
            tokens_used=relay.tokens_used,
            tokens_remaining=relay.tokens_remaining,
        )

    def _step_started(self, baton: Baton, *, recovered: bool = False) -> Event:
        return StepStarted(
            pipeline_id=baton.pipeline_id,
            at=round(self.clock() * 1000),
            step_index=baton.sequence_position - 1,
            agent_type=baton.agent_type,
            agent=baton.agent_assigned,
            attempt=baton.attempt,
            baton_id=baton.baton_id,
            recovered=recovered,
        )

    def _event(self, kind: type[Event], relay: Relay, **facts: Any) -> Event:
        return kind(pipeline_id=relay.pipeline_id, at=round(self.clock() * 1000), **facts)
