"""What `agent-runtime bench` measures, as figures, and what was promised of some of them."""

import statistics
from collections.abc import Sequence
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class Figure:
    """How long something took, over and over.

    Attributes:
        name: what.
        milliseconds: each time, at least one.
    """

    name: str
    milliseconds: tuple[float, ...]

    @property
    def p50(self) -> float:
        """The median, in milliseconds."""
        return statistics.median(self.milliseconds)

    @property
    def p95(self) -> float:
        """What 95 of 100 do not exceed, in milliseconds; between samples it is interpolated."""
        if len(self.milliseconds) == 1:
            return self.milliseconds[0]
        return statistics.quantiles(self.milliseconds, n=20, method="inclusive")[-1]

    @property
    def per_second(self) -> float:
        """How many follow one another in a second."""
        return 1000 * len(self.milliseconds) / sum(self.milliseconds)

    def as_json(self) -> dict[str, Any]:
        """Return the figure as JSON values."""
        return {
            "name": self.name,
            "p50_ms": round(self.p50, 3),
            "p95_ms": round(self.p95, 3),
            "per_second": round(self.per_second, 1),
            "samples": len(self.milliseconds),
        }


@attrs.frozen(kw_only=True)
class Promise:
    """How long something is promised to take.

    Attributes:
        name: what.
        target: milliseconds.
        tolerance: how far above the target it may lie, as a share of it.
    """

    name: str
    target: float
    tolerance: float

    @property
    def limit(self) -> float:
        """The longest time that keeps the promise, in milliseconds."""
        return self.target * (1 + self.tolerance)


@attrs.frozen(kw_only=True)
class Verdict:
    """A promise beside what was measured."""

    promise: Promise
    figure: Figure

    @property
    def kept(self) -> bool:
        """Whether 95 of 100 lie within the tolerance; to be faster than promised keeps the promise."""
        return self.figure.p95 <= self.promise.limit

    def as_json(self) -> dict[str, Any]:
        """Return the verdict as JSON values."""
        return {
            "name": self.promise.name,
            "target_ms": self.promise.target,
            "tolerance_percent": round(self.promise.tolerance * 100),
            "limit_ms": self.promise.limit,
            "p50_ms": round(self.figure.p50, 3),
            "p95_ms": round(self.figure.p95, 3),
            "samples": len(self.figure.milliseconds),
            "kept": self.kept,
        }


DECOMPOSITION = Promise(name="task decomposition", target=1200, tolerance=0.25)
HANDOFF = Promise(name="baton handoff", target=89, tolerance=0.5)


def all_kept(verdicts: Sequence[Verdict]) -> bool:
    """Say whether every promise is kept."""
    return all(verdict.kept for verdict in verdicts)
