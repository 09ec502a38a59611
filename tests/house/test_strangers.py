"""Nothing in the repository belongs to the machine it was written on."""

import re
import sys
from pathlib import Path

from checkout import ROOT, files_of_the_checkout

HOMES = re.compile(r"(?<![\w.~$}])/(?:root|home/\w+|Users/\w+)/")
HOSTS = re.compile(r"\b(?:files\.pythonhosted|registry\.(?:npmjs|yarnpkg)|registry\.npmmirror)\.\w+")


def texts():
    for path in files_of_the_checkout():
        try:
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # no text


def test_no_text_names_this_machine():
    here = [path for path in (ROOT, Path(sys.prefix), Path.home()) if len(path.parts) > 2]
    assert [(name, path) for name, text in texts() for path in here if re.search(rf"{path}\b", text)] == []


def test_no_text_names_a_home_directory_or_the_host_of_a_registry():
    found = [
        (name, match[0])
        for name, text in texts()
        if name != "tests/house/test_strangers.py"
        for pattern in (HOMES, HOSTS)
        for match in pattern.finditer(text)
    ]
    assert found == []
