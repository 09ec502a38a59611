"""The tasks that a document asks for, nested as in the document."""

import re
from collections.abc import Sequence

import attrs

from ._blocks import (
    before_last_line,
    combined,
    count_themes,
    ends_at,
    has_sections,
    is_chaptered,
    is_order,
    is_short_line,
    is_used,
    is_whole_order,
    labels_a_line,
    leads_alone,
    tells_behaviour,
    whole_lines,
)
from ._clauses import tells_a_date
from ._dependencies import chain_stages, follow_all
from ._document import BOLD, FOLDED, Block, Document, Listing, Paragraph, Quote, Section, Table, Verbatim
from ._drafts import Draft, fit_title
from ._inline import plain
from ._language import is_about_software, is_english
from ._lists import DONE, LEADS_IN, WORD, ListReader
from ._prose import read_prose
from ._requests import Ask, read_request
from ._sections import Heading, Role, insists_on_work, read_heading
from ._sentences import sentences
from ._tables import lists_faults, read_table, tells_dates
from ._titles import Titles

_LONGEST_NAME = 200
_MACHINE_MADE = re.compile(r"\b(?:logs?|output|traces?|dump|diff)$", re.IGNORECASE)
_GROUPING = (Role.THEME, Role.WORK)


@attrs.define
class Outline:
    """The tasks and criteria found in a document.

    Attributes:
        drafts: the tasks, in the order of the text.
        structured: whether they come from lists, tables or headings, rather than from sentences.
        english: whether sentences could be understood.
        criteria: the acceptance criteria of the whole.
    """

    drafts: list[Draft]
    structured: bool
    english: bool
    criteria: list[str]


def read_outline(document: Document, most: int) -> Outline:
    """Find the tasks of a document. If it has more than `most`, the last one takes the rest of the text."""
    text = "\n".join(document.lines)
    english = is_english(text)
    outliner = _Outliner(
        document,
        english,
        titles=Titles(english, "implement" if is_about_software(text) else "take care of"),
        left=most,
    )
    return outliner.read()


_NO_HEADING = Heading(Role.WORK, "")


@attrs.define
class _Part:
    """The tasks of a block."""

    prose: bool
    drafts: list[Draft]
    heading: Heading = _NO_HEADING


