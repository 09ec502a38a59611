"""`agent-runtime serve`: MCP over standard input and output."""

import os

import click

from .._call import Session
from ._context import database, db_option, errors_end_the_process, worker_name


@click.command()
@db_option
def serve(db: str | None) -> None:
    """Serve MCP over standard input and output, for one client session.

    Claude Code starts it by itself once it is registered: `claude mcp add agent-runtime -- agent-runtime serve`.
    """
    with errors_end_the_process(as_json=False):
        opened = database(db)
        import asyncio

        from .._application import Application
        from .._liveness import this_process

        application = Application(opened, Session(worker=worker_name(os.environ), holder=this_process()))
        asyncio.run(application.run())
