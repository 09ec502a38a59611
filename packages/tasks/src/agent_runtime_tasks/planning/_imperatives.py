"""Imperatives: the tests that recognise them, and the verbs that turn a thing into one."""

import re
from collections.abc import Sequence

from ._words import (
    ARTICLES,
    BASE_OF_GERUND,
    BASE_OF_PARTICIPLE,
    COMMON_WORDS,
    COMPOUND_TAILS,
    DETERMINERS,
    ENGLISH,
    HEAD_VERBS,
    NOUN_VERBS,
    VERB_OF_NOUN,
    VERBS,
)


def is_imperative(text: str) -> bool:
    """Tell whether a text begins with a verb of work that is used as a verb."""
    match = _FIRST_WORDS.match(text)
    if match is None:
        return text[:9].lower() in ("a/b test ", "a/b-test ")
    verb, following = match[1].lower(), (match[2] or "").lower()
    if verb == "have":
        return following in ARTICLES or following in _SOME or (match[2] or "")[:1].isupper()
    if verb == "do" and following in ("not", "we", "you", "i", "they", "users"):
        return False
    if verb not in VERBS:
        prefix, _, base = verb.rpartition("-")
        if base in VERBS and prefix in _VERB_PREFIXES:
            return True
        if not (verb.startswith("re") and len(verb) > 5 and verb[2:] in VERBS):
            return False
    if verb in NOUN_VERBS | {"build"} and _TOLD.match(text):
        return False
    if not following and verb in NOUN_VERBS and _OBJECT_SIGN.match(text, match.end()):
        return True
    if verb not in NOUN_VERBS:
        return following not in _AFTER_A_NOUN
    if following == "for" and verb in _NOUNS_BEFORE_FOR:
        return False
    if following in DETERMINERS:
        return verb not in _NOUNS_FIRST or following not in _NOUN_FOLLOWERS
    if not following or following in _AFTER_A_NOUN:
        return False
    if following in COMPOUND_TAILS and not _NUMBER.match(text, match.end()):
        return verb in _SELDOM_NOUNS and _PLURAL.match(text, match.end()) is not None
    return verb not in _NOUNS_FIRST


def phrase_title(text: str, fallback: str, forced: bool = False) -> str:
    """Put a verb before a thing: the one that its noun is made of, else the usual one, else the fallback.

    Args:
        text: the name of the thing.
        fallback: the verb for a thing without a verb of its own.
        forced: whether the fallback replaces the usual verb.
    """
    words = text.split()
    if not words:
        return ""
    first = words[0].lower().strip(",;:")
    head_end = next(
        (place for place, word in enumerate(words) if word.lower() in _AFTER_THE_HEAD or word[0] in "(\u2013\u2014-"),
        len(words),
    )
    if first in BASE_OF_GERUND and len(words) > 1 and not _names_with_gerund(words, head_end):
        return capital(f"{BASE_OF_GERUND[first]} {' '.join(words[1:])}")
    if first == "no" or words[0].endswith(":"):
        return capital(text)
    head = words[head_end - 1].lower().strip(",;:.") if head_end else ""
    verb = VERB_OF_NOUN.get(head) or (BASE_OF_GERUND.get(head) if head_end == 1 else None)
    if verb and len(words) > head_end + 1 and words[head_end].lower() in ("of", "for"):
        object_of_it = " ".join([*_without_article(words[: head_end - 1]), *words[head_end + 1 :]])
        if head_end == 1 or words[0].lower() in ("the", "a", "an"):
            return capital(f"{verb} {object_of_it}")
    verb = "" if forced else HEAD_VERBS.get(head) or HEAD_VERBS.get(head.removesuffix("s"), "")
    return capital(f"{verb or fallback} {small(text)}")


def _names_with_gerund(words: Sequence[str], head_end: int) -> bool:
    """Tell whether a gerund is only a part of a name, as in "reading list" and "testing of the pump"."""
    if words[1].lower() in ("of", "is", "and", "for"):
        return True
    head = words[head_end - 1].lower().strip(",;:.()")
    return 1 < head_end <= 3 and words[1].lower() not in DETERMINERS and (head in HEAD_VERBS or head in _GERUND_HEADS)


def takes_an_object(text: str) -> bool:
    """Tell whether an unknown word is followed by an article, as a verb is: "Dig the beds"."""
    first, second = [*text.lower().split(maxsplit=2), "", ""][:2]
    known = first in ENGLISH or first in DETERMINERS or first in _AFTER_THE_HEAD or first in _NO_VERBS
    return second in ARTICLES and first.isalpha() and not known and not first.endswith(("ly", "ing", "ed"))


def names_a_thing(text: str) -> bool:
    """Tell whether a phrase surely names a thing, and is not an order with an unknown verb."""
    words = text.split()
    head_end = next((place for place, word in enumerate(words) if word.lower() in _AFTER_THE_HEAD), len(words))
    head = words[head_end - 1].lower().strip(",;:.()") if head_end else ""
    first = words[0].lower()
    known = head in HEAD_VERBS or head in VERB_OF_NOUN or first in BASE_OF_GERUND or first in DETERMINERS
    return known or _COMMON_ENDING.search(head) is not None


