"""Whether a database is sound: the file, its tables, and what the libraries derive in them."""

import itertools
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import attrs

from ..database.database import Database
from ..database.sqlite.failures import what_broke
from ..database.sqlite.files import side_files
from ..database.sqlite.integrity import Integrity, is_about_indexes
from ..errors import StorageFailure
from ..journal.upkeep import JournalUpkeep
from ..runtime.libraries import Libraries

MOST_FINDINGS = 1000
_OTHERS = stat.S_IRWXG | stat.S_IRWXO

_LIBRARIES = ("goals", "tasks", "relays", "breakers")
_MISLEADS = frozenset({"damage", "index", "missing table"})

Watch = Callable[[str, int], None]


@attrs.frozen(kw_only=True)
class Fault:
    """Something that is not as it should be.

    Attributes:
        check: what looked: file, sqlite, journal, or one of the libraries.
        what: what is wrong, in a few words.
        subject: what it is wrong with.
        expected: what should be there.
        found: what is there.
        derived: whether it follows from the rest, so that it can be put right.
    """

    check: str
    what: str
    subject: str
    expected: str
    found: str
    derived: bool = False


@attrs.frozen(kw_only=True)
class Diagnosis:
    """What a look at a database found.

    Attributes:
        faults: the first thousand.
        fault_count: how many there are in all.
        skipped: the checks that were left out, as damage would make them guess.
        counts: how many rows each library looked at.
    """

    faults: tuple[Fault, ...]
    fault_count: int
    skipped: tuple[str, ...]
    checked: dict[str, int]


