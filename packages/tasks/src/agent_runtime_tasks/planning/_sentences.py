"""Running text as sentences, or as lines if each line is an item of its own."""

import re
from collections.abc import Iterator

from ._imperatives import is_imperative

_LONGEST_CLAUSE = 400  # characters; a wall of text is cut into pieces of this length
_ENDS = re.compile(r"[.!?;\u2026\u3002\uff01\uff1f]++[\"')\]\u201d\u2019\u300d\u300f\uff09]*+")
# Most sentences end like this, without any doubt. The abbreviations below are shorter or left out.
_PLAIN_END = re.compile(
    r"(?<=[a-z]{4}[.!?])(?<!dept\.)(?<!prof\.)(?<!incl\.)(?<!excl\.)(?<!resp\.)(?<!rox\.) (?=[A-Z])"
)
_ENDS_BEFORE_ANYTHING = "\u3002\uff01\uff1f"

_ABBREVIATIONS = frozenset(
    """
    e.g i.e etc vs cf approx resp incl excl no nr fig dr prof mr mrs ms st jr inc ltd z.b d.h bzw ca usw u.a p.ex al max
    min sec dept
    """.split()  # noqa: SIM905 - a list of words reads as one
)

_LABEL_LINE = re.compile(
    r"^(?:step|phase|stage|task|day|week|part|milestone|req|fr|nfr|us|item|todo|action|schritt|tag"
    r"|woche)?\s?[-#]?\s?[0-9]{0,4}(?:\.[0-9]{1,3})*\s?[:.)\u2013\u2014-]\s",
    re.IGNORECASE,
)

_STARTS = re.compile(r"[A-Z@]")
LABEL = re.compile(r"([^\s:.!?][^:.!?]{0,49}):\s+(?=\S)")


def sentences(text: str) -> Iterator[str]:
    """Split running text at the ends of its sentences, and at the ends of lines that are items of their own."""
    for item in _line_items(text):
        for part in _PLAIN_END.split(" ".join(item.split())):
            start = 0
            for end in _ENDS.finditer(part, 0, len(part) - 1):
                if _ends_a_sentence(part, start, end):
                    yield from _pieces(part[start : end.end()])
                    start = end.end()
            yield from _pieces(part[start:])


def _line_items(text: str) -> Iterator[str]:
    """Yield the text, or its lines if they begin anew rather than continue a sentence."""
    lines = [line.strip() for line in text.split("\n")]
    if len(lines) == 1:
        yield text
        return
    if len(lines) > 1 and all(LABEL.match(line) for line in lines if line):
        yield from filter(None, lines)
        return
    if sum(map(bool, lines)) > 2 and all(_STARTS.match(line) for line in lines if line):
        yield from filter(None, lines)
        return
    fresh = sum(1 for line in lines if line and (_LABEL_LINE.match(line) or _begins_anew(line)))
    if fresh >= max(2, sum(map(bool, lines)) - fresh):
        pending = ""
        for line in lines:
            if _LABEL_LINE.match(line) or _begins_anew(line):
                if pending:
                    yield pending
                pending = line
            else:
                pending = f"{pending} {line}".strip()
        if pending:
            yield pending
        return
    yield text


def _begins_anew(line: str) -> bool:
    return line[:1].isupper() and (is_imperative(line) or (LABEL.match(line) is not None))


def _ends_a_sentence(text: str, start: int, end: re.Match[str]) -> bool:
    sign, following = text[end.start()], text[end.end() : end.end() + 1]
    if sign in _ENDS_BEFORE_ANYTHING:
        return True
    if following and not following.isspace():
        return False
    if sign == ";":
        return bool(following) and not text[end.start() - 1 : end.start()].isspace()
    if sign == ".":
        word = text[max(start, end.start() - 8) : end.start()].rpartition(" ")[2].strip("(").lower()
        number_of_an_item = word.isdigit() and not text[start : end.start() - len(word)].strip()
        return not (word in _ABBREVIATIONS or number_of_an_item or (len(word) == 1 and word.isalpha()))
    return True


def _pieces(text: str) -> Iterator[str]:
    text = text.strip()
    if text and len(text) <= _LONGEST_CLAUSE:
        yield text
        return
    while len(text) > _LONGEST_CLAUSE:
        cut = max(text.rfind(sign, _LONGEST_CLAUSE // 4, _LONGEST_CLAUSE) for sign in (", ", "\u3001", "\uff0c"))
        if cut <= 0:
            cut = text.rfind(" ", _LONGEST_CLAUSE // 4, _LONGEST_CLAUSE)
        cut = cut + 1 if cut > 0 else _LONGEST_CLAUSE
        yield text[:cut].strip()
        text = text[cut:].strip()
    if text:
        yield text
