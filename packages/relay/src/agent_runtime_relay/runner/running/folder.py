"""The folder where agents find their input and leave their results. It keeps the results of a run that died."""

import os
import re
import stat
import tempfile
from pathlib import Path

import attrs

from ...errors import RelayError
from ..results.files import read_result_file, remove
from ..results.reading import read_file
from ..results.result import AgentFailed, AgentResult, as_file

_RESULT = ".result.json"
_BATON = re.compile(r"\d+\.\d+\.\d+\.[^.]+(?=\.)", re.ASCII)


class FolderUnusable(RelayError, OSError):
    """The folder for results can't be used."""

    code = "storage"

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} {problem}", "remove it, or name another folder")
        self.path = str(path)


@attrs.frozen
class Folder:
    """A private folder on disk. It stays when it is empty, because another runner may be about to write there."""

    path: Path

    def make(self) -> None:
        """Make it, for this user alone.

        Raises:
            FolderUnusable: it can't be made, or others can use it.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = self.path.lstat()
        except OSError as error:
            raise FolderUnusable(self.path, f"can't be made: {error}") from error
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise FolderUnusable(self.path, "is not a folder that you alone can use")

    def keep(self, baton_id: str, result: AgentResult) -> None:
        """Write a result whole or not at all, unless its author left a readable one."""
        if self.kept(baton_id) is not None:
            return
        self.make()
        path = self._result(baton_id)
        unfinished = path.with_suffix(".part")
        unfinished.write_text(as_file(result), encoding="utf-8")
        unfinished.replace(path)

    def kept(self, baton_id: str) -> AgentResult | None:
        """Return the result that is kept for a baton, or None if there is none or it is not complete."""
        try:
            text = read_result_file(self._result(baton_id))
            return None if text is None or not text.lstrip().startswith("{") else read_file(text)
        except AgentFailed:
            return None

    def forget(self, baton_id: str) -> None:
        """Remove the files of a baton."""
        for path in self.path.glob(f"{baton_id}.*"):
            remove(path)

    def batons(self, pipeline_id: int) -> list[str]:
        """Return the batons of a pipeline that have files, in their order."""
        found = {match[0] for file in self.path.glob(f"{pipeline_id}.*") if (match := _BATON.match(file.name))}
        return sorted(found, key=lambda baton_id: [int(part) for part in baton_id.split(".")[:3]])

    def _result(self, baton_id: str) -> Path:
        return self.path / f"{baton_id}{_RESULT}"


def default_folder() -> Path:
    """Return the folder of this user for runners that name no other."""
    return Path(tempfile.gettempdir()) / f"agent-runtime-{os.getuid()}"
