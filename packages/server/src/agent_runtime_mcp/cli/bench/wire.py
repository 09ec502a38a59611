"""A minimal MCP client that writes one JSON message a line, so that it measures the server and not an SDK."""

import contextlib
import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

PROTOCOL = "2025-11-25"
_PATIENCE = 20  # seconds that a server may take to end


class WireError(Exception):
    """The server refused a request, answered an error, or has ended."""


class Wire:
    """A session with a server process over its standard input and output.

    Attributes:
        milliseconds_to_first_reply: measured from before the process was started.

    Args:
        command: the server's command.
        environment: its environment variables, or None for those of this process.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self._last_id = 0
        started = time.perf_counter()
        self._process = subprocess.Popen(  # noqa: S603 - the command is the caller's own
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )
        try:
            self.request(
                "initialize",
                {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}},
            )
            self.milliseconds_to_first_reply = (time.perf_counter() - started) * 1000
            self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._process.pid

    def request(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request and return its result.

        Raises:
            WireError: the server refuses it, or has ended.
        """
        self._last_id += 1
        self._send({"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params})
        while True:
            answer = self._receive()
            if answer.get("id") != self._last_id or "method" in answer:
                continue  # a notification from the server
            if "error" in answer:
                raise WireError(f"{method}: {answer['error']['message']}")
            result: dict[str, Any] = answer["result"]
            return result

    def call(self, tool: str, /, **arguments: Any) -> dict[str, Any]:
        """Call a tool and return its structured reply.

        Raises:
            WireError: the tool answers an error, or the server has ended.
        """
        result = self.request("tools/call", {"name": tool, "arguments": arguments})
        if result.get("isError"):
            raise WireError(f"{tool}: {result['content'][0]['text']}")
        reply: dict[str, Any] = result["structuredContent"]
        return reply

    def close(self) -> None:
        """End the session as a client does: close the server's input and wait for its end."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # the server ended before it read everything
                    pipe.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, message: Mapping[str, Any]) -> None:
        source = self._process.stdin
        if source is None:
            raise AssertionError("the server was started with a pipe")
        try:
            source.write(json.dumps(message).encode() + b"\n")
            source.flush()
        except BrokenPipeError:
            raise WireError("the server ended; its standard error says why") from None

    def _receive(self) -> dict[str, Any]:
        target = self._process.stdout
        if target is None:
            raise AssertionError("the server was started with a pipe")
        line = target.readline()
        if not line:
            raise WireError("the server ended; its standard error says why")
        message: dict[str, Any] = json.loads(line)
        return message
