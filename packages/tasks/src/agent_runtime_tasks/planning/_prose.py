"""Sentences of running text as steps, with the order that their words give."""

import re
from collections.abc import Sequence

import attrs

from ._drafts import Draft, fit_title
from ._imperatives import capital, first_word, is_imperative, phrase_title
from ._inline import plain
from ._openers import Order, speaks_of_all_before, take_opener
from ._requests import Ask, is_story, read_request
from ._sections import NOT_WORK, Role, read_heading
from ._sentences import LABEL, sentences
from ._words import BASE_OF_GERUND, ENGLISH, NOUN_VERBS, VERBS

_LEADING = re.compile(
    r"(?P<word>before|prior to|after|following|once|when|as soon as|whenever|until|if|unless|while|since"
    r"|because|as|in order to|to|for|with|given|by|during|in case|on|at|in|from|instead of|depending on|based "
    r"on|rather than|independently of|apart from|besides|regardless of|along with|together with|separately from"
    r"|in addition to) (?P<clause>[^,]{2,160}), (?:then |please |also |we (?:need to|must|should|have to) "
    r")*(?P<rest>.+)",
    re.IGNORECASE,
)

# "After that is known, we pick one": here what we do is a step, while elsewhere it tells what we do anyway.
_AFTER = frozenset(["after", "once", "based on", "following", "as soon as", "with", "from"])

_TRAILING = re.compile(
    r"(?P<main>.{4,}?),? (?P<word>before|prior to|after|once|as soon as) (?P<clause>[^,]{3,160})$", re.IGNORECASE
)

_SPLIT = re.compile(
    r"(?:,? and then |, then |,? then |; (?:and |then )?|, and |, but | and |, or |, | & )", re.IGNORECASE
)

_ENUMERATION = re.compile(r",? (?:and|plus) |, |; ")

_COMES = re.compile(
    r"(?:then|next|after that|afterwards|finally|last)(?: comes?| follows?| is| are|:) (?P<what>(?:the|a|an"
    r"|some|our|my) [^,.;]{3,80})[.]?$",
    re.IGNORECASE,
)

_TWO_SENTENCES = re.compile(
    r", and (?=(?:the|a|an|we|it|all|each|every|our|users?|someone) "
    r"|[A-Z][a-z]+ (?:should|must|will|shall|needs to|has to|is to) )"
    r"|,? and (?=(?:the|a|an|all|each|every|our) [^,;:]{2,60}? (?:should|must|shall|needs? to|ha(?:s|ve) to) )"
)

_PRONOUN = re.compile(r"\w+ (?:it|this|that|them|so)\b(?! \w+ \w+ \w+)", re.IGNORECASE)
# "It loads all rows at once, so we should add paging": what is told leads to what is asked for.
_CONSEQUENCE = re.compile(r"(?:[,;]? (?:so|therefore|hence|thus|which is why)|[;:]| [\u2013\u2014-]),? (?=\S+ \S)")

_ASKED_OF_US = re.compile(r"\b(?:we|you|I) (?:also )?(?:have to|need to|must|should|want to)\b", re.IGNORECASE)

_DATE = re.compile(
    r"(?:[\s\d.,:/-]|(?:st|nd|rd|th|am|pm|h|utc|on|at|of|the|(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february"
    r"|march|april|may|june|july|august|september|october|november|december)\b)+",
    re.IGNORECASE,
)

_POLITE = re.compile(r"(?:[\w-]+, |(?:also|and|so|but|by the way),? )*(?:please|could|can|would|will|maybe|and)\b", re.I)
_THEN = re.compile(r"\bthen\b", re.IGNORECASE)

_CONDITION = re.compile(
    r"(?:possible|needed|necessary|you (?:can|want|like)|time|we have time|there is time|in doubt|applicable"
    r"|desired|required)\b",
    re.IGNORECASE,
)

_WORDS = re.compile(r"[^\W\d_]{3,}")

