"""The checkout that the tests of the house are about."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = ("goals", "tasks", "relay", "breakers")
IMPORT_NAMES = {part: f"agent_runtime_{part}" for part in LIBRARIES} | {"server": "agent_runtime_mcp"}
SOURCES = {part: ROOT / "packages" / part / "src" / name for part, name in IMPORT_NAMES.items()}
SCRIPTS = Path(sys.executable).parent
COMMAND = str(SCRIPTS / "agent-runtime")


def pyproject(part: str) -> dict[str, Any]:
    """Return the pyproject.toml of a distribution."""
    return tomllib.loads((ROOT / "packages" / part / "pyproject.toml").read_text(encoding="utf-8"))


def tracked_files() -> list[Path]:
    """Return the files that a clone has and that are still there; all files where this is no clone."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return [path for path in ROOT.rglob("*") if path.is_file()]
    listed = subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True
    )
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]
