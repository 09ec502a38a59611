"""The wire: one JSON message on each line of standard input and output, read and written by the event loop itself.

The transport of the SDK hands each line to a worker thread and back, which costs half of an empty call.

- Input: a line that is not a message is refused on the wire. At the end of the input the server waits for the replies
  to all open requests, at most 15 seconds.
- Output: each message is written whole. While the pipe is full, the rest waits in memory, and `send` waits for room.
- A signal, or a reader that is gone, ends the input at once. Then no reply is waited for.

Both descriptors stay in blocking mode, as other processes may share them.
"""

import asyncio
import collections
import contextlib
import json
import os
import select
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Self

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError

from .standard_streams import private_descriptors

_READ_AT_ONCE = 256 * 1024
_LAST_ANSWERS = 15.0  # seconds; longer than an operation waits for a locked database
_LAST_MOMENT = 0.5  # seconds


@contextlib.asynccontextmanager
async def stdio() -> AsyncIterator[tuple["Incoming", "Outgoing"]]:
    """Open the wire on the standard input and output of the process.

    Until it is closed, descriptor 0 is empty and descriptor 1 leads to standard error, so that stray prints and the
    output of child processes do not reach the wire.
    """
    with private_descriptors() as (source, target):
        outgoing = Outgoing(target)
        incoming = Incoming(source, outgoing)
        try:
            yield incoming, outgoing
        finally:
            incoming.stop()
            await outgoing.flushed()
            outgoing.stop()


