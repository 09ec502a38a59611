"""Drafts as a plan: the strategy's order, groups where a flat text has none, and no more tasks than allowed."""

import re
from collections.abc import Iterator, Sequence

import attrs

from .._plan import Plan, PlannedTask
from ._document import Document
from ._drafts import Draft
from ._prose import _stems
from ._requests import first_word

_MOST_BYTES = 64 * 1024
_DEEPEST = 14  # groups above a task: what lies deeper stands beside its parent
_LONGEST_CRITERION = 2 * 1024
_MOST_CRITERIA = 50
_FEWEST_TO_GROUP = 4
_LETTER = re.compile(r"[^\W_]")

_PHASES = (
    ("Investigate and prepare", "analyse analyze agree ask assess choose clarify collect compare consult "
    "decide define design determine draft evaluate examine explore figure find gather identify inventory "
    "interview investigate learn list map measure outline pick plan prepare profile prototype research "
    "review scope select sketch specify study survey talk understand"),
    ("Test and verify", "audit check benchmark confirm load monitor proofread qa test try validate verify "
    "watch rehearse"),
    ("Document and roll out", "announce brief communicate deploy document enable explain hand inform invite "
    "launch notify present promote publish release report retire roll send share ship switch tell train "
    "translate update onboard teach"),
)  # fmt: skip
_PHASE_NAMES = ("Investigate and prepare", "Build and change", "Test and verify", "Document and roll out")
_PHASE_OF_VERB = {verb: name for name, verbs in _PHASES for verb in verbs.split()}
_TESTS = re.compile(r"\b(?:tests?|checks)\b", re.IGNORECASE)
_DOCS = re.compile(
    r"\b(?:documentation|docs|guide|manual|readme|changelog|release notes|announcement)\b", re.IGNORECASE
)


def arrange(
    drafts: Sequence[Draft], document: Document, strategy: str, max_tasks: int, kind: str | None, english: bool
) -> Plan:
    """Make a plan of drafts.

    Args:
        drafts: the tasks on the highest level, in the order of the text.
        document: where the lines of their descriptions stand.
        strategy: sequential, parallel or hierarchical.
        max_tasks: how many tasks there may be, groups included.
        kind: the kind of work, where it is known.
        english: whether titles can be understood.
    """
    top = _sorted(_flattened(_titled(drafts), 0))
    if strategy == "hierarchical" and english and not any(draft.children for draft in top):
        top = _grouped(top)
    for draft in _all(top):
        draft.children = _sorted(draft.children)
    texts = _Descriptions(document)
    top = _Fold(texts).fit(top, max_tasks)
    if strategy == "sequential":
        _chain(top)
    return _plan(top, texts, kind)


@attrs.define
class _Descriptions:
    """The descriptions of drafts, each written once."""

    document: Document
    written: dict[int, str] = attrs.field(factory=dict)

    def of(self, draft: Draft) -> str:
        key = id(draft)
        if key not in self.written:
            parts = [*draft.notes, self.document.text(draft.spans)]
            text = "\n\n".join(part.strip() for part in dict.fromkeys(parts) if part.strip())
            self.written[key] = "" if text == draft.title else _cut_bytes(text, _MOST_BYTES)[0]
        return self.written[key]

    def whole(self, draft: Draft) -> str:
        """Return what a draft and all below it say, as an item of a list."""
        own = self.of(draft) or draft.title
        lines = ["- " + own.replace("\n", "\n  ")]
        lines.extend(f"  - {criterion}" for criterion in draft.criteria)
        lines.extend("  " + self.whole(child).replace("\n", "\n  ") for child in draft.children)
        return "\n".join(lines)

    def append(self, draft: Draft, text: str) -> str:
        """Add to a description, and return what does not fit."""
        before = self.of(draft)
        room = _MOST_BYTES - len(before.encode()) - 2
        if room <= 0:
            return text
        taken, left = _cut_bytes(text, room)
        self.written[id(draft)] = f"{before}\n\n{taken}" if before else taken
        return left


@attrs.define
class _Fold:
    """Leaves no more tasks than there may be; what does not fit goes into the description of the one before it."""

    texts: _Descriptions
    replaced: dict[int, Draft] = attrs.field(factory=dict)

    def fit(self, top: list[Draft], most: int) -> list[Draft]:
        if sum(1 for _ in _all(top)) > most:
            self._level(top, most)
            self._redirect(top)
        return top

    def _level(self, drafts: list[Draft], most: int) -> None:
        """Keep as many drafts of a level as there is room for, then what is below them."""
        kept, surplus = drafts[:most], drafts[most:]
        if surplus:
            for draft in kept:
                self._close(draft)
            for draft in surplus:
                self._into(draft, kept[-1])
            self._write(kept, "\n".join(self.texts.whole(draft) for draft in surplus))
            del drafts[most:]
            return
        room = most - len(kept)
        groups = sorted((draft for draft in kept if draft.children), key=_size)
        for done, group in enumerate(groups):
            share = room // (len(groups) - done)
            # A group with a single task is no group, unless the text has it so.
            if share < min(2, len(group.children)):
                self._close(group)
                continue
            allowed = min(share, _size(group))
            self._level(group.children, allowed)
            room -= _size(group)

    def _close(self, group: Draft) -> None:
        """Fold all that is below a group into the group itself."""
        if group.children:
            for child in group.children:
                self._into(child, group)
            text = "\n".join(self.texts.whole(child) for child in group.children)
            group.children = []
            self._write([group], text)

    def _write(self, kept: Sequence[Draft], text: str) -> None:
        """Append a text to the last of some drafts, or the one before it when that is full."""
        for draft in reversed(kept):
            text = self.texts.append(draft, text)
            if not text:
                return

    def _into(self, draft: Draft, kept: Draft) -> None:
        for folded in _all([draft]):
            self.replaced[id(folded)] = kept

    def _redirect(self, top: list[Draft]) -> None:
        """Let what waited for a folded task wait for the one that holds it now, and the other way round."""
        present = {id(draft) for draft in _all(top)}
        for draft in list(_all(top)):
            after = [self.replaced.get(id(other), other) for other in draft.after]
            draft.after = [
                other
                for place, other in enumerate(after)
                if id(other) in present and other is not draft and other not in after[:place]
            ]