@attrs.define
class _Outliner(ListReader):
    criteria: list[Draft] = attrs.field(factory=list)
    themes: int = 0  # the number of sections that name parts of the work
    talk_counts: bool = False  # whether mere talk about the work is read, for want of anything else

    def read(self) -> Outline:
        section = self.document.root
        self.themes = count_themes(section)
        drafts = self.section(section, Role.THEME)
        if not drafts and self.talk:
            talk, self.talk, self.talk_counts = self.talk, [], True
            drafts = [draft for section in talk for draft in self.section(section, Role.THEME)]
        if not drafts and self.criteria:
            drafts, self.criteria = self.criteria, []
            self.structured = True
        criteria = self.taken_criteria(0)
        return Outline(drafts, self.structured, self.english, criteria)

    def section(self, section: Section, role: Role) -> list[Draft]:
        """Read the blocks under a heading."""
        parts: list[_Part] = []
        stages: list[tuple[Draft, Heading]] = []
        works: list[_Part] = []
        leads = self._leads(section.blocks)
        titled = self._is_titled(section)
        current: Draft | None = None
        for place, block in enumerate(section.blocks):
            if self.left <= 0 and place > 0:
                if current is not None:
                    current.spans.append(block.lines if not isinstance(block, Section) else whole_lines(block))
            elif isinstance(block, Paragraph):
                text = block.text if place not in leads else before_last_line(block.text)
                parts.append(_Part(prose=True, drafts=self.prose(text, role)))
            elif isinstance(block, Listing | Table):
                lead = leads.get(place - 1)
                drafts = self.items(block, role, section, lead)
                if drafts and lead and lead.role in _GROUPING and self._is_title(lead, leads):
                    group = Draft(self.titles.of_group(lead), children=drafts, spans=[section.blocks[place - 1].lines])
                    stages.append((group, lead))
                    drafts = [group]
                if not drafts and current is not None and isinstance(block, Table):
                    current.spans.append(block.lines)
                parts.append(_Part(prose=False, drafts=drafts))
            elif isinstance(block, Section):
                drafts, heading = self.subsection(block, role, titled, leads_alone(block, section))
                self.left -= not drafts
                if len(drafts) == 1 and heading.role is Role.THEME:
                    stages.append((drafts[0], heading))
                elif drafts and heading.role is Role.WORK and heading.name:
                    works.append(_Part(prose=False, drafts=drafts, heading=heading))
                    parts.append(works[-1])
                    current = drafts[-1]
                    continue
                parts.append(_Part(prose=False, drafts=drafts))
            elif current is not None:
                current.spans.append(block.lines)
            if parts and parts[-1].drafts:
                current = parts[-1].drafts[-1]
        if len(works) > 1 and not any(draft.children for part in works for draft in part.drafts):
            for part in works:
                part.drafts = [Draft(self.titles.of_group(part.heading), children=part.drafts)]
        chain_stages(stages if not is_chaptered(section) else [entry for entry in stages if not entry[1].numbered])
        return self._kept(parts)

    def items(self, block: Listing | Table, role: Role, section: Section, lead: Heading | None) -> list[Draft]:
        """Read a list or a table."""
        if isinstance(block, Table):
            return self.table(block, role)
        drafts = self.listing(block, combined(role, lead), lead, section)
        if lead and lead.role is Role.CRITERIA:
            self.criteria.extend(drafts)
            return []
        return drafts

    def _kept(self, parts: Sequence["_Part"]) -> list[Draft]:
        """Leave out tasks in sentences that lead up to a list, unless the text states their place."""
        first = next((place for place, part in enumerate(parts) if part.drafts and not part.prose), None)
        kept: list[Draft] = []
        for place, part in enumerate(parts):
            drafts = part.drafts
            if part.prose and first is not None and drafts:
                if place < first:
                    drafts = [draft for draft in drafts if draft.placed]
                else:
                    follow_all(drafts, kept)
            kept.extend(drafts)
        return kept

    def subsection(
        self, section: Section, role: Role, titles_all: bool, leads_alone: bool
    ) -> tuple[list[Draft], Heading]:
        """Read a heading and the blocks under it."""
        text = plain(section.heading)
        if not WORD.search(text.text):
            return self.section(section, role), Heading(Role.WORK, "")
        heading = read_heading(text.text)
        if titles_all and (heading.role is Role.THEME or (heading.role is Role.WORK and has_sections(section))):
            return self.section(section, Role.THEME), Heading(Role.WORK, heading.name)
        unread = section.level == FOLDED and _MACHINE_MADE.search(heading.name)
        if section.level == BOLD and heading.role is Role.SKIP and (work := section.blocks[ends_at(section) :]):
            return self.section(attrs.evolve(section, blocks=work), role), Heading(Role.WORK, "")
        if text.struck or DONE.search(section.heading) or heading.role is Role.SKIP or unread:
            return [], heading
        if heading.role in (Role.CONTEXT, Role.TALK):
            return self.told(section, heading, titles_all), heading
        if tells_behaviour(section) and heading.role in _GROUPING:
            self.criteria.append(Draft(heading.name, spans=[whole_lines(section)]))
            return [], heading
        if heading.role is Role.CRITERIA:
            self.criteria.extend(self.section(section, Role.WORK))
            return [], heading
        if heading.role in (Role.BEFORE, Role.ASIDE) and role is not Role.WORK:
            children = self.section(section, Role.BEFORE)
            if children and heading.role is Role.ASIDE and self.themes > 1:
                return [Draft(self.titles.of_group(heading), children=children)], heading
            return children, heading
        if heading.role is Role.WORK:
            return self.section(section, Role.WORK), heading
        if heading.role is Role.THEME and leads_alone:
            return self.section(section, role), Heading(Role.WORK, "")
        if heading.role is Role.THEME and labels_a_line(section):
            line, rest = (attrs.evolve(section, blocks=part) for part in (section.blocks[:1], section.blocks[1:]))
            return [*self.section(line, Role.THEME), *self.section(rest, role)], Heading(Role.WORK, "")
        drafts = self.theme(section, heading, role)
        named_alone = heading.role is not Role.THEME and not any(draft.children for draft in drafts)
        return [] if named_alone else drafts, heading

    def told(self, section: Section, heading: Heading, titles_all: bool) -> list[Draft]:
        """Read the work below a heading that is not work: sections that say so, or all below the text's title."""
        parts: list[Block] = []
        rest: list[Block] = []
        for block in section.blocks:
            if isinstance(block, Section) and (titles_all or self._is_part(block, heading)):
                parts.append(block)
            else:
                rest.append(block)
        if heading.role is Role.TALK:
            self.talk.append(Section(section.heading, section.level, section.lines, rest))
        return self.section(Section(section.heading, section.level, section.lines, parts), Role.THEME) if parts else []

    def _is_part(self, section: Section, above: Heading) -> bool:
        """Tell whether a section is work although the heading above it is not."""
        heading = read_heading(plain(section.heading).text)
        if heading.role is not Role.THEME or above.role is not Role.TALK:
            return insists_on_work(heading)
        return any(isinstance(block, Listing) and self.asks_mostly(block) for block in section.blocks)

    def theme(self, section: Section, heading: Heading, role: Role) -> list[Draft]:
        """Read a heading that names a part of the work."""
        asks = self.english and (is_whole_order(heading.name) or (role is Role.WORK and is_order(heading.name)))
        talks = len(self.criteria)
        own = Section(section.heading, section.level, section.lines)
        own.blocks = [
            block
            for block in section.blocks
            if not (asks and isinstance(block, Paragraph) and not LEADS_IN.search(block.text))
        ]
        children = self.section(own, role)
        notes = [
            block.lines
            for block in section.blocks
            if isinstance(block, Paragraph | Verbatim | Quote) and not is_used(block, children)
        ]
        group = Draft(self.titles.of_group(heading), children=children, spans=notes)
        group.criteria = self.taken_criteria(talks) if children or asks or heading.ordered else []
        if children:
            if len(children) == 1 and not children[0].spans and not asks and not heading.ordered and children[0].notes:
                return children
            self.structured = True
            return [group]
        paragraphs = [block for block in section.blocks if isinstance(block, Paragraph)]
        named = self.english and len(paragraphs) == 1 and self.themes > 1 and bool(self.named(paragraphs[0].text))
        if section.level < FOLDED and (
            asks or (heading.ordered and not has_sections(section)) or role is Role.WORK or named
        ):
            self.structured = True
            group.title = self.titles.of_leaf(heading.name)
            return [group]
        return []

    def taken_criteria(self, start: int) -> list[str]:
        """Remove the criteria from an index on, and return them as they are written."""
        texts = [self.document.text(draft.spans) or draft.title for draft in self.criteria[start:]]
        del self.criteria[start:]
        return [text for text in texts if text.strip()]

    def _leads(self, blocks: Sequence[Block]) -> dict[int, Heading]:
        """Return the paragraphs that lead into the list or table right after them, as headings."""
        leads = {}
        lines = {place for place, block in enumerate(blocks[:-1]) if is_short_line(block, blocks[place + 1])}
        for place, block in enumerate(blocks[:-1]):
            if (
                isinstance(block, Paragraph)
                and isinstance(blocks[place + 1], Listing | Table)
                and LEADS_IN.search(block.text)
            ):
                last_line = block.text.rstrip().rsplit("\n", 1)[-1].rsplit(". ", 1)[-1]
                leads[place] = read_heading(plain(last_line).text)
            elif isinstance(block, Paragraph) and place in lines:
                heading = read_heading(plain(block.text).text)
                stage = heading.ordered and not heading.numbered
                if heading.role is not Role.THEME or stage or (len(lines) > 1 and block.text[-1:].isalnum()):
                    leads[place] = heading
        return leads

    def _is_title(self, lead: Heading, leads: dict[int, Heading]) -> bool:
        """Tell whether a line such as "First week:" names a group: it is short, and it is not the only one."""
        if len(lead.name.split()) > 6 or sum(other.role in _GROUPING for other in leads.values()) < 2:
            return False
        return not self.english or read_request(lead.name).ask in (Ask.PHRASE, Ask.REQUEST)

    def _is_titled(self, section: Section) -> bool:
        """Tell whether the only heading on the highest level is the title of the whole text."""
        if section.level != 0 or any(isinstance(block, Listing | Table) for block in section.blocks):
            return False
        sections = [block for block in section.blocks if isinstance(block, Section)]
        return len(sections) == 1 and sections[0].level <= 2 and bool(sections[0].blocks)

    def prose(self, text: str, role: Role) -> list[Draft]:
        """Read running text."""
        if self.english and role is not Role.BEFORE:
            drafts = read_prose(text, self.titles.fallback, most=max(1, self.left))
            if not drafts and role is Role.WORK:
                drafts = self.named(text)
            self.left -= len(drafts)
            return drafts
        return []

    def named(self, text: str) -> list[Draft]:
        """Read a sentence that only names a wanted thing, such as "A button that exports the table"."""
        if len(text) > _LONGEST_NAME or len(list(sentences(text))) > 1 or tells_a_date(text):
            return []
        reading = read_request(plain(text).text, self.titles.fallback)
        return [Draft(fit_title(reading.title), notes=[text])] if reading.ask is Ask.PHRASE else []

    def table(self, table: Table, role: Role) -> list[Draft]:
        """Read a table whose rows are work."""
        most = max(1, self.left)
        if role is Role.ASIDE or role is Role.BEFORE:
            return []
        if tells_dates(table) and not self.talk_counts:
            self.talk.append(Section("", 0, table.lines, [table]))
            return []
        usual = self.titles.fallback
        if lists_faults(table):
            self.titles.fallback = "fix"
        drafts = read_table(table, self.english, role is Role.WORK, self.titles.of_leaf, most)
        self.titles.fallback = usual
        self.left -= len(drafts)
        if drafts and len(table.rows) > most:
            drafts[-1].spans.append((table.rows[most][1], table.lines[1]))
        self.structured = self.structured or bool(drafts)
        return drafts
