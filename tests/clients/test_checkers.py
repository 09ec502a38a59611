"""Tools that check servers: the Inspector, a prober of schemas and calls, and a fuzzer."""

import json
import shlex

import pytest

pytest_plugins = ["installed_clients"]
pytestmark = pytest.mark.clients


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_the_inspector_finds_no_fault_with_the_tools(clients, server, era):
    inspector = (clients.npm("mcp-inspector"), "--cli", *server, "--protocol-era", era, "--format", "json")
    listed = clients.run(*inspector, "--method", "tools/list", "--strict")
    assert listed.returncode == 0, listed.stdout + listed.stderr
    tools = json.loads(listed.stdout)
    assert "get_next_task" in json.dumps(tools)
    called = clients.run(*inspector, "--method", "tools/call", "--tool-name", "runtime_overview")
    assert called.returncode == 0, called.stdout + called.stderr


def test_the_prober_finds_no_fault_with_schemas_and_calls(clients, server):
    """It makes arguments from the schemas; where only some ids and tokens are right, it is given them."""

    def call(tool, **arguments):
        command = (server[0], "call", *server[2:], tool, json.dumps(arguments))
        return json.loads(clients.run(*command).stdout)

    for title in ("One", "Two"):
        call("create_task", title=title)
    claimed = call("update_task_status", task_id=2, status="in_progress")
    call("create_relay_pipeline", name="Has an output", goal="One", agent_types=["writer", "editor"])
    call("advance_relay", pipeline_id=1, quality_score=1, l_score=1, tokens_used=1, output="text")
    call("create_relay_pipeline", name="Has failed", goal="Two", agent_types=["writer"])
    call("advance_relay", pipeline_id=2, quality_score=0, l_score=0, tokens_used=1)
    permit = call("circuit_breaker_acquire", agent_id="writer")
    arguments = {
        "renew_task": {"task_id": 2, "claim_token": claimed["claim_token"]},
        "get_relay_output": {"pipeline_id": 1, "output_id": 1},
        "retry_relay_step": {"pipeline_id": 2, "step_index": 0},
        "circuit_breaker_release": {"agent_id": "writer", "permit_id": permit["permit_id"]},
    }
    given = clients.home / "arguments.json"
    given.write_text(json.dumps(arguments))
    prober = (clients.pip("amagi-mcp-probe"), "--strict", "--allow-destructive", "--args", str(given))
    finished = clients.run(*prober, "--", *server)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_the_fuzzer_breaks_nothing(clients, server):
    """Its exit code is 0 whatever it finds, so its report decides; and the server logs no bug."""
    log = clients.home / "server.log"
    logging = ("bash", "-c", f"exec {shlex.join(server)} 2>>{shlex.quote(str(log))}")
    target = ("--mode", "tools", "--protocol", "stdio", "--endpoint", shlex.join(logging))
    options = ("--phase", "both", "--runs", "20", "--seed", "1", "--no-network", "--log-level", "WARNING")
    fuzzer = (clients.pip("mcp-fuzzer"), *target, *options, "--output-dir", str(clients.home / "reports"))
    finished = clients.run(*fuzzer, timeout=300)
    [report] = clients.home.glob("reports/sessions/*/*_fuzzing_results.json")
    tools = json.loads(report.read_text())["data"]["tools_tested"]
    broken = ("crashed", "anomaly", "exceptions")
    assert [tool for tool in tools if any(tool["outcomes"][outcome] for outcome in broken)] == [], finished.stdout
    assert {tool["runs"] for tool in tools} == {40}
    assert "Traceback" not in log.read_text()
