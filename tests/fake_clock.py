"""A clock that tests advance."""

import attrs


@attrs.define
class FakeClock:
    """A clock in epoch seconds that stands still until it is advanced."""

    seconds: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds

    @property
    def milliseconds(self) -> int:
        return round(self.seconds * 1000)

    def advance(self, seconds: float) -> None:
        self.seconds += seconds
