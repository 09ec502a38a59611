"""The result of an agent, read from its answer, its result file, or the text that it printed.

A text may hold a result in several ways. In a printed text, the last JSON object with fields of a result counts; prose,
Markdown fences and other objects around it are skipped. Without one, the last object with an `error` counts; without
that, the whole text is the output, without a score.

An object is read as one of these:

- an error, if `is_error` is true, or if `error` stands without `output`: it becomes an `AgentFailed`, rate limited if
  its status or its words say so, with the seconds after which to try again;
- an envelope, as `claude -p --output-format json` prints it: the result is read from its text, and the tokens are
  those that the client measured;
- the fields of a result; others are ignored.

Example: a program prints `I am done. {"output": "x", "tokens_used": 7}`. Its result is the output "x" with 7 tokens
used, and no score.
"""

import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import attrs

from agent_runtime_kernel.bounds import KIB

from ... import bounds
from ..._guard import Result
from ...errors import InvalidValue
from .result import FIELDS, AgentFailed, AgentResult, truncated

_ENVELOPE = "result"  # the type of the object that `claude -p --output-format json` prints
# Each turn of an agent reads the prompt cache again. To count it would use up a budget that is meant for work.
_COUNTED_USAGE = ("input_tokens", "cache_creation_input_tokens", "output_tokens")
_STATUS_FIELDS = ("status", "status_code", "code", "api_error_status", "type", "subtype")
_ERROR_FIELDS = ("error", "errors", "message", "result", "output")
_RETRY_FIELDS = ("retry_after", "retry_after_seconds", "retry-after", "retryAfter")
_TOO_MANY = re.compile(r"\b429\b|rate.?limit|too many requests", re.IGNORECASE)
_RETRY_AFTER = re.compile(
    r"""(?:retry|try again)[\s_-]*(?:after|in)["']?\s*[:=]?\s*["']?(\d+(?:\.\d+)?)""", re.IGNORECASE
)
_OBJECT = re.compile(r"""\{\s*["}]""")
# The cost, in characters, after which the search for an object ends. A text may have thousands of places that look like
# the start of an object but are not, and each may be read to the end of the text. A start costs something, a deep one
# more.
_MAX_WASTED = 8 * 1024 * KIB
_COST_OF_START = 400
_COST_OF_DEEP_START = 40_000
_MAX_DEPTH = 4  # envelopes and errors inside each other


def result_of(value: object) -> AgentResult:
    """Read the answer of an agent: a result, its fields, or a text without a score.

    Raises:
        AgentFailed: it reports an error, it is empty, or a value in it is out of bounds.
    """
    if isinstance(value, AgentResult):
        result = value
    elif isinstance(value, str):
        result = _build({"output": value})
    elif isinstance(value, Mapping):
        result = _from_fields(value, 0)
    else:
        raise AgentFailed(
            Result.INVALID_OUTPUT, f"the agent answered {type(value).__name__}, not a result, its fields or a text"
        )
    if result.is_empty:
        raise AgentFailed(
            Result.INVALID_OUTPUT,
            "the result has neither output nor output_summary",
            tokens_used=result.tokens_used,
        )
    return result


def read_file(text: str) -> AgentResult:
    """Read the text of a result file: an object, or else a text without a score.

    Raises:
        AgentFailed: the object is not complete, or `result_of` refuses it.
    """
    stripped = text.strip()
    if not stripped.startswith("{"):
        return result_of(text)
    try:
        value = json.loads(stripped)
    except (ValueError, RecursionError) as error:
        raise AgentFailed(
            Result.INVALID_OUTPUT, f"the result file is not valid JSON: {error}", output=truncated(text)
        ) from None
    return result_of(value)


def read_output(text: str) -> AgentResult:
    """Read the text that a program printed: the last object that is a result, or else the whole text.

    Raises:
        AgentFailed: `result_of` refuses it.
    """
    found = _last_result(text)
    return result_of(text if found is None else found)


