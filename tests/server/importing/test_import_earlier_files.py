"""`agent-runtime import`: files of earlier servers, made with plain SQL, and what becomes of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest
from click.testing import CliRunner
from operating import Runtime, rows_of

from agent_runtime_mcp.cli.root import root
from agent_runtime_mcp.doctor.doctor import Doctor

PLAIN = (
    """
    CREATE TABLE goals (
        id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, description TEXT, status TEXT DEFAULT 'active',
        metadata TEXT, created_at TEXT, updated_at TEXT, completed_at TEXT
    )
    """,
    """
    CREATE TABLE tasks (
        id INTEGER PRIMARY KEY AUTOINCREMENT, goal_id INTEGER, title TEXT, description TEXT, status TEXT,
        priority INTEGER, result TEXT, error TEXT, dependencies TEXT, created_at TEXT, completed_at TEXT
    )
    """,
)
RELAYS = (
    """
    CREATE TABLE relay_pipelines (
        id INTEGER PRIMARY KEY, name TEXT, goal TEXT, agent_types TEXT, status TEXT, current_step INTEGER,
        token_budget INTEGER, tokens_used INTEGER, baton_data TEXT, created_at REAL
    )
    """,
    """
    CREATE TABLE relay_steps (
        id INTEGER PRIMARY KEY, pipeline_id INTEGER, step_index INTEGER, agent_type TEXT, status TEXT,
        quality_score REAL, l_score REAL, output_entity_id INTEGER, tokens_used INTEGER
    )
    """,
    """
    CREATE TABLE circuit_breakers (
        agent_id TEXT PRIMARY KEY, state TEXT, failure_count INTEGER, failure_threshold INTEGER, window_seconds INTEGER,
        cooldown_seconds INTEGER, fallback_agent TEXT, opened_at REAL
    )
    """,
)
AGENTS = '["researcher", "analyzer", "formatter"]'

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make an earlier file."""

    def make_file(*statements: str, name: str = "earlier.db") -> Path:
        connection = apsw.Connection(str(tmp_path / name))
        for sql in statements:
            connection.execute(sql)
        connection.close()
        return tmp_path / name

    return make_file


def take(runtime: Runtime, earlier: Path, code: int = 0) -> dict[str, Any]:
    """Import a file, which is left as it is; what was written must be sound."""
    before = {path.name: path.read_bytes() for path in earlier.parent.glob(f"{earlier.name}*")}
    runtime.database.close()
    finished = CliRunner().invoke(root(), ["import", str(earlier), "--json", "--db", str(runtime.path)])
    assert {path.name: path.read_bytes() for path in earlier.parent.glob(f"{earlier.name}*")} == before
    assert finished.exit_code == code, finished.output
    assert Doctor(runtime.database).examine().faults == ()
    return dict(json.loads(finished.stdout if code == 0 else finished.stderr))


def notes(report: dict[str, Any], fate: str) -> list[str]:
    return [f"{one['subject']}: {one['what']}" for one in report[fate]]


def test_goals_and_tasks_keep_their_ids_texts_times_and_order(runtime: Runtime, make: Make) -> None:
    earlier = make(
        *PLAIN,
        """
        INSERT INTO goals (name, description, status, metadata, created_at, completed_at) VALUES
            ('Ship it', 'all of it', 'completed', '{"team": "blue"}', '2025-01-02T03:04:05Z', '2025-02-01T00:00:00Z'),
            ('Next', NULL, 'active', NULL, '2025-01-03 00:00:00', NULL)
        """,
        """
        INSERT INTO tasks (goal_id, title, description, status, priority, result, error, dependencies, created_at,
                           completed_at) VALUES
            (1, 'build', 'make', 'completed', 8, 'built', NULL, '[]', '2025-01-02T04:00:00Z', '2025-01-05T00:00:00Z'),
            (1, 'test', NULL, 'completed', 5, 'green', NULL, '[1]', '2025-01-02T04:00:00Z', '2025-01-06T00:00:00Z'),
            (2, 'plan', NULL, 'pending', 5, NULL, NULL, '[2]', '2025-01-03T00:00:00Z', NULL),
            (2, 'write', NULL, 'pending', 5, NULL, NULL, '[3]', '2025-01-03T00:00:00Z', NULL),
            (2, 'drop', NULL, 'failed', 5, NULL, 'no way', '[3]', '2025-01-03T00:00:00Z', '2025-01-04T00:00:00Z')
        """,
    )
    assert take(runtime, earlier) == {
        "taken": {"goals": 2, "tasks": 5, "relays": 0, "breakers": 0},
        "changed_ids": {"goals": [], "tasks": [], "relays": []},
        "mapped": [],
        "left": [],
    }
    goal = runtime("get_goal", goal_id=1)
    assert {
        name: goal[name] for name in ("name", "description", "status", "metadata", "created_at", "completed_at")
    } == {
        "name": "Ship it",
        "description": "all of it",
        "status": "completed",
        "metadata": {"team": "blue"},
        "created_at": "2025-01-02T03:04:05.000Z",
        "completed_at": "2025-02-01T00:00:00.000Z",
    }
    build = runtime("get_task", task_id=1)
    assert (build["priority"], build["result"], build["created_at"], build["completed_at"]) == (
        8,
        "built",
        "2025-01-02T04:00:00.000Z",
        "2025-01-05T00:00:00.000Z",
    )
    tasks = {one: runtime("get_task", task_id=one) for one in range(1, 6)}
    assert [(one["status"], one["readiness"], one["dependencies"]) for one in tasks.values()] == [
        ("completed", None, []),
        ("completed", None, [1]),
        ("pending", "ready", [2]),
        ("pending", "waiting", [3]),
        ("failed", None, [3]),
    ]
    assert tasks[5]["error"] == "no way"
    assert [event.operation for event in runtime.journal()] == ["import"]


