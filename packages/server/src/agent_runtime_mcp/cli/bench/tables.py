"""The report of `agent-runtime bench` as tables for people."""

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .report import Report

_NUMBERS = ("p50", "p95")


def show(report: Report) -> None:
    """Print a report."""
    console = Console(highlight=False)
    where = report.as_json()["environment"]
    console.print(
        f"A real server on {where['folder']}, synchronous {report.synchronous}, {where['cores']} cores, "
        f"{where['system']}, Python {where['python']}, SQLite {where['sqlite']}; "
        f"its first reply came after {report.start:.0f} ms.\n"
    )
    console.print(_promises(report))
    console.print(_operations(report))


def _promises(report: Report) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("promise")
    table.add_column("target", justify="right")
    table.add_column("at most ms", justify="right")
    for name in _NUMBERS:
        table.add_column(f"{name} ms", justify="right")
    table.add_column("verdict")
    for verdict in report.verdicts:
        promise, figure = verdict.promise, verdict.figure
        table.add_row(
            promise.name,
            f"{promise.target:g} ms ±{promise.tolerance:.0%}",
            f"{promise.limit:g}",
            f"{figure.p50:.2f}",
            f"{figure.p95:.2f}",
            Text("kept", style="green") if verdict.kept else Text("not kept", style="red"),
        )
    return table


def _operations(report: Report) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("operation")
    table.add_column("per second", justify="right")
    for name in _NUMBERS:
        table.add_column(f"{name} ms", justify="right")
    table.add_column("times", justify="right")
    for figure in report.operations:
        table.add_row(
            figure.name,
            f"{figure.per_second:.0f}",
            f"{figure.p50:.2f}",
            f"{figure.p95:.2f}",
            str(len(figure.milliseconds)),
        )
    return table