def _from_fields(fields: Mapping[str, Any], depth: int) -> AgentResult:
    tokens = _measured_tokens(fields)
    failed = fields.get("is_error") is True or (bool(fields.get("error")) and not fields.get("output"))
    if failed:
        raise _reported_failure(fields, tokens)
    if fields.get("type") == _ENVELOPE and isinstance(fields.get("result"), str) and depth < _MAX_DEPTH:
        inside = _last_result(fields["result"])
        try:
            inner = _build({"output": fields["result"]}) if inside is None else _from_fields(inside, depth + 1)
        except AgentFailed as failure:
            failure.tokens_used = failure.tokens_used if tokens is None else tokens
            raise
        return inner if tokens is None else attrs.evolve(inner, tokens_used=tokens)
    return _build({**fields, "tokens_used": tokens} if tokens is not None else fields)


def _build(fields: Mapping[str, Any]) -> AgentResult:
    known = {name: value for name, value in fields.items() if name in FIELDS}
    try:
        return AgentResult(**known)
    except (InvalidValue, OverflowError) as error:  # the latter for numbers that are too large to compare
        try:
            tokens_used = AgentResult(tokens_used=known.get("tokens_used", 0)).tokens_used
        except InvalidValue:
            tokens_used = 0
        raise AgentFailed(
            Result.INVALID_OUTPUT,
            f"the result is out of bounds: {error}",
            tokens_used=tokens_used,
            output=truncated(known.get("output")),
        ) from None


def _reported_failure(fields: Mapping[str, Any], tokens: int | None) -> AgentFailed:
    """Return the failure that an agent reports of itself."""
    statuses = list(_values(fields, _STATUS_FIELDS))
    texts = [value for value in _values(fields, _ERROR_FIELDS) if isinstance(value, str)]
    message = "; ".join(dict.fromkeys(texts)) or ", ".join(map(str, statuses)) or "the agent reports an error"
    limited = 429 in statuses or any(_TOO_MANY.search(str(status)) for status in statuses) or _TOO_MANY.search(message)
    if not limited:
        return AgentFailed(Result.EXCEPTION, message, tokens_used=tokens or 0)
    return AgentFailed(
        Result.RATE_LIMITED, message, tokens_used=tokens or 0, retry_after_seconds=_retry_after(fields, message)
    )


def _retry_after(fields: Mapping[str, Any], message: str) -> float | None:
    for value in _values(fields, _RETRY_FIELDS):
        try:
            return bounds.RETRY_AFTER_SECONDS("retry_after_seconds", float(value))
        except (ValueError, OverflowError):
            continue
    match = _RETRY_AFTER.search(message)
    return min(float(match[1]), 31_536_000.0) if match else None


def _values(fields: Mapping[str, Any], names: Sequence[str], depth: int = 0) -> Iterator[Any]:
    """Yield the values under some names in an object and in the errors inside it."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            yield value
    for value in fields.values():
        if isinstance(value, Mapping) and depth < _MAX_DEPTH:
            yield from _values(value, names, depth + 1)


def _measured_tokens(fields: Mapping[str, Any]) -> int | None:
    """Return the tokens used as a client measured them, or None if it did not."""
    usage = fields.get("usage")
    if not isinstance(usage, Mapping):
        return None
    counts = [usage.get(name) for name in _COUNTED_USAGE]
    numbers = [count for count in counts if isinstance(count, int) and not isinstance(count, bool) and count >= 0]
    return min(sum(numbers), bounds.MOST_TOKENS) if numbers else None


def _last_result(text: str) -> Mapping[str, Any] | None:
    """Return the last object in a text that has fields of a result, or else the last that has an error."""
    last_line = text.rstrip().rpartition("\n")[2]
    if last_line.startswith("{"):  # agents are asked to print it there, whatever comes before
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(last_line)
            if _is_result(value):
                return cast("Mapping[str, Any]", value)
    decoder = json.JSONDecoder()
    found = error = None
    position = wasted = 0
    while wasted < _MAX_WASTED and (match := _OBJECT.search(text, position)) is not None:
        try:
            value, position = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError) as failure:
            position = match.start() + 1
            is_deep = isinstance(failure, RecursionError)
            wasted += (
                _COST_OF_DEEP_START if is_deep else _COST_OF_START + getattr(failure, "pos", position) - match.start()
            )
            continue
        if _is_result(value):
            found = value
        elif "error" in value:
            error = value
    return error if found is None else found


def _is_result(value: Mapping[str, Any]) -> bool:
    return (
        not FIELDS.isdisjoint(value)
        or (value.get("type") == _ENVELOPE and "result" in value)
        or value.get("is_error") is True
    )
