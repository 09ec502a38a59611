"""The audit of the tables: each breaker is compared with its history, and its derived columns with both."""

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from agent_runtime_kernel.connection import Connection
from agent_runtime_kernel.findings import Finding

from .._rules.position import BEGINNING, BreakerState, Position, Transition, half_opens_at, replay
from .._rules.standing import Window
from .history import Transitions
from .rows import BreakerRow, Rows, stored_state

_AT_ONCE = 500


@attrs.frozen(kw_only=True)
class Audited:
    """A breaker, its derived columns, and the position that follows from its history.

    Attributes:
        row: the breaker.
        shown_state: its stored derived column.
        half_opens_at: its stored derived column.
        position: the position after its history; None if the history contradicts itself.
        transitions: the number of transitions in its history.
    """

    row: BreakerRow
    shown_state: str
    half_opens_at: int | None
    position: Position | None
    transitions: int

    def findings(self) -> Iterator[Finding]:
        """Yield its findings."""
        if self.position is None:
            yield self._finding("history of a breaker", "one that leads from state to state", "one that does not")
            return
        for field in attrs.fields(Position):
            expected, found = getattr(self.position, field.name), getattr(self.row.position, field.name)
            if expected != found:
                yield self._finding(f"{field.name} of a breaker", expected, found, derived=True)
        if self.transitions != self.row.counted.transitions:
            yield self._finding(
                "transitions of a breaker", self.transitions, self.row.counted.transitions, derived=True
            )
        shown = stored_state(self.row.settings, self.position)
        if shown != self.shown_state:
            yield self._finding("shown_state of a breaker", shown, self.shown_state, derived=True)
        half_opens = half_opens_at(self.row.settings, self.position)
        if half_opens != self.half_opens_at:
            yield self._finding("half_opens_at of a breaker", half_opens, self.half_opens_at, derived=True)

    def _finding(self, what: str, expected: object, found: object, *, derived: bool = False) -> Finding:
        return Finding(
            what=what,
            subject=f"agent {self.row.agent_id}",
            expected=str(expected),
            found=str(found),
            derived=derived,
        )


class Audit:
    """The audit of the breakers of one database, a page at a time.

    Args:
        connection: the open connection.
        rows: the rows of the breakers.
        transitions: their transitions.
    """

    def __init__(self, connection: Connection, rows: Rows, transitions: Transitions) -> None:
        self.connection = connection
        self.rows = rows
        self.transitions = transitions

    def findings(self, checked: Callable[[int], Any]) -> Iterator[Finding]:
        """Yield all findings; `checked` gets the number of breakers of each page."""
        for page in self._pages():
            for audited in page:
                yield from audited.findings()
            checked(len(page))

    def rebuild(self) -> int:
        """Recompute the derived columns and return the number of wrong rows; runs inside a transaction."""
        written = 0
        for page in self._pages():
            for audited in page:
                if audited.position is not None and any(audited.findings()):
                    self._write(audited.row, audited.position, audited.transitions)
                    written += 1
        return written

    def _write(self, row: BreakerRow, position: Position, transitions: int) -> None:
        probes = position.state is BreakerState.HALF_OPEN  # otherwise no probes count
        corrected = attrs.evolve(
            row,
            position=position,
            probe_successes=row.probe_successes if probes else 0,
            probes_lost=row.probes_lost if probes else 0,
            counted=attrs.evolve(row.counted, transitions=transitions),
        )
        self.rows.update(row.agent_id, corrected.standing(Window(), ()), corrected.counted)

    def _pages(self) -> Iterator[list[Audited]]:
        last = ""
        while rows := self.rows.page(last, _AT_ONCE):
            last = rows[-1].agent_id
            shown = {agent_id: (state, half_opens) for agent_id, state, half_opens in self._shown(rows)}
            yield [self._audited(row, *shown[row.agent_id]) for row in rows]

    def _shown(self, rows: list[BreakerRow]) -> list[tuple[Any, ...]]:
        return self.connection.execute(
            """
            SELECT agent_id, shown_state, half_opens_at
            FROM breakers_breakers
            WHERE agent_id >= :first AND agent_id <= :last
            ORDER BY agent_id
            """,
            {"first": rows[0].agent_id, "last": rows[-1].agent_id},
        ).fetchall()

    def _audited(self, row: BreakerRow, shown: str, half_opens: int | None) -> Audited:
        position: Position | None = BEGINNING
        number = 0
        while position is not None and (page := self.transitions.page(row.agent_id, number, _AT_ONCE)):
            position = _replayed(page, position, number)
            number = page[-1].number
        return Audited(row=row, shown_state=shown, half_opens_at=half_opens, position=position, transitions=number)


def _replayed(page: list[Transition], start: Position, number: int) -> Position | None:
    if [transition.number for transition in page] != list(range(number + 1, number + 1 + len(page))):
        return None
    try:
        return replay(page, start)
    except ValueError:
        return None
