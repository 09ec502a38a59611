"""`agent-runtime events --follow`: a real process prints rows as they are written, also past a file that is locked."""

import json
import signal
import subprocess
import sys
from typing import Any

import apsw
import pytest
from click.testing import CliRunner
from operating import Runtime

from agent_runtime_mcp.cli.commands import events as _events
from agent_runtime_mcp.cli.root import root
from agent_runtime_mcp.database.database import Database
from agent_runtime_mcp.errors import Busy
from agent_runtime_mcp.runtime.libraries import Libraries, all_schemas

COMMAND = [sys.executable, "-m", "agent_runtime_mcp", "events", "--follow", "--json"]


def test_rows_are_printed_as_they_come_until_it_is_interrupted(runtime: Runtime) -> None:
    runtime.task("there before")
    with subprocess.Popen([*COMMAND, "--db", str(runtime.path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["seq"] == 1
        for seq in range(2, 5):
            runtime.task(f"number {seq}")
            event = json.loads(process.stdout.readline())
            assert (event["seq"], event["arguments"]) == (seq, {"title": f"number {seq}"})
        process.send_signal(signal.SIGINT)
        assert process.communicate()[0] == ""
        assert process.returncode == 0


def test_since_and_limit_hold_while_it_follows(runtime: Runtime) -> None:
    for number in range(4):
        runtime.task(f"task {number}")
    command = [*COMMAND, "--since", "2", "--limit", "2", "--db", str(runtime.path)]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert [json.loads(line)["seq"] for line in finished.stdout.splitlines()] == [3, 4]
    assert (finished.returncode, finished.stderr) == (0, "")


class Watched(Database[Libraries]):
    """A database that another program keeps locked until the first wait for it ends in vain."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.locker = apsw.Connection(str(self.path))
        self.locker.pragma("locking_mode", "EXCLUSIVE")
        self.locker.execute("BEGIN EXCLUSIVE")

    def run_blocking(self, operation: Any, *, writes: bool) -> Any:
        try:
            return super().run_blocking(operation, writes=writes)
        except Busy:
            self.locker.close(True)
            raise


def test_a_file_locked_for_long_does_not_end_follow(runtime: Runtime) -> None:
    runtime.task("a task")
    runtime.database.close()
    locked = Watched(runtime.path, Libraries, all_schemas, patience=0.05)
    assert next(_events._events(locked, 0, follow=True)).seq == 1
    with pytest.raises(apsw.ConnectionClosedError):
        locked.locker.pragma("user_version")
    locked.close()


def test_a_file_locked_for_long_is_an_error_without_follow(runtime: Runtime) -> None:
    runtime.database.close()
    locked = Watched(runtime.path, Libraries, all_schemas, patience=0.05)
    with pytest.raises(Busy):
        list(_events._events(locked, 0, follow=False))


def test_without_following_it_ends_at_the_last_row(runtime: Runtime) -> None:
    runtime.task("a task")
    finished = CliRunner().invoke(root(), ["events", "--db", str(runtime.path)])
    assert finished.exit_code == 0
    assert len(finished.stdout.splitlines()) == 1
