"""What happens to the file while it is in use: it goes, it is replaced, it fills the disk, it is damaged."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import apsw
import pytest
from ledgers import Ledger, Process, open_ledger, texts, write

from agent_runtime_mcp.database.database import Database
from agent_runtime_mcp.errors import StorageFailure

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


def test_a_file_that_is_gone_is_read_and_not_written_until_it_is_back(ledger: Database[Ledger], path: Path) -> None:
    away = path.with_name("away.db")
    path.rename(away)
    assert reason(ledger) == "is gone"
    assert texts(ledger) == ["one"]
    assert not path.exists()
    away.rename(path)
    write(ledger, "two")
    assert texts(ledger) == ["one", "two"]


def make_another(path: Path, text: str) -> Path:
    other = path.with_name(f"{text}.db")
    database = open_ledger(other)
    write(database, text)
    database.close()
    return other


@pytest.mark.parametrize("writes", [True, False])
def test_a_file_that_was_replaced_is_left_for_the_new_one(path: Path, writes: bool) -> None:
    ledger = open_ledger(path)
    for number in range(100):
        write(ledger, f"old {number}")
    kept = path.with_name("kept.db")
    path.rename(kept)
    make_another(path, "new").rename(path)
    with pytest.raises(StorageFailure, match="was replaced by another file"):
        ledger.run_blocking(lambda it: it.texts(), writes=writes)
    write(ledger, "after")
    assert texts(ledger) == ["new", "after"]
    assert ledger.run_blocking(lambda it: it.pragma("integrity_check"), writes=False) == "ok"
    assert texts(open_ledger(kept)) == [f"old {number}" for number in range(100)]


def test_a_file_that_was_replaced_together_with_its_log_keeps_that_log(path: Path) -> None:
    ledger = open_ledger(path)
    write(ledger, "old")
    for side in path.parent.glob("runtime.db*"):
        side.rename(path.parent / f"kept{side.name}")
    with Process(path) as other:
        other.ask("write new")
        other.popen.send_signal(signal.SIGKILL)  # so that what it wrote is in the log alone
        other.popen.wait()
    assert reason(ledger) == "was replaced by another file"
    assert texts(ledger) == ["new"]
    assert texts(open_ledger(path.parent / "keptruntime.db")) == ["old"]


def test_several_processes_leave_a_replaced_file(path: Path) -> None:
    ledger = open_ledger(path)
    write(ledger, "old")
    with Process(path) as other:
        other.ask("write theirs")
        path.rename(path.with_name("kept.db"))
        make_another(path, "new").rename(path)
        assert reason(ledger) == "was replaced by another file"
        write(ledger, "mine")
        assert other.ask("try") == f"StorageFailure: {path}: was replaced by another file"
        assert other.ask("try") == "written"
    assert texts(ledger) == ["new", "mine", "tried"]
    assert texts(open_ledger(path.with_name("kept.db"))) == ["old", "theirs"]


def test_a_symbolic_link_that_points_elsewhere_now_is_another_file(tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    first, second = make_another(tmp_path / "x", "first"), make_another(tmp_path / "x", "second")
    link.symlink_to(first)
    ledger = open_ledger(link)
    assert texts(ledger) == ["first"]
    link.unlink()
    link.symlink_to(second)
    assert reason(ledger) == "was replaced by another file"
    assert texts(ledger) == ["second"]


def test_a_forked_child_opens_the_file_for_itself_and_leaves_the_parents_lock(path: Path) -> None:
    answer = in_another_process(f"""
import os
from pathlib import Path
from ledgers import Process, open_ledger
path = Path({str(path)!r})
ledger = open_ledger(path)
ledger.run_blocking(lambda it: it.write("parent"), writes=True)
if os.fork() == 0:
    ledger.run_blocking(lambda it: it.write("child"), writes=True)
    raise SystemExit  # with all that the interpreter tidies up at its end
os.wait()
def hold(it):
    with it.connection:
        it.write("held")
        if os.fork() == 0:
            try:
                ledger.run_blocking(lambda it: it.texts(), writes=False)
            except RuntimeError as error:
                print(error, flush=True)
            os._exit(0)
        os.wait()
        with Process(path) as other:
            print(other.ask("lock"), flush=True)
ledger.run_blocking(hold, writes=True)
print(ledger.run_blocking(lambda it: it.texts(), writes=False))
""")
    assert answer == [
        "this process was forked during a transaction and can't use the database",
        "locked by another",
        "['parent', 'child', 'held']",
    ]


def test_a_forked_child_leaves_alone_what_others_wrote_after_its_parent_closed_the_file(path: Path) -> None:
    answer = in_another_process(f"""
import os, signal
from pathlib import Path
from ledgers import Process, open_ledger
path = Path({str(path)!r})
ledger = open_ledger(path)
ledger.run_blocking(lambda it: it.write("parent"), writes=True)
goes_on, go_on = os.pipe()
if os.fork() == 0:
    os.read(goes_on, 1)
    print(ledger.run_blocking(lambda it: it.texts(), writes=False), flush=True)
    raise SystemExit
ledger.close()
with Process(path) as other:
    other.ask("write late")
    other.popen.send_signal(signal.SIGKILL)  # so that what it wrote is in the -wal alone
    other.popen.wait()
