"""No distribution repeats another one: what two of them need stands in the kernel."""

from itertools import pairwise

from checkout import IMPORT_NAMES
from rooms import modules

MOST_LINES = 12


def code(path):
    """Return the lines of a module that are neither blank, nor comments, nor imports, with their numbers."""
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    stripped = [(number, line.strip()) for number, line in lines]
    return [(number, line) for number, line in stripped if line and not line.startswith(("#", "import ", "from "))]


def repeated_runs(length):
    """Return the places of equal runs of so many lines in two distributions."""
    seen = {}
    found = []
    for name, path in modules().items():
        lines = code(path)
        for start in range(len(lines) - length + 1):
            run = tuple(line for _, line in lines[start : start + length])
            place = (name.partition(".")[0], f"{name}:{lines[start][0]}")
            first = seen.setdefault(run, place)
            if first[0] != place[0]:
                found.append((first[1], place[1]))
    return found


def test_no_run_of_lines_stands_in_two_distributions():
    assert len({name.partition(".")[0] for name in modules()}) == len(IMPORT_NAMES)
    assert repeated_runs(MOST_LINES + 1) == []


def test_shorter_runs_are_found():
    lengths = [len(repeated_runs(length)) for length in (2, 4, 6)]
    assert all(longer < shorter for shorter, longer in pairwise(lengths)), "the search finds what there is"
