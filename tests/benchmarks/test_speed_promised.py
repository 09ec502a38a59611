"""What was promised to users, through a real server: breaking a goal of 2 KiB down, and handing a baton on."""

import sys

import pytest
from comparing import Figure, p95, timed
from floors import Transactions

from agent_runtime_mcp.cli.bench.wire import Wire
from agent_runtime_mcp.cli.bench.work import AGENTS, OUTPUT, goal_text

DECOMPOSITIONS = 60
RELAYS = 6


@pytest.fixture
def server(tmp_path):
    with Wire([sys.executable, "-m", "agent_runtime_mcp", "serve", "--db", str(tmp_path / "runtime.db")]) as wire:
        yield wire


@pytest.fixture
def measure(benchmark, figures, tmp_path):
    """Measure a call, and hold its 95th of a hundred against milliseconds; the disk's share is told beside it."""

    def run(name, operation, prepare, *, rounds, allowed):
        floor = Transactions(tmp_path, "FULL")
        times = []

        def turn():
            times.append(timed(floor.write))
            return prepare(), {}

        benchmark.pedantic(operation, setup=turn, rounds=rounds, iterations=1)
        floor.close()
        figures.add(
            benchmark,
            Figure(
                name=name,
                value=p95(benchmark.stats.stats.data) * 1000,
                unit="ms",
                floors={"txn_full p95": p95(times) * 1000},
                goal=f"{allowed} ms",
                allowed=allowed,
            ),
        )

    return run


def test_decomposition(measure, server):
    runs = iter(range(DECOMPOSITIONS + 1))

    def make_goal():
        run = next(runs)
        return (server.call("create_goal", name=f"Orders {run}", description=goal_text(run))["goal_id"],)

    measure(
        "decomposition of a 2 KiB goal, p95",
        lambda goal_id: server.call("decompose_goal", goal_id=goal_id),
        make_goal,
        rounds=DECOMPOSITIONS,
        allowed=25,
    )


def test_handoff(measure, server):
    batons = []

    def take_baton():
        if not batons:
            agents = [f"specialist {each}" for each in range(AGENTS)]
            made = server.call("create_relay_pipeline", name="A report", goal="Write it", agent_types=agents)
            batons.append((made["pipeline_id"], made["baton_id"]))
        return batons.pop()

    def hand_on(pipeline_id, baton_id):
        advance = server.call(
            "advance_relay",
            pipeline_id=pipeline_id,
            baton_id=baton_id,
            quality_score=0.9,
            l_score=0.9,
            tokens_used=1200,
            output=OUTPUT,
            output_summary="what was found, in a line",
        )
        if advance["next_baton"]:
            batons.append((pipeline_id, advance["next_baton"]["baton_id"]))

    measure("baton handoff over 48 agents, p95", hand_on, take_baton, rounds=RELAYS * AGENTS, allowed=3)
