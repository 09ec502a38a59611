"""The wire, line by line: a real process on real pipes, files, terminals and sockets."""

import fcntl
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import fake_application
import pytest

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": "first",
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}},
}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


def line(message: object) -> bytes:
    return json.dumps(message, ensure_ascii=False).encode() + b"\n"


def call(number: int, tool: str, **arguments: Any) -> bytes:
    params = {"name": tool, "arguments": arguments}
    return line({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params})


class Server:
    """A server process, and what a client does with it by hand."""

    def __init__(self, closed: Path, **streams: Any) -> None:
        how = {"stdin": PIPE, "stdout": PIPE, "stderr": PIPE} | streams
        self.closed = closed
        self.popen: Popen[bytes] = Popen([sys.executable, fake_application.__file__, str(closed)], **how)
        self.guard = threading.Timer(60, self.popen.kill)  # so that a missing answer fails and doesn't hang
        self.guard.start()

    def send(self, *data: bytes) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(b"".join(data))
        self.popen.stdin.flush()

    def answer(self) -> Any:
        assert self.popen.stdout is not None
        return json.loads(self.popen.stdout.readline())

    def initialize(self) -> None:
        self.send(line(INITIALIZE), line(INITIALIZED))
        assert self.answer()["result"]["protocolVersion"] == "2025-06-18"

    def echo(self, number: int, data: bytes | None = None) -> None:
        """See that the server is up."""
        self.send(call(number, "echo") if data is None else data)
        assert self.answer()["id"] == number

    def end(self) -> tuple[list[Any], str]:
        """End the input; return what is still answered, and what was told people."""
        out, err = self.popen.communicate(timeout=20)
        assert self.popen.returncode == 0
        assert self.closed.read_text() == "closed\n"
        return [json.loads(each) for each in out.splitlines()], err.decode()


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


def test_the_server_ends_when_nobody_reads_its_answers_any_more(start: Callable[..., Server]) -> None:
    server = start()
    server.initialize()
    assert server.popen.stdout is not None
    server.popen.stdout.close()
    server.send(call(1, "echo"))
    assert server.popen.wait(20) == 0
    assert server.closed.read_text() == "closed\n"
    assert server.popen.stderr is not None
    assert server.popen.stderr.read() == b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_cleanly(server: Server, number: int) -> None:
    server.popen.send_signal(number)
    assert server.popen.wait(20) == 0
    assert server.closed.read_text() == "closed\n"


def test_a_signal_ends_a_server_on_the_stock_transport(start: Callable[..., Server]) -> None:
    server = start(env={**os.environ, "AGENT_RUNTIME_STDIO": "stock"})
    server.initialize()
    server.popen.send_signal(signal.SIGTERM)
    assert server.popen.wait(20) == 0
    assert server.closed.read_text() == "closed\n"


def test_a_signal_ends_a_call_that_waits(server: Server) -> None:
    server.send(call(1, "wait", seconds=3600), call(2, "echo"))
    assert server.answer()["id"] == 2
    server.popen.send_signal(signal.SIGTERM)
    assert server.answer()["error"]["message"] == "Connection closed"
    assert server.end() == ([], "")


def test_a_signal_ends_a_server_whose_client_does_not_read(server: Server) -> None:
    server.send(*(call(number, "big", characters=400_000) for number in range(3)))
    assert server.popen.stdout is not None
    assert server.popen.stdout.read(1) == b"{"
    server.popen.send_signal(signal.SIGTERM)
    assert server.popen.wait(20) == 0
    assert server.closed.read_text() == "closed\n"


def test_a_signal_that_is_ignored_stays_so(start: Callable[..., Server]) -> None:
    server = start(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    server.initialize()
    server.popen.send_signal(signal.SIGHUP)
    server.echo(1)


def test_descriptors_that_others_share_stay_in_blocking_mode(start: Callable[..., Server]) -> None:
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    server = start(stdin=theirs_in, stdout=theirs_out)
    os.write(ours_out, line(INITIALIZE))
    assert os.read(ours_in, 1 << 16).endswith(b"\n")
    for descriptor in (theirs_in, theirs_out):
        assert not fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_NONBLOCK
    for descriptor in (theirs_in, theirs_out, ours_out, ours_in):
        os.close(descriptor)
    assert server.popen.wait(20) == 0


def test_files_serve_as_input_and_output(start: Callable[..., Server], tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(line(INITIALIZE) + line(INITIALIZED) + call(1, "echo") * 1 + call(2, "echo"))
    with (tmp_path / "in").open("rb") as source, (tmp_path / "out").open("wb") as target:
        server = start(stdin=source, stdout=target)
        assert server.popen.wait(20) == 0
    answers = [json.loads(each)["id"] for each in (tmp_path / "out").read_bytes().splitlines()]
    assert sorted(answers, key=str) == [1, 2, "first"]


def test_an_empty_input_ends_the_server_at_once(start: Callable[..., Server]) -> None:
    server = start(stdin=subprocess.DEVNULL)
    assert server.end() == ([], "")


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "0<&- 1>&- 2>&-"])
def test_closed_descriptors_end_the_server_cleanly(tmp_path: Path, closed: str) -> None:
    command = f'exec "$0" "$@" {closed}'
    arguments = [sys.executable, fake_application.__file__, str(tmp_path / "closed")]
    done = subprocess.run(["/bin/sh", "-c", command, *arguments], input=line(INITIALIZE), stderr=PIPE, timeout=20)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "closed").read_text() == "closed\n"


def test_a_terminal_serves(start: Callable[..., Server]) -> None:
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    server = start(stdin=theirs, stdout=theirs)
    os.close(theirs)
    os.write(ours, line(INITIALIZE) + line(INITIALIZED) + call(1, "echo", text="hi"))
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        received = b""
        while received.count(b"\n") < 2:
            received += terminal.read(4096)
    assert json.loads(received.splitlines()[1])["result"]["structuredContent"] == {"arguments": {"text": "hi"}}
    assert server.popen.wait(20) == 0  # the terminal was closed
    assert server.closed.read_text() == "closed\n"


def test_sockets_serve_as_some_clients_use_them_for_pipes(start: Callable[..., Server]) -> None:
    ours, theirs = socket.socketpair()
    server = start(stdin=theirs, stdout=theirs)
    theirs.close()
    ours.sendall(line(INITIALIZE) + line(INITIALIZED) + call(1, "big", characters=1_000_000))
    with ours, ours.makefile("rb") as lines:
        assert json.loads(lines.readline())["id"] == "first"
        assert json.loads(lines.readline())["result"]["structuredContent"] == {"text": "ä" * 1_000_000}
        ours.shutdown(socket.SHUT_WR)
        assert lines.readline() == b""
    assert server.popen.wait(20) == 0
