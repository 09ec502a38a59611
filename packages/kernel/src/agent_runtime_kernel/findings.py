"""Findings: the answers of an audit of a library's tables."""

import attrs


@attrs.frozen(kw_only=True)
class Finding:
    """A row that the rest of the tables contradicts.

    Attributes:
        what: what is wrong, in a few words.
        subject: what it is wrong with: a kind and an id.
        expected: what the rest of the tables says.
        found: what is stored.
        derived: whether it can be recomputed from the rest, which `rebuild` does.
    """

    what: str
    subject: str
    expected: str
    found: str
    derived: bool
