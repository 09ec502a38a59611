"""Operations called as one session of a server calls them, and a file with something in each of its tables."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import attrs

from agent_runtime_kernel.liveness import this_process
from agent_runtime_mcp.database.database import Database
from agent_runtime_mcp.dispatch.request import make_request
from agent_runtime_mcp.operations.call import Session
from agent_runtime_mcp.runtime.libraries import Libraries, all_schemas


class Call(Protocol):
    """Calls an operation and returns what it answers."""

    def __call__(self, operation: str, /, **arguments: Any) -> dict[str, Any]: ...


@attrs.define
class Caller:
    """One session on one file.

    Args:
        path: the file.
        clock: returns the time in seconds since 1970.
        synchronous: how durable its writes are.
    """

    path: Path
    clock: Callable[[], float] = time.time
    synchronous: str = "NORMAL"
    database: Database[Libraries] = attrs.field(init=False)
    session: Session = attrs.field(init=False, factory=lambda: Session(worker="caller", holder=this_process()))

    def __attrs_post_init__(self) -> None:
        self.database = Database(
            self.path, partial(Libraries, clock=self.clock), all_schemas, synchronous=self.synchronous
        )

    def __call__(self, operation: str, /, **arguments: Any) -> dict[str, Any]:
        request = make_request(operation, arguments, self.session)
        return self.database.run_blocking(request.run, writes=request.writes).values


def fill(call: Call) -> None:
    """Write something into each table."""
    goal_id = call("create_goal", name="a goal", description="x" * 500)["goal_id"]
    call("create_goal", name="a sub-goal", parent_goal_id=goal_id)
    call("update_goal", goal_id=call("create_goal", name="a paused goal")["goal_id"], status="paused")
    for number in range(12):
        before = [number] if number % 3 else []
        call("create_task", title=f"task {number}", goal_id=goal_id, dependencies=before, metadata={"a": 1})
    for _ in range(2):
        task_id = call("get_next_task")["task"]["task_id"]
        call("update_task_status", task_id=task_id, status="completed", result="x" * 300)
    call("get_next_task", request_id="r")
    call("create_relay_pipeline", name="a relay", goal="a goal", agent_types=["researcher", "writer"])
    call("advance_relay", pipeline_id=1, quality_score=1, l_score=1, tokens_used=5, output="é" * 3000)
    call("get_relay_baton", pipeline_id=1, claim=True)
    call("circuit_breaker_acquire", agent_id="writer")
    call("circuit_breaker_record_failure", agent_id="writer", failure_type="timeout", error_message="too late")
    call("circuit_breaker_trip", agent_id="analyzer")
