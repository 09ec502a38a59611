"""The language of a text, and whether it is about software."""

import re

from ._words import ENGLISH, FOREIGN

_TELLING_PART = 8_000  # characters: the beginning tells the language and the field
_WORD = re.compile(r"[^\W\d_]+")
_SOFTWARE = frozenset(
    """
    api apis app bug cli code commit css database deploy deploys deployed deployment deployments docker endpoint
    frontend backend git github html http javascript json library login module parser plugin python query repo
    repository rest rust schema sdk server software sql ui url user users web website yaml
    """.split()  # noqa: SIM905 - a list of words reads as one
)


def is_english(text: str) -> bool:
    """Tell whether a text is English, by its small words or else by its letters."""
    words: list[str] = _WORD.findall(text[:_TELLING_PART].lower())
    english = sum(map(ENGLISH.__contains__, words))
    foreign = sum(map(FOREIGN.__contains__, words))
    plain_words = sum(map(str.isascii, words))
    if words and plain_words < 0.6 * len(words):
        return False
    if english or foreign:
        return english > foreign
    return plain_words == len(words)


def is_about_software(text: str) -> bool:
    """Tell whether the beginning of a text is about software."""
    return not _SOFTWARE.isdisjoint(_WORD.findall(text[:_TELLING_PART].lower()))
