"""A storm: worker processes on one file, of which one is killed every few moments and another takes its place."""

import json
import os
import random
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import attrs
import chaos_worker

KILLED = -9
TASKS = {"create": 16, "claim": 26, "complete": 22, "fail": 4, "release": 5, "renew": 8, "reopen": 6, "look": 6}
ALL = {**TASKS, "begin": 4, "advance": 40, "guard": 20}


@attrs.define
class Storm(AbstractContextManager["Storm"]):
    """Workers on one file.

    Args:
        path: the file.
        folder: where the workers leave their ledgers.
        seed: what their choices, and whom to kill, follow from; what happens at the same time does not.
        processes: how many there are at one time.
        synchronous: how durable their writes are.
        moves: what they do, and how often.
    """

    path: Path
    folder: Path
    seed: str
    processes: int
    synchronous: str = "FULL"
    moves: dict[str, int] = attrs.field(factory=lambda: dict(TASKS))
    killed: int = 0
    _random: random.Random = attrs.field(init=False)
    _nursery: "Popen[str]" = attrs.field(init=False)
    _workers: dict[int, int] = attrs.field(factory=dict)
    _numbers: list[int] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._numbers = [0] * self.processes
        self.folder.mkdir()
        words = [self.path, self.folder, self.seed, self.synchronous, json.dumps(self.moves)]
        with self._errors.open("w") as errors:
            self._nursery = Popen(
                [sys.executable, chaos_worker.__file__, *map(str, words)],
                stdin=PIPE,
                stdout=PIPE,
                stderr=errors,
                text=True,
            )
        assert self._line() == "ready"

    def __exit__(self, *exception: object) -> None:
        self._nursery.communicate(timeout=60)

    def rage(self, seconds: float, *, every: float) -> None:
        """Have workers work, kill one of them every so many seconds, and start another in its place."""
        ends = time.monotonic() + seconds
        for slot in range(self.processes):
            if slot not in self._workers:
                self._start(slot)
        while time.monotonic() < ends:
            time.sleep(every)
            slot = self._random.choice(sorted(self._workers))
            self._kill(slot)
            self._start(slot)

    def end(self) -> None:
        """Kill all workers, wherever they are."""
        for slot in sorted(self._workers):
            self._kill(slot)

    def _start(self, slot: int) -> None:
        self._workers[slot] = int(self._ask(f"start {slot} {self._numbers[slot]}"))
        self._numbers[slot] += 1

    def _kill(self, slot: int) -> None:
        ended = int(self._ask(f"kill {self._workers.pop(slot)}"))
        errors = self._errors.read_text()
        assert (ended, errors) == (KILLED, ""), f"seed {self.seed}: a worker ended by itself\n{errors}"
        self.killed += 1

    @property
    def _errors(self) -> Path:
        return self.folder / "errors"

    def _ask(self, command: str) -> str:
        assert self._nursery.stdin is not None
        self._nursery.stdin.write(f"{command}\n")
        self._nursery.stdin.flush()
        return self._line()

    def _line(self) -> str:
        assert self._nursery.stdout is not None
        return self._nursery.stdout.readline().strip()


def command(*words: object, path: Path) -> "Popen[str]":
    """Start a command on a file."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AGENT_", "CLAUDE_"))}
    started = [sys.executable, "-m", "agent_runtime_mcp", *map(str, words), "--json", "--db", str(path)]
    return Popen(started, env=environment, stdout=PIPE, stderr=PIPE, text=True)


def outcome(started: "Popen[str]") -> dict[str, Any]:
    """Wait for a command that must succeed, and return what it printed."""
    printed, errors = started.communicate(timeout=300)
    assert started.returncode == 0, f"{started.args}\n{printed}\n{errors}"
    return json.loads(printed)


def doctor(path: Path) -> dict[str, Any]:
    """Return the findings of `agent-runtime doctor`, which must be none."""
    report = outcome(command("doctor", path=path))
    assert (report["healthy"], report["findings"]) == (True, [])
    return report
