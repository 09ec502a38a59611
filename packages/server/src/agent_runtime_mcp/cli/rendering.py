"""Replies printed for people: a table for a list, a card for the rest."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import click
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .tables import Column, columns_of

_COLORS = {
    "ready": "green",
    "active": "green",
    "closed": "green",
    "completed": "cyan",
    "in_progress": "yellow",
    "half_open": "yellow",
    "failed": "red",
    "open": "red",
    "unreachable": "red",
    "cancelled": "dim",
    "paused": "dim",
}
_LEFT_OUT_OF_TABLES = frozenset(
    {"description", "metadata", "acceptance_criteria", "created_at", "updated_at", "completed_at", "outcome"}
)
_BAR_WIDTH = 20  # characters
_LEAST_WIDTH = 12  # characters of a long column
_LONG_COLUMNS = frozenset({"title", "name", "agent", "progress", "command", "checks"})


def show(values: Mapping[str, Any]) -> None:
    """Print a reply."""
    console = Console(highlight=False)
    with console.capture() as printed:
        console.print(Group(*_reply(values)))
    click.echo(printed.get(), nl=False, color=console.is_terminal)


def _reply(values: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Yield a card of the plain values, then a part for each nested value."""
    card = Table.grid(padding=(0, 2))
    card.add_column(style="bold")
    card.add_column(overflow="fold")
    inner: list[RenderableType] = []
    for name, value in values.items():
        if _is_empty(value):
            continue
        if name == "current_step" and "total_steps" in values:
            card.add_row("progress", Text(f"{value}/{values['total_steps']}"))
        elif name in ("total_steps", "quality_scores", "l_scores") and "steps" in values:
            continue
        elif name == "progress" and isinstance(value, Mapping):
            card.add_row(_words(name), _progress(value))
        elif isinstance(value, Mapping) and name not in ("metadata", "truncated", "queue", "claim", "more"):
            inner += [Text(_words(name), style="bold"), Padding(Group(*_reply(value)), (0, 0, 0, 2))]
        elif _is_rows(value):
            inner += [Text(_words(name), style="bold"), _table(name, value)]
        else:
            card.add_row(_words(name), _value(value))
    if card.row_count:
        yield card
    yield from inner
    if not card.row_count and not inner:
        yield Text("nothing", style="dim")


def _table(kind: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    """Make a table of rows: with the columns of their kind, else with every name that a row has."""
    columns = columns_of(kind, rows) or _columns_in(rows)
    cells = [[_value(cell(row)) for _, cell in columns] for row in rows]
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    shown = [index for index, _ in enumerate(columns) if any(line[index] for line in cells)]
    for index in shown:
        heading = columns[index][0]
        is_long = heading in _LONG_COLUMNS
        table.add_column(heading, overflow="fold", no_wrap=not is_long, min_width=_LEAST_WIDTH if is_long else None)
    for line in cells:
        table.add_row(*(line[index] for index in shown))
    return table


def _columns_in(rows: Sequence[Mapping[str, Any]]) -> list[Column]:
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name not in _LEFT_OUT_OF_TABLES]
    return [(_words(name), partial(_cell, name)) for name in names]


def _cell(name: str, row: Mapping[str, Any]) -> Any:
    value = row.get(name)
    return _progress(value) if name == "progress" and isinstance(value, Mapping) else value


def _progress(progress: Mapping[str, Any]) -> Text:
    """Draw the share of completed tasks, and count the others by state."""
    done = _BAR_WIDTH * progress["percent"] // 100
    rest = [
        f"{progress[name]} {_words(name)}"
        for name in ("in_progress", "ready", "waiting", "failed", "unreachable", "cancelled")
        if progress[name]
    ]
    bar = Text("━" * done, style="green") + Text("━" * (_BAR_WIDTH - done), style="dim")
    return bar + Text("  " + ", ".join([f"{progress['completed']} of {progress['total']} done", *rest]))


def _value(value: Any) -> Text:
    if isinstance(value, Text):
        return value
    if _is_empty(value):
        return Text("")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, Mapping):
        return Text(", ".join(f"{_words(key)} {_value(item)}" for key, item in value.items() if not _is_empty(item)))
    if isinstance(value, list):
        texts = all(isinstance(item, str) for item in value)
        return Text("\n".join(f"- {item}" for item in value) if texts else ", ".join(str(_value(one)) for one in value))
    return Text(str(value), style=_COLORS.get(str(value), ""))


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _is_empty(value: Any) -> bool:
    return value in (None, "", [], {})


def _words(name: str) -> str:
    return name.replace("_", " ")
