"""Requests: sentences that ask for work, and their wording in the imperative."""

import re
from enum import StrEnum
from functools import lru_cache

import attrs

from ._forms import (
    BE_NEEDED,
    COMPARATIVE,
    FOR_SOMEONE,
    HELPFUL,
    IT,
    LACKS,
    MISSING,
    MODAL,
    NO_WORK,
    PARTS_OF_SOFTWARE,
    PASSIVE,
    PAST,
    PERSON,
    SO_THAT,
    SOMEONE_DID,
    STORY,
    THE_SYSTEM,
    US,
    USERS,
    WE,
    WE_WILL,
    WE_WOULD,
    WISH,
)
from ._imperatives import capital, first_word, is_imperative, phrase_title, small
from ._openers import Order, take_opener
from ._sections import NOT_WORK, Role, read_heading
from ._telling import TELLS, is_plural, tells
from ._words import BASE_OF_GERUND, BASE_OF_PARTICIPLE, COMMON_WORDS, COMPOUND_TAILS, DETERMINERS, HEAD_VERBS, VERBS

_LONGEST_REST = 80
_BRIEF_REST = 40
LONGEST_READ = 600  # characters of a sentence


class Ask(StrEnum):
    """The degree to which a text asks for work."""

    REQUEST = "request"  # asks for work
    PHRASE = "phrase"  # names a thing; its place decides whether that is work
    TALK = "talk"  # states something
    REFUSAL = "refusal"  # says that something is not to be done


@attrs.frozen(slots=True)
class Reading:
    """A sentence as understood.

    Attributes:
        ask: how much it asks for.
        title: the same as an imperative, if possible.
        order: the order that its first words state.
    """

    ask: Ask
    title: str
    order: Order = Order.NONE


@lru_cache(maxsize=1024)
def read_request(text: str, fallback: str = "take care of", forced: bool = False) -> Reading:
    """Understand an English sentence, clause or phrase.

    Args:
        text: plain text, without markup.
        fallback: the verb for a thing that does not say what to do with it.
        forced: whether that verb replaces the usual verb of a thing.
    """
    order, text = take_opener(_TRAILING.sub("", text[:LONGEST_READ]))
    ask, title = _read(text, fallback, forced)
    return Reading(ask, title, order)


_TRAILING = re.compile(r"[\s.;:,!?\u2026\u3002]+$")

_SIGNS_OF_A_REQUEST = re.compile(
    r"\b(?:wish|will|needs?|must|shall|should|ha(?:s|ve) to|wants?|(?:like|love) to|lacks?|ought to"
    r"|would (?:be|(?:\w+ )?help)|plans? to"
    r"|(?:is|are) (?:to|required|needed|missing|necessary|wanted|still)|as an? )"
    r"|(?:'|\u2019)ll\b|^\S+(?: (?:and|&) \S+)? to [a-z]|:\s|\u2014|\u2013| - ",
    re.IGNORECASE,
)

_REFUSAL = re.compile(
    r"(?:please )?(?:(?:do not|don't|don\u2019t|never|avoid|no need|not needed|refrain|won't|won\u2019t|not )\b"
    r"|(?:we|I|you|it|this|that|there|they|[\w -]{3,40}?)"
    r" (?:do not|don't|don\u2019t|does not|doesn't|won't|won\u2019t|will not|must not|mustn't|should not|shouldn't"
    r"|shouldn\u2019t|shall not|need not|needn't|must never|should never)"
    r" (?:need|have to|want|plan|intend|be|change|support|include|cover|touch|use|add|require|exceed|break|block"
    r"|[a-z]+)\b)",
    re.IGNORECASE,
)


_LABEL = re.compile(r"(?P<label>[^\s:.!?][^:.!?]{0,59}?)(?::| [\u2013\u2014-]|\u2014) (?P<rest>\S.*)")


