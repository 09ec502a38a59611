"""`agent-runtime bench`: what it promises, how it judges, and one short run with a real server."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent_runtime_mcp.cli.bench.command import nearest_folder
from agent_runtime_mcp.cli.bench.figures import DECOMPOSITION, HANDOFF, Figure, Promise, Verdict
from agent_runtime_mcp.cli.bench.report import Report
from agent_runtime_mcp.cli.bench.tables import show
from agent_runtime_mcp.cli.bench.wire import Wire, WireError
from agent_runtime_mcp.cli.bench.work import goal_text

COMMAND = [sys.executable, "-m", "agent_runtime_mcp", "bench"]
SERVER = [sys.executable, "-m", "agent_runtime_mcp", "serve", "--db"]


def verdict(*milliseconds: float, promise: Promise = HANDOFF) -> Verdict:
    return Verdict(promise=promise, figure=Figure(name="it", milliseconds=milliseconds))


def report(*verdicts: Verdict) -> Report:
    return Report(
        folder=Path("/data"),
        synchronous="FULL",
        start=800.04,
        verdicts=verdicts,
        operations=(Figure(name="create_task", milliseconds=(1.0, 3.0)),),
    )


def test_the_two_promises_and_how_far_they_may_be_missed():
    assert (DECOMPOSITION.target, DECOMPOSITION.limit) == (1200, 1500)
    assert (HANDOFF.target, HANDOFF.limit) == (89, 133.5)


def test_a_promise_is_kept_up_to_its_tolerance_and_by_being_faster():
    assert verdict(0.1).kept
    assert verdict(133.5).kept
    assert not verdict(133.6).kept


def test_one_slow_call_of_many_breaks_no_promise_and_one_in_ten_does():
    assert verdict(*[10.0] * 99, 5000.0).kept
    assert not verdict(*[10.0] * 90, *[5000.0] * 10).kept


def test_figures_are_the_median_the_95th_of_a_hundred_and_the_rate_in_a_row():
    figure = Figure(name="it", milliseconds=tuple(float(number) for number in range(101)))
    assert (figure.p50, figure.p95) == (50.0, 95.0)
    assert Figure(name="it", milliseconds=(2.0, 6.0)).per_second == 250.0
    assert Figure(name="it", milliseconds=(7.0,)).p95 == 7.0


def test_a_report_is_kept_when_all_its_promises_are():
    good, bad = verdict(1.0), verdict(1000.0)
    assert report(good, good).kept
    assert not report(good, bad).kept


def test_a_report_as_json():
    shown = report(verdict(1.0, 1.0, promise=DECOMPOSITION)).as_json()
    environment = shown.pop("environment")
    assert set(environment) == {"folder", "synchronous", "cores", "system", "python", "sqlite"}
    assert shown == {
        "kept": True,
        "promises": [
            {
                "name": "task decomposition",
                "target_ms": 1200,
                "tolerance_percent": 25,
                "limit_ms": 1500,
                "p50_ms": 1.0,
                "p95_ms": 1.0,
                "samples": 2,
                "kept": True,
            }
        ],
        "start_ms": 800.0,
        "operations": [{"name": "create_task", "p50_ms": 2.0, "p95_ms": 2.9, "per_second": 500.0, "samples": 2}],
    }


def test_people_read_the_verdict_in_a_table(capsys):
    show(report(verdict(1.0), verdict(1000.0, promise=DECOMPOSITION), verdict(1000.0)))
    text = capsys.readouterr().out
    rows = [line.split() for line in text.splitlines()]
    assert ["baton", "handoff", "89", "ms", "±50%", "133.5", "1.00", "1.00", "kept"] in rows
    assert ["task", "decomposition", "1200", "ms", "±25%", "1500", "1000.00", "1000.00", "kept"] in rows
    assert ["baton", "handoff", "89", "ms", "±50%", "133.5", "1000.00", "1000.00", "not", "kept"] in rows
    assert ["create_task", "500", "2.00", "2.90", "2"] in rows


def test_the_goal_that_is_broken_down_has_two_kib_and_other_words_each_time():
    first, second = goal_text(1), goal_text(2)
    assert first != second
    assert 2000 <= len(first.encode()) <= 2200


def test_a_short_run_with_a_real_server_leaves_the_database_and_its_folder_alone(tmp_path):
    database = tmp_path / "runtime.db"
    database.write_bytes(b"untouched")
    run = subprocess.run(
        [*COMMAND, "--seconds", "1", "--json", "--db", str(database)], capture_output=True, text=True, check=False
    )
    assert run.stderr == ""
    shown = json.loads(run.stdout)
    assert run.returncode == (0 if shown["kept"] else 1)
    assert [(promise["name"], promise["samples"] >= 1) for promise in shown["promises"]] == [
        ("task decomposition", True),
        ("baton handoff", True),
    ]
    assert shown["promises"][1]["samples"] % 48 == 0
    assert {operation["name"] for operation in shown["operations"]} == {
        "create_task",
        "get_next_task",
        "update_task_status",
        "get_task",
        "list_tasks",
        "runtime_overview",
        "circuit_breaker_acquire",
        "circuit_breaker_record_success",
        "advance_relay",
        "get_relay_baton",
    }
    assert shown["environment"]["folder"] == str(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["runtime.db"]
    assert database.read_bytes() == b"untouched"


def test_a_missing_folder_is_not_made(tmp_path):
    assert nearest_folder(tmp_path) == tmp_path
    assert nearest_folder(tmp_path / "not" / "yet") == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_the_wire_says_what_a_tool_refused(tmp_path):
    with Wire([*SERVER, str(tmp_path / "runtime.db")]) as server:
        assert server.milliseconds_to_first_reply > 0
        with pytest.raises(WireError, match=r"get_task: .*not_found"):
            server.call("get_task", task_id=1)
        with pytest.raises(WireError, match="tools/call: Unknown tool"):
            server.call("get_tusk")


def test_the_wire_says_that_the_server_is_gone():
    with pytest.raises(WireError, match="the server ended"):
        Wire([sys.executable, "-c", "pass"])
