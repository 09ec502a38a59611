"""Tools that check servers: the Inspector, a prober of schemas and calls, and a fuzzer."""

import json
import re
import shlex

import pytest

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
    prober = clients.pip("amagi-mcp-probe")
    finished = clients.run(prober, "--strict", "--allow-destructive", "--", *server)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_the_fuzzer_breaks_nothing(clients, server):
    """Its exit code is 0 whatever it finds, so its counts decide."""
    fuzzer = clients.pip("mcp-fuzzer")
    endpoint = ("--mode", "tools", "--protocol", "stdio", "--endpoint", shlex.join(server))
    options = ("--phase", "both", "--runs", "20", "--seed", "1", "--no-network", "--log-level", "WARNING")
    finished = clients.run(fuzzer, *endpoint, *options, "--output-dir", str(clients.home / "reports"), timeout=300)
    counts = dict(re.findall(r"Total ([A-Z][\w/ ]*): (\d+)", finished.stdout))
    assert {name: counts.get(name) for name in ("Crashes", "Transport/Protocol Anomalies", "Exceptions")} == {
        "Crashes": "0",
        "Transport/Protocol Anomalies": "0",
        "Exceptions": "0",
    }, finished.stdout + finished.stderr
