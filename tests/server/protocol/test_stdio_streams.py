"""What the wire may be, and how it ends: pipes, files, terminals, sockets, nothing; signals, and readers that go."""

import fcntl
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import fake_application
import pytest
from raw_server import (
    INITIALIZE,
    INITIALIZED,
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
