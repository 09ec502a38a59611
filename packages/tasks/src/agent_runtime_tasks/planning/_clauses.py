"""The steps that one English sentence asks for, and the order that its words state."""

import re
from collections.abc import Sequence

import attrs

from ._drafts import Draft, fit_title
from ._forms import GETS, SOMEBODY_DOES
from ._imperatives import capital, first_word, is_imperative, phrase_title, small
from ._openers import Order, speaks_of_all_before, take_opener
from ._requests import Ask, is_story, read_request
from ._sections import NOT_WORK, Role, read_heading
from ._sentences import LABEL
from ._words import ARTICLES, BASE_OF_GERUND, BASE_OF_THIRD_PERSON, ENGLISH, NOUN_VERBS, VERBS

_LEADING = re.compile(
    r"(?:(?:an?|[a-z]{3,5}|[0-9]+) (?:minutes?|hours?|days?|weeks?|months?) (?=before|after))?"
    r"(?P<word>before|prior to|after|following|once|when|as soon as|whenever|until|if|unless|while|since"
    r"|because|as|in order to|to|for|with|given|by|during|in case|on|at|in|from|instead of|depending on|based "
    r"on|rather than|independently of|apart from|besides|regardless of|along with|together with|separately from"
    r"|in addition to) (?P<clause>[^,]{2,160}), (?:then |please |also |we (?:need to|must|should|have to) "
    r")*(?P<rest>.+)",
    re.IGNORECASE,
)

# "After that is known, we pick one": after these words, "we pick" is a step. Elsewhere it tells a habit.
_AFTER = frozenset(["after", "once", "based on", "following", "as soon as", "with", "from"])

_TRAILING = re.compile(
    r"(?P<main>.{4,}?),? (?P<word>before|prior to|after|once|as soon as) (?P<clause>[^,]{3,160})$", re.IGNORECASE
)

_SPLIT = re.compile(
    r"(?:,? and then |, then |,? then |; (?:and |then )?|, and |, but | and |, or |, | & )", re.IGNORECASE
)

# "Write a tutorial for beginners, and a reference": the verb applies to both new things.
_ANOTHER = re.compile(r"(?P<first>(?P<verb>\w+) an? .{3,}?), and (?P<second>an? .{3,})", re.IGNORECASE)

_ENUMERATION = re.compile(r",? (?:and|plus) |, |; ")

_COMES = re.compile(
    r"(?:then|next|after that|afterwards|finally|last)(?: comes?| follows?| is| are|:) (?P<what>(?:the|a|an"
    r"|some|our|my) [^,.;]{3,80})[.]?$",
    re.IGNORECASE,
)

_TWO_SENTENCES = re.compile(
    r", and (?=(?:the|a|an|we|it|all|each|every|our|users?|someone) "
    r"|[A-Z][a-z]+ (?:should|must|will|shall|needs to|has to|is to) )"
    r"|,? and (?=(?:the|a|an|all|each|every|our) [^,;:]{2,60}? (?:should|must|shall|needs? to|ha(?:s|ve) to) )"
)

_PRONOUN = re.compile(r"\w+ (?:it|this|that|them|so)\b(?! \w+ \w+ \w+)", re.IGNORECASE)

# "It loads all rows at once, so we should add paging": a statement leads to a request.
_CONSEQUENCE = re.compile(r"(?:[,;]? (?:so|therefore|hence|thus|which is why)|[;:]| [\u2013\u2014-]),? (?=\S+ \S)")

_ASKED_OF_US = re.compile(
    r"\b(?:we|you|I) (?:(?:also|still|just|really|only|now) )?(?:have to|need to|must|should|want to)\b", re.IGNORECASE
)

_DATE = re.compile(
    r"(?:[\s\d.,:/-]|(?:st|nd|rd|th|am|pm|h|utc|on|at|of|the|(?:mon|tues|wednes|thurs|fri|satur|sun)day|jan(?:uary)?"
    r"|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?"
    r"|dec(?:ember)?|(?:mon|tue|wed|thu|fri|sat|sun))\b)+",
    re.IGNORECASE,
)

_SPAN = re.compile(
    r"(?:(?:about|at least|another|more than) )?(?:an?|the next|[a-z]{3,6}|[0-9]+) (?:more )?"
    r"(?:seconds?|minutes?|hours?|days?|weeks?|months?|quarters?|years?)\b",
    re.IGNORECASE,
)

_CONTACT = re.compile(
    r"(?:[\w ]+\? )?(?:please )?(?:ask|contact|e-?mail|mail|write to|ping|reach out to|call) [^\s@]*@\S+", re.IGNORECASE
)

_POLITE = re.compile(
    r"(?:@[\w-]+:? )?(?:[\w-]+, |(?:also|and|so|but|by the way),? )*(?:please|could|can|would|will|maybe|and)\b", re.I
)

