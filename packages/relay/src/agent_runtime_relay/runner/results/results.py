"""What an agent hands in, and how it is read out of what a program wrote."""

import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import attrs

from agent_runtime_kernel.bounds import KIB, to_json

from ... import bounds
from ..._guard import Result
from ..._rules.gate import SCORE
from ...errors import InvalidValue, RelayError

FIELDS = frozenset(
    {
        "quality_score",
        "l_score",
        "confidence",
        "relevance",
        "output",
        "output_summary",
        "sources",
        "tokens_used",
    }
)
_ENVELOPE = "result"  # the type of what `claude -p --output-format json` prints
# What a prompt cache holds is read anew in every turn of an agent; it would use up a budget that is meant for work.
_COUNTED_USAGE = ("input_tokens", "cache_creation_input_tokens", "output_tokens")
_STATUS_FIELDS = ("status", "status_code", "code", "api_error_status", "type", "subtype")
_ERROR_FIELDS = ("error", "errors", "message", "result", "output")
_RETRY_FIELDS = ("retry_after", "retry_after_seconds", "retry-after", "retryAfter")
_TOO_MANY = re.compile(r"\b429\b|rate.?limit|too many requests", re.IGNORECASE)
_RETRY_AFTER = re.compile(
    r"""(?:retry|try again)[\s_-]*(?:after|in)["']?\s*[:=]?\s*["']?(\d+(?:\.\d+)?)""", re.IGNORECASE
)
_OBJECT = re.compile(r"""\{\s*["}]""")
# How much is read in vain, in characters, before a text is taken for one without a result: what begins like an object
# and is none may begin thousands of times, and end only with the text. A start costs something, a deep one more.
_READ_IN_VAIN = 8 * 1024 * KIB
_A_START = 400
_A_DEEP_START = 40_000
_DEEPEST = 4  # envelopes and errors inside each other

Scores = float | Sequence[float] | None


