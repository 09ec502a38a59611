"""Operations on a file that is disturbed: an answer or a clear error each time, and no restart when it is over."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from ledgers import Process
from operating import Runtime, bob, require_sound_problem
from raw_server import INITIALIZE, INITIALIZED, call, line

from agent_runtime_mcp.database.sqlite import integrity
from agent_runtime_mcp.dispatch.failures import problem_of
from agent_runtime_mcp.doctor.doctor import Doctor
from agent_runtime_mcp.errors import StorageFailure
from calling import fill

HERE = Path(__file__).parents[1]
HOUR, DAY = 3600, 86_400
PAGE = 4096


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("runtime_overview", {}),
    ("get_goal", {"goal_id": 1}),
    ("list_goals", {}),
    ("list_tasks", {"detail": "full", "query": "task"}),
    ("get_task", {"task_id": 5}),
    ("get_relay_status", {"pipeline_id": 1}),
    ("get_relay_output", {"pipeline_id": 1, "output_id": 1}),
    ("get_relay_baton", {"pipeline_id": 1}),
    ("circuit_breaker_list", {}),
    ("circuit_breaker_status", {"agent_id": "writer"}),
    ("get_next_task", {"request_id": "r"}),
    ("get_next_task", {}),
    ("create_task", {"title": "another", "dependencies": [3], "goal_id": 1}),
    ("edit_task", {"task_id": 6, "priority": 9}),
    ("update_goal", {"goal_id": 1, "metadata": {"b": 2}}),
    ("advance_relay", {"pipeline_id": 1, "quality_score": 1, "l_score": 1, "tokens_used": 5, "output": "y"}),
    ("circuit_breaker_record_failure", {"agent_id": "writer", "failure_type": "timeout", "error_message": "late"}),
]
GARBAGE = {
    "zeros": lambda page, dice: bytes(len(page)),
    "ones": lambda page, dice: b"\xff" * len(page),
    "noise": lambda page, dice: dice.randbytes(len(page)),
    "noise in its content": lambda page, dice: page[: len(page) // 2] + dice.randbytes(len(page) // 2),
    "another letter here and there": lambda page, dice: bytes(
        byte if dice.random() < 0.97 else dice.randrange(256) for byte in page
    ),
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_over_any_page_is_an_answer_or_a_storage_error_and_is_over_when_it_is_mended(
    runtime: Runtime, kind: str
) -> None:
    fill(runtime)
    runtime.database.close()
    whole = runtime.path.read_bytes()
    dice = random.Random(kind)
    seen: set[str] = set()
    for start in range(0, len(whole), PAGE):
        runtime.path.write_bytes(
            whole[:start] + GARBAGE[kind](whole[start : start + PAGE], dice) + whole[start + PAGE :]
        )
        for operation, arguments in dice.sample(CALLS, 6):
            seen.add(outcome(lambda: runtime.reply(operation, arguments)))  # noqa: B023 - called at once
        seen.add(outcome(Doctor(runtime.database).examine))
        runtime.database.close()
        for side in runtime.path.parent.glob("runtime.db-*"):
            side.unlink()
        runtime.path.write_bytes(whole)
        for operation, arguments in CALLS[:3]:
            runtime(operation, **arguments)
        runtime.database.close()
    assert "storage" in seen
    assert seen <= {"answered", "storage", "not_found", "conflict", "illegal_transition", "stale_claim"}


def test_a_header_with_any_byte_changed_is_an_answer_or_a_storage_error(runtime: Runtime) -> None:
    fill(runtime)
    runtime.database.close()
    whole = runtime.path.read_bytes()
    seen: set[str] = set()
    for place in range(100):
        for byte in (0, whole[place] ^ 1, 0x7F, 0xFF):
            runtime.path.write_bytes(whole[:place] + bytes([byte]) + whole[place + 1 :])
            for operation, arguments in (CALLS[3], CALLS[12]):
                seen.add(outcome(lambda: runtime.reply(operation, arguments)))  # noqa: B023 - called at once
            runtime.database.close()
            for side in runtime.path.parent.glob("runtime.db-*"):
                side.unlink()
    assert seen == {"answered", "storage"}


DAMAGED = {
    "what is no JSON": "UPDATE tasks_tasks SET metadata = '{'",
    "what is no UTF-8": "UPDATE tasks_tasks SET description = CAST(x'ff' AS TEXT)",
    "a state that there is not": "UPDATE tasks_tasks SET state = 'asleep'",
}


@pytest.fixture
def damaged(runtime: Runtime, request: pytest.FixtureRequest) -> Runtime:
    """A file in which somebody changed what its own rules forbid."""
    runtime.task("a task")
    runtime.database.close()
    with closing(sqlite3.connect(runtime.path)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(DAMAGED[request.param])
    return runtime


@pytest.mark.parametrize("damaged", DAMAGED, indirect=True)
def test_what_could_not_have_been_stored_is_damage_and_no_bug(damaged: Runtime) -> None:
    for _ in range(2):
        with pytest.raises(StorageFailure) as failure:
            damaged("get_task", task_id=1)
        assert failure.value.reason.startswith("is damaged (")
        assert failure.value.path == damaged.path
    damaged.goal("the rest works")


@pytest.mark.parametrize("damaged", ["a state that there is not"], indirect=True)
def test_damage_is_not_looked_for_for_long(damaged: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrity, "_LONGEST_LOOK", -1)
    monkeypatch.setattr(integrity, "_INSTRUCTIONS", 1)
    with pytest.raises(ValueError, match="asleep"):
        damaged("get_task", task_id=1)
    damaged.goal("the rest works")


def outcome(run: Callable[[], object]) -> str:
    """Return the code of the error that a call ends with; anything but an answer or a known error is raised."""
    try:
        run()
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            raise
        require_sound_problem(problem)
        return problem.code
    return "answered"


def test_a_folder_that_is_moved_away_is_read_and_is_written_again_when_it_is_back(runtime: Runtime) -> None:
    runtime.task("before")
    away = runtime.path.parent.rename(runtime.path.parent.with_name("away"))
    for _ in range(2):
        assert outcome(lambda: runtime.task("not written")) == "storage"
        assert [task["title"] for task in runtime("list_tasks")["tasks"]] == ["before"]
    assert not runtime.path.parent.exists()
    away.rename(runtime.path.parent)
    runtime.task("after")
    assert [task["title"] for task in runtime("list_tasks")["tasks"]] == ["before", "after"]


def test_a_folder_that_is_removed_is_worked_in_again_when_a_copy_is_put_in_its_place(
    runtime: Runtime, tmp_path_factory: pytest.TempPathFactory
) -> None:
    runtime.task("before")
    copy = tmp_path_factory.mktemp("copies") / "copy.db"
    runtime.database.back_up(copy)
    shutil.rmtree(runtime.path.parent)
    assert outcome(lambda: runtime.task("not written")) == "storage"
    runtime.path.parent.mkdir()
    assert outcome(lambda: runtime.task("not written")) == "storage"
    copy.rename(runtime.path)
    assert outcome(lambda: runtime.task("not written")) == "storage"  # another file, which is said once
    runtime.task("after")
    assert [task["title"] for task in runtime("list_tasks")["tasks"]] == ["before", "after"]


@pytest.mark.parametrize("is_in_the_file", [True, False])
def test_a_log_that_is_removed_while_the_file_is_closed_costs_what_was_in_it_and_not_the_file(
    tmp_path: Path, clock: Any, is_in_the_file: bool
) -> None:
    path = tmp_path / "runtime.db"
    if is_in_the_file:
        before = Runtime(path, clock)
        before.task("in the file")
        before.database.close()
    code = f"""
