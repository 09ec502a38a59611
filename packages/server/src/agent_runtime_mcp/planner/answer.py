"""What a planner command printed: a plan somewhere in it, in an envelope, in Markdown fences or between prose."""

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
_DEEPEST_WRAPPER = 6
_STARTS_TRIED = 1000  # brackets in prose that begin no JSON
_CHARACTERS_TRIED = 8 * 1024 * 1024  # read in vain: each of many brackets may be far from its end
_BEGUN_LINE = re.compile(r"^(?=[\[{])", re.MULTILINE)
_LAST_LINES_TRIED = 20
_LONGEST_FAULT = 500


Progress = Callable[[float, float, str], Awaitable[None]]  # seconds that passed, seconds at most, what goes on


class PlannerFailed(Exception):
    """The planner command gave no plan; the message says why, in words for the caller."""


class NoPlan(Exception):
    """There is no valid plan in an answer; the message says what there is."""


def plan_in(answer: str, max_tasks: int) -> Plan:
    """Return the first valid plan of at most so many tasks in what a command printed.

    Raises:
        NoPlan: there is none.
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
    raise NoPlan(one_line(fault or "no plan", _LONGEST_FAULT))


def one_line(text: str, longest: int) -> str:
    """Return a text of unknown origin as one line without control characters, for people to read."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "\u2026"


def _candidates(text: str, depth: int = 0) -> Iterator[object]:
    """Yield the lists of objects among the JSON values in a text, in the order in which they stand there."""
    decoder = json.JSONDecoder()
    position, left = 0, _CHARACTERS_TRIED
    for _ in range(_STARTS_TRIED):
        start = _next_value(text, position)
        if start is None or left <= 0:
            return
        try:
            value, position = decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            left -= error.pos - start
            position = start + 1
        except (ValueError, RecursionError):  # a number of thousands of digits; thousands of brackets
            position = start + 1
        else:
            yield from _lists(value, depth)


def _printed_last(text: str) -> Iterator[object]:
    """Yield the same of values that begin one of the last lines that can, however much there is before them."""
    decoder = json.JSONDecoder()
    for begun in [match.start() for match in _BEGUN_LINE.finditer(text)][-_LAST_LINES_TRIED:]:
        with suppress(ValueError, RecursionError):
            yield from _lists(decoder.raw_decode(text, begun)[0], 0)


def _next_value(text: str, position: int) -> int | None:
    starts = [found for found in (text.find("[", position), text.find("{", position)) if found >= 0]
    return min(starts, default=None)


def _lists(value: Any, depth: int) -> Iterator[object]:
    """Yield the lists of objects in a value: it may be an envelope, or a list of such, whose text holds the plan."""
    if depth > _DEEPEST_WRAPPER:
        return
    if isinstance(value, str):
        yield from _candidates(value, depth + 1)
    elif isinstance(value, list):
        objects = [item for item in value if isinstance(item, dict)]
        if value and len(objects) == len(value):
            yield value
        for item in objects:
            if "title" not in item:  # what stands inside a task is no plan of its own
                yield from _lists(item, depth + 1)
    elif isinstance(value, dict):
        for name in _WRAPPERS:
            yield from _lists(value.get(name), depth + 1)
