"""The English of the sources: imperative verbs, nouns, and "not" instead of "no"."""

import ast
import re
from functools import cache

from checkout import ROOT
from rooms import modules

MOST_HEADLESS = 0.03
HEADLESS = re.compile(r"(What|Whether|Who|Whose|Which|How|Why|Where|When|Of|That)\b")
NEGATED = re.compile(r"\b(is|are|was|were|be|been)\s+(no|none)\b(?!\s+(longer|more|later|fewer|less)\b)")
THERE = re.compile(
    r"\bthere('s)?\s+(is|are|was|were|be|can\s+be|must\s+be|has\s+been|have\s+been|may\s+be)?\s*$", re.IGNORECASE
)


@cache
def texts():
    """Return the place and the text of each docstring, comment and literal of the sources."""
    found = []
    for name, path in modules().items():
        source = path.read_text(encoding="utf-8")
        constants = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
        found += [(f"{name}:{node.lineno}", node.value) for node in constants if isinstance(node.value, str)]
        found += [(f"{name}:#{number}", line.partition("#")[2]) for number, line in enumerate(source.splitlines(), 1)]
    return found


def docstrings():
    for name, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                text = ast.get_docstring(node)
                if text:
                    yield f"{name}:{getattr(node, 'name', '')}", text


def test_docstrings_do_not_begin_without_a_head():
    all_of_them = list(docstrings())
    headless = [place for place, text in all_of_them if HEADLESS.match(text)]
    assert len(all_of_them) > 1000
    assert len(headless) <= MOST_HEADLESS * len(all_of_them), headless


def test_nothing_is_negated_by_no():
    negated = [
        (place, text[max(0, match.start() - 20) : match.end() + 20])
        for place, text in texts()
        for match in NEGATED.finditer(text)
        if not THERE.search(text[: match.start()] + match[1])
    ]
    assert negated == []


def test_the_test_tells_no_from_not():
    assert NEGATED.search("it is no list")
    assert not NEGATED.search("it is no longer open")
    assert not NEGATED.search("it is None")
    assert THERE.search("there is")
    assert HEADLESS.match("Whether it runs.")


def test_the_page_of_the_house_is_linked():
    for page in ("CONTRIBUTING.md", "README.md"):
        assert "docs/architecture.md" in (ROOT / page).read_text(encoding="utf-8")
