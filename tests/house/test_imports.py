"""What is imported and what is not: in fresh interpreters, by what they loaded."""

import subprocess
import sys

import pytest
from checkout import IMPORT_NAMES, LIBRARIES, ROOT

HEAVY = {"mcp", "mcp_types", "pydantic", "starlette", "jsonschema"}
EDGE = {*HEAVY, "click", "cattrs", "rich", "tenacity"}


@pytest.mark.parametrize("part", LIBRARIES)
def test_a_library_loads_neither_its_siblings_nor_what_belongs_to_the_server(part):
    code = f"import sys, {IMPORT_NAMES[part]}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    names = {name.partition(".")[0] for name in loaded.split()}
    assert IMPORT_NAMES[part] in names
    assert names & {*EDGE, *IMPORT_NAMES.values()} == {IMPORT_NAMES[part], "agent_runtime_kernel"}


@pytest.mark.parametrize("arguments", [["--help"], ["where"], ["task", "list"], ["task", "list", "--json"]])
def test_a_command_loads_no_protocol(arguments, tmp_path):
    environment = {"PATH": "", "HOME": str(tmp_path), "AGENT_RUNTIME_DB": str(tmp_path / "runtime.db")}
    finished = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "agent_runtime_mcp", *arguments],
        env=environment,
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    lines = [line for line in finished.stderr.splitlines() if line.startswith("import time:")]
    names = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    assert {"agent_runtime_mcp", "click"} <= names
    assert names & HEAVY == set()


def test_the_protocol_is_imported_in_one_module_and_by_the_demo_that_is_a_client():
    server = ROOT / "packages" / "server" / "src"
    importing = {
        str(path.relative_to(server / "agent_runtime_mcp"))
        for path in server.rglob("*.py")
        if any(
            line.split()[:1] in (["import"], ["from"]) and line.split()[1].partition(".")[0] in ("mcp", "mcp_types")
            for line in path.read_text(encoding="utf-8").splitlines()
        )
    }
    assert importing <= {"protocol/sdk.py", "protocol/stdio.py", "cli/commands/demo.py"}
    assert "protocol/sdk.py" in importing
