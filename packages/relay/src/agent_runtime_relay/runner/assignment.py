"""An assignment: the value that a runner gives to an agent and to the checks of its output."""

from pathlib import Path

import attrs

from .._batons import Baton

TIME_LIMIT = 600.0  # seconds for a step, unless a crew says otherwise


@attrs.frozen(kw_only=True)
class Assignment:
    """The work on one baton.

    Attributes:
        baton: the baton to work on.
        prompt: the whole briefing.
        input: the whole output of the step before; empty at the first.
        time_limit: seconds that the work may take.
        folder: the folder for the files of input and result.
    """

    baton: Baton
    prompt: str
    input: str
    time_limit: float
    folder: Path

    @property
    def result_file(self) -> Path:
        """The file into which a program may write its result."""
        return self.folder / f"{self.baton.baton_id}.result.json"

    @property
    def input_file(self) -> Path:
        """The file in which a program finds the whole output of the step before."""
        return self.folder / f"{self.baton.baton_id}.input.txt"
