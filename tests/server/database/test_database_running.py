"""Running operations: transactions, snapshots, and waiting for other processes."""

import asyncio
import itertools
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ledgers import Ledger, Process, open_ledger, texts, write

from agent_runtime_mcp.database.database import Database
from agent_runtime_mcp.errors import Busy, StorageFailure

HERE = Path(__file__).parents[1]


def reason(database: Database[Ledger], text: str = "not written") -> str:
    with pytest.raises(StorageFailure) as failure:
        write(database, text)
    return failure.value.reason


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runtime.db"


@pytest.fixture
def ledger(path: Path) -> Database[Ledger]:
    database = open_ledger(path, patience=0.2)
    write(database, "one")
    return database


def in_another_process(code: str) -> list[str]:
    answer = subprocess.run([sys.executable, "-c", code], cwd=HERE, stdout=subprocess.PIPE, text=True, check=True)
    return answer.stdout.splitlines()


# Transactions


def test_an_operation_that_fails_leaves_nothing_and_its_error_is_its_own(ledger: Database[Ledger]) -> None:
    def fail(it: Ledger) -> None:
        with it.connection:
            it.write("half")
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        ledger.run_blocking(fail, writes=True)
    assert texts(ledger) == ["one"]


def test_an_error_of_an_operations_own_that_is_also_an_oserror_is_not_the_files(ledger: Database[Ledger]) -> None:
    def fail(_: Ledger) -> None:
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match=r"^mine$"):
        ledger.run_blocking(fail, writes=True)


def test_an_operation_that_does_not_end_its_transaction_is_rolled_back(ledger: Database[Ledger]) -> None:
    def forget(it: Ledger) -> None:
        it.connection.execute("BEGIN IMMEDIATE")
        it.write("forgotten")

    with pytest.raises(RuntimeError, match="did not end its transaction"):
        ledger.run_blocking(forget, writes=True)
    assert texts(ledger) == ["one"]


def test_a_snapshot_sees_one_state_and_holds_up_no_writer(ledger: Database[Ledger], path: Path) -> None:
    with Process(path) as other:

        def read_twice(it: Ledger) -> tuple[list[str], list[str]]:
            with it.snapshot():
                before = it.texts()
                assert other.ask("write two") == "None"
                return before, it.texts()

        assert ledger.run_blocking(read_twice, writes=False) == (["one"], ["one"])
    assert texts(ledger) == ["one", "two"]


def test_a_snapshot_within_a_snapshot_or_a_transaction_is_that_one(ledger: Database[Ledger]) -> None:
    def nested(it: Ledger) -> None:
        with it.snapshot(), it.snapshot():
            assert it.texts() == ["one"]
        with it.connection:
            with it.snapshot():
                it.write("two")
            assert it.connection.in_transaction

    ledger.run_blocking(nested, writes=True)
    assert texts(ledger) == ["one", "two"]


def test_a_snapshot_ends_with_the_error_in_it(ledger: Database[Ledger]) -> None:
    def fail(it: Ledger) -> None:
        with it.snapshot():
            it.texts()
            raise KeyError("mine")

    with pytest.raises(KeyError):
        ledger.run_blocking(fail, writes=False)
    write(ledger, "two")


# Waiting


def test_a_reader_waits_for_no_writer(ledger: Database[Ledger], path: Path) -> None:
    with Process(path) as other:
        other.ask("lock")
        assert texts(ledger) == ["one"]


def test_who_finds_the_file_locked_for_too_long_is_told_so(ledger: Database[Ledger], path: Path) -> None:
    with Process(path) as other:
        other.ask("lock")
        with pytest.raises(Busy) as busy:
            write(ledger, "two")
        other.ask("commit")
        assert busy.value.code == "busy"
        assert busy.value.waited >= 0.2
        assert busy.value.details["path"] == str(path)
        write(ledger, "three")
    assert texts(ledger) == ["one", "three"]


