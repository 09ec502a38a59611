"""Tools as values: their listing, the facts that come with a call, and its reply.

An application and a protocol know these values and not each other.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class ToolListing:
    """A tool as a client lists it.

    Attributes:
        name: its name.
        description: the text for a model.
        input_schema: the JSON Schema of its arguments.
        output_schema: the JSON Schema of its structured reply, or None.
        annotations: the hints of the protocol, such as readOnlyHint.
        meta: further facts for a client.
    """

    name: str
    description: str
    input_schema: Mapping[str, Any]
    output_schema: Mapping[str, Any] | None = None
    annotations: Mapping[str, Any] = attrs.field(factory=dict)
    meta: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class ToolReply:
    """The answer to a call of a tool.

    Attributes:
        structured: the reply as an object, or None for an error: some clients check errors against the output schema.
        text: the same as text.
        is_error: true if the call failed.
        meta: facts beside the reply, or None.
    """

    structured: Mapping[str, Any] | None
    text: str
    is_error: bool = False
    meta: Mapping[str, Any] | None = None


Progress = Callable[[float, float | None, str | None], Awaitable[None]]


@attrs.frozen(kw_only=True)
class CallMeta:
    """The facts that come with a call beside its arguments.

    Attributes:
        client_name: the name of the client program, or None.
        client_version: its version, or None.
        tool_use_id: the id that Claude Code gives the call, or None.
        progress: reports the progress of the call (done, total or None, message or None), if the client asked for it.
        raw: the whole `_meta` of the call.
    """

    client_name: str | None
    client_version: str | None
    tool_use_id: str | None
    progress: Progress
    raw: Mapping[str, Any]
