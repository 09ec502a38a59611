"""Many processes on one file, one of them killed all the time: whatever was acknowledged is there, and nothing else.

AGENT_RUNTIME_CHAOS_SEED chooses another storm, AGENT_RUNTIME_CHAOS_SECONDS its length.
"""

import itertools
import os
import sqlite3
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from chaos_reader import Written, ledgers, read
from chaos_storm import ALL, TASKS, Storm, command, doctor, outcome
from chaos_worker import AGENTS, GOALS, Worker

from calling import Caller

SEED = os.environ.get("AGENT_RUNTIME_CHAOS_SEED", "20261122")
SECONDS = float(os.environ.get("AGENT_RUNTIME_CHAOS_SECONDS", "60"))
PIPELINES = 10
OF_TASKS = {"create_task", "get_next_task", "update_task_status", "renew_task"}
OF_RELAYS = {"create_relay_pipeline", "get_relay_baton", "advance_relay", "circuit_breaker_reset"}


class Cleaner(Caller):
    """The one who is there before and after a storm."""

    def prepare(self, tasks: int) -> None:
        """Make goals, and something to begin with."""
        for number in range(GOALS):
            self("create_goal", name=f"goal {number}")
        for number in range(tasks):
            self("create_task", title=f"task {number}", goal_id=number % GOALS + 1)
        for number in range(PIPELINES):
            self("create_relay_pipeline", name=f"pipeline {number}", goal="a goal", agent_types=list(AGENTS))

    def drain_tasks(self) -> None:
        """Complete all that is offered, then reopen what has failed, until there is nothing left to do."""
        failed: list[dict[str, Any]] = [{}]
        while failed:
            while task := self("get_next_task")["task"]:
                self("update_task_status", task_id=task["task_id"], status="completed")
            failed = self("list_tasks", status="failed", limit=200)["tasks"]
            for task in failed:
                self("edit_task", task_id=task["task_id"], max_attempts=100)
                self("update_task_status", task_id=task["task_id"], status="pending")
        queue = self("get_next_task")["queue"]
        assert queue == {"ready": 0, "waiting": 0, "unreachable": 0, "in_progress": 0, "next_ready_at": None}

    def drain_pipelines(self) -> int:
        """Bring all pipelines to their end and return how many there are."""
        for agent in AGENTS:
            self("circuit_breaker_reset", agent_id=agent)
        pipelines = self("list_relay_pipelines")["total"]
        for pipeline_id in range(1, pipelines + 1):
            while (baton := self("get_relay_baton", pipeline_id=pipeline_id, claim=True))["status"] != "completed":
                self._go_on(pipeline_id, baton)
        assert self("list_relay_pipelines", status="completed")["total"] == pipelines
        return pipelines

    def _go_on(self, pipeline_id: int, baton: dict[str, Any]) -> None:
        match baton["waiting_for"]:
            case None:
                baton_id = baton["baton"]["baton_id"]
                scores = {"quality_score": 1, "l_score": 1, "tokens_used": 1}
                self("advance_relay", pipeline_id=pipeline_id, baton_id=baton_id, output=baton_id, **scores)
            case "retry":
                self("retry_relay_step", pipeline_id=pipeline_id, step_index=baton["current_step"])
            case "resume":
                self("update_relay", pipeline_id=pipeline_id, status="in_progress")
            case other:
                raise AssertionError(f"pipeline {pipeline_id} waits for {other}")


def told(written: list[Written]) -> list[Written]:
    return [one for one in written if one.reply is not None or one.refused is not None]


def weather(storm: Storm, tmp_path: Path, rounds: int, seconds: float, every: float) -> Counter[str]:
    """Let a storm rage in rounds, with a backup and the doctor in the middle, and look at the file after each.

    On a slow machine there are more rounds than asked for, until each kind of call was answered.
    """
    written: list[Written] = []
    wanted = OF_TASKS | OF_RELAYS if "advance" in storm.moves else OF_TASKS
    for number in itertools.count():
        if number >= rounds and wanted <= {one.operation for one in written if one.reply}:
            break
        assert number < 10 * rounds, "hardly anything was done"
        storm.rage(seconds / 2, every=every)
        before_the_copy = told(ledgers(storm.folder))
        copy = tmp_path / f"copy-{number}.db"
        called = [command("backup", copy, path=storm.path), command("doctor", path=storm.path)]
        storm.rage(seconds / 2, every=every)
        assert [outcome(one).get("findings", []) for one in called] == [[], []]
        storm.end()
        written = ledgers(storm.folder)
        assert read(storm.path, written) == [], f"round {number} of seed {storm.seed}"
        doctor(storm.path)
        assert read(copy, before_the_copy) == [], f"the backup in round {number} of seed {storm.seed}"
        doctor(copy)
        copy.unlink()
    return Counter(one.refused or ("unanswered" if one.reply is None else one.operation) for one in written)


