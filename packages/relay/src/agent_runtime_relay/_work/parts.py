"""What the operations on relays stand on: a connection, a clock, a guard, and the pieces made of them."""

import contextlib
import secrets
import time
from collections.abc import Callable
from typing import Any

import attrs

from agent_runtime_kernel.connection import Connection, Snapshot

from .._guard import Guard, Unguarded
from .._records.records import Records, records
from .claims import Claims
from .handover import Handover
from .issuing import Issuing
from .lifecycle import Lifecycle
from .readings import Readings


def _unknown(holder: str) -> bool | None:  # noqa: ARG001 - stands in for what asks
    """Tell of no process whether it lives."""
    return None


def _new_id() -> str:
    return secrets.token_hex(6)


@attrs.frozen
class Parts:
    """What it takes to operate on the relays of one database."""

    connection: Connection
    clock: Callable[[], float] = attrs.field(default=time.time, kw_only=True)
    is_alive: Callable[[str], bool | None] = attrs.field(default=_unknown, kw_only=True)
    new_id: Callable[[], str] = attrs.field(default=_new_id, kw_only=True)
    guard: Guard = attrs.field(factory=Unguarded, kw_only=True)
    snapshot: Snapshot = attrs.field(default=contextlib.nullcontext, kw_only=True)
    _records: Records = attrs.field(init=False, repr=False)
    _issuing: Issuing = attrs.field(init=False, repr=False)
    _claims: Claims = attrs.field(init=False, repr=False)
    _handover: Handover = attrs.field(init=False, repr=False)
    _lifecycle: Lifecycle = attrs.field(init=False, repr=False)
    _readings: Readings = attrs.field(init=False, repr=False)

    @_records.default
    def _make_records(self) -> Records:
        return records(self.connection)

    @_issuing.default
    def _make_issuing(self) -> Issuing:
        return Issuing(self._records, self.guard, self.new_id)

    @_claims.default
    def _make_claims(self) -> Claims:
        return Claims(self._records, self._issuing, self.is_alive)

    @_handover.default
    def _make_handover(self) -> Handover:
        return Handover(self._records, self.guard, self._issuing, self._claims, self.clock)

    @_lifecycle.default
    def _make_lifecycle(self) -> Lifecycle:
        return Lifecycle(self._records, self._issuing, self._claims)

    @_readings.default
    def _make_readings(self) -> Readings:
        return Readings(self._records, self._issuing, self._claims)

    def _now(self) -> int:
        return round(self.clock() * 1000)


def optional(bound: Callable[[str, object], Any], name: str, value: object) -> Any:
    """Hold a value against its bound unless it is None."""
    return None if value is None else bound(name, value)
