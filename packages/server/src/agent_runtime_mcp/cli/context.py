"""What commands share: which file, who calls, and how an error ends the process.

What is heavy is imported where it is used: `serve` answers its client before it needs any of that.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import attrs
import click

from ..database.location import Location, locate

if TYPE_CHECKING:
    from ..database.database import Database
    from ..dispatch.failures import Problem
    from ..operations.call import Session
    from ..runtime.libraries import Libraries

EXIT_CODES = {
    "internal": 1,
    "not_found": 3,
    "conflict": 4,
    "illegal_transition": 4,
    "stale_claim": 4,
    "invalid": 5,
    "cycle": 5,
    "busy": 6,
    "storage": 6,
}
UNKNOWN_TOOL = 2
REFUSED = 4


@attrs.frozen
class Settings:
    """What the options before the command say.

    Attributes:
        db: the path given with --db, or None.
    """

    db: str | None = None


def settings() -> Settings:
    """Return what the options before the command say."""
    found = click.get_current_context().find_object(Settings)
    return found or Settings()


def location(db: str | None) -> Location:
    """Return the file to work on.

    Args:
        db: the path given with the command's own --db.
    """
    return locate(settings().db if db is None else db, os.environ, Path.cwd())


def database(db: str | None, *, may_create: bool = True) -> "Database[Libraries]":
    """Return the database to work on; it is opened at its first use."""
    from ..runtime.libraries import open_database

    place = location(db)
    return open_database(
        place.path,
        synchronous=synchronous(os.environ),
        may_create=may_create,
        default_folder=place.default_folder,
    )


def name_to_agents(path: Path) -> None:
    """Let the programs that this process starts mean the same file when they call agent-runtime."""
    os.environ["AGENT_RUNTIME_DB"] = str(path.resolve())


def synchronous(environ: Mapping[str, str]) -> str:
    """Return how durable writes are: FULL, or NORMAL where the environment asks for it."""
    wanted = environ.get("AGENT_RUNTIME_SYNCHRONOUS", "FULL").strip().upper()
    if wanted not in ("FULL", "NORMAL"):
        raise click.UsageError(f"AGENT_RUNTIME_SYNCHRONOUS is {wanted!r}; it must be FULL or NORMAL")
    return wanted


def command_session() -> "Session":
    """Return the session of one command: nothing of it lives on, so its claims live by their leases."""
    from ..operations.call import Session

    return Session(worker=worker_name(os.environ), holder=None)


def worker_name(environ: Mapping[str, str]) -> str:
    """Return who calls: the configured name, else the client's session, else user@host."""
    for variable in ("AGENT_RUNTIME_WORKER", "CLAUDE_CODE_SESSION_ID"):
        if environ.get(variable):
            return environ[variable]
    return f"{_user()}@{os.uname().nodename}"


def _user() -> str:
    from pwd import getpwuid

    try:
        return getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user without an entry
        return str(os.getuid())


@contextmanager
def errors_end_the_process(as_json: bool) -> Iterator[None]:
    """Print an error to standard error and end the process with its exit code."""
    try:
        yield
        sys.stdout.flush()
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except BrokenPipeError:
        _end_as_by_sigpipe()
    except Exception as error:
        from ..dispatch.failures import INTERNAL, problem_of

        problem = problem_of(error)
        if problem is None:
            _print_traceback(error)
            problem = attrs.evolve(INTERNAL, hint="AGENT_RUNTIME_DEBUG=1 has it print the details; please report them")
        fail(problem, as_json)


def fail(problem: "Problem", as_json: bool, code: int | None = None) -> NoReturn:
    """Print a problem to standard error and end the process."""
    if as_json:
        from ..replies.json import compact

        click.echo(compact(problem.as_json()), err=True)
    else:
        click.echo(f"{click.style('Error', fg='red', bold=True)} ({problem.code}): {problem.message}", err=True)
        if problem.hint:
            click.echo(f"  {problem.hint}", err=True)
    sys.exit(EXIT_CODES[problem.code] if code is None else code)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")(command)


def json_lines_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option --json, under which it prints a line for each thing that happens."""
    return click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line and nothing else.")(command)


def db_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option --db."""
    return click.option("--db", metavar="PATH", help="The database file.")(command)


def _end_as_by_sigpipe() -> NoReturn:
    """End when the reader of our output went away, as `head` does: quietly, with the status of other tools."""
    import signal

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(128 + signal.SIGPIPE)


def _print_traceback(error: Exception) -> None:
    """Leave what a maintainer needs where one can find it, when asked to: users see no traceback."""
    if os.environ.get("AGENT_RUNTIME_DEBUG"):
        import traceback

        traceback.print_exception(error)
