"""Plans: tasks that name each other by key before any of them has an id.

A plan comes from the calling agent, from a planner command or from the text planner. `check_plan` validates the whole
plan before anything is written, and reports all faults of each item at once:

1. Each field must be known and within its bounds. An unknown field is reported with the field that it may stand for.
2. `depends_on` and `parent` must name keys of the plan, and each key must be that of one item.
3. No item may stand under itself, or depend on itself or on a group above it.
4. No item may wait for itself in any other way. This looks for circles in a graph that tells the start of an item from
   its end, as `cycles` does for tasks. A circle that step 3 has reported is not reported again.

Example: `[{"key": "a", "title": "A"}, {"title": "B", "after": ["x"]}]` is refused with
"item 1: unknown field 'after' (the field is depends_on)".
"""

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from ..bounds import (
    CRITERIA,
    DEFAULT_PRIORITY,
    LONG_TEXT,
    MAX_GROUP_DEPTH,
    MAX_PLAN_ITEMS,
    PLAN_DEPENDENCIES,
    PLAN_KEY,
    PRIORITY,
    TITLE,
)
from ..errors import InvalidValue, TaskError

_BOUNDS: dict[str, Callable[[str, object], Any]] = {
    "key": PLAN_KEY,
    "title": TITLE,
    "description": LONG_TEXT,
    "depends_on": PLAN_DEPENDENCIES,
    "parent": PLAN_KEY,
    "priority": PRIORITY,
    "acceptance_criteria": CRITERIA,
}
_OTHER_NAMES = {
    "key": ("id", "ref", "slug", "task_id", "task_key", "item_id"),
    "title": ("name", "task", "summary", "subject", "heading", "task_title"),
    "description": ("details", "detail", "body", "text", "content", "notes"),
    "depends_on": ("dependencies", "dependency", "deps", "after", "blocked_by", "needs", "requires", "prerequisites"),
    "parent": ("parent_id", "parent_key", "parent_task", "group", "epic"),
    "priority": ("importance", "prio", "urgency"),
    "acceptance_criteria": ("acceptance", "criteria", "done_when", "definition_of_done"),
}
_FIELD_OF = {name: field for field, names in _OTHER_NAMES.items() for name in (field, *names)}
_CAMEL_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MAX_FAULTS_REPORTED = 10
_MAX_UNKNOWN_REPORTED = 5
_MAX_NAME_LENGTH = 80


@attrs.frozen(kw_only=True)
class PlannedTask:
    """One task of a plan.

    Attributes:
        key: the name by which other items of the plan refer to it, or None.
        title: the work, in a line.
        description: the work, at length.
        depends_on: the keys of the items that must be completed first.
        parent: the key of its group, or None.
        priority: 1 to 10, 10 the highest.
        acceptance_criteria: the conditions under which it is done.
    """

    key: str | None = None
    title: str
    description: str = ""
    depends_on: tuple[str, ...] = ()
    parent: str | None = None
    priority: int = DEFAULT_PRIORITY
    acceptance_criteria: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Plan:
    """Tasks to be created together or not at all.

    Attributes:
        items: the tasks in the order in which they were given.
        kind: the kind of work, if a planner recognised it.
    """

    items: tuple[PlannedTask, ...]
    kind: str | None = None

    def order(self) -> tuple[PlannedTask, ...]:
        """Return the items in the order in which they were given, except that each stands after its parent."""
        parents: dict[str | None, PlannedTask] = {item.key: item for item in self.items if item.key is not None}
        placed: set[int] = set()
        ordered: list[PlannedTask] = []
        for item in self.items:
            waiting: list[PlannedTask] = []
            above: PlannedTask | None = item
            while above is not None and id(above) not in placed:
                placed.add(id(above))
                waiting.append(above)
                above = parents.get(above.parent)
            ordered.extend(reversed(waiting))
        return tuple(ordered)


class InvalidPlan(TaskError, ValueError):
    """A plan has faults; nothing was written.

    Attributes:
        faults: one text for each faulty item, with all its faults.
    """

    code = "invalid"

    def __init__(self, faults: Sequence[str], hint: str | None = None) -> None:
        reported = "; ".join(faults[:_MAX_FAULTS_REPORTED])
        others = len(faults) - _MAX_FAULTS_REPORTED
        more = f"; and {others} more faults" if others > 0 else ""
        super().__init__(f"the plan is not valid: {reported}{more}", hint)
        self.faults = tuple(faults)


