"""A relay whose agents are async functions of this program: no processes, no server, a database in memory."""

import asyncio

import apsw

from agent_runtime_relay import Relays
from agent_runtime_relay.runner import AgentFailed, Assignment, AttemptFailed, Runner, StepCompleted

DRAFTS = {1: "tea leaf hot water", 2: "Tea is made by pouring hot water over the leaves of one plant."}


async def writer(assignment: Assignment) -> dict[str, object]:
    """Write a draft. The second attempt is told why the first was not good enough."""
    draft = DRAFTS[assignment.baton.attempt]
    quality = 0.9 if draft.endswith(".") else 0.3
    return {"output": draft, "output_summary": "a draft", "quality_score": quality, "l_score": 0.8, "tokens_used": 12}


async def translator(assignment: Assignment) -> dict[str, object]:
    """Translate the whole output of the step before."""
    if not assignment.input:
        raise AgentFailed("exception", "there is nothing to translate")
    shouted = assignment.input.upper()
    return {"output": shouted, "quality_score": 0.9, "confidence": 0.9, "relevance": [0.8, 0.9], "tokens_used": 12}


async def main() -> None:
    """Run the relay and print its events."""
    connection = apsw.Connection(":memory:")
    connection.transaction_mode = "IMMEDIATE"
    relays = Relays(connection)
    relays.migrate()
    pipeline = relays.create("Tea", "How is tea made?", ["writer", "translator"])
    runner = Runner(relays, {"writer": writer, "translator": translator}, worker="example")
    async for event in runner.run(pipeline.pipeline_id):
        match event:
            case AttemptFailed():
                print(f"{event.agent}: {event.failure_type}: {event.error}")
            case StepCompleted():
                print(f"{event.agent}: quality {event.quality_score}, L-score {event.l_score:.2f}")
                print(f"  {relays.full_output(event.pipeline_id, event.output_id)}")


asyncio.run(main())
