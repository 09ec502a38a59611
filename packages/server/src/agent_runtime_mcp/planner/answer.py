"""The plan in the output of a planner command: in an envelope, in Markdown fences or between prose.

Every JSON value in the text is tried in order, and its lists of objects are candidates. An envelope is an object, or a
list of objects, that holds the plan under a well-known name; its text is searched the same way. The first candidate
that is a valid plan counts. The search is bounded; after it, values that begin one of the last lines are tried too,
however much stands before them.

Example: in `Sure: {"plan": {"items": [{"title": "Export"}]}}` the plan is the list under `items`.
"""

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from itertools import chain
from typing import Any

from agent_runtime_tasks import InvalidPlan, Plan, check_plan

_WRAPPERS = (
    "plan",
    "tasks",
    "items",
    "structured_output",
    "result",
    "response",
    "output",
    "choices",
    "message",
    "content",
    "text",
)
_MAX_DEPTH = 6
_MAX_STARTS = 1000  # brackets in prose may not begin JSON
_MAX_WASTED = 8 * 1024 * 1024  # characters read in vain: the end of each bracket may be far
_BEGUN_LINE = re.compile(r"^(?=[\[{])", re.MULTILINE)
_MAX_LAST_LINES = 20
_MAX_FAULT_LENGTH = 500

Progress = Callable[[float, float, str], Awaitable[None]]  # seconds passed, seconds at most, a message


class PlannerFailed(Exception):
    """The planner command made no plan. The message tells the caller why."""


def read_plan(answer: str, max_tasks: int, program: str) -> Plan:
    """Return the first valid plan of at most so many tasks in the output of a program.

    Raises:
        PlannerFailed: there is no valid plan in it.
    """
    fault = None
    for candidate in chain(_candidates(answer), _printed_last(answer)):
        try:
            plan = check_plan(candidate)
        except InvalidPlan as error:
            fault = fault or f"a plan, but {error}"
            continue
        if len(plan.items) <= max_tasks:
            return plan
        fault = fault or f"a plan of {len(plan.items)} tasks; at most {max_tasks} were asked for"
    raise PlannerFailed(f"{program} printed {one_line(fault or 'no plan', _MAX_FAULT_LENGTH)}")


def one_line(text: str, longest: int) -> str:
    """Return a text of unknown origin as one line without control characters, for people to read."""
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "\u2026"


def _candidates(text: str, depth: int = 0) -> Iterator[object]:
    """Yield the lists of objects among the JSON values in a text, in their order."""
    decoder = json.JSONDecoder()
    position, left = 0, _MAX_WASTED
    for _ in range(_MAX_STARTS):
        start = _next_value(text, position)
        if start is None or left <= 0:
            return
        try:
            value, position = decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            left -= error.pos - start
            position = start + 1
        except (ValueError, RecursionError):  # thousands of digits, or thousands of brackets
            position = start + 1
        else:
            yield from _lists(value, depth)


def _printed_last(text: str) -> Iterator[object]:
    """Yield the lists of objects in values that begin one of the last lines, however much stands before them."""
    decoder = json.JSONDecoder()
    for begun in [match.start() for match in _BEGUN_LINE.finditer(text)][-_MAX_LAST_LINES:]:
        with suppress(ValueError, RecursionError):
            yield from _lists(decoder.raw_decode(text, begun)[0], 0)


def _next_value(text: str, position: int) -> int | None:
    starts = [found for found in (text.find("[", position), text.find("{", position)) if found >= 0]
    return min(starts, default=None)


def _lists(value: Any, depth: int) -> Iterator[object]:
    """Yield the lists of objects in a value, which may be an envelope or a list of envelopes."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, str):
        yield from _candidates(value, depth + 1)
    elif isinstance(value, list):
        objects = [item for item in value if isinstance(item, dict)]
        if value and len(objects) == len(value):
            yield value
        for item in objects:
            if "title" not in item:  # a list inside a task is not a plan
                yield from _lists(item, depth + 1)
    elif isinstance(value, dict):
        for name in _WRAPPERS:
            yield from _lists(value.get(name), depth + 1)