def check_plan(items: object) -> Plan:
    """Validate a whole plan and return it with its texts as they are stored.

    Args:
        items: the plan: a list of objects with the fields of `PlannedTask`, or of such values, or a `Plan`. A field
            that is null counts as omitted.

    Raises:
        InvalidPlan: the plan has faults; the error names all faults of each item.
    """
    kind = items.kind if isinstance(items, Plan) else None
    given = _given_items(items.items if isinstance(items, Plan) else items)
    faults = _Faults(given)
    planned = [_planned(index, item, faults) for index, item in enumerate(given)]
    _check_references(planned, faults)
    _check_cycles(planned, faults, reported=_check_ancestors(planned, faults))
    faults.refuse_if_any()
    return Plan(items=tuple(planned), kind=kind)


class _Faults:
    """The faults of a plan, by the index of the item."""

    def __init__(self, given: Sequence[Mapping[Any, Any]]) -> None:
        self.given = given
        self.found: dict[int, list[str]] = {}

    def add(self, index: int, problem: str) -> None:
        self.found.setdefault(index, []).append(problem)

    def name(self, index: int) -> str:
        for field, value in self.given[index].items():
            if _nearest_field(field) == "key" and isinstance(value, str) and value.strip():
                return repr(value.strip() if len(value) <= _MAX_NAME_LENGTH else value[:77].strip() + "...")
        return f"item {index}"

    def refuse_if_any(self) -> None:
        if self.found:
            texts = [f"{self.name(index)}: {', '.join(problems)}" for index, problems in sorted(self.found.items())]
            raise InvalidPlan(texts, f"an item has {', '.join(_BOUNDS)}; title alone is required")


def _given_items(items: object) -> list[Mapping[Any, Any]]:
    shape = "a plan is a list of 1 to 500 items such as {key, title, depends_on: [key], parent: key}"
    if isinstance(items, str | bytes | Mapping) or not isinstance(items, Iterable):
        raise InvalidPlan(["it must be a list of items"], shape)
    given = list(items)
    if not 1 <= len(given) <= MAX_PLAN_ITEMS:
        raise InvalidPlan([f"it has {len(given)} items; it needs at least 1 and at most {MAX_PLAN_ITEMS}"], shape)
    mappings = [attrs.asdict(item) if isinstance(item, PlannedTask) else item for item in given]
    wrong = [f"item {index}: must be an object" for index, item in enumerate(mappings) if not isinstance(item, Mapping)]
    if wrong:
        raise InvalidPlan(wrong, shape)
    return mappings


def _planned(index: int, item: Mapping[Any, Any], faults: _Faults) -> PlannedTask:
    """Return an item with its valid fields, for the checks that follow, and note the faults of the others."""
    values: dict[str, Any] = {}
    meant: set[str] = set()
    for field, value in item.items():
        if field in _BOUNDS:
            if value is None:
                continue
            try:
                values[field] = _BOUNDS[field](field, value)
            except InvalidValue as error:
                meant.add(field)
                faults.add(index, str(error))
        else:
            nearest = _nearest_field(field)
            meant.add(nearest)
            name = repr(field if len(str(field)) <= _MAX_NAME_LENGTH else str(field)[:77] + "...")
            faults.add(index, f"unknown field {name}" + (f" (the field is {nearest})" if nearest else ""))
    if "title" not in values:
        values["title"] = ""
        if "title" not in meant:
            faults.add(index, "title is missing")
    values["depends_on"] = tuple(dict.fromkeys(values.get("depends_on", ())))
    return PlannedTask(**values)


def _nearest_field(name: object) -> str:
    """Return the field that a name may stand for, or an empty string."""
    if isinstance(name, str) and name in _BOUNDS:
        return name
    word = _CAMEL_HUMP.sub("_", str(name)[:_MAX_NAME_LENGTH]).lower().replace("-", "_").replace(" ", "_").strip("_")
    close = difflib.get_close_matches(word, _FIELD_OF, n=1, cutoff=0.75)
    return _FIELD_OF.get(word) or (_FIELD_OF[close[0]] if close else "")


