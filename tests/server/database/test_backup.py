"""`agent-runtime backup`: a copy made while others write is one moment, whole, private and never in the way."""

import errno
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import apsw
import pytest
from click.testing import CliRunner
from operating import Runtime

from agent_runtime_mcp.cli.root import root
from agent_runtime_mcp.database.database import Database
from agent_runtime_mcp.database.sqlite import copying as _copying
from agent_runtime_mcp.doctor.doctor import Doctor
from agent_runtime_mcp.runtime.libraries import Libraries, all_schemas

# Creates tasks in pairs, each pair in one transaction, and says so after each.
WRITER = """
import sys
from pathlib import Path
from agent_runtime_mcp.runtime.libraries import Libraries, all_schemas
from agent_runtime_mcp.database.database import Database

def write(libraries):
    with libraries.connection:
        first = libraries.tasks.create("one of a pair").task.task_id
        libraries.tasks.create("the other", dependencies=(first,))
    return first + 1

database = Database(Path(sys.argv[1]), Libraries, all_schemas, synchronous="NORMAL")
while True:
    print(database.run_blocking(write, writes=True), flush=True)
"""
COMMAND = [sys.executable, "-m", "agent_runtime_mcp", "backup"]


def back_up(runtime: Runtime, target: Path) -> Any:
    return CliRunner().invoke(root(), ["backup", str(target), "--json", "--db", str(runtime.path)])


def refusal(finished: Any) -> str:
    assert finished.exit_code == 6
    assert finished.stdout == ""
    error = json.loads(finished.stderr)["error"]
    assert error["code"] == "storage"
    return str(error["details"]["reason"])


def opened(path: Path) -> Database[Any]:
    return Database(path, Libraries, all_schemas, synchronous="NORMAL", may_create=False)