def _read(text: str, fallback: str, forced: bool = False) -> tuple[Ask, str]:
    if is_imperative(text):
        return Ask.REQUEST, capital(text)
    first = text.split(" ", 1)[0].lower()
    if first in BASE_OF_GERUND and not TELLS.search(text):
        return Ask.PHRASE, phrase_title(text, fallback)
    if _SIGNS_OF_A_REQUEST.search(text):
        found = _story(text) or _someone(text) or _modal(text) or _labelled(text, fallback)
        if found:
            return found
    if _REFUSAL.match(text):
        return Ask.REFUSAL, capital(text)
    if tells(text):
        return Ask.TALK, capital(text)
    return Ask.PHRASE, phrase_title(text, fallback, forced)


def is_story(text: str) -> bool:
    """Tell whether a text is a user story: "As a reader, I want to search, so that I find what I need"."""
    return STORY.match(text) is not None


def _story(text: str) -> tuple[Ask, str] | None:
    story = STORY.match(text)
    if story is None:
        return None
    what = SO_THAT.sub("", story["what"])
    what = re.sub(r"\bmy\b", "their", re.sub(r"\bmyself\b", "themselves", what))
    if what.split(" ", 1)[0].lower() in DETERMINERS:
        return Ask.REQUEST, f"Give {story['who']} {what}"
    return Ask.REQUEST, f"Let {story['who']} {what}"


def _someone(text: str) -> tuple[Ask, str] | None:
    if did := SOMEONE_DID.match(text):
        verb = did["verb"].lower()
        base = PAST.get(verb) or BASE_OF_PARTICIPLE.get(verb) or (verb if verb in VERBS else "")
        if base:
            return Ask.REQUEST, capital(f"{base} {did['rest']}")
    if wish := WISH.match(text):
        return _modal(f"{wish['who']} should {wish['rest']}")
    if helpful := HELPFUL.match(text):
        if helpful["what"]:
            return Ask.REQUEST, phrase_title(helpful["what"], "provide")
        return Ask.REQUEST, f"{'Show' if helpful['verb'].lower() == 'see' else 'Provide'} {helpful['thing']}"
    if lack := LACKS.match(text):
        return Ask.REQUEST, f"Give {small(lack['what'])} {lack['thing']}"
    if (person := FOR_SOMEONE.match(text)) and is_imperative(person["what"]) and not _is_thing(person["who"]):
        return Ask.REQUEST, capital(person["what"])
    missing = MISSING.match(text)
    if missing and not IT.match(missing["what"]) and " not " not in text:
        return Ask.REQUEST, phrase_title(missing["what"], "provide")
    if needed := BE_NEEDED.match(text):
        return Ask.REQUEST, phrase_title(needed["what"] or needed["thing"], "provide")
    return None


