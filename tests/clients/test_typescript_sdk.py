"""The TypeScript SDK, which most clients are made with: both its majors, in each way they agree on a version."""

import json

import pytest

pytest_plugins = ["installed_clients"]
pytestmark = pytest.mark.clients


def run(clients, *command):
    finished = clients.run("node", *command)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return json.loads(finished.stdout)


def assert_it_works(seen):
    assert seen["server"] == "agent-runtime"
    assert {"create_goal", "get_goal", "get_next_task"} <= set(seen["tools"])
    assert (seen["created"]["name"], seen["created"]["status"]) == ("From TypeScript", "active")
    assert seen["missing"]["isError"] is True
    assert json.loads(seen["missing"]["text"])["error"]["code"] == "not_found"


def test_version_1(clients, server, node_script):
    seen = run(clients, node_script("typescript_v1.mjs"), *server)
    assert_it_works(seen)
    assert "get_next_task" in seen["instructions"]


@pytest.mark.parametrize(
    ("mode", "protocol"), [("auto", "2026-07-28"), ("legacy", "2025-11-25"), ("2026-07-28", "2026-07-28")]
)
def test_version_2(clients, server, node_script, mode, protocol):
    seen = run(clients, node_script("typescript_v2.mjs"), mode, *server)
    assert_it_works(seen)
    assert seen["protocol"] == protocol
