"""Sentences of running text as steps, with the order that their words state."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from ._clauses import Step, read_steps
from ._drafts import Draft, fit_title
from ._inline import plain
from ._openers import Order
from ._sentences import sentences
from ._words import ENGLISH, VERBS

_WORDS = re.compile(r"[^\W\d_]{3,}")

_HINTS = frozenset(
    """
    need needs must shall should will want wants ought would plan plans required needed missing necessary wanted
    let's let\u2019s let could forget remember todo we'll i'll we\u2019ll i\u2019ll we'd i'd we\u2019d i\u2019d
    """.split()  # noqa: SIM905 - a list of words reads as one
)

_TO = frozenset(("have", "has", "is", "are"))

_FIRST_HINTS = frozenset(
    """
    before prior after following once as to at can first firstly initially second secondly third thirdly next then
    finally last please make don't don\u2019t also additionally furthermore moreover otherwise
    alternatively maybe perhaps eventually later afterwards meanwhile ideally optionally simply just now so and but
    lastly subsequently thereafter kindly again i we a one two three four five six some more
    """.split()  # noqa: SIM905 - a list of words reads as one
)
# "So: (1) add the wrapper, (2) convert the calls": the signs of an enumeration in a sentence.
_ENUMERATED = re.compile(r"(?:(?<=\s)|^)\(?([0-9]{1,2}|[a-h]|i{1,3})\)\s+(?=\S)")
_JOINS = re.compile(r"[,;:]?(?: (?:and|then|und|y|et))?$")
# A plan follows these words, even if it is worded as a statement about somebody.
_AGREED = re.compile(
    r"(?:(?:what|as) )?(?:we|the team|everybody|everyone) (?:have |has )?(?:agreed|decided|settled)(?! against)\b"
    r"|(?:the|our) (?:plan|agreement)\b|(?:agreed|decided)\b|this is (?:the plan|what we)",
    re.IGNORECASE,
)
_MARKS = "*_`~\"'([,;:.!?"
# A sentence with such a first word asks for something only after a comma: "When a file is broken, log its name".
_LEADING = frozenset(
    """
    when whenever until if unless while since because in for with given by during on from instead depending based rather
    independently apart besides regardless along together separately
    """.split()  # noqa: SIM905 - a list of words reads as one
)
_AFTER_A_COMMA = re.compile(r", ([\w'\u2019-]+)")
_FIRST = VERBS | _HINTS | _FIRST_HINTS
_FIRST_WORDS = re.compile(r"(?:[.!?;\u2026\u3002\uff01\uff1f]|\n)[^\w\n]{0,4}([\w'\u2019-]+)")


def read_prose(text: str, fallback: str, most: int = 1000) -> list[Draft]:
    """Find the tasks that English sentences ask for, in order. After `most`, the rest belongs to the last one."""
    steps: list[Step] = []
    previous: list[Step] = []
    agreed = False
    for sentence, numbered in _apart(text) if _may_ask(text) else ():
        if len(steps) >= most:
            steps[-1].draft.notes.append(sentence)
            continue
        agreed = agreed or _AGREED.match(sentence) is not None
        asks = agreed or numbered or _may_ask(sentence)
        found = read_steps(sentence, plain(sentence).text, fallback, agreed) if asks else []
        if found and numbered and found[0].order is Order.NONE:
            found[0].order = Order.THEN
        if not found:
            if steps:
                steps[-1].draft.notes.append(sentence)
            continue
        _place(found, previous, steps)
        previous = found
    return _settled(steps)


def _apart(text: str) -> Iterator[tuple[str, bool]]:
    """Yield sentences, and items such as "(1) add it, (2) test it", each with True if its number follows another."""
    marks = list(_ENUMERATED.finditer(text)) if ")" in text else []
    values = [mark[1] for mark in marks]
    if values[:2] not in (["1", "2"], ["a", "b"], ["i", "ii"]):
        for sentence in sentences(text):
            yield sentence, False
        return
    ends = [mark.start() for mark in marks] + [len(text)]
    for sentence in sentences(text[: ends[0]]):
        yield sentence, False
    for mark, value, end in zip(marks, values, ends[1:], strict=True):
        item, *others = list(sentences(_JOINS.sub("", text[mark.end() : end].strip()))) or [""]
        yield item, value.isdigit() and value != "1"
        for sentence in others:
            yield sentence, False


def read_lines(text: str) -> list[Draft]:
    """Make a task of each sentence of a text in another language, whose words are not understood."""
    return [Draft(fit_title(sentence), notes=[sentence]) for sentence in sentences(text) if _WORDS.search(sentence)]


def refer(drafts: Sequence[Draft], text: str, asking: Draft) -> Draft | None:
    """Return the task that a clause refers to, if there is one."""
    return closest([(draft, word_stems(draft.title)) for draft in drafts], text, asking)


def closest(known: Sequence[tuple[Draft, frozenset[str]]], text: str, asking: Draft) -> Draft | None:
    """Return the task with the most words of a text, if it has at least half of them."""
    words = word_stems(text)
    best, most = None, 0
    for draft, stems in known:
        shared = len(words & stems)
        if shared > most and draft is not asking:
            best, most = draft, shared
    return best if 2 * most >= len(words) else None


def _may_ask(text: str) -> bool:
    """Tell quickly whether any sentence of a text may ask for something: in a long text, most do not."""
    low = text.lower()
    words = low.split()
    beginnings = [*(words[:1] and [words[0].strip(_MARKS)]), *_FIRST_WORDS.findall(low)]
    if not _LEADING.isdisjoint(beginnings):
        beginnings += _AFTER_A_COMMA.findall(low)
    return (
        not _HINTS.isdisjoint(words)
        or ":" in text
        or "?" in text
        or "@" in text
        or (" to " in low and not _TO.isdisjoint(words))
        or any(first in _FIRST or "-" in first or first.startswith("re") for first in beginnings)
    )


def _place(found: list[Step], previous: list[Step], steps: list[Step]) -> None:
    """Order the steps of a sentence among the steps before them."""
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


def _settled(steps: list[Step]) -> list[Draft]:
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


def _go_on(step: Step, steps: Sequence[Step]) -> None:
    """Make "Before switching, compare", if both are new, wait for the ordered steps of the sentence before."""
    for same in steps:
        if step.before and same.before is step.before:
            for other in step.before:
                same.draft.wait_for(other.draft)


def _merge(draft: Draft, known: Draft, drafts: list[Draft]) -> None:
    """Merge the draft of a clause into the task of another sentence that the clause names."""
    drafts.remove(draft)
    for other in draft.after:
        known.wait_for(other)
    for other in drafts:
        if draft in other.after:
            other.after.remove(draft)
            other.wait_for(known)


@lru_cache(maxsize=2048)
def word_stems(text: str) -> frozenset[str]:
    """Return the beginnings of the meaningful words of a text."""
    return frozenset(
        word[:5] if len(word) > 5 else word[:4] for word in _WORDS.findall(text.lower()) if word not in ENGLISH
    )
