"""The database, the caller and the exit code of a command.

Every command imports this module, and so does `serve`, which answers its client before it needs a database. The
functions that need the database or an error's words therefore import them.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from pwd import getpwuid
from typing import TYPE_CHECKING, NoReturn

import attrs
import click

from ..database.location import Location, locate

if TYPE_CHECKING:
    from ..database.database import Database
    from ..dispatch.failures import Problem
    from ..operations.call import Session
    from ..runtime.libraries import Libraries

# The exit code of a process that ends with an error, by the error's code.
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
UNKNOWN_TOOL = 2  # as for any other wrong command line
REFUSED = 4  # an answer, not an error, that a script should notice
_ENDED_BY_SIGPIPE = 128 + 13  # as a shell reports it


def location(db: str | None) -> Location:
    """Find the database file to work on.

    Args:
        db: the path given with the command's own --db. It goes before a --db in front of the command.
    """
    given = click.get_current_context().find_root().params.get("db") if db is None else db
    return locate(given, os.environ, Path.cwd())


def database(db: str | None, *, may_create: bool = True) -> "Database[Libraries]":
    """Return the database to work on; it is opened at its first use.

    Args:
        db: the path given with the command's own --db.
        may_create: whether a missing file is made.
    """
    from ..runtime.libraries import open_database  # noqa: PLC0415 - not for `serve`

    place = location(db)
    return open_database(
        place.path,
        synchronous=synchronous(os.environ),
        may_create=may_create,
        default_folder=place.default_folder,
    )


def name_to_agents(path: Path) -> None:
    """Let the programs that this process starts use the same file when they call agent-runtime."""
    os.environ["AGENT_RUNTIME_DB"] = str(path.resolve())


def synchronous(environ: Mapping[str, str]) -> str:
    """Return how durable writes are: FULL, or NORMAL where the environment asks for it."""
    wanted = environ.get("AGENT_RUNTIME_SYNCHRONOUS", "FULL").strip().upper()
    if wanted not in ("FULL", "NORMAL"):
        raise click.UsageError(f"AGENT_RUNTIME_SYNCHRONOUS is {wanted!r}; it must be FULL or NORMAL")
    return wanted


def command_session() -> "Session":
    """Return the session of one command. No process stays behind its claims, so they live by their leases."""
    from ..operations.call import Session  # noqa: PLC0415 - not for `serve`

    return Session(worker=worker_name(os.environ), holder=None)


def worker_name(environ: Mapping[str, str]) -> str:
    """Name the caller: the configured name, else the client's session, else user@host."""
    for variable in ("AGENT_RUNTIME_WORKER", "CLAUDE_CODE_SESSION_ID"):
        if environ.get(variable):
            return environ[variable]
    return f"{_user_name()}@{os.uname().nodename}"


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
        from ..dispatch.failures import INTERNAL, problem_of  # noqa: PLC0415 - for errors only

        problem = problem_of(error)
        if problem is None:
            _print_traceback_for_maintainers(error)
            problem = attrs.evolve(INTERNAL, hint="AGENT_RUNTIME_DEBUG=1 prints the details; please report them")
        fail(problem, as_json)


def fail(problem: "Problem", as_json: bool, code: int | None = None) -> NoReturn:
    """Print a problem to standard error and end the process.

    Args:
        problem: the error to print.
        as_json: whether it is printed as JSON.
        code: the exit code, where it is not the one of the problem's own code.
    """
    if as_json:
        from ..replies.json import compact  # noqa: PLC0415 - for errors only

        click.echo(compact(problem.as_json()), err=True)
    else:
        click.echo(f"{click.style('Error', fg='red', bold=True)} ({problem.code}): {problem.message}", err=True)
        if problem.hint:
            click.echo(f"  {problem.hint}", err=True)
    sys.exit(EXIT_CODES[problem.code] if code is None else code)


def _user_name() -> str:
    try:
        return getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user without an entry
        return str(os.getuid())


def _end_as_by_sigpipe() -> NoReturn:
    """End quietly when the reader of the output has gone away, as `head` does, with the status of other tools."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(_ENDED_BY_SIGPIPE)


def _print_traceback_for_maintainers(error: Exception) -> None:
    """Print the traceback of a bug if AGENT_RUNTIME_DEBUG asks for it; users see none."""
    if os.environ.get("AGENT_RUNTIME_DEBUG"):
        sys.__excepthook__(type(error), error, error.__traceback__)
