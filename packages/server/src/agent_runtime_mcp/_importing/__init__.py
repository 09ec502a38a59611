"""Taking over the files of earlier agent-runtime servers."""

from ._reading import EarlierFile, read_earlier_file
from ._report import Report
from ._taking import take_over

__all__ = ["EarlierFile", "Report", "read_earlier_file", "take_over"]
