"""The submission for a step, with a hash in place of the text itself."""

import hashlib
from typing import Any

import attrs

from agent_runtime_kernel.bounds import from_json, to_json

from .._rules.gate import SCORE, Check
from ..bounds import ENTITY_ID, OUTPUT, SCORES, SOURCES, SUMMARY, TOKENS
from ..errors import InvalidValue


@attrs.frozen(kw_only=True)
class Submission:
    """The values that an agent hands in; equal values are the same submission.

    Attributes:
        quality_score: the author's own score, or None if only checks decide.
        l_score: the provenance that it reports, or None where checks or the evidence for it speak.
        tokens_used: the tokens that the work used.
        entity_id: the author's own id of it, or None.
        summary: the summary for the next agent.
        sources: the sources of the output.
        confidence: the certainty of each piece of evidence.
        relevance: the relevance of each piece to the question.
        checks: the checks of the output.
        sha256: the SHA-256 of the text.
    """

    quality_score: float | None
    l_score: float | None
    tokens_used: int
    entity_id: int | None = None
    summary: str = ""
    sources: tuple[str, ...] = ()
    confidence: tuple[float, ...] = ()
    relevance: tuple[float, ...] = ()
    checks: tuple[Check, ...] = ()
    sha256: str


@attrs.frozen(kw_only=True)
class Delivery:
    """A submission together with its text."""

    submission: Submission
    text: str

    @property
    def is_empty(self) -> bool:
        """True if there is nothing to read in it."""
        return not self.text and not self.submission.summary


def checked_delivery(
    *,
    quality_score: object,
    l_score: object,
    tokens_used: object,
    output_entity_id: object,
    output_summary: object,
    output: object,
    sources: object,
    confidence: object,
    relevance: object,
    checks: object,
) -> Delivery:
    """Hold what was handed in against its bounds.

    Raises:
        InvalidValue: a value is out of its bounds, or a score is missing where nothing speaks for it.
    """
    evidence = _checks(checks)
    confidences, relevances = SCORES("confidence", confidence), SCORES("relevance", relevance)
    text = OUTPUT("output", output)
    return Delivery(
        submission=Submission(
            quality_score=_score("quality_score", quality_score, may_miss=bool(evidence)),
            l_score=_score("l_score", l_score, may_miss=bool(evidence or confidences or relevances)),
            tokens_used=TOKENS("tokens_used", tokens_used),
            entity_id=None if output_entity_id is None else ENTITY_ID("output_entity_id", output_entity_id),
            summary=SUMMARY("output_summary", output_summary),
            sources=SOURCES("sources", sources),
            confidence=confidences,
            relevance=relevances,
            checks=evidence,
            sha256=hash_of(text),
        ),
        text=text,
    )


def hash_of(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def checks_to_json(checks: tuple[Check, ...]) -> str:
    """Write checks as they are kept."""
    return to_json([attrs.asdict(check) for check in checks]) if checks else "[]"


def checks_from_json(text: str) -> tuple[Check, ...]:
    """Read what `checks_to_json` wrote."""
    fields: list[dict[str, Any]] = from_json(text)
    return tuple(Check(**field) for field in fields)


def _checks(value: object) -> tuple[Check, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(check, Check) for check in value):
        raise InvalidValue("checks", "must be a list of checks")
    return tuple(value)


def _score(name: str, value: object, *, may_miss: bool) -> float | None:
    if value is None and may_miss:
        return None
    return SCORE(name, value)
