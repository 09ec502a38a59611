"""The report of an import: what it took over, changed, and left out."""

from enum import StrEnum
from typing import Any

import attrs


class Fate(StrEnum):
    """The fate of a thing that could not be taken over unchanged."""

    MAPPED = "mapped"
    LEFT = "left"


@attrs.frozen(kw_only=True)
class Note:
    """One thing that was changed or left out; ids are those of the earlier file."""

    fate: Fate
    subject: str
    what: str


@attrs.define
class Report:
    """The report of one import.

    Attributes:
        taken: the number of things of each kind that were taken over.
        ids: for each kind the new id of each earlier id.
        notes: the things that were changed or left out.
    """

    taken: dict[str, int] = attrs.field(factory=lambda: {"goals": 0, "tasks": 0, "relays": 0, "breakers": 0})
    ids: dict[str, dict[Any, int]] = attrs.field(factory=lambda: {"goals": {}, "tasks": {}, "relays": {}})
    notes: list[Note] = attrs.field(factory=list)

    def took(self, kind: str, earlier_id: Any = None, new_id: int | None = None) -> None:
        """Record that a thing was taken over, with its new id if it has one."""
        self.taken[kind] += 1
        if new_id is not None:
            self.ids[kind][earlier_id] = new_id

    def mapped(self, subject: str, what: str) -> None:
        """Record that a thing was taken over with a change."""
        self.notes.append(Note(fate=Fate.MAPPED, subject=subject, what=what))

    def left(self, subject: str, what: str) -> None:
        """Record that a thing was left out."""
        self.notes.append(Note(fate=Fate.LEFT, subject=subject, what=what))

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values, with only those ids that changed."""
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
