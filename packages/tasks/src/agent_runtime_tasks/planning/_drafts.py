"""Drafts: the tasks read from a text, before they are arranged as a plan."""

import re

import attrs

LONGEST_TITLE = 100
_REASON = re.compile(
    r"(?:(?<=.{12}), (?:because|since|so that|as|so|which|otherwise)|(?<=.{12}) (?:because|so that)"
    r"|(?<=.{12}), (?:nobody|no one|(?:it|this|that) is|they are|it's|they're)\b"
    r"|(?<=.{12}) [\u2013\u2014-] (?:they|it|this|that|these|those|we|he|she|there|currently|today)) .*",
    re.IGNORECASE,
)


@attrs.define(eq=False)
class Draft:
    """A task in the making.

    Attributes:
        title: what to do.
        notes: its description so far, paragraph by paragraph.
        spans: the lines of the text that belong to it, which follow the notes.
        children: the tasks that it consists of.
        after: the tasks that come before it, as the text says.
        criteria: its acceptance criteria.
        number: its number in a list, or None.
        placed: whether the text states its place among the others.
        follows: whether the text says that it comes after everything before its paragraph.
    """

    title: str
    notes: list[str] = attrs.field(factory=list)
    spans: list[tuple[int, int]] = attrs.field(factory=list)
    children: list["Draft"] = attrs.field(factory=list)
    after: list["Draft"] = attrs.field(factory=list)
    criteria: list[str] = attrs.field(factory=list)
    number: int | None = None
    placed: bool = False
    follows: bool = False

    def wait_for(self, other: "Draft") -> None:
        """Note that another task comes before this one."""
        if other is not self and other not in self.after:
            self.after.append(other)


def fit_title(text: str) -> str:
    """Cut a title to the longest allowed, at the end of a part of the sentence if possible, else of a word."""
    text = _REASON.sub("", " ".join(text[: 4 * LONGEST_TITLE].split()))
    text = text.strip(" \t.;:,\u3002\uff1b\u3001")
    if len(text) <= LONGEST_TITLE:
        return text
    cut = text[:LONGEST_TITLE]
    for sign in (". ", "; ", " (", " \u2013 ", " \u2014 ", ": ", ", "):
        place = cut.rfind(sign)
        if place >= LONGEST_TITLE // 3:
            return cut[:place].rstrip(" .,;:")
    place = cut.rfind(" ", LONGEST_TITLE // 2, LONGEST_TITLE - 1)
    return cut[: place if place > 0 else LONGEST_TITLE - 1].rstrip(" .,;:\u2013\u2014-(") + "\u2026"