_HINTS = frozenset(
    """
    need needs must shall should have want wants ought would plan plans required needed missing necessary wanted
    let's let\u2019s let could forget remember todo
    """.split()  # noqa: SIM905 - a list of words reads as one
)

_TO = frozenset(("has", "is", "are"))

_FIRST_HINTS = frozenset(
    """
    before prior after following once when as whenever until if unless while since because in to for with given by
    during on at from instead depending based rather independently apart besides regardless along together separately
    can first firstly initially second secondly third thirdly next then
    finally last please make don't don\u2019t also additionally furthermore moreover otherwise
    alternatively maybe perhaps eventually later afterwards meanwhile ideally optionally simply just now so and but
    lastly subsequently thereafter kindly again i we
    """.split()  # noqa: SIM905 - a list of words reads as one
)


@attrs.define
class _Step:
    draft: Draft
    order: Order
    clause: str = ""  # what it is said to come before or after
    said: str = ""  # which of both
    relation: str = ""
    before: Sequence["_Step"] = ()  # the steps of the sentence before, where those have an order


def read_prose(text: str, fallback: str, most: int = 1000) -> list[Draft]:
    """Find the tasks that English sentences ask for, in their order; after so many, the rest belongs to the last."""
    steps: list[_Step] = []
    previous: list[_Step] = []
    for sentence in sentences(text):
        if len(steps) >= most:
            steps[-1].draft.notes.append(sentence)
            continue
        found = _steps(sentence, plain(sentence).text, fallback) if _may_ask(sentence) else []
        if not found:
            if steps:
                steps[-1].draft.notes.append(sentence)
            continue
        _place(found, previous, steps)
        previous = found
    return _settled(steps)


def read_lines(text: str) -> list[Draft]:
    """Make a task of each sentence of a text in another language, of which only the structure is understood."""
    return [Draft(fit_title(sentence), notes=[sentence]) for sentence in sentences(text) if _WORDS.search(sentence)]


def refer(drafts: Sequence[Draft], text: str, asking: Draft) -> Draft | None:
    """Return the one of some tasks that a clause speaks of, if there is one."""
    words = word_stems(text)
    best, most = None, 0.0
    for draft in drafts:
        if draft is not asking:
            shared = len(words & word_stems(draft.title))
            if shared and shared / len(words) > most:
                best, most = draft, shared / len(words)
    return best if most >= 0.5 else None


def tells_a_date(text: str) -> bool:
    """Whether a text only says when something is, such as "Next meeting: 19 May, 10:00"."""
    label = LABEL.match(text)
    return label is not None and _DATE.fullmatch(text, label.end()) is not None


def _may_ask(sentence: str) -> bool:
    """Tell quickly that a sentence can't ask for anything: most of a long text does not."""
    words = sentence.lower().split()
    if not words:
        return False
    first = words[0].strip("*_`~\"'([,;:.!?")
    return (
        first in VERBS
        or first in _HINTS
        or first in _FIRST_HINTS
        or "-" in first
        or first.startswith("re")
        or not _HINTS.isdisjoint(words)
        or ":" in sentence
        or (" to " in sentence and not _TO.isdisjoint(words))
    )


def _steps(sentence: str, text: str, fallback: str) -> list[_Step]:
    label = LABEL.match(text)
    if label and read_heading(label[1]).role in (*NOT_WORK, Role.TALK, Role.CRITERIA, Role.BEFORE):
        return []
    if tells_a_date(text):
        return []
    if text.endswith("?") and not _POLITE.match(text):
        return []
    if label and read_heading(label[1]).role is Role.WORK:
        named = text[label.end() :].rstrip(". ")
        if read_request(named, fallback).ask is Ask.PHRASE:
            parts = [part for part in _ENUMERATION.split(named) if part.strip()]
            return [
                _Step(Draft(fit_title(phrase_title(part, fallback)), notes=[sentence]), Order.NONE) for part in parts
            ]
    if is_story(text):
        story = _Step(Draft(fit_title(read_request(text, fallback).title), notes=[sentence]), Order.NONE)
        story.draft.placed = True
        return [story]
    if (comes := _COMES.match(text)) and read_request(comes["what"]).ask is Ask.PHRASE:
        return [_Step(Draft(fit_title(phrase_title(comes["what"].rstrip("."), "do")), notes=[sentence]), Order.THEN)]
    order, rest = take_opener(text)
    found = _clauses(rest, fallback, sentence)
    if found and order is not Order.NONE and found[0].order is Order.NONE:
        found[0].order = order
    return found