def test_ids_that_are_taken_become_others(runtime: Runtime, make: Make) -> None:
    runtime.task("here before", goal_id=runtime.goal("here before"))
    earlier = make(
        *PLAIN,
        "INSERT INTO goals (id, name) VALUES (1, 'one'), (7, 'seven')",
        "INSERT INTO tasks (id, goal_id, title, dependencies) VALUES (1, 7, 'a', '[]'), (9, 1, 'b', '[1, \"1\"]')",
    )
    report = take(runtime, earlier)
    assert report["changed_ids"] == {
        "goals": [{"earlier": 1, "now": 2}, {"earlier": 7, "now": 3}],
        "tasks": [{"earlier": 1, "now": 2}, {"earlier": 9, "now": 3}],
        "relays": [],
    }
    task = runtime("get_task", task_id=3)
    assert (task["title"], task["goal_id"], task["dependencies"]) == ("b", 2, [2])


def test_what_does_not_fit_is_mapped_or_left_and_named(runtime: Runtime, make: Make) -> None:
    earlier = make(
        *PLAIN,
        """
        INSERT INTO goals (name, status, metadata, created_at) VALUES
            ('', 'strange', '{broken', 'yesterday'), ('closed over open work', 'completed', '[1]', 1735689600)
        """,
        """
        INSERT INTO tasks (id, goal_id, title, status, priority, dependencies, result) VALUES
            (1, 99, 'an unknown goal', 'in_progress', 70, '[42, 1, "x"]', 'half done'),
            (2, 2, 'of the closed goal', 'blocked', 'high', 'not json', NULL),
            (3, NULL, 'done before what it depends on', 'done', NULL, '[2]', NULL)
        """,
        "CREATE TABLE agent_notes (id INTEGER)",
    )
    report = take(runtime, earlier)
    assert notes(report, "mapped") == [
        "goal 1: name was empty and became 'goal 1 of the earlier file'",
        "task 1: priority '70' became 10",
        "task 2: priority 'high' became 8",
        "task 1: status 'in_progress' became pending",
        "task 2: status 'blocked' became pending",
        "task 3: status 'done' became completed",
        "goal 1: status 'strange' became active",
        "goal 2: completed with 1 open tasks: stays active",
    ]
    assert notes(report, "left") == [
        "goal 1: created_at 'yesterday' is not a time",
        "goal 1: metadata is not a JSON object",
        "goal 2: metadata is not a JSON object",
        "task 1: its goal 99, which does not exist",
        "task 1: its dependency on task 42, which does not exist",
        "task 1: its dependency on itself",
        "task 1: its dependency on task x, which does not exist",
        "task 2: dependencies is not a JSON list",
        "task 1: its result, as the task is open",
        "task 3: 1 dependencies on tasks that are not completed, as this task is",
        "table agent_notes: not known",
    ]
    assert runtime("get_goal", goal_id=2)["created_at"] == "2025-01-01T00:00:00.000Z"


def test_dependencies_in_a_circle_lose_one_link_each(runtime: Runtime, make: Make) -> None:
    earlier = make(
        *PLAIN,
        """
        INSERT INTO tasks (id, title, status, dependencies) VALUES
            (1, 'a', 'pending', '[2]'), (2, 'b', 'pending', '[3]'), (3, 'c', 'pending', '[1, 4]'), (4, 'd', 'pending',
             '[]'), (5, 'e', 'completed', '[6]'), (6, 'f', 'completed', '[5]')
        """,
    )
    report = take(runtime, earlier)
    assert len(report["left"]) == 2
    links = {one: runtime("get_task", task_id=one)["dependencies"] for one in range(1, 7)}
    assert sum(map(len, links.values())) == 4
    assert 4 in links[3]
    assert [runtime("get_task", task_id=one)["status"] for one in (5, 6)] == ["completed", "completed"]


