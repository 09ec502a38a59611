"""What a runner adds to the work of its agents: 48 real processes in sequence, through `agent-runtime relay run`."""

import itertools
import json
import os
import statistics
import subprocess
import sys

import pytest
from comparing import Figure

from agent_runtime_mcp.database.database import Database
from agent_runtime_mcp.runtime.libraries import Libraries, all_schemas

STEPS = 48
RUNS = 3
# It notes when it began and ended by the clock that all processes share.
AGENT = """
import time
began = time.clock_gettime(time.CLOCK_MONOTONIC)
import json, os, sys
prompt = sys.stdin.read()
step = os.environ["AGENT_RUNTIME_STEP"]
result = {"quality_score": 0.9, "l_score": 0.9, "output": "x" * 4096, "output_summary": prompt[:200], "tokens_used": 10}
with open(os.environ["AGENT_RUNTIME_RESULT"], "w") as file:
    json.dump(result, file)
with open(sys.argv[1], "a") as ledger:
    ledger.write(f"{began} {time.clock_gettime(time.CLOCK_MONOTONIC)}\\n")
"""


@pytest.fixture
def agent(tmp_path):
    program = tmp_path / "agent.py"
    program.write_text(AGENT, encoding="utf-8")
    return [sys.executable, "-I", str(program)]


def gaps(ledger):
    """Return the seconds from the end of each agent's work to the beginning of the next one's."""
    times = [tuple(map(float, line.split())) for line in ledger.read_text(encoding="utf-8").splitlines()]
    return [began - ended for (_, ended), (began, _) in itertools.pairwise(times)]


def test_overhead_of_a_step(benchmark, figures, tmp_path, agent):
    database = Database(tmp_path / "runtime.db", Libraries, all_schemas, synchronous="FULL")
    types = [f"agent-{number}" for number in range(STEPS)]
    between, alone = [], []

    def prepare():
        created = database.run_blocking(lambda libraries: libraries.relays.create("Run", "Go", types), writes=True)
        ledger = tmp_path / f"alone-{created.pipeline_id}"
        environment = {**os.environ, "AGENT_RUNTIME_STEP": "0", "AGENT_RUNTIME_RESULT": str(tmp_path / "result")}
        for _ in range(STEPS):
            subprocess.run([*agent, str(ledger)], input="Go", text=True, env=environment, check=True)
        alone.extend(gaps(ledger))
        return (created.pipeline_id, tmp_path / f"run-{created.pipeline_id}"), {}

    def run(pipeline_id, ledger):
        command = [sys.executable, "-m", "agent_runtime_mcp", "relay", "run", str(pipeline_id), "--json"]
        finished = subprocess.run(
            [*command, "--agent-command", " ".join([*agent, str(ledger)]), "--db", str(tmp_path / "runtime.db")],
            check=True,
            capture_output=True,
            text=True,
        )
        assert json.loads(finished.stdout.splitlines()[-1])["status"] == "completed"
        found = gaps(ledger)
        assert len(found) == STEPS - 1
        between.extend(found)

    benchmark.pedantic(run, setup=prepare, rounds=RUNS, iterations=1)
    database.close()
    figures.add(
        benchmark,
        Figure(
            name="from one agent's end to the next one's beginning",
            value=statistics.median(between) * 1000,
            unit="ms",
            floors={"the same programs started by subprocess.run": statistics.median(alone) * 1000},
            goal="60 ms",
            allowed=60,
        ),
    )
