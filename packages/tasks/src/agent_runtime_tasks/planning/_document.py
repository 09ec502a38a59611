"""Markdown as a tree of sections and blocks, each with its lines of the text.

The blocks come from markdown-it-py. Inline markup stays as it is: only few texts become titles.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache

import attrs
from markdown_it import MarkdownIt
from markdown_it.token import Token

from agent_runtime_kernel.bounds import Text

from ._typed_lists import MARKER, usual_lines

# A list takes two levels. Lines deeper than the parser goes are read one by one.
_DEEPEST = 20
_READABLE = re.compile(r"[^\W_]")

_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_STORED = Text()
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_ANY_MARKERS = re.compile(rf"^{MARKER}*+[ \t]*+(?:[-*+]|[0-9]{{1,9}}[.)])?(?:[ \t]++|$)|^[ \t]++")
_CHECK_BOX = re.compile(r"\[([ xX\u2713\u2714*-]?)\](?:[ \t\u00a0]+|$)")
_ITEM_MARKER = re.compile(r"^\s*+(?:[-*+]|[0-9]{1,9}[.)])\s++(?:\[[ xX-]?\]\s++)?")
_SUMMARY = re.compile(r"<summary>([^\n]{1,200}?)</summary>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
BOLD = 7  # the level of a bold line: a heading to readers, though not to Markdown
FOLDED = 8  # the level of the summary of a part that readers unfold
_LONGEST_BOLD_HEADING = 120
_BOLD_OPENING = re.compile(r"(?P<sign>\*\*|__)(?=\S)(?P<name>[^*_\n]{2,60}?)(?:[.:](?P=sign)|(?P=sign):)[ \t]+(?=\S)")
_BOLD_LINE = re.compile(r"(\*\*|__)(?=\S)((?:(?!\1).)+?)(?<=\S)\1[ \t]*:?$")


@attrs.define(slots=True)
class Paragraph:
    """Text that belongs together, with its inline markup."""

    text: str
    lines: tuple[int, int]


@attrs.define(slots=True)
class Entry:
    """An item of a list. Without a box, `checked` stays None."""

    text: str
    lines: tuple[int, int]
    checked: bool | None = None
    blocks: list["Block"] = attrs.field(factory=list)


@attrs.define(slots=True)
class Listing:
    """A list."""

    ordered: bool
    entries: list[Entry]
    lines: tuple[int, int]


@attrs.define(slots=True)
class Table:
    """A table; `rows` has the cells of each row and the line that it stands on."""

    header: list[str]
    rows: list[tuple[list[str], int]]
    lines: tuple[int, int]


@attrs.define(slots=True)
class Verbatim:
    """A block that is never read for tasks: code or HTML."""

    lines: tuple[int, int]


@attrs.define(slots=True)
class Quote:
    """A block quotation."""

    blocks: list["Block"]
    lines: tuple[int, int]


@attrs.define(slots=True)
class Section:
    """A heading with the blocks under it. The document itself is a section of level 0."""

    heading: str
    level: int
    lines: tuple[int, int]
    blocks: list["Block"] = attrs.field(factory=list)


Block = Paragraph | Listing | Table | Verbatim | Quote | Section


@attrs.define(slots=True)
class Document:
    """A text and its blocks."""

    root: Section
    lines: list[str]

    def text(self, spans: Sequence[tuple[int, int]]) -> str:
        """Return the lines of some spans as they were written, without their common indentation."""
        lines = [line for start, end in spans for line in self.lines[start:end]]
        return _outdented(lines)


def read_document(text: str) -> Document:
    """Parse Markdown, or plain text with bullets of any kind."""
    if not text.isascii() or not text.replace("\n", "").isprintable():
        text = _STORED("text", _UNSTORABLE.sub("", _LINE_ENDS.sub("\n", text)))
    lines = text.split("\n")
    usual = usual_lines(lines)
    source = text if usual == lines else "\n".join(usual)
    tokens = _parser().parse(source)
    root = Section(heading="", level=0, lines=(0, 0))
    blocks = _Reader(tokens, source.split("\n") if source is not text else lines).blocks(0, len(tokens))
    while blocks and all(isinstance(block, Quote) for block in blocks):
        blocks = [inner for block in blocks if isinstance(block, Quote) for inner in block.blocks]
    root.blocks = _sectioned(blocks)
    return Document(root=root, lines=lines)


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": _DEEPEST})
    return parser.enable("table").disable(["inline", "text_join"], ignoreInvalid=True)


@attrs.define
class _Reader:
    """The reader that turns the parser's tokens into blocks."""

    tokens: list[Token]
    lines: list[str]
    closes: dict[int, int] = attrs.field(init=False, factory=dict)  # opening token to closing token, by index

    def __attrs_post_init__(self) -> None:
        opened: list[int] = []
        for place, token in enumerate(self.tokens):
            if token.nesting == 1:
                opened.append(place)
            elif token.nesting == -1:
                self.closes[opened.pop()] = place

    def blocks(self, start: int, end: int) -> list[Block]:
        found: list[Block] = []
        place = start
        while place < end:
            token = self.tokens[place]
            lines = (token.map[0], token.map[1]) if token.map else (0, 0)
            if token.type == "paragraph_open":
                found.extend(_paragraphs(self.tokens[place + 1].content, lines))
                place += 3
            elif token.type == "heading_open":
                if _READABLE.search(self.tokens[place + 1].content):
                    found.append(Section(self.tokens[place + 1].content, int(token.tag[1]), lines))
                place += 3
            elif token.type in ("bullet_list_open", "ordered_list_open"):
                close = self.closes[place]
                found.append(Listing(token.type[0] == "o", self._entries(place + 1, close), lines))
                place = close + 1
            elif token.type == "table_open":
                close = self.closes[place]
                found.append(self._table(place + 1, close, lines))
                place = close + 1
            elif token.type == "blockquote_open":
                close = self.closes[place]
                found.append(Quote(self.blocks(place + 1, close), lines))
                place = close + 1
            else:
                if token.type == "html_block":
                    found.extend(_folded_part(token.content, lines))
                if token.type != "hr":
                    found.append(Verbatim(lines))
                place += 1
        return found

    def _entries(self, start: int, end: int) -> list[Entry]:
        entries: list[Entry] = []
        place = start
        while place < end:
            close = self.closes[place]
            span = self.tokens[place].map or [0, 0]
            lines = (span[0], span[1])
            if close == place + 1:
                entries.extend(self._flat_entries(lines))
            else:
                entries.append(_entry(self.blocks(place + 1, close), lines))
            place = close + 1
        return entries

    def _flat_entries(self, lines: tuple[int, int]) -> Iterator[Entry]:
        """Read lines that the parser did not look into: each line is an item."""
        for number in range(*lines):
            text = _ANY_MARKERS.sub("", self.lines[number]).strip()
            if text:
                yield _entry([Paragraph(text, (number, number + 1))], (number, number + 1))

    def _table(self, start: int, end: int, lines: tuple[int, int]) -> Table:
        header: list[str] = []
        rows: list[tuple[list[str], int]] = []
        in_header = True
        for token in self.tokens[start:end]:
            if token.type == "tr_open" and not in_header:
                rows.append(([], token.map[0] if token.map else lines[0]))
            elif token.type == "inline":
                (header if in_header else rows[-1][0]).append(token.content.strip())
            elif token.type == "thead_close":
                in_header = False
        return Table(header, rows, lines)


