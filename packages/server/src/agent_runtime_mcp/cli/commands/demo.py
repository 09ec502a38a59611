"""`agent-runtime demo`: the main job on a real file, with real server processes."""

import asyncio  # noqa: TID253 - the command is loaded for this alone
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from ...replies.json import compact

PLAN = [
    {"key": "schema", "title": "Write the schema", "acceptance_criteria": ["migrates an empty file"]},
    {"key": "import", "title": "Import the old data", "depends_on": ["schema"]},
    {"key": "report", "title": "Write the report", "depends_on": ["schema"], "priority": 7},
    {"key": "release", "title": "Release it", "depends_on": ["import", "report"]},
]


@click.command()
@click.option("--keep", is_flag=True, help="Keep the temporary file and print its path.")
def demo(keep: bool) -> None:
    """Show the main job: two sessions, one goal, a plan, claims, and work that outlives the first session.

    It runs real `agent-runtime serve` processes on a real file in a temporary directory.
    """
    folder = Path(tempfile.mkdtemp(prefix="agent-runtime-demo-"))
    try:
        asyncio.run(_two_sessions(folder / "runtime.db"))
    except BaseExceptionGroup as failures:  # the client runs in a task group
        raise _first(failures) from None
    finally:
        if not keep:
            shutil.rmtree(folder)


async def _two_sessions(path: Path) -> None:
    _say(f"The file: {path}", bold=True)
    async with _Session(path, "session-1") as first:
        goal = await first.call("create_goal", name="Move the shop to SQLite", acceptance_criteria=["no order lost"])
        made = await first.call("decompose_goal", goal_id=goal["goal_id"], plan=PLAN)
        _say(f"  {made['task_count']} tasks, ready: {_titles(made['tasks'], 'ready')}")
        task = (await first.call("get_next_task"))["task"]
        _say(f"  claimed: {task['title']}")
        done = await first.call(
            "update_task_status", task_id=task["task_id"], status="completed", result="schema.sql, 4 tables"
        )
        _say(f"  completed; newly ready: {done['newly_ready']}")
        task = (await first.call("get_next_task"))["task"]
        _say(f"  claimed: {task['title']} (priority {task['priority']})")
        await first.call("renew_task", task_id=task["task_id"], progress="outline written, figures are missing")
        _say("  the session ends in the middle of it")
    async with _Session(path, "session-2") as second:
        overview = await second.call("runtime_overview")
        [left] = [row for row in overview["ready"] if "left_by" in row]
        _say(f"  left by {left['left_by']}: {left['title']}")
        while (task := (await second.call("get_next_task"))["task"]) is not None:
            note = f", last note: {task['progress_note']}" if task["progress_note"] else ""
            _say(f"  claimed: {task['title']} (attempt {task['attempt_history'][-1]['attempt']}{note})")
            for prerequisite in task["prerequisites"]:
                _say(f"    builds on: {prerequisite['title']}: {prerequisite['result']}")
            await second.call(
                "update_task_status", task_id=task["task_id"], status="completed", result=f"{task['title']}: done"
            )
        shown = await second.call("get_goal", goal_id=goal["goal_id"])
        _say(f"  progress: {shown['progress']['completed']} of {shown['progress']['total']} tasks")
        closed = await second.call("update_goal", goal_id=goal["goal_id"], status="completed", outcome="moved")
    if closed["status"] != "completed" or shown["progress"]["percent"] != 100:
        raise click.ClickException(f"the goal was not reached: {compact(shown['progress'])}")
    _say(f"The goal is {closed['status']}; every step above was a call to a real server on that file.", bold=True)


class _Session:
    """A client session with its own server process."""

    def __init__(self, path: Path, name: str) -> None:
        from mcp.client import Client
        from mcp.client.stdio import StdioServerParameters

        _say(f"{name}: agent-runtime serve", bold=True)
        environment = {**os.environ, "AGENT_RUNTIME_WORKER": name, "AGENT_RUNTIME_DB": str(path)}
        command = [sys.executable, "-m", "agent_runtime_mcp", "serve"]
        self._client = Client(StdioServerParameters(command=command[0], args=command[1:], env=environment))

    async def __aenter__(self) -> "_Session":
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *exception: Any) -> None:
        await self._client.__aexit__(*exception)

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool and return its structured reply."""
        _say(f"  > {tool} {compact(arguments)[:100] if arguments else ''}", fg="cyan")
        result = await self._client.call_tool(tool, arguments)
        if result.is_error or result.structured_content is None:
            raise click.ClickException(f"{tool} failed: {getattr(result.content[0], 'text', result)}")
        return dict(result.structured_content)


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    failure = failures.exceptions[0]
    return _first(failure) if isinstance(failure, BaseExceptionGroup) else failure


def _say(text: str, **style: Any) -> None:
    click.secho(text, **style)


def _titles(tasks: list[dict[str, Any]], readiness: str) -> str:
    return ", ".join(task["title"] for task in tasks if task["readiness"] == readiness)
