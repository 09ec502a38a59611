"""A runner that is killed again and again, at any moment: no step is done twice, and nothing finished is lost.

AGENT_RUNTIME_CHAOS_SEED chooses other moments.
"""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path

import attrs
import pytest

from agent_programs import is_gone, program, wait_until

SEED = os.environ.get("AGENT_RUNTIME_CHAOS_SEED", "20261122")
MOST_EVENTS = 3  # events that a run may yield before it is killed
LONGEST_DELAY = 0.04  # seconds from such an event until the kill: about as long as a step takes
# It records its work in a ledger that survives a kill: first that it began, last that its result is in its file.
AGENT = """
import time
ledger = os.open({ledger!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
baton = os.environ["AGENT_RUNTIME_BATON_ID"]
step = int(os.environ["AGENT_RUNTIME_STEP"])
def note(what):
    os.write(ledger, json.dumps([what, step, baton, os.getpid()]).encode() + b"\\n")
note("begun")
prompt = sys.stdin.read()
path = os.environ.get("AGENT_RUNTIME_INPUT")
before = open(path).read() if path else ""
assert step == 0 or before.startswith("output of "), before
assert before.split(" of ")[-1] in prompt
tokens = 10 + step
hand_in(output=f"output of {{baton}}", output_summary=f"summary of {{baton}}", tokens_used=tokens)
note("finished")
"""


@attrs.frozen
class Site:
    """A pipeline, its agents' ledger, and the command that runs it."""

    path: Path
    mark: str = attrs.field(factory=lambda: uuid.uuid4().hex)

    @property
    def file(self):
        return self.path / "runtime.db"

    @property
    def environment(self):
        """The environment of runners, wardens and agents, with a mark that no other process has."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AGENT_RUNTIME_", "CLAUDE_"))}
        return {
            **kept,
            "LC_TEST_MARK": self.mark,
            "AGENT_RUNTIME_DB": str(self.file),
            "AGENT_RUNTIME_SYNCHRONOUS": "NORMAL",
        }

    def start(self, *words):
        command = [sys.executable, "-m", "agent_runtime_mcp", *map(str, words), "--json"]
        return subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def do(self, *words):
        """Run a command to its end and return what it prints."""
        process = self.start(*words)
        printed, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, b"")
        return [json.loads(line) for line in printed.splitlines()]

    def run(self):
        agent = program(self.path / "agent.py", AGENT.format(ledger=str(self.path / "ledger")))
        return "relay", "run", 1, "--agent-command", " ".join(agent)

    def ledger(self):
        return [json.loads(line) for line in (self.path / "ledger").read_text().splitlines()]

    def rows(self, sql):
        connection = sqlite3.connect(self.file)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def processes(self):
        """Return the processes that carry the mark, if the system shows them."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:  # it ended meanwhile, or belongs to another user
                continue
        return [process for process in found if not is_gone(process)]


def kill_at_random(site, dice):
    """Run the pipeline and kill the runner soon after a few events; tell whether it was still running."""
    process = site.start(*site.run())
    events = dice.randint(0, MOST_EVENTS)
    for _ in range(events):
        process.stdout.readline()
    time.sleep(dice.uniform(0, LONGEST_DELAY if events else 4 * LONGEST_DELAY))
    process.kill()
    process.communicate()
    return process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("steps", "kills"), [(8, 4), pytest.param(48, 20, marks=pytest.mark.slow)], ids=["short", "long"]
)
def test_a_runner_that_is_killed_at_random_moments_loses_and_repeats_nothing(tmp_path, steps, kills):
    print(f"seed {SEED}")  # noqa: T201 - to be shown when it fails
    dice = random.Random(f"{SEED} {steps}")
    site = Site(tmp_path)
    names = [f"agent{number}" for number in range(steps)]
    site.do("relay", "create", "Survey", "What is known about tea?", *names, "--max-retries", 100)

    killed = [kill_at_random(site, dice) for _ in range(kills)]
    assert killed == [True] * kills, "the pipeline was through before it was killed so often: choose another seed"
    events = site.do(*site.run())
    assert (events[-1]["event"], events[-1]["status"]) == ("run_ended", "completed")
    wait_until(lambda: site.processes() == [])

    ledger = site.ledger()
    attempts = site.rows("SELECT baton_id, step_index, state, tokens_used FROM relay_attempts")
    outputs = site.rows("SELECT text, late FROM relay_outputs")
    by_baton = {baton: state for baton, _, state, _ in attempts}
    accepted = [(step, baton) for baton, step, state, _ in attempts if state == "accepted"]

    # Every completed step was done once: its attempt is the only accepted one, and no step was begun after a later one.
    assert sorted(step for step, _ in accepted) == list(range(steps))
    begun = [(step, baton) for what, step, baton, _ in ledger if what == "begun"]
    assert [step for step, _ in begun] == sorted(step for step, _ in begun)
    assert set(accepted) <= set(begun)
    assert all(begun[-1] in accepted for begun in _by_step(begun).values())
    # There is a row for each attempt, and no attempt was begun twice.
    assert set(Counter(baton for _, baton in begun).values()) == {1}
    assert {baton for _, baton in begun} <= set(by_baton)
    assert set(by_baton.values()) <= {"accepted", "lost"}
    assert sum(state == "lost" for state in by_baton.values()) <= kills
    # Nothing that was finished is lost: a result that was not accepted is kept as an orphan.
    kept = Counter(text.removeprefix("output of ") for text, _ in outputs)
    finished = [baton for what, _, baton, _ in ledger if what == "finished"]
    assert {baton: kept[baton] for baton in finished} == dict.fromkeys(finished, 1)
    assert all(late == (by_baton[text.removeprefix("output of ")] == "lost") for text, late in outputs)
    # Tokens add up.
    assert site.rows("SELECT status, tokens_used FROM relay_pipelines") == [
        ("completed", sum(10 + step for step in range(steps)))
    ]
    assert sum(tokens for *_, tokens in attempts) == sum(10 + step for step in range(steps))
    # Nothing is left behind.
    assert [process for _, _, _, process in ledger if not is_gone(process)] == []
    assert list((tmp_path / "runtime.db-agents").iterdir()) == []
    site.do("doctor")


def _by_step(begun):
    batons = {}
    for step, baton in begun:
        batons.setdefault(step, []).append((step, baton))
    return batons