os.write(go_on, b"!")
os.wait()
print(ledger.run_blocking(lambda it: it.texts(), writes=False))
""")
    assert answer == ["['parent', 'late']"] * 2


def test_a_file_with_no_room_is_read_and_is_written_again_when_there_is_room(path: Path) -> None:
    ledger = open_ledger(path)
    write(ledger, "one")
    ledger.run_blocking(lambda it: it.connection.pragma("max_page_count", 10), writes=False)
    for _ in range(2):
        assert reason(ledger, "x" * 100_000) == "the disk is full"
        assert texts(ledger) == ["one"]
    ledger.run_blocking(lambda it: it.connection.pragma("max_page_count", 1000), writes=False)
    write(ledger, "x" * 100_000)
    assert len(texts(ledger)) == 2


def test_a_process_that_may_write_no_more_says_so_and_goes_on_reading(path: Path) -> None:
    with Process(path) as process:
        process.ask("write one")
        process.ask("limit 50000")
        assert process.ask("write-much 200000") == (
            f"StorageFailure: {path}: can't be read or written (SQLITE_IOERR_WRITE)"
        )
        assert process.ask("read") == "['one']"
        process.ask("limit 10000000")
        assert process.ask("write-much 200000") == "written"


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting takes root")
def test_a_full_disk_loses_nothing_and_reads_go_on(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "none", str(disk)], check=True)
    try:
        ledger = open_ledger(disk / "runtime.db")
        write(ledger, "one")
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        full = []
        while not full:
            try:
                write(ledger, "x" * 2000)
            except StorageFailure as failure:
                full.append(failure.reason)
        assert full == ["the disk is full"]
        before = texts(ledger)
        assert before[0] == "one"
        with pytest.raises(StorageFailure):
            texts(open_ledger(disk / "second.db"))
        filler.unlink()
        write(ledger, "two")
        assert texts(ledger) == [*before, "two"]
        ledger.close()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def as_a_user_without_rights(path: Path) -> Process:
    """Return a process that permissions hold for, which they don't for root."""
    process = Process(path)
    if os.geteuid() == 0:
        for folder in path.parents:
            if folder.stat().st_mode & 0o055 != 0o055:
                folder.chmod(0o755)
        for each in (path.parent, *path.parent.iterdir()):
            os.chown(each, 65534, 65534)
        process.ask("become-nobody")
    return process


def test_a_file_that_may_not_be_written_is_read_and_is_written_when_it_may_be(path: Path) -> None:
    write(open_ledger(path), "one")
    path.chmod(0o400)
    with as_a_user_without_rights(path) as process:
        for _ in range(2):
            assert process.ask("try") == f"StorageFailure: {path}: can't be written"
        assert process.ask("read") == "['one']"
        path.chmod(0o600)
        assert process.ask("try") == "written"
        assert process.ask("read") == "['one', 'tried']"


def test_a_file_that_may_not_be_read_is_refused_and_used_when_it_may_be(path: Path) -> None:
    ledger = open_ledger(path)
    write(ledger, "one")
    ledger.close()
    path.chmod(0)
    with as_a_user_without_rights(path) as process:
        assert process.ask("try") == f"StorageFailure: {path}: permission denied"
        path.chmod(0o600)
        assert process.ask("try") == "written"


def test_a_folder_that_may_not_be_written_is_named(path: Path) -> None:
    ledger = open_ledger(path)
    write(ledger, "one")
    ledger.close()
    with as_a_user_without_rights(path) as process:
        path.parent.chmod(0o555)
        assert process.ask("try") == (
            f"StorageFailure: {path}: its folder can't be written, but SQLite must keep two files there"
        )
        path.parent.chmod(0o755)
        assert process.ask("try") == "written"


def test_a_damaged_file_is_said_to_be_and_works_again_when_it_is_whole(path: Path) -> None:
    ledger = open_ledger(path)
    for number in range(300):
        write(ledger, f"{number} {'x' * 500}")
    ledger.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xff" * (len(whole) - 8192))
    with pytest.raises(StorageFailure, match="is damaged"):
        texts(ledger)
    path.write_bytes(whole)
    assert len(texts(ledger)) == 300


def test_a_file_that_is_no_database_any_more_is_said_to_be_none(path: Path) -> None:
    ledger = open_ledger(path)
    write(ledger, "one")
    ledger.close()
    whole = path.read_bytes()
    path.write_text("overwritten by mistake\n" * 1000)
    assert reason(ledger) == "is not a database"
    path.write_bytes(whole)
    write(ledger, "two")
    assert texts(ledger) == ["one", "two"]


def test_a_file_that_is_cut_under_a_running_process_works_again_when_it_is_whole(path: Path) -> None:
    ledger = open_ledger(path)
    for number in range(300):
        write(ledger, f"{number} {'x' * 500}")
    ledger.close()
    texts(ledger)
    ledger.run_blocking(lambda it: it.connection.pragma("shrink_memory"), writes=False)
    whole = path.read_bytes()
    os.truncate(path, 8192)
    with pytest.raises(StorageFailure, match=r"is damaged|can't be read"):
        texts(ledger)
    path.write_bytes(whole)
    assert len(texts(ledger)) == 300


def test_what_is_built_on_a_connection_is_built_again_on_the_next(path: Path) -> None:
    built = []

    def assemble(connection: apsw.Connection, snapshot: object) -> int:
        built.append(connection)
        return len(built)

    database = Database(path, assemble, open_ledger(path).schemas)
    assert [database.run_blocking(lambda it: it, writes=False) for _ in range(2)] == [1, 1]
    database.close()
    assert database.run_blocking(lambda it: it, writes=False) == 2
