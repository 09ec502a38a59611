"""A server process, and what a client does with it by hand."""

import json
import sys
import threading
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import fake_application

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