_THEN = re.compile(r"\bthen\b", re.IGNORECASE)

_DO_IT = re.compile(r"do (?:it|that|this|so|them)\b", re.IGNORECASE)

_STATES = frozenset(["was", "is", "has", "does", "wants", "needs", "fails", "waits", "sees", "knows", "thinks", "says"])
_AND_DOES = re.compile(r"(, | and | then )([a-z]+)(?= (?:the|an?|it|them|all|our|to)\b)")

_CONDITION = re.compile(
    r"(?:possible|needed|necessary|you (?:can|want|like)|time|we have time|there is time|in doubt|applicable"
    r"|desired|required)\b",
    re.IGNORECASE,
)

_RARELY_NOUNS = frozenset(
    ["update", "upgrade", "test", "document", "deploy", "review", "check", "fix", "show", "replace", "move", "drop"]
)


@attrs.define
class Step:
    draft: Draft
    order: Order
    clause: str = ""  # the clause that it comes before or after
    said: str = ""  # "before" or "after"
    relation: str = ""
    before: Sequence["Step"] = ()  # the steps of the sentence before, if those are ordered


def is_polite(question: str) -> bool:
    """Tell whether a question asks for an action: "Could you call the bank?"."""
    return _POLITE.match(question) is not None


def tells_a_date(text: str) -> bool:
    """Tell whether a text only gives a date, such as "Next meeting: 19 May, 10:00"."""
    label = LABEL.match(text)
    return label is not None and _DATE.fullmatch(text, label.end()) is not None


def read_steps(sentence: str, text: str, fallback: str, agreed: bool = False) -> list[Step]:
    """Read the steps that a sentence asks for.

    Args:
        sentence: the sentence as it is written.
        text: the same without markup.
        fallback: the verb for a thing that does not say what to do with it.
        agreed: whether the sentence is part of an agreement, where a statement about somebody is a request as well.
    """
    label = LABEL.match(text)
    if label and read_heading(label[1]).role in (*NOT_WORK, Role.TALK, Role.CRITERIA, Role.BEFORE):
        return []
    if tells_a_date(text) or _CONTACT.fullmatch(text):
        return []
    if text.endswith("?") and not _POLITE.match(text):
        return []
    if label and read_heading(label[1]).role is Role.WORK:
        named = text[label.end() :].rstrip(". ")
        if read_request(named, fallback).ask is Ask.PHRASE:
            parts = [part for part in _ENUMERATION.split(named) if part.strip()]
            return [
                Step(Draft(fit_title(phrase_title(part, fallback)), notes=[sentence]), Order.NONE) for part in parts
            ]
    if is_story(text):
        story = Step(Draft(fit_title(read_request(text, fallback).title), notes=[sentence]), Order.NONE)
        story.draft.placed = True
        return [story]
    if (comes := _COMES.match(text)) and read_request(comes["what"]).ask is Ask.PHRASE:
        return [Step(Draft(fit_title(phrase_title(comes["what"].rstrip("."), "do")), notes=[sentence]), Order.THEN)]
    order, rest = take_opener(text)
    if order is Order.FIRST and (base := BASE_OF_GERUND.get(first_word(rest))):  # "We start by measuring"
        return _halves(f"{base} {rest.partition(' ')[2]}".rstrip(". "), order, sentence)
    found = _clauses(rest, fallback, sentence)
    if not found and (agreed or order in (Order.FIRST, Order.THEN, Order.LAST)):
        found = _done_by_somebody(LABEL.sub("", rest, count=1) if agreed else rest, sentence)
    if found and order is not Order.NONE and found[0].order is Order.NONE:
        found[0].order = order
    return found


def _done_by_somebody(text: str, sentence: str) -> list[Step]:
    """Read a statement about somebody as a step: "Then Mel writes the texts"."""
    if gets := GETS.match(text):
        return _halves(f"Give {small(gets['what'])} {gets['thing']}".rstrip(". "), Order.NONE, sentence)
    does = SOMEBODY_DOES.match(text)
    if does is None or does["verb"] in _STATES:
        return []
    verb = BASE_OF_THIRD_PERSON.get(does["verb"])
    if verb is None and first_word(does["rest"]) in ARTICLES and does["verb"].endswith("s"):
        verb = does["verb"][:-1]
    if verb is None:
        return []
    rest = _AND_DOES.sub(lambda other: other[1] + BASE_OF_THIRD_PERSON.get(other[2], other[2]), does["rest"])
    return _halves(f"{verb} {rest}".rstrip(". "), Order.NONE, sentence)


