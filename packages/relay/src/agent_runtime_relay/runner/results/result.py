"""The result of an agent, its bounds, and the failure of an agent that has none."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from agent_runtime_kernel.bounds import KIB, to_json

from ... import bounds
from ..._guard import Result
from ..._rules.gate import SCORE
from ...errors import InvalidValue, RelayError

Scores = float | Sequence[float] | None


class AgentFailed(RelayError, RuntimeError):
    """An agent has no result.

    Attributes:
        failure_type: timeout, exception, invalid_output, rate_limited, resource_exhausted or quality_failure.
        tokens_used: by the attempt, although it failed.
        output: the text that it wrote until then.
        retry_after_seconds: with rate_limited, the seconds after which it may be asked again, or None.
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
        super().__init__(truncated(message, 64 * KIB))
        self.failure_type = Result(bounds.FAILURE_TYPE("failure_type", failure_type))
        self.tokens_used = bounds.TOKENS("tokens_used", tokens_used)
        self.output = truncated(output)
        self.retry_after_seconds = (
            None
            if retry_after_seconds is None
            else bounds.RETRY_AFTER_SECONDS("retry_after_seconds", retry_after_seconds)
        )


def truncated(text: object, at_most: int = 1024 * KIB) -> str:
    """Return a text cut to some bytes and without null characters; return an empty text for any other value."""
    if not isinstance(text, str):
        return ""
    return text.replace("\0", "").encode(errors="replace")[:at_most].decode(errors="ignore")


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
    """Return an output as text: an agent that is asked for JSON may return an object."""
    try:
        text = to_json(value) if isinstance(value, dict | list) else value
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidValue("output", f"can't be written as JSON: {error}") from None
    return bounds.OUTPUT("output", "" if text is None else text)


def _summary(value: str | None) -> str:
    return bounds.SUMMARY("output_summary", "" if value is None else value)


def _sources(value: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(bounds.SOURCES("sources", [] if value is None else value))


def _tokens_used(value: int | None) -> int:
    return bounds.TOKENS("tokens_used", 0 if value is None else value)


@attrs.frozen(kw_only=True)
class AgentResult:
    """The result of an agent.

    Attributes:
        output: the whole output, at most 1 MiB; an object or a list is written as JSON.
        quality_score: its own score, 0.0 to 1.0; None if it gave none: then only checks can let it pass.
        l_score: the provenance score that it reports, 0.0 to 1.0, or None.
        confidence: the certainty of each piece of evidence, 0.0 to 1.0: a number or a list.
        relevance: the relevance of each to the mission, 0.0 to 1.0: a number or a list.
        output_summary: the text that the next agent is told, at most 64 KiB.
        sources: the sources that it used.
        tokens_used: the tokens that the work cost.
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
        """True if it has neither an output nor a summary."""
        return not self.output and not self.output_summary


FIELDS = frozenset(field.name for field in attrs.fields(AgentResult))


def as_file(result: AgentResult) -> str:
    """Return a result as the text of a result file."""
    return to_json(attrs.asdict(result))
