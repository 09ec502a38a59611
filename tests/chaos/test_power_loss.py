"""Power is lost at any moment: what was acknowledged is there, or with synchronous NORMAL at least a whole file."""

import pickle
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import recorded_writes
from recorded_writes import Disk

from agent_runtime_mcp.doctor.doctor import Doctor
from calling import Caller

SEED = "20261122"


def record(folder: Path, synchronous: str, calls: int) -> list[Any]:
    file = folder / "record"
    words = [folder / "runtime.db", synchronous, SEED, calls, file]
    subprocess.run([sys.executable, recorded_writes.__file__, *map(str, words)], check=True)
    return list(pickle.loads(file.read_bytes()))


def lose_power_at(events: list[Any], moments: list[int], folder: Path, dice: random.Random) -> list[tuple[int, int]]:
    """Lose power at some moments; return how many calls had been acknowledged then, and how many are found."""
    disk, acknowledged, found = Disk(), 0, []
    for number, event in enumerate(events):
        if event[0] == "acknowledged":
            acknowledged = event[2] + 1
        else:
            disk.follow(event)
        if number not in moments:
            continue
        after = folder / f"after-{number}"
        after.mkdir()
        disk.lose_power(dice, after)
        caller = Caller(after / "runtime.db")
        assert Doctor(caller.database).examine().faults == (), f"power lost at event {number} of seed {SEED}"
        caller("create_task", title="it goes on")
        caller.database.close()
        with closing(sqlite3.connect(after / "runtime.db")) as connection:
            done = [use for (use,) in connection.execute("SELECT tool_use_id FROM server_journal ORDER BY seq")]
        assert done.pop() is None
        assert list(map(int, done)) == list(range(len(done))), f"power lost at event {number} of seed {SEED}"
        found.append((acknowledged, len(done)))
    return found


@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL"])
@pytest.mark.parametrize(
    ("calls", "losses"), [(40, 25), pytest.param(1500, 400, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_power_may_be_lost_at_any_moment(tmp_path: Path, synchronous: str, calls: int, losses: int) -> None:
    events = record(tmp_path, synchronous, calls)
    assert [event[2] for event in events if event[0] == "acknowledged"] == list(range(calls))
    dice = random.Random(SEED)
    begun = next(number for number, event in enumerate(events) if event[0] == "acknowledged")
    moments = sorted({dice.randrange(0, begun) for _ in range(5)} | set(dice.sample(range(begun, len(events)), losses)))
    found = lose_power_at(events, moments, tmp_path, dice)
    assert len(found) == len(moments)
    if synchronous == "FULL":
        assert all(acknowledged <= there <= acknowledged + 1 for acknowledged, there in found), found
    else:
        assert all(there <= acknowledged + 1 for acknowledged, there in found), found
        assert any(there < acknowledged for acknowledged, there in found), "no power was lost where it costs something"
