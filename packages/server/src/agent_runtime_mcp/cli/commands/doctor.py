"""`agent-runtime doctor`: checks of the database, and a rebuild of its derived data."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs
import click

from ...doctor.doctor import Diagnosis, Doctor, Fault, Watch
from ...journal.upkeep import KEPT_DAYS
from ...replies.json import compact
from ..context import REFUSED, database, errors_end_the_process
from ..options import db_option, json_option


@click.command()
@click.option("--fix", is_flag=True, help="Rebuild derived data (counts, readiness, indexes) and nothing else.")
@click.option("--prune", is_flag=True, help=f"Remove journal rows older than {KEPT_DAYS} days.")
@json_option
@db_option
def doctor(fix: bool, prune: bool, as_json: bool, db: str | None) -> None:
    """Check the database: its pages, its tables, its journal and the data derived in them.

    The exit code is 0 if all is well and 4 if something is wrong; with --fix, if something is still wrong.
    """
    with errors_end_the_process(as_json):
        with _progress() as watch:
            one = Doctor(database(db, may_create=False), watch=watch)
            before = one.examine()
            after = before
            if fix and any(fault.derived for fault in before.faults):
                watch("fixing", 0)
                one.fix(before)
                after = one.examine()
            pruned = one.prune(round(time.time() * 1000)) if prune and not after.skipped else None
            facts = {} if after.skipped else one.facts()
        fixed = [fault for fault in before.faults if fault not in after.faults]
        report = {
            "healthy": not after.fault_count,
            **facts,
            "checked": after.checked,
            "skipped": list(after.skipped),
            "finding_count": after.fault_count,
            "findings": [attrs.asdict(fault) for fault in after.faults],
            "fixed_count": before.fault_count - after.fault_count,
            "fixed": [attrs.asdict(fault) for fault in fixed],
            "pruned": pruned,
        }
        if as_json:
            click.echo(compact(report))
        else:
            _show(report, before, after, fixed)
        if after.fault_count:
            sys.exit(REFUSED)


@contextmanager
def _progress() -> Iterator[Watch]:
    """Show the running check on a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _check, _count: None
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("opening") as status:
        yield lambda check, count: status.update(f"{check}: {count:,} rows" if count else check)


def _show(report: dict[str, Any], before: Diagnosis, after: Diagnosis, fixed: list[Fault]) -> None:
    if not after.skipped:
        _show_facts(report)
    for fault in fixed:
        click.secho(f"fixed    {_line(fault)}", fg="green")
    for fault in after.faults:
        click.secho(f"wrong    {_line(fault)}", fg="red")
    if after.fault_count > len(after.faults):
        click.echo(f"... and {after.fault_count - len(after.faults):,} more")
    if after.skipped:
        click.echo(f"Not checked, as the file is damaged: {', '.join(after.skipped)}.")
        if not any(fault.derived for fault in after.faults):
            click.echo("Replace it with a backup.")
    if report["pruned"] is not None:
        click.echo(f"{report['pruned']:,} journal rows older than {KEPT_DAYS} days were removed.")
    if not after.fault_count:
        click.echo("All is well.")
    elif before is after and any(fault.derived for fault in after.faults):
        click.echo("Derived data can be rebuilt: agent-runtime doctor --fix")


def _show_facts(report: dict[str, Any]) -> None:
    journal = report["journal"]
    versions = ", ".join(f"{name} {version}" for name, version in report["schemas"].items())
    checked = ", ".join(f"{count:,} {name}" for name, count in report["checked"].items() if name != "journal")
    for name, value in (
        ("file", report["path"]),
        ("size", f"{report['size_bytes']:,} bytes, and {report['wal_bytes']:,} in its -wal"),
        ("mode", report["mode"]),
        ("SQLite", report["sqlite_version"]),
        ("schemas", versions),
        ("journal", f"{journal['rows']:,} rows, the last is {journal['last']}"),
        ("checked", checked),
    ):
        click.echo(f"{name:<8} {value}")


def _line(fault: Fault) -> str:
    return f"{fault.check}: {fault.subject}: {fault.what}: expected {fault.expected}, found {fault.found}"
