"""The examples run as they stand, and the configuration that the README shows can be read."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agent_runtime_relay.runner import Warden, read_crew

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples"
COMMANDS = Path(sys.executable).parent


def run(*command, path=str(COMMANDS), **variables):
    environment = {"PATH": f"{path}:{os.environ['PATH']}", "HOME": os.environ["HOME"], **variables}
    return subprocess.run(
        [*map(str, command)], env=environment, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture
def claude(tmp_path):
    """A program named claude that answers as Claude Code does with -p."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "claude"
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, sys\n"
        "assert sys.argv[1:] == ['-p', '--output-format', 'json'], sys.argv\n"
        "role = sys.stdin.read().split('Your role is ')[1].split('.')[0]\n"
        "result = {'output': f'as {role}', 'quality_score': 0.9, 'confidence': 0.9, 'relevance': 0.9}\n"
        "answer = f'Here it is:\\n```json\\n{json.dumps(result)}\\n```'\n"
        "usage = {'input_tokens': 100, 'output_tokens': 20}\n"
        "print(json.dumps({'type': 'result', 'is_error': False, 'result': answer, 'usage': usage}))\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    return folder


def test_five_roles_work_on_a_text():
    done = run(EXAMPLES / "five_roles.sh")
    assert (done.returncode, done.stderr) == (0, "")
    document = done.stdout.partition("# Tea in a few sentences\n")[2]
    cited = re.findall(r"^- (.+) \(tea\.txt, line (\d+)\)$", document, re.MULTILINE)
    lines = (EXAMPLES / "tea.txt").read_text(encoding="utf-8").splitlines()
    assert len(cited) == 6
    assert [lines[int(number) - 1] for _, number in cited] == [sentence for sentence, _ in cited]


def test_functions_of_one_program_hand_a_baton_on():
    done = run(sys.executable, EXAMPLES / "in_process.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "writer: quality_failure: quality 0.3 is below 0.6",
        "writer: quality 0.9, L-score 0.80",
        "  Tea is made by pouring hot water over the leaves of one plant.",
        "translator: quality 0.9, L-score 0.64",
        "  TEA IS MADE BY POURING HOT WATER OVER THE LEAVES OF ONE PLANT.",
    ]


def test_a_relay_of_claude_runs_where_it_is_installed(claude, tmp_path):
    database = tmp_path / "runtime.db"
    done = run(
        EXAMPLES / "claude_relay.sh",
        "What is tea?",
        path=f"{claude}:{COMMANDS}",
        AGENT_RUNTIME_DB=str(database),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "completed (3/3; 360 tokens used, 99640 left)"


def test_the_readme_shows_a_configuration_that_can_be_read(tmp_path):
    [text] = re.findall(r"^```toml\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "agents.toml").write_text(text, encoding="utf-8")
    (tmp_path / "findings.schema.json").write_text("{}", encoding="utf-8")
    crew = read_crew(tmp_path / "agents.toml", Warden())
    assert crew.thresholds == {"researcher": 0.8}
    assert crew.fallbacks == {"researcher": "domain_expert"}
    assert [check.name for check in crew.checks("researcher")] == ["schema", "command"]
    assert [check.name for check in crew.checks("formatter")] == ["min_length", "reviewer"]