def _modal(text: str) -> tuple[Ask, str] | None:
    match = MODAL.match(WE_WOULD.sub(r"\1", WE_WILL.sub(r"\1 will", text)))
    if match is None:
        return None
    subject, modal, rest = match["subject"].strip(), match["modal"].lower(), match["rest"].strip()
    if subject.endswith((" and", " but", " or")):  # "Most are old and have to go": about things named before
        return Ask.TALK, capital(text)
    if subject.lower() in ("no", "there is no", "there's no"):
        return Ask.REFUSAL, capital(text)
    negative = re.match(r"(?:not|never|no longer)\s+(.+)", rest, re.IGNORECASE)
    if negative:
        verb = "do" if is_plural(subject) else "does"
        if negative[1].startswith("be "):
            return Ask.REFUSAL, f"Make sure {small(subject)} {_be(subject)} not {negative[1][3:]}"
        return Ask.REFUSAL, f"Make sure {small(subject)} {verb} not {negative[1]}"
    if modal == "need":
        return None
    if modal == "will":  # "we will" states a plan; with another subject, "will" is a statement
        return (Ask.REQUEST, capital(rest)) if WE.match(subject) and first_word(rest) in VERBS else None
    if len(subject.split()) > 1 and tells(subject) and not US.match(subject):
        return Ask.TALK, capital(text)
    named = PERSON.match(subject) is not None and not is_plural(subject) and not rest.startswith("be ")
    if US.search(subject) or named:
        able = rest.removeprefix("be able to ")
        if first_word(able) in ("have", "be") and modal.startswith(("want", "would", "plan")):
            return Ask.TALK, capital(text)
        wished = modal.startswith(("want", "would", "plan", "is", "are"))
        if is_imperative(able) or first_word(able) in VERBS or not (wished or first_word(able) in NO_WORK):
            return Ask.REQUEST, capital(able)
        return Ask.TALK, capital(text)
    if rest.startswith("be ") and modal.startswith(("want", "would")):
        return Ask.TALK, capital(text)  # a wish to be something is the reason for the work
    if rest.startswith("be able to "):
        return Ask.REQUEST, f"Let {small(subject)} {rest[11:]}"
    if IT.match(subject):
        if first_word(rest) in VERBS:
            return Ask.REQUEST, capital(rest)
        return Ask.TALK, capital(text)
    if USERS.match(subject) and first_word(rest) != "be":
        return Ask.REQUEST, f"Let {small(subject)} {rest}"
    passive = PASSIVE.match(rest)
    if passive:
        base = BASE_OF_PARTICIPLE.get(passive["participle"].lower())
        if base and not passive["rest"].startswith("by "):
            return Ask.REQUEST, capital(f"{base} {small(subject)} {passive['rest']}".strip())
        if base:
            return Ask.REQUEST, f"Have {small(subject)} {passive['participle']} {passive['rest']}"
        if COMPARATIVE.match(rest):
            return Ask.REQUEST, f"Make {small(subject)} {rest[3:]}"
        ask = Ask.TALK if modal == "should" else Ask.REQUEST
        return ask, f"Make sure {small(subject)} {_be(subject)} {rest[3:]}"
    if THE_SYSTEM.match(subject) and first_word(rest) in VERBS:
        return Ask.REQUEST, capital(rest)
    if modal in ("want to", "wants to", "would like to", "plan to", "plans to", "is to", "are to"):
        return (
            (Ask.TALK, capital(text))
            if "to" in modal and first_word(rest) not in VERBS
            else (Ask.REQUEST, capital(rest))
        )
    return Ask.REQUEST, f"Make {small(subject)} {rest}"


def _labelled(text: str, fallback: str) -> tuple[Ask, str] | None:
    match = _LABEL.match(text)
    if match is None:
        return None
    label, rest = match["label"].strip(), match["rest"]
    role = read_heading(label).role
    _, inner = take_opener(rest)
    inner = _TRAILING.sub("", inner)
    if role not in NOT_WORK and is_imperative(inner) and (" " in inner or role is Role.THEME):
        if is_imperative(label) and " " in label:
            return Ask.REQUEST, capital(label)
        kept = f" ({label})" if _is_part(label) and len(inner) + len(label) < 95 else ""
        return Ask.REQUEST, capital(inner) + kept
    if role not in (Role.THEME, Role.WORK):
        return Ask.TALK, capital(text)
    if is_imperative(label + " it"):
        return Ask.REQUEST, capital(label if " " in label else f"{label} {small(inner)}")
    if label.lower() in PARTS_OF_SOFTWARE and len(rest) < _LONGEST_REST:  # "docs: section on networks"
        return Ask.PHRASE, f"{phrase_title(label, fallback)}: {rest}"
    if len(label.split()) <= 6 and not tells(label):
        ask, title = _read(label, fallback)
        brief = ask is Ask.PHRASE and len(rest) <= _BRIEF_REST and not tells(rest)
        return ask, f"{title}: {rest}" if brief else title
    return None


def _is_thing(subject: str) -> bool:
    """Tell whether a possible name of a person is a word for a thing, as in "Endpoints to create"."""
    low = subject.lower()
    return low in HEAD_VERBS or low.removesuffix("s") in HEAD_VERBS.keys() | COMPOUND_TAILS


def _is_part(label: str) -> bool:
    """Tell whether a label names a part of the work, such as "CI" or "Backend", rather than a person."""
    low = label.lower()
    known = COMMON_WORDS | COMPOUND_TAILS | HEAD_VERBS.keys() | PARTS_OF_SOFTWARE
    return len(label) <= 30 and (
        low in known or (label.isupper() and len(label) > 1) or " " in label or label != label.title()
    )


def _be(subject: str) -> str:
    return "are" if is_plural(subject) else "is"
