"""The settings of a breaker: their bounds, their defaults, and the validation of changes."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any, TypedDict

import attrs

from agent_runtime_kernel.bounds import Choice, Integer, Number, Text

from ..errors import InvalidValue

KEEP = attrs.NOTHING
YEAR_IN_SECONDS = 31_536_000


class Mode(StrEnum):
    """The modes of a breaker.

    It decides by itself (normal), only records (metrics_only), or a person has decided (forced_open, disabled).
    """

    NORMAL = "normal"
    FORCED_OPEN = "forced_open"
    DISABLED = "disabled"
    METRICS_ONLY = "metrics_only"


AGENT_ID = Text(min_length=1, max_length=200, exact=True)
COUNT = Integer(ge=1, le=1_000_000)
PROBES = Integer(ge=1, le=1_000)
SECONDS = Number(ge=0, le=YEAR_IN_SECONDS)
SOME_SECONDS = Number(ge=0.001, le=YEAR_IN_SECONDS)
RATE = Number(gt=0, le=1)
MULTIPLIER = Number(ge=1, le=100)
MODE = Choice(words=tuple(Mode))

AgentId = Annotated[str, AGENT_ID]
Count = Annotated[int, COUNT]
Probes = Annotated[int, PROBES]
Seconds = Annotated[float, SECONDS]
SomeSeconds = Annotated[float, SOME_SECONDS]
Rate = Annotated[float, RATE]
Multiplier = Annotated[float, MULTIPLIER]
ModeName = Annotated[str, MODE]


@attrs.frozen(kw_only=True)
class Settings:
    """The settings of a breaker; a new breaker has the defaults.

    Attributes:
        mode: normal, forced_open, disabled or metrics_only.
        failure_threshold: the number of failures within the window that opens it.
        window_seconds: the time for which an outcome counts.
        cooldown_seconds: the time for which it stays open the first time.
        success_threshold: the number of probes that must succeed to close it.
        half_open_max_calls: the greatest number of probes in flight at once.
        probe_lease_seconds: the time that a probe may take before its slot is given away.
        fallback_agent: the agent that stands in while it refuses, or None.
        failure_rate_threshold: the share of failures within the window that opens it, above 0 and up to 1, or None.
        minimum_calls: the number of outcomes within the window from which on the share counts.
        slow_call_seconds: the time above which a success counts as a failure, or None.
        cooldown_multiplier: the factor of the cooldown each time it opens again without having been closed.
        max_cooldown_seconds: the longest cooldown, unless `cooldown_seconds` is longer.
    """

    mode: Mode = Mode.NORMAL
    failure_threshold: int = 5
    window_seconds: float = 60.0
    cooldown_seconds: float = 300.0
    success_threshold: int = 2
    half_open_max_calls: int = 1
    probe_lease_seconds: float = 900.0
    fallback_agent: str | None = None
    failure_rate_threshold: float | None = None
    minimum_calls: int = 10
    slow_call_seconds: float | None = None
    cooldown_multiplier: float = 1.0
    max_cooldown_seconds: float = 3600.0

    @property
    def window(self) -> int:
        """The window in milliseconds."""
        return round(self.window_seconds * 1000)

    @property
    def probe_lease(self) -> int:
        """The lease of a probe in milliseconds."""
        return round(self.probe_lease_seconds * 1000)

    def cooldown(self, consecutive_trips: int) -> int:
        """Return the cooldown in milliseconds after some trips in a row.

        It is cooldown x multiplier^(trips - 1), at most the larger of the cooldown and its maximum.
        """
        longest = max(self.max_cooldown_seconds, self.cooldown_seconds)
        try:
            grown = self.cooldown_seconds * self.cooldown_multiplier ** max(consecutive_trips - 1, 0)
        except OverflowError:
            grown = longest if self.cooldown_seconds else 0.0
        return round(min(grown, longest) * 1000)


class SettingChanges(TypedDict, total=False):
    """Changes of settings, each under its own name. KEEP keeps a setting; None clears one that may be None."""

    mode: ModeName | attrs.NothingType
    failure_threshold: Count | attrs.NothingType
    window_seconds: SomeSeconds | attrs.NothingType
    cooldown_seconds: Seconds | attrs.NothingType
    success_threshold: Count | attrs.NothingType
    half_open_max_calls: Probes | attrs.NothingType
    probe_lease_seconds: SomeSeconds | attrs.NothingType
    fallback_agent: AgentId | attrs.NothingType | None
    failure_rate_threshold: Rate | attrs.NothingType | None
    minimum_calls: Count | attrs.NothingType
    slow_call_seconds: Seconds | attrs.NothingType | None
    cooldown_multiplier: Multiplier | attrs.NothingType
    max_cooldown_seconds: Seconds | attrs.NothingType


DEFAULTS = Settings()

_CHECKS: Mapping[str, Callable[[str, object], Any]] = {
    "mode": lambda name, value: Mode(MODE(name, value)),
    "failure_threshold": COUNT,
    "window_seconds": SOME_SECONDS,
    "cooldown_seconds": SECONDS,
    "success_threshold": COUNT,
    "half_open_max_calls": PROBES,
    "probe_lease_seconds": SOME_SECONDS,
    "fallback_agent": AGENT_ID,
    "failure_rate_threshold": RATE,
    "minimum_calls": COUNT,
    "slow_call_seconds": SECONDS,
    "cooldown_multiplier": MULTIPLIER,
    "max_cooldown_seconds": SECONDS,
}
_MAY_BE_NONE = frozenset(name for name in _CHECKS if getattr(DEFAULTS, name) is None)


def validated_settings(agent_id: str, given: SettingChanges) -> dict[str, Any]:
    """Validate the given settings and return those that are not KEEP.

    Raises:
        InvalidValue: a setting is out of its bounds, can't be cleared, or makes the agent its own fallback.
        TypeError: there is no such setting.
    """
    changes: dict[str, Any] = {}
    if unknown := given.keys() - _CHECKS.keys():
        raise TypeError(f"a breaker has no setting {', '.join(sorted(unknown))}; it has {', '.join(_CHECKS)}")
    for name, value in given.items():
        if value is KEEP:
            continue
        if value is not None:
            changes[name] = _CHECKS[name](name, value)
        elif name in _MAY_BE_NONE:
            changes[name] = None
        else:
            default = getattr(DEFAULTS, name)
            raise InvalidValue(name, "can't be cleared", f"omit {name} to keep it; its default is {default}")
    if changes.get("fallback_agent") == agent_id:
        raise InvalidValue("fallback_agent", f"is {agent_id} itself", "name another agent, or null for none")
    return changes
