"""The file: how it is made, what it may be, which settings hold, and how its tables move forward."""

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import apsw
import attrs
import pytest
from ledgers import MIGRATIONS, VERSIONS, Ledger, Process, open_ledger, texts, write

from agent_runtime_kernel.schema import Migration, Schema
from agent_runtime_mcp.database.database import Database
from agent_runtime_mcp.database.sqlite.files import network_file_system
from agent_runtime_mcp.database.sqlite.opening import require_sound_sqlite
from agent_runtime_mcp.errors import StorageFailure


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def refusal(path: Path, version: int = 1, **how: bool) -> str:
    """Return the reason for which a file is refused, which is left as it was."""
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StorageFailure) as failure:
        texts(open_ledger(path, version, **how))
    assert failure.value.code == "storage"
    assert failure.value.path == path
    assert failure.value.details == {"path": str(path), "reason": failure.value.reason}
    assert (path.read_bytes() if path.is_file() else None) == before
    return failure.value.reason


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runtime.db"


def test_nothing_is_opened_before_the_first_use(path: Path) -> None:
    open_ledger(path)
    assert not path.exists()


def test_what_is_written_is_there_for_the_next_process(path: Path) -> None:
    write(open_ledger(path), "one")
    with Process(path) as other:
        assert other.ask("read") == "['one']"


def test_a_new_file_is_for_this_user_alone_whatever_the_umask(path: Path) -> None:
    old = os.umask(0)
    try:
        ledger = open_ledger(path)
        write(ledger, "one")
    finally:
        os.umask(old)
    assert {each.name: mode(each) for each in path.parent.iterdir()} == {
        "runtime.db": 0o600,
        "runtime.db-wal": 0o600,
        "runtime.db-shm": 0o600,
    }


def test_missing_default_folders_are_made_for_this_user_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    path = tmp_path / "share" / "agent-runtime" / "runtime.db"
    write(open_ledger(path, default_folder=True), "one")
    assert [mode(folder) for folder in path.parents[:3]] == [0o700, 0o700, 0o755]


def test_a_folder_of_the_users_is_neither_made_nor_changed(tmp_path: Path) -> None:
    missing = tmp_path / "missing" / "runtime.db"
    assert refusal(missing) == f"its folder {missing.parent} does not exist"
    assert not missing.parent.exists()
    tmp_path.chmod(0o755)
    write(open_ledger(tmp_path / "runtime.db"), "one")
    assert mode(tmp_path) == 0o755


def test_the_mode_of_an_existing_file_is_left_alone(path: Path) -> None:
    path.touch()
    path.chmod(0o640)
    write(open_ledger(path), "one")
    assert mode(path) == 0o640


def test_an_empty_file_is_a_new_database(path: Path) -> None:
    path.touch()
    ledger = open_ledger(path)
    write(ledger, "one")
    assert texts(ledger) == ["one"]


def test_a_missing_file_is_made_only_where_that_is_wanted(path: Path) -> None:
    assert refusal(path, may_create=False) == "does not exist"
    assert not path.exists()


def test_settings_that_keep_what_is_promised(path: Path) -> None:
    def settings(ledger: Ledger) -> dict[str, object]:
        names = ("application_id", "journal_mode", "synchronous", "foreign_keys", "trusted_schema", "mmap_size")
        return {name: ledger.pragma(name) for name in names}

    expected = {
        "application_id": 0x41475254,
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "mmap_size": 0,
    }
    assert open_ledger(path).run_blocking(settings, writes=False) == expected
    fast = open_ledger(path, synchronous="NORMAL")
    assert fast.run_blocking(settings, writes=False) == {**expected, "synchronous": 1}


def test_a_misspelt_column_in_double_quotes_is_an_error(path: Path) -> None:
    with pytest.raises(apsw.SQLError, match="no such column"):
        open_ledger(path).run_blocking(lambda it: it.connection.execute('SELECT "misspelt"'), writes=False)


def test_durability_is_one_of_two_words(path: Path) -> None:
    assert refusal_of_synchronous(path) == "can't be opened with synchronous 'OFF'"


def refusal_of_synchronous(path: Path) -> str:
    with pytest.raises(StorageFailure) as failure:
        texts(open_ledger(path, synchronous="OFF"))
    return failure.value.reason


def test_a_folder_is_refused(path: Path) -> None:
    path.mkdir()
    assert refusal(path) == "is a folder"


