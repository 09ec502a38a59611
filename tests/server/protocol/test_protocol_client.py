"""The protocol through the SDK's own client: in memory and over a real process, in both eras."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import fake_application
import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import CallToolResult, Implementation, TextContent

from agent_runtime_mcp.contract.tool_values import ToolListing
from agent_runtime_mcp.protocol.sdk import make_server

INVALID_PARAMS = -32602
ERAS = {"legacy": "2025-11-25", "auto": "2026-07-28"}


SCENARIOS: list[Callable[[Client], Awaitable[None]]] = []


def scenario(action: Callable[[Client], Awaitable[None]]) -> Callable[[Client], Awaitable[None]]:
    SCENARIOS.append(action)
    return action


def text_of(result: CallToolResult) -> str:
    [content] = result.content
    assert isinstance(content, TextContent)
    return content.text


@scenario
async def the_client_learns_who_serves_it(client: Client) -> None:
    assert client.protocol_version in ERAS.values()
    assert client.server_info is not None
    assert (client.server_info.name, client.server_info.version) == ("fake", "1.2.3")
    assert client.instructions == "Read me."


@scenario
async def tools_are_listed_as_they_were_given(client: Client) -> None:
    for _ in range(2):
        tools = (await client.list_tools(cache_mode="bypass")).tools
        assert [tool.name for tool in tools] == [listing.name for listing in fake_application.LISTINGS]
        echo = tools[0].model_dump(by_alias=True, exclude_none=True)
        assert echo == {
            "name": "echo",
            "description": "Answer what was said.",
            "inputSchema": fake_application.SCHEMA,
            "outputSchema": fake_application.LISTINGS[0].output_schema,
            "annotations": {"readOnlyHint": True, "destructiveHint": False},
            "_meta": {"anthropic/alwaysLoad": True},
        }
        assert tools[2].model_dump(by_alias=True, exclude_none=True) == {
            "name": "crash",
            "description": "Raise.",
            "inputSchema": fake_application.SCHEMA,
        }


@scenario
async def a_call_is_answered_as_an_object_and_as_text(client: Client) -> None:
    result = await client.call_tool("echo", {"text": "Grüße ✓"})
    assert result.structured_content == {"arguments": {"text": "Grüße ✓"}}
    assert text_of(result) == '{"arguments": {"text": "Grüße ✓"}}'
    assert not result.is_error


@scenario
async def what_is_told_beside_a_reply_stands_in_its_meta(client: Client) -> None:
    result = await client.call_tool("echo", {"again": 1})
    assert result.meta is not None
    assert result.meta["replayed"] is True


@scenario
async def a_tool_without_arguments_gets_none(client: Client) -> None:
    assert (await client.call_tool("echo")).structured_content == {"arguments": {}}


@scenario
async def an_error_is_a_result_with_a_text_alone(client: Client) -> None:
    await client.list_tools()  # with the output schema at hand the client would check an object
    result = await client.call_tool("refuse")
    assert result.is_error
    assert result.structured_content is None
    assert text_of(result) == '{"error":{"code":"conflict"}}'


@scenario
async def a_crash_is_a_result_without_details_and_the_server_stays_up(client: Client) -> None:
    result = await client.call_tool("crash")
    assert result.is_error
    assert '"internal"' in text_of(result)
    assert "secret" not in text_of(result)
    assert "Traceback" not in text_of(result)
    assert not (await client.call_tool("echo")).is_error


@scenario
async def an_unknown_tool_is_an_error_of_the_protocol(client: Client) -> None:
    with pytest.raises(MCPError) as error:
        await client.call_tool("ecko")
    assert (error.value.error.code, error.value.error.message) == (INVALID_PARAMS, "Unknown tool: ecko")


@scenario
async def an_unlisted_tool_can_be_called(client: Client) -> None:
    assert (await client.call_tool("hidden", {"a": 1})).structured_content == {"arguments": {"a": 1}}


@scenario
async def a_tool_knows_who_calls_it(client: Client) -> None:
    result = await client.call_tool("who", meta={"claudecode/toolUseId": "toolu_1"})
    assert result.structured_content is not None
    assert result.structured_content["tool_use"] == "toolu_1"
    assert (result.structured_content["name"], result.structured_content["version"]) == ("tester", "9")
    assert "claudecode/toolUseId" in result.structured_content["raw"]
    assert (await client.call_tool("who")).structured_content["tool_use"] is None


@scenario
async def progress_reaches_who_asked_for_it_and_nobody_else(client: Client) -> None:
    heard = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total, message))

    await client.call_tool("count", progress_callback=hear)
    assert heard == [(1.0, 2.0, "step 1"), (2.0, 2.0, "step 2")]
    assert not (await client.call_tool("count")).is_error


@scenario
async def calls_overtake_one_that_waits_and_that_one_can_be_cancelled(client: Client) -> None:
    waiting = asyncio.create_task(client.call_tool("wait", {"seconds": 60}))
    assert not (await client.call_tool("echo")).is_error
    assert not waiting.done()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not (await client.call_tool("echo")).is_error


@scenario
async def large_messages_pass_both_ways(client: Client) -> None:
    text = "é" * 1_500_000
    result = await client.call_tool("echo", {"text": text})
    assert result.structured_content == {"arguments": {"text": text}}


def connect(target: Any, mode: str) -> Client:
    return Client(target, mode=mode, client_info=Implementation(name="tester", version="9"))


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("action", SCENARIOS, ids=lambda action: action.__name__)
def test_in_memory(action: Callable[[Client], Awaitable[None]], mode: str) -> None:
    async def run() -> None:
        server = make_server(
            "fake",
            "1.2.3",
            "Read me.",
            lambda: fake_application.LISTINGS,
            fake_application.call,
            unlisted=fake_application.UNLISTED,
        )
        async with connect(server, mode) as client:
            assert client.protocol_version == ERAS[mode]
            await action(client)

    asyncio.run(run())


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("transport", ["", "stock"])
def test_over_a_real_process_one_scenario_after_the_other(mode: str, transport: str, tmp_path: Path) -> None:
    command = StdioServerParameters(
        command=sys.executable,
        args=[fake_application.__file__, str(tmp_path / "closed")],
        env={"AGENT_RUNTIME_STDIO": transport},
    )

    async def run() -> None:
        async with connect(stdio_client(command), mode) as client:
            assert client.protocol_version == ERAS[mode]
            for action in SCENARIOS:
                await action(client)

    asyncio.run(run())
    assert (tmp_path / "closed").read_text() == "closed\n"


def test_the_tools_are_made_when_they_are_needed_and_once() -> None:
    made = []

    def make() -> list[ToolListing]:
        made.append(1)
        return fake_application.LISTINGS

    async def scenario() -> None:
        server = make_server("fake", "1", "", make, fake_application.call)
        async with Client(server) as client:
            assert made == []
            await client.list_tools()
            await client.call_tool("echo")
            await client.list_tools(cache_mode="bypass")
        async with Client(server, mode="legacy") as client:
            await client.list_tools()

    asyncio.run(scenario())
    assert made == [1]
