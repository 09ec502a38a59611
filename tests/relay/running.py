"""Runners in tests: agents that are small programs, and a clock that moves only when the runner sleeps."""

import asyncio
import itertools
from pathlib import Path

import attrs

from agent_programs import GOOD, program
from agent_runtime_relay import Relays
from agent_runtime_relay.runner import Backoff, CommandAgent, Crew, Post, RunEnded, Runner, Warden

NO_WAITING = Backoff(first=0.0, longest=0.0)


@attrs.define
class Office:
    """Relays, a folder for the agents' files, and runners whose sleeps are recorded instead of slept."""

    relays: Relays
    clock: object
    path: Path
    warden: Warden
    slept: list[float] = attrs.field(factory=list)
    _numbers: itertools.count = attrs.field(factory=itertools.count)

    @property
    def folder(self):
        return self.path / "agents"

    def program(self, body):
        """Write the program of an agent and return its argv."""
        return program(self.path / f"agent{next(self._numbers)}.py", body)

    def agent(self, body, **how):
        return CommandAgent(argv=self.program(body), warden=self.warden, **how)

    def crew(self, body, *, time_limit=60.0, checks=(), **how):
        """Return a crew in which one program does all steps."""
        return Crew(default=Post(agent=self.agent(body, **how), time_limit=time_limit, checks=checks))

    def relay(self, *agents, **settings):
        return self.relays.create("Survey", "What is known about tea?", agents, **settings).pipeline_id

    def runner(self, agents, **how):
        settings = {
            "worker": "runner",
            "folder": self.folder,
            "clock": self.clock,
            "sleep": self.sleep,
            "backoff": NO_WAITING,
            "look_every": 0.01,
        }
        settings |= {"relays": self.relays, "agents": agents} | how
        return Runner(settings.pop("relays"), settings.pop("agents"), **settings)

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.clock.advance(seconds)

    def run(self, pipeline_id, agents, **how):
        """Run a pipeline and return its events."""
        return asyncio.run(events_of(self.runner(agents, **how), pipeline_id))

    def end(self, pipeline_id, agents, **how):
        """Run a pipeline and return its last event."""
        return ended(self.run(pipeline_id, agents, **how))

    def attempts(self, pipeline_id):
        """Return all attempts as the database has them."""
        rows = self.relays.connection.execute(
            """
            SELECT step_index, attempt, state, failure_type, error, tokens_used, output_id
            FROM relay_attempts WHERE pipeline_id = :id ORDER BY step_index, attempt
            """,
            {"id": pipeline_id},
        ).fetchall()
        return [
            Tried(*row[:-1], None if row[-1] is None else self.relays.full_output(pipeline_id, row[-1])) for row in rows
        ]

    def only_attempt(self, pipeline_id):
        [attempt] = self.attempts(pipeline_id)
        return attempt

    def files(self):
        """Return the names of the files left in the folder of the agents."""
        return sorted(file.name for file in self.folder.glob("*"))


@attrs.frozen
class Tried:
    step_index: int
    attempt: int
    state: str
    failure_type: str | None
    error: str | None
    tokens_used: int
    output: str | None


async def events_of(runner, pipeline_id):
    return [event async for event in runner.run(pipeline_id)]


def ended(events):
    assert isinstance(events[-1], RunEnded)
    return events[-1]


def result(output="text", **fields):
    """Return the result of an agent in this process."""
    return {**GOOD, "output": output, **fields}