def test_a_backup_under_full_write_load_is_one_moment(runtime: Runtime, tmp_path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(runtime.path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    try:
        for number in range(5):
            acknowledged = int([writer.stdout.readline() for _ in range(20)][-1])
            target = tmp_path / f"copy-{number}.db"
            assert back_up(runtime, target).exit_code == 0
            after = int(writer.stdout.readline())
            copy = opened(target)
            assert Doctor(copy).examine().faults == ()
            tasks = copy.run_blocking(lambda libraries: libraries.tasks.counts([0])[0], writes=False)
            count = tasks.ready + tasks.waiting
            assert tasks.ready == tasks.waiting, "half a transaction was copied"
            assert count >= acknowledged, "an acknowledged write is not in the copy"
            copy.close()
            assert after > acknowledged, "the writer was kept waiting"
    finally:
        writer.kill()
        writer.communicate()


def test_a_copy_is_for_this_user_alone_and_stands_alone(runtime: Runtime, tmp_path: Path) -> None:
    runtime.task("before")
    target = tmp_path / "copies" / "copy.db"
    target.parent.mkdir()
    old = os.umask(0)
    try:
        finished = back_up(runtime, target)
    finally:
        os.umask(old)
    assert json.loads(finished.stdout) == {"path": str(target), "size_bytes": target.stat().st_size}
    assert [path.name for path in target.parent.iterdir()] == ["copy.db"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    copy = Runtime(target, runtime.clock)
    assert copy("get_task", task_id=1)["title"] == "before"
    copy.task("after")
    copy.database.close()
    assert len(runtime("list_tasks")["tasks"]) == 1


def test_nothing_is_overwritten(runtime: Runtime, tmp_path: Path) -> None:
    target = tmp_path / "precious.txt"
    target.write_text("precious", encoding="utf-8")
    assert refusal(back_up(runtime, target)) == "is there already"
    assert target.read_text(encoding="utf-8") == "precious"
    dangling = tmp_path / "link.db"
    dangling.symlink_to(tmp_path / "nowhere.db")
    assert refusal(back_up(runtime, dangling)) == "is there already"
    assert not (tmp_path / "nowhere.db").exists()
    assert refusal(back_up(runtime, runtime.path)) == "is there already"


def test_a_folder_that_is_not_there_is_not_made(runtime: Runtime, tmp_path: Path) -> None:
    target = tmp_path / "missing" / "copy.db"
    assert refusal(back_up(runtime, target)) == f"its folder {target.parent} does not exist"


def test_there_must_be_something_to_copy(tmp_path: Path) -> None:
    missing, target = tmp_path / "missing.db", tmp_path / "copy.db"
    finished = CliRunner().invoke(root(), ["backup", str(target), "--json", "--db", str(missing)])
    assert refusal(finished) == "does not exist"
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_database_gives_no_backup(runtime: Runtime, tmp_path: Path) -> None:
    runtime.task("a task")
    runtime.database.close()
    connection = apsw.Connection(str(runtime.path))
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("UPDATE sqlite_schema SET rootpage = 99999 WHERE name = 'tasks_by_goal'")
    connection.close()
    target = tmp_path / "copy.db"
    assert refusal(back_up(runtime, target))
    assert not target.exists()


def limited() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, 64 * 1024))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def test_a_copy_that_does_not_fit_leaves_nothing_behind(runtime: Runtime, tmp_path: Path) -> None:
    runtime.database.close()
    target = tmp_path / "copy.db"
    finished = subprocess.run(
        [*COMMAND, str(target), "--db", str(runtime.path)], preexec_fn=limited, capture_output=True, text=True
    )
    assert finished.returncode == 6, finished.stderr
    assert str(target) in finished.stderr
    assert [path.name for path in tmp_path.iterdir() if "copy" in path.name] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_backup_leaves_nothing_behind(runtime: Runtime, tmp_path: Path, number: signal.Signals) -> None:
    runtime.task("a task")
    runtime.database.close()
    target = tmp_path / "copy.db"
    program = f"""
import os
from agent_runtime_mcp.database.sqlite import copying
from agent_runtime_mcp.__main__ import main

def interrupt(copy, target):
    assert _copying.unfinished(target).stat().st_size > 0
    os.kill(os.getpid(), {int(number)})

copying._require_intact = interrupt  # the moment at which all is copied and nothing is checked
main()
"""
    finished = subprocess.run(
        [sys.executable, "-c", program, "backup", str(target), "--db", str(runtime.path)],
        capture_output=True,
        text=True,
    )
    assert finished.returncode not in (0, 6), finished.stderr
    assert [path.name for path in tmp_path.iterdir() if "copy" in path.name] == []


def killed_when_all_is_copied(runtime: Runtime, target: Path) -> None:
    program = """
import os, signal
from agent_runtime_mcp.database.sqlite import copying
from agent_runtime_mcp.__main__ import main

def be_killed(copy, target):
    os.kill(os.getpid(), signal.SIGKILL)

copying._require_intact = be_killed
main()
"""
    finished = subprocess.run([sys.executable, "-c", program, "backup", str(target), "--db", str(runtime.path)])
    assert finished.returncode == -signal.SIGKILL


def test_a_killed_backup_leaves_nothing_under_its_name_and_what_it_leaves_the_next_one_takes_away(
    runtime: Runtime, tmp_path: Path
) -> None:
    runtime.task("a task")
    folder = tmp_path / "copies"
    folder.mkdir()
    target = folder / "copy.db"
    killed_when_all_is_copied(runtime, target)
    left = [".copy.db.agent-runtime-partial"]
    assert [path.name for path in folder.iterdir()] == left
    assert stat.S_IMODE((folder / left[0]).stat().st_mode) == 0o600
    (folder / f"{left[0]}-journal").write_bytes(b"of a copy that was never whole" * 100)
    assert back_up(runtime, target).exit_code == 0
    assert [path.name for path in folder.iterdir()] == ["copy.db"]
    copy = opened(target)
    assert Doctor(copy).examine().faults == ()
    copy.close()


def test_of_two_backups_to_one_name_at_a_time_the_second_is_refused(runtime: Runtime, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    program = """
import sys
from agent_runtime_mcp.database.sqlite import copying
from agent_runtime_mcp.__main__ import main

def wait(copy, target):
    print("copied", flush=True)
    sys.stdin.readline()

copying._require_intact = wait
main()
"""
    command = [sys.executable, "-c", program, "backup", str(target), "--db", str(runtime.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "copied\n"
        assert refusal(back_up(runtime, target)) == "is being written by another process"
        first.communicate("go on\n")
    assert first.returncode == 0
    assert refusal(back_up(runtime, target)) == "is there already"


def test_a_file_that_comes_while_a_copy_is_made_is_left_alone(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "copy.db"
    monkeypatch.setattr(_copying, "_require_intact", lambda *_: target.write_text("mine"))
    assert refusal(back_up(runtime, target)) == "file exists"
    assert target.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir() if "copy" in path.name] == ["copy.db"]


@pytest.mark.parametrize("taken", [False, True])
def test_where_a_file_can_have_one_name_only_nothing_is_overwritten_either(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: bool
) -> None:
    target = tmp_path / "copy.db"

    def no_links(*_: object, **__: object) -> None:
        if taken:
            target.write_text("mine")
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    finished = back_up(runtime, target)
    if taken:
        assert refusal(finished) == "file exists"
        assert target.read_text() == "mine"
    else:
        assert finished.exit_code == 0
        copy = opened(target)
        assert Doctor(copy).examine().faults == ()
        copy.close()
    assert [path.name for path in tmp_path.iterdir() if "copy" in path.name] == ["copy.db"]
