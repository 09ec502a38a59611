"""Replies as people read them: a table for a list, a card for the rest."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

_COLORS = {
    "ready": "green",
    "active": "green",
    "completed": "cyan",
    "closed": "green",
    "in_progress": "yellow",
    "half_open": "yellow",
    "failed": "red",
    "open": "red",
    "unreachable": "red",
    "cancelled": "dim",
    "paused": "dim",
}
_LEFT_OUT_OF_TABLES = frozenset({"description", "metadata", "acceptance_criteria", "created_at", "updated_at"})


def show(values: Mapping[str, Any]) -> None:
    """Print a reply."""
    Console(highlight=False).print(_reply(values))


def _reply(values: Mapping[str, Any]) -> RenderableType:
    card = Table.grid(padding=(0, 2))
    card.add_column(style="bold")
    card.add_column()
    tables: list[RenderableType] = []
    for name, value in values.items():
        if _is_rows(value):
            tables += [Text(_words(name), style="bold"), _table(value)]
        elif value not in (None, [], {}, ""):
            card.add_row(_words(name), _value(value))
    empty = not card.row_count and not tables
    if empty:
        return Text("nothing", style="dim")
    return Group(*([card] if card.row_count else []), *tables)


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    names = [
        name
        for name in dict.fromkeys(name for row in rows for name in row)
        if name not in _LEFT_OUT_OF_TABLES and any(row.get(name) not in (None, "", [], {}) for row in rows)
    ]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in names:
        table.add_column(_words(name), overflow="fold")
    for row in rows:
        table.add_row(*(_value(row.get(name)) for name in names))
    return table


def _value(value: Any) -> Text:
    if value is None:
        return Text("")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, Mapping):
        shown = [f"{_words(key)} {_value(item)}" for key, item in value.items() if item not in (None, [], {}, "")]
        return Text(", ".join(shown))
    if isinstance(value, list):
        separator = "\n" if any(isinstance(item, str) and len(item) > 20 for item in value) else ", "  # noqa: PLR2004
        return Text(separator.join(str(_value(item)) for item in value))
    return Text(str(value), style=_COLORS.get(str(value), ""))


def _words(name: str) -> str:
    return name.replace("_", " ")