def test_pipelines_go_on_from_the_step_they_had_reached(runtime: Runtime, make: Make) -> None:
    earlier = make(
        *RELAYS,
        f"""
        INSERT INTO relay_pipelines VALUES
            (1, 'running', 'a goal', '{AGENTS}', 'running', 2, 5000, 300, '{{"handoff": 1}}', 1735689600),
            (2, 'finished', 'a goal', '{AGENTS}', 'completed', 3, 100, 600, NULL, 1735689600.5),
            (3, 'failed', 'a goal', '{AGENTS}', 'failed', 0, NULL, 0, NULL, NULL),
            (4, 'without steps', 'a goal', '{AGENTS}', 'pending', 1, 9000, 50, NULL, NULL),
            (5, 'broken', 'a goal', '[[[', 'pending', 0, 9000, 0, NULL, NULL),
            (6, 'nobody', 'a goal', '[]', 'cancelled', 0, 9000, 0, NULL, NULL)
        """,
        """
        INSERT INTO relay_steps (pipeline_id, step_index, agent_type, status, quality_score, l_score,
                                 output_entity_id, tokens_used) VALUES
            (1, 0, 'researcher', 'completed', 0.3, 0.2, 11, 100), (1, 1, 'analyzer', 'completed', 0.8, NULL, 12, 200),
            (1, 2, 'formatter', 'pending', NULL, NULL, NULL, NULL),
            (2, 2, 'formatter', 'completed', 0.9, 0.9, NULL, 300), (2, 0, 'researcher', 'completed', 0.9, 0.9, 0, 100),
            (2, 1, 'analyzer', 'completed', 0.9, 0.9, -1, 200),
            (3, 0, 'researcher', 'failed', 0.1, 0.1, NULL, 5), (3, 1, 'analyzer', 'completed', 0.1, 0.1, NULL, 5),
            (5, 0, 'solo', 'pending', NULL, NULL, NULL, NULL),
            (77, 0, 'nobody', 'pending', NULL, NULL, NULL, NULL)
        """,
    )
    report = take(runtime, earlier)
    assert report["taken"]["relays"] == 5
    assert notes(report, "mapped") == [
        "pipeline 1, step 1: l_score null became 0.0",
        "pipeline 3: status 'failed' became paused, which can be resumed",
        "pipeline 4, step 0: quality_score null became 0.0",
        "pipeline 4, step 0: l_score null became 0.0",
        "pipeline 5: agent_types taken from its steps",
    ]
    left = notes(report, "left")
    assert left[:2] == [
        "pipeline 3, step 1: was completed after a step that was not",
        "pipeline 5: agent_types is not a JSON list",
    ]
    assert left[2].startswith("pipeline 6: agent_types ")
    assert left[3:] == ["pipeline 77: 1 steps of a pipeline that does not exist"]
    first = runtime("get_relay_status", pipeline_id=1)
    assert (first["status"], first["current_step"], first["tokens_used"], first["token_budget"]) == (
        "in_progress",
        2,
        300,
        5000,
    )
    assert first["quality_scores"] == [0.3, 0.8]
    assert '{"handoff": 1}' in runtime("get_relay_baton", pipeline_id=1)["prompt"]
    statuses = [runtime("get_relay_status", pipeline_id=number) for number in range(2, 6)]
    assert [(one["status"], one["current_step"], one["tokens_used"], one["token_budget"]) for one in statuses] == [
        ("completed", 3, 600, 100),
        ("paused", 0, 0, 100_000),
        ("in_progress", 1, 50, 9000),
        ("pending", 0, 0, 9000),
    ]
    listed = runtime("list_relay_pipelines")["pipelines"]
    assert [one["created_at"] for one in listed[:2]] == ["2025-01-01T00:00:00.000Z", "2025-01-01T00:00:00.500Z"]


