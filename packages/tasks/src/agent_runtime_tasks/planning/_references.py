"""References at the end of a title, which only point to other items, tickets, documents or people."""

import re

REFERENCE = re.compile(
    r"[(\[]?\b(?P<word>depends on|dependent on|blocked by|blocked on|requires|needs|after|once|not before"
    r"|waits for|following)\s+(?P<what>[^()\[\]]{1,120}?)[)\]]?$",
    re.IGNORECASE,
)
ONLY_NUMBERS = re.compile(
    r"(?:(?:steps?|tasks?|items?|nos?\.?|numbers?|points?|and|&|#|,|t-?|[0-9]{1,3}|\s)+)$", re.IGNORECASE
)
_NUMBER = r"(?:[A-Z][A-Z0-9]{1,9}(?:-[0-9]{1,6}){1,2}|(?:(?:issue|ticket|pr|gh|mr|rfc|bug)[ -]?)?[#!][0-9]{1,7})"
_NUMBERS = rf"{_NUMBER}(?:(?:,|,? and| &|/| \+)? ?{_NUMBER})*"
_RELATION = r"(?:(?:see|ref|refs|via|in|from|closes|fixes|part of|tracked (?:in|by|as)) )"
_SEE = (
    r"(?:please )?(?:see(?: also)?|cf\.?|compare|details (?:in|at)|as per|more (?:in|at)|docs?(?: at| in)?:?)"
    r"(?: (?!if\b|that\b|whether\b|how\b)[^()\[\].]{1,80})?"
)
_EFFORT = r"(?:p[0-4]|[0-9.]{1,4} ?(?:h|d|sp|pts?|points?|days?|hours?|weeks?)|xs|s|m|l|xl)"
_PRIORITY = r"(?:high|medium|low|critical|urgent|must|should|could|nice to have|optional)"
_PEOPLE = r"(?:(?:owner|assigned to|cc|by):? [^()\[\]]{1,30}|@[\w-]{1,39}(?:,? (?:and |& )?@[\w-]{1,39})*)"
# "(#814)", "- see the docs", "(closes #3, part of ABC-12)", "[P1]", "(2h)", "(@lee)".
_POINTER = re.compile(
    rf"(?:[(\[](?:{_RELATION}?{_NUMBERS}|{_SEE}|{_EFFORT}|{_PRIORITY}|{_PEOPLE})[)\]]"
    rf"|[,;:|\u2013\u2014\u2192-]\s*(?:{_RELATION}?{_NUMBERS}|{_SEE}|@[\w-]{{1,39}})|{_RELATION}{_NUMBERS})[.,;:]?$",
    re.IGNORECASE,
)
# "(no more lorem ipsum)", "(editors write a file and rename it)": remarks. A name in brackets is shorter.
_REMARK = re.compile(
    r" \((?:(?:no|not|e\.g|i\.e|currently|because|since|such as|see) ?[^()]*|(?:[^\s()]+ ){3,}[^\s()]+)\)$"
)
_SIGNS = re.compile(r"[#(\[@!]|[a-zA-Z]-[0-9]|see |docs?\b|cf\b|details|compare|more |per ", re.IGNORECASE)
_LONGEST_POINTER = 120
_SHORTEST = 4  # characters of a title: anything shorter does not say enough


def without_references(text: str) -> str:
    """Return a title without the references at its end."""
    text = text.rstrip()
    while _SIGNS.search(text):
        pointer = _POINTER.search(text, max(0, len(text) - _LONGEST_POINTER))
        if pointer is None or pointer.start() < _SHORTEST:
            break
        text = text[: pointer.start()].rstrip(" ,;:|(\u2013\u2014\u2192-")
    text = _REMARK.sub("", text)
    reference = REFERENCE.search(text.rstrip(". "))
    if reference is None or reference.start() < _SHORTEST:
        return text
    if reference[0][0] in "([" or ONLY_NUMBERS.match(reference["what"]):
        return text[: reference.start()].rstrip(" ,;(\u2013\u2014-")
    return text
