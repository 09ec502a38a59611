"""Replies as people read them: a table for a list, a card for the rest."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

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
_BAR = 20
_WIDTHS = {"title": 28, "name": 28, "progress": 40}


def show(values: Mapping[str, Any]) -> None:
    """Print a reply."""
    Console(highlight=False).print(Group(*_reply(values)))


def _reply(values: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Yield a card of the plain values, then what has an inner structure of its own."""
    card = Table.grid(padding=(0, 2))
    card.add_column(style="bold")
    card.add_column(overflow="fold")
    inner: list[RenderableType] = []
    for name, value in values.items():
        if _is_empty(value):
            continue
        if name == "progress" and isinstance(value, Mapping):
            card.add_row(_words(name), _progress(value))
        elif isinstance(value, Mapping) and name not in ("metadata", "truncated", "queue", "claim", "more"):
            inner += [Text(_words(name), style="bold"), Padding(Group(*_reply(value)), (0, 0, 0, 2))]
        elif _is_rows(value):
            inner += [Text(_words(name), style="bold"), _table(value)]
        else:
            card.add_row(_words(name), _value(value))
    if card.row_count:
        yield card
    yield from inner
    if not card.row_count and not inner:
        yield Text("nothing", style="dim")


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    names = [
        name
        for name in dict.fromkeys(name for row in rows for name in row)
        if name not in _LEFT_OUT_OF_TABLES and not all(_is_empty(row.get(name)) for row in rows)
    ]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in names:
        table.add_column(_words(name), overflow="fold", min_width=_WIDTHS.get(name, 0))
    for row in rows:
        table.add_row(*(_cell(name, row.get(name)) for name in names))
    return table


def _cell(name: str, value: Any) -> Text:
    return _progress(value) if name == "progress" and isinstance(value, Mapping) else _value(value)


def _progress(progress: Mapping[str, Any]) -> Text:
    """Draw how much is done, and name what there is besides."""
    done = _BAR * progress["percent"] // 100
    rest = [
        f"{progress[name]} {_words(name)}"
        for name in ("in_progress", "ready", "waiting", "failed", "unreachable", "cancelled")
        if progress[name]
    ]
    bar = Text("━" * done, style="green") + Text("━" * (_BAR - done), style="dim")
    return bar + Text("  " + ", ".join([f"{progress['completed']} of {progress['total']} done", *rest]))


def _value(value: Any) -> Text:
    if value is None:
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
