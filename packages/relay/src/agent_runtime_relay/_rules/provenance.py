"""The L-score: how far an output can be traced to evidence, given how often it was handed on.

L = G x R / (1 + p x d), with G the geometric mean of the confidences, R the arithmetic mean of the relevances, d the
depth of the output in hops from its sources, and p the penalty for a hop. The published formula has p = 0.1, which
sinks below 0.3 by step 24 even when every step is perfect; a relay of N steps therefore takes p = min(0.1, 1 / N), so
that its last step is divided by at most 2.
"""

import math
from collections.abc import Sequence

PUBLISHED_PENALTY = 0.1
ACCEPTED_FROM = 0.3
FLOOR = 1e-10
UNKNOWN = 0.5

# What the floating point adds or loses must not decide at a threshold.
_PLACES = 12


def l_score(
    confidence: Sequence[float], relevance: Sequence[float], depth: int, penalty: float = PUBLISHED_PENALTY
) -> float:
    """Compute the L-score of an output.

    Args:
        confidence: the certainty of each piece of evidence, 0.0 to 1.0; zeros count as 1e-10, none at all as 0.5.
        relevance: the relevance of each piece to the question, 0.0 to 1.0; none at all counts as 0.5.
        depth: hops from the sources, 0 for a source itself.
        penalty: p, the penalty for a hop.
    """
    trust = geometric_mean(confidence) if confidence else UNKNOWN
    match = math.fsum(relevance) / len(relevance) if relevance else UNKNOWN
    return round(trust * match / (1 + penalty * depth), _PLACES)


def geometric_mean(values: Sequence[float]) -> float:
    """Return the geometric mean of at least one value, each floored at 1e-10."""
    if len(values) == 1:
        return max(values[0], FLOOR)
    return math.exp(math.fsum(math.log(max(value, FLOOR)) for value in values) / len(values))


def depth_penalty(total_steps: int) -> float:
    """Return the penalty for a hop in a relay of so many steps: min(0.1, 1 / N)."""
    return min(PUBLISHED_PENALTY, 1 / total_steps)
