"""Lists whose items are work."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

import attrs

from ._clauses import is_polite
from ._document import Document, Entry, Listing, Paragraph, Section
from ._drafts import Draft, fit_title
from ._imperatives import first_word, is_imperative
from ._inline import Plain, plain
from ._openers import take_opener
from ._prose import closest, word_stems
from ._references import ONLY_NUMBERS, REFERENCE
from ._remarks import states_facts, without_remarks
from ._requests import Ask, read_request
from ._sections import NOT_WORK, Heading, Role, read_heading
from ._titles import Titles, asking_sentence, entry_text, item_text, tells_a_fault
from ._words import BASE_OF_PARTICIPLE, VERBS

DONE = re.compile(
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
    r"|thanks to|ones?|another|the others?)\b|(?:[\w-]+ ){1,2}ones\b|\(|https?:",
    re.IGNORECASE,
)
_NUMBERS = re.compile(
    r"(?:(?:steps?|tasks?|items?|nos?\.?|numbers?|points?|#|t-?)\s*)?#?([0-9]{1,3})\b(?![%.0-9:]|\s*(?:days?"
    r"|weeks?|hours?|h|min|minutes|months|%))",
    re.IGNORECASE,
)
_UNORDERED = re.compile(
    r"\b(?:requirements?|features?|goals?|ideas?|options?|questions?|stories|criteria|bugs?|issues|findings"
    r"|problems|defects|improvements|backlog|wishes|wish ?list|recommendations|anforderungen)\b",
    re.IGNORECASE,
)
# Items under such a heading are changes of that kind, as in a changelog.
_CHANGES = {
    "added": "add",
    "changed": "change",
    "deprecated": "deprecate",
    "fixed": "fix",
    "improved": "improve",
    "removed": "remove",
    "renamed": "rename",
    "replaced": "replace",
    "updated": "update",
}
_FAULTY = re.compile(
    r"\b(?:findings|bugs?|issues|problems|defects|vulnerabilities|errors|faults|weaknesses|regressions|typos)\b",
    re.IGNORECASE,
)
_TO_BE = re.compile(
    r"\b(?:to|must|should|shall|have to|has to|need to|needs to|can|will) be ([a-z]+)\b[^.]{0,30}$", re.IGNORECASE
)
_FOLLOWING = re.compile(r"\b(?:following|these|below)\b", re.IGNORECASE)
_TOO_WIDE = frozenset(
    """
    do see note consider follow use make take have need complete perform finish handle look go work suggest
    propose ask list
    """.split()  # noqa: SIM905 - a list of words reads as one
)
_VERB = re.compile(r"[\w-]+(?: (?:up|out|down|off|over|in|on)(?= (?:the|a|an|all|our|new)\b))?")
LEADS_IN = re.compile(r"[:\uff1a]\**\s*$")
WORD = re.compile(r"[^\W\d_]+")


@attrs.define
class ListReader:
    """A reader of lists and of the blocks below their items.

    Attributes:
        document: the text.
        english: whether its words can be understood.
        titles: makes the titles.
        left: how many more tasks to look for. Text after them belongs to the last.
        structured: whether lists, tables or headings gave tasks.
        talk: sections that only speak about the work.
    """

    document: Document
    english: bool
    titles: Titles
    left: int
    structured: bool = False
    talk: list[Section] = attrs.field(factory=list)

    def listing(
        self, listing: Listing, role: Role, lead: Heading | None, section: Section, verb: str = ""
    ) -> list[Draft]:
        """Read a list whose items are work. The verb of the item above applies to items that only name a thing."""
        if role in (*NOT_WORK, Role.TALK):
            if role is Role.TALK:
                self.talk.append(Section(section.heading, section.level, section.lines, [listing]))
            return []
        change = _CHANGES.get(section.heading.strip().lower())
        if change and role is Role.THEME:
            role = Role.WORK
        most = max(1, self.left)
        entries = without_remarks(listing.entries[:most])
        heads = [plain(item_text(entry.text)) for entry in entries]
        asks = self._asks(heads)
        if not self._is_work(listing, asks, role):
            return []
        name = f"{section.heading} {lead.name if lead else ''}"
        verb = verb or self._verb_of(lead) or change or ""
        usual = (self.titles.fallback, self.titles.forced)
        if verb or _FAULTY.search(name):
            self.titles.fallback, self.titles.forced = verb or "fix", bool(verb)
        if 2 * asks.count(Ask.REQUEST) > len(asks):  # among orders, a fault is work as well
            asks = [
                Ask.PHRASE if ask is Ask.TALK and tells_a_fault(head.text) else ask
                for head, ask in zip(heads, asks, strict=True)
            ]
        among_orders = 2 * asks.count(Ask.REQUEST) >= len(asks) and not self.titles.forced
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
        if drafts and most < len(listing.entries):
            drafts[-1].spans.append((listing.entries[most].lines[0], listing.lines[1]))
        self.structured = self.structured or bool(drafts)
        self.titles.fallback, self.titles.forced = usual
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
            Ask.PHRASE if head.code else read_request(asking_sentence(entry_text(head)), self.titles.fallback).ask
            for head in heads
        ]

    def asks_mostly(self, listing: Listing) -> bool:
        """Tell whether most items of a list ask for something, or have a box to tick."""
        entries = listing.entries[:20]
        asks = self._asks([plain(item_text(entry.text)) for entry in entries])
        boxes = sum(entry.checked is not None for entry in entries)
        return self.english and 2 * max(boxes, asks.count(Ask.REQUEST)) > len(entries)

    def _verb_of(self, lead: Heading | None) -> str:
        """Return the verb of a line such as "Please prepare the following:" or "Endpoints to be removed:"."""
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
        if states_facts(listing.entries[:20]):
            return False
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
        """Read an item: return a task, lines that belong to the item before it, or None if it is done or not work."""
        heading = read_heading(head.text) if entry.blocks or LEADS_IN.search(entry.text) else None
        if (
            heading
            and heading.role in (*NOT_WORK, Role.CRITERIA)
            and any(isinstance(block, Listing) for block in entry.blocks)
        ):
            return None
        if head.struck or DONE.search(entry.text[:300]) or (entry.checked and not entry.blocks):
            return None
        children, rest = self.entry_blocks(entry, head)
        if entry.checked and not children:
            return None
        if _OWN_WORDS.match(head.text) or (head.text.endswith("?") and not is_polite(head.text)):
            return None
        if not WORD.search(head.text):
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
            self.titles.of_leaf(entry_text(head), among_orders, head.code)
            if not children
            else self.titles.of_group(Heading(Role.THEME, entry_text(head)))
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
                if isinstance(block, Paragraph) and LEADS_IN.search(block.text)
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
        role = Role.WORK if LEADS_IN.search(head.text) else Role.THEME
        above = take_opener(entry_text(head))[1]
        verb = _VERB.match(above) if self.english and is_imperative(above) else None
        return self.listing(listing, role, lead, Section("", 8, listing.lines), verb[0].lower() if verb else "")

    def _notes_of(self, entry: Entry, children: Sequence[Draft]) -> list[tuple[int, int]]:
        """Return the lines of the lists below an item that did not become tasks."""
        taken = {line for child in children for line in _lines_of(child)}
        return [
            block.lines
            for block in entry.blocks
            if isinstance(block, Listing)
            and taken.isdisjoint(range(*block.lines))
            and not all(item.checked for item in block.entries)
        ]

    def _refer(self, drafts: Sequence[Draft]) -> None:
        """Apply the references of items to each other: "(needs 1)", "after the packages are out"."""
        by_number = {draft.number: draft for draft in drafts}
        known = [(draft, word_stems(draft.title)) for draft in drafts]
        for draft in drafts:
            text = plain(self.document.lines[draft.spans[0][0]]).text if draft.spans else draft.title
            reference = REFERENCE.search(text.rstrip(". "))
            if reference is None:
                continue
            if ONLY_NUMBERS.match(reference["what"]):
                draft.after = []
                for number in _NUMBERS.findall(reference["what"]):
                    if int(number) in by_number and by_number[int(number)] is not draft:
                        draft.wait_for(by_number[int(number)])
            elif other := closest(known, reference["what"], draft):
                draft.wait_for(other)


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
