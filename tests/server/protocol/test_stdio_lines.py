"""The wire, line by line: what is asked, what is answered, what is refused."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fake_application
import pytest
from raw_server import (
    ENVELOPE,
    INITIALIZE,
    INITIALIZED,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    Server,
    call,
    line,
)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start_one(**streams: Any) -> Server:
        servers.append(Server(tmp_path / "closed", **streams))
        return servers[-1]

    yield start_one
    for server in servers:
        server.guard.cancel()
        server.popen.kill()
        server.popen.communicate()


@pytest.fixture
def server(start: Callable[..., Server]) -> Server:
    """Return a server that a test may end."""
    started = start()
    started.initialize()
    return started


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server that has to be up after each test; starting one takes a second."""
    server = Server(tmp_path_factory.mktemp("lasting") / "closed")
    server.initialize()
    yield server
    server.echo(999)
    assert server.end() == ([], "")
    server.guard.cancel()


def test_all_that_was_asked_before_the_end_is_answered(start: Callable[..., Server]) -> None:
    server = start()
    server.send(line(INITIALIZE), line(INITIALIZED), *(call(number, "echo") for number in range(50)))
    server.send(call(50, "wait", seconds=0.2), call(51, "echo").rstrip(b"\n"))
    answers, told = server.end()
    assert {answer["id"] for answer in answers if "result" in answer} == {"first", *range(52)}
    assert told == ""


def test_a_line_may_come_in_pieces_and_several_at_once(lasting: Server) -> None:
    whole = call(1, "echo", text="one") + call(2, "echo") + call(3, "echo")
    for piece in (whole[:1], whole[1:40], whole[40:-10]):
        lasting.send(piece)
    assert lasting.answer()["result"]["structuredContent"] == {"arguments": {"text": "one"}}
    assert lasting.answer()["id"] == 2
    lasting.send(whole[-10:])
    assert lasting.answer()["id"] == 3


def test_line_ends_of_other_systems_and_empty_lines_do_not_matter(server: Server) -> None:
    server.send(b"\n\r\n  \n", call(1, "echo").replace(b"\n", b"\r\n"), b"\n")
    assert server.answer()["id"] == 1
    assert server.end() == ([], "")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"this is not JSON\n", {"id": None, "code": PARSE_ERROR}),
        (b'{"jsonrpc":"2.0","id":7,"method":"tools/call"\n', {"id": None, "code": PARSE_ERROR}),
        (b"[" * 100_000 + b"\n", {"id": None, "code": PARSE_ERROR}),
        (line([{"jsonrpc": "2.0", "id": 7, "method": "ping"}]), {"id": None, "code": INVALID_REQUEST}),
        (line({"jsonrpc": "2.0", "id": 7, "method": 5}), {"id": 7, "code": INVALID_REQUEST}),
        (line({"jsonrpc": "2.0", "id": "x", "method": "ping", "params": []}), {"id": "x", "code": INVALID_REQUEST}),
        (line({"id": 7, "method": "ping"}), {"id": 7, "code": INVALID_REQUEST}),
        (b'{"jsonrpc":"2.0","id":7,"method":"ping\\ud800"}\n', {"id": 7, "code": INVALID_REQUEST}),
        (line({"jsonrpc": "2.0", "id": 7, "method": "tools/guess"}), {"id": 7, "code": METHOD_NOT_FOUND}),
        (call(7, "guess"), {"id": 7, "code": INVALID_PARAMS}),
        (line({"jsonrpc": "2.0", "id": 7, "method": "tools/call"}), {"id": 7, "code": INVALID_PARAMS}),
        (
            line({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "echo", "arguments": [1]}}),
            {"id": 7, "code": INVALID_PARAMS},
        ),
    ],
)
def test_a_request_that_is_wrong_is_refused_and_the_next_is_answered(
    lasting: Server, data: bytes, error: dict[str, Any]
) -> None:
    lasting.send(data)
    answer = lasting.answer()
    assert {"id": answer["id"], "code": answer["error"]["code"]} == error
    lasting.echo(8)


def test_an_answer_that_is_wrong_is_not_answered(lasting: Server) -> None:
    lasting.send(line({"jsonrpc": "2.0", "id": [], "result": 5}))
    lasting.echo(1)


def test_text_that_is_not_utf8_is_taken_with_replacements(lasting: Server) -> None:
    lasting.send(call(1, "echo", text="?!").replace(b"?!", b"\xff\xfe"))
    assert lasting.answer()["result"]["structuredContent"] == {"arguments": {"text": "\ufffd\ufffd"}}


def test_an_unknown_tool_is_named(lasting: Server) -> None:
    lasting.send(call(1, "guess" * 1000))
    assert lasting.answer()["error"] == {"code": INVALID_PARAMS, "message": "Unknown tool: " + ("guess" * 1000)[:200]}


def test_a_call_before_the_handshake_is_refused(start: Callable[..., Server]) -> None:
    server = start()
    server.send(call(1, "echo"))
    assert server.answer()["error"]["code"] == INVALID_PARAMS


def test_the_newer_era_needs_no_handshake(start: Callable[..., Server]) -> None:
    server = start()
    params = {"name": "echo", "arguments": {"text": "hi"}, "_meta": ENVELOPE}
    server.send(line({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}))
    result = server.answer()["result"]
    assert result["structuredContent"] == {"arguments": {"text": "hi"}}
    assert result["resultType"] == "complete"
    server.send(line({"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {"_meta": ENVELOPE}}))
    assert len(server.answer()["result"]["tools"]) == len(fake_application.LISTINGS)
    assert server.end() == ([], "")


def test_what_is_printed_misses_the_wire(server: Server) -> None:
    server.send(call(1, "print"))
    assert server.answer()["result"]["structuredContent"] == {"child": 1}  # its input was at its end
    answers, told = server.end()
    assert answers == []
    assert {"stray print", "stray write"} < set(told.splitlines())
    assert "EOFError" in told


def test_a_client_that_reads_late_gets_every_line_whole(lasting: Server) -> None:
    lasting.send(*(call(number, "big", characters=400_000) for number in range(10)))
    lasting.send(call(10, "echo"))
    numbers = []
    for _ in range(11):
        answer = lasting.answer()
        numbers.append(answer["id"])
        if answer["id"] < 10:
            assert answer["result"]["structuredContent"] == {"text": "ä" * 400_000}
    assert sorted(numbers) == list(range(11))


def test_a_call_that_is_cancelled_while_the_pipe_is_full_leaves_no_half_line(lasting: Server) -> None:
    lasting.send(call(1, "big", characters=400_000), call(2, "big", characters=400_000))
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}}
    lasting.send(line(cancel), call(3, "echo"))
    answers = [lasting.answer()["id"], lasting.answer()["id"]]
    if 3 not in answers:
        answers.append(lasting.answer()["id"])
    assert set(answers) - {2} == {1, 3}
    lasting.echo(4)


def test_a_client_that_sends_much_before_it_reads_is_served(lasting: Server) -> None:
    lasting.send(call(1, "echo", text="é" * 4_000_000))
    assert lasting.answer()["result"]["structuredContent"] == {"arguments": {"text": "é" * 4_000_000}}