def test_breakers_keep_their_settings_and_stay_open(runtime: Runtime, make: Make) -> None:
    runtime("circuit_breaker_configure", agent_id="known", failure_threshold=2)
    earlier = make(
        *RELAYS,
        """
        INSERT INTO circuit_breakers VALUES
            ('coder', 'OPEN', 3, 4, 120, 600, 'writer', 1800000000),
            ('half', 'half_open', 0, 5, 60, 300, NULL, NULL),
            ('odd', 'melted', 0, 0, -5, 300, 'odd', NULL),
            ('known', 'open', 0, 9, 60, 300, NULL, NULL),
            ('', 'closed', 0, 5, 60, 300, NULL, NULL)
        """,
    )
    report = take(runtime, earlier)
    assert report["taken"]["breakers"] == 3
    assert notes(report, "mapped") == [
        "breaker half: state half_open became open, which becomes half_open after its cooldown",
        "breaker odd: state 'melted' became closed",
    ]
    left = notes(report, "left")
    assert any(line.startswith("breaker : agent_id ") for line in left)
    assert "breaker coder: its count of 3 failures, whose times are unknown" in left
    assert "breaker known: this agent has a breaker already" in left
    assert sum(line.startswith("breaker odd: ") for line in left) == 3
    coder = runtime("circuit_breaker_status", agent_id="coder")
    assert (coder["state"], coder["failure_threshold"], coder["window_seconds"], coder["cooldown_seconds"]) == (
        "open",
        4,
        120.0,
        600.0,
    )
    assert coder["fallback_agent"] == "writer"
    assert runtime("circuit_breaker_status", agent_id="known")["failure_threshold"] == 2


def test_a_file_with_one_known_table_is_enough(runtime: Runtime, make: Make) -> None:
    earlier = make("CREATE TABLE tasks (id TEXT, title TEXT)", "INSERT INTO tasks VALUES ('t-1', 'one'), (NULL, NULL)")
    report = take(runtime, earlier)
    assert report["taken"]["tasks"] == 2
    assert report["changed_ids"]["tasks"] == [{"earlier": None, "now": 1}, {"earlier": "t-1", "now": 2}]


def test_a_file_in_use_is_read_with_what_stands_in_its_log(runtime: Runtime, make: Make) -> None:
    earlier = make("PRAGMA journal_mode = WAL", *PLAIN)
    writer = apsw.Connection(str(earlier))
    writer.execute("INSERT INTO goals (name) VALUES ('just written')")
    runtime.database.close()
    finished = CliRunner().invoke(root(), ["import", str(earlier), "--json", "--db", str(runtime.path)])
    writer.close()
    assert json.loads(finished.stdout)["taken"]["goals"] == 1


def test_a_file_at_rest_gets_no_files_beside_it(runtime: Runtime, make: Make) -> None:
    earlier = make("PRAGMA journal_mode = WAL", *PLAIN, "INSERT INTO goals (name) VALUES ('one')")
    assert take(runtime, earlier)["taken"]["goals"] == 1
    assert [path.name for path in earlier.parent.glob("earlier.db*")] == ["earlier.db"]


def test_other_files_are_refused_and_nothing_is_written(runtime: Runtime, make: Make, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no database " * 100, encoding="utf-8")
    empty = make("CREATE TABLE other (id INTEGER)", name="other.db")
    before = runtime.tables()
    for path, reason in (
        (tmp_path / "missing.db", "no such file or directory"),
        (text, "is not a database"),
        (empty, "has none of the tables of an earlier agent-runtime server"),
        (runtime.path, "is a database of this version already"),
    ):
        finished = CliRunner().invoke(root(), ["import", str(path), "--json", "--db", str(runtime.path)])
        assert finished.exit_code == 6
        error = json.loads(finished.stderr)["error"]
        assert (error["code"], error["details"]["reason"]) == ("storage", reason)
    assert runtime.tables() == before


def test_all_of_it_is_written_or_nothing(runtime: Runtime, make: Make) -> None:
    earlier = make(*PLAIN, "INSERT INTO goals (name) VALUES ('one')", *RELAYS)
    connection = apsw.Connection(str(runtime.path))
    connection.execute(
        "CREATE TRIGGER no_more BEFORE INSERT ON server_journal BEGIN SELECT RAISE(ABORT, 'the journal is full'); END"
    )
    before = rows_of(connection)
    finished = CliRunner().invoke(root(), ["import", str(earlier), "--json", "--db", str(runtime.path)])
    assert finished.exit_code == 1
    assert rows_of(connection) == before
    connection.close()


def test_people_are_told_what_was_taken_and_what_was_not(runtime: Runtime, make: Make) -> None:
    earlier = make(
        *PLAIN,
        "INSERT INTO goals (id, name) VALUES (4, 'one')",
        "INSERT INTO tasks (id, title, status) VALUES (1, 'a', 'in_progress')",
        "CREATE TABLE other (id INTEGER)",
    )
    finished = CliRunner().invoke(root(), ["import", str(earlier), "--db", str(runtime.path)])
    assert finished.stdout.splitlines() == [
        "taken    1 goals, 1 tasks, 0 relays, 0 breakers",
        "ids      1 have changed; --json lists them",
        "mapped   task 1: status 'in_progress' became pending",
        "left     table other: not known",
    ]