import os, signal
from pathlib import Path
from fake_clock import FakeClock
from operating import Runtime
runtime = Runtime(Path({str(path)!r}), FakeClock())
runtime.task("in the log")
os.kill(os.getpid(), signal.SIGKILL)
"""
    searched = os.pathsep.join(map(str, (HERE, HERE.parent)))
    killed = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": searched})
    assert killed.returncode == -signal.SIGKILL
    path.with_name("runtime.db-wal").unlink()
    runtime = Runtime(path, clock)
    assert Doctor(runtime.database).examine().faults == ()
    runtime.task("after")
    expected = ["in the file", "after"] if is_in_the_file else ["after"]
    assert [task["title"] for task in runtime("list_tasks")["tasks"]] == expected
    runtime.database.close()


@pytest.mark.parametrize("jumps", [(-HOUR,), (DAY,), (-HOUR, HOUR), (DAY, -DAY), (-HOUR, DAY, -HOUR)])
def test_a_clock_that_jumps_costs_no_answer_and_nothing_that_was_written(
    runtime: Runtime, clock: Any, jumps: tuple[int, ...]
) -> None:
    fill(runtime)
    runtime("circuit_breaker_trip", agent_id="analyzer")
    runtime("get_relay_baton", pipeline_id=1, claim=True)
    runtime.task("later", not_before="2027-01-15T09:00:00Z")
    done = [task["task_id"] for task in runtime("list_tasks", status="completed")["tasks"]]
    for jump in jumps:
        clock.advance(jump)
        for operation, arguments in CALLS:
            assert outcome(lambda: runtime.reply(operation, arguments)) in {  # noqa: B023 - called at once
                "answered",
                "illegal_transition",
                "stale_claim",
            }
        assert Doctor(runtime.database).examine().faults == ()
    clock.advance(DAY + HOUR)  # a lease begun before a jump back lasts longer by that jump
    breaker = runtime("circuit_breaker_status", agent_id="analyzer")
    assert (breaker["retry_after_seconds"] or 0) <= breaker["max_cooldown_seconds"]
    late = bob()
    while task := runtime("get_next_task", by=late)["task"]:
        runtime.settle(task["task_id"], by=late)
    queue = runtime("get_next_task", claim=False)["queue"]
    assert (queue["ready"], queue["waiting"], queue["in_progress"]) == (0, 0, 0), queue
    assert {runtime("get_task", task_id=task_id)["status"] for task_id in done} == {"completed"}
    journal = runtime.journal()
    assert [event.seq for event in journal] == list(range(1, len(journal) + 1))


def test_a_program_that_holds_the_file_makes_writing_busy_and_leaves_reading(runtime: Runtime) -> None:
    runtime.task("before")
    with Process(runtime.path) as other:
        other.ask("lock")
        for _ in range(2):
            assert outcome(lambda: runtime.task("not written")) == "busy"
            assert len(runtime("list_tasks")["tasks"]) == 1
        other.ask("commit")
        runtime.task("after")
    assert len(runtime("list_tasks")["tasks"]) == 2


def test_a_program_that_has_the_file_for_itself_is_waited_for_and_its_end_is_noticed(runtime: Runtime) -> None:
    runtime.database.close()
    with Process(runtime.path) as other:
        other.ask("exclude")
        for _ in range(2):
            assert outcome(lambda: runtime.task("not written")) == "busy"
            assert outcome(lambda: runtime("list_tasks")) == "busy"
    runtime.task("after")
    assert len(runtime("list_tasks")["tasks"]) == 1


def test_a_server_answers_storage_stays_up_and_goes_on_when_the_file_is_back(tmp_path: Path, new_file: Path) -> None:
    path = tmp_path / "runtime.db"
    away = tmp_path / "away.db"
    shutil.copy(new_file, path)
    command = [sys.executable, "-m", "agent_runtime_mcp", "serve", "--db", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:

        def ask(tool: str, **arguments: Any) -> Any:
            """Return the reply, or the code of the error."""
            server.stdin.write(call(1, tool, **arguments))
            server.stdin.flush()
            result = json.loads(server.stdout.readline())["result"]
            if result.get("isError"):
                return json.loads(result["content"][0]["text"])["error"]["code"]
            return result["structuredContent"]

        server.stdin.write(line(INITIALIZE) + line(INITIALIZED))
        server.stdin.flush()
        server.stdout.readline()
        ask("create_goal", name="before")
        path.rename(away)
        assert [ask("create_goal", name="not written") for _ in range(3)] == ["storage"] * 3
        assert len(ask("list_goals")["goals"]) == 1
        away.rename(path)
        ask("create_goal", name="after")
        whole = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
        os.truncate(path, 5000)
        assert ask("list_tasks", query="in no page that is kept in memory") == "storage"
        server.kill()
    for name, content in whole.items():
        (tmp_path / name).write_bytes(content)
    runtime = Runtime(path, time.time)
    assert [goal["name"] for goal in runtime("list_goals")["goals"]] == ["before", "after"]
    runtime.database.close()


@pytest.mark.slow
@pytest.mark.parametrize("hold", ["lock", "exclude"])
def test_a_server_outlives_a_program_that_holds_the_file_for_half_a_minute(
    tmp_path: Path, new_file: Path, hold: str
) -> None:
    path = tmp_path / "runtime.db"
    shutil.copy(new_file, path)
    command = [sys.executable, "-m", "agent_runtime_mcp", "serve", "--db", str(path)]
    with Process(path) as other, subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None

        def send(*messages: bytes) -> None:
            server.stdin.write(b"".join(messages))
            server.stdin.flush()

        def answer() -> Any:
            return json.loads(server.stdout.readline())

        send(line(INITIALIZE), line(INITIALIZED))
        answer()
        if hold == "lock":
            send(call(1, "create_goal", name="before"))
            assert "error" not in answer()
        other.ask(hold)
        for number in (10, 20, 30):  # each write waits for ten seconds
            send(
                call(number, "create_goal", name="not written"),
                line({"jsonrpc": "2.0", "id": number + 1, "method": "ping"}),
            )
            assert answer() == {"jsonrpc": "2.0", "id": number + 1, "result": {}}
            refused = answer()
            assert (refused["id"], refused["result"]["isError"]) == (number, True)
            assert json.loads(refused["result"]["content"][0]["text"])["error"]["code"] == "busy"
        other.popen.kill()
        other.popen.wait()
        send(call(40, "create_goal", name="after"), call(41, "list_goals"))
        assert not answer()["result"].get("isError")
        names = [goal["name"] for goal in answer()["result"]["structuredContent"]["goals"]]
        assert names == (["before", "after"] if hold == "lock" else ["after"])
        server.stdin.close()
        assert server.wait(20) == 0
