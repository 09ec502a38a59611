"""The plain words of a text with inline markup."""

import re
from functools import cache

import attrs
from markdown_it import MarkdownIt

from ._words import DETERMINERS

_LONGEST_READ = 1000  # characters: a title takes far fewer
_MARKUP = re.compile(r"[*_`\[<!&\\~]|https?:|www\.")
_URL = re.compile(
    r"<?\b(?:https?|ftp)://[^\s<>]*[^\s<>.,;:!?)\]'\"]>?|\bwww\.[^\s<>]*[^\s<>.,;:!?)\]'\"]"
    r"|\bmailto:\S+"
)
_MENTION = re.compile(r"\((?:cc |by |owner:? )?@[\w-]{1,39}\)")
_SPACES = re.compile(r"\s+")
_EMOJI = re.compile(
    "[\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2900-\u297f\u2b00-\u2bff\ufe0e\ufe0f\u200d\U0001f000-\U0001faff\U000e0020-\U000e007f]+"
)
_ASIDE = re.compile(r"\([^()]*\)")
_SETTLED = re.compile(
    r"(?:(?:done|fixed|moved|merged|shipped|obsolete|cancell?ed|dropped|duplicate|see|superseded|no longer"
    r"|not needed)\b.{0,60})?",
    re.IGNORECASE,
)
_POINTS = re.compile(r"\s*(?:->|=>|[\u2190-\u21ff\u2794-\u27bf\u00bb(\[]|\b(?:see|cf\.?))$")
_PRIORITY = re.compile(
    r"p[0-4]|prio(?:rity)?:? ?\w+|high|medium|low|critical|urgent|blocker|blocked|wip|new|optional|must|[smlx]{1,3}"
    r"|[0-9.]{1,4} ?(?:h|d|sp|pts?|points?|days?|hours?)",
    re.IGNORECASE,
)
_SHORT_CODE = re.compile(r"(?:^|(?<=\s)):[a-z0-9_+-]{2,30}:(?=\s|$)")


@attrs.frozen(slots=True)
class Plain:
    """A text without markup.

    Attributes:
        text: its words, on one line, without URLs, images and HTML.
        label: the bold words at its beginning, or an empty text.
        struck: whether all of it is struck through.
        code: whether all of it is code.
    """

    text: str
    label: str = ""
    struck: bool = False
    code: bool = False


def plain(text: str) -> Plain:
    """Remove the markup of a text."""
    text = text[:_LONGEST_READ]
    if not _MARKUP.search(text):
        return Plain(_tidy(text))
    words: list[str] = []
    tail: tuple[str, int] | None = None  # the kind and the start of the markup that the text ends in so far
    struck_words: list[str] = []
    code_words: list[str] = []
    label: list[str] = []
    inside = False
    state = {"s": 0, "strong": 0, "label": 0}
    for token in _parser().parseInline(text)[0].children or ():
        kind = token.type
        if kind in ("link_open", "strong_open", "code_inline"):
            tail = (kind, len(words))
            inside = kind != "code_inline"
        elif kind in ("link_close", "strong_close"):
            inside = False
        elif kind == "text" and tail and not inside and token.content.strip(" .,)]"):
            tail = None
        if kind in ("s_open", "s_close"):
            state["s"] += token.nesting
        elif kind in ("strong_open", "strong_close"):
            if kind == "strong_open" and not "".join(words).strip():
                state["label"] = 1
            elif kind == "strong_close":
                state["label"] = 0
        elif kind in ("text", "code_inline", "softbreak", "hardbreak"):
            word = token.content if kind in ("text", "code_inline") else " "
            (struck_words if state["s"] else words).append(word)
            if kind == "code_inline":
                code_words.append(word)
            if state["label"]:
                label.append(word)
    kept = _tidy("".join(words if tail is None else _without_tail(words, *tail)))
    return Plain(
        kept,
        label=_tidy("".join(label)),
        struck=bool(struck_words)
        and _SETTLED.fullmatch(_ASIDE.sub("", kept).strip(" .,;:-()\u2013\u2014")) is not None,
        code=bool(code_words) and _tidy("".join(code_words)) == kept,
    )


def _without_tail(words: list[str], kind: str, start: int) -> list[str]:
    """Leave out a link after an arrow or a bracket, or a priority in bold or code, at the end of a text."""
    before, tail = "".join(words[:start]).rstrip(), "".join(words[start:])
    if kind == "link_open":
        pointer = _POINTS.search(before)
        return [before[: pointer.start()]] if pointer and pointer.start() else words
    named = before.split()[-1:]  # in "Set it to `high`", the word is not a priority
    stands_alone = before.count(" ") > 1 and named[0].lower() not in DETERMINERS
    return words[:start] if stands_alone and _PRIORITY.fullmatch(tail.strip(" .,()[]")) else words


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"maxNesting": 20}).enable("strikethrough")


def _tidy(text: str) -> str:
    if not text.isascii():
        text = _EMOJI.sub(" ", text)
    if "@" in text:
        text = _MENTION.sub(" ", text)
    if ":" in text or "www." in text:
        text = _SHORT_CODE.sub(" ", _URL.sub(" ", text))
    return _SPACES.sub(" ", text).strip()
