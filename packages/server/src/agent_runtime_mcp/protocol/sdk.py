"""The Model Context Protocol, in both of its eras. Only this module and `stdio` know the SDK.

Importing the SDK takes longer than everything else that `serve` does before its first reply, so functions import it.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import json
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..contract.tool_values import CallMeta, ToolListing, ToolReply

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server
    from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams, Tool

STDIO_VARIABLE = "AGENT_RUNTIME_STDIO"

_TOOL_USE = "claudecode/toolUseId"
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_log = logging.getLogger(__name__)


Tools = Sequence[ToolListing] | Callable[[], Sequence[ToolListing]]
Call = Callable[[str, dict[str, Any], CallMeta], Awaitable[ToolReply]]


async def serve(
    name: str,
    version: str,
    instructions: str,
    tools: Tools,
    call: Call,
    *,
    on_close: Callable[[], None],
    unlisted: Collection[str] = (),
) -> None:
    """Serve tools on standard input and output until the input ends, nobody reads the output, or a signal arrives.

    Args:
        name: the name of the server.
        version: its version.
        instructions: the text for a model about the server as a whole.
        tools: the tools to list, or a function that returns them when they are first needed.
        call: answers a call of a tool by its name. An exception is logged, and answered as an internal error.
        on_close: called once at the end, for whatever reason it ends.
        unlisted: the names of tools that can be called but are not listed.
    """
    close = _once(on_close)
    try:
        server = make_server(name, version, instructions, tools, call, unlisted=unlisted)
        gc.freeze()  # modules stay, so no later collection needs to look at them
        if os.environ.get(STDIO_VARIABLE) == "stock":
            await _serve_with_the_stock_transport(server, close)
        else:
            from .stdio import stdio  # noqa: PLC0415 - it imports the SDK

            async with stdio() as (incoming, outgoing):
                with _signals_do(incoming.end):
                    try:
                        await server.run(incoming, outgoing, server.create_initialization_options())
                    finally:
                        close()  # before the wait for the last replies, which a second signal cuts short
    finally:
        close()


def make_server(
    name: str, version: str, instructions: str, tools: Tools, call: Call, *, unlisted: Collection[str] = ()
) -> Server[Any]:
    """Return the SDK's server over the tools; see `serve`."""
    with _without_garbage_collection():
        from mcp.server.lowlevel import Server
        from mcp.shared.exceptions import MCPError
        from mcp_types import INVALID_PARAMS

    @functools.cache
    def listed() -> dict[str, Tool]:
        return {tool.name: _as_tool(tool) for tool in (tools() if callable(tools) else tools)}

    @functools.cache
    def listing() -> ListToolsResult:
        from mcp_types import ListToolsResult

        return ListToolsResult(tools=list(listed().values()))

    async def on_list_tools(_context: Any, _params: PaginatedRequestParams | None) -> ListToolsResult:
        return listing()

    async def on_call_tool(context: Any, params: CallToolRequestParams) -> CallToolResult:
        if params.name not in unlisted and params.name not in listed():
            raise MCPError(code=INVALID_PARAMS, message=f"Unknown tool: {params.name[:200]}")
        try:
            reply = await call(params.name, params.arguments or {}, _call_meta(context))
        except Exception:
            _log.exception("%s failed", params.name)
            reply = _INTERNAL
        return _as_result(reply)

    server: Server[Any] = Server(
        name, version=version, instructions=instructions, on_list_tools=on_list_tools, on_call_tool=on_call_tool
    )
    server.middleware.clear()  # it records spans, which nothing here exports
    return server


def _as_tool(tool: ToolListing) -> Tool:
    from mcp_types import Tool, ToolAnnotations

    return Tool(
        name=tool.name,
        description=tool.description,
        input_schema=dict(tool.input_schema),
        output_schema=None if tool.output_schema is None else dict(tool.output_schema),
        annotations=ToolAnnotations.model_validate(tool.annotations) if tool.annotations else None,
        _meta=dict(tool.meta) if tool.meta else None,
    )


def _as_result(reply: ToolReply) -> CallToolResult:
    from mcp_types import CallToolResult, TextContent

    return CallToolResult(
        content=[TextContent(text=reply.text)],
        structured_content=None if reply.structured is None else dict(reply.structured),
        is_error=reply.is_error,
        _meta=None if reply.meta is None else dict(reply.meta),
    )


def _call_meta(context: Any) -> CallMeta:
    raw = (context.params or {}).get("_meta") or {}
    client = context.session.client_params
    tool_use = raw.get(_TOOL_USE)
    return CallMeta(
        client_name=None if client is None else client.client_info.name,
        client_version=None if client is None else client.client_info.version,
        tool_use_id=tool_use if isinstance(tool_use, str) else None,
        progress=context.session.report_progress,
        raw=raw,
    )


_INTERNAL = ToolReply(
    structured=None,
    text=json.dumps(
        {"error": {"code": "internal", "message": "an error of the server's own", "hint": None, "details": {}}}
    ),
    is_error=True,
)


def _once(action: Callable[[], None]) -> Callable[[], None]:
    left = [action]

    def act() -> None:
        if left:
            left.pop()()

    return act


@contextlib.contextmanager
def _signals_do(action: Callable[[], None]) -> Iterator[None]:
    """Call the action at the first signal to end; a second signal ends the process as usual."""
    import asyncio

    loop = asyncio.get_running_loop()
    heeded = [each for each in _SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]  # nohup ignores SIGHUP

    def release() -> None:
        for each in heeded:
            loop.remove_signal_handler(each)

    def on_signal() -> None:
        release()
        action()

    for each in heeded:
        loop.add_signal_handler(each, on_signal)
    try:
        yield
    finally:
        release()


async def _serve_with_the_stock_transport(server: Server[Any], close: Callable[[], None]) -> None:
    from mcp.server.stdio import stdio_server

    def leave() -> None:
        close()
        os._exit(0)  # a thread waits for input, and Python would wait for the thread

    with _signals_do(leave):
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())


@contextlib.contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Import many modules faster: they make no garbage, yet the collector would search it again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
