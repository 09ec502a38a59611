"""Breakers as the tests open them: on their tables, with permits that are numbered."""

import itertools
from collections.abc import Callable
from typing import Any

import apsw

from agent_runtime_breakers import Breakers


def numbered_breakers(connection: apsw.Connection, clock: Callable[[], float], **given: Any) -> Breakers:
    """Return the breakers of a database; the first permit is permit-1."""
    numbers = itertools.count(1)
    breakers = Breakers(connection, clock=clock, new_id=lambda: f"permit-{next(numbers)}", **given)
    breakers.migrate()
    return breakers


def fail(breakers: Breakers, agent_id: str, times: int = 1) -> None:
    """Report failures without permits."""
    for _ in range(times):
        breakers.record_failure(agent_id, "exception", "boom")
