"""Measuring turn by turn with floors, and saying how what was measured compares with them."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import attrs

Action = Callable[[], object]


@attrs.frozen(kw_only=True)
class Figure:
    """What was measured, beside what it is held against.

    Attributes:
        name: what was measured.
        value: the measured value, in the unit.
        unit: ms, us, MiB or a ratio, which has none.
        floors: the values of the same run that it is compared with, by their names.
        goal: the goal in words.
        allowed: the largest value that reaches the goal; the smallest, where more is better.
        more_is_better: whether it is.
    """

    name: str
    value: float
    unit: str
    floors: Mapping[str, float]
    goal: str
    allowed: float
    more_is_better: bool = False

    @property
    def ratio(self) -> float:
        """The value as a multiple of what is allowed; where more is better, of what it is to be."""
        return self.value / self.allowed

    @property
    def reached(self) -> bool:
        """Whether the goal is reached."""
        return self.value >= self.allowed if self.more_is_better else self.value <= self.allowed

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values, for the file that pytest-benchmark keeps."""
        return {
            "value": round(self.value, 4),
            "unit": self.unit,
            "floors": {name: round(value, 4) for name, value in self.floors.items()},
            "goal": self.goal,
            "allowed": round(self.allowed, 4),
            "ratio": round(self.ratio, 3),
            "reached": self.reached,
        }


@attrs.define
class Figures:
    """The figures of a run.

    Attributes:
        found: by the test that found them.
    """

    found: list[Figure] = attrs.field(factory=list)

    def add(self, benchmark: Any, figure: Figure) -> None:
        """Keep a figure, in the benchmark's file, too."""
        self.found.append(figure)
        benchmark.extra_info[figure.name] = figure.as_json()


@attrs.frozen
class Beside:
    """Measures an operation turn by turn with its floors.

    Args:
        benchmark: the fixture of pytest-benchmark.
        figures: where the result goes.
    """

    benchmark: Any
    figures: Figures

    def __call__(
        self,
        name: str,
        operation: Callable[..., object],
        *,
        floors: Mapping[str, Action],
        goal: Mapping[str, float],
        rounds: int,
        prepare: Callable[[], tuple[Any, ...]] = tuple,
    ) -> None:
        """Measure an operation, and compare its median with the medians of its floors.

        Args:
            name: what is measured.
            operation: what is measured, with what `prepare` returned as arguments.
            floors: what is run, and timed, before each time.
            goal: how many times each floor the operation may take in all.
            rounds: how often.
            prepare: what is done before each time, and not measured.
        """
        times: dict[str, list[float]] = {floor: [] for floor in floors}

        def turn() -> tuple[tuple[Any, ...], dict[str, Any]]:
            for floor, action in floors.items():
                times[floor].append(timed(action))
            return prepare(), {}

        self.benchmark.pedantic(operation, setup=turn, rounds=rounds, iterations=1, warmup_rounds=min(10, rounds // 10))
        medians = {floor: statistics.median(each) for floor, each in times.items()}
        self.figures.add(
            self.benchmark,
            Figure(
                name=name,
                value=statistics.median(self.benchmark.stats.stats.data) * 1e6,
                unit="us",
                floors={floor: median * 1e6 for floor, median in medians.items()},
                goal=" + ".join(f"{factor:g} x {floor}" for floor, factor in goal.items()),
                allowed=sum(factor * medians[floor] for floor, factor in goal.items()) * 1e6,
            ),
        )


def timed(action: Action) -> float:
    """Return the seconds that something takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def p95(samples: list[float]) -> float:
    """Return what 95 of 100 samples do not exceed."""
    return statistics.quantiles(samples, n=20, method="inclusive")[-1]
