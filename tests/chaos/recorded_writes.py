"""What a process writes to its disk and when it waits for it, so that a loss of power at any moment can be tried.

Run as a program it works on a file through a layer under SQLite that writes all of that down.
"""

import pickle
import random
import sys
from pathlib import Path
from typing import Any

import apsw
import attrs

from agent_runtime_mcp.database.database import Database
from agent_runtime_mcp.dispatch.request import make_request
from agent_runtime_mcp.operations.call import Session
from agent_runtime_mcp.runtime.libraries import Libraries, all_schemas

SECTOR = 512
UNDER = "unix"

Event = tuple[Any, ...]


class Recording(apsw.VFS):
    """The operating system as SQLite sees it, with a record of all that it is asked to write."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        super().__init__("recording", UNDER, makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> "RecordingFile":  # noqa: N802 - SQLite's names
        return RecordingFile(self.events, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self.events.append(("delete", Path(filename).name))
        super().xDelete(filename, syncdir)


class RecordingFile(apsw.VFSFile):
    """One file of those."""

    def __init__(self, events: list[Event], name: Any, flags: list[int]) -> None:
        self.events = events
        self.name = Path(name.filename() if isinstance(name, apsw.URIFilename) else name).name
        super().__init__(UNDER, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self.events.append(("write", self.name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self.events.append(("truncate", self.name, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        super().xSync(flags)
        self.events.append(("sync", self.name))


@attrs.define
class Disk:
    """What is on a disk for certain, and what was written since the disk was last waited for."""

    files: dict[str, bytearray] = attrs.field(factory=dict)
    waiting: dict[str, list[Event]] = attrs.field(factory=dict)

    def follow(self, event: Event) -> None:
        """Do what a process did."""
        kind, name, *_ = event
        if kind == "delete":
            self.files.pop(name, None)
            self.waiting.pop(name, None)
        elif kind == "sync":
            for each in self.waiting.pop(name, ()):
                _apply(each, self.files.setdefault(name, bytearray()))
        else:
            self.files.setdefault(name, bytearray())
            self.waiting.setdefault(name, []).append(event)

    def lose_power(self, dice: random.Random, folder: Path) -> None:
        """Leave in a folder what is found later: of what was not waited for, anything, in whole sectors."""
        for name, certain in self.files.items():
            found = bytearray(certain)
            chance = dice.choice((0, 0.5, 0.9, 1))
            for event in self.waiting.get(name, ()):
                if dice.random() < chance:
                    _apply(event, found, torn_by=dice if dice.random() < 0.3 else None)
            (folder / name).write_bytes(found)
            (folder / name).chmod(0o600)


def _apply(event: Event, content: bytearray, *, torn_by: random.Random | None = None) -> None:
    kind, _, place, *written = event
    if kind == "truncate":
        del content[place:]
        content.extend(bytes(place - len(content)))
        return
    [data] = written
    sectors = [(start, data[start : start + SECTOR]) for start in range(0, len(data), SECTOR)]
    for start, sector in sectors:
        if torn_by is None or torn_by.random() < 0.5:
            end = place + start + len(sector)
            content.extend(bytes(max(0, end - len(content))))
            content[place + start : end] = sector


def main() -> None:
    """Work on a file and leave the record in another."""
    path, synchronous, seed, count, record = sys.argv[1:]
    events: list[Event] = []
    recording = Recording(events)
    dice = random.Random(seed)
    database = Database(Path(path), Libraries, all_schemas, synchronous=synchronous)
    session = Session(worker="ada", holder=None)
    for number in range(int(count)):
        if number and number % 7 == 0:
            operation, arguments = "get_next_task", {}
        elif session.tokens and number % 7 == 3:
            operation, arguments = "update_task_status", {"task_id": min(session.tokens), "status": "completed"}
        elif number % 7 == 5:
            operation, arguments = "create_relay_pipeline", {"name": "x", "goal": "x", "agent_types": ["a", "b"]}
        else:
            operation, arguments = "create_task", {"title": "x", "description": "x" * dice.choice((10, 10, 9000))}
        request = make_request(operation, arguments, session, tool_use_id=str(number))
        database.run_blocking(request.run, writes=True)
        if operation == "update_task_status":
            session.tokens.clear()
        events.append(("acknowledged", "", number))
    database.close()
    Path(record).write_bytes(pickle.dumps(events))
    del recording


if __name__ == "__main__":
    main()