def storm_over(tmp_path: Path, moves: dict[str, int], processes: int, rounds: int, seconds: float, every: float) -> str:
    path, folder = tmp_path / "runtime.db", tmp_path / "ledgers"
    sys.stdout.write(f"AGENT_RUNTIME_CHAOS_SEED={SEED}\n")
    cleaner = Cleaner(path)
    cleaner.prepare(tasks=50)
    cleaner.database.close()
    with Storm(path, folder, SEED, processes, moves=moves) as storm:
        counts = weather(storm, tmp_path, rounds, seconds, every)
    cleaner.drain_tasks()
    pipelines = cleaner.drain_pipelines()
    cleaner.database.close()
    assert read(path, ledgers(folder)) == []
    checked = doctor(path)["checked"]
    assert checked["relays"] == pipelines
    return (
        f"seed {SEED}: {processes} processes, {storm.killed} killed, {counts.total()} calls "
        f"({', '.join(f'{name} {count}' for name, count in counts.most_common())}); "
        f"{checked['tasks']} tasks and {pipelines} pipelines, all brought to their end"
    )


def test_a_short_storm_loses_nothing(tmp_path: Path) -> None:
    storm_over(tmp_path, ALL, processes=4, rounds=1, seconds=2, every=0.2)


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE tasks_counts SET ready = ready + 1 WHERE goal_id = 0", "tasks_counts of (0, 'ready')"),
        ("UPDATE tasks_tasks SET open_dependencies = 1 WHERE id = 1", "task 1: 1 open"),
        ("UPDATE tasks_tasks SET state = 'waiting', offer = NULL WHERE id = 3", "task 3 is waiting"),
        ("DELETE FROM tasks_claims", "claimed and not in progress"),
        ("DELETE FROM server_journal WHERE seq = 3", "the journal has gaps"),
        ("DELETE FROM server_journal WHERE operation = 'update_task_status'", "completed by the journal alone"),
        (
            "UPDATE server_journal SET operation = 'x' WHERE tool_use_id = '0-0-0'",
            "0-0-0 (create_task) was acknowledged",
        ),
        ("UPDATE server_journal SET tool_use_id = '0-0-3' WHERE seq = 2", "0-0-3 (renew_task) was refused"),
        ("UPDATE tasks_tasks SET title = 'x' WHERE title = '0-0-0'", "0-0-0 was asked for, and is there 0 times"),
        ("UPDATE tasks_tasks SET title = '0-0-0'", "0-0-0 was asked for, and is there 3 times"),
        ("DELETE FROM tasks_attempts", "completed attempts of task"),
        ("UPDATE relay_pipelines SET tokens_used = 7", "7 tokens used"),
        ("UPDATE relay_outputs SET text = 'another'", "output 1 of 0-0-5"),
        ("UPDATE goals_counts SET goals = 7 WHERE status = 'active'", "goals_counts of active"),
    ],
)
def test_the_reader_sees_what_is_wrong(tmp_path: Path, damage: str, found: str) -> None:
    path, folder = tmp_path / "runtime.db", tmp_path / "ledgers"
    folder.mkdir()
    cleaner = Cleaner(path)
    cleaner.prepare(tasks=0)
    cleaner.database.close()
    worker = Worker(path, folder, 0, 0, SEED, "NORMAL")
    worker.ask("create_task", may_be_repeated=True, title="0-0-0")
    worker.ask("get_next_task")
    worker.ask("update_task_status", task_id=1, status="completed")
    worker.ask("renew_task", task_id=1)
    worker.ask("create_task", title="another")
    worker.ask("advance_relay", pipeline_id=1, quality_score=1, l_score=1, tokens_used=1, output="0-0-5")
    worker.ask("create_task", title="a third")
    worker.ask("get_next_task")
    worker.close()
    written = ledgers(folder)
    assert [one.use for one in written if one.refused] == ["0-0-3"]
    assert read(path, written) == []
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(damage)
    connection.close()
    assert found in "\n".join(read(path, written))


@pytest.mark.slow
@pytest.mark.parametrize("moves", [TASKS, ALL], ids=["tasks", "tasks, relays and breakers"])
def test_a_storm_of_a_minute_loses_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str], moves: Any) -> None:
    report = storm_over(tmp_path, moves, processes=16, rounds=6, seconds=SECONDS / 6, every=0.2)
    with capsys.disabled():
        sys.stdout.write(f"\n{report}\n")