class AgentFailed(RelayError, RuntimeError):
    """An agent handed nothing in.

    Attributes:
        failure_type: timeout, exception, invalid_output, rate_limited, resource_exhausted or quality_failure.
        tokens_used: what it cost all the same.
        output: what it wrote until then.
        retry_after_seconds: with rate_limited, when it may be asked again, or None.
    """

    def __init__(
        self,
        failure_type: str,
        message: str,
        *,
        tokens_used: int = 0,
        output: str = "",
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(fitting(message, 64 * KIB))
        self.failure_type = Result(bounds.FAILURE_TYPE("failure_type", failure_type))
        self.tokens_used = bounds.TOKENS("tokens_used", tokens_used)
        self.output = fitting(output)
        self.retry_after_seconds = (
            None
            if retry_after_seconds is None
            else bounds.RETRY_AFTER_SECONDS("retry_after_seconds", retry_after_seconds)
        )


def _quality_score(value: float | None) -> float | None:
    return None if value is None else SCORE("quality_score", value)


def _l_score(value: float | None) -> float | None:
    return None if value is None else SCORE("l_score", value)


def _confidence(value: Scores) -> tuple[float, ...]:
    return _scores("confidence", value)


def _relevance(value: Scores) -> tuple[float, ...]:
    return _scores("relevance", value)


def _scores(name: str, value: Scores) -> tuple[float, ...]:
    if value is None:
        return ()
    return tuple(bounds.SCORES(name, value if isinstance(value, list | tuple) else [value]))


def _output(value: str | Mapping[str, Any] | Sequence[Any] | None) -> str:
    """Return an output as text: agents that are asked for JSON hand in an object."""
    try:
        written = to_json(value) if isinstance(value, dict | list) else value
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidValue("output", f"is no JSON: {error}") from None
    return bounds.OUTPUT("output", "" if written is None else written)


def _summary(value: str | None) -> str:
    return bounds.SUMMARY("output_summary", "" if value is None else value)


def _sources(value: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(bounds.SOURCES("sources", [] if value is None else value))


def _tokens_used(value: int | None) -> int:
    return bounds.TOKENS("tokens_used", 0 if value is None else value)


@attrs.frozen(kw_only=True)
class AgentResult:
    """What an agent hands in.

    Attributes:
        output: the whole output, at most 1 MiB; an object or a list is written as JSON.
        quality_score: its own mark, 0.0 to 1.0; None where it gave none: then only checks can let it pass.
        l_score: the provenance that it reports, 0.0 to 1.0, or None.
        confidence: how sure each piece of evidence is, 0.0 to 1.0: a number or a list.
        relevance: how much each has to do with the mission, 0.0 to 1.0: a number or a list.
        output_summary: what the next agent is told, at most 64 KiB.
        sources: where it comes from.
        tokens_used: what the work cost.
    """

    output: str = attrs.field(default="", converter=_output)
    quality_score: float | None = attrs.field(default=None, converter=_quality_score)
    l_score: float | None = attrs.field(default=None, converter=_l_score)
    confidence: tuple[float, ...] = attrs.field(default=(), converter=_confidence)
    relevance: tuple[float, ...] = attrs.field(default=(), converter=_relevance)
    output_summary: str = attrs.field(default="", converter=_summary)
    sources: tuple[str, ...] = attrs.field(default=(), converter=_sources)
    tokens_used: int = attrs.field(default=0, converter=_tokens_used)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to hand on."""
        return not self.output and not self.output_summary


def result_of(value: object) -> AgentResult:
    """Read what an agent answered: a result, its fields, or a text that nobody has judged.

    Raises:
        AgentFailed: it tells of an error, it is empty, or a value in it is out of its bounds.
    """
    if isinstance(value, AgentResult):
        result = value
    elif isinstance(value, str):
        result = _built({"output": value})
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
    """Read the result that a program wrote into its file: an object, or else a text that nobody has judged.

    Raises:
        AgentFailed: it is an object that was not finished, or `result_of` refuses it.
    """
    stripped = text.strip()
    if not stripped.startswith("{"):
        return result_of(text)
    try:
        value = json.loads(stripped)
    except (ValueError, RecursionError) as error:
        raise AgentFailed(
            Result.INVALID_OUTPUT, f"the result file is not valid JSON: {error}", output=fitting(text)
        ) from None
    return result_of(value)


def read_output(text: str) -> AgentResult:
    """Read the result off what a program printed: the last object that is one, or else all of it as a text.

    Raises:
        AgentFailed: `result_of` refuses it.
    """
    found = _last_result(text)
    return result_of(text if found is None else found)


def as_file(result: AgentResult) -> str:
    """Write a result as `read_file` reads it."""
    return to_json(attrs.asdict(result))


def _from_fields(fields: Mapping[str, Any], depth: int) -> AgentResult:
    tokens = _tokens(fields)
    failed = fields.get("is_error") is True or (bool(fields.get("error")) and not fields.get("output"))
    if failed:
        raise _reported(fields, tokens)
    if fields.get("type") == _ENVELOPE and isinstance(fields.get("result"), str) and depth < _DEEPEST:
        inside = _last_result(fields["result"])
        try:
            inner = _built({"output": fields["result"]}) if inside is None else _from_fields(inside, depth + 1)
        except AgentFailed as failure:
            failure.tokens_used = failure.tokens_used if tokens is None else tokens
            raise
        return inner if tokens is None else attrs.evolve(inner, tokens_used=tokens)
    return _built({**fields, "tokens_used": tokens} if tokens is not None else fields)


def _built(fields: Mapping[str, Any]) -> AgentResult:
    known = {name: value for name, value in fields.items() if name in FIELDS}
    try:
        return AgentResult(**known)
    except (InvalidValue, OverflowError) as error:  # the latter of numbers that are too large to compare
        try:
            tokens_used = _tokens_used(known.get("tokens_used"))
        except InvalidValue:
            tokens_used = 0
        raise AgentFailed(
            Result.INVALID_OUTPUT,
            f"the result is out of bounds: {error}",
            tokens_used=tokens_used,
            output=fitting(known.get("output")),
        ) from None


def _reported(fields: Mapping[str, Any], tokens: int | None) -> AgentFailed:
    """Return the failure that an agent reports of itself."""
    statuses = list(_values(fields, _STATUS_FIELDS))
    said = [value for value in _values(fields, _ERROR_FIELDS) if isinstance(value, str)]
    words = "; ".join(dict.fromkeys(said)) or ", ".join(map(str, statuses)) or "the agent reports an error"
    limited = 429 in statuses or any(_TOO_MANY.search(str(status)) for status in statuses) or _TOO_MANY.search(words)
    if not limited:
        return AgentFailed(Result.EXCEPTION, words, tokens_used=tokens or 0)
    return AgentFailed(
        Result.RATE_LIMITED, words, tokens_used=tokens or 0, retry_after_seconds=_retry_after(fields, words)
    )


def _retry_after(fields: Mapping[str, Any], words: str) -> float | None:
    for value in _values(fields, _RETRY_FIELDS):
        try:
            return bounds.RETRY_AFTER_SECONDS("retry_after_seconds", float(value))
        except (ValueError, OverflowError):
            continue
    match = _RETRY_AFTER.search(words)
    return min(float(match[1]), 31_536_000.0) if match else None


def _values(fields: Mapping[str, Any], names: Sequence[str], depth: int = 0) -> Iterator[Any]:
    """Yield what stands under some names in an object and in the errors inside it."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            yield value
    for value in fields.values():
        if isinstance(value, Mapping) and depth < _DEEPEST:
            yield from _values(value, names, depth + 1)


def _tokens(fields: Mapping[str, Any]) -> int | None:
    """Return what was used as a client measured it; None where nothing tells."""
    usage = fields.get("usage")
    if not isinstance(usage, Mapping):
        return None
    counts = [usage.get(name) for name in _COUNTED_USAGE]
    numbers = [count for count in counts if isinstance(count, int) and not isinstance(count, bool) and count >= 0]
    return min(sum(numbers), bounds.MOST_TOKENS) if numbers else None


def _last_result(text: str) -> Mapping[str, Any] | None:
    """Return the last object in a text that has fields of a result; where there is none, the last that has an error."""
    last_line = text.rstrip().rpartition("\n")[2]
    if last_line.startswith("{"):  # where agents are asked to print it, whatever comes before
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(last_line)
            if _is_result(value):
                return cast("Mapping[str, Any]", value)
    decoder = json.JSONDecoder()
    found = error = None
    position = in_vain = 0
    while in_vain < _READ_IN_VAIN and (match := _OBJECT.search(text, position)) is not None:
        try:
            value, position = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError) as failure:
            position = match.start() + 1
            is_deep = isinstance(failure, RecursionError)
            in_vain += _A_DEEP_START if is_deep else _A_START + getattr(failure, "pos", position) - match.start()
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


def fitting(text: object, at_most: int = 1024 * 1024) -> str:
    """Return as much of a text as may be kept beside a failure, without what no text may hold."""
    if not isinstance(text, str):
        return ""
    return text.replace("\0", "").encode(errors="replace")[:at_most].decode(errors="ignore")
