"""The titles of tasks and groups, made from the text."""

import re
from itertools import islice

import attrs

from ._drafts import fit_title
from ._imperatives import capital, first_word, is_imperative, names_a_thing, phrase_title, small, takes_an_object
from ._inline import Plain
from ._openers import is_number, take_opener
from ._references import without_references
from ._requests import Ask, read_request
from ._sections import Heading
from ._sentences import sentences
from ._words import VERBS

_FAULT = re.compile(
    r"\b(?:fails?|failing|crash(?:es|ed)?|broken|hangs?|leaks?|wrong(?:ly)?|incorrect(?:ly)?|missing|error"
    r"|errors|exception|does not|doesn't|do not|don't|can't|cannot|is not|isn't|are not|aren't|never"
    r"|overlaps?|drops|ignores|loses|truncates|flickers|freezes|stuck|blank|twice|instead of|unexpected(?:ly)?"
    r"|leaves .* behind|slow(?:ly)?|outdated|vulnerable|flaky|times? out|500|404)\b",
    re.IGNORECASE,
)
_ASIDE_LINE = re.compile(
    r"\n\s*(?=(?:Do not|Don't|Don\u2019t|Note|NB|Warning|Caution|Important|See|e\.g\.|i\.e\.|\()[\s:.])"
)
_IN_PLACE = re.compile(r"(?:on|in|at|with|for|during|before|after) ", re.IGNORECASE)
_ARROW = re.compile(r" (?:->|=>|\u2192|\u21d2) (?=\S)")
_LACKING = re.compile(r"(?:there (?:is|are) )?no (.+)", re.IGNORECASE)
_ONE = re.compile(r"^(\w+) (?:one|some|it|them)\b", re.IGNORECASE)
_MOST_SENTENCES = 4  # of an item
_BRACKETED = re.compile(r"\([^()]*\)[:.]?")
_BOLD_TITLE = re.compile(r"(?:\*\*|__).{1,120}(?:\*\*|__)[:.]?\s*(?:\([^()]{1,40}\))?[:.]?\s*$")


@attrs.define
class Titles:
    """A maker of titles.

    Attributes:
        english: whether words can be understood. Otherwise a title is the text as it stands.
        fallback: the verb for a thing that does not say what to do with it.
        forced: whether that verb applies to everything that is only named.
    """

    english: bool
    fallback: str
    forced: bool = False

    def of_leaf(self, text: str, among_orders: bool = False, code: bool = False) -> str:
        """Word an item in the imperative."""
        text = without_references(text)
        if not self.english:
            return fit_title(text)
        first = asking_sentence(text)
        if self.forced and code:
            return fit_title(capital(f"{self.fallback} {first}"))
        reading = read_request(first, self.fallback, self.forced)
        if reading.ask is Ask.TALK:
            if (self.fallback == "fix" or _FAULT.search(first)) and not first.lower().startswith(("no ", "make ")):
                return fit_title(f"Fix: {small(take_opener(first)[1])}")
            return fit_title(f"Make sure that {small(take_opener(first)[1])}")
        named = take_opener(first)[1]
        if reading.ask is Ask.PHRASE and (takes_an_object(named) or (among_orders and _may_be_an_order(named))):
            return fit_title(capital(named))
        return fit_title(reading.title)

    def of_group(self, heading: Heading) -> str:
        """Word a heading or a parent item in the imperative."""
        if not self.english:
            return fit_title(heading.name)
        name = without_references(heading.name)
        reading = read_request(name, "")
        if reading.ask is Ask.REQUEST:
            return fit_title(reading.title)
        if reading.ask is Ask.PHRASE:
            titled = phrase_title(name, "work on")
            return fit_title(
                f"Complete {name}"
                if (heading.ordered or _IN_PLACE.match(name)) and titled.startswith("Work on")
                else titled
            )
        return fit_title(f"Work on: {name}")


def _may_be_an_order(text: str) -> bool:
    """Tell whether a phrase among orders is likely an order, too: "Watch error rates for a day"."""
    return not names_a_thing(text) or (first_word(text) in VERBS and text.count(" ") > 2)


def entry_text(head: Plain) -> str:
    """Return the part of an item that says what to do: its bold label, or the text after the label or an arrow."""
    text = _named_part(head)
    arrow = _ARROW.search(text)
    if arrow is None:
        return text
    fault = text[: arrow.start()]
    if read_request(fault).ask is not Ask.TALK and not fault.lower().startswith("no "):
        return text
    measure = text[arrow.end() :]
    if lacking := _LACKING.match(fault):  # "There is no list of vendors -> create one"
        measure = _ONE.sub(lambda one: f"{one[1]} {lacking[1]}", measure)
    reading = read_request(measure, "introduce")  # "Hotfixes bypass the review -> branch protection"
    return reading.title if reading.ask in (Ask.REQUEST, Ask.PHRASE) else text


def _named_part(head: Plain) -> str:
    label = head.label.rstrip(" .:\u2013\u2014-")
    if not label or head.label == head.text or not head.text.startswith(head.label) or is_number(label):
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
    first = first_sentence(rest)
    if is_imperative(take_opener(first)[1]) and not is_imperative(label) and head.label[-1:] != ".":
        combined = f"{capital(take_opener(first)[1].rstrip('.'))} ({label})"
        return combined if len(combined) <= 100 else first
    return label


def item_text(text: str) -> str:
    """Return the first line of an item if it is a title in bold, else its text before any aside."""
    first = text.partition("\n")[0]
    return first if _BOLD_TITLE.match(first) else _ASIDE_LINE.split(text, maxsplit=1)[0]


def asking_sentence(text: str) -> str:
    """Return the sentence of an item that says what to do, which may come after the fault, or else the first."""
    first, *others = list(islice(sentences(text), _MOST_SENTENCES)) or [text]
    if others and read_request(first).ask is Ask.TALK:
        return next((other for other in others if read_request(other).ask is Ask.REQUEST), first)
    return first


def tells_a_fault(text: str) -> bool:
    """Tell whether a sentence tells a fault."""
    return _FAULT.search(text) is not None


def first_sentence(text: str) -> str:
    return next(iter(sentences(text)), text)
