"""Docstrings as data: the text for a tool's description, and one line for each argument."""

import inspect
import re

import attrs

_SECTION = re.compile(r"^(Args|Returns|Raises|Attributes|Yields):$")
_ARGUMENT = re.compile(r"^ {4}(\w+): (.*)$")


@attrs.frozen(eq=False, repr=False)
class Description:
    """The description of one argument.

    Attributes:
        text: the text, without parentheses around it.
        self_explanatory: the text was in parentheses: a model needs only the name, and people the text.
    """

    text: str
    self_explanatory: bool


@attrs.frozen(eq=False, repr=False)
class Docstring:
    """The parts of a docstring in Google's style.

    Attributes:
        text: everything before the first section, one line for each paragraph.
        arguments: the description of each argument.
    """

    text: str
    arguments: dict[str, Description]


def read_docstring(documented: object) -> Docstring:
    """Read the docstring of a function or class."""
    section = ""
    paragraphs: list[list[str]] = [[]]
    arguments: dict[str, list[str]] = {}
    name = ""
    for line in (inspect.getdoc(documented) or "").splitlines():
        heading = _SECTION.match(line)
        if heading:
            section = heading[1]
        elif not section:
            if line.strip():
                paragraphs[-1].append(line.strip())
            elif paragraphs[-1]:
                paragraphs.append([])
        elif section in ("Args", "Attributes") and line.strip():
            entry = _ARGUMENT.match(line)
            if entry:
                name = entry[1]
                arguments[name] = [entry[2].strip()]
            elif name:
                arguments[name].append(line.strip())
    return Docstring(
        text="\n".join(" ".join(lines) for lines in paragraphs if lines),
        arguments={name: _description(" ".join(lines)) for name, lines in arguments.items()},
    )


def _description(text: str) -> Description:
    in_parentheses = text.startswith("(") and text.endswith(")")
    return Description(text=text[1:-1] if in_parentheses else text, self_explanatory=in_parentheses)
