"""The search for tasks that would wait for each other in a circle.

Each task has two points in the graph, its start and its end, because groups make the two differ:

- The end of a task comes after its start, and the end of a group after the ends of its children.
- The start of a task comes after the ends of its prerequisites, and after the start of its group.

A circle through a start or an end is a circle of waiting. The search goes back from the changed task, level by level,
and reads the surroundings of one level at once.

Example: task 2 is a child of group 1 and depends on it. The start of 2 waits for the end of 1, which waits for the end
of 2, which waits for the start of 2: the circle 2 -> 1 -> 2.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

import attrs


@attrs.frozen(repr=False)
class Point:
    """The start or the end of a task."""

    task_id: int
    is_end: bool


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Surroundings:
    """The prerequisites, parents and children of some tasks."""

    prerequisites: Mapping[int, Sequence[int]]
    parents: Mapping[int, int | None]
    children: Mapping[int, Sequence[int]]


class Look(Protocol):
    """A function that reads the surroundings of tasks."""

    def __call__(self, starts: Collection[int], ends: Collection[int]) -> Surroundings:
        """Return the prerequisites and parents of the tasks in `starts`, and the children of those in `ends`."""
        ...


def find_circle(task_id: int, look: Look) -> tuple[int, ...] | None:
    """Find a circle of waiting through a task: its ids with the first one again at the end, or None.

    Args:
        task_id: the task whose prerequisites or parent changed; a new circle leads through it.
        look: reads the surroundings of tasks, with the change in place.
    """
    for is_end in (False, True):
        origin = Point(task_id, is_end)
        path = _path_back(origin, look)
        if path:
            return _task_ids(path)
    return None


def _path_back(origin: Point, look: Look) -> list[Point] | None:
    """Search the points that one waits for, and return the path by which it waits for itself."""
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
    """Yield the points that come right before one."""
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
