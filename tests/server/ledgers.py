"""A library as small as can be, the database of it, and other processes that use the same file on command.

Run as a program it is such a process: it reads commands on standard input and answers each with a line.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import apsw
import attrs

from agent_runtime_kernel.connection import Snapshot
from agent_runtime_kernel.schema import Migration, Schema
from agent_runtime_mcp.database.database import Database

FIRST = "CREATE TABLE ledger_entries (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT"
SECOND = "ALTER TABLE ledger_entries ADD COLUMN author TEXT NOT NULL DEFAULT 'nobody'"
MIGRATIONS = (Migration("entries", (FIRST,)), Migration("authors", (SECOND,)))
VERSIONS = [Schema("ledger", MIGRATIONS[:known]) for known in range(3)]


@attrs.frozen
class Ledger:
    connection: apsw.Connection
    snapshot: Snapshot

    def write(self, text: str) -> None:
        with self.connection:
            self.connection.execute("INSERT INTO ledger_entries (text) VALUES (:text)", {"text": text}).fetchall()

    def texts(self) -> list[str]:
        rows = self.connection.execute("SELECT text FROM ledger_entries ORDER BY id").fetchall()
        return [text for (text,) in rows]

    def pragma(self, name: str) -> Any:
        return self.connection.pragma(name)


def open_ledger(path: Path, version: int = 1, **how: Any) -> Database[Ledger]:
    return Database(path, Ledger, lambda: [VERSIONS[version]], **how)


def write(database: Database[Ledger], text: str) -> None:
    database.run_blocking(lambda ledger: ledger.write(text), writes=True)


def texts(database: Database[Ledger]) -> list[str]:
    return database.run_blocking(lambda ledger: ledger.texts(), writes=False)


class Process(AbstractContextManager["Process"]):
    """Another process at the same file."""

    def __init__(self, path: Path, *, before: Sequence[str] = ()) -> None:
        self.popen = Popen([*before, sys.executable, __file__, str(path)], stdin=PIPE, stdout=PIPE, text=True)

    def __exit__(self, *exception: object) -> None:
        self.popen.kill()
        self.popen.communicate()

    def start(self, command: str) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(f"{command}\n")
        self.popen.stdin.flush()

    def answer(self) -> str:
        assert self.popen.stdout is not None
        return self.popen.stdout.readline().rstrip("\n")

    def ask(self, command: str) -> str:
        self.start(command)
        return self.answer()


def main() -> None:
    path = Path(sys.argv[1])
    ledger = open_ledger(path)
    bare: apsw.Connection | None = None
    for line in sys.stdin:
        match line.split():
            case ["write", text]:
                answer = ledger.run_blocking(lambda it, text=text: it.write(text), writes=True)
            case ["read"]:
                answer = ledger.run_blocking(lambda it: it.texts(), writes=False)
            case ["upgrade"]:
                answer = open_ledger(path, 2).run_blocking(lambda it: it.pragma("application_id"), writes=False)
            case ["lock"]:
                bare = apsw.Connection(str(path))
                try:
                    answer = bare.execute("BEGIN IMMEDIATE").fetchall()
                except apsw.BusyError:
                    answer = "locked by another"
            case ["exclude"]:
                bare = apsw.Connection(str(path))
                bare.pragma("locking_mode", "EXCLUSIVE")
                answer = bare.execute("BEGIN EXCLUSIVE").fetchall()
            case ["commit"]:
                assert bare is not None
                answer = bare.execute("COMMIT").fetchall()
            case ["write-much", size]:
                answer = outcome(ledger, "x" * int(size))
            case ["limit", size]:
                import resource

                answer = resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), resource.RLIM_INFINITY))
            case ["become-nobody"]:
                answer = os.setuid(65534)
            case ["try"]:
                answer = outcome(ledger, "tried")
            case _:
                raise ValueError(line)
        print(answer, flush=True)  # noqa: T201 - what this program is for


def outcome(ledger: Database[Ledger], text: str) -> str:
    try:
        ledger.run_blocking(lambda it: it.write(text), writes=True)
    except OSError as failure:
        return f"{type(failure).__name__}: {failure}"
    return "written"


if __name__ == "__main__":
    main()
