"""The audit: compare each task with its neighbours, and the counts and claims with the tasks.

A rebuild corrects one page after another, then the neighbours of what it corrected, until nothing changes: a corrected
value travels one step from task to task in each round.
"""

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from agent_runtime_kernel.connection import Connection
from agent_runtime_kernel.findings import Finding

from .._model import State
from .._records.claims import Claims
from .._records.rows import NODE_COLUMNS, Rows, node_of
from .._rules.rules import Node
from .recompute import DerivedColumns, StoredCounts

_AT_ONCE = 200
# Only a circle, in which a value could travel forever, needs more rounds than this.
_MAX_ROUNDS = 10_000


class Audit:
    """The audit of one database, a page at a time.

    Args:
        connection: the open connection.
        rows: the graph's rows.
        claims: the claims.
    """

    def __init__(self, connection: Connection, rows: Rows, claims: Claims) -> None:
        self.connection = connection
        self.rows = rows
        self.claims = claims

    def findings(self, now: int, checked: Callable[[int], Any]) -> Iterator[Finding]:
        """Yield what is wrong; `checked` gets the number of tasks of each page."""
        derived = DerivedColumns(self.rows, self.claims, now)
        for page in self._pages():
            claims = self.claims.find_all([node.task_id for node in page])
            for node, wanted in derived.recompute(page):
                for column in _differing(node, wanted):
                    yield Finding(
                        what=f"{column} of a task",
                        subject=f"task {node.task_id}",
                        expected=str(getattr(wanted, column)),
                        found=str(getattr(node, column)),
                        derived=True,
                    )
                if (node.state is State.IN_PROGRESS) != (node.task_id in claims):
                    claim = claims.get(node.task_id)
                    yield Finding(
                        what="claim without work in progress" if claim else "work in progress without a claim",
                        subject=f"task {node.task_id}",
                        expected="no claim" if claim else "a claim",
                        found=f"a claim of {claim.worker} on a task that is {node.state}" if claim else "none",
                        derived=False,
                    )
            checked(len(page))
        for wrong in StoredCounts(self.connection).wrong():
            yield Finding(
                what=f"count of {wrong.column} tasks",
                subject=f"goal {wrong.goal_id}" if wrong.goal_id else "all goals",
                expected=str(wrong.expected),
                found=str(wrong.found),
                derived=True,
            )

    def rebuild(self, now: int) -> int:
        """Correct what is derived and return how many rows were wrong; runs inside a transaction."""
        derived = DerivedColumns(self.rows, self.claims, now)
        changed: set[int] = set()
        wrong: set[int] = set()
        for page in self._pages():
            changed |= self._correct(derived, page, now)
        for _ in range(_MAX_ROUNDS):
            wrong |= changed
            if not changed:
                break
            neighbours, changed = derived.neighbours(changed), set()
            for start in range(0, len(neighbours), _AT_ONCE):
                changed |= self._correct(derived, self.rows.nodes(neighbours[start : start + _AT_ONCE]), now)
        return len(wrong) + StoredCounts(self.connection).rebuild()

    def _correct(self, derived: DerivedColumns, page: list[Node], now: int) -> set[int]:
        """Correct some tasks and return the ids of those that were wrong."""
        wrong = [(node, wanted) for node, wanted in derived.recompute(page, in_turn=True) if node != wanted]
        self.rows.write_states([wanted for _, wanted in wrong], now)
        return {node.task_id for node, _ in wrong}

    def _pages(self) -> Iterator[list[Node]]:
        last = 0
        while rows := self.connection.execute(
            f"""
            SELECT {NODE_COLUMNS}
            FROM tasks_tasks AS t
            WHERE t.id > CAST(:last AS BIGINT)
            ORDER BY t.id
            LIMIT {_AT_ONCE}
            """,
            {"last": last},
        ).fetchall():
            last = rows[-1][0]
            yield [node_of(row) for row in rows]


def _differing(node: Node, wanted: Node) -> list[str]:
    """Return the columns in which a task is not as it should be."""
    names = [field.name for field in attrs.fields(Node)]
    return [name for name in names if getattr(node, name) != getattr(wanted, name)]
