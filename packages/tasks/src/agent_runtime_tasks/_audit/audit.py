"""Holding the tables against each other: each task against its neighbours, the counts and claims against the tasks."""

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from agent_runtime_kernel.connection import Connection
from agent_runtime_kernel.findings import Finding

from .._model import State
from .._records.claims import Claims
from .._records.rows import NODE_COLUMNS, Rows, node_of
from .._rules.rules import Node
from .reckoning import Reckoning
from .recounting import Recounting

_AT_ONCE = 200
# Values travel from task to task, at each round one step further. More steps than this has only a circle, in which they
# could travel for ever.
_MOST_ROUNDS = 10_000


@attrs.frozen(eq=False, repr=False)
class Audit:
    """Looks through the tasks of one database, a page at a time.

    Args:
        connection: the open connection.
        rows: the graph's rows.
        claims: the claims.
    """

    connection: Connection
    rows: Rows
    claims: Claims

    def findings(self, now: int, checked: Callable[[int], Any]) -> Iterator[Finding]:
        """Yield what is wrong; `checked` is told how many tasks each page had."""
        reckoning = Reckoning(self.rows, self.claims, now)
        for page in self._pages():
            claims = self.claims.find_all([node.task_id for node in page])
            for node, wanted in reckoning.reckon(page):
                for column in differing(node, wanted):
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
        for wrong in Recounting(self.connection).wrong():
            yield Finding(
                what=f"count of {wrong.column} tasks",
                subject=f"goal {wrong.goal_id}" if wrong.goal_id else "all goals",
                expected=str(wrong.expected),
                found=str(wrong.found),
                derived=True,
            )

    def rebuild(self, now: int) -> int:
        """Write anew what is derived and return how many rows were wrong; runs inside a transaction."""
        reckoning = Reckoning(self.rows, self.claims, now)
        changed: set[int] = set()
        wrong: set[int] = set()
        for page in self._pages():
            changed |= self._mend(reckoning, page, now)
        for _ in range(_MOST_ROUNDS):
            wrong |= changed
            if not changed:
                break
            neighbours, changed = reckoning.neighbours(changed), set()
            for start in range(0, len(neighbours), _AT_ONCE):
                changed |= self._mend(reckoning, self.rows.nodes(neighbours[start : start + _AT_ONCE]), now)
        return len(wrong) + Recounting(self.connection).rebuild()

    def _mend(self, reckoning: Reckoning, page: list[Node], now: int) -> set[int]:
        """Write what is wrong with some tasks and return the ids of those."""
        wrong = [(node, wanted) for node, wanted in reckoning.reckon(page, in_turn=True) if node != wanted]
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


def differing(node: Node, wanted: Node) -> list[str]:
    """Name the columns in which a task is not as it should be."""
    names = [field.name for field in attrs.fields(Node)]
    return [name for name in names if getattr(node, name) != getattr(wanted, name)]
