"""The tools as a client sees them, and the golden file that holds them.

Run as a script (`nox -s tools`, after a change of the tools that is meant), it brings the golden file and the README's
tables up to date.
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from mcp_session import list_tools
from readme import write_tables

GOLDEN = Path(__file__).with_name("tool_schemas.json")


def listed_tools() -> list[dict[str, Any]]:
    """Return the tools as a server on a new file lists them."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "agent_runtime_mcp", "serve", "--db", f"{folder}/runtime.db"]
        return asyncio.run(list_tools(command))


def as_text(tools: list[dict[str, Any]]) -> str:
    """Return the text of the golden file: sorted by name, as order says nothing to a client."""
    by_name = {tool["name"]: tool for tool in sorted(tools, key=lambda tool: str(tool["name"]))}
    return json.dumps(by_name, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    GOLDEN.write_text(as_text(listed_tools()), encoding="utf-8")
    write_tables()
