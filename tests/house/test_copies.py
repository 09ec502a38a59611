"""The libraries share no code by importing each other; what they share in text is held equal here."""

import pytest
from checkout import LIBRARIES, SOURCES

COPIES = {"_storage.py": (*LIBRARIES, "server"), "_values.py": LIBRARIES, "_finding.py": LIBRARIES}


@pytest.mark.parametrize("name", COPIES)
def test_copies_have_the_same_text(name):
    assert all((SOURCES[part] / name).is_file() for part in COPIES[name])
    copies = {part: source / name for part, source in SOURCES.items() if (source / name).exists()}
    texts = {part: path.read_text(encoding="utf-8") for part, path in copies.items()}
    assert [part for part in texts if texts[part] != texts["goals"]] == []
