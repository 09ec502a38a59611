"""The plain words of a text with inline markup."""

import re
from functools import cache

import attrs
from markdown_it import MarkdownIt

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
_SHORT_CODE = re.compile(r"(?:^|(?<=\s)):[a-z0-9_+-]{2,30}:(?=\s|$)")


@attrs.frozen(slots=True)
class Plain:
    """A text without markup.

    Attributes:
        text: its words, on one line, without URLs, images and HTML.
        label: the words in bold that it begins with, or an empty text.
        struck: whether all of it is struck through.
        code: whether all of it is code.
    """

    text: str
    label: str = ""
    struck: bool = False
    code: bool = False


def plain(text: str) -> Plain:
    """Take the markup off a text."""
    text = text[:_LONGEST_READ]
    if not _MARKUP.search(text):
        return Plain(_tidy(text))
    words: list[str] = []
    struck_words: list[str] = []
    code_words: list[str] = []
    label: list[str] = []
    state = {"s": 0, "strong": 0, "label": 0}
    for token in _parser().parseInline(text)[0].children or ():
        kind = token.type
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
    kept = _tidy("".join(words))
    return Plain(
        kept,
        label=_tidy("".join(label)),
        struck=bool(struck_words) and not kept.strip(" .,;:-()"),
        code=bool(code_words) and _tidy("".join(code_words)) == kept,
    )


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
