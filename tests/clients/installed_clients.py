"""The installed clients, and a server command for them. `nox -s clients` installs them and says where they are."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import pytest


@attrs.frozen
class Clients:
    """The folder that clients are installed in, and a home of their own for what they write."""

    folder: Path
    home: Path

    def npm(self, name: str) -> str:
        """Return the path of a command from npm."""
        return str(self.folder / "node_modules" / ".bin" / name)

    def pip(self, name: str) -> str:
        """Return the path of a command from the Python package index, whose package has the same name."""
        return str(self.folder / name / "bin" / name)

    def run(self, *command: str, timeout: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a client with an empty home and nothing of this environment but the PATH, with our Node.js first."""
        return subprocess.run(
            command,
            cwd=self.home,
            env={
                "PATH": f"{self.folder / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}",
                "HOME": str(self.home),
                **environment,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )


@pytest.fixture
def clients(tmp_path: Path) -> Clients:
    folder = os.environ.get("AGENT_RUNTIME_CLIENTS")
    if folder is None:
        pytest.skip("`nox -s clients` installs the clients")
    home = tmp_path / "home"
    home.mkdir()
    return Clients(Path(folder), home)


@pytest.fixture
def server(tmp_path: Path) -> Sequence[str]:
    """The command of a server on a file of this test's own."""
    command = str(Path(sys.executable).with_name("agent-runtime"))
    return [command, "serve", "--db", str(tmp_path / "runtime.db")]


@pytest.fixture
def node_script(clients: Clients) -> Callable[[str], str]:
    """Put a script where it finds the installed packages, and return its path."""

    def place(name: str) -> str:
        modules = clients.home / "node_modules"
        if not modules.exists():
            modules.symlink_to(clients.folder / "node_modules")
        return shutil.copy(Path(__file__).with_name(name), clients.home)

    return place
