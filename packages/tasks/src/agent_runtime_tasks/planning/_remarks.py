"""List items that are not work: facts about the document, and remarks between marked actions."""

import re
from collections.abc import Sequence

from ._document import Entry
from ._imperatives import is_imperative
from ._inline import plain
from ._sentences import LABEL

_LONGEST_FACT = 6  # words
# A date, a person, the number of a ticket, a version: values that are not work.
_FACT = re.compile(
    r"(?:[0-9]{4}-[0-9]{2}(?:-[0-9]{2})?|[0-9]{1,2}[./][0-9]{1,2}[./][0-9]{2,4}|@[\w-]+|#[0-9]+|v?[0-9]+(?:\.[0-9]+)+"
    r"|[0-9]{1,2}(?:st|nd|rd|th)?\.? [A-Z][a-z]{2,8}\.?(?: [0-9]{4})?|[A-Z][a-z]{2,8} [0-9]{1,2},? [0-9]{4}"
    r"|[\w.-]+@[\w.-]+|tbd|n/a|none|draft|accepted|proposed)?[.,]?",
    re.IGNORECASE,
)
_ACTION = re.compile(
    r"(?:\W{0,3}(?:ai|action(?: item)?|todo|to-do|task)\W{0,2}(?:[:\u2013-]|->|\u2192))", re.IGNORECASE
)


def states_facts(entries: Sequence[Entry]) -> bool:
    """Tell whether all items of a list are labels with short values, at least half of them not work, such as dates."""
    facts = 0
    for entry in entries:
        text = plain(entry.text).text
        label = LABEL.match(f"{text} " if text.endswith(":") else text)
        value = text[label.end() :] if label else text.partition(":")[2].strip()
        if ":" not in text or entry.blocks or len(text.partition(":")[0].split()) > 3:
            return False
        if len(value.split()) > _LONGEST_FACT or is_imperative(value) or entry.checked is not None:
            return False
        facts += _FACT.fullmatch(value) is not None
    return len(entries) > 1 and 2 * facts >= len(entries)


def without_remarks(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Leave out remarks between items that are marked as actions, as in minutes: "AI: Bo to write the offer"."""
    marked = [_ACTION.match(entry.text) is not None for entry in entries]
    if not any(marked):
        return entries
    return [entry for entry, action in zip(entries, marked, strict=True) if action or entry.blocks]