@attrs.frozen
class Doctor:
    """Looks after one database.

    Args:
        database: the database.
        watch: told which check is running, and how many rows it has looked at so far.
    """

    database: Database[Libraries]
    watch: Watch = attrs.field(default=lambda _check, _count: None, kw_only=True)

    def examine(self) -> Diagnosis:
        """Look at everything; nothing is written.

        Raises:
            Busy, StorageFailure: the file can't be opened or read, for another reason than damage.
        """
        faults = self._file_faults()
        self.watch("sqlite", 0)
        damaged = self._damage()
        faults += damaged
        checks: dict[str, Callable[[Libraries], Any]] = {name: partial(self._audit, name) for name in _LIBRARIES}
        checks["journal"] = self._journal_faults
        if any(fault.what in _MISLEADS for fault in damaged):
            return Diagnosis(faults=tuple(faults), fault_count=len(faults), skipped=tuple(checks), checked={})
        count, checked = len(faults), {}
        for name, check in checks.items():
            some, more, rows = self._read(check)
            faults += some[: max(0, MOST_FINDINGS - len(faults))]
            count += len(some) + more
            checked[name] = rows
        return Diagnosis(faults=tuple(faults), fault_count=count, skipped=(), checked=checked)

    def fix(self, diagnosis: Diagnosis) -> None:
        """Make anew what is derived: indexes, and what the libraries derive; nothing else is written.

        Args:
            diagnosis: what was found; a library in which nothing derived is wrong is left alone.

        Raises:
            Busy, StorageFailure: nothing, or only the indexes, was written.
        """
        if any(fault.check == "sqlite" and fault.derived for fault in diagnosis.faults):
            self.database.run_blocking(lambda libraries: self._integrity(libraries).rebuild_indexes(), writes=True)
            diagnosis = self.examine()
        derived = {fault.check for fault in diagnosis.faults if fault.derived}
        if not diagnosis.skipped:
            self.database.run_blocking(partial(self._rebuild, derived), writes=True)

    def prune(self, now: int) -> int:
        """Remove journal rows older than 30 days and return how many; in short transactions.

        Args:
            now: the time in milliseconds since 1970.
        """
        removed = 0
        while some := self.database.run_blocking(
            lambda libraries: JournalUpkeep(libraries.connection).prune(now), writes=True
        ):
            removed += some
            self.watch("pruning the journal", removed)
        return removed

    def facts(self) -> dict[str, Any]:
        """Return what there is to know of the file beside its faults."""
        path = self.database.path
        extent, versions = self._read(self._extent_and_versions)
        wal, _ = side_files(path)
        return {
            "path": str(path),
            "size_bytes": path.stat().st_size,
            "wal_bytes": wal.stat().st_size if wal.exists() else 0,
            "mode": f"{stat.S_IMODE(path.stat().st_mode):04o}",
            "sqlite_version": apsw.sqlite_lib_version(),
            "schemas": versions,
            "journal": {"rows": extent.rows, "last": extent.last, "pruned_through": extent.pruned},
        }

    def _damage(self) -> list[Fault]:
        """Return what SQLite finds, also where the damage is such that the file can't even be opened."""
        try:
            return list(self._read(self._sqlite_faults))
        except StorageFailure as failure:
            cause = failure.__cause__
            if not (isinstance(cause, apsw.Error) and isinstance(what_broke(cause), apsw.CorruptError)):
                raise
            return [
                Fault(
                    check="sqlite",
                    what="damage",
                    subject=str(self.database.path),
                    expected="ok",
                    found=failure.reason,
                )
            ]

    def _read(self, check: Callable[[Libraries], Any]) -> Any:
        return self.database.run_blocking(check, writes=False)

    def _file_faults(self) -> list[Fault]:
        faults = []
        for path in (self.database.path, *side_files(self.database.path)):
            mode = _mode(path)
            if mode is not None and mode & _OTHERS:
                faults.append(
                    Fault(
                        check="file",
                        what="readable or writable by other users",
                        subject=str(path),
                        expected=f"{mode & ~_OTHERS:04o}",
                        found=f"{mode:04o}",
                    )
                )
        return faults

    def _integrity(self, libraries: Libraries) -> Integrity:
        return Integrity(libraries.connection, self.database.schemas())

    def _sqlite_faults(self, libraries: Libraries) -> list[Fault]:
        integrity = self._integrity(libraries)
        damage = integrity.damage()
        derived = is_about_indexes(damage)
        faults = [
            Fault(
                check="sqlite",
                what="index" if derived else "damage",
                subject=str(self.database.path),
                expected="ok",
                found=line,
                derived=derived,
            )
            for line in damage
        ]
        if damage and not derived:
            return faults
        for kind, name in integrity.missing():
            faults.append(
                Fault(
                    check="sqlite",
                    what=f"missing {kind}",
                    subject=name,
                    expected=f"the {kind}",
                    found="none",
                    derived=kind == "index",
                )
            )
        for table, parent in integrity.broken_references():
            faults.append(
                Fault(
                    check="sqlite",
                    what="reference that leads nowhere",
                    subject=f"table {table}",
                    expected=f"a row of {parent}",
                    found="none",
                )
            )
        return faults

    def _audit(self, name: str, libraries: Libraries) -> tuple[list[Fault], int, int]:
        """Return a library's first faults, how many more there are, and how many rows it looked at."""
        seen = 0

        def saw(count: int) -> None:
            nonlocal seen
            seen += count
            self.watch(name, seen)

        self.watch(name, 0)
        findings: Iterator[Any] = getattr(libraries, name).audit(saw)
        first = [Fault(check=name, **attrs.asdict(finding)) for finding in itertools.islice(findings, MOST_FINDINGS)]
        more = sum(1 for _ in findings)
        return first, more, seen

    def _journal_faults(self, libraries: Libraries) -> tuple[list[Fault], int, int]:
        upkeep = JournalUpkeep(libraries.connection)
        with libraries.snapshot():
            faults = [
                Fault(
                    check="journal",
                    what="gap",
                    subject=f"rows {first} to {last}",
                    expected=f"{last - first + 1} rows",
                    found="none",
                )
                for first, last in upkeep.gaps()
            ]
            faults += [
                Fault(
                    check="journal",
                    what="row with a number that was not given",
                    subject=f"row {seq}",
                    expected="none",
                    found="a row",
                )
                for seq in upkeep.beyond()
            ]
            return faults, 0, upkeep.extent().rows

    def _extent_and_versions(self, libraries: Libraries) -> Any:
        versions = {schema.name: schema.version(libraries.connection) for schema in self.database.schemas()}
        return JournalUpkeep(libraries.connection).extent(), versions

    @staticmethod
    def _rebuild(names: set[str], libraries: Libraries) -> None:
        with libraries.connection:
            for name in _LIBRARIES:
                if name in names:
                    getattr(libraries, name).rebuild()


def _mode(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return None
