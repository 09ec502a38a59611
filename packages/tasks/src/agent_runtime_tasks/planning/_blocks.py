"""Questions about the blocks of a document and their headings, answered from the blocks around them."""

import re
from collections.abc import Sequence

from ._document import BOLD, Block, Listing, Paragraph, Section
from ._drafts import Draft
from ._inline import plain
from ._lists import LEADS_IN
from ._requests import Ask, read_request
from ._sections import Heading, Role, read_heading

_SCENARIO = re.compile(r"\W*(?:Given|When)\b.*?[\n,]\W*Then\b", re.DOTALL)
_LABEL = re.compile(r"\W{0,2}(\w[^:.!?\n]{1,40}):\W{0,2} \S")
_PARTICLE = re.compile(r" (?:up|out|down|off|over|on|in)$")


def is_order(name: str) -> bool:
    return read_request(name).ask is Ask.REQUEST


def is_whole_order(name: str) -> bool:
    """Tell whether a heading is a complete order, with a verb and an object. "Clean up" only names a part."""
    return is_order(name) and len(_PARTICLE.sub("", name).split()) > 1


def labels_a_line(section: Section) -> bool:
    """Tell whether a heading such as "**Duration:** an hour" is about its own line, not about the blocks below it."""
    first, *rest = section.blocks or [section]
    return (
        bool(rest)
        and isinstance(first, Paragraph)
        and first.lines[0] == section.lines[0]
        and not LEADS_IN.search(first.text)
    )


def ends_at(section: Section) -> int:
    """Return the index of the first block with a label of work, such as "Suggested fix: add a guard", or else the end.

    A bold line that is not work covers only the blocks before that index.
    """
    for place, block in enumerate(section.blocks):
        label = _LABEL.match(block.text) if isinstance(block, Paragraph) else None
        if label is not None and read_heading(label[1]).role is Role.WORK:
            return place
    return len(section.blocks)


def leads_alone(section: Section, above: Section) -> bool:
    """Tell whether a bold line is the only one in its section and leads into a list, rather than naming a part."""
    bold = [block for block in above.blocks if isinstance(block, Section) and block.level == BOLD]
    return bold == [section] and above.level > 0 and bool(section.blocks) and isinstance(section.blocks[0], Listing)


def is_short_line(block: Block, following: Block) -> bool:
    """Tell whether a short paragraph stands before a list as its heading."""
    short = isinstance(block, Paragraph) and len(block.text) <= 60 and "\n" not in block.text
    return short and isinstance(following, Listing)


def tells_behaviour(section: Section) -> bool:
    """Tell whether a section is a scenario ("Given ..., then ..."), rather than something to do."""
    texts = [block.text for block in section.blocks if isinstance(block, Paragraph)]
    return len(texts) == len(section.blocks) > 0 and all(map(_SCENARIO.match, texts))


def has_sections(section: Section) -> bool:
    return any(isinstance(block, Section) for block in section.blocks)


def is_chaptered(section: Section) -> bool:
    """Tell whether the numbers of a section's headings are those of chapters: a heading that is not a theme has one."""
    headings = [read_heading(plain(block.heading).text) for block in section.blocks if isinstance(block, Section)]
    return any(heading.numbered and heading.role is not Role.THEME for heading in headings)


def combined(role: Role, heading: Heading | None) -> Role:
    if heading is None or (heading.role is Role.THEME and role is not Role.THEME):
        return role
    return heading.role


def before_last_line(text: str) -> str:
    return text.rstrip().rpartition("\n")[0]


def whole_lines(section: Section) -> tuple[int, int]:
    end = section.lines[1]
    for block in section.blocks:
        end = max(end, whole_lines(block)[1] if isinstance(block, Section) else block.lines[1])
    return section.lines[0], end


def count_themes(section: Section) -> int:
    """Count the sections that name parts of the work."""
    inner = [block for block in section.blocks if isinstance(block, Section)]
    return sum((read_heading(plain(block.heading).text).role is Role.THEME) + count_themes(block) for block in inner)


def is_used(block: Block, children: Sequence[Draft]) -> bool:
    """Tell whether a whole block already belongs to one of the tasks."""
    return any(block.lines in child.spans for child in children)
