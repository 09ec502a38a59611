"""The command line as tests run it: in this process mostly, for speed, and in real ones where that matters."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
from click.testing import CliRunner, Result

from agent_runtime_mcp.cli.root import root

CLEAN = dict.fromkeys(
    (
        "AGENT_RUNTIME_DB",
        "AGENT_RUNTIME_DB_PATH",
        "AGENT_RUNTIME_DEBUG",
        "AGENT_RUNTIME_PLANNER",
        "AGENT_RUNTIME_SYNCHRONOUS",
        "AGENT_RUNTIME_WORKER",
        "CLAUDE_CODE_SESSION_ID",
        "CLAUDE_PROJECT_DIR",
    )
)


@attrs.define
class Shell:
    """Somebody at a command line, with a database of their own."""

    path: Path
    environment: dict[str, str | None] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.environment = CLEAN | {
            "AGENT_RUNTIME_DB": str(self.path),
            "AGENT_RUNTIME_SYNCHRONOUS": "NORMAL",
            "AGENT_RUNTIME_WORKER": "ada",
            "COLUMNS": "100",
        }

    def __call__(self, *words: object, code: int = 0, given: str | bytes | None = None) -> Result:
        """Run a command in this process."""
        result = CliRunner(env=self.environment).invoke(
            root(), [str(word) for word in words], prog_name="agent-runtime", input=given
        )
        assert result.exit_code == code, (words, result.exit_code, result.stdout, result.stderr, result.exception)
        return result

    def json(self, *words: object, given: str | bytes | None = None) -> dict[str, Any]:
        """Run a command with --json and return the one document that it prints."""
        result = self(*words, "--json", given=given)
        assert result.stderr == ""
        assert result.stdout.endswith("\n")
        return json.loads(result.stdout)

    def refused(self, *words: object, code: int, given: str | bytes | None = None) -> dict[str, Any]:
        """Run a command with --json that is to be refused and return the error that it prints."""
        result = self(*words, "--json", code=code, given=given)
        return error_of(result)

    def call(self, tool: str, arguments: Any = None, *, code: int = 0) -> Any:
        """Run an operation by its MCP name and return what is printed, on either stream."""
        result = self("call", tool, *([] if arguments is None else [json.dumps(arguments)]), code=code)
        return json.loads(result.stdout) if code == 0 else error_of(result)

    def process(self, *words: object, program: str | None = None, **more: Any) -> "subprocess.Popen[str]":
        """Start a command in a process of its own, or a program that runs it."""
        environment = {name: value for name, value in (os.environ | self.environment).items() if value is not None}
        start = ["-m", "agent_runtime_mcp"] if program is None else ["-c", program]
        command = [sys.executable, *start, *map(str, words)]
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE) | more
        return subprocess.Popen(command, env=environment, text=True, **pipes)

    def run(self, *words: object, given: str | None = None, **more: Any) -> tuple[int, str, str]:
        """Run a command in a process of its own, and return its exit code and what it printed on both streams."""
        with self.process(*words, **more) as process:
            printed, errors = process.communicate(given, timeout=60)
        return process.returncode, printed, errors


def error_of(result: Result) -> dict[str, Any]:
    """Return the error that was printed as JSON to standard error, and nothing else anywhere."""
    assert result.stdout == ""
    shown = json.loads(result.stderr)
    assert set(shown) == {"error"}
    assert set(shown["error"]) == {"code", "message", "hint", "details"}
    return shown["error"]