def test_a_path_through_a_file_is_refused(path: Path) -> None:
    path.touch()
    assert refusal(path / "runtime.db") == "not a directory"


def test_a_symbolic_link_to_nothing_is_refused(path: Path) -> None:
    path.symlink_to(path.parent / "missing")
    assert refusal(path) == "is a symbolic link to a missing file"
    assert not (path.parent / "missing").exists()


def test_a_symbolic_link_to_a_database_is_followed(path: Path) -> None:
    real = path.parent / "real.db"
    write(open_ledger(real), "one")
    path.symlink_to(real)
    assert texts(open_ledger(path)) == ["one"]


def test_a_socket_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path.name)
        assert refusal(path) == "is not a regular file"


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff.db")
    with pytest.raises(StorageFailure) as failure:
        texts(open_ledger(path))
    assert failure.value.message == f"{tmp_path}/?.db: its name is not UTF-8, which SQLite requires"
    assert not path.exists()


def test_what_is_no_database_is_refused(path: Path) -> None:
    path.write_text("The quick brown fox jumps over the lazy dog.\n" * 100)
    assert refusal(path) == "is not a database"


def test_a_database_of_another_application_is_refused(path: Path) -> None:
    other = apsw.Connection(str(path))
    other.pragma("application_id", 0x0F055112)
    other.close()
    assert refusal(path) == "belongs to another application (application_id 0xf055112)"


def test_a_database_that_does_not_say_whose_it_is_is_refused_when_it_has_tables(path: Path) -> None:
    other = apsw.Connection(str(path))
    other.execute("CREATE TABLE goals (id INTEGER PRIMARY KEY, name TEXT)").fetchall()
    other.close()
    with pytest.raises(StorageFailure) as failure:
        texts(open_ledger(path))
    assert failure.value.reason == "is a database of another application"
    assert failure.value.hint is not None
    assert "agent-runtime import" in failure.value.hint
    assert refusal(path) == failure.value.reason


def test_a_file_from_the_future_is_refused(path: Path) -> None:
    ledger = open_ledger(path, 2)
    write(ledger, "one")
    ledger.close()
    assert refusal(path, 1) == "the ledger tables have schema version 2; this version knows 1"


def test_what_another_application_left_in_its_log_stays_there(path: Path) -> None:
    code = f"""
import apsw, os
other = apsw.Connection({str(path)!r})
other.pragma("journal_mode", "wal")
other.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY)").fetchall()
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    log = path.with_name("runtime.db-wal")
    before = log.read_bytes()
    assert len(before) > 0
    assert refusal(path) == "is a database of another application"
    assert log.read_bytes() == before


@pytest.mark.parametrize("version", ["3.51.3", "3.51.4", "3.52.0", "3.54.1", "4.0.0", "3.50.7", "3.50.8", "3.44.6"])
def test_a_sqlite_without_the_race_is_taken(path: Path, version: str) -> None:
    require_sound_sqlite(path, version)


@pytest.mark.parametrize("version", ["3.51.2", "3.51.0", "3.50.6", "3.50.0", "3.45.0", "3.49.2", "3.44.5", "3.40.1"])
def test_a_sqlite_with_the_race_is_refused(path: Path, version: str) -> None:
    with pytest.raises(StorageFailure, match=f"SQLite {version} can lose writes"):
        require_sound_sqlite(path, version)


MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
23 22 0:40 / /home rw,relatime shared:1 master:2 - nfs4 server:/home rw,vers=4.2
24 22 0:41 / /mnt/my\\040share rw,relatime - fuse.sshfs me@server:/ rw
25 22 0:42 / /sandbox rw - 9p none rw,trans=fd
"""


@pytest.mark.parametrize(
    ("device", "expected"),
    [((254, 0), None), ((0, 40), "nfs4"), ((0, 41), "fuse.sshfs"), ((0, 42), None), ((0, 99), None)],
)
def test_a_network_file_system_is_told_by_its_device(device: tuple[int, int], expected: str | None) -> None:
    assert network_file_system(MOUNTS, [os.makedev(254, 0), os.makedev(*device)]) == expected


