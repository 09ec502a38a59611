"""`agent-runtime serve`: MCP over standard input and output."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import attrs
import click

from ...operations.instructions import INSTRUCTIONS
from ...protocol.sdk import CallMeta, ToolListing, ToolReply
from ...protocol.sdk import serve as serve_tools
from ..context import database, db_option, errors_end_the_process, location, synchronous, worker_name

if TYPE_CHECKING:
    from ...application import Application


@click.command()
@db_option
def serve(db: str | None) -> None:
    """Serve MCP over standard input and output, for one client session.

    Claude Code starts it by itself once it is registered: `claude mcp add agent-runtime -- agent-runtime serve`.
    """
    with errors_end_the_process(as_json=False):
        location(db)
        synchronous(os.environ)
        service = _Service(lambda: _application(db))
        asyncio.run(
            serve_tools(
                "agent-runtime",
                version("agent-runtime-mcp"),
                INSTRUCTIONS,
                service.tools,
                service.call,
                on_close=service.close,
            )
        )


@attrs.define
class _Service:
    """The application, made when a client first asks for its tools: until then it is not imported.

    Args:
        make: makes the application.
    """

    make: Callable[[], "Application"]
    _application: "Application | None" = attrs.field(init=False, default=None)

    def tools(self) -> Sequence[ToolListing]:
        """Return the tools to list."""
        from ...application import listings

        return listings()

    async def call(self, name: str, arguments: Mapping[str, Any], meta: CallMeta) -> ToolReply:
        """Answer a call."""
        if self._application is None:
            self._application = self.make()
        return await self._application.call(name, arguments, meta)

    def close(self) -> None:
        """Hand back what the session holds."""
        if self._application is not None:
            self._application.close()


def _application(db: str | None) -> "Application":
    from agent_runtime_kernel.liveness import this_process

    from ...application import Application
    from ...operations.call import Session

    # The process is the session: whoever finds it gone may go on with what it held.
    return Application(database(db), Session(worker=worker_name(os.environ), holder=this_process()))
