"""Claude Code itself, without a login: its health check, and whole sessions with a scripted model."""

import json
import re
from pathlib import Path

import pytest
from scripted_messages import ScriptedMessages

pytest_plugins = ["installed_clients"]
pytestmark = pytest.mark.clients

ROOT = Path(__file__).resolve().parents[2]
OURS = "mcp__agent-runtime__"
PLAN = [
    {"key": "notes", "title": "Write the changelog"},
    {"key": "tag", "title": "Tag the release", "depends_on": ["notes"]},
]


def session(clients, server, steps):
    """Run one headless session of Claude Code; return the script with what it was sent, and the session's outcome."""
    registration = clients.home / "mcp.json"
    registration.write_text(json.dumps({"mcpServers": {"agent-runtime": {"command": server[0], "args": server[1:]}}}))
    options = ["--mcp-config", str(registration), "--strict-mcp-config", "--allowedTools", OURS.rstrip("_")]
    with ScriptedMessages(steps) as model:
        finished = clients.run(
            *(clients.npm("claude"), "-p", "Go on.", *options, "--output-format", "stream-json", "--verbose"),
            ANTHROPIC_BASE_URL=model.address,
            ANTHROPIC_API_KEY="not-a-key",
            CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
            DISABLE_AUTOUPDATER="1",
            ENABLE_TOOL_SEARCH="true",
        )
    events = [json.loads(line) for line in finished.stdout.splitlines()]
    [outcome] = [event for event in events if event["type"] == "result"] or [finished.stdout + finished.stderr]
    assert outcome["subtype"] == "success", outcome
    return model


@pytest.mark.parametrize("readme", ["README.md", "packages/server/README.md"])
def test_what_the_readme_registers_is_healthy(clients, readme):
    text = (ROOT / readme).read_text(encoding="utf-8")
    registration = re.search(r"^claude mcp add .*$", text, re.MULTILINE)[0]
    added = clients.run("bash", "-c", registration)
    assert added.returncode == 0, added.stderr
    checked = clients.run(clients.npm("claude"), "mcp", "get", "agent-runtime")
    assert "Connected" in checked.stdout, checked.stdout + checked.stderr


def test_a_session_plans_and_works_and_the_next_one_goes_on(clients, server):
    first = session(
        clients,
        server,
        [
            (f"{OURS}create_goal", {"name": "Ship version 1.0"}),
            lambda seen: (f"{OURS}decompose_goal", {"goal_id": seen[0]["goal_id"], "plan": PLAN}),
            (f"{OURS}get_next_task", {}),
            lambda seen: (
                f"{OURS}update_task_status",
                {"task_id": seen[2]["task"]["task_id"], "status": "completed", "result": "CHANGELOG.md, 12 entries"},
            ),
            (f"{OURS}get_next_task", {}),
        ],
    )
    assert {"create_goal", "decompose_goal", "get_next_task", "update_task_status", "runtime_overview"} <= {
        name.removeprefix(OURS) for name in first.tools_at_the_start
    }
    goal, plan, claimed, settled, claimed_last = first.results
    assert goal["name"] == "Ship version 1.0"
    assert plan["task_count"] == 2
    assert claimed["task"]["title"] == "Write the changelog"
    assert settled["newly_ready"] == [claimed_last["task"]["task_id"]]
    assert claimed_last["task"]["title"] == "Tag the release"

    second = session(
        clients,
        server,
        [
            (f"{OURS}runtime_overview", {}),
            (f"{OURS}get_next_task", {}),
            lambda seen: (
                f"{OURS}update_task_status",
                {"task_id": seen[1]["task"]["task_id"], "status": "completed", "result": "v1.0"},
            ),
            (f"{OURS}get_next_task", {}),
        ],
    )
    overview, taken_over, settled, nothing = second.results
    [left] = overview["ready"]
    assert left["task_id"] == claimed_last["task"]["task_id"]
    assert left["left_by"]
    assert taken_over["task"]["task_id"] == left["task_id"]
    [prerequisite] = taken_over["task"]["prerequisites"]
    assert prerequisite["result"] == "CHANGELOG.md, 12 entries"
    assert settled["task"]["status"] == "completed"
    assert nothing["task"] is None


def test_a_relay_is_run_by_claude_code_without_a_screen(clients, server):
    command, database = server[0], server[-1]
    clients.run(command, "relay", "create", "Tea", "What is tea?", "researcher", "formatter", "--db", database)
    result = {"output": "Tea is a plant.", "output_summary": "a plant", "quality_score": 0.9, "confidence": 0.9}
    ending = f"Done.\n```json\n{json.dumps({**result, 'relevance': [0.9]})}\n```"
    with ScriptedMessages([], ending=ending) as model:
        finished = clients.run(
            *(command, "relay", "run", "1", "--json", "--db", database),
            *("--agent-command", f"{clients.npm('claude')} -p --output-format json --tools Read"),
            ANTHROPIC_BASE_URL=model.address,
            ANTHROPIC_API_KEY="not-a-key",
            CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
        )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    events = [json.loads(line) for line in finished.stdout.splitlines()]
    completed = [event for event in events if event["event"] == "step_completed"]
    assert [(event["agent"], event["quality_score"]) for event in completed] == [
        ("researcher", 0.9),
        ("formatter", 0.9),
    ]
    assert all(event["tokens_used"] > 0 for event in completed)
    told = json.dumps([request["messages"] for request in model.requests if request.get("tools")])
    assert "You are agent 2 of 2 in a relay" in told
    assert "```summary\\na plant" in told
