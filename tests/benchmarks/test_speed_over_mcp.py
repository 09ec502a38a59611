"""Calls through a real server over standard input and output, beside an empty call of the SDK's own server."""

import statistics
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from comparing import Figure, timed
from floors import Transactions, empty_server, resident_mib

from agent_runtime_mcp.cli.bench.wire import Wire

ROUNDS = 300
STARTS = 9
AGENTS = 48
OUTPUT = "What this agent found, in the words in which the next one reads it.\n" * 60  # 4 KiB


def serve(path: Path) -> Wire:
    return Wire([sys.executable, "-m", "agent_runtime_mcp", "serve", "--db", str(path)])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Wire]:
    with serve(tmp_path / "runtime.db") as wire:
        yield wire


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[Transactions]:
    transactions = Transactions(tmp_path, "FULL")
    yield transactions
    transactions.close()


@pytest.fixture
def measure(beside, floor):
    """Measure a call and hold it against an empty call and so many transactions."""

    def run(name, operation, *, sdk_call, txn_full=0.0, prepare=tuple):
        with empty_server() as empty:
            floors: dict[str, Any] = {"sdk_call": lambda: empty.call("nothing")}
            goal = {"sdk_call": sdk_call}
            if txn_full:
                floors["txn_full"] = floor.write
                goal["txn_full"] = txn_full
            beside(name, operation, floors=floors, goal=goal, rounds=ROUNDS, prepare=prepare)

    return run


class Session:
    """What an agent does with tasks, over and over."""

    def __init__(self, server: Wire) -> None:
        self._server = server
        self._goal_id = server.call("create_goal", name="Ship version 1.0")["goal_id"]
        self._claimed: int | None = None

    def create(self) -> None:
        self._server.call("create_task", title="Write the changelog", description="All of it", goal_id=self._goal_id)

    def make_another(self):
        self.complete()
        self.create()
        return ()

    def claim(self) -> None:
        self._claimed = self._server.call("get_next_task")["task"]["task_id"]

    def make_and_claim_another(self):
        self.make_another()
        self.claim()
        return ()

    def complete(self) -> None:
        if self._claimed is not None:
            self._server.call(
                "update_task_status", task_id=self._claimed, status="completed", result="CHANGELOG.md, 12 entries"
            )
            self._claimed = None


def test_create_over_mcp(measure, server):
    measure("create_task over MCP, FULL", Session(server).create, sdk_call=0.6, txn_full=2.0)


def test_claim_over_mcp(measure, server):
    session = Session(server)
    measure("get_next_task over MCP, FULL", session.claim, sdk_call=0.6, txn_full=2.0, prepare=session.make_another)


def test_complete_over_mcp(measure, server):
    session = Session(server)
    measure(
        "update_task_status over MCP, FULL",
        session.complete,
        sdk_call=0.6,
        txn_full=2.0,
        prepare=session.make_and_claim_another,
    )


def test_advance_over_mcp(measure, server):
    batons: list[tuple[int, str]] = []

    def take_baton():
        if not batons:
            agents = [f"specialist {each}" for each in range(AGENTS)]
            made = server.call("create_relay_pipeline", name="A report", goal="Write it", agent_types=agents)
            batons.append((made["pipeline_id"], made["baton_id"]))
        return batons.pop()

    def advance(pipeline_id, baton_id):
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

    measure("advance_relay over MCP, FULL", advance, sdk_call=0.6, txn_full=3.5, prepare=take_baton)


def test_read_over_mcp(measure, server):
    Session(server).create()
    measure("get_task over MCP", lambda: server.call("get_task", task_id=1), sdk_call=0.7)


def test_list_over_mcp(measure, server):
    session = Session(server)
    for _ in range(20):
        session.create()
    measure("list_tasks over MCP, 20 rows", lambda: server.call("list_tasks"), sdk_call=0.7)


def test_breaker_status_over_mcp(measure, server):
    server.call("circuit_breaker_record_success", agent_id="writer")
    measure(
        "circuit_breaker_status over MCP",
        lambda: server.call("circuit_breaker_status", agent_id="writer"),
        sdk_call=0.7,
    )


def test_start_and_memory(benchmark, figures, tmp_path):
    """Each start is of a file that is there, as in daily use; memory is what the server takes by its first reply."""
    serve(tmp_path / "runtime.db").close()
    floors: list[Wire] = []
    servers: list[Wire] = []
    with ExitStack() as started:

        def start_the_floor():
            floors.append(started.enter_context(empty_server()))
            return (), {}

        def start():
            servers.append(started.enter_context(serve(tmp_path / "runtime.db")))

        benchmark.pedantic(start, setup=start_the_floor, rounds=STARTS, iterations=1)
        memory = [resident_mib(wire.pid) for wire in servers], [resident_mib(wire.pid) for wire in floors]
        after_use = [_used(wire) for wire in servers]
    ours, floor = (statistics.median(wire.milliseconds_to_first_reply for wire in each) for each in (servers, floors))
    figures.add(
        benchmark,
        Figure(
            name="start to the first reply",
            value=ours,
            unit="ms",
            floors={"sdk_start": floor},
            goal="1.1 x sdk_start",
            allowed=1.1 * floor,
        ),
    )
    if None in memory[0]:
        return
    for name, resident in (("memory of an idle server", memory[0]), ("memory after a call of each kind", after_use)):
        figures.add(
            benchmark,
            Figure(
                name=name,
                value=statistics.median(resident),
                unit="MiB",
                floors={"sdk_rss": statistics.median(memory[1])},
                goal="1.15 x sdk_rss",
                allowed=1.15 * statistics.median(memory[1]),
            ),
        )


def _used(server: Wire) -> float | None:
    server.request("tools/list", {})
    session = Session(server)
    session.make_and_claim_another()
    session.complete()
    server.call("circuit_breaker_status", agent_id="writer")
    server.call("list_relay_pipelines")
    return resident_mib(server.pid)


def test_the_first_calls_of_a_session(benchmark, figures, tmp_path):
    """What a session waits for until it knows the tools and where it stands, with all that is made lazily."""
    serve(tmp_path / "runtime.db").close()
    times: list[float] = []

    def begin(wire):
        with wire:
            times.append(timed(lambda: (wire.request("tools/list", {}), wire.call("runtime_overview"))))

    benchmark.pedantic(begin, setup=lambda: ((serve(tmp_path / "runtime.db"),), {}), rounds=STARTS, iterations=1)
    benchmark.extra_info["tools/list and runtime_overview, ms"] = round(statistics.median(times) * 1000, 2)
