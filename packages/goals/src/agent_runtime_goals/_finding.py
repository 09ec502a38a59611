"""What an audit reports.

The same text stands in each of the four libraries: they share habits and no code. A test holds the copies equal.
"""

import attrs


@attrs.frozen(kw_only=True)
class Finding:
    """Something in the tables that the rest of them contradicts.

    Attributes:
        what: what is wrong, in a few words.
        subject: what it is wrong with: a kind and an id.
        expected: what the rest of the tables says.
        found: what is there.
        derived: whether it follows from the rest, so that `rebuild` puts it right.
    """

    what: str
    subject: str
    expected: str
    found: str
    derived: bool
