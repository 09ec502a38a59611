"""The tasks that a document asks for, in the nesting that it gives them."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

import attrs

from ._document import Block, Document, Entry, Listing, Paragraph, Quote, Section, Table, Verbatim
from ._drafts import Draft, fit_title
from ._inline import Plain, plain
from ._prose import read_prose, refer, sentences
from ._requests import (
    Ask,
    Order,
    capital,
    first_word,
    is_imperative,
    names_a_thing,
    phrase_title,
    read_request,
    small,
    take_opener,
)
from ._sections import Heading, Role, read_heading
from ._tables import read_table
from ._words import BASE_OF_PARTICIPLE, ENGLISH, FOREIGN, VERBS

_SOFTWARE = re.compile(
    r"\b(?:api|apis|app|bug|cli|code|commit|css|database|deploy\w*|docker|endpoint|frontend|backend|git"
    r"|github|html|http|javascript|json|library|"
    r"login|module|parser|plugin|python|query|repo|repository|rest|rust|schema|sdk|server|software|sql|ui|url"
    r"|user|users|web|website|yaml)\b",
    re.IGNORECASE,
)
_LONGEST_NAME = 200
_TELLING_PART = 8_000  # characters: the beginning tells the language and the field
_WORD = re.compile(r"[^\W\d_]+")
_DONE = re.compile(
    r"^(?:\(?(?:done|completed?|finished|shipped|fixed|erledigt|fertig|fait|hecho)\)?\s*[:\u2013\u2014-]"
    r"|\[(?:done|completed|x)\])|(?:\((?:done|completed|finished|shipped|already done|erledigt"
    r"|fait)[^)]{0,40}\)|[\u2705\u2714]\ufe0f?|(?:[:\u2013\u2014-]|->)\s*(?:done|completed|finished"
    r"|erledigt))\s*[.!]?$",
    re.IGNORECASE,
)
_OWN_WORDS = re.compile(
    r"I (?:have|am|agree|did|was|understand|acknowledge|confirm|would|can|could|use|want to|checked|searched"
    r"|read|added|updated|followed|tested)\b|I'(?:ve|m|d)\b|my (?:change|code|pull)\b",
    re.IGNORECASE,
)
_DETAIL = re.compile(
    r"(?:see|note|nb|e\.?g|i\.?e|for example|example|for instance|such as|because|only|ref|refs|cf|link|links"
    r"|docs?|source|related|owner|due|deadline|estimate|assignee|priority|status|label|labels|reported by"
    r"|thanks to)\b|\(|https?:",
    re.IGNORECASE,
)
_REFERENCE = re.compile(
    r"[(\[]?\b(?P<word>depends on|dependent on|blocked by|blocked on|requires|needs|after|once|not before"
    r"|waits for|following)\s+(?P<what>[^()\[\]]{1,120}?)[)\]]?$",
    re.IGNORECASE,
)
_NUMBERS = re.compile(
    r"(?:(?:steps?|tasks?|items?|nos?\.?|numbers?|points?|#|t-?)\s*)?#?([0-9]{1,3})\b(?![%.0-9:]|\s*(?:days?"
    r"|weeks?|hours?|h|min|minutes|months|%))",
    re.IGNORECASE,
)
_ONLY_NUMBERS = re.compile(
    r"(?:(?:steps?|tasks?|items?|nos?\.?|numbers?|points?|and|&|#|,|t-?|[0-9]{1,3}|\s)+)$", re.IGNORECASE
)
_UNORDERED = re.compile(
    r"\b(?:requirements?|features?|goals?|ideas?|options?|questions?|stories|criteria|bugs?|issues|findings"
    r"|problems|defects|improvements|backlog|wishes|wish ?list|recommendations|anforderungen)\b",
    re.IGNORECASE,
)
_FAULT = re.compile(
    r"\b(?:fails?|failing|crash(?:es|ed)?|broken|hangs?|leaks?|wrong(?:ly)?|incorrect(?:ly)?|missing|error"
    r"|errors|exception|does not|doesn't|do not|don't|can't|cannot|is not|isn't|are not|aren't|never"
    r"|overlaps?|drops|ignores|loses|truncates|flickers|freezes|stuck|blank|twice|instead of|unexpected(?:ly)?"
    r"|slow(?:ly)?|outdated|vulnerable|flaky|times? out|500|404)\b",
    re.IGNORECASE,
)
_FAULTY = re.compile(
    r"\b(?:findings|bugs?|issues|problems|defects|vulnerabilities|errors|faults|weaknesses|regressions|typos)\b",
    re.IGNORECASE,
)
_EARLY = re.compile(r"(?:pre|before|prior|first|preparations?|setup)\b", re.IGNORECASE)
_LATE = re.compile(r"(?:post|after(?:wards)?|finally|last|clean-?up|follow-up)\b", re.IGNORECASE)
_TO_BE = re.compile(
    r"\b(?:to|must|should|shall|have to|has to|need to|needs to|can|will) be ([a-z]+)\b[^.]{0,30}$", re.IGNORECASE
)
_FOLLOWING = re.compile(r"\b(?:following|these|below)\b", re.IGNORECASE)
_TOO_WIDE = frozenset(
    [
        "do",
        "see",
        "note",
        "consider",
        "follow",
        "use",
        "make",
        "take",
        "have",
        "need",
        "complete",
        "perform",
        "finish",
        "handle",
        "look",
        "go",
        "work",
        "suggest",
        "propose",
        "ask",
        "list",
    ]
)
_PARTICLE = re.compile(r" (?:up|out|down|off|over|on|in)$")
_BRACKETED = re.compile(r"\([^()]*\)[:.]?")
_VERB = re.compile(r"[\w-]+(?: (?:up|out|down|off|over|in|on)(?= (?:the|a|an|all|our|new)\b))?")
_BOLD_TITLE = re.compile(r"(?:\*\*|__).{1,120}(?:\*\*|__)[:.]?\s*(?:\([^()]{1,40}\))?[:.]?\s*$")
_LEAD = re.compile(r"[:\uff1a]\**\s*$")


@attrs.define
class Outline:
    """What was found in a document.

    Attributes:
        drafts: the tasks, in the order of the text.
        structured: whether lists, tables or headings gave them, rather than sentences.
        english: whether sentences could be understood.
        criteria: how one can tell that all of it is done.
    """

    drafts: list[Draft]
    structured: bool
    english: bool
    criteria: list[str]


def read_outline(document: Document, most: int) -> Outline:
    """Find the tasks of a document; where there are more than so many, the last of them has the rest of the text."""
    text = "\n".join(document.lines)
    outliner = _Outliner(
        document,
        english=is_english(text),
        fallback="implement" if _SOFTWARE.search(text, 0, _TELLING_PART) else "take care of",
        left=most,
    )
    return outliner.read()


def is_english(text: str) -> bool:
    """Whether most small words of a text are English; without any it counts as English if its letters are."""
    words: list[str] = [word.lower() for word in _WORD.findall(text[:_TELLING_PART])]
    english = sum(word in ENGLISH for word in words)
    foreign = sum(word in FOREIGN for word in words)
    plain_words = sum(word.isascii() for word in words)
    if words and plain_words < 0.6 * len(words):
        return False
    if english or foreign:
        return english > foreign
    return plain_words == len(words)


_NO_HEADING = Heading(Role.WORK, "")


@attrs.define
class _Part:
    """The tasks of a block."""

    prose: bool
    drafts: list[Draft]
    heading: Heading = _NO_HEADING


@attrs.define
class _Outliner:
    document: Document
    english: bool
    fallback: str
    talk: list[Section] = attrs.field(factory=list)
    criteria: list[Draft] = attrs.field(factory=list)
    structured: bool = False
    forced: bool = False  # whether the fallback is right for all that is named
    left: int = 1000  # how many tasks are looked for: what follows them belongs to the last
    themes: int = 0  # sections that name parts of the work

    def read(self) -> Outline:
        section = self.document.root
        self.themes = _themes(section)
        drafts = self.section(section, Role.THEME)
        if not drafts and self.talk:
            talk, self.talk = self.talk, []
            drafts = [draft for section in talk for draft in self.section(section, Role.THEME)]
        if not drafts and self.criteria:
            drafts, self.criteria = self.criteria, []
            self.structured = True
        criteria = self.taken_criteria(0)
        return Outline(drafts, self.structured, self.english, criteria)

    def section(self, section: Section, role: Role) -> list[Draft]:
        """Read what stands under a heading."""
        parts: list[_Part] = []
        stages: list[tuple[Draft, Heading]] = []
        works: list[_Part] = []
        leads = self._leads(section.blocks)
        titled = self._is_titled(section)
        current: Draft | None = None
        for place, block in enumerate(section.blocks):
            if self.left <= 0 and place > 0:
                if current is not None:
                    current.spans.append(block.lines if not isinstance(block, Section) else _whole(block))
            elif isinstance(block, Paragraph):
                text = block.text if place not in leads else _before_last_line(block.text)
                parts.append(_Part(prose=True, drafts=self.prose(text, role)))
            elif isinstance(block, Listing | Table):
                lead = leads.get(place - 1)
                drafts = self.items(block, role, section, lead)
                if drafts and lead and lead.role is Role.THEME and self._is_title(lead, leads):
                    group = Draft(self.group_title(lead), children=drafts, spans=[section.blocks[place - 1].lines])
                    stages.append((group, lead))
                    drafts = [group]
                if not drafts and current is not None and isinstance(block, Table):
                    current.spans.append(block.lines)
                parts.append(_Part(prose=False, drafts=drafts))
            elif isinstance(block, Section):
                drafts, heading = self.subsection(block, role, titled)
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
                part.drafts = [Draft(self.group_title(part.heading), children=part.drafts)]
        _chain_stages(stages)
        return self._kept(parts)

    def items(self, block: Listing | Table, role: Role, section: Section, lead: Heading | None) -> list[Draft]:
        """Read a list or a table."""
        if isinstance(block, Table):
            return self.table(block, role)
        drafts = self.listing(block, _combined(role, lead), lead, section)
        if lead and lead.role is Role.CRITERIA:
            self.criteria.extend(drafts)
            return []
        return drafts

    def _kept(self, parts: Sequence["_Part"]) -> list[Draft]:
        """Leave out what leads up to a list in sentences, unless it says where it stands among the tasks."""
        first = next((place for place, part in enumerate(parts) if part.drafts and not part.prose), None)
        kept: list[Draft] = []
        for place, part in enumerate(parts):
            drafts = part.drafts
            if part.prose and first is not None and drafts:
                if place < first:
                    drafts = [draft for draft in drafts if draft.placed]
                else:
                    self._after_all(drafts, kept)
            kept.extend(drafts)
        return kept

    def _after_all(self, drafts: Sequence[Draft], kept: Sequence[Draft]) -> None:
        """A sentence after a list that begins with "finally" or "then" comes after what is in the list."""
        order, _ = take_opener(plain(drafts[0].notes[0]).text) if drafts[0].notes else (Order.NONE, "")
        if order in (Order.LAST, Order.THEN):
            for draft in kept:
                drafts[0].wait_for(draft)

    def subsection(self, section: Section, role: Role, titles_all: bool) -> tuple[list[Draft], Heading]:
        """Read a heading and what stands under it."""
        text = plain(section.heading)
        if not _WORD.search(text.text):
            return self.section(section, role), Heading(Role.WORK, "")
        heading = read_heading(text.text)
        if titles_all and heading.role is Role.THEME:
            return self.section(section, Role.THEME), Heading(Role.WORK, heading.name)
        if text.struck or _DONE.search(section.heading) or heading.role is Role.SKIP:
            return [], heading
        if heading.role is Role.TALK:
            self.talk.append(section)
            return [], heading
        if heading.role is Role.CRITERIA:
            self.criteria.extend(self.section(section, Role.WORK))
            return [], heading
        if heading.role in (Role.BEFORE, Role.ASIDE) and role is not Role.WORK:
            children = self.section(section, Role.BEFORE)
            if children and self.themes > 1:
                return [Draft(self.group_title(heading), children=children)], heading
            return children, heading
        if heading.role is Role.WORK:
            return self.section(section, Role.WORK), heading
        return self.theme(section, heading, role), heading

    def theme(self, section: Section, heading: Heading, role: Role) -> list[Draft]:
        """Read a heading that names a part of the work."""
        asks = self.english and _is_whole_order(heading.name)
        talks = len(self.criteria)
        own = Section(section.heading, section.level, section.lines)
        own.blocks = [
            block
            for block in section.blocks
            if not (asks and isinstance(block, Paragraph) and not _LEAD.search(block.text))
        ]
        children = self.section(own, role)
        notes = [
            block.lines
            for block in section.blocks
            if isinstance(block, Paragraph | Verbatim | Quote) and not _used(block, children)
        ]
        group = Draft(self.group_title(heading), children=children, spans=notes)
        group.criteria = self.taken_criteria(talks) if children or asks or heading.ordered else []
        if children:
            if len(children) == 1 and not children[0].spans and not asks and not heading.ordered and children[0].notes:
                return children
            self.structured = True
            return [group]
        if asks or heading.ordered or role is Role.WORK:
            self.structured = True
            group.title = self.leaf_title(heading.name)
            return [group]
        return []

    def taken_criteria(self, start: int) -> list[str]:
        """Take the criteria from one on, as they are written."""
        texts = [self.document.text(draft.spans) or draft.title for draft in self.criteria[start:]]
        del self.criteria[start:]
        return texts

    def _leads(self, blocks: Sequence[Block]) -> dict[int, Heading]:
        """Return the paragraphs that lead into the list or table right after them, as headings."""
        leads = {}
        for place, block in enumerate(blocks[:-1]):
            if (
                isinstance(block, Paragraph)
                and isinstance(blocks[place + 1], Listing | Table)
                and _LEAD.search(block.text)
            ):
                last_line = block.text.rstrip().rsplit("\n", 1)[-1]
                leads[place] = read_heading(plain(last_line).text)
            elif (
                isinstance(block, Paragraph)
                and isinstance(blocks[place + 1], Listing)
                and len(block.text) <= 60
                and "\n" not in block.text
            ):
                heading = read_heading(plain(block.text).text)
                if heading.role is not Role.THEME:
                    leads[place] = heading
        return leads

    def _is_title(self, lead: Heading, leads: dict[int, Heading]) -> bool:
        """Whether a line such as "First week:" names a group: it is short, and it is not the only one."""
        if len(lead.name.split()) > 6 or sum(other.role is Role.THEME for other in leads.values()) < 2:
            return False
        return not self.english or read_request(lead.name).ask in (Ask.PHRASE, Ask.REQUEST)

    def _is_titled(self, section: Section) -> bool:
        """Whether the one heading on the highest level is the title of the whole text."""
        if section.level != 0 or any(isinstance(block, Listing | Table) for block in section.blocks):
            return False
        sections = [block for block in section.blocks if isinstance(block, Section)]
        return len(sections) == 1 and sections[0].level <= 2 and bool(sections[0].blocks)

    def prose(self, text: str, role: Role) -> list[Draft]:
        """Read running text."""
        if self.english and role is not Role.BEFORE:
            drafts = read_prose(text, self.fallback, most=max(1, self.left))
            if not drafts and role is Role.WORK:
                drafts = self.named(text)
            self.left -= len(drafts)
            return drafts
        return []

    def named(self, text: str) -> list[Draft]:
        """Read a sentence that only names what is wanted, such as "A button that exports the table"."""
        if len(text) > _LONGEST_NAME or len(list(sentences(text))) > 1:
            return []
        reading = read_request(plain(text).text, self.fallback)
        return [Draft(fit_title(reading.title), notes=[text])] if reading.ask is Ask.PHRASE else []

    def table(self, table: Table, role: Role) -> list[Draft]:
        """Read a table whose rows are work."""
        most = max(1, self.left)
        if role is Role.ASIDE or role is Role.BEFORE:
            return []
        drafts = read_table(table, self.english, role is Role.WORK, self.leaf_title, most)
        self.left -= len(drafts)
        if drafts and len(table.rows) > most:
            drafts[-1].spans.append((table.rows[most][1], table.lines[1]))
        self.structured = self.structured or bool(drafts)
        return drafts

    def listing(
        self, listing: Listing, role: Role, lead: Heading | None, section: Section, verb: str = ""
    ) -> list[Draft]:
        """Read a list whose items are work; the verb is that of the item above, which goes for what is only named."""
        if role in (Role.SKIP, Role.TALK):
            if role is Role.TALK:
                self.talk.append(Section(section.heading, section.level, section.lines, [listing]))
            return []
        entries = listing.entries[: max(1, self.left)]
        heads = [plain(_head(entry.text)) for entry in entries]
        asks = self._asks(heads)
        if not self._is_work(listing, asks, role):
            return []
        name = f"{section.heading} {lead.name if lead else ''}"
        verb = verb or self._verb_of(lead)
        usual = (self.fallback, self.forced)
        if verb or _FAULTY.search(name):
            self.fallback, self.forced = verb or "fix", bool(verb)
        among_orders = 2 * asks.count(Ask.REQUEST) >= len(asks) and not self.forced
        drafts: list[Draft] = []
        own: list[Draft] = []
        for entry, head, ask in zip(entries, heads, asks, strict=True):
            if self.left <= 0 and drafts:
                drafts[-1].spans.append(entry.lines)
                continue
            self.left -= 1
            found = self.entry(entry, head, ask, role, among_orders)
            if isinstance(found, Draft):
                found.number = len(own) + 1
                own.append(found)
                drafts.append(found)
            elif found is not None and drafts:
                drafts[-1].spans.append(found)
            elif found is None:
                own.append(Draft(""))
        if drafts and len(entries) < len(listing.entries):
            drafts[-1].spans.append((listing.entries[len(entries)].lines[0], listing.lines[1]))
        self.structured = self.structured or bool(drafts)
        self.fallback, self.forced = usual
        staged = len(heads) > 1 and all(read_heading(head.text).ordered for head in heads)
        if (listing.ordered or staged) and not _UNORDERED.search(name) and role is not Role.CRITERIA:
            for before, after in pairwise(drafts):
                after.wait_for(before)
        if self.english:
            self._refer(drafts)
        return drafts

    def _asks(self, heads: Sequence[Plain]) -> list[Ask]:
        if not self.english:
            return [Ask.REQUEST] * len(heads)
        return [
            Ask.PHRASE if head.code else read_request(_first_sentence(entry_text(head)), self.fallback).ask
            for head in heads
        ]

    def _verb_of(self, lead: Heading | None) -> str:
        """Return what a line such as "Please prepare the following:" or "Endpoints to be removed:" says to do."""
        if lead is None or not self.english:
            return ""
        passive = _TO_BE.search(lead.name)
        if passive and passive[1].lower() in BASE_OF_PARTICIPLE:
            return BASE_OF_PARTICIPLE[passive[1].lower()]
        title = read_request(lead.name).title if _FOLLOWING.search(lead.name) else ""
        first = first_word(title)
        return first if first in VERBS and first not in _TOO_WIDE else ""

    def _is_work(self, listing: Listing, asks: Sequence[Ask], role: Role) -> bool:
        if role in (Role.WORK, Role.CRITERIA) or any(entry.checked is not None for entry in listing.entries):
            return True
        if not self.english:
            return role not in (Role.BEFORE, Role.ASIDE)
        asked = asks.count(Ask.REQUEST)
        if role in (Role.BEFORE, Role.ASIDE):
            return asked > 0
        telling = asks.count(Ask.TALK) + asks.count(Ask.REFUSAL)
        return asked > 0 or telling * 2 <= len(asks)

    def entry(
        self, entry: Entry, head: Plain, ask: Ask, role: Role, among_orders: bool
    ) -> Draft | tuple[int, int] | None:
        """Read an item: a task, lines that belong to the item before it, or nothing where it is done or no work."""
        heading = read_heading(head.text) if entry.blocks or _LEAD.search(entry.text) else None
        if (
            heading
            and heading.role in (Role.SKIP, Role.CRITERIA)
            and any(isinstance(block, Listing) for block in entry.blocks)
        ):
            return None
        if head.struck or _DONE.search(entry.text[:300]) or (entry.checked and not entry.blocks):
            return None
        children, rest = self.entry_blocks(entry, head)
        if entry.checked and not children:
            return None
        if _OWN_WORDS.match(head.text):
            return None
        if not _WORD.search(head.text):
            if not children and not entry.blocks and not entry.text.strip():
                return None
            return _own_lines(entry, children)
        if role in (Role.BEFORE, Role.ASIDE) and ask is not Ask.REQUEST:
            return None
        if (
            self.english
            and not children
            and entry.checked is None
            and role is not Role.WORK
            and ask in (Ask.TALK, Ask.REFUSAL)
        ):
            return _own_lines(entry, children)
        title = (
            self.leaf_title(entry_text(head), among_orders, head.code)
            if not children
            else self.group_title(Heading(Role.THEME, entry_text(head)))
        )
        draft = Draft(fit_title(title), children=children)
        lines = [] if title == entry.text else [(entry.lines[0], rest)]
        draft.spans = lines + [block.lines for block in entry.blocks if not isinstance(block, Listing)]
        draft.spans += self._notes_of(entry, children)
        draft.spans = _joined(draft.spans)
        return draft

    def entry_blocks(self, entry: Entry, head: Plain) -> tuple[list[Draft], int]:
        """Return the tasks below an item, and the line after its own text."""
        rest = min((block.lines[0] for block in entry.blocks), default=entry.lines[1])
        children: list[Draft] = []
        lead: Heading | None = None
        for block in entry.blocks:
            if isinstance(block, Listing):
                children.extend(self.below(block, head, lead))
            lead = (
                read_heading(plain(block.text).text)
                if isinstance(block, Paragraph) and _LEAD.search(block.text)
                else None
            )
        return children, rest

    def below(self, listing: Listing, head: Plain, lead: Heading | None) -> list[Draft]:
        """Read the list below an item: parts of it, or only notes on it."""
        if lead and lead.role is not Role.WORK and lead.role is not Role.THEME:
            return []
        heads = [plain(entry.text) for entry in listing.entries[:100]]
        if self.english and all(entry.checked is None for entry in listing.entries):
            asks = self._asks(heads)
            details = sum(
                ask in (Ask.TALK, Ask.REFUSAL) or _DETAIL.match(text.text) is not None or text.code
                for ask, text in zip(asks, heads, strict=True)
            )
            if Ask.REQUEST not in asks and (details * 2 >= len(asks) or len(asks) == 1):
                return []
        role = Role.WORK if _LEAD.search(head.text) else Role.THEME
        above = take_opener(entry_text(head))[1]
        verb = _VERB.match(above) if self.english and is_imperative(above) else None
        return self.listing(listing, role, lead, Section("", 8, listing.lines), verb[0].lower() if verb else "")

    def _notes_of(self, entry: Entry, children: Sequence[Draft]) -> list[tuple[int, int]]:
        """Return the lines of lists below an item that became no tasks."""
        taken = {line for child in children for line in _lines_of(child)}
        return [
            block.lines
            for block in entry.blocks
            if isinstance(block, Listing)
            and taken.isdisjoint(range(*block.lines))
            and not all(item.checked for item in block.entries)
        ]

    def _refer(self, drafts: Sequence[Draft]) -> None:
        """Follow what items say about each other: "(needs 1)", "after the packages are out"."""
        by_number = {draft.number: draft for draft in drafts}
        for draft in drafts:
            text = plain(self.document.lines[draft.spans[0][0]]).text if draft.spans else draft.title
            reference = _REFERENCE.search(text.rstrip(". "))
            if reference is None:
                continue
            if _ONLY_NUMBERS.match(reference["what"]):
                draft.after = []
                for number in _NUMBERS.findall(reference["what"]):
                    if int(number) in by_number and by_number[int(number)] is not draft:
                        draft.wait_for(by_number[int(number)])
            elif known := refer(drafts, reference["what"], draft):
                draft.wait_for(known)

    def leaf_title(self, text: str, among_orders: bool = False, code: bool = False) -> str:
        """Say in the imperative what an item asks for."""
        text = _without_reference(text)
        if not self.english:
            return fit_title(text)
        first = _first_sentence(text)
        if self.forced and code:
            return fit_title(capital(f"{self.fallback} {first}"))
        reading = read_request(first, self.fallback, self.forced)
        if reading.ask is Ask.TALK:
            if _FAULT.search(first) and not first.lower().startswith(("no ", "make ")):
                return fit_title(f"Fix: {small(take_opener(first)[1])}")
            return fit_title(f"Make sure that {small(take_opener(first)[1])}")
        if reading.ask is Ask.PHRASE and among_orders and not names_a_thing(take_opener(first)[1]):
            return fit_title(capital(take_opener(first)[1]))
        return fit_title(reading.title)

    def group_title(self, heading: Heading) -> str:
        """Say in the imperative what a heading or a parent item stands for."""
        if not self.english:
            return fit_title(heading.name)
        reading = read_request(heading.name, "")
        if reading.ask is Ask.REQUEST:
            return fit_title(reading.title)
        if reading.ask is Ask.PHRASE:
            titled = phrase_title(heading.name, "work on")
            return fit_title(f"Complete {heading.name}" if heading.ordered and titled.startswith("Work on") else titled)
        return fit_title(f"Work on: {heading.name}")


def entry_text(head: Plain) -> str:
    """Return the part of an item that says what to do: its label in bold, or what follows that."""
    label = head.label.rstrip(" .:\u2013\u2014-")
    if not label or head.label == head.text or not head.text.startswith(head.label):
        return head.text
    rest = head.text[len(head.label) :].lstrip(" .:\u2013\u2014-")
    separated = (
        head.label[-1:] in ".:"
        or _BRACKETED.fullmatch(rest)
        or head.text[len(head.label) :].lstrip()[:1] in tuple(".:\u2013\u2014-")
    )
    if not separated:
        return head.text
    if not rest or _BRACKETED.fullmatch(rest):
        return label
    first = _first_sentence(rest)
    if is_imperative(take_opener(first)[1]) and not is_imperative(label) and head.label[-1:] != ".":
        combined = f"{capital(take_opener(first)[1].rstrip('.'))} ({label})"
        return combined if len(combined) <= 100 else first
    return label


def _is_whole_order(name: str) -> bool:
    """Whether a heading says what to do, and to what: "Clean up" is the name of a part."""
    return read_request(name).ask is Ask.REQUEST and len(_PARTICLE.sub("", name).split()) > 1


def _head(text: str) -> str:
    """Return the first line of an item where it is a title in bold, else all of its text."""
    first = text.partition("\n")[0]
    return first if _BOLD_TITLE.match(first) else text


def _first_sentence(text: str) -> str:
    return next(iter(sentences(text)), text)


def _without_reference(text: str) -> str:
    reference = _REFERENCE.search(text.rstrip(". "))
    if reference is None or reference.start() <= 3:
        return text
    if reference[0][0] in "([" or _ONLY_NUMBERS.match(reference["what"]):
        return text[: reference.start()].rstrip(" ,;(\u2013\u2014-")
    return text


def _combined(role: Role, heading: Heading | None) -> Role:
    if heading is None or (heading.role is Role.THEME and role is not Role.THEME):
        return role
    return heading.role


def _before_last_line(text: str) -> str:
    return text.rstrip().rpartition("\n")[0]


def _whole(section: Section) -> tuple[int, int]:
    end = section.lines[1]
    for block in section.blocks:
        end = max(end, _whole(block)[1] if isinstance(block, Section) else block.lines[1])
    return section.lines[0], end


def _themes(section: Section) -> int:
    """Count the sections that name parts of the work."""
    inner = [block for block in section.blocks if isinstance(block, Section)]
    return sum((read_heading(plain(block.heading).text).role is Role.THEME) + _themes(block) for block in inner)


def _chain_stages(stages: Sequence[tuple[Draft, Heading]]) -> None:
    """Put parts that are numbered or named after times in their order."""
    before: Draft | None = None
    for place, (draft, heading) in enumerate(stages):
        if heading.ordered and before is not None:
            draft.wait_for(before)
        before = draft if heading.ordered else None
        if _EARLY.match(heading.name):
            for later, _ in stages[place + 1 :]:
                later.wait_for(draft)
        if _LATE.match(heading.name):
            for earlier, _ in stages[:place]:
                draft.wait_for(earlier)


def _used(block: Block, children: Sequence[Draft]) -> bool:
    """Whether all of a block went into tasks already."""
    return any(block.lines in child.spans for child in children)


def _own_lines(entry: Entry, children: Sequence[Draft]) -> tuple[int, int]:
    return entry.lines if not children else (entry.lines[0], entry.lines[0] + 1)


def _lines_of(draft: Draft) -> Iterable[int]:
    for start, end in draft.spans:
        yield from range(start, end)
    for child in draft.children:
        yield from _lines_of(child)


def _joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Merge spans that touch."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(set(spans)):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        elif start < end:
            joined.append((start, end))
    return joined
