"""How large a reply may be: what is too long is cut and named, so that no answer floods a model's context."""

from collections.abc import Iterator, Mapping
from typing import Any

from ._plain import compact

LONGEST_TEXT = 8 * 1024
LARGEST_PAGE = 16 * 1024
LARGEST_REPLY = 32 * 1024
LARGEST_PART = 24 * 1024
LONGEST_IN_A_ROW = 1024
MOST_IDS = 100
_NEVER_CUT = frozenset({"prompt"})


def fit(reply: dict[str, Any]) -> dict[str, Any]:
    """Cut what is too long in a reply; `truncated` names each cut field with its full bytes, or number of ids."""
    for place in _objects(reply):
        _cut_texts_and_ids(place)
    while (excess := size(reply) - LARGEST_REPLY) > 0:
        found = [(place, name) for place in _objects(reply) for name in place if _can_shrink(place, name)]
        if not found:
            break
        place, name = max(found, key=lambda one: size(one[0][one[1]]))
        _shrink(place, name, excess)
    return reply


def fit_row(row: dict[str, Any]) -> dict[str, Any]:
    """Cut each text, list and object of a row to what a list can show."""
    for name, value in list(row.items()):
        if size(value) > LONGEST_IN_A_ROW:
            _note(row, name, _measure(value))
            if isinstance(value, str):
                row[name] = cut_text(value, LONGEST_IN_A_ROW)
            elif isinstance(value, list):
                row[name] = _first_items(value, LONGEST_IN_A_ROW)
            else:
                row[name] = None
    return row


def size(value: object) -> int:
    """Return the bytes of a value as compact JSON."""
    return len(compact(value).encode())


def cut_text(text: str, longest: int) -> str:
    """Return the beginning of a text, in whole characters of at most so many bytes."""
    return text.encode()[:longest].decode(errors="ignore")


def part_of(text: str, offset: int) -> tuple[str, int | None, int]:
    """Return a part of a text from a byte on, where the next part begins, and the bytes of the whole."""
    whole = text.encode()
    start = min(offset, len(whole))
    while start < len(whole) and whole[start] & 0xC0 == 0x80:
        start += 1
    part = whole[start : start + LARGEST_PART].decode(errors="ignore")
    end = start + len(part.encode())
    return part, end if end < len(whole) else None, len(whole)


def _objects(reply: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the reply and the objects in it, one level down, that have texts of their own."""
    yield reply
    for name, value in reply.items():
        if isinstance(value, dict) and name not in ("metadata", "truncated"):
            yield value


def _cut_texts_and_ids(place: dict[str, Any]) -> None:
    for name, value in list(place.items()):
        if isinstance(value, str) and name not in _NEVER_CUT and len(value.encode()) > LONGEST_TEXT:
            _note(place, name, len(value.encode()))
            place[name] = cut_text(value, LONGEST_TEXT)
        elif isinstance(value, list) and len(value) > MOST_IDS and all(isinstance(item, int) for item in value):
            _note(place, name, len(value))
            place[name] = value[:MOST_IDS]


def _can_shrink(place: Mapping[str, Any], name: str) -> bool:
    value = place[name]
    if name in _NEVER_CUT or name == "truncated":
        return False
    return (isinstance(value, str | list) and len(value) > 0) or (name == "metadata" and value is not None)


def _shrink(place: dict[str, Any], name: str, excess: int) -> None:
    value = place[name]
    _note(place, name, _measure(value))
    wanted = max(size(value) // 2, size(value) - excess - 100)
    if isinstance(value, str):
        place[name] = cut_text(value, wanted - 2)
    elif isinstance(value, list) and name == "steps":
        place[name] = _nearest(value, place.get("current_step", 0))
    elif isinstance(value, list):
        place[name] = _first_items(value, wanted) if len(value) > 1 else []
    else:
        place[name] = None


def _first_items(items: list[Any], largest: int) -> list[Any]:
    kept, total = [], 2
    for item in items:
        total += size(item) + 1
        if total > largest:
            break
        kept.append(item)
    return kept


def _nearest(steps: list[Any], current: int) -> list[Any]:
    """Return three quarters of the steps of a relay, without those farthest from the current one."""
    ranked = sorted(steps, key=lambda step: abs(step["step_index"] - current))
    return sorted(ranked[: len(steps) * 3 // 4], key=lambda step: step["step_index"])


def _measure(value: object) -> int:
    if isinstance(value, list) and all(isinstance(item, int) for item in value):
        return len(value)
    return len(value.encode()) if isinstance(value, str) else size(value)


def _note(place: dict[str, Any], name: str, amount: int) -> None:
    place.setdefault("truncated", {}).setdefault(name, amount)