def _paragraphs(text: str, lines: tuple[int, int]) -> Iterator[Block]:
    """Yield a paragraph. A line that is all bold is a heading below all real ones."""
    first, _, rest = text.partition("\n")
    bold = _BOLD_LINE.fullmatch(first.strip()) if len(first) <= _LONGEST_BOLD_HEADING else None
    if bold is None:
        opened = _BOLD_OPENING.match(text)
        if opened is None:
            yield Paragraph(text, lines)
            return
        yield Section(opened["name"].strip(" .:"), BOLD, (lines[0], lines[0] + 1))
        yield Paragraph(text[opened.end() :], lines)
        return
    yield Section(bold[2].strip().rstrip(":").strip(), BOLD, (lines[0], lines[0] + 1))
    if rest:
        yield Paragraph(rest, (lines[0] + 1, lines[1]))


def _folded_part(html: str, lines: tuple[int, int]) -> Iterator[Section]:
    """Yield a section for a part of HTML that readers unfold."""
    if summary := _SUMMARY.search(html):
        yield Section(_TAG.sub("", summary[1]).strip(), FOLDED, lines)
    elif "</details>" in html:
        yield Section("", FOLDED, lines)


def _entry(blocks: list[Block], lines: tuple[int, int]) -> Entry:
    text, checked = "", None
    if blocks and isinstance(blocks[0], Section):
        # A heading or a bold line in a list item is the item's own text.
        text = blocks[0].heading if blocks[0].level < BOLD else f"**{blocks[0].heading}**"
        if len(blocks) > 1 and isinstance(blocks[1], Paragraph) and blocks[1].lines[0] == blocks[0].lines[0]:
            text, blocks = f"{text}: {blocks[1].text}", blocks[1:]
        blocks = blocks[1:]
    elif blocks and isinstance(blocks[0], Paragraph):
        text = blocks[0].text
        blocks = blocks[1:]
    box = _CHECK_BOX.match(text)
    if box:
        checked = box[1] not in ("", " ", "-")
        text = text[box.end() :]
    return Entry(text, lines, checked, [_plain(block) for block in blocks])


def _plain(block: Block) -> Block:
    """Turn a heading in a list item into a paragraph, since it structures nothing there."""
    return Paragraph(block.heading, block.lines) if isinstance(block, Section) else block


def _sectioned(blocks: Sequence[Block]) -> list[Block]:
    """Put each block under the heading that it follows."""
    root = Section("", 0, (0, 0))
    open_sections = [root]
    for block in blocks:
        if isinstance(block, Section):
            while open_sections[-1].level >= block.level:
                open_sections.pop()
            open_sections[-1].blocks.append(block)
            open_sections.append(block)
        else:
            open_sections[-1].blocks.append(block)
    return root.blocks


def _outdented(lines: list[str]) -> str:
    """Join lines without their common indentation, and without the list marker of the first line."""
    filled = [place for place, line in enumerate(lines) if line.strip()]
    if not filled:
        return ""
    lines = lines[filled[0] : filled[-1] + 1]
    indents = [len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()]
    margin = min(indents, default=0)
    return "\n".join([_ITEM_MARKER.sub("", lines[0]).strip(), *(line[margin:].rstrip() for line in lines[1:])])
