"""The sizes of replies: long fields are cut and named, so that no reply floods the context of a model.

First each long text and each long list of ids is cut. If the whole is still too large, the largest field is cut again
and again until it fits. `truncated` names each field that was cut, with its full size in bytes, or its number of ids:

    {"task_id": 7, "description": "the first 8 KiB", "truncated": {"description": 51200}}
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .json import compact

LONGEST_TEXT = 8 * 1024
LARGEST_PAGE = 16 * 1024
LARGEST_REPLY = 32 * 1024
LARGEST_PART = 24 * 1024
LONGEST_IN_A_ROW = 1024
MOST_IDS = 100
_NEVER_CUT = frozenset({"prompt", "text"})  # a prompt must be whole; a part of a text has its size already
_OPAQUE = frozenset({"metadata", "truncated"})
_BESIDE_A_PART = 512  # bytes
_WIDEST = 4  # bytes of the longest character
_LONG_LIST = re.compile(rf"\[(?:[^][{{}},]*,){{{MOST_IDS}}}")  # may also match a text that looks like one


def fit(reply: dict[str, Any]) -> dict[str, Any]:
    """Return a reply that is cut to its greatest size."""
    for place in _objects(reply):
        _cut_texts_and_ids(place)
    return shrink(reply, LARGEST_REPLY)


def fit_and_write(reply: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Return a reply that is cut like in `fit`, and its compact JSON, which is written only once if nothing is cut."""
    text = compact(reply)
    if not _is_longer(text, LONGEST_TEXT) and _LONG_LIST.search(text) is None:
        return reply, text
    is_cut = [_cut_texts_and_ids(place) for place in _objects(reply)]
    if not any(is_cut) and len(text.encode()) <= LARGEST_REPLY:
        return reply, text
    fitted = shrink(reply, LARGEST_REPLY)
    return fitted, compact(fitted)


def fit_row(row: dict[str, Any], largest: int) -> tuple[dict[str, Any], int]:
    """Cut each text, list and object of a row to the size of a row; return the row and its bytes."""
    text = compact(row)
    if len(text) <= LONGEST_IN_A_ROW // _WIDEST:
        return row, len(text.encode())
    for name, value in list(row.items()):
        if isinstance(value, str):
            if _is_longer(value, LONGEST_IN_A_ROW):
                _note(row, name, value)
                row[name] = cut_text(value, LONGEST_IN_A_ROW)
        elif isinstance(value, list | dict) and size(value) > LONGEST_IN_A_ROW:
            _note(row, name, value)
            row[name] = _first_items(value, LONGEST_IN_A_ROW) if isinstance(value, list) else None
    shrunk = shrink(row, largest)
    return shrunk, size(shrunk)


def shrink(reply: dict[str, Any], largest: int) -> dict[str, Any]:
    """Cut the largest field again and again until the reply has at most so many bytes."""
    while (excess := size(reply) - largest) > 0:
        found = [(place, name) for place in _objects(reply) for name in place if _can_shrink(place, name)]
        if not found:
            break
        place, name = max(found, key=lambda one: size(one[0][one[1]]))
        _shrink(place, name, excess)
    return reply


def size(value: object) -> int:
    """Return the size of a value as compact JSON, in bytes."""
    return len(compact(value).encode())


def cut_text(text: str, longest: int) -> str:
    """Return the beginning of a text: whole characters of at most so many bytes in all."""
    return text.encode()[:longest].decode(errors="ignore")


def part_of(text: str, offset: int) -> tuple[str, int, int | None, int]:
    """Return a part of a text, its first byte, the first byte of the next part or None, and the size of the text.

    A part has 24 KiB, or less if its escapes in JSON would make the reply too large.
    """
    whole = text.encode()
    start = min(offset, len(whole))
    while start < len(whole) and whole[start] & 0xC0 == 0x80:
        start += 1
    part = whole[start : start + LARGEST_PART].decode(errors="ignore")
    room = LARGEST_REPLY - _BESIDE_A_PART
    while (written := size(part)) > room:
        part = part[: len(part) * room // written]
    end = start + len(part.encode())
    return part, start, end if end < len(whole) else None, len(whole)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield an object and all objects in it, except for opaque ones."""
    if isinstance(value, dict):
        yield value
        for name, inner in value.items():
            if name not in _OPAQUE and isinstance(inner, dict | list):
                yield from _objects(inner)
    elif isinstance(value, list):
        for inner in value:
            if isinstance(inner, dict):
                yield from _objects(inner)


def _cut_texts_and_ids(place: dict[str, Any]) -> bool:
    """Cut the long texts and lists of ids of one object; return true if anything was cut."""
    is_cut = False
    for name, value in list(place.items()):
        if isinstance(value, str):
            if name not in _NEVER_CUT and _is_longer(value, LONGEST_TEXT):
                _note(place, name, value)
                place[name] = cut_text(value, LONGEST_TEXT)
                is_cut = True
        elif isinstance(value, list) and len(value) > MOST_IDS and _are_ids(value):
            _note(place, name, value)
            place[name] = value[:MOST_IDS]
            is_cut = True
    return is_cut


def _is_longer(text: str, longest: int) -> bool:
    return len(text) * _WIDEST > longest and len(text.encode()) > longest


def _can_shrink(place: Mapping[str, Any], name: str) -> bool:
    value = place[name]
    if name in _NEVER_CUT or name == "truncated":
        return False
    if isinstance(value, list):
        return len(value) > _is_of_objects(value)  # the last object stays, and is cut inside
    return (isinstance(value, str) and value != "") or (name == "metadata" and value is not None)


def _shrink(place: dict[str, Any], name: str, excess: int) -> None:
    value = place[name]
    _note(place, name, value)
    written = size(value)
    wanted = max(written // 2, written - excess - 100)
    if isinstance(value, str):
        bytes_of_it = len(value.encode())
        place[name] = cut_text(value, min(bytes_of_it - 1, bytes_of_it * wanted // written))
    elif isinstance(value, list) and name == "steps":
        place[name] = _nearest(value, place.get("current_step", 0))
    elif isinstance(value, list) and name == "attempt_history":
        place[name] = _first_items(value[::-1], wanted)[::-1]
    elif isinstance(value, list):
        place[name] = _first_items(value, wanted)
    else:
        place[name] = None


def _first_items(items: list[Any], largest: int) -> list[Any]:
    kept: list[Any] = []
    total = 2
    for item in items:
        total += size(item) + 1
        if total > largest and (kept or not isinstance(item, dict)):
            break
        kept.append(item)
    return kept


def _nearest(steps: list[Any], current: int) -> list[Any]:
    """Return the three quarters of a relay's steps that are nearest to the current one."""
    ranked = sorted(steps, key=lambda step: abs(step["step_index"] - current))
    return sorted(ranked[: len(steps) * 3 // 4], key=lambda step: step["step_index"])


def _is_of_objects(items: list[Any]) -> bool:
    return bool(items) and isinstance(items[0], dict)


def _are_ids(items: list[Any]) -> bool:
    return all(isinstance(item, int) for item in items)


def _note(place: dict[str, Any], name: str, value: object) -> None:
    """Name a field in `truncated` before its first cut, with its size in bytes or its number of ids."""
    if isinstance(value, str):
        amount = len(value.encode())
    elif isinstance(value, list) and _are_ids(value):
        amount = len(value)
    else:
        amount = size(value)
    place.setdefault("truncated", {}).setdefault(name, amount)
