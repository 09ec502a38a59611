"""A breaker as one would keep it by hand: plain lists and words, written without a look at the library's machine."""

import copy
from collections.abc import Callable
from typing import Any

FAILURES = ("timeout", "exception", "quality_failure", "resource_exhausted", "rate_limited", "invalid_output")
DEFAULTS: dict[str, Any] = {
    "mode": "normal",
    "failure_threshold": 5,
    "window_seconds": 60,
    "cooldown_seconds": 300,
    "success_threshold": 2,
    "half_open_max_calls": 1,
    "probe_lease_seconds": 900,
    "failure_rate_threshold": None,
    "minimum_calls": 10,
    "slow_call_seconds": None,
    "cooldown_multiplier": 1,
    "max_cooldown_seconds": 3600,
}


class ModelBreaker:
    """One agent's breaker; times are in milliseconds."""

    def __init__(self, is_alive: Callable[[str], bool | None]) -> None:
        self.is_alive = is_alive
        self.settings = dict(DEFAULTS)
        self.word = "closed"
        self.era = 0
        self.opened: int | None = None
        self.trips = self.trips_in_a_row = 0
        self.good = self.bad = 0
        self.last_good: int | None = None
        self.last_bad: int | None = None
        self.counted: list[list[Any]] = []  # [time, failed] since the window was last cleared
        self.permits: dict[str, dict[str, Any]] = {}
        self.good_probes = self.lost_probes = 0
        self.quiet: list[int] | None = None  # [from, until]
        self.known = False

    # What it shows

    def view(self, now: int) -> dict[str, Any]:
        """Return what a status shows."""
        shown = copy.copy(self)
        shown.counted, shown.permits = copy.deepcopy((self.counted, self.permits))
        shown.straighten(now)
        state = shown.word
        if self.mode == "forced_open":
            state = "open"
        elif state == "open" and not shown.cooldown_left(now):
            state = "half_open"
        opened = self.opened
        verdict, wait = shown.verdict(now)
        return {
            "state": state,
            "can_execute": verdict == "yes",
            "retry_after_seconds": None if wait is None else wait / 1000,
            "failure_count": sum(failed for _, failed in shown.recent(now)),
            "total_failures": self.bad,
            "total_successes": self.good,
            "trip_count": self.trips,
            "opened_at": opened,
            "last_failure_at": self.last_bad,
            "last_success_at": self.last_good,
            "mode": self.mode,
            "known": self.known,
        }

    @property
    def mode(self) -> str:
        return str(self.settings["mode"])

    def recent(self, now: int) -> list[list[Any]]:
        return [outcome for outcome in self.counted if outcome[0] > now - self.settings["window_seconds"] * 1000]

    def cooldown_left(self, now: int) -> int:
        seconds = self.settings["cooldown_seconds"]
        for _ in range(self.trips_in_a_row - 1):
            seconds *= self.settings["cooldown_multiplier"]
        seconds = min(seconds, max(self.settings["cooldown_seconds"], self.settings["max_cooldown_seconds"]))
        assert self.opened is not None
        return max(0, self.opened + round(seconds * 1000) - now)

    def in_flight(self) -> list[str]:
        return sorted(
            name
            for name, permit in self.permits.items()
            if permit["probe"] and self.is_current(name) and not permit["how"]
        )

    def is_current(self, name: str) -> bool:
        return bool(self.permits[name]["era"] == self.era and not self.permits[name]["lost"])

    def verdict(self, now: int) -> tuple[str, int | None]:
        """Say yes, or why not and for how long; lost probes are struck off on the way."""
        if self.mode == "forced_open":
            return "forced_open", None
        if self.mode != "normal":
            return "yes", 0
        self.strike_off_lost_probes(now)
        quiet = 0 if self.quiet is None else max(0, self.quiet[1] - now)
        if self.word == "open" and self.cooldown_left(now):
            return "open", max(quiet, self.cooldown_left(now))
        if quiet:
            return "throttled", quiet
        flying = self.in_flight()
        if self.word == "half_open" and len(flying) >= self.settings["half_open_max_calls"]:
            return "probe_in_flight", min(self.permits[name]["until"] for name in flying) - now
        return "yes", 0

    # What happens to it

    def acquire(self, now: int, name: str, holder: str | None) -> tuple[str, int | None]:
        """Return normal or probe, or why not and for how long."""
        if self.mode == "disabled":
            return "normal", None
        self.known = True
        self.straighten(now)
        verdict, wait = self.verdict(now)
        if verdict != "yes":
            return verdict, wait
        if self.mode == "normal" and self.word == "open":
            self.turn("half_open")
        probe = self.mode == "normal" and self.word == "half_open"
        lease = self.settings["probe_lease_seconds"] * 1000 if probe else 7 * 86_400_000
        self.permits[name] = {
            "era": self.era,
            "probe": probe,
            "at": now,
            "until": now + lease,
            "holder": holder,
            "lost": False,
            "how": None,
            "told": (False, False),
        }
        return ("probe" if probe else "normal"), None

    def settle(self, now: int, name: str | None, how: str, wait: int | None) -> tuple[bool, bool] | str:
        """Return whether that tripped and recovered it, or how the permit was settled before if otherwise."""
        if name is not None and self.permits[name]["how"] is not None:
            permit = self.permits[name]
            return permit["told"] if permit["how"] == how else str(permit["how"])
        trips, closings = self.trips, self.word != "closed"
        if how != "release":
            if self.mode != "disabled":
                self.known = True
                self.straighten(now)
                self.weigh(now, name, how, wait)
        elif name is not None:
            self.straighten(now)
            if name in self.in_flight():
                self.lost_probes = 0
        told = (self.trips > trips, closings and self.word == "closed")
        if name is not None:
            self.permits[name].update(how=how, told=told)
        return told

    def weigh(self, now: int, name: str | None, how: str, wait: int | None) -> None:
        failed = how != "success"
        if failed:
            self.bad, self.last_bad = self.bad + 1, now
        else:
            self.good, self.last_good = self.good + 1, now
        if self.mode == "forced_open" or (name is not None and not self.is_current(name)):
            return
        if self.word != "closed" and self.mode == "normal":
            if name is None:
                self.strike_off_lost_probes(now)
                if self.in_flight() or (self.word == "open" and self.cooldown_left(now)):
                    return
                if self.word == "open":
                    self.turn("half_open")
            elif not self.permits[name]["probe"]:
                return
            self.weigh_probe(now, name, how, wait)
            return
        limited = how == "rate_limited"
        hushed = self.quiet is not None and self.quiet[1] > now
        if limited and wait is not None:
            self.hush(now, wait)
        if limited and hushed:
            return
        failed = failed or self.dragged(now, name)
        self.counted.append([now, failed])
        if failed and self.mode == "normal":
            self.judge(now)

    def weigh_probe(self, now: int, name: str | None, how: str, wait: int | None) -> None:
        self.lost_probes = 0
        if how == "rate_limited" and wait is not None:
            self.hush(now, wait)
        elif how != "success" or self.dragged(now, name):
            self.counted.append([now, True])
            self.open_up(now, by_itself=True)
        else:
            self.good_probes += 1
            if self.good_probes >= self.settings["success_threshold"]:
                self.shut()

    def judge(self, now: int) -> None:
        recent = self.recent(now)
        failures = sum(failed for _, failed in recent)
        share = self.settings["failure_rate_threshold"]
        enough = len(recent) >= self.settings["minimum_calls"]
        if failures >= self.settings["failure_threshold"] or (share and enough and failures / len(recent) >= share):
            self.open_up(now, by_itself=True)

    def dragged(self, now: int, name: str | None) -> bool:
        limit = self.settings["slow_call_seconds"]
        return name is not None and limit is not None and now - self.permits[name]["at"] > limit * 1000

    def hush(self, now: int, wait: int) -> None:
        if self.quiet is None or now + wait > self.quiet[1]:
            self.quiet = [now, now + wait]

    def strike_off_lost_probes(self, now: int) -> None:
        for name in self.in_flight():
            permit = self.permits[name]
            gone = permit["holder"] is not None and self.is_alive(permit["holder"]) is False
            if gone or permit["until"] <= now:
                permit["lost"] = True
                self.lost_probes += 1
        if self.lost_probes >= 3:
            self.open_up(now, by_itself=True)

    def trip(self, now: int, hold: bool) -> None:
        self.known = True
        self.straighten(now)
        self.open_up(now, by_itself=False)
        if hold:
            self.settings["mode"] = "forced_open"

    def reset(self, now: int) -> None:
        self.straighten(now)
        self.shut()
        self.quiet = None
        if self.mode == "forced_open":
            self.settings["mode"] = "normal"

    def configure(self, now: int, changes: dict[str, Any]) -> bool:
        if all(self.settings[name] == value for name, value in changes.items()):
            return False
        self.known = True
        self.straighten(now)
        self.settings.update(changes)
        return True

    def open_up(self, now: int, *, by_itself: bool) -> None:
        self.turn("open")
        self.opened = now
        self.trips += 1
        self.trips_in_a_row += by_itself

    def shut(self) -> None:
        self.turn("closed")
        self.opened = None
        self.trips_in_a_row = 0
        self.counted = []

    def turn(self, word: str) -> None:
        self.word = word
        self.era += 1
        self.good_probes = self.lost_probes = 0

    def straighten(self, now: int) -> None:
        """Bring what lies in the future back to now."""
        if self.opened is not None and self.opened > now:
            self.opened = now
        if self.last_good is not None:
            self.last_good = min(self.last_good, now)
        if self.last_bad is not None:
            self.last_bad = min(self.last_bad, now)
        for outcome in self.counted:
            outcome[0] = min(outcome[0], now)
        if self.quiet is not None and self.quiet[0] > now:
            self.quiet = [now, now + self.quiet[1] - self.quiet[0]]
        for permit in self.permits.values():
            if permit["at"] > now:
                permit["until"] += now - permit["at"]
                permit["at"] = now