def test_an_older_file_is_copied_and_then_brought_up_to_date(path: Path) -> None:
    before = open_ledger(path, 1)
    write(before, "one")
    after = open_ledger(path, 2)
    write(after, "two")
    assert after.run_blocking(
        lambda it: it.connection.execute("SELECT * FROM ledger_entries").fetchall(), writes=False
    ) == [
        (1, "one", "nobody"),
        (2, "two", "nobody"),
    ]
    [copy] = path.parent.glob("runtime.db.before-upgrade-*")
    assert mode(copy) == 0o600
    kept = apsw.Connection(str(copy))
    assert kept.execute("SELECT * FROM ledger_entries").fetchall() == [(1, "one")]
    kept.close()
    assert [each.name for each in path.parent.glob(f"{copy.name}*")] == [copy.name]


def test_neither_a_new_file_nor_one_that_is_up_to_date_is_copied(path: Path) -> None:
    for _ in range(2):
        ledger = open_ledger(path, 2)
        write(ledger, "one")
        ledger.close()
    assert [each.name for each in path.parent.iterdir()] == ["runtime.db"]


def test_opening_a_file_that_is_up_to_date_waits_for_no_writer(path: Path) -> None:
    write(open_ledger(path), "one")
    with Process(path) as other:
        other.ask("lock")
        assert texts(open_ledger(path, patience=0)) == ["one"]


def test_processes_that_start_together_upgrade_once(path: Path) -> None:
    write(open_ledger(path, 1), "one")
    processes = [Process(path) for _ in range(4)]
    try:
        for process in processes:
            process.ask("read")
        for process in processes:
            process.start("upgrade")
        assert {process.answer() for process in processes} == {str(0x41475254)}
    finally:
        for process in processes:
            process.__exit__()
    assert len(list(path.parent.glob("runtime.db.before-upgrade-*"))) == 1
    assert texts(open_ledger(path, 2)) == ["one"]


def test_who_finds_the_upgrade_done_when_its_turn_comes_does_not_copy_again(path: Path) -> None:
    write(open_ledger(path, 1), "one")

    @attrs.frozen
    class Overtaken:
        """Tables that another process upgrades right after this one has found them to be old."""

        name: str = "ledger"
        migrations: Sequence[Migration] = VERSIONS[2].migrations

        def version(self, connection: apsw.Connection) -> int:
            found = VERSIONS[2].version(connection)
            if found == 1 and not connection.in_transaction:
                other.ask("upgrade")
            return found

        def migrate(self, connection: apsw.Connection) -> int:
            return VERSIONS[2].migrate(connection)

    with Process(path) as other:
        assert texts(Database(path, Ledger, lambda: [Overtaken()])) == ["one"]
    assert len(list(path.parent.glob("runtime.db.before-upgrade-*"))) == 1


def test_processes_that_start_together_make_the_file_once(path: Path) -> None:
    processes = [Process(path) for _ in range(4)]
    try:
        for number, process in enumerate(processes):
            process.start(f"write {number}")
        assert [process.answer() for process in processes] == ["None"] * 4
    finally:
        for process in processes:
            process.__exit__()
    assert sorted(texts(open_ledger(path))) == ["0", "1", "2", "3"]


def test_an_upgrade_that_fails_changes_nothing(path: Path) -> None:
    write(open_ledger(path, 1), "one")
    broken = Schema("ledger", (*MIGRATIONS, Migration("misspelt", ("CREATE TABLE misspelt (",))))
    with pytest.raises(apsw.SQLError):
        texts(Database(path, Ledger, lambda: [broken]))
    assert texts(open_ledger(path, 1)) == ["one"]


def test_what_a_killed_upgrade_left_of_its_copy_goes_with_the_next(path: Path) -> None:
    write(open_ledger(path, 1), "one")
    left = [
        f".runtime.db.before-upgrade-20260101T000000000000Z.agent-runtime-partial{more}" for more in ("", "-journal")
    ]
    for name in (*left, ".another.db.before-upgrade-x.agent-runtime-partial"):
        (path.parent / name).write_text("half a copy")
    assert texts(open_ledger(path, 2)) == ["one"]
    [_] = path.parent.glob("runtime.db.before-upgrade-*")
    assert [each.name for each in path.parent.glob(".*")] == [".another.db.before-upgrade-x.agent-runtime-partial"]