class Incoming:
    """The incoming messages. A line that is not a message is returned as an exception, and refused on the wire.

    Args:
        descriptor: the descriptor to read lines from.
        outgoing: the messages that answer them.
    """

    def __init__(self, descriptor: int, outgoing: "Outgoing") -> None:
        self._descriptor = descriptor
        self._outgoing = outgoing
        self._loop = asyncio.get_running_loop()
        self._lines: collections.deque[bytes] = collections.deque()
        self._begun: list[bytes] = []
        self._ended = False
        self._wanted: asyncio.Future[None] | None = None
        self._watched = False
        self._always_ready = False
        outgoing.on_broken = self.end

    async def receive(self) -> SessionMessage | Exception:
        """Return the next message.

        Raises:
            anyio.EndOfStream: the input has ended, and its requests are answered.
        """
        while True:
            while self._lines:
                line = self._lines.popleft()
                if line and not line.isspace():
                    return self._parse(line)
            if self._ended:
                await self._outgoing.last_answers()
                raise anyio.EndOfStream
            await self._more()

    def end(self) -> None:
        """Read no more and wait for no answers: a signal arrived, or nobody reads the output."""
        self._lines.clear()
        self._outgoing.hurry()
        self._end()

    def stop(self) -> None:
        """Stop watching the descriptor."""
        if self._watched:
            self._loop.remove_reader(self._descriptor)
            self._watched = False

    async def _more(self) -> None:
        if not self._watched and not self._always_ready:
            try:
                self._loop.add_reader(self._descriptor, self._read)
                self._watched = True
            except PermissionError:  # epoll(7) refuses regular files and /dev/null
                self._always_ready = True
        if self._always_ready:
            await asyncio.sleep(0)
            self._read()
            return
        self._wanted = self._loop.create_future()
        try:
            await self._wanted
        finally:
            self._wanted = None

    def _read(self) -> None:
        if self._lines:  # the receiver is behind: let the pipe fill, so that the client notices
            self.stop()
            return
        try:
            chunk = os.read(self._descriptor, _READ_AT_ONCE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:  # a terminal that was closed, a connection that was reset
            chunk = b""
        if not chunk:
            self._end()
            return
        *lines, rest = chunk.split(b"\n")
        if lines:
            self._begun.append(lines[0])
            lines[0] = b"".join(self._begun)
            self._begun.clear()
            self._lines.extend(lines)
            self._wake()
        if rest:
            self._begun.append(rest)

    def _end(self) -> None:
        if self._begun:
            self._lines.append(b"".join(self._begun))
            self._begun.clear()
        self._ended = True
        self.stop()
        self._wake()

    def _wake(self) -> None:
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_result(None)

    def _parse(self, line: bytes) -> SessionMessage | Exception:
        text = line.decode("utf-8", "replace")
        try:
            message = jsonrpc_message_adapter.validate_json(text, by_name=False)
        except ValidationError as error:
            refusal = _refusal(text)
            if refusal is not None:
                self._outgoing.post(refusal)
            return error
        self._outgoing.expect_answer(message)
        return SessionMessage(message)

    async def aclose(self) -> None:
        """Stop watching the descriptor."""
        self.stop()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class Outgoing:
    """The outgoing messages. Each is written whole, even if its sender is cancelled while the pipe is full.

    Args:
        descriptor: the descriptor to write lines to. As it is in blocking mode, each write is at most as long as a
            ready pipe takes without blocking.
    """

    def __init__(self, descriptor: int) -> None:
        self.on_broken: Callable[[], None] = lambda: None
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._readiness = select.poll()
        self._readiness.register(descriptor, select.POLLOUT)
        self._unsent = bytearray()
        self._watched = False
        self._broken = False
        self._awaited: set[RequestId] = set()
        self._patience = _LAST_ANSWERS
        self._sent = asyncio.Event()
        self._answered = asyncio.Event()

    async def send(self, item: SessionMessage) -> None:
        """Write a message; wait until there is room for it.

        Raises:
            anyio.BrokenResourceError: nobody reads the output any longer.
        """
        self.post(item.message)
        if self._unsent:
            self._sent.clear()
            await self._sent.wait()
        if self._broken:
            raise anyio.BrokenResourceError

    def post(self, message: JSONRPCMessage) -> None:
        """Write a message as soon as there is room; do not wait for that."""
        if self._broken:
            return
        self._unsent += message.model_dump_json(by_alias=True, exclude_unset=True).encode()
        self._unsent += b"\n"
        self._write()
        if isinstance(message, JSONRPCResponse | JSONRPCError):
            self._settle(message.id)

    def expect_answer(self, message: JSONRPCMessage) -> None:
        """Record that an incoming message asks for an answer, or cancels an earlier request."""
        if isinstance(message, JSONRPCRequest):
            self._awaited.add(message.id)
        elif isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
            cancelled = (message.params or {}).get("requestId")
            self._settle(cancelled if isinstance(cancelled, str | int) else None)

    async def last_answers(self) -> None:
        """Wait until all requests are answered, unless the reader is gone or the wait gets too long."""
        gone = select.POLLERR | select.POLLHUP
        if self._awaited and not self._broken and not any(events & gone for _, events in self._readiness.poll(0)):
            self._answered.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._answered.wait(), self._patience)

    async def flushed(self) -> None:
        """Wait until all messages are written, unless the wait gets too long."""
        if self._unsent:
            self._sent.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._sent.wait(), self._patience)

    def hurry(self) -> None:
        """Wait for no more answers, and only a moment for the reader."""
        self._patience = _LAST_MOMENT
        self._awaited.clear()
        self._answered.set()

    def stop(self) -> None:
        """Stop watching the descriptor."""
        if self._watched:
            self._loop.remove_writer(self._descriptor)
            self._watched = False

    def _write(self) -> None:
        """Write as much as there is room for; the event loop calls again when there is more."""
        while self._unsent:
            try:
                ready = bool(self._readiness.poll(0))
                written = os.write(self._descriptor, self._unsent[: select.PIPE_BUF]) if ready else 0
            except BlockingIOError:
                written = 0
            except OSError:
                self._break()
                return
            if not written:
                if not self._watched:
                    self._loop.add_writer(self._descriptor, self._write)
                    self._watched = True
                return
            del self._unsent[:written]
        self.stop()
        self._sent.set()

    def _break(self) -> None:
        self._broken = True
        self._unsent.clear()
        self.stop()
        self._sent.set()
        self.on_broken()

    def _settle(self, request: RequestId | None) -> None:
        if request is not None:
            self._awaited.discard(request)
            if not self._awaited:
                self._answered.set()

    async def aclose(self) -> None:
        """Do nothing: `stdio` still writes the unsent messages."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _refusal(text: str) -> JSONRPCError | None:
    """Return the answer to a line that is not a message, so that its sender does not wait for ever."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return _error(None, PARSE_ERROR, "Parse error: the line is not JSON")
    if not isinstance(line, dict):
        return _error(None, INVALID_REQUEST, "Invalid request: each line must be one JSON object")
    if "method" not in line and ("result" in line or "error" in line):
        return None  # an answer; to answer it could go on for ever
    request = line.get("id")
    known = isinstance(request, str | int) and not isinstance(request, bool)
    return _error(request if known else None, INVALID_REQUEST, "Invalid request: not a JSON-RPC 2.0 message")


def _error(request: RequestId | None, code: int, message: str) -> JSONRPCError:
    return JSONRPCError(jsonrpc="2.0", id=request, error=ErrorData(code=code, message=message))
