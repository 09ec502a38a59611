"""The wire: one JSON message a line on standard input and output, read and written by the event loop itself.

The SDK's own transport hands every line to a worker thread and back, which costs half of an empty call.
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

from .descriptors import private_descriptors

_READ_AT_ONCE = 256 * 1024
_LAST_ANSWERS = 15.0  # seconds, longer than an operation waits for a locked file
_LAST_MOMENT = 0.5


@contextlib.asynccontextmanager
async def stdio() -> AsyncIterator[tuple["Incoming", "Outgoing"]]:
    """Serve on the process's standard input and output.

    Meanwhile descriptor 0 is empty and descriptor 1 goes to standard error, so that stray prints and the output of
    child processes miss the wire.
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
    """The messages that come in; what is no message is an exception among them, and is refused on the wire.

    Args:
        descriptor: where lines are read from. It stays in blocking mode, as others may share it.
        outgoing: where the answers go.
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
            anyio.EndOfStream: the input is over, and what it asked for is answered.
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
        """Take nothing more, and don't wait for answers: a signal came, or nobody reads them."""
        self._lines.clear()
        self._outgoing.hurry()
        self._end()

    def stop(self) -> None:
        """Let go of the descriptor."""
        if self._watched:
            self._loop.remove_reader(self._descriptor)
            self._watched = False

    async def _more(self) -> None:
        if not self._watched and not self._always_ready:
            try:
                self._loop.add_reader(self._descriptor, self._read)
                self._watched = True
            except PermissionError:  # what epoll(7) says of a regular file and of /dev/null
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
        if self._lines:  # whoever receives is behind: let the pipe fill, so that the client notices
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
        """Let go of the descriptor."""
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
    """The messages that go out, each whole: who is cancelled while the pipe is full leaves no half line.

    Args:
        descriptor: where lines are written to. It stays in blocking mode, as others may share it: no more is written at
            a time than a pipe that is ready takes without blocking.
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
            anyio.BrokenResourceError: nobody reads any more.
        """
        self.post(item.message)
        if self._unsent:
            self._sent.clear()
            await self._sent.wait()
        if self._broken:
            raise anyio.BrokenResourceError

    def post(self, message: JSONRPCMessage) -> None:
        """Write a message as soon as there is room, without waiting for it."""
        if self._broken:
            return
        self._unsent += message.model_dump_json(by_alias=True, exclude_unset=True).encode()
        self._unsent += b"\n"
        self._write()
        if isinstance(message, JSONRPCResponse | JSONRPCError):
            self._settle(message.id)

    def expect_answer(self, message: JSONRPCMessage) -> None:
        """Note that a message that came in asks for an answer, or takes that back."""
        if isinstance(message, JSONRPCRequest):
            self._awaited.add(message.id)
        elif isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
            cancelled = (message.params or {}).get("requestId")
            self._settle(cancelled if isinstance(cancelled, str | int) else None)

    async def last_answers(self) -> None:
        """Wait until everything is answered, but for no one who doesn't read any more and no longer than a while."""
        gone = select.POLLERR | select.POLLHUP
        if self._awaited and not self._broken and not any(events & gone for _, events in self._readiness.poll(0)):
            self._answered.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._answered.wait(), self._patience)

    async def flushed(self) -> None:
        """Wait until everything is written, under the same conditions."""
        if self._unsent:
            self._sent.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._sent.wait(), self._patience)

    def hurry(self) -> None:
        """Wait for no answers any more, and for no reader longer than a moment."""
        self._patience = _LAST_MOMENT
        self._awaited.clear()
        self._answered.set()

    def stop(self) -> None:
        """Let go of the descriptor."""
        if self._watched:
            self._loop.remove_writer(self._descriptor)
            self._watched = False

    def _write(self) -> None:
        """Write what there is room for now; the event loop calls again when there is more."""
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
        """Do nothing: what is unsent is still to be written, which `stdio` sees to."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _refusal(text: str) -> JSONRPCError | None:
    """Return the answer to a line that is no message, so that whoever asked something doesn't wait for ever."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return _error(None, PARSE_ERROR, "Parse error: the line is not JSON")
    if not isinstance(line, dict):
        return _error(None, INVALID_REQUEST, "Invalid request: one object a line is expected")
    if "method" not in line and ("result" in line or "error" in line):
        return None  # an answer; answering it would have no end
    request = line.get("id")
    known = isinstance(request, str | int) and not isinstance(request, bool)
    return _error(request if known else None, INVALID_REQUEST, "Invalid request: not a JSON-RPC 2.0 message")


def _error(request: RequestId | None, code: int, message: str) -> JSONRPCError:
    return JSONRPCError(jsonrpc="2.0", id=request, error=ErrorData(code=code, message=message))
