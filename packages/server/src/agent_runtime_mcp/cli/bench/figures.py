"""The figures that `agent-runtime bench` measures, and the promises about two of them."""

import statistics
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class Figure:
    """The durations of one kind of work.

    Attributes:
        name: the work.
        milliseconds: the duration of each run; at least one.
    """

    name: str
    milliseconds: tuple[float, ...]

    @property
    def p50(self) -> float:
        """The median, in milliseconds."""
        return statistics.median(self.milliseconds)

    @property
    def p95(self) -> float:
        """The 95th percentile in milliseconds, interpolated between samples."""
        if len(self.milliseconds) == 1:
            return self.milliseconds[0]
        return statistics.quantiles(self.milliseconds, n=20, method="inclusive")[-1]

    @property
    def per_second(self) -> float:
        """The number of runs, one after the other, in a second."""
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
    """A promised duration.

    Attributes:
        name: the work.
        target: milliseconds.
        tolerance: the accepted excess, as a share of the target.
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
    """A promise beside the measured figure."""

    promise: Promise
    figure: Figure

    @property
    def kept(self) -> bool:
        """True if the 95th percentile is within the limit. A figure below the target keeps the promise."""
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
