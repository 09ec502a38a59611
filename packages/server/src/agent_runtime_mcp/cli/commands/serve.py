"""`agent-runtime serve`: MCP over standard input and output."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import click

from ...contract.tool_values import CallMeta, ToolListing, ToolReply
from ...operations.instructions import INSTRUCTIONS
from ...protocol.sdk import serve as serve_tools
from ..context import database, errors_end_the_process, location, synchronous, worker_name
from ..options import db_option

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


class _Service:
    """An application that is imported when a client first asks for its tools, and made at the first call.

    Args:
        make: makes the application.
    """

    def __init__(self, make: Callable[[], "Application"]) -> None:
        self._make = make
        self._application: Application | None = None

    def tools(self) -> Sequence[ToolListing]:
        """List the tools."""
        from ...application import listings  # noqa: PLC0415 - after the first reply

        return listings()

    async def call(self, name: str, arguments: Mapping[str, Any], meta: CallMeta) -> ToolReply:
        """Answer a call."""
        if self._application is None:
            self._application = self._make()
        return await self._application.call(name, arguments, meta)

    def close(self) -> None:
        """Release the claims of the session and close the database."""
        if self._application is not None:
            self._application.close()


def _application(db: str | None) -> "Application":
    from agent_runtime_kernel.liveness import this_process  # noqa: PLC0415 - after the first reply

    from ...application import Application  # noqa: PLC0415 - after the first reply
    from ...operations.call import Session  # noqa: PLC0415 - after the first reply

    # The process is the session: once it is gone, others may take over its claims.
    return Application(database(db), Session(worker=worker_name(os.environ), holder=this_process()))
