"""`agent-runtime doctor`: files damaged for real, what is found in each, and what is put right."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import apsw
import pytest
from click.testing import CliRunner
from operating import Runtime, rows_of

from agent_runtime_mcp.cli.root import root

AGENTS = ["researcher", "writer"]
DAY = 24 * 3600 * 1000


def doctor(path: Path, *options: str, code: int) -> dict[str, Any]:
    """Run the command and return its report."""
    finished = CliRunner().invoke(root(), ["doctor", "--json", "--db", str(path), *options])
    assert (finished.exit_code, finished.stderr) == (code, "")
    report = json.loads(finished.stdout)
    assert report["healthy"] is (code == 0)
    return dict(report)


def found(report: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    return [(one["check"], one["subject"], one["expected"], one["found"]) for one in report["findings"]]


def damage(path: Path, *statements: str) -> None:
    """Change a file behind the back of the libraries."""
    connection = apsw.Connection(str(path))
    for sql in statements:
        connection.execute(sql)
    connection.close()


@pytest.fixture
def path(runtime: Runtime) -> Path:
    """A file with some of everything: tasks 1 (completed), 2 (waits for 3), 3 (claimed), a relay, breakers."""
    goal = runtime.goal()
    first = runtime.task("first", goal_id=goal)
    third = runtime.task("third", goal_id=goal)
    runtime.task("waiting", goal_id=goal, dependencies=[first, third])
    runtime.settle(first)
    runtime.claim(third)
    runtime("create_relay_pipeline", name="a relay", goal="a goal", agent_types=AGENTS)
    runtime("advance_relay", pipeline_id=1, quality_score=1.0, l_score=1.0, tokens_used=5)
    runtime("circuit_breaker_trip", agent_id="coder")
    runtime.database.close()
    return runtime.path


def content(path: Path) -> dict[str, Any]:
    connection = apsw.Connection(str(path))
    rows = rows_of(connection)
    connection.close()
    return rows


def test_a_sound_file_is_healthy_and_left_as_it_is(path: Path) -> None:
    before = content(path)
    report = doctor(path, "--fix", code=0)
    assert content(path) == before
    assert report == {
        "healthy": True,
        "path": str(path),
        "size_bytes": path.stat().st_size,
        "wal_bytes": report["wal_bytes"],
        "mode": f"{path.stat().st_mode & 0o777:04o}",
        "sqlite_version": apsw.sqlite_lib_version(),
        "schemas": {"goals": 1, "tasks": 1, "relay": 1, "breakers": 1, "server": 1},
        "journal": {"rows": 9, "last": 9, "pruned_through": 0},
        "checked": {"goals": 1, "tasks": 3, "relays": 1, "breakers": 2, "journal": 9},
        "skipped": [],
        "finding_count": 0,
        "findings": [],
        "fixed_count": 0,
        "fixed": [],
        "pruned": None,
    }


@pytest.mark.parametrize(
    ("sql", "finding"),
    [
        ("UPDATE goals_counts SET goals = 9 WHERE status = 'active'", ("goals", "status active", "1", "9")),
        ("UPDATE tasks_counts SET waiting = 0 WHERE goal_id = 0", ("tasks", "all goals", "1", "0")),
        ("UPDATE tasks_tasks SET state = 'ready', offer = 10 WHERE id = 3", ("tasks", "task 3", "waiting", "ready")),
        ("UPDATE relay_pipelines SET tokens_used = 0", ("relays", "pipeline 1", "5", "0")),
        (
            "UPDATE breakers_breakers SET shown_state = 'half_open', half_opens_at = NULL",
            ("breakers", "agent coder", "open", "half_open"),
        ),
        ("DROP INDEX tasks_by_state", ("sqlite", "tasks_by_state", "the index", "none")),
    ],
)
def test_what_is_derived_is_found_wrong_and_fixed(path: Path, sql: str, finding: tuple[str, ...]) -> None:
    damage(path, sql)
    report = doctor(path, code=4)
    assert finding in found(report)
    assert all(one["derived"] for one in report["findings"])
    fixed = doctor(path, "--fix", code=0)
    assert fixed["fixed"] == report["findings"]
    assert fixed["fixed_count"] == report["finding_count"] > 0
    assert doctor(path, code=0)["findings"] == []


def test_an_index_that_lost_rows_is_made_anew(path: Path) -> None:
    damage(
        path,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET sql = sql || ' AND id > 2' WHERE name = 'tasks_by_goal'",
    )
    damage(path, "REINDEX tasks_by_goal")
    damage(
        path,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET sql = replace(sql, ' AND id > 2', '') WHERE name = 'tasks_by_goal'",
    )
    report = doctor(path, code=4)
    assert {one["what"] for one in report["findings"]} == {"index"}
    assert any("tasks_by_goal" in one["found"] for one in report["findings"])
    assert report["skipped"] == ["goals", "tasks", "relays", "breakers", "journal"], "they would be misled"
    assert doctor(path, "--fix", code=0)["fixed"] == report["findings"]


def test_an_orphan_claim_is_found_and_no_fix_touches_it(path: Path) -> None:
    damage(
        path,
        """
        INSERT INTO tasks_claims (task_id, worker, token, fence, lease, started_at, expires_at)
        VALUES (1, 'ghost', 't', 1, 1000, 1, 2)
        """,
    )
    before = content(path)
    expected = [("tasks", "task 1", "no claim", "a claim of ghost on a task that is completed")]
    assert found(doctor(path, code=4)) == expected
    report = doctor(path, "--fix", code=4)
    assert (found(report), report["fixed_count"]) == (expected, 0)
    assert content(path) == before


def test_two_live_batons_are_found_and_neither_is_chosen(path: Path) -> None:
    damage(
        path,
        "DROP INDEX relay_live_batons",
        """
        INSERT INTO relay_attempts
            (pipeline_id, step_index, attempt, baton_id, state, agent_offered, route_reason, last_resort, depth,
             created_at, tokens_used)
        VALUES (1, 1, 7, '1.2.7.forged', 'ready', 'writer', 'own_step', 0, 1, 1, 0)
        """,
    )
    before = content(path)
    expected = [
        ("sqlite", "relay_live_batons", "the index", "none"),
        ("relays", "pipeline 1", "at most 1", "2"),
    ]
    assert found(doctor(path, code=4)) == expected
    assert found(doctor(path, "--fix", code=4)) == expected
    assert content(path) == before


def test_a_reference_that_leads_nowhere_is_found(path: Path) -> None:
    damage(
        path, "PRAGMA foreign_keys = OFF", "UPDATE tasks_dependencies SET depends_on_id = 99 WHERE depends_on_id = 1"
    )
    assert ("sqlite", "table tasks_dependencies", "a row of tasks_tasks", "none") in found(doctor(path, code=4))


@pytest.mark.parametrize(
    ("seqs", "gaps"),
    [
        ("3, 4", [("rows 3 to 4", "2 rows")]),
        ("1", [("rows 1 to 1", "1 rows")]),
        ("9", [("rows 9 to 9", "1 rows")]),
        ("1, 2, 5, 8, 9", [("rows 1 to 2", "2 rows"), ("rows 5 to 5", "1 rows"), ("rows 8 to 9", "2 rows")]),
        ("1, 2, 3, 4, 5, 6, 7, 8, 9", [("rows 1 to 9", "9 rows")]),
    ],
)
def test_gaps_in_the_journal_are_found_and_stay(path: Path, seqs: str, gaps: list[tuple[str, str]]) -> None:
    damage(path, f"DELETE FROM server_journal WHERE seq IN ({seqs})")
    expected = [("journal", subject, rows, "none") for subject, rows in gaps]
    assert found(doctor(path, "--fix", code=4)) == expected


def test_a_journal_row_whose_number_was_never_given_is_found(path: Path) -> None:
    damage(path, "UPDATE server_journal SET seq = 12 WHERE seq = 9")
    assert found(doctor(path, code=4)) == [
        ("journal", "rows 9 to 11", "3 rows", "none"),
        ("journal", "row 12", "none", "a row"),
    ]


def test_pruning_removes_old_rows_and_leaves_no_gap(path: Path) -> None:
    damage(path, f"UPDATE server_journal SET at = at - {40 * DAY} - 2000000000000 WHERE seq < 5 OR seq = 7")
    assert doctor(path, "--prune", code=0)["pruned"] == 4, "row 7 stays, as 5 and 6 do"
    report = doctor(path, "--prune", code=0)
    assert (report["pruned"], report["journal"]) == (0, {"rows": 5, "last": 9, "pruned_through": 4})
    damage(path, "DELETE FROM server_journal WHERE seq = 5")
    assert found(doctor(path, code=4)) == [("journal", "rows 5 to 5", "1 rows", "none")]


def test_a_flipped_byte_in_a_page_is_found_and_nothing_is_guessed(path: Path) -> None:
    connection = apsw.Connection(str(path))
    size = connection.pragma("page_size")
    [(page,)] = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'tasks_tasks'").fetchall()
    connection.pragma("wal_checkpoint(TRUNCATE)")
    connection.close()
    raw = bytearray(path.read_bytes())
    raw[(page - 1) * size + 3] ^= 0x40  # the number of cells on the page
    path.write_bytes(raw)
    report = doctor(path, "--fix", code=4)
    assert {(one["check"], one["what"], one["derived"]) for one in report["findings"]} == {("sqlite", "damage", False)}
    assert report["skipped"] == ["goals", "tasks", "relays", "breakers", "journal"]
    assert path.read_bytes() == bytes(raw)


def test_a_file_too_damaged_to_be_opened_is_a_finding_too(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.pragma("wal_checkpoint(TRUNCATE)")
    connection.close()
    raw = bytearray(path.read_bytes())
    raw[100] = 0  # what kind of page the first one is
    path.write_bytes(raw)
    report = doctor(path, "--fix", code=4)
    assert [(one["check"], one["what"], one["derived"]) for one in report["findings"]] == [("sqlite", "damage", False)]
    assert "is damaged" in report["findings"][0]["found"]
    assert path.read_bytes() == bytes(raw)


def test_modes_that_let_others_read_are_found(path: Path) -> None:
    path.chmod(0o644)
    assert ("file", str(path), "0600", "0644") in found(doctor(path, code=4))
    path.chmod(0o600)
    for side in path.parent.glob("runtime.db-*"):
        side.chmod(0o600)
    assert doctor(path, code=0)["mode"] == "0600"


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    missing = tmp_path / "missing.db"
    finished = subprocess.run(
        [sys.executable, "-m", "agent_runtime_mcp", "doctor", "--db", str(missing)], capture_output=True, text=True
    )
    assert finished.returncode == 6
    assert "does not exist" in finished.stderr
    assert not missing.exists()


def test_people_are_told_what_is_wrong_and_what_would_help(path: Path) -> None:
    command = [sys.executable, "-m", "agent_runtime_mcp", "doctor", "--db", str(path)]
    healthy = subprocess.run(command, capture_output=True, text=True)
    assert (healthy.returncode, healthy.stderr) == (0, "")
    assert f"file     {path}\n" in healthy.stdout
    assert healthy.stdout.endswith("\nAll is well.\n")
    damage(path, "UPDATE goals_counts SET goals = 9 WHERE status = 'active'")
    wrong = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"})
    assert wrong.returncode == 4
    assert "wrong    goals: status active: count of goals: expected 1, found 9\n" in wrong.stdout
    assert wrong.stdout.endswith("can be rebuilt: agent-runtime doctor --fix\n")
    fixed = subprocess.run([*command, "--fix"], capture_output=True, text=True)
    assert fixed.returncode == 0
    assert "fixed    goals: status active: count of goals: expected 1, found 9\n" in fixed.stdout


def test_progress_is_shown_on_a_terminal_and_not_in_the_report(path: Path) -> None:
    terminal, its_other_end = pty.openpty()
    command = [sys.executable, "-m", "agent_runtime_mcp", "doctor", "--json", "--db", str(path)]
    finished = subprocess.run(command, stdout=subprocess.PIPE, stderr=its_other_end, text=True)
    os.close(its_other_end)
    shown = os.read(terminal, 65536)
    os.close(terminal)
    assert b"rows" in shown
    assert json.loads(finished.stdout)["healthy"] is True
