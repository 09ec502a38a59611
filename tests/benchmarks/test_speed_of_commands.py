"""Commands as processes, beside an interpreter that imports what a command can't do without."""

import subprocess
import sys

import pytest
from floors import interpreter_with_click

ROUNDS = 15


@pytest.fixture
def command(tmp_path):
    def run(*words):
        subprocess.run(
            [sys.executable, "-m", "agent_runtime_mcp", *words, "--db", str(tmp_path / "runtime.db")],
            check=True,
            stdout=subprocess.DEVNULL,
        )

    return run


@pytest.fixture
def measure(beside):
    def run(name, operation, prepare=tuple):
        beside(
            name,
            operation,
            floors={"click": interpreter_with_click},
            goal={"click": 2.0},
            rounds=ROUNDS,
            prepare=prepare,
        )

    return run


def test_list_as_a_process(measure, command):
    for _ in range(5):
        command("task", "create", "Write the changelog")
    measure("task list --json as a process", lambda: command("task", "list", "--json"))


def test_next_as_a_process(measure, command):
    def make_another():
        command("task", "create", "Write the changelog")
        return ()

    measure("task next --json as a process", lambda: command("task", "next", "--json"), make_another)


def test_where_as_a_process(measure, command):
    measure("where --json as a process", lambda: command("where", "--json"))
