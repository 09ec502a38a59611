"""The checkout that the tests of the house are about."""

import os
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = ("goals", "tasks", "relay", "breakers")
IMPORT_NAMES = {part: f"agent_runtime_{part}" for part in ("kernel", *LIBRARIES)} | {"server": "agent_runtime_mcp"}
SOURCES = {part: ROOT / "packages" / part / "src" / name for part, name in IMPORT_NAMES.items()}
SCRIPTS = Path(sys.executable).parent
_LEFT = ("__pycache__", "build", "dist")


def pyproject(part: str) -> dict[str, Any]:
    """Return the pyproject.toml of a distribution."""
    return tomllib.loads((ROOT / "packages" / part / "pyproject.toml").read_text(encoding="utf-8"))


def files_of_the_checkout() -> list[Path]:
    """Return all files but what tools leave behind, which .gitignore names."""
    found: list[Path] = []
    for folder, subfolders, names in os.walk(ROOT):
        subfolders[:] = [name for name in subfolders if name == ".ci" or not (name.startswith(".") or name in _LEFT)]
        found += [Path(folder, name) for name in names]
    return found
