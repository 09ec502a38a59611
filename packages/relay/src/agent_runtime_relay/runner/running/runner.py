"""The runner: it carries a pipeline to its end, through failures and crashes.

A run goes through these states:

1. Configure: write the crew's thresholds and fallbacks into the pipeline.
2. Recover: hand in the results that a run that died left in the folder.
3. Step, again and again: claim the baton, run the agent while the claim is kept alive, write its result to the folder,
   run the checks, hand the result in, and claim the next baton in the same transaction.
4. Wait, between steps: before a retry, or until a breaker admits an agent.
5. End: nothing is left to do, or only somebody else can let the pipeline go on.

Invariants:

- The database holds the whole state of the pipeline. A run may die at any moment, and another goes on from there.
- A result is in the folder before it is handed in, so a crash loses no finished work.
- A run that is cancelled stops its agent and releases its baton.

Example: a runner dies after the agent of step 2 wrote its result. The next run finds the file, hands it in for the same
baton, and goes on with step 3; the agent of step 2 does not run again.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

from ..._batons import Baton, BatonReading
from ..._model import Relay
from ..._relays import Relays
from ..._work.prompt import HandingOver
from ...bounds import RelayStatus, WaitingFor
from ..assignment import Assignment
from ..results.agents import Agent, run_agent
from ..results.result import AgentFailed
from .backoff import Backoff
from .claims import Claims
from .crew import Crew, NoAgent, crew_of
from .events import AttemptFailed, Event, RunEnded, RunStarted, StepStarted, Waiting
from .folder import Folder, default_folder
from .relay_access import RelayAccess, access_to
from .settling import Settled, Settling, Step
from .work import Superseded, attended, examine

LEASE_SECONDS = 60.0
LOOK_EVERY = 2.0
_ASK_AGAIN = (0.1, 5.0)  # seconds between two questions to a breaker: somebody may reset it early
_BACKOFF = Backoff()


class Runner:
    """A runner of pipelines with real agents. It runs each to its end, or until it can't go on.

    Args:
        relays: the pipelines: a `Relays`, or a `RelayAccess` to one.
        agents: one agent for all steps, agents by name, or a `Crew`.
        worker: the name under which it claims batons. Without a holder, no two runners may have the same name.
        holder: the process that claims, as the relays' `is_alive` knows it. Without one, the claim of a run that died
            ends only with its lease.
        folder: the folder for the input and the results of agents; by default one of this user's in the folder for
            temporary files.
        lease_seconds: the lease of a claim, 10 to 86,400: a runner of which nothing else is known keeps it so long.
        backoff: the pause before a retry.
        look_every: seconds between two looks at the claim, and at changes of the pipeline by others.
        sleep: waits for a number of seconds.
        clock: returns the time in seconds since 1970.
    """

    def __init__(
        self,
        relays: RelayAccess | Relays,
        agents: Crew | Mapping[str, Agent] | Agent,
        *,
        worker: str,
        holder: str | None = None,
        folder: Folder | Path | None = None,
        lease_seconds: float = LEASE_SECONDS,
        backoff: Backoff = _BACKOFF,
        look_every: float = LOOK_EVERY,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.access = access_to(relays)
        self.crew = crew_of(agents)
        self.worker = worker
        self.holder = holder
        self.folder = _folder_of(default_folder() if folder is None else folder)
        self.lease_seconds = lease_seconds
        self.backoff = backoff
        self.look_every = look_every
        self.sleep = sleep
        self.clock = clock
        self._claims = Claims(self.access, worker=worker, holder=holder, lease_seconds=lease_seconds, clock=clock)
        self._settling = Settling(self.access, self._claims, self.folder, clock)

    async def run(self, pipeline_id: int) -> AsyncGenerator[Event, None]:
        """Run a pipeline and yield its events.

        When this is cancelled or closed, it stops the agent and releases its baton and its permit.

        Args:
            pipeline_id: the number of the pipeline.

        Yields:
            `RunStarted`, then the events of each step, then `RunEnded`.

        Raises:
            PipelineNotFound: there is no such pipeline.
            BatonClaimed: another runner works on it.
            NoAgent: there is no agent for a step.
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
        """Write the crew's thresholds and fallbacks into the pipeline, and return it."""
        crew = self.crew

        def configure(relays: Relays) -> None:
            claim = relays.baton(pipeline_id).claim
            if claim is None or not claim.live:  # else another runner works, with its own configuration
                relays.configure(pipeline_id, quality_thresholds=crew.thresholds, fallback_agents=crew.fallbacks)

        if crew.thresholds or crew.fallbacks:
            await self.access.write(configure, named="configure_relay", pipeline_id=pipeline_id)
        return await self.access.read(lambda relays: relays.status(pipeline_id))

    async def _recover(self, relay: Relay) -> AsyncGenerator[Event, None]:
        """Hand in the results that a run that died left: for the live baton as its result, for others as orphans."""
        baton_ids = self.folder.batons(relay.pipeline_id)
        if not baton_ids:
            return
        reading, left = await self.access.read(
            lambda relays: (
                relays.baton(relay.pipeline_id, handing_over=HandingOver.RESULT),
                # other databases may use the same folder
                [baton_id for baton_id in baton_ids if relays.has_issued(baton_id)],
            )
        )
        if reading.claim is not None and reading.claim.live:
            return  # its holder works in that folder
        for baton_id in left:
            result = self.folder.kept(baton_id)
            if result is not None and reading.baton is not None and reading.baton.baton_id == baton_id:
                yield self._step_started(reading.baton, recovered=True)
                step = await self._step(reading, reading.baton)
                done = await examine(step.assignment, result, self.crew)
                yield (await self._settling.hand_in(step, done, and_claim=False)).event
            elif result is not None:
                await self._settling.hand_in_late(relay.pipeline_id, baton_id, result)
            if reading.waiting_for is not WaitingFor.RESUME:
                self.folder.forget(baton_id)

    async def _steps(self, relay: Relay) -> AsyncGenerator[Event, None]:
        """Work on the batons of a pipeline until it has none that can be claimed."""
        reading = await self._claims.claim(relay.pipeline_id)
        failures, pause = 0, 0.0
        announced = None
        try:
            while True:
                if reading.baton is not None:
                    yield self._step_started(reading.baton)
                    settled = await self._carry_out(reading, reading.baton)
                    failures = failures + 1 if isinstance(settled.event, AttemptFailed) else 0
                    pause = settled.retry_after_seconds
                    reading = settled.following or attrs.evolve(reading, baton=None)
                    yield settled.event
                    if settled.following is None:
                        reading = await self._claims.claim(relay.pipeline_id)
                    continue
                wait = self._wait(reading, failures, pause)
                if wait is None:
                    return
                waited_for = (reading.current_step, reading.waiting_for)
                if wait and announced != waited_for:
                    announced = waited_for
                    yield self._event(
                        Waiting,
                        relay,
                        step_index=reading.current_step,
                        waiting_for=reading.waiting_for,
                        seconds=round(wait, 3),
                    )
                if reading.waiting_for is WaitingFor.RETRY:
                    await self.sleep(wait)
                    reading = await self._claims.retry(relay.pipeline_id)
                    announced = None
                else:
                    await self.sleep(min(max(wait, _ASK_AGAIN[0]), _ASK_AGAIN[1]))
                    reading = await self._claims.claim(relay.pipeline_id)
        finally:
            if reading.baton is not None:
                await asyncio.shield(asyncio.ensure_future(self._claims.release(reading.baton)))

    def _wait(self, reading: BatonReading, failures: int, pause: float) -> float | None:
        """Return the seconds to wait for a baton, or None if waiting does not help."""
        match reading.waiting_for:
            case WaitingFor.RETRY:
                return max(self.backoff.seconds(failures), pause)
            case WaitingFor.BREAKER:
                return reading.retry_after_seconds
        return None

    async def _carry_out(self, reading: BatonReading, baton: Baton) -> Settled:
        """Run the agent of a step and settle the step."""
        step = await self._step(reading, baton)

        async def keep_alive() -> None:
            await self._claims.renew_due(baton)

        try:
            result = await attended(run_agent(step.post.agent, step.assignment), keep_alive, self.look_every)
            self.folder.keep(baton.baton_id, result)
            done = await attended(examine(step.assignment, result, self.crew), keep_alive, self.look_every)
        except AgentFailed as failure:
            return await self._settling.fail(step, failure)
        except Superseded as superseded:
            return await self._settling.come_late(step, str(superseded))
        return await self._settling.hand_in(step, done, and_claim=True)

    async def _step(self, reading: BatonReading, baton: Baton) -> Step:
        """Prepare the assignment for a baton.

        Raises:
            NoAgent: there is no agent for it.
        """
        post = self.crew.post(baton.agent_assigned)
        if post is None:
            raise NoAgent(baton.agent_assigned)
        output_id, whole_input = baton.input_output_id, ""
        if output_id is not None:
            whole_input = await self.access.read(lambda relays: relays.full_output(baton.pipeline_id, output_id))
        assignment = Assignment(
            baton=baton,
            prompt=reading.prompt or "",
            input=whole_input,
            time_limit=post.time_limit,
            folder=self.folder.path,
        )
        return Step(assignment=assignment, post=post)

    async def _ended(self, before: Relay) -> Event:
        relay, reading = await self.access.read(
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


def _folder_of(folder: Folder | Path) -> Folder:
    return folder if isinstance(folder, Folder) else Folder(folder)
