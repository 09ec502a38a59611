"""What the READMEs show is true: their commands run here."""

import asyncio
import json
import os
import re
import shlex
import subprocess

import pytest
from checkout import LIBRARIES, ROOT, SCRIPTS, SOURCES
from mcp_session import call_tool, session
from readme import README, blocks, section, shown_tables, tables

from agent_runtime_mcp.cli.context import EXIT_CODES

SERVER_README = ROOT / "packages" / "server" / "README.md"


@pytest.fixture
def environment(tmp_path):
    """An environment with the command on its PATH and nothing of the user's in it."""
    return {"PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}


def run_script(text, environment, folder):
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text], env=environment, cwd=folder, capture_output=True, text=True
    )


def test_installation_comes_first_and_work_on_the_code_last():
    headings = re.findall(r"^## (.+)$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert (headings[0], headings[-2:]) == ("Installation", ["Working on it", "Licence"])


def test_the_demo_and_the_checks_are_a_command_of_one_line_each():
    demo, checks = blocks("sh")
    for command in (demo, checks):
        assert command.count("\n") == 1
        assert command.startswith("python3 -m venv .venv && ")
    assert demo in section("Try it")
    assert demo.endswith(" && .venv/bin/agent-runtime demo\n")
    assert checks in section("Working on it")


def test_ci_runs_the_checks_as_the_readme_shows_them():
    assert f"    {blocks('sh')[1]}" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_tables_of_tools_and_commands_are_what_there_is():
    assert shown_tables() == tables(), "`nox -s tools` brings them up to date"


def test_all_error_codes_have_the_exit_code_that_the_table_shows():
    rows = re.findall(r"^\| (\d) \| (.+) \|$", section("In shell scripts"), re.MULTILINE)
    shown = {name: int(code) for code, text in rows for name in re.findall(r"`(\w+)`", text)}
    assert {name: shown.get(name) for name in EXIT_CODES} == EXIT_CODES


def test_all_environment_variables_are_explained():
    pattern = re.compile(r"\bAGENT_RUNTIME_[A-Z_]+")
    sources = [path for part in ("server", "relay") for path in SOURCES[part].rglob("*.py")]
    read = {name for path in sources for name in pattern.findall(path.read_text("utf-8"))}
    told = set(pattern.findall(section("Agents that run by themselves")))
    assert set(pattern.findall(section("Where the data lives"))) | told == read


def test_the_registration_starts_a_server_that_answers(environment, tmp_path):
    [registration] = blocks("json")
    server = json.loads(registration)["mcpServers"]["agent-runtime"]
    command = [server["command"], *server["args"]]

    async def create():
        async with session(command, {**environment, "CLAUDE_PROJECT_DIR": str(tmp_path)}) as client:
            return await call_tool(client, "create_goal", name="Register it")

    assert asyncio.run(create())["name"] == "Register it"
    for text in (*blocks("bash"), *blocks("bash", SERVER_README)):
        for line in text.replace("\\\n", "").splitlines():
            if line.startswith("claude mcp add "):
                assert shlex.split(line)[-3:] == ["--", *command]


def run_tour(text, environment, folder):
    """Run the block that begins with `init`; it may write nothing to standard error."""
    tour = re.search(r"^```bash\n(agent-runtime init.*?)^```$", text, re.MULTILINE | re.DOTALL)[1]
    finished = run_script(tour, environment, folder)
    assert (finished.returncode, finished.stderr) == (0, "")


def test_the_tour_of_the_command_line_runs(environment, tmp_path):
    run_tour(section("In shell scripts"), environment, tmp_path)
    shown = run_script("agent-runtime task show 1 --json", environment, tmp_path)
    task = json.loads(shown.stdout)
    assert (task["status"], task["result"].strip()) == ("completed", "CHANGELOG.md, 12 entries")


def test_the_tour_of_the_server_runs(environment, tmp_path):
    run_tour(SERVER_README.read_text(encoding="utf-8"), environment, tmp_path)
    overview = run_script("agent-runtime overview --json", environment, tmp_path)
    assert [task["title"] for task in json.loads(overview.stdout)["holding"]] == ["Write the changelog"]


def test_the_tour_of_plans_runs(environment, tmp_path):
    texts = re.findall(r"^```bash\n(.*?)^```$", section("Plans"), re.MULTILINE | re.DOTALL)
    by_hand, registration, by_command = texts
    planned = run_script(by_hand, environment, tmp_path)
    assert (planned.returncode, planned.stderr) == (0, "")
    assert "3 tasks, planned by text" in planned.stdout
    [variable] = [word for word in shlex.split(registration) if word.startswith("AGENT_RUNTIME_PLANNER=")]
    assert shlex.split(variable.partition("=")[2])[:2] == ["claude", "-p"]
    planned = run_script(f"{by_command.rstrip()} --json", environment, tmp_path)
    reply = json.loads(planned.stdout.splitlines()[-1])
    assert (reply["planner"], reply["fallback_reason"], reply["task_count"]) == ("command", None, 2)


@pytest.mark.parametrize("part", ["kernel", *LIBRARIES, "server"])
def test_the_readme_links_to_each_distribution(part):
    assert f"(packages/{part}/README.md)" in section("One library alone")