def test_a_file_that_another_program_has_for_itself_is_busy_from_the_first_use_on(path: Path) -> None:
    write(open_ledger(path), "one")
    with Process(path) as other:
        other.ask("exclude")
        with pytest.raises(Busy):
            texts(open_ledger(path, patience=0.1))


def test_a_killed_process_locks_nobody_out(ledger: Database[Ledger], path: Path) -> None:
    with Process(path) as other:
        other.ask("lock")
        other.popen.send_signal(signal.SIGKILL)
        other.popen.wait()
        write(ledger, "two")
    assert texts(ledger) == ["one", "two"]


def test_while_one_operation_waits_the_event_loop_goes_on(path: Path) -> None:
    ledger = open_ledger(path)
    write(ledger, "one")

    async def scenario(other: Process) -> list[str]:
        events = []

        async def write_two() -> None:
            await ledger.run(lambda it: it.write("two"), writes=True)
            events.append("written")

        writing = asyncio.create_task(write_two())
        for turn in range(3):
            await asyncio.sleep(0.01)
            events.append(f"turn {turn}")
        other.ask("commit")
        await writing
        return events

    with Process(path) as other:
        other.ask("lock")
        assert asyncio.run(scenario(other)) == ["turn 0", "turn 1", "turn 2", "written"]
    assert texts(ledger) == ["one", "two"]


def test_who_waits_can_be_cancelled_and_has_written_nothing(ledger: Database[Ledger], path: Path) -> None:
    async def scenario() -> None:
        writing = asyncio.create_task(ledger.run(lambda it: it.write("two"), writes=True))
        await asyncio.sleep(0.01)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing

    with Process(path) as other:
        other.ask("lock")
        asyncio.run(scenario())
        other.ask("commit")
    assert texts(ledger) == ["one"]


def test_an_operation_that_was_disturbed_runs_again_from_its_start(
    ledger: Database[Ledger], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = []

    def write_two(it: Ledger) -> None:
        starts.append(it)
        it.write("two")

    with Process(path) as other:
        other.ask("lock")
        monkeypatch.setattr("time.sleep", lambda _: other.ask("commit"))
        ledger.run_blocking(write_two, writes=True)
    assert len(starts) == 2
    assert texts(ledger) == ["one", "two"]


def test_whoever_waits_asks_for_the_file_before_it_begins_again(
    ledger: Database[Ledger], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts, pauses = [], []

    def write_two(it: Ledger) -> None:
        starts.append(it)
        it.write("two")

    def sleep(_: float) -> None:
        pauses.append(len(starts))
        if len(pauses) == 5:
            other.ask("commit")

    with Process(path) as other:
        other.ask("lock")
        monkeypatch.setattr("time.sleep", sleep)
        ledger.run_blocking(write_two, writes=True)
    assert (pauses, len(starts)) == ([1] * 5, 2)
    assert texts(ledger) == ["one", "two"]


def test_whoever_writes_for_long_leaves_others_a_turn(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = open_ledger(path)
    pauses: list[float] = []
    now = 1000.0
    real = sys.modules["time"].sleep

    def sleep(seconds: float) -> None:
        if not pauses:
            other.ask("commit")
        pauses.append(seconds)
        real(0)

    def write_in_a_row(count: int) -> list[int]:
        """Write again and again, a millisecond apart, and return before which of the writes there was a pause."""
        nonlocal now
        paused = []
        for number in range(count):
            before = len(pauses)
            write(ledger, "a row")
            paused += [number] * (len(pauses) - before)
            now += 0.001
        return paused

    monkeypatch.setattr("time.monotonic", lambda: now)
    with Process(path) as other:
        assert write_in_a_row(40) == []
        now += 1
        other.ask("lock")
        monkeypatch.setattr("time.sleep", sleep)
        write(ledger, "in the way of another")
        pauses.clear()
        pauses.append(0)
        turns = write_in_a_row(40)
    assert len(turns) == 3
    assert {after - before for before, after in itertools.pairwise(turns)} == {10}
    assert all(pause < 0.002 for pause in pauses)
