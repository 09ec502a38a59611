"""What the README shows, as tests and scripts read it."""

import re
from pathlib import Path

from checkout import ROOT

README = ROOT / "README.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TABLE_HEAD = "| tool | command | what it does |\n|---|---|---|\n"


def blocks(language: str, path: Path = README) -> list[str]:
    """Return the fenced blocks of a language, without their fences."""
    return [text for found, text in _BLOCK.findall(path.read_text(encoding="utf-8")) if found == language]


def section(heading: str) -> str:
    """Return the text below a heading."""
    _, _, below = README.read_text(encoding="utf-8").partition(f"\n## {heading}\n")
    return below.partition("\n## ")[0]


def table_of_tools() -> str:
    """Return the table of tools that the operations make, with the first sentence of each description."""
    from agent_runtime_mcp._operations import OPERATIONS

    rows = []
    for operation in OPERATIONS:
        command = " ".join(filter(None, (operation.group, operation.verb)))
        summary = re.split(r"(?<=\.)\s", operation.description)[0]
        rows.append(f"| `{operation.name}` | `{command}` | {summary} |\n")
    return _TABLE_HEAD + "".join(rows)


def shown_table_of_tools() -> str:
    """Return the table of tools that the README shows."""
    _, head, below = section("Tools").partition(_TABLE_HEAD)
    return head + "".join(line for line in below.splitlines(keepends=True) if line.startswith("|"))


def write_table_of_tools() -> None:
    """Bring the table in the README up to date."""
    text = README.read_text(encoding="utf-8")
    README.write_text(text.replace(shown_table_of_tools(), table_of_tools()), encoding="utf-8")