def capital(text: str) -> str:
    """Begin a text with a capital."""
    return text[:1].upper() + text[1:]


def small(text: str) -> str:
    """Begin a text with a small letter, unless its first word may be a name."""
    word = _FIRST_WORD.match(text)
    if word is None or not word[0][1:].islower():
        return text if word is None or len(word[0]) > 1 or word[0] != "A" else "a" + text[1:]
    low = word[0].lower()
    common = low in VERBS or low in DETERMINERS or low in HEAD_VERBS or low in COMPOUND_TAILS or low in VERB_OF_NOUN
    common = common or low in BASE_OF_GERUND or low in BASE_OF_PARTICIPLE or _COMMON_ENDING.search(low) is not None
    return low + text[len(low) :] if common or low in COMMON_WORDS else text


_FIRST_WORD = re.compile(r"[^\W\d_]+")
_FIRST_WORDS = re.compile(r"([A-Za-z][A-Za-z-]*)(?![\w'\u2019/.@:])(?:[ ,]+([A-Za-z0-9'\u2019-]+)(?![_=/:@]|\.\w))?")
_TOLD = re.compile(
    r"[\w-]+ (?:[a-z]+ed (?:the|an?|it|them|us|him|her|that|our|their|this|these)\b"
    r"|(?!check|show|report|note|test|state)[\w-]+ (?:is|are)\b(?! \w+ (?:to|the|a)\b)"
    r"|[\w-]+ (?:(?:has|have|had) (?:been|become|[a-z]+ed|[a-z]+[wo]n)|was|were)\b)"
)
_OBJECT_SIGN = re.compile(r"\s+(?:[./~<\"'`$]\S|[\w-]+[_=/:@.]\w)")
_SOME = frozenset(["two", "three", "four", "five", "six", "ten", "some", "someone", "somebody"])
_NUMBER = re.compile(r"\s+v?[0-9]")

_VERB_PREFIXES = frozenset(
    """
    re pre de un co double cross auto back soft hard stress load smoke fine bulk live hot cherry dry spot unit
    end lazy e a/b
    """.split()  # noqa: SIM905 - a list of words reads as one
)

_AFTER_A_NOUN = frozenset(
    """
    is are was were has have had of will would can could may might should must shall does do did who which
    that-is isn't aren't wasn't
    """.split()  # noqa: SIM905 - a list of words reads as one
)

_NOUNS_FIRST = frozenset(
    """
    access bug cost function input index leads message model number note offer order outline own phase place
    pilot point price process program project question rate reach record score service shape sign size source
    stage state step stress structure style surface time touch trade trial turn type value view vote reserve
    film budget brand claim discount reference template reward stack stamp
    exercise experiment contract catalogue invoice form figure frame line lead page paint
    """.split()  # noqa: SIM905 - a list of words reads as one
) - {
    "order",
    "note",
    "own",
    "place",
    "point",
    "lead",
    "turn",
    "size",
    "price",
    "paint",
    "page",
    "record",
    "number",
    "sign",
}

# "Watch error rates" is an order, while "watch list" names a thing.
_SELDOM_NOUNS = frozenset(["watch", "check", "review", "update", "fix", "show", "move", "mark", "measure", "train"])
_PLURAL = re.compile(r" (?:[a-z-]{2,}[^\Ws]s|staff|people|data)\b(?! (?:is|are|was|were)\b)")

_NOUN_FOLLOWERS = frozenset(
    ["and", "or", "for", "from", "in", "on", "at", "with", "to", "off", "over", "through", "that"]
)

_NOUNS_BEFORE_FOR = frozenset(["support", "access", "guide", "design", "report", "cover", "documentation"])
_NO_VERBS = frozenset(
    """
    above against along among around behind below beneath beside besides between beyond despite even everything half
    inside like near outside past since such throughout twice whether within
    """.split()  # noqa: SIM905 - a list of words reads as one
)

_AFTER_THE_HEAD = frozenset(
    """
    of for in on with to that which from when where by at as into during after before without via using under
    between per so because if while whose who about against
    """.split()  # noqa: SIM905 - a list of words reads as one
)

_COMMON_ENDING = re.compile(
    r"(?:(?<!ne)(?<!gre)(?<!kin)(?<!i)(?<!u)(?<!s)s|tion|ment|ing|ity|ness|ance|ence|able|ible|ful|less|ical"
    r"|ive|ous|ated|ised|ized|users?|ers|ies|ows|ings|age|ware)$"
)

_GERUND_HEADS = frozenset(
    """
    list update plan box bar room system strategy time rules policy session sessions area process cycle criteria
    """.split()  # noqa: SIM905 - a list of words reads as one
)


def first_word(text: str) -> str:
    """Return the first word of a text in small letters."""
    word = _FIRST_WORDS.match(text)
    return word[1].lower() if word else ""


def _without_article(words: list[str]) -> list[str]:
    return words[1:] if words and words[0].lower() in ("the", "a", "an") else words
