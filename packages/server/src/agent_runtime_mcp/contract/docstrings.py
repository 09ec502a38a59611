"""What a docstring says: its text for a tool's description, and a line for each argument."""

import inspect
import re

import attrs

_SECTION = re.compile(r"^(Args|Returns|Raises|Attributes|Yields):$")
_ARGUMENT = re.compile(r"^ {4}(\w+): (.*)$")


@attrs.frozen(eq=False, repr=False)
class Description:
    """The description of one argument.

    Attributes:
        text: the text.
        self_explanatory: the text stands in parentheses, as it says to people what the name says to a model.
    """

    text: str
    self_explanatory: bool


@attrs.frozen(eq=False, repr=False)
class Docstring:
    """The parts of a docstring in Google's style.

    Attributes:
        text: all before the first section, its paragraphs on a line each.
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