def _clauses(text: str, fallback: str, sentence: str) -> list[_Step]:
    leading = _LEADING.match(text)
    if leading and not is_imperative(text) and not is_story(text) and not _ASKED_OF_US.search(leading["clause"]):
        rest = leading["rest"]
        if leading["word"].lower() in _AFTER and rest.lower().startswith("we ") and is_imperative(rest[3:]):
            rest = rest[3:]
        found = _clauses(rest, fallback, sentence)
        return _related(found, leading["word"].lower(), leading["clause"], sentence)
    trailing = _TRAILING.match(text.rstrip(".!? "))
    if trailing and read_request(trailing["main"], fallback).ask is Ask.REQUEST:
        word = trailing["word"].lower()
        gerund = first_word(trailing["clause"]) in BASE_OF_GERUND
        main = trailing["main"] if gerund or speaks_of_all_before(trailing["clause"]) else text
        found = _halves(read_request(main, fallback).title, Order.NONE, sentence)
        return _related(found, word, trailing["clause"], sentence, trailing=True)
    joint = _TWO_SENTENCES.search(text)
    if joint and read_request(text[joint.end() :], fallback).ask is Ask.REQUEST:
        return [
            *_clauses(text[: joint.start()], fallback, sentence),
            *_clauses(text[joint.end() :], fallback, sentence),
        ]
    reading = read_request(text, fallback)
    if reading.ask is Ask.REQUEST:
        return _halves(reading.title, reading.order, sentence)
    if reading.ask is Ask.TALK and (consequence := _CONSEQUENCE.search(text)):
        order, rest = take_opener(text[consequence.end() :])
        if read_request(rest, fallback).ask is Ask.REQUEST and not _PRONOUN.match(rest):
            found = _clauses(rest, fallback, sentence)
            if found and found[0].order is Order.NONE:
                found[0].order = order
            return found
    return []


def _related(found: list[_Step], word: str, clause: str, sentence: str, trailing: bool = False) -> list[_Step]:
    """Add what a clause such as "before switching it off" or "once it is ready" says about the order."""
    if not found or word not in ("before", "prior to", "after", "following", "once", "as soon as", "when", "if"):
        return found
    earlier = word in ("before", "prior to")
    gerund = BASE_OF_GERUND.get(first_word(clause))
    if word == "if":
        if found[0].order is Order.NONE and not _CONDITION.match(clause):
            found[0].order = Order.THEN
        return found
    if gerund and len(clause.split()) > 1:
        other = _Step(
            Draft(fit_title(capital(f"{gerund} {clause.split(' ', 1)[1]}")), notes=[sentence]),
            Order.NONE,
            clause,
            relation="self",
        )
        if earlier:
            for step in found:
                other.draft.wait_for(step.draft)
            return [*found, other]
        for step in found:
            step.draft.wait_for(other.draft)
        return [other, *found]
    if not earlier and speaks_of_all_before(clause):
        for step in found:
            step.order = Order.LAST
        return found
    for step in found:
        step.clause, step.said = clause, "before" if earlier else "after"
    if not earlier and not trailing and word != "when" and found[0].order is Order.NONE:
        found[0].order = Order.THEN
    return found


