"""The environment, where secrets are, is neither stored nor logged."""

import json
import os
import subprocess
import sys
from pathlib import Path

from raw_server import INITIALIZE, INITIALIZED, call, line

SECRET = "a5b1c7-do-not-store"


def test_no_variable_of_the_environment_is_stored_logged_or_answered(tmp_path: Path) -> None:
    path = tmp_path / "runtime.db"
    environment = {**os.environ, "SOME_API_KEY": SECRET, "AGENT_RUNTIME_WORKER": "ada", "AGENT_RUNTIME_DEBUG": "1"}
    messages = [
        call(1, "create_goal", name="a goal"),
        call(2, "create_task", title="a task", goal_id=1),
        call(3, "get_next_task"),
        call(4, "create_task", title="$SOME_API_KEY ${SOME_API_KEY} %(SOME_API_KEY)s {SOME_API_KEY}"),
        call(5, "get_task", task_id=99),
        call(6, "no_such_tool"),
        call(7, "runtime_overview"),
        line({"jsonrpc": "2.0", "id": 8, "method": "no/such/method"}),
        b"no message\n",
    ]
    finished = subprocess.run(
        [sys.executable, "-m", "agent_runtime_mcp", "serve", "--db", str(path)],
        input=line(INITIALIZE) + line(INITIALIZED) + b"".join(messages),
        env=environment,
        capture_output=True,
    )
    assert finished.returncode == 0
    answers = {answer["id"]: answer for answer in map(json.loads, finished.stdout.splitlines()) if "id" in answer}
    assert answers[3]["result"]["structuredContent"]["task"]["task_id"] == 1
    kept = b"".join(each.read_bytes() for each in tmp_path.iterdir())
    assert b"ada" in kept
    assert b"${SOME_API_KEY}" in kept
    for text in (finished.stdout, finished.stderr, kept):
        assert SECRET.encode() not in text
