"""An application as small as can be: as values for a client in memory, as a program for real ones."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from agent_runtime_mcp.contract.tool_values import CallMeta, ToolListing, ToolReply
from agent_runtime_mcp.protocol.sdk import serve

SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}, "additionalProperties": True}
LISTINGS = [
    ToolListing(
        name="echo",
        description="Answer what was said.",
        input_schema=SCHEMA,
        output_schema={"type": "object", "properties": {"arguments": {"type": "object"}}, "required": ["arguments"]},
        annotations={"readOnlyHint": True, "destructiveHint": False},
        meta={"anthropic/alwaysLoad": True},
    ),
    ToolListing(name="refuse", description="Answer an error.", input_schema=SCHEMA, output_schema={"type": "object"}),
    ToolListing(name="crash", description="Raise.", input_schema=SCHEMA),
    ToolListing(name="who", description="Answer who calls.", input_schema=SCHEMA),
    ToolListing(name="count", description="Report progress.", input_schema=SCHEMA),
    ToolListing(name="wait", description="Answer after some seconds.", input_schema=SCHEMA),
    ToolListing(name="big", description="Answer so many characters.", input_schema=SCHEMA),
    ToolListing(name="print", description="Print where a server must not, and let a child do so.", input_schema=SCHEMA),
]
UNLISTED = frozenset({"hidden"})


async def call(name: str, arguments: dict[str, Any], meta: CallMeta) -> ToolReply:
    match name:
        case "echo" | "hidden":
            return reply({"arguments": arguments}, meta={"replayed": True} if "again" in arguments else None)
        case "refuse":
            return ToolReply(structured=None, text='{"error":{"code":"conflict"}}', is_error=True)
        case "who":
            who = {"name": meta.client_name, "version": meta.client_version, "tool_use": meta.tool_use_id}
            return reply({**who, "raw": sorted(meta.raw)})
        case "count":
            for done in (1.0, 2.0):
                await meta.progress(done, 2.0, f"step {done:.0f}")
            return reply({})
        case "wait":
            await asyncio.sleep(arguments["seconds"])
            return reply({})
        case "big":
            return reply({"text": "ä" * arguments["characters"]})
        case "print":
            print("stray print")  # noqa: T201 - the point of it
            os.write(1, b"stray write\n")
            child = await asyncio.create_subprocess_exec(sys.executable, "-c", "print('stray child', repr(input()))")
            return reply({"child": await child.wait()})
    raise RuntimeError("secret detail")


def reply(structured: dict[str, Any], meta: dict[str, Any] | None = None) -> ToolReply:
    return ToolReply(structured=structured, text=json.dumps(structured, ensure_ascii=False), meta=meta)


async def main() -> None:
    def on_close() -> None:
        with Path(sys.argv[1]).open("a") as file:
            file.write("closed\n")

    await serve("fake", "1.2.3", "Read me.", lambda: LISTINGS, call, on_close=on_close, unlisted=UNLISTED)


if __name__ == "__main__":
    asyncio.run(main())
