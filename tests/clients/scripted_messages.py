"""A stand-in for the Messages API: a model that makes the tool calls of a script, whatever it is told.

What Claude Code sends to it is what a model would see: the tools it was given, and each tool's result.
"""

import json
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import attrs

Reply = Any
Call = tuple[str, dict[str, Any]]
Step = Call | Callable[[Sequence[Reply]], Call]

_USAGE = {"input_tokens": 1, "output_tokens": 1}


@attrs.define
class ScriptedMessages:
    """An HTTP server of this process that answers each turn with the next step of a script.

    Attributes:
        steps: tool calls, or functions that make one of the results so far; when they are used up, the session ends.
        ending: what it says then.
        requests: the bodies that it was sent, without those that count tokens.
    """

    steps: Sequence[Step]
    ending: str = "DONE"
    requests: list[dict[str, Any]] = attrs.field(init=False, factory=list)
    _server: ThreadingHTTPServer = attrs.field(init=False)

    def __enter__(self) -> "ScriptedMessages":
        """Listen on a free port."""
        handler = type("Handler", (_Handler,), {"script": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    @property
    def address(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def tools_at_the_start(self) -> set[str]:
        """The tools that the model was given in full before it asked for any."""
        return {tool["name"] for tool in self._turns[0]["tools"] if "input_schema" in tool}

    @property
    def results(self) -> list[Reply]:
        """What the model was shown of each call of the script: parsed JSON where it is some, else the text."""
        return _results(self._turns[-1]["messages"])

    @property
    def _turns(self) -> list[dict[str, Any]]:
        return [request for request in self.requests if request.get("tools")]

    def next_call(self, messages: Sequence[dict[str, Any]]) -> Call | None:
        """Return the call that follows on a conversation, or None when the script is over."""
        done = sum(block.get("type") == "tool_use" for block in _blocks(messages, "assistant"))
        if done >= len(self.steps):
            return None
        step = self.steps[done]
        return step(_results(messages)) if callable(step) else step


class _Handler(BaseHTTPRequestHandler):
    script: ScriptedMessages
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""

    def do_HEAD(self) -> None:
        self._answer({})

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])) or b"{}")
        if "count_tokens" in self.path:
            return self._answer({"input_tokens": len(json.dumps(request)) // 4})
        if not self.path.startswith("/v1/messages"):
            return self._answer({})
        self.script.requests.append(request)
        # Requests without tools are the client's own housekeeping, such as a title for the session.
        call = self.script.next_call(request["messages"]) if request.get("tools") else None
        block, delta = _as_text(self.script.ending) if call is None else _as_tool_use(call, len(self.script.requests))
        stop = "end_turn" if call is None else "tool_use"
        message = {"id": f"msg_{len(self.script.requests)}", "type": "message", "role": "assistant", "usage": _USAGE}
        message |= {"model": request.get("model"), "content": [], "stop_reason": None, "stop_sequence": None}
        if not request.get("stream"):
            return self._answer(message | {"content": [{"type": "text", "text": "DONE"}], "stop_reason": "end_turn"})
        return self._stream(
            ("message_start", {"message": message}),
            ("content_block_start", {"index": 0, "content_block": block}),
            ("content_block_delta", {"index": 0, "delta": delta}),
            ("content_block_stop", {"index": 0}),
            ("message_delta", {"delta": {"stop_reason": stop, "stop_sequence": None}, "usage": _USAGE}),
            ("message_stop", {}),
        )

    def _answer(self, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _stream(self, *events: tuple[str, dict[str, Any]]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for name, data in events:
            self.wfile.write(f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode())
        self.close_connection = True


def _as_text(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"type": "text", "text": ""}, {"type": "text_delta", "text": text}


def _as_tool_use(call: Call, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    name, arguments = call
    block = {"type": "tool_use", "id": f"toolu_{number:04}", "name": name, "input": {}}
    return block, {"type": "input_json_delta", "partial_json": json.dumps(arguments)}


def _blocks(messages: Sequence[dict[str, Any]], role: str) -> list[dict[str, Any]]:
    contents = [message["content"] for message in messages if message["role"] == role]
    return [block for content in contents if isinstance(content, list) for block in content]


def _results(messages: Sequence[dict[str, Any]]) -> list[Reply]:
    return [_value(block["content"]) for block in _blocks(messages, "user") if block.get("type") == "tool_result"]


def _value(content: str | list[dict[str, Any]]) -> Reply:
    text = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
    try:
        return json.loads(text)
    except ValueError:
        return text
