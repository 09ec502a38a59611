"""A planner command behind the server, used by the SDK's client over a real process, in both eras of the protocol."""

import asyncio
import fcntl
import json
import os
import shlex
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client

GUARD = 60  # seconds after which a test that hangs fails
PLAN = [{"key": "a", "title": "Write the parser"}, {"title": "Test the parser", "depends_on": ["a"]}]

# Says that it runs, and goes on when the test lets go of the lock.
PLANNER = """\
import fcntl, pathlib, sys, time
sys.stdin.read()
fcntl.flock(open({alive!r}), fcntl.LOCK_SH)
fcntl.flock(open({lock!r}), fcntl.LOCK_SH)
print({plan!r})
"""


class Planning:
    """A server whose planner command waits for the test, and the progress that its client receives."""

    def __init__(self, folder: Path, new_file: Path) -> None:
        self.alive, lock, script = folder / "alive", folder / "lock", folder / "planner.py"
        self.alive.touch()
        self.lock = lock.open("w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        script.write_text(PLANNER.format(alive=str(self.alive), lock=str(lock), plan=json.dumps(PLAN)))
        (folder / "runtime.db").write_bytes(new_file.read_bytes())
        self.heard: list[tuple[float, float | None, str | None]] = []
        self.first = asyncio.Event()
        self.server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "agent_runtime_mcp", "serve", "--db", str(folder / "runtime.db")],
            env={"PATH": os.environ["PATH"], "AGENT_RUNTIME_PLANNER": shlex.join([sys.executable, "-S", str(script)])},
        )

    async def hear(self, progress: float, total: float | None, message: str | None) -> None:
        self.heard.append((progress, total, message))
        self.first.set()

    def let_go(self) -> None:
        self.lock.close()

    def require_ended(self) -> None:
        """Wait until the planner command has ended."""

        def wait() -> None:
            with self.alive.open() as file:
                fcntl.flock(file, fcntl.LOCK_EX)

        waiting = threading.Thread(target=wait, daemon=True)
        waiting.start()
        waiting.join(GUARD)
        assert not waiting.is_alive()


def run(scenario: Callable[[Client, Planning], Awaitable[None]], mode: str, folder: Path, new_file: Path) -> Planning:
    async def connected() -> Planning:
        planning = Planning(folder, new_file)
        with planning.lock:
            async with Client(stdio_client(planning.server), mode=mode) as client:
                await scenario(client, planning)
            planning.require_ended()
        return planning

    return asyncio.run(asyncio.wait_for(connected(), GUARD))


async def answer(client: Client, tool: str, arguments: dict[str, Any], **more: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments, **more)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_the_server_reports_progress_and_answers_others_while_the_command_runs(mode, tmp_path, new_file):
    async def scenario(client: Client, planning: Planning) -> None:
        goal_id = (await answer(client, "create_goal", {"name": "Parse"}))["goal_id"]
        decomposing = asyncio.create_task(
            answer(client, "decompose_goal", {"goal_id": goal_id}, progress_callback=planning.hear)
        )
        await planning.first.wait()
        assert (await answer(client, "get_goal", {"goal_id": goal_id}))["tasks"] == []
        assert not decomposing.done()
        planning.let_go()
        reply = await decomposing
        assert (reply["planner"], reply["fallback_reason"]) == ("command", None)
        assert [task["title"] for task in reply["tasks"]] == ["Write the parser", "Test the parser"]

    planning = run(scenario, mode, tmp_path, new_file)
    assert planning.heard[0] == (0.0, 45.0, f"{sys.executable} is planning")
    assert planning.heard == sorted(planning.heard)


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_cancelling_the_call_ends_the_command_and_writes_nothing(mode, tmp_path, new_file):
    async def scenario(client: Client, planning: Planning) -> None:
        goal_id = (await answer(client, "create_goal", {"name": "Parse"}))["goal_id"]
        decomposing = asyncio.create_task(
            answer(client, "decompose_goal", {"goal_id": goal_id}, progress_callback=planning.hear)
        )
        await planning.first.wait()
        decomposing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await decomposing
        await asyncio.to_thread(planning.require_ended)
        assert (await answer(client, "get_goal", {"goal_id": goal_id}))["tasks"] == []

    run(scenario, mode, tmp_path, new_file)


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_when_the_client_leaves_the_command_ends(mode, tmp_path, new_file):
    async def scenario(client: Client, planning: Planning) -> None:
        goal_id = (await answer(client, "create_goal", {"name": "Parse"}))["goal_id"]
        left.append(
            asyncio.create_task(
                client.call_tool("decompose_goal", {"goal_id": goal_id}, progress_callback=planning.hear)
            )
        )
        await planning.first.wait()

    left: list[asyncio.Task[Any]] = []
    run(scenario, mode, tmp_path, new_file)
    assert isinstance(left[0].exception(), MCPError)