def _check_references(planned: Sequence[PlannedTask], faults: _Faults) -> None:
    # A key that stands under another field's name is reported there, not again wherever it is used.
    keys = {item.key for item in planned if item.key is not None}
    misplaced = {
        value
        for item in faults.given
        for field, value in item.items()
        if field not in _BOUNDS and isinstance(value, str) and _nearest_field(field) == "key"
    }
    times = Counter(item.key for item in planned if item.key is not None)
    for index, item in enumerate(planned):
        if item.key is not None and times[item.key] > 1:
            faults.add(index, f"key is that of {times[item.key]} items")
        unknown = [key for key in item.depends_on if key not in keys and key not in misplaced]
        if unknown:
            faults.add(index, f"depends_on names {_unknown_keys(unknown, keys)}")
        if item.parent is not None and item.parent not in keys and item.parent not in misplaced:
            faults.add(index, f"parent names {_unknown_keys([item.parent], keys)}")


def _unknown_keys(unknown: Sequence[str], keys: Iterable[str]) -> str:
    """Name some keys that are not in the plan, with the nearest one that is."""
    names = ", ".join(map(repr, unknown[:_MAX_UNKNOWN_REPORTED]))
    close = difflib.get_close_matches(unknown[0], keys, n=1)
    others = len(unknown) - _MAX_UNKNOWN_REPORTED
    more = f" and {others} more" if others > 0 else ""
    nearest = f" (the nearest key is {close[0]!r})" if close else ""
    return f"{names}{more}, which no item has as its key{nearest}"


def _check_ancestors(planned: Sequence[PlannedTask], faults: _Faults) -> set[int]:
    """Check the groups above each item; return the indices of the items whose circles are reported by that."""
    reported: set[int] = set()
    items: dict[str | None, PlannedTask] = {item.key: item for item in planned if item.key is not None}
    for index, item in enumerate(planned):
        ancestors = list(_ancestors(item, items))
        if item.key is not None and item.key in ancestors:
            reported.add(index)
            faults.add(index, f"stands under itself: {' > '.join([item.key, *_up_to(item.key, ancestors)])}")
        elif len(ancestors) > MAX_GROUP_DEPTH:
            faults.add(index, f"stands under {len(ancestors)} groups; at most {MAX_GROUP_DEPTH} are kept")
        if item.key is not None and item.key in item.depends_on:
            reported.add(index)
            faults.add(index, "depends on itself")
        for key in item.depends_on:
            if key != item.key and key in ancestors:
                reported.add(index)
                faults.add(index, f"depends on {key!r}, the group that it stands in, which waits for it")
    return reported


def _ancestors(item: PlannedTask, items: Mapping[str | None, PlannedTask]) -> Iterator[str]:
    """Yield the keys of the groups above an item, each once, even if they form a circle."""
    seen: set[str] = set()
    key = item.parent
    while key is not None and key in items and key not in seen:
        seen.add(key)
        yield key
        key = items[key].parent


def _up_to(key: str, keys: Sequence[str]) -> Sequence[str]:
    return keys[: keys.index(key) + 1]


def _check_cycles(planned: Sequence[PlannedTask], faults: _Faults, reported: set[int]) -> None:
    """Look for circles in the graph of the starts and the ends of all items.

    An item ends after its start, and a group after the ends of its children. An item starts after the start of its
    group and after the ends of the items that it depends on.
    """
    indices = {item.key: index for index, item in enumerate(planned) if item.key is not None}
    waits: list[list[int]] = [[] for _ in range(2 * len(planned))]  # 2i: the start of item i, 2i + 1: its end
    for index, item in enumerate(planned):
        waits[2 * index + 1].append(2 * index)
        if item.parent in indices:
            waits[2 * index].append(2 * indices[item.parent])
            waits[2 * indices[item.parent] + 1].append(2 * index + 1)
        waits[2 * index].extend(2 * indices[key] + 1 for key in item.depends_on if key in indices)
    for path in _circles(waits):
        steps = [node // 2 for node in path]
        indices_in_path = [step for place, step in enumerate(steps) if place == 0 or step != steps[place - 1]]
        if reported.isdisjoint(indices_in_path):
            reported.update(indices_in_path)
            names = " > ".join(faults.name(index) for index in indices_in_path)
            faults.add(indices_in_path[0], f"waits for itself: {names}")


def _circles(waits: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Walk the graph depth-first; for each edge that leads back, yield its circle, the first node again at its end."""
    finished = [False] * len(waits)
    for start in range(len(waits)):
        if finished[start]:
            continue
        path, places, edges = [start], {start: 0}, [iter(waits[start])]
        while path:
            following = next(edges[-1], None)
            if following is None:
                edges.pop()
                finished[path[-1]] = True
                del places[path.pop()]
            elif following in places:
                yield [*path[places[following] :], following]
            elif not finished[following]:
                places[following] = len(path)
                path.append(following)
                edges.append(iter(waits[following]))
