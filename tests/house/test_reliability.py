"""docs/reliability.md names tests that there are."""

import re

import pytest
from checkout import ROOT

PAGE = ROOT / "docs" / "reliability.md"
NAMED = re.compile(r"`((?:\w+/)+test_\w+\.py)(?:::(test_\w+))?`")


def named_tests():
    found = sorted({match.groups() for match in NAMED.finditer(PAGE.read_text(encoding="utf-8"))}, key=str)
    assert len(found) > 20
    return found


@pytest.mark.parametrize(("file", "name"), named_tests())
def test_a_named_test_exists(file, name):
    text = (ROOT / "tests" / file).read_text(encoding="utf-8")
    assert re.search(rf"^(async )?def {name or 'test_'}", text, re.MULTILINE) or "TestCase" in text


def test_every_promise_names_a_test():
    promises = PAGE.read_text(encoding="utf-8").partition("## What is promised\n")[2].partition("\n## ")[0]
    rows = [line for line in promises.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 10
    assert [row for row in rows if not NAMED.search(row)] == []