def _clauses(text: str, fallback: str, sentence: str) -> list[Step]:
    leading = _LEADING.match(text)
    if leading and not is_imperative(text) and not is_story(text) and not _ASKED_OF_US.search(leading["clause"]):
        rest = leading["rest"]
        if leading["word"].lower() in _AFTER and rest.lower().startswith("we ") and is_imperative(rest[3:]):
            rest = rest[3:]
        found = _clauses(rest, fallback, sentence)
        return _related(found, leading["word"].lower(), leading["clause"], sentence)
    trailing = _TRAILING.match(text.rstrip(".!? "))
    if trailing and read_request(trailing["main"], fallback).ask is Ask.REQUEST:
        word = trailing["word"].lower()
        gerund = first_word(trailing["clause"]) in BASE_OF_GERUND
        main = trailing["main"] if gerund or speaks_of_all_before(trailing["clause"]) else text
        found = _halves(read_request(main, fallback).title, Order.NONE, sentence)
        return _related(found, word, trailing["clause"], sentence, trailing=True)
    joint = _TWO_SENTENCES.search(text)
    if joint and read_request(text[joint.end() :], fallback).ask is Ask.REQUEST:
        return [
            *_clauses(text[: joint.start()], fallback, sentence),
            *_clauses(text[joint.end() :], fallback, sentence),
        ]
    reading = read_request(text, fallback)
    if reading.ask is Ask.REQUEST:
        return _halves(reading.title, reading.order, sentence)
    if reading.ask is Ask.PHRASE and text.endswith(".") and first_word(text) in VERBS and text.count(" ") > 2:
        return _halves(capital(text.rstrip(". ")), reading.order, sentence)  # a sentence has a verb: the first word
    if reading.ask is Ask.TALK and (consequence := _CONSEQUENCE.search(text)):
        order, rest = take_opener(text[consequence.end() :])
        if read_request(rest, fallback).ask is Ask.REQUEST and not _PRONOUN.match(rest):
            found = _clauses(rest, fallback, sentence)
            if found and found[0].order is Order.NONE:
                found[0].order = order
            return found
    return []


def _related(found: list[Step], word: str, clause: str, sentence: str, trailing: bool = False) -> list[Step]:
    """Apply the order that a clause such as "before switching it off" or "once it is ready" states."""
    if not found or word not in ("before", "prior to", "after", "following", "once", "as soon as", "when", "if"):
        return found
    if _SPAN.match(clause):  # "after two weeks" does not name a task
        return found
    earlier = word in ("before", "prior to")
    gerund = BASE_OF_GERUND.get(first_word(clause))
    if word == "if":
        if found[0].order is Order.NONE and not _CONDITION.match(clause):
            found[0].order = Order.THEN
        return found
    if gerund and len(clause.split()) > 1:
        other = Step(
            Draft(fit_title(capital(f"{gerund} {clause.split(' ', 1)[1]}")), notes=[sentence]),
            Order.NONE,
            clause,
            relation="self",
        )
        if earlier:
            for step in found:
                other.draft.wait_for(step.draft)
            return [*found, other]
        for step in found:
            step.draft.wait_for(other.draft)
        return [other, *found]
    if not earlier and speaks_of_all_before(clause):
        for step in found:
            step.order = Order.LAST
        return found
    for step in found:
        step.clause, step.said = clause, "before" if earlier else "after"
    if not earlier and not trailing and word != "when" and found[0].order is Order.NONE:
        found[0].order = Order.THEN
    return found


def _halves(title: str, order: Order, sentence: str) -> list[Step]:
    """Split "do X and do Y" if both halves are work."""
    parts: list[tuple[str, bool]] = []
    start, then = 0, False
    for joint in _SPLIT.finditer(title):
        left, right = title[start : joint.start()], title[joint.end() :]
        _, right = take_opener(right)
        if len(left.split()) > 1 and _is_work(right) and left.count("(") == left.count(")"):
            parts.append((left, then))
            start, then = len(title) - len(right), _THEN.search(joint[0]) is not None
    another = _ANOTHER.fullmatch(title, start)
    if another and another["verb"].lower() in VERBS and read_request(another["second"]).ask is Ask.PHRASE:
        parts += [(another["first"], then), (f"{another['verb'].lower()} {another['second']}", False)]
    else:
        parts.append((title[start:], then))
    return [
        Step(
            Draft(fit_title(capital(part)), notes=[sentence]),
            Order.THEN if after else (order if place == 0 else Order.NONE),
            relation="" if place == 0 else "half",
        )
        for place, (part, after) in enumerate(parts)
    ]


def _is_work(text: str) -> bool:
    """Tell whether the second half of a sentence is an order of its own: a verb with an object."""
    words = text.split(maxsplit=2)
    if len(words) < 2 or not is_imperative(text) or _DO_IT.match(text):
        return False
    verb = words[0].lower()
    return (
        verb not in (NOUN_VERBS | {"build"})
        or verb in _RARELY_NOUNS
        or len(words) > 2
        or words[1].lower().strip(",.") in ENGLISH
    )