def _halves(title: str, order: Order, sentence: str) -> list[_Step]:
    """Split "do X and do Y" where both halves are work."""
    parts: list[tuple[str, bool]] = []
    start, then = 0, False
    for joint in _SPLIT.finditer(title):
        left, right = title[start : joint.start()], title[joint.end() :]
        _, right = take_opener(right)
        if len(left.split()) > 1 and _is_work(right) and left.count("(") == left.count(")"):
            parts.append((left, then))
            start, then = len(title) - len(right), _THEN.search(joint[0]) is not None
    parts.append((title[start:], then))
    return [
        _Step(
            Draft(fit_title(capital(part)), notes=[sentence]),
            Order.THEN if after else (order if place == 0 else Order.NONE),
            relation="" if place == 0 else "half",
        )
        for place, (part, after) in enumerate(parts)
    ]


def _is_work(text: str) -> bool:
    """Whether the second half of a sentence is an order of its own: a verb with an object."""
    words = text.split(maxsplit=2)
    if len(words) < 2 or not is_imperative(text):
        return False
    verb = words[0].lower()
    return (
        verb not in (NOUN_VERBS | {"build"})
        or verb in _RARELY_NOUNS
        or len(words) > 2
        or words[1].lower().strip(",.") in ENGLISH
    )


_RARELY_NOUNS = frozenset(
    ["update", "upgrade", "test", "document", "deploy", "review", "check", "fix", "show", "replace", "move", "drop"]
)


def _place(found: list[_Step], previous: list[_Step], steps: list[_Step]) -> None:
    """Give the steps of a sentence their place among those before them."""
    base = list(previous)
    if any(step.order in (Order.THEN, Order.FIRST, Order.LAST) for step in base):
        for step in found:
            step.before = base
    follows = found[0].order is Order.LAST or (found[0].order is Order.THEN and not steps)
    for place, step in enumerate(found):
        step.draft.follows = follows
        if step.order is Order.THEN:
            for other in base if step.relation != "half" else found[:place][-1:]:
                step.draft.wait_for(other.draft)
        elif step.order is Order.LAST:
            waited_for = {id(other) for earlier in steps for other in earlier.draft.after}
            for other in steps:
                if id(other.draft) not in waited_for:
                    step.draft.wait_for(other.draft)
        elif step.order is Order.EARLIER:
            for other in base:
                other.draft.wait_for(step.draft)
        elif step.relation == "half" and found[0].order in (Order.THEN, Order.LAST, Order.EARLIER):
            step.draft.after.extend(other for other in found[0].draft.after if other not in step.draft.after)
        first = next((other for other in steps if other.order is Order.FIRST), None)
        if first is not None and step.order is Order.NONE:
            step.draft.wait_for(first.draft)
        step.draft.placed = step.draft.placed or step.order is not Order.NONE or bool(step.draft.after)
    steps.extend(found)


def _settled(steps: list[_Step]) -> list[Draft]:
    drafts = [step.draft for step in steps]
    for step in steps:
        if step.relation == "self":
            known = refer([draft for draft in drafts if step.draft not in draft.after], step.clause, step.draft)
            if (
                known
                and known not in step.draft.after
                and len(word_stems(step.draft.title) & word_stems(known.title)) > 1
            ):
                _merge(step.draft, known, drafts)
            else:
                _go_on(step, steps)
        elif step.clause:
            known = refer(drafts, step.clause, step.draft)
            if known is None:
                continue
            if step.said == "before":
                known.wait_for(step.draft)
            else:
                step.draft.wait_for(known)
    return drafts


def _go_on(step: _Step, steps: Sequence[_Step]) -> None:
    """Let "Before switching, compare", where both are new, follow the ordered steps of the sentence before."""
    for same in steps:
        if step.before and same.before is step.before:
            for other in step.before:
                same.draft.wait_for(other.draft)


def _merge(draft: Draft, known: Draft, drafts: list[Draft]) -> None:
    """A clause names a task that another sentence asks for: there is one of them."""
    drafts.remove(draft)
    for other in draft.after:
        known.wait_for(other)
    for other in drafts:
        if draft in other.after:
            other.after.remove(draft)
            other.wait_for(known)


def word_stems(text: str) -> set[str]:
    return {word[:5] if len(word) > 5 else word[:4] for word in _WORDS.findall(text.lower()) if word not in ENGLISH}
