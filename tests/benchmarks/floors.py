"""What the disk, SQLite, the SDK and the interpreter cost by themselves.

A figure says little without what it can't fall below, and that one changes with the minute: on a busy machine, and on a
disk that others use, the same transaction takes half as long again, or ten times as long. So each benchmark runs its
floors turn by turn with what it measures.
"""

import subprocess
import sys
from pathlib import Path

import apsw

from agent_runtime_mcp.cli.bench.wire import Wire

_ROWS = 5000

EMPTY_SERVER = """
import anyio, mcp_types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

async def list_tools(context, params):
    return mcp_types.ListToolsResult(tools=[mcp_types.Tool(name="nothing", input_schema={"type": "object"})])

async def call_tool(context, params):
    return mcp_types.CallToolResult(content=[mcp_types.TextContent(type="text", text="{}")], structured_content={})

async def main():
    server = Server("empty", on_list_tools=list_tools, on_call_tool=call_tool)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())

anyio.run(main)
"""


class Transactions:
    """The smallest durable transaction that does some work: one indexed row is changed, one is inserted.

    Args:
        folder: where the file is put: on the disk that is measured.
        synchronous: FULL or NORMAL.
    """

    def __init__(self, folder: Path, synchronous: str) -> None:
        self._connection = apsw.Connection(str(folder / f"floor-{synchronous}.db"))
        self._connection.execute("PRAGMA journal_mode = WAL").fetchall()
        self._connection.execute(f"PRAGMA synchronous = {synchronous}").fetchall()
        self._connection.execute(
            """
            CREATE TABLE items (
                id INTEGER PRIMARY KEY, title TEXT, status TEXT, priority INTEGER, body TEXT
            ) STRICT
            """
        ).fetchall()
        self._connection.execute("CREATE INDEX ready ON items (priority DESC, id) WHERE status = 'pending'").fetchall()
        with self._connection:
            self._connection.executemany(
                "INSERT INTO items (title, status, priority, body) VALUES ('t', 'pending', ?, '{}')",
                [(number % 10,) for number in range(_ROWS)],
            ).fetchall()
        self._changed = 0

    def write(self) -> None:
        """Change one row and insert one."""
        self._changed = self._changed % _ROWS + 1
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute("UPDATE items SET status = 'in_progress' WHERE id = ?", (self._changed,))
        self._connection.execute("INSERT INTO items (title, status, priority, body) VALUES ('t', 'done', 5, '{}')")
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def empty_server() -> Wire:
    """Start the SDK's low-level server on its own transport, with a tool that does nothing."""
    return Wire([sys.executable, "-c", EMPTY_SERVER])


def interpreter_with_click() -> None:
    """Start an interpreter and import what a command can't do without."""
    subprocess.run([sys.executable, "-c", "import click, apsw, attrs"], check=True)


def resident_mib(pid: int) -> float | None:
    """Return the resident memory of a process, where the operating system tells."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    kib = next(line.split()[1] for line in lines if line.startswith("VmRSS"))
    return int(kib) / 1024
