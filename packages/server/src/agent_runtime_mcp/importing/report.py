"""What an import took, what it changed on the way, and what it left."""

from enum import StrEnum
from typing import Any

import attrs


class Fate(StrEnum):
    """What became of something that could not be taken over as it stood."""

    MAPPED = "mapped"
    LEFT = "left"


@attrs.frozen(kw_only=True)
class Note:
    """One thing that was mapped to another, or left behind; ids are those of the earlier file."""

    fate: Fate
    subject: str
    what: str


@attrs.define
class Report:
    """What an import did.

    Attributes:
        taken: how many of each kind were taken over.
        ids: for each kind the new id of each earlier one.
        notes: what was mapped, and what was left.
    """

    taken: dict[str, int] = attrs.field(factory=lambda: {"goals": 0, "tasks": 0, "relays": 0, "breakers": 0})
    ids: dict[str, dict[Any, int]] = attrs.field(factory=lambda: {"goals": {}, "tasks": {}, "relays": {}})
    notes: list[Note] = attrs.field(factory=list)

    def took(self, kind: str, earlier_id: Any = None, new_id: int | None = None) -> None:
        """Note that something was taken over, and under which id."""
        self.taken[kind] += 1
        if new_id is not None:
            self.ids[kind][earlier_id] = new_id

    def mapped(self, subject: str, what: str) -> None:
        """Note that something was taken over as something else."""
        self.notes.append(Note(fate=Fate.MAPPED, subject=subject, what=what))

    def left(self, subject: str, what: str) -> None:
        """Note that something was not taken over."""
        self.notes.append(Note(fate=Fate.LEFT, subject=subject, what=what))

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values; of the ids only those that changed."""
        changed = {
            kind: [{"earlier": earlier, "now": now} for earlier, now in ids.items() if earlier != now]
            for kind, ids in self.ids.items()
        }
        return {
            "taken": self.taken,
            "changed_ids": changed,
            **{
                str(fate): [{"subject": note.subject, "what": note.what} for note in self.notes if note.fate is fate]
                for fate in Fate
            },
        }