def test_an_upgrade_that_is_killed_changes_nothing_and_is_done_by_the_next(path: Path) -> None:
    write(open_ledger(path, 1), "one")
    code = f"""
import os, signal
from pathlib import Path
import attrs
from agent_runtime_kernel.schema import Migration, Schema
from agent_runtime_mcp.database.database import Database
from ledgers import VERSIONS, Ledger

@attrs.frozen
class Killed:
    name = "ledger"
    migrations = VERSIONS[2].migrations

    def version(self, connection):
        return VERSIONS[2].version(connection)

    def migrate(self, connection):
        VERSIONS[2].migrate(connection)
        connection.cache_flush()  # to the -wal, as a large upgrade would
        os.kill(os.getpid(), signal.SIGKILL)

Database(Path({str(path)!r}), Ledger, lambda: [Killed()]).run_blocking(lambda it: it.texts(), writes=False)
"""
    killed = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1])
    assert killed.returncode == -signal.SIGKILL
    before = open_ledger(path, 1)
    write(before, "two")
    assert texts(before) == ["one", "two"]
    assert texts(open_ledger(path, 2)) == ["one", "two"]
    [killed_copy, copy] = sorted(path.parent.glob("runtime.db.before-upgrade-*"))
    assert [texts(open_ledger(each, 1)) for each in (killed_copy, copy)] == [["one"], ["one", "two"]]


def test_an_upgrade_is_not_begun_without_room_for_the_copy(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(open_ledger(path, 1), "one")

    def no_room(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("agent_runtime_mcp.database.sqlite.copying._copy", no_room)
    with pytest.raises(StorageFailure, match="no space left on device"):
        texts(open_ledger(path, 2))
    assert texts(open_ledger(path, 1)) == ["one"]


def test_a_library_that_is_new_in_this_version_gets_its_tables(path: Path) -> None:
    write(open_ledger(path, 1), "one")
    notes = Schema("notes", (Migration("notes", ("CREATE TABLE notes_notes (id INTEGER PRIMARY KEY) STRICT",)),))
    both = Database(path, Ledger, lambda: [VERSIONS[1], notes])
    assert both.run_blocking(lambda it: notes.version(it.connection), writes=False) == 1
    assert texts(both) == ["one"]


def test_a_copy_is_what_one_moment_saw_while_another_process_writes(path: Path, tmp_path: Path) -> None:
    ledger = open_ledger(path)
    write(ledger, "before")
    with Process(path) as other:
        for number in range(3):
            other.start(f"write {number}")
            ledger.back_up(tmp_path / f"{number}.db")
            other.answer()
    counts = [len(texts(open_ledger(tmp_path / f"{number}.db"))) for number in range(3)]
    assert counts in [[1 + a, 2 + b, 3 + c] for a in (0, 1) for b in (0, 1) for c in (0, 1)]
    assert [mode(tmp_path / f"{number}.db") for number in range(3)] == [0o600] * 3


def test_a_copy_never_takes_the_place_of_a_file(path: Path, tmp_path: Path) -> None:
    write(open_ledger(path), "one")
    taken = tmp_path / "taken.db"
    taken.write_text("mine")
    with pytest.raises(StorageFailure, match="file exists"):
        open_ledger(path).back_up(taken)
    assert taken.read_text() == "mine"


def test_a_copy_that_can_not_be_made_is_not_left_behind(path: Path, tmp_path: Path) -> None:
    write(open_ledger(path), "x" * 200_000)
    code = f"""
import resource
from pathlib import Path
from ledgers import open_ledger
ledger = open_ledger(Path({str(path)!r}))
ledger.run_blocking(lambda it: it.texts(), writes=False)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    ledger.back_up(Path({str(tmp_path / "copy.db")!r}))
except OSError as failure:
    print(type(failure).__name__, failure)
"""
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True
    )
    assert answer.stdout.startswith(f"StorageFailure {tmp_path / 'copy.db'}: ")
    assert not list(tmp_path.glob("*copy*"))


def test_the_log_is_written_back_while_others_read(path: Path) -> None:
    ledger, reader = open_ledger(path), open_ledger(path)
    text = "x" * 100_000
    reader.run_blocking(lambda it: it.texts(), writes=False)
    for _ in range(200):
        ledger.run_blocking(lambda it: it.write(text), writes=True)
        with contextlib.closing(apsw.Connection(str(path))) as other:
            other.execute("BEGIN; SELECT COUNT(*) FROM sqlite_schema").fetchall()
    assert path.stat().st_size > 150 * len(text)
    assert Path(f"{path}-wal").stat().st_size < 80 * len(text)
