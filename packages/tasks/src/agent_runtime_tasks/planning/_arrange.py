"""The plan made of drafts: ordered by the strategy, grouped if the text is flat, folded to the most tasks allowed."""

import re
from collections.abc import Sequence

from .._rules.plan import Plan, PlannedTask
from ._dependencies import consistent_needs, in_stated_order
from ._document import Document
from ._drafts import Draft
from ._fold import Descriptions, Fold, every_draft
from ._groups import grouped_by_phase_or_theme

_DEEPEST = 14  # groups above a task: a deeper draft moves up beside its parent
_LONGEST_CRITERION = 2 * 1024
_MOST_CRITERIA = 50
_LETTER = re.compile(r"[^\W_]")


def arrange(
    drafts: Sequence[Draft], document: Document, strategy: str, max_tasks: int, kind: str | None, english: bool
) -> Plan:
    """Turn drafts into a plan.

    Args:
        drafts: the tasks on the highest level, in the order of the text.
        document: the document with the lines of their descriptions.
        strategy: sequential, parallel or hierarchical.
        max_tasks: how many tasks there may be, groups included.
        kind: the kind of work, if it is known.
        english: whether titles can be understood.
    """
    top = in_stated_order(_flattened(_titled(drafts), 0))
    if strategy == "hierarchical" and english and not any(draft.children for draft in top):
        top = grouped_by_phase_or_theme(top)
    for draft in every_draft(top):
        draft.children = in_stated_order(draft.children)
    texts = Descriptions(document)
    top = Fold(texts).fit(top, max_tasks)
    if strategy == "sequential":
        _chain(top)
    return _plan(top, texts, kind)


def _titled(drafts: Sequence[Draft]) -> list[Draft]:
    """Merge each draft without a title, such as a lone image, into the task before it, or else into the one after it.

    Its children, if it has any, take its place.
    """
    titled: list[Draft] = []
    homeless: list[Draft] = []
    for draft in drafts:
        draft.children = _titled(draft.children)
        if _LETTER.search(draft.title):
            for other in homeless:
                draft.notes = other.notes + draft.notes
                draft.spans = other.spans + draft.spans
            homeless = []
            titled.append(draft)
        elif draft.children:
            draft.children[0].spans = draft.spans + draft.children[0].spans
            titled.extend(draft.children)
        elif titled:
            titled[-1].notes += draft.notes
            titled[-1].spans += draft.spans
        else:
            homeless.append(draft)
    return titled


def _flattened(drafts: Sequence[Draft], depth: int) -> list[Draft]:
    flat: list[Draft] = []
    for draft in drafts:
        flat.append(draft)
        draft.children = _flattened(draft.children, depth + 1)
        if depth >= _DEEPEST:
            flat.extend(draft.children)
            draft.children = []
    return flat


def _chain(drafts: Sequence[Draft]) -> None:
    """Make each task wait for the one before it. That includes the order that the text states."""
    before: Draft | None = None
    for draft in drafts:
        draft.after = [before] if before else []
        before = draft
        _chain(draft.children)


def _plan(top: Sequence[Draft], texts: Descriptions, kind: str | None) -> Plan:
    keys: dict[int, str] = {}
    rows: list[tuple[Draft, str | None]] = []

    def number(drafts: Sequence[Draft], parent: str | None) -> None:
        for place, draft in enumerate(drafts, start=1):
            keys[id(draft)] = f"{parent}.{place}" if parent else str(place)
            rows.append((draft, parent))
            number(draft.children, keys[id(draft)])

    number(top, None)
    needs = consistent_needs(rows, keys)
    items = []
    for draft, parent in rows:
        key = keys[id(draft)]
        criteria = [text for text in draft.criteria if len(text.encode()) <= _LONGEST_CRITERION][:_MOST_CRITERIA]
        if left := [text for text in draft.criteria if text not in criteria]:
            texts.append_or_point(draft, "\n".join(f"- {text}" for text in left))
        items.append(
            PlannedTask(
                key=key,
                title=draft.title,
                description=texts.of(draft),
                depends_on=tuple(needs[key]),
                parent=parent,
                acceptance_criteria=tuple(criteria),
            )
        )
    return Plan(items=tuple(items), kind=kind)
