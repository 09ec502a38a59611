"""The text planner."""

import re
from collections.abc import Iterator
from enum import StrEnum
from itertools import pairwise
from typing import Protocol

from .._rules.plan import Plan
from ._arrange import arrange
from ._document import Block, Document, Paragraph, Section, Verbatim, read_document
from ._drafts import Draft, fit_title
from ._imperatives import first_word
from ._inline import plain
from ._language import is_english
from ._one_liner import plan_sentence
from ._outline import read_outline
from ._prose import read_lines, read_prose, refer, word_stems
from ._sections import NOT_WORK, read_heading

_LONGEST_NAME = 500
_MOST_SENTENCES = 12
_LETTER = re.compile(r"[^\W_]")


class Strategy(StrEnum):
    """The structure of a plan: a chain, the stated order alone, or groups."""

    SEQUENTIAL = "sequential"
    PARALLEL = "parallel"
    HIERARCHICAL = "hierarchical"


class Planner(Protocol):
    """A callable that plans a goal."""

    def __call__(self, name: str, description: str, *, strategy: Strategy | str, max_tasks: int = 40) -> Plan:
        """Plan a goal.

        Args:
            name: the goal in one line.
            description: the same at length, as Markdown or plain text.
            strategy: sequential, parallel or hierarchical.
            max_tasks: how many tasks there may be, groups included.
        """
        ...


def plan_text(name: str, description: str, *, strategy: Strategy | str, max_tasks: int = 40) -> Plan:
    """Plan a goal from its text.

    Lists, steps, tables of work, headings and sentences that ask for something become tasks. Parts that the
    text calls done, out of scope or background do not. A text that asks for one thing becomes a small plan for its kind
    of work.

    Args:
        name: the goal in one line.
        description: the same at length, as Markdown or plain text; it may be empty.
        strategy: sequential: each task waits for the one before it; parallel: tasks keep only the order that the text
            states; hierarchical: the same, and a flat text is grouped by phase or theme.
        max_tasks: how many tasks there may be, groups included, at least 1; surplus tasks are folded into the
            description of the task before them.
    """
    strategy = Strategy(strategy)
    if max_tasks < 1:
        raise ValueError(f"max_tasks is {max_tasks}; it must be at least 1")
    document = read_document(description)
    outline = read_outline(document, most=_most_drafts(document, max_tasks))
    drafts, kind = outline.drafts, None
    named = read_document(name[:_LONGEST_NAME])
    title = plain(" ".join(named.lines)).text
    title = title if _LETTER.search(title) else ""
    if not drafts and not outline.english:
        drafts = _lines(document)
    elif not outline.structured and sum(1 for _ in _leaf_drafts(drafts)) <= 1:
        drafts, kind = _small(title, drafts, document)
        if kind and strategy is not Strategy.HIERARCHICAL:
            drafts = [step for phase in drafts for step in phase.children]
        elif kind:
            _in_order(drafts)
    elif not outline.structured and outline.english:
        drafts = _without_goal(title, drafts)
    if not any(_LETTER.search(draft.title) for draft in _leaf_drafts(drafts)):
        whole = [(0, len(document.lines))]
        drafts = [Draft(fit_title(title) or "Work out what is to be done", spans=whole)]
    drafts[-1].criteria.extend(outline.criteria)
    return arrange(drafts, document, str(strategy), max_tasks, kind, outline.english)


def _most_drafts(document: Document, max_tasks: int) -> int:
    """Return how many tasks to look for: where tasks nest, folding has to know the surplus ones as well."""
    if all(isinstance(block, Paragraph | Verbatim) for block in document.root.blocks):
        return max_tasks + 1
    return min(max(60, 3 * max_tasks), 1500)


def _without_goal(title: str, drafts: list[Draft]) -> list[Draft]:
    """Leave out a first sentence that only repeats the goal, if others say how to reach it."""
    first, *rest = drafts
    stems = word_stems(title)
    if len(rest) < 2 or len(stems) < 2 or first_word(first.title) != first_word(title):
        return drafts
    if not stems <= word_stems(first.title) or any(first in other.after for other in rest):
        return drafts
    rest[0].notes[:0] = first.notes
    return rest


def _small(title: str, drafts: list[Draft], document: Document) -> tuple[list[Draft], str | None]:
    """Plan a goal that asks for at most one thing, by its name or by the one sentence that asks for something."""
    english = is_english(title)
    asked = read_prose(title, "implement") if english else []
    if not drafts and len(asked) > 1:
        asked[0].spans = [(0, len(document.lines))]
        return asked, None
    if not title and not drafts:
        return [], None
    whole = [(0, len(document.lines))]
    if drafts and not asked:
        small = plan_sentence(drafts[0].title)
    else:
        small = plan_sentence(title, english)
        if drafts and refer(asked, drafts[0].title, drafts[0]) is None:
            steps = small.phases[-1].children
            steps[: small.kind == "feature"] = drafts  # the task of the text takes the place of building it
    small.phases[0].children[0].spans = whole
    return list(small.phases), small.kind


def _in_order(phases: list[Draft]) -> None:
    """Make each phase of a small plan wait for the one before it."""
    for before, after in pairwise(phases):
        after.wait_for(before)


def _lines(document: Document) -> list[Draft]:
    """Make tasks of the paragraphs of a text in another language, or of their sentences if those are few."""
    paragraphs = [block for block in _blocks(document.root) if isinstance(block, Paragraph)]
    drafts = [draft for paragraph in paragraphs for draft in read_lines(paragraph.text)]
    if len(drafts) <= _MOST_SENTENCES or len(paragraphs) < 2:
        return drafts
    return [Draft(fit_title(plain(paragraph.text).text), spans=[paragraph.lines]) for paragraph in paragraphs]


def _blocks(section: Section) -> Iterator[Block]:
    for block in section.blocks:
        if not isinstance(block, Section):
            yield block
        elif read_heading(plain(block.heading).text).role not in NOT_WORK:
            yield from _blocks(block)


def _leaf_drafts(drafts: list[Draft]) -> Iterator[Draft]:
    for draft in drafts:
        if draft.children:
            yield from _leaf_drafts(draft.children)
        else:
            yield draft
