"""A session with a server over its standard input and output, through the SDK's own client.

Run as a script with the command of a server, it creates a goal there and reads it again.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from mcp.client import Client
from mcp.client.stdio import StdioServerParameters


@asynccontextmanager
async def session(command: Sequence[str], environment: Mapping[str, str] | None = None) -> AsyncIterator[Client]:
    """Start a server and connect to it.

    Args:
        command: the server's command.
        environment: variables that it gets besides PATH, HOME and the like.
    """
    server = StdioServerParameters(command=command[0], args=list(command[1:]), env=dict(environment or {}))
    async with Client(server) as client:
        yield client


async def list_tools(command: Sequence[str], environment: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """Return the tools as the server lists them."""
    async with session(command, environment) as client:
        tools = (await client.list_tools()).tools
    return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]


async def call_tool(client: Client, tool: str, /, **arguments: Any) -> dict[str, Any]:
    """Call a tool and return what it answers.

    Raises:
        RuntimeError: it answers an error.
    """
    result = await client.call_tool(tool, arguments)
    if result.is_error or result.structured_content is None:
        raise RuntimeError(f"{tool}: {result.content}")
    return dict(result.structured_content)


async def _create_and_read(command: Sequence[str]) -> None:
    async with session(command) as client:
        created = await call_tool(client, "create_goal", name="Answer through the installed server")
        shown = await call_tool(client, "get_goal", goal_id=created["goal_id"])
    if shown["name"] != created["name"]:
        raise RuntimeError(f"created {created}, but read {shown}")
    sys.stdout.write(f"goal {shown['goal_id']}: {shown['name']}\n")


if __name__ == "__main__":
    asyncio.run(_create_and_read(sys.argv[1:]))
