"""Sentences of running text as steps, with the order that their words give."""

import re
from collections.abc import Sequence
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
    lastly subsequently thereafter kindly again i we a one two three four five six some more
    """.split()  # noqa: SIM905 - a list of words reads as one
)
_MARKS = "*_`~\"'([,;:.!?"
_FIRST = VERBS | _HINTS | _FIRST_HINTS
_FIRST_WORDS = re.compile(r"(?:[.!?;\u2026\u3002\uff01\uff1f]|\n)[^\w\n]{0,4}([\w'\u2019-]+)")


def read_prose(text: str, fallback: str, most: int = 1000) -> list[Draft]:
    """Find the tasks that English sentences ask for, in their order; after so many, the rest belongs to the last."""
    steps: list[Step] = []
    previous: list[Step] = []
    for sentence in sentences(text) if _may_ask(text) else ():
        if len(steps) >= most:
            steps[-1].draft.notes.append(sentence)
            continue
        found = read_steps(sentence, plain(sentence).text, fallback) if _may_ask(sentence) else []
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
    return closest([(draft, word_stems(draft.title)) for draft in drafts], text, asking)


def closest(known: Sequence[tuple[Draft, frozenset[str]]], text: str, asking: Draft) -> Draft | None:
    """Return the same, of tasks whose words are known."""
    words = word_stems(text)
    best, most = None, 0
    for draft, stems in known:
        shared = len(words & stems)
        if shared > most and draft is not asking:
            best, most = draft, shared
    return best if 2 * most >= len(words) else None


def _may_ask(text: str) -> bool:
    """Tell quickly that no sentence of a text can ask for anything: of a long text most don't."""
    low = text.lower()
    words = low.split()
    return (
        not _HINTS.isdisjoint(words)
        or ":" in text
        or (" to " in low and not _TO.isdisjoint(words))
        or any(
            first in _FIRST or "-" in first or first.startswith("re")
            for first in (*(words[:1] and [words[0].strip(_MARKS)]), *_FIRST_WORDS.findall(low))
        )
    )


def _place(found: list[Step], previous: list[Step], steps: list[Step]) -> None:
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


@lru_cache(maxsize=2048)
def word_stems(text: str) -> frozenset[str]:
    """Return the beginnings of the words of a text that mean something."""
    return frozenset(
        word[:5] if len(word) > 5 else word[:4] for word in _WORDS.findall(text.lower()) if word not in ENGLISH
    )
