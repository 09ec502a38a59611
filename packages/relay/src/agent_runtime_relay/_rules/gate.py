"""The two gates between the agents of a pipeline: quality and L-score.

`weigh` makes scores of all evidence about an output. `gates` holds them against the thresholds of the step, and the
output is handed on if it passes every gate. The token budget is not a gate: `decisions` looks after it.

Example: the author claims a quality of 0.9, and a check named "links" scores 0.5. The quality is 0.5, decided by
"check:links". With a threshold of 0.7 the quality gate fails, and the feedback for the next attempt says both.

A gate with a threshold of its own also needs the score in `Scores`, the threshold in `Verdict` (its `measures` and
`passed`), in `Pipeline` (`situation`) and in a column (a migration, `_records/pipelines`, `_records/attempts`), and a
place in what agents and callers see (`_batons`, `_work/prompt`, `_work/readings`, `_relays`).
"""

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
        name: the name of the check.
        score: its result, 0.0 (failed) to 1.0 (passed).
        detail: an explanation for the next attempt, at most 4 KiB.
        verified_sources: whether it verified outside sources, so that provenance starts again.
    """

    name: Annotated[str, CHECK_NAME] = attrs.field(converter=_check_name)
    score: Annotated[float, SCORE] = attrs.field(converter=_check_score)
    detail: Annotated[str, CHECK_DETAIL] = attrs.field(default="", converter=_check_detail)
    verified_sources: bool = attrs.field(default=False, validator=attrs.validators.instance_of(bool))


@attrs.frozen(kw_only=True)
class Scores:
    """The scores of an output, weighed from all evidence.

    Attributes:
        quality_score: the least of the author's own score and the checks, 0.0 to 1.0.
        l_score: the least of the reported and the computed L-score, 0.0 to 1.0.
        score_source: the source of the quality: "self", or "check:" and the name of the check.
        depth: the number of hops from the sources.
    """

    quality_score: float
    l_score: float
    score_source: str
    depth: int


@attrs.frozen(kw_only=True)
class Verdict:
    """The scores of an output and the thresholds of its step, both inclusive."""

    scores: Scores
    quality_threshold: float
    l_score_threshold: float

    @property
    def passed(self) -> bool:
        """True if the output passes every gate."""
        (_, quality, least_quality), (_, l_score, least_l_score) = self.measures
        return quality >= least_quality and l_score >= least_l_score

    @property
    def measures(self) -> tuple[tuple[str, float, float], ...]:
        """The score and the threshold of each gate, after its name."""
        return (
            (QUALITY_GATE, self.scores.quality_score, self.quality_threshold),
            (L_SCORE_GATE, self.scores.l_score, self.l_score_threshold),
        )


@attrs.frozen(kw_only=True)
class GateResult:
    """The result of one gate: the score, the threshold from which it passes (inclusive), and whether it passed."""

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
    """Return the scores of an output.

    If the author gave no score, the checks alone decide; they then also stand for confidence and relevance.

    Args:
        quality_score: the author's own score, 0.0 to 1.0, or None if only checks decide.
        l_score: the L-score that the author reports, or None if checks or the evidence itself decide.
        confidence: the certainty of each piece of evidence, 0.0 to 1.0.
        relevance: the relevance of each piece to the question, 0.0 to 1.0.
        checks: the checks of the output; at least one if the author gave no score.
        depth: the number of hops from the sources through the steps before.
        penalty: the penalty for each hop.
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
    """Return the result of each gate."""
    return tuple(
        GateResult(gate=gate, score=score, threshold=threshold, passed=score >= threshold)
        for gate, score, threshold in verdict.measures
    )


def feedback(verdict: Verdict, checks: Sequence[Check]) -> str | None:
    """Return what the next attempt must do better, or None if the output passed."""
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
        raise ValueError("an output without a score of its own needs at least one check")
    return quality_score
