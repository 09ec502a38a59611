"""The import contracts of pyproject.toml hold, and each of them fails where it is broken."""

import os
import re
import shutil
import subprocess

import pytest
from checkout import IMPORT_NAMES, LIBRARIES, ROOT, SCRIPTS, SOURCES


def check_contracts(folder):
    """Run import-linter over the copy of the sources in a folder."""
    return subprocess.run(
        [str(SCRIPTS / "lint-imports"), "--no-cache", "--config", str(ROOT / "pyproject.toml")],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def copy(tmp_path):
    for source in SOURCES.values():
        shutil.copytree(source, tmp_path / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_contracts_hold(copy):
    finished = check_contracts(copy)
    assert finished.returncode == 0, finished.stdout
    assert "2 kept, 0 broken" in finished.stdout


@pytest.mark.parametrize("part", LIBRARIES)
def test_every_forbidden_import_breaks_a_contract(copy, part):
    siblings = [name for name in IMPORT_NAMES.values() if name not in (IMPORT_NAMES[part], "agent_runtime_kernel")]
    edge = ["mcp.types", "mcp_types", "click", "cattrs", "pydantic", "rich.table"]
    imports = "\n".join(f"    import {name}" for name in (*siblings, *edge))
    intruder = copy / IMPORT_NAMES[part] / "_intruder.py"
    intruder.write_text(f"def load() -> None:\n{imports}\n", encoding="utf-8")
    finished = check_contracts(copy)
    assert finished.returncode == 1, finished.stdout
    assert "0 kept, 2 broken" in finished.stdout
    found = set(re.findall(rf"{IMPORT_NAMES[part]}\._intruder -> (\w+)", finished.stdout))
    assert found == {*siblings, *(name.partition(".")[0] for name in edge)}
