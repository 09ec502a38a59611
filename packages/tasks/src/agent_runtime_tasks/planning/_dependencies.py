"""The order of drafts: as the text states it, without cycles."""

import re
from collections.abc import Iterator, Sequence

from ._drafts import Draft
from ._sections import Heading

_EARLY = re.compile(r"(?:pre|before|prior|first|preparations?|setup)\b", re.IGNORECASE)
_LATE = re.compile(r"(?:post|after(?:wards)?|finally|last|clean-?up|follow-up)\b", re.IGNORECASE)


def in_stated_order(drafts: list[Draft]) -> list[Draft]:
    """Keep the order of the text, but move each draft behind those that it waits for."""
    if not any(draft.after for draft in drafts):
        return drafts
    here = {id(draft) for draft in drafts}
    placed: set[int] = set()
    ordered: list[Draft] = []
    for draft in drafts:
        _place_after(draft, here, placed, ordered)
    return ordered


def _place_after(draft: Draft, here: set[int], placed: set[int], ordered: list[Draft]) -> None:
    pending = [(draft, iter(draft.after))]
    if id(draft) in placed:
        return
    placed.add(id(draft))
    while pending:
        current, others = pending[-1]
        other = next(others, None)
        if other is None:
            ordered.append(current)
            pending.pop()
        elif id(other) in here and id(other) not in placed:
            placed.add(id(other))
            pending.append((other, iter(other.after)))


def chain_stages(stages: Sequence[tuple[Draft, Heading]]) -> None:
    """Make parts that are numbered or named after times wait for each other in their order."""
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


def follow_all(drafts: Sequence[Draft], kept: Sequence[Draft]) -> None:
    """Make the drafts after a list wait for the list if their sentence says so: "then", "once both are done"."""
    waited_for = {id(other) for draft in kept for other in draft.after}
    ends = [draft for draft in kept if id(draft) not in waited_for] or kept
    for draft in drafts:
        if draft.follows and not any(other.follows for other in draft.after):
            for end in ends:
                draft.wait_for(end)


def consistent_needs(rows: Sequence[tuple[Draft, str | None]], keys: dict[int, str]) -> dict[str, list[str]]:
    """Return the stated dependencies of each task, without those that would make a task wait for itself."""
    needs: dict[str, list[str]] = {keys[id(draft)]: [] for draft, _ in rows}
    children: dict[str, list[str]] = {key: [] for key in needs}
    for draft, parent in rows:
        if parent is not None:
            children[parent].append(keys[id(draft)])

    def reaches(start: str, goal: str) -> bool:
        """Tell whether `start` has to wait for `goal`."""
        seen: set[tuple[str, bool]] = set()
        pending = [(start, False)]
        while pending:
            node = pending.pop()
            if node in seen:
                continue
            seen.add(node)
            key, done = node
            if key == goal:
                return True
            if done:
                pending.append((key, False))
                pending.extend((child, True) for child in children[key])
            else:
                pending.extend((need, True) for need in needs[key])
                parent = key.rpartition(".")[0]
                if parent:
                    pending.append((parent, False))
        return False

    places = {keys[id(draft)]: place for place, (draft, _) in enumerate(rows)}
    looks_back = True  # as long as every task waits only for tasks above it, a cycle is impossible
    for draft, _ in rows:
        key = keys[id(draft)]
        for other in draft.after:
            need = keys.get(id(other))
            if (
                need is None
                or need == key
                or need in needs[key]
                or key.startswith(need + ".")
                or need.startswith(key + ".")
            ):
                continue
            is_back = all(places[below] < places[key] for below in _below(need, children))
            if (looks_back and is_back) or not any(reaches(below, key) for below in _below(need, children)):
                needs[key].append(need)
                looks_back = looks_back and is_back
    return needs


def _below(key: str, children: dict[str, list[str]]) -> Iterator[str]:
    yield key
    for child in children[key]:
        yield from _below(child, children)
