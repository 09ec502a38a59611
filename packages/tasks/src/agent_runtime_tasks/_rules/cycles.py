"""Whether tasks would wait for each other in a circle.

The graph that is searched tells the start of a task from its end, because groups make them differ: a task starts after
its prerequisites ended and after the groups above may start; a group ends after its children ended.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

import attrs


@attrs.frozen
class Point:
    """The start or the end of a task."""

    task_id: int
    is_end: bool


@attrs.frozen(kw_only=True)
class Surroundings:
    """What stands around some tasks: their prerequisites, their parents and their children."""

    prerequisites: Mapping[int, Sequence[int]]
    parents: Mapping[int, int | None]
    children: Mapping[int, Sequence[int]]


class Look(Protocol):
    """Returns the prerequisites and parents of the tasks that start, and the children of those that end."""

    def __call__(self, starts: Collection[int], ends: Collection[int]) -> Surroundings: ...


def find_circle(task_id: int, look: Look) -> tuple[int, ...] | None:
    """Return a circle of waiting through a task, as ids with the first one again at the end, or None.

    Args:
        task_id: the task whose prerequisites or parent changed; a new circle leads through it.
        look: returns what stands around some tasks, with the change.
    """
    for is_end in (False, True):
        origin = Point(task_id, is_end)
        path = _path_back(origin, look)
        if path:
            return _task_ids(path)
    return None


def _path_back(origin: Point, look: Look) -> list[Point] | None:
    reached_from: dict[Point, Point] = {}
    frontier = [origin]
    while frontier:
        around = look(
            {point.task_id for point in frontier if not point.is_end},
            {point.task_id for point in frontier if point.is_end},
        )
        following = []
        for point in frontier:
            for awaited in _awaited(point, around):
                if awaited == origin:
                    return _trace(origin, point, reached_from)
                if awaited not in reached_from:
                    reached_from[awaited] = point
                    following.append(awaited)
        frontier = following
    return None


def _awaited(point: Point, around: Surroundings) -> Iterable[Point]:
    if point.is_end:
        yield Point(point.task_id, is_end=False)
        yield from (Point(child, is_end=True) for child in around.children.get(point.task_id, ()))
    else:
        yield from (Point(other, is_end=True) for other in around.prerequisites.get(point.task_id, ()))
        parent = around.parents.get(point.task_id)
        if parent is not None:
            yield Point(parent, is_end=False)


def _trace(origin: Point, last: Point, reached_from: Mapping[Point, Point]) -> list[Point]:
    path = [origin, last]
    while path[-1] != origin:
        path.append(reached_from[path[-1]])
    return path[::-1]


def _task_ids(path: Sequence[Point]) -> tuple[int, ...]:
    ids = [path[0].task_id]
    for point in path[1:]:
        if point.task_id != ids[-1]:
            ids.append(point.task_id)
    return tuple(ids) if len(ids) > 1 else (ids[0], ids[0])
