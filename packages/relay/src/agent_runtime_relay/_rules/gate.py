"""The gate between two agents: what counts as quality, who says so, and whether it is enough."""

from collections.abc import Sequence
from typing import Annotated

import attrs

from agent_runtime_kernel.bounds import KIB, Number, Text

from .provenance import l_score as computed_l_score

SCORE = Number(ge=0, le=1)
CHECK_NAME = Text(min_length=1, max_length=200, one_line=True)
CHECK_DETAIL = Text(max_bytes=4 * KIB)
QUALITY_GATE = "quality"
L_SCORE_GATE = "l_score"
SELF = "self"


def _check_name(value: str) -> str:
    return CHECK_NAME("name", value)


def _check_score(value: float) -> float:
    return SCORE("score", value)


def _check_detail(value: str) -> str:
    return CHECK_DETAIL("detail", value)


@attrs.frozen(kw_only=True)
class Check:
    """Evidence for the quality of an output that does not come from its author.

    Attributes:
        name: what was checked.
        score: what it found, 0.0 (failed) to 1.0 (passed).
        detail: what there is to say about it, for the next attempt to read; at most 4 KiB.
        verified_sources: whether it verified outside sources, so that provenance starts anew.
    """

    name: Annotated[str, CHECK_NAME] = attrs.field(converter=_check_name)
    score: Annotated[float, SCORE] = attrs.field(converter=_check_score)
    detail: Annotated[str, CHECK_DETAIL] = attrs.field(default="", converter=_check_detail)
    verified_sources: bool = attrs.field(default=False, validator=attrs.validators.instance_of(bool))


@attrs.frozen(kw_only=True)
class Scores:
    """The scores of an output, weighed from all evidence.

    Attributes:
        quality_score: the least of the author's own mark and the checks, 0.0 to 1.0.
        l_score: the least of what was reported and what was computed, 0.0 to 1.0.
        score_source: who decided the quality: "self", or "check:" and the name of the check.
        depth: hops from the sources.
    """

    quality_score: float
    l_score: float
    score_source: str
    depth: int


@attrs.frozen(kw_only=True)
class Verdict:
    """The scores of an output beside the thresholds that it was held against, both inclusive."""

    scores: Scores
    quality_threshold: float
    l_score_threshold: float

    @property
    def passed(self) -> bool:
        """True if it may be handed on."""
        return self.scores.quality_score >= self.quality_threshold and self.scores.l_score >= self.l_score_threshold


@attrs.frozen(kw_only=True)
class GateResult:
    """One gate: what was measured, from where on it passes (inclusive), and whether it did."""

    gate: str
    score: float
    threshold: float
    passed: bool


def weigh(
    *,
    quality_score: float | None,
    l_score: float | None,
    confidence: Sequence[float],
    relevance: Sequence[float],
    checks: Sequence[Check],
    depth: int,
    penalty: float,
) -> Scores:
    """Return what an output is worth.

    Where the author gave no mark, the checks alone decide, and they stand for the confidence and relevance, too.

    Args:
        quality_score: the author's own mark, 0.0 to 1.0, or None where only checks speak.
        l_score: the provenance that the author reports, or None where checks or the evidence itself speak.
        confidence: how sure each piece of evidence is.
        relevance: how much each piece has to do with the question.
        checks: what others found; at least one where a mark is missing.
        depth: hops from the sources through the steps before.
        penalty: the penalty for a hop.
    """
    depth = 1 if any(check.verified_sources for check in checks) else depth
    decisive = min(checks, key=lambda check: check.score, default=None)
    if decisive is not None and (quality_score is None or decisive.score < quality_score):
        quality, source = decisive.score, f"check:{decisive.name}"
    else:
        quality, source = _known(quality_score), SELF
    if l_score is None and not confidence and not relevance:
        confidence = relevance = [check.score for check in checks]
    candidates = [] if l_score is None else [l_score]
    if confidence or relevance:
        candidates.append(computed_l_score(confidence, relevance, depth, penalty))
    return Scores(quality_score=quality, l_score=min(candidates), score_source=source, depth=depth)


def gates(verdict: Verdict) -> tuple[GateResult, ...]:
    """Return how an output fares at either gate."""
    pairs = (
        (QUALITY_GATE, verdict.scores.quality_score, verdict.quality_threshold),
        (L_SCORE_GATE, verdict.scores.l_score, verdict.l_score_threshold),
    )
    return tuple(
        GateResult(gate=gate, score=score, threshold=threshold, passed=score >= threshold)
        for gate, score, threshold in pairs
    )


def feedback(verdict: Verdict, checks: Sequence[Check]) -> str | None:
    """Say what the next attempt must do better, or None when the output passed."""
    if verdict.passed:
        return None
    failed = [
        f"{result.gate} {result.score:.4g} is below {result.threshold:.4g}"
        for result in gates(verdict)
        if not result.passed
    ]
    if verdict.scores.score_source != SELF:
        failed.append(f"the quality was decided by {verdict.scores.score_source}")
    failed += [
        f"check:{check.name} scored {check.score:.4g}" + (f": {check.detail}" if check.detail else "")
        for check in checks
        if check.score < verdict.quality_threshold
    ]
    return "; ".join(failed)


def _known(quality_score: float | None) -> float:
    if quality_score is None:
        raise ValueError("an output without a mark of its own needs at least one check")
    return quality_score
