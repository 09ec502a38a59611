"""The health of a database: its file, its tables, and the data that the libraries derive in them.

1. The file and its side files must not be open to other users.
2. SQLite checks pages, indexes, missing tables and foreign keys.
3. Each library audits its derived columns, and the journal is searched for gaps. This is skipped if SQLite found
   damage, which would mislead it.

`fix` first rebuilds the indexes, then examines again, then rebuilds the libraries in which derived data is wrong.
"""

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
    """One thing that is wrong.

    Attributes:
        check: the check that found it: file, sqlite, journal, or one of the libraries.
        what: the kind of fault, in a few words.
        subject: the thing with the fault.
        expected: the value that should be there.
        found: the value that is there.
        derived: true if it follows from other data, so that it can be recomputed.
    """

    check: str
    what: str
    subject: str
    expected: str
    found: str
    derived: bool = False


@attrs.frozen(kw_only=True)
class Diagnosis:
    """The result of an examination.

    Attributes:
        faults: the first thousand faults.
        fault_count: the number of all faults.
        skipped: the checks that were skipped, as damage would mislead them.
        checked: the number of rows that each check examined.
    """

    faults: tuple[Fault, ...]
    fault_count: int
    skipped: tuple[str, ...]
    checked: dict[str, int]


class Doctor:
    """The doctor of one database.

    Args:
        database: the database.
        watch: called with the name of the running check and the number of rows that it has examined so far.
    """

    def __init__(self, database: Database[Libraries], *, watch: Watch = lambda _check, _count: None) -> None:
        self.database = database
        self.watch = watch

    def examine(self) -> Diagnosis:
        """Examine everything; nothing is written.

        Raises:
            Busy, StorageFailure: the file can't be opened or read, for a reason other than damage.
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
        """Rebuild the indexes and the derived data of libraries in which a derived fault was found; nothing else.

        Args:
            diagnosis: the result of the last examination.

        Raises:
            Busy, StorageFailure: nothing was written, or only the indexes.
        """
        if any(fault.check == "sqlite" and fault.derived for fault in diagnosis.faults):
            self.database.run_blocking(lambda libraries: self._integrity(libraries).rebuild_indexes(), writes=True)
            diagnosis = self.examine()
        derived = {fault.check for fault in diagnosis.faults if fault.derived}
        if not diagnosis.skipped:
            self.database.run_blocking(partial(self._rebuild, derived), writes=True)

    def prune(self, now: int) -> int:
        """Remove journal rows older than 30 days in short transactions, and return their number.

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
        """Return the facts about the file beside its faults, as JSON values."""
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
        """Return the faults that SQLite finds; damage that prevents opening the file is one, too."""
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
        """Return the first faults of a library, the number of further ones, and the number of examined rows."""
        seen = 0

        def on_rows(count: int) -> None:
            nonlocal seen
            seen += count
            self.watch(name, seen)

        self.watch(name, 0)
        findings: Iterator[Any] = getattr(libraries, name).audit(on_rows)
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
