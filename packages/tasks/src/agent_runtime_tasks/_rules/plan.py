"""Plans: tasks that name each other by key before any of them has an id.

A plan comes from the calling agent, from a planner command or from the text planner. Whoever made it, `check_plan`
looks at all of it before anything is written.
"""

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from agent_runtime_kernel.bounds import KIB, Integer, Items, Text

from ..errors import InvalidValue, TaskError

MOST_ITEMS = 500
DEEPEST_GROUP = 16  # groups above an item at most

_KEY = Text(min_length=1, max_length=200, one_line=True)
_BOUNDS: dict[str, Callable[[str, object], Any]] = {
    "key": _KEY,
    "title": Text(min_length=1, max_length=500, one_line=True),
    "description": Text(max_bytes=64 * KIB),
    "depends_on": Items(item=_KEY, max_items=1000),
    "parent": _KEY,
    "priority": Integer(ge=1, le=10),
    "acceptance_criteria": Items(item=Text(min_length=1, max_bytes=2 * KIB), max_items=50),
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
_FAULTS_TOLD = 10
_UNKNOWN_TOLD = 5


@attrs.frozen(kw_only=True)
class PlannedTask:
    """One task of a plan.

    Attributes:
        key: what other items of the plan call it, or None where none names it.
        title: what to do, in a line.
        description: what to do, at length.
        depends_on: the keys of the items that must be completed first.
        parent: the key of the group that it stands in, or None.
        priority: 1 to 10, 10 the highest.
        acceptance_criteria: how one can tell that it is done.
    """

    key: str | None = None
    title: str
    description: str = ""
    depends_on: tuple[str, ...] = ()
    parent: str | None = None
    priority: int = 5
    acceptance_criteria: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Plan:
    """Tasks to be created together or not at all.

    Attributes:
        items: the tasks in the order in which they were given.
        kind: the kind of work, where a planner recognised one.
    """

    items: tuple[PlannedTask, ...]
    kind: str | None = None

    def order(self) -> tuple[PlannedTask, ...]:
        """Return the items so that each stands after its parent, and as they were given otherwise."""
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
        faults: one text for each faulty item, with all that is wrong with it.
    """

    code = "invalid"

    def __init__(self, faults: Sequence[str], hint: str | None = None) -> None:
        told = "; ".join(faults[:_FAULTS_TOLD])
        untold = len(faults) - _FAULTS_TOLD
        super().__init__(f"the plan is not valid: {told}" + (f"; and {untold} more faults" if untold > 0 else ""), hint)
        self.faults = tuple(faults)


def check_plan(items: object) -> Plan:
    """Check a whole plan and return it with its texts as they are stored.

    Args:
        items: the plan: a list of objects with the fields of `PlannedTask`, or of such values, or a `Plan`. A field
            that is null counts as omitted.

    Raises:
        InvalidPlan: anything is wrong with it; the error names all faults of each item.
    """
    kind = items.kind if isinstance(items, Plan) else None
    given = _given_items(items.items if isinstance(items, Plan) else items)
    faults = _Faults(given)
    planned = [_planned(index, item, faults) for index, item in enumerate(given)]
    _check_references(planned, faults)
    _check_cycles(planned, faults, told=_check_ancestors(planned, faults))
    faults.refuse_if_any()
    return Plan(items=tuple(planned), kind=kind)


@attrs.define
class _Faults:
    """What is wrong, by the index of the item."""

    given: Sequence[Mapping[Any, Any]]
    found: dict[int, list[str]] = attrs.field(factory=dict)

    def add(self, index: int, problem: str) -> None:
        self.found.setdefault(index, []).append(problem)

    def name(self, index: int) -> str:
        for field, value in self.given[index].items():
            if _nearest_field(field) == "key" and isinstance(value, str) and value.strip():
                return repr(value.strip() if len(value) <= 80 else value[:77].strip() + "...")
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
    if not 1 <= len(given) <= MOST_ITEMS:
        raise InvalidPlan([f"it has {len(given)} items; it needs at least 1 and at most {MOST_ITEMS}"], shape)
    mappings = [attrs.asdict(item) if isinstance(item, PlannedTask) else item for item in given]
    wrong = [f"item {index}: must be an object" for index, item in enumerate(mappings) if not isinstance(item, Mapping)]
    if wrong:
        raise InvalidPlan(wrong, shape)
    return mappings


def _planned(index: int, item: Mapping[Any, Any], faults: _Faults) -> PlannedTask:
    """Take what is right of an item, and note what is not: the checks that follow see as much as there is."""
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
            name = repr(field if len(str(field)) <= 80 else str(field)[:77] + "...")
            faults.add(index, f"unknown field {name}" + (f" (the field is {nearest})" if nearest else ""))
    if "title" not in values:
        values["title"] = ""
        if "title" not in meant:
            faults.add(index, "title is missing")
    values["depends_on"] = tuple(dict.fromkeys(values.get("depends_on", ())))
    return PlannedTask(**values)


def _nearest_field(name: object) -> str:
    """Return the field that a name may stand for, or an empty text."""
    if isinstance(name, str) and name in _BOUNDS:
        return name
    word = _CAMEL_HUMP.sub("_", str(name)[:80]).lower().replace("-", "_").replace(" ", "_").strip("_")
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
            faults.add(index, f"depends_on names {_no_keys(unknown, keys)}")
        if item.parent is not None and item.parent not in keys and item.parent not in misplaced:
            faults.add(index, f"parent names {_no_keys([item.parent], keys)}")


def _no_keys(unknown: Sequence[str], keys: Iterable[str]) -> str:
    names = ", ".join(map(repr, unknown[:_UNKNOWN_TOLD]))
    close = difflib.get_close_matches(unknown[0], keys, n=1)
    more = f" and {len(unknown) - _UNKNOWN_TOLD} more" if len(unknown) > _UNKNOWN_TOLD else ""
    nearest = f" (the nearest key is {close[0]!r})" if close else ""
    return f"{names}{more}, which no item has as its key{nearest}"


def _check_ancestors(planned: Sequence[PlannedTask], faults: _Faults) -> set[int]:
    """Return the indices of the items in whose circles there is nothing more to tell."""
    told: set[int] = set()
    items: dict[str | None, PlannedTask] = {item.key: item for item in planned if item.key is not None}
    for index, item in enumerate(planned):
        ancestors = list(_ancestors(item, items))
        if item.key is not None and item.key in ancestors:
            told.add(index)
            faults.add(index, f"stands under itself: {' > '.join([item.key, *_up_to(item.key, ancestors)])}")
        elif len(ancestors) > DEEPEST_GROUP:
            faults.add(index, f"stands under {len(ancestors)} groups; at most {DEEPEST_GROUP} are kept")
        if item.key is not None and item.key in item.depends_on:
            told.add(index)
            faults.add(index, "depends on itself")
        for key in item.depends_on:
            if key != item.key and key in ancestors:
                told.add(index)
                faults.add(index, f"depends on {key!r}, the group that it stands in, which waits for it")
    return told


def _ancestors(item: PlannedTask, items: Mapping[str | None, PlannedTask]) -> Iterator[str]:
    """Yield the keys of the groups above an item, each once even where they stand in a circle."""
    seen: set[str] = set()
    key = item.parent
    while key is not None and key in items and key not in seen:
        seen.add(key)
        yield key
        key = items[key].parent


def _up_to(key: str, keys: Sequence[str]) -> Sequence[str]:
    return keys[: keys.index(key) + 1]


def _check_cycles(planned: Sequence[PlannedTask], faults: _Faults, told: set[int]) -> None:
    """Look for circles over the whole graph: an item may start, and it may be done.

    It is done after it has started and, a group, after its children are done; it starts after its group and after what
    it depends on is done.
    """
    indices = {item.key: index for index, item in enumerate(planned) if item.key is not None}
    waits: list[list[int]] = [[] for _ in range(2 * len(planned))]  # 2i: item i starts, 2i + 1: it is done
    for index, item in enumerate(planned):
        waits[2 * index + 1].append(2 * index)
        if item.parent in indices:
            waits[2 * index].append(2 * indices[item.parent])
            waits[2 * indices[item.parent] + 1].append(2 * index + 1)
        waits[2 * index].extend(2 * indices[key] + 1 for key in item.depends_on if key in indices)
    for path in _circles(waits):
        steps = [node // 2 for node in path]
        indices_in_path = [step for place, step in enumerate(steps) if place == 0 or step != steps[place - 1]]
        if told.isdisjoint(indices_in_path):
            told.update(indices_in_path)
            names = " > ".join(faults.name(index) for index in indices_in_path)
            faults.add(indices_in_path[0], f"waits for itself: {names}")


def _circles(waits: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Yield a circle, its first node again at its end, for each edge of a depth-first walk that leads back."""
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
