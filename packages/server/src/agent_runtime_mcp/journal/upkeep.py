"""The upkeep of the journal: find gaps in its numbers, and prune old rows.

`server_sequence` holds two numbers: the last one that was given, and the last one that was pruned. Rows exist exactly
for the numbers between them, so that a lost row differs from a pruned one.

Example: last 120, pruned 100, and rows 101 to 109 and 111 to 120. Row 110 is a gap.
"""

from collections.abc import Iterator

import attrs

from agent_runtime_kernel.connection import Connection

KEPT_DAYS = 30
_DAY = 24 * 3600 * 1000  # milliseconds
_AT_ONCE = 10_000  # rows of one transaction
_MOST_FINDINGS = 100


@attrs.frozen(kw_only=True)
class Extent:
    """The extent of the journal: the last number given, the last number pruned, and the number of rows."""

    last: int
    pruned: int
    rows: int


class JournalUpkeep:
    """The upkeep of the journal of one database.

    Args:
        connection: the open connection.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def extent(self) -> Extent:
        """Return the extent of the journal."""
        numbers: dict[str, int] = dict(self.connection.execute("SELECT name, value FROM server_sequence").fetchall())
        [(rows,)] = self.connection.execute("SELECT COUNT(*) FROM server_journal").fetchall()
        return Extent(last=numbers.get("journal", 0), pruned=numbers.get("pruned", 0), rows=rows)

    def gaps(self) -> Iterator[tuple[int, int]]:
        """Yield the first and the last number of each gap, at most a hundred gaps."""
        extent = self.extent()
        if extent.rows == extent.last - extent.pruned and self._within(extent):
            return
        for seq in self._numbers_after_a_gap(extent):
            [(ended,)] = self.connection.execute(
                "SELECT coalesce(max(seq), :pruned) FROM server_journal WHERE seq < :seq",
                {"seq": seq, "pruned": extent.pruned},
            ).fetchall()
            yield ended + 1, seq - 1
        [(newest,)] = self.connection.execute(
            "SELECT coalesce(max(seq), :pruned) FROM server_journal", {"pruned": extent.pruned}
        ).fetchall()
        if newest < extent.last:
            yield newest + 1, extent.last

    def beyond(self) -> list[int]:
        """Return numbers of rows that were never given, or were pruned; at most a hundred."""
        extent = self.extent()
        rows = self.connection.execute(
            f"""
            SELECT seq
            FROM server_journal
            WHERE seq <= :pruned OR seq > :last
            ORDER BY seq
            LIMIT {_MOST_FINDINGS}
            """,
            {"pruned": extent.pruned, "last": extent.last},
        ).fetchall()
        return [row[0] for row in rows]

    def prune(self, now: int) -> int:
        """Remove some of the rows older than 30 days in one transaction, and return their number.

        Removing ends at the first row that is younger, so that no gap arises where a clock was set back.

        Args:
            now: the time in milliseconds since 1970.
        """
        with self.connection:
            pruned = self.extent().pruned
            rows = self.connection.execute(
                f"""
                SELECT seq, at
                FROM server_journal
                WHERE seq > :pruned
                ORDER BY seq
                LIMIT {_AT_ONCE}
                """,
                {"pruned": pruned},
            ).fetchall()
            kept_from = now - KEPT_DAYS * _DAY
            old = 0
            while old < len(rows) and rows[old][1] < kept_from:
                old += 1
            if not old:
                return 0
            up_to = {"seq": rows[old - 1][0]}
            self.connection.execute("DELETE FROM server_journal WHERE seq <= :seq", up_to)
            self.connection.execute(
                """
                INSERT INTO server_sequence (name, value)
                VALUES ('pruned', :seq)
                ON CONFLICT (name) DO UPDATE SET value = excluded.value
                """,
                up_to,
            )
        return old

    def _within(self, extent: Extent) -> bool:
        [(first, last)] = self.connection.execute("SELECT min(seq), max(seq) FROM server_journal").fetchall()
        return not extent.rows or (first, last) == (extent.pruned + 1, extent.last)

    def _numbers_after_a_gap(self, extent: Extent) -> list[int]:
        rows = self.connection.execute(
            f"""
            SELECT seq
            FROM server_journal AS j
            WHERE seq > :first AND NOT EXISTS (SELECT 1 FROM server_journal AS b WHERE b.seq = j.seq - 1)
            ORDER BY seq
            LIMIT {_MOST_FINDINGS}
            """,
            {"first": extent.pruned + 1},
        ).fetchall()
        return [row[0] for row in rows]
