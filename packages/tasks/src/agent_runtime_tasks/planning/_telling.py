"""Statements: texts that tell something, rather than naming a thing."""

import re
from itertools import pairwise

from ._words import ARTICLES, BASE_OF_PARTICIPLE, DETERMINERS, NOUN_VERBS, SOMETIMES_NOUNS, TELLING, VERBS

TELLS = re.compile(
    r"\b(?:is|are|was|were|am|isn't|aren't|wasn't|has|had|does|did|doesn't|didn't|can|cannot|can't|could"
    r"|couldn't|will|would|may|might|there's|it's|that's|they're|we're|I'm|we've|I've|happens?|fails?|seems?"
    r"|shows? up|depends|costs?|takes|uses|works|crashes|returns|throws|hangs|breaks|leaks|gets|becomes"
    r"|(?<=s )have (?:no|an?|the)|remains|exists|contains|means|says|wants)\b",
    re.IGNORECASE,
)

_TELLS_FROM_THE_START = re.compile(
    r"(?:many|most|several|I|we|you|he|she|it|they|this|that|these|those|there|here|today|currently|because"
    r"|since|although|as|see|note|nb|e\.g|i\.e|for example|such as|only|when|if|why|what|which|who|whose|how"
    r"|where|cc|bcc|thanks|thank|hi|hello|dear|regards|kind regards|best regards|cheers|sorry|hope|fyi|tbd|tba|n/a"
    r"|none"
    r"|blocked (?:by|on)|depends? on|part of|relate[sd] to|duplicate of|follow-up (?:to|of)|supersedes|caution|warning"
    r"|important)\b",
    re.IGNORECASE,
)


def tells(text: str) -> bool:
    """Tell whether a text states something, rather than naming a thing."""
    if _TELLS_FROM_THE_START.match(text):
        return True
    relative = _RELATIVE.search(text)
    if relative:
        text = text[: relative.start()]
    if TELLS.search(text):
        return True
    words = text.lower().split(maxsplit=8)[1:8]
    if any(word in TELLING and before not in ARTICLES for before, word in pairwise(["", *words])):
        return True
    for word, following in pairwise(words if text.split(" ", 1)[0].lower() not in VERBS else ()):
        if word.endswith("ed") and word in BASE_OF_PARTICIPLE and following in ARTICLES:
            return True
        base = word.removesuffix("s")
        if base != word and (
            (base in NOUN_VERBS and (following in DETERMINERS or following in _AFTER_A_TOLD_VERB))
            or (base in SOMETIMES_NOUNS and following in ARTICLES)
        ):
            return True
    return len(words) > 1 and is_plural(text.split(" ", 1)[0]) and words[0] in VERBS - NOUN_VERBS


_RELATIVE = re.compile(r" (?:that|which|who|whose|where)\b")

_AFTER_A_TOLD_VERB = frozenset(
    [
        "last",
        "first",
        "wrong",
        "twice",
        "too",
        "again",
        "only",
        "nothing",
        "empty",
        "unexpectedly",
        "randomly",
        "incorrectly",
    ]
) - {"first"}


def is_plural(subject: str) -> bool:
    last = subject.split(" of ")[0].split(" for ")[0].split()[-1].lower()
    return (last.endswith("s") and not last.endswith(("ss", "us", "is"))) or last in (
        "people",
        "data",
        "they",
        "these",
        "those",
        "criteria",
        "children",
    )