def _titled(drafts: Sequence[Draft]) -> list[Draft]:
    """Let what has no title of its own, such as a lone image, belong to the task before it, or else after it."""
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


def _all(drafts: Sequence[Draft]) -> Iterator[Draft]:
    for draft in drafts:
        yield draft
        yield from _all(draft.children)


def _size(group: Draft) -> int:
    return sum(1 for _ in _all(group.children))


def _sorted(drafts: list[Draft]) -> list[Draft]:
    """Keep the order of the text, but for what it says to come earlier."""
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


def _chain(drafts: Sequence[Draft]) -> None:
    """Let each task wait for the one before it; what the text says beyond that follows from it."""
    before: Draft | None = None
    for draft in drafts:
        draft.after = [before] if before else []
        before = draft
        _chain(draft.children)


def _grouped(drafts: list[Draft]) -> list[Draft]:
    """Group tasks of a flat text by the phase of the work, or else by what they have in common."""
    if len(drafts) < _FEWEST_TO_GROUP:
        return drafts
    phases: dict[str, list[Draft]] = {}
    for draft in drafts:
        phases.setdefault(_phase(draft.title), []).append(draft)
    if len(phases) > 1:
        names = [name for name in _PHASE_NAMES if name in phases]
        return [Draft(name, children=phases[name]) for name in names]
    return _by_theme(drafts)


def _phase(title: str) -> str:
    if _DOCS.search(title):
        return "Document and roll out"
    if _TESTS.search(title):
        return "Test and verify"
    return _PHASE_OF_VERB.get(first_word(title), "Build and change")


def _by_theme(drafts: list[Draft]) -> list[Draft]:
    """Group tasks that share a word; the rest stays as it is."""
    stems = [_stems(draft.title.split(" ", 1)[-1]) for draft in drafts]
    grouped: list[Draft] = []
    taken: set[int] = set()
    for place, draft in enumerate(drafts):
        if place in taken:
            continue
        best, shared = [place], ""
        for stem in sorted(stems[place]):
            same = [other for other in range(len(drafts)) if other not in taken and stem in stems[other]]
            if len(best) < len(same) < len(drafts):
                best, shared = same, stem
        if len(best) > 1:
            taken.update(best)
            grouped.append(
                Draft(f"Work on {_word_of(shared, draft.title)}", children=[drafts[other] for other in best])
            )
        else:
            taken.add(place)
            grouped.append(draft)
    return grouped if any(draft.children for draft in grouped) and len(grouped) > 1 else drafts


def _word_of(stem: str, title: str) -> str:
    return next((word for word in re.findall(r"\w+", title)[1:] if word.lower().startswith(stem)), stem)


def _plan(top: Sequence[Draft], texts: _Descriptions, kind: str | None) -> Plan:
    keys: dict[int, str] = {}
    rows: list[tuple[Draft, str | None]] = []

    def number(drafts: Sequence[Draft], parent: str | None) -> None:
        for place, draft in enumerate(drafts, start=1):
            keys[id(draft)] = f"{parent}.{place}" if parent else str(place)
            rows.append((draft, parent))
            number(draft.children, keys[id(draft)])

    number(top, None)
    needs = _consistent(rows, keys)
    items = []
    for draft, parent in rows:
        key = keys[id(draft)]
        criteria = [text for text in draft.criteria if len(text.encode()) <= _LONGEST_CRITERION][:_MOST_CRITERIA]
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


def _consistent(rows: Sequence[tuple[Draft, str | None]], keys: dict[int, str]) -> dict[str, list[str]]:
    """Take over the stated order, but for what would let a task wait for itself."""
    needs: dict[str, list[str]] = {keys[id(draft)]: [] for draft, _ in rows}
    children: dict[str, list[str]] = {key: [] for key in needs}
    for draft, parent in rows:
        if parent is not None:
            children[parent].append(keys[id(draft)])

    def reaches(start: str, goal: str) -> bool:
        """Whether to start the one, the other must be done."""
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
            if not any(reaches(below, key) for below in _below(need, children)):
                needs[key].append(need)
    return needs


def _below(key: str, children: dict[str, list[str]]) -> Iterator[str]:
    yield key
    for child in children[key]:
        yield from _below(child, children)


def _cut_bytes(text: str, most: int) -> tuple[str, str]:
    """Split a text after at most so many bytes, at a line or a word where that is possible."""
    raw = text.encode()
    if len(raw) <= most:
        return text, ""
    taken = raw[:most].decode(errors="ignore")
    half = len(taken) // 2
    place = taken.rfind("\n", half) if "\n" in taken[half:] else taken.rfind(" ", half)
    if place > 0:
        taken = taken[:place]
    return taken, text[len(taken) :].lstrip("\n ")
