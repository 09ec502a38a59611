"""The location of the database file: one path, and the reason why it was chosen."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from ..errors import StorageFailure

FOLDER = ".agent-runtime"
FILE = "runtime.db"
VARIABLES = ("AGENT_RUNTIME_DB", "AGENT_RUNTIME_DB_PATH")


@attrs.frozen
class Location:
    """A database file.

    Attributes:
        path: the absolute path; the file need not exist.
        reason: why this file was chosen, for a person.
        default_folder: true if the folder is one of ours and may be created. A folder that the user named is not.
    """

    path: Path
    reason: str
    default_folder: bool


def locate(explicit: str | None, environ: Mapping[str, str], cwd: Path) -> Location:
    """Return the database file to use.

    The first of these is used:

    1. The explicit path.
    2. The path in the environment.
    3. The nearest `.agent-runtime/runtime.db` from the project's directory upward.
    4. The project's file in the user's data directory.
    5. The user's own file in the same place.

    Args:
        explicit: the path from the command line, or None.
        environ: the environment variables.
        cwd: the working directory, absolute.

    Raises:
        StorageFailure: the explicit path is empty.
    """
    if explicit is not None:
        if not explicit.strip():
            raise StorageFailure(cwd, "--db is empty", "give it the path of a file, or omit it")
        return Location(_absolute(explicit, cwd), "--db", default_folder=False)
    for variable in VARIABLES:
        if environ.get(variable, "").strip():
            return Location(_absolute(environ[variable], cwd), variable, default_folder=False)
    named = _project_directory(environ, cwd)
    start = named or cwd
    for folder in _folders_upward(start):
        found = folder / FOLDER / FILE
        if _is_trusted(found):
            return Location(found, f"found from {start} upward", default_folder=True)
    project = _project(start) or named
    if project is None:
        return Location(_user_data() / FILE, f"the user's own, as {start} is in no project", default_folder=True)
    return Location(_user_data() / "projects" / _file_name(project), f"of the project {project}", default_folder=True)


def init_location(cwd: Path) -> Location:
    """Return the file that `agent-runtime init` creates for a project.

    Args:
        cwd: a folder of the project. In a git repository the file is beside the git directory that all work trees
            share, otherwise in this folder.
    """
    common = _repository(cwd)
    folder = cwd if common is None else common.parent
    return Location(folder / FOLDER / FILE, f"for {folder} and everything below it", default_folder=True)


def _absolute(text: str, cwd: Path) -> Path:
    return cwd / os.path.expanduser(text)  # noqa: PTH111 - Path.expanduser raises where there is no home


def _project_directory(environ: Mapping[str, str], cwd: Path) -> Path | None:
    text = environ.get("CLAUDE_PROJECT_DIR", "")
    return cwd / text if text and (cwd / text).is_dir() else None


def _folders_upward(start: Path) -> Iterator[Path]:
    """Yield each folder upward; before a work tree, the folder that all work trees of its repository share."""
    for folder in (start, *start.parents):
        common = _common_git_directory(folder)
        if common is not None and common.parent != folder:
            yield common.parent
        yield folder


def _is_trusted(path: Path) -> bool:
    """Tell whether the file exists and belongs to this user or root: anyone can plant a file in a shared folder."""
    try:
        owner = path.stat().st_uid
    except OSError:
        return False
    me = os.geteuid()
    return me == 0 or owner in (0, me)


def _project(start: Path) -> Path | None:
    """Return the folder that names a repository: its main work tree or, for a bare one, its git directory."""
    common = _repository(start)
    if common is None:
        return None
    return common.parent if common.name.startswith(".") else common


def _repository(start: Path) -> Path | None:
    """Return the git directory of the repository around a folder."""
    for folder in (start, *start.parents):
        common = _common_git_directory(folder)
        if common is not None:
            return common
    return None


def _common_git_directory(folder: Path) -> Path | None:
    """Return the git directory of a work tree, for a linked one that of the main one (gitrepository-layout(5))."""
    git = folder / ".git"
    try:
        text = git.read_text(errors="surrogateescape")
    except IsADirectoryError:
        return git
    except OSError:
        return None
    if not text.startswith("gitdir:"):
        return None
    own = folder / text.removeprefix("gitdir:").strip()
    try:
        return (own / (own / "commondir").read_text(errors="surrogateescape").strip()).resolve()
    except OSError:
        return git  # a submodule, or a git directory that is elsewhere: a project of its own


def _file_name(project: Path) -> str:
    """Return a unique name that a person recognizes."""
    real = project.resolve()
    name = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in real.name)[:40]
    return f"{name or 'root'}-{hashlib.sha256(os.fsencode(real)).hexdigest()[:16]}.db"


def _user_data() -> Path:
    import platformdirs

    return platformdirs.user_data_path("agent-runtime", appauthor=False)
