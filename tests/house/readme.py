"""What the README shows, as tests and scripts read it."""

import itertools
import re
from pathlib import Path

from checkout import ROOT

README = ROOT / "README.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TOOLS = "| tool | command | what it does |\n|---|---|---|\n"
_COMMANDS = "| other command | what it does |\n|---|---|\n"


def blocks(language: str, path: Path = README) -> list[str]:
    """Return the fenced blocks of a language, without their fences."""
    return [text for found, text in _BLOCK.findall(path.read_text(encoding="utf-8")) if found == language]


def section(heading: str) -> str:
    """Return the text below a heading."""
    _, _, below = README.read_text(encoding="utf-8").partition(f"\n## {heading}\n")
    return below.partition("\n## ")[0]


def tables() -> list[str]:
    """Return the tables that the program makes: a row for each tool, then one for each other command."""
    from agent_runtime_mcp.cli.root import OWN_COMMANDS
    from agent_runtime_mcp.operations.table import command_words, table

    tools = []
    for operation in table().values():
        command = " ".join(command_words(operation))
        first_sentence = re.split(r"(?<=\.)\s", operation.description)[0]
        tools.append(f"| `{operation.name}` | `{command}` | {first_sentence} |\n")
    commands = [f"| `{name}` | {short_help} |\n" for name, _, short_help in OWN_COMMANDS]
    return [_TOOLS + "".join(tools), _COMMANDS + "".join(commands)]


def shown_tables() -> list[str]:
    """Return the same tables as the README shows them."""
    shown = []
    for head in (_TOOLS, _COMMANDS):
        _, found, below = section("Tools and commands").partition(head)
        shown.append(found + "".join(itertools.takewhile(lambda line: line.startswith("|"), below.splitlines(True))))
    return shown


def write_tables() -> None:
    """Bring the tables in the README up to date."""
    text = README.read_text(encoding="utf-8")
    for shown, made in zip(shown_tables(), tables(), strict=True):
        text = text.replace(shown, made)
    README.write_text(text, encoding="utf-8")
