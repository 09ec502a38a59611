"""The descriptions of drafts, and the folding of surplus tasks into them."""

from collections.abc import Iterator, Sequence

import attrs

from ._document import Document
from ._drafts import Draft

_MOST_BYTES = 64 * 1024
_POINTER = "\n\n(The rest stands in the description of the goal.)"


@attrs.define
class Descriptions:
    """The descriptions of drafts, each written once."""

    document: Document
    written: dict[int, str] = attrs.field(factory=dict)

    def of(self, draft: Draft) -> str:
        key = id(draft)
        if key not in self.written:
            parts = [*draft.notes, self.document.text(draft.spans)]
            text = "\n\n".join(part.strip() for part in dict.fromkeys(parts) if part.strip())
            self.written[key] = "" if text == draft.title else _pointing(text)
        return self.written[key]

    def whole(self, draft: Draft) -> str:
        """Return the text of a draft and of everything below it, as an item of a list."""
        own = self.of(draft)
        if _end_of(draft.title) not in own.lower():  # a title that says all of its item is not repeated in its notes
            own = f"{draft.title}\n{own}".strip()
        lines = ["- " + own.replace("\n", "\n  ")]
        lines.extend(f"  - {criterion}" for criterion in draft.criteria)
        lines.extend("  " + self.whole(child).replace("\n", "\n  ") for child in draft.children)
        return "\n".join(lines)

    def append_or_point(self, draft: Draft, text: str) -> None:
        """Add a text to a description. If not all of it fits, say where the rest is."""
        if left := self.append(draft, text):
            self.written[id(draft)] = _pointing(f"{self.of(draft)}\n\n{left}")

    def append(self, draft: Draft, text: str) -> str:
        """Add a text to a description, and return the part that does not fit."""
        before = self.of(draft)
        room = _MOST_BYTES - len(before.encode()) - 2
        if room <= 0:
            return text
        taken, left = _cut_bytes(text, room)
        self.written[id(draft)] = f"{before}\n\n{taken}" if before else taken
        return left


@attrs.define
class Fold:
    """The limit on the number of tasks: a surplus task goes into the description of the task before it."""

    texts: Descriptions
    replaced: dict[int, Draft] = attrs.field(factory=dict)
    homeless: list[str] = attrs.field(factory=list)  # texts that did not fit where they belong

    def fit(self, top: list[Draft], most: int) -> list[Draft]:
        if sum(1 for _ in every_draft(top)) > most:
            self._level(top, most)
            self._redirect(top)
            if self.homeless:
                left, self.homeless = "\n".join(self.homeless), []
                self._write(list(every_draft(top)), left)
            if self.homeless:
                self.texts.append_or_point(top[-1], "\n".join(self.homeless))
        return top

    def _level(self, drafts: list[Draft], most: int) -> None:
        """Keep as many drafts of a level as there is room for, then as many of those below them."""
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
        groups = sorted((draft for draft in kept if draft.children), key=size_below)
        for done, group in enumerate(groups):
            share = room // (len(groups) - done)
            # A single task does not make a group, unless the text has it so.
            if share < min(2, len(group.children)):
                self._close(group)
                continue
            allowed = min(share, size_below(group))
            self._level(group.children, allowed)
            room -= size_below(group)

    def _close(self, group: Draft) -> None:
        """Fold everything below a group into the group itself."""
        if group.children:
            for child in group.children:
                self._into(child, group)
            text = "\n".join(self.texts.whole(child) for child in group.children)
            group.children = []
            self._write([group], text)

    def _write(self, kept: Sequence[Draft], text: str) -> None:
        """Append a text to the last of some drafts, or to the one before it if that is full."""
        for draft in reversed(kept):
            text = self.texts.append(draft, text)
            if not text:
                return
        self.homeless.append(text)

    def _into(self, draft: Draft, kept: Draft) -> None:
        for folded in every_draft([draft]):
            self.replaced[id(folded)] = kept

    def _redirect(self, top: list[Draft]) -> None:
        """Make each task that waited for a folded task wait for the task that holds it now."""
        present = {id(draft) for draft in every_draft(top)}
        for draft in list(every_draft(top)):
            after = [self.replaced.get(id(other), other) for other in draft.after]
            draft.after = [
                other
                for place, other in enumerate(after)
                if id(other) in present and other is not draft and other not in after[:place]
            ]


def every_draft(drafts: Sequence[Draft]) -> Iterator[Draft]:
    for draft in drafts:
        yield draft
        yield from every_draft(draft.children)


def size_below(group: Draft) -> int:
    return sum(1 for _ in every_draft(group.children))


def _end_of(title: str) -> str:
    """Return the end of a title, which it shares with the text that it was made of: often only its verb is new."""
    return title.rstrip("\u2026")[-20:].lower()


def _pointing(text: str) -> str:
    """Return a text. If it is too long, cut it and say where the rest is."""
    if len(text.encode()) <= _MOST_BYTES:
        return text
    return _cut_bytes(text.removesuffix(_POINTER), _MOST_BYTES - len(_POINTER))[0] + _POINTER


def _cut_bytes(text: str, most: int) -> tuple[str, str]:
    """Split a text after at most so many bytes, at a line or a word if possible."""
    raw = text.encode()
    if len(raw) <= most:
        return text, ""
    taken = raw[:most].decode(errors="ignore")
    half = len(taken) // 2
    place = taken.rfind("\n", half) if "\n" in taken[half:] else taken.rfind(" ", half)
    if place > 0:
        taken = taken[:place]
    return taken, text[len(taken) :].lstrip("\n ")
