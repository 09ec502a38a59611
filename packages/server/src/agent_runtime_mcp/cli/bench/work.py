"""The work that `agent-runtime bench` measures: real calls to a real server on a real file."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from .figures import DECOMPOSITION, HANDOFF, Figure, Verdict
from .wire import Wire

AGENTS = 48
OUTPUT = "What this agent found, in the words in which the next one reads it.\n" * 60  # 4 KiB
_DECOMPOSITIONS = 25
_RELAYS = 5
_ROUNDS = 200

_GOAL = """\
Bring the shop's orders from CSV files into one database, so that support can answer a customer within a minute.

## Background
Orders of run {run} arrive as CSV files, one per day and warehouse. Support searches them by hand, which takes a
quarter of an hour for one customer and fails where an order was split over two days. Nobody knows how many orders
are lost that way.

## Schema
1. Write the schema for customers, orders and parcels in run {run}
   - keep the number of the warehouse with each parcel
   - an order may have several parcels
2. Write a migration that creates it in an empty database
3. Document each column for the team of support, release {run}

## Import
- [x] Collect sample files of all warehouses
- [ ] Read the CSV files of one day, whatever their encoding ({run})
- [ ] Report rows that cannot be read, with file and line, instead of skipping them
- [ ] Make the import idempotent: a file that is imported twice changes nothing
- [ ] Import the files of the last three years, batch {run}

## Search
First build a search by name, order number and e-mail address for release {run}. Then add a page for support that
shows all orders of a customer with their parcels. Before the page goes live, measure the search on the full data
and make it answer within 200 milliseconds. If it is slower, add the indexes that it lacks and measure again.

## Operation
| task | owner |
|---|---|
| Schedule the import every night, host {run} | operations |
| Send an alert when a night is missing | operations |
| Back the database up and restore it once as a test | operations |

After the first week, ask support what they miss and write it down. Finally switch the old folders to read-only, tell
the warehouses about it, and delete the scripts that copied the files around. Keep a copy of the folders for a year.

## Out of scope
- Invoices and payments
- A new shop front end
- Statistics over orders, which the team of finance makes

## References
- https://example.org/wiki/orders describes the CSV files
- https://example.org/wiki/support describes how support works today
"""


def goal_text(run: int) -> str:
    """Return the text of a goal of 2 KiB, different for each run, so that no cache can help."""
    return _GOAL.format(run=run)


def decompositions(server: Wire, until: float) -> Verdict:
    """Break goals of 2 KiB down into tasks.

    Args:
        server: the session.
        until: the reading of the performance counter after which no further run begins; one is measured in any case.
    """
    times = []
    for run in _while_there_is_time(_DECOMPOSITIONS, until):
        goal = server.call("create_goal", name=f"Orders in one database {run}", description=goal_text(run))
        times.append(_milliseconds(lambda: server.call("decompose_goal", goal_id=goal["goal_id"])))  # noqa: B023 - called at once
    return Verdict(promise=DECOMPOSITION, figure=Figure(name="decompose_goal", milliseconds=tuple(times)))


def handoffs(server: Wire, until: float) -> tuple[Verdict, list[Figure]]:
    """Run relays of 48 agents; one relay is measured to its end in any case."""
    times: dict[str, list[float]] = {"advance_relay": [], "get_relay_baton": []}
    for relay in _while_there_is_time(_RELAYS, until):
        agents = [f"specialist {position + 1}" for position in range(AGENTS)]
        made = server.call("create_relay_pipeline", name=f"Report {relay}", goal="Write the report", agent_types=agents)
        for position in range(AGENTS):
            reading = _timed(times["get_relay_baton"], server, "get_relay_baton", pipeline_id=made["pipeline_id"])
            _timed(
                times["advance_relay"],
                server,
                "advance_relay",
                pipeline_id=made["pipeline_id"],
                baton_id=reading["baton"]["baton_id"],
                quality_score=0.9,
                l_score=0.9,
                tokens_used=1200,
                output=OUTPUT,
                output_summary=f"step {position + 1} is done",
            )
    figures = [Figure(name=name, milliseconds=tuple(each)) for name, each in times.items()]
    return Verdict(promise=HANDOFF, figure=figures[0]), figures


def everyday_calls(server: Wire, until: float) -> list[Figure]:
    """Repeat a session's usual calls: create, claim, complete and read tasks, ask breakers and report to them."""
    goal_id = server.call("create_goal", name="Everyday work")["goal_id"]
    times: dict[str, list[float]] = {}

    def timed(tool: str, **arguments: Any) -> dict[str, Any]:
        return _timed(times.setdefault(tool, []), server, tool, **arguments)

    for round_ in _while_there_is_time(_ROUNDS, until):
        made = timed("create_task", title=f"Write chapter {round_ + 1}", goal_id=goal_id)
        claimed = timed("get_next_task", goal_id=goal_id)
        timed("update_task_status", task_id=claimed["task"]["task_id"], status="completed", result="written")
        timed("get_task", task_id=made["task"]["task_id"])
        timed("list_tasks", goal_id=goal_id)
        timed("runtime_overview")
        permit = timed("circuit_breaker_acquire", agent_id="writer")
        timed("circuit_breaker_record_success", agent_id="writer", permit_id=permit["permit_id"])
    return [Figure(name=name, milliseconds=tuple(each)) for name, each in times.items()]


def _while_there_is_time(count: int, until: float) -> Iterator[int]:
    for number in range(count):
        if number and time.perf_counter() >= until:
            return
        yield number


def _timed(times: list[float], server: Wire, tool: str, /, **arguments: Any) -> dict[str, Any]:
    started = time.perf_counter()
    reply = server.call(tool, **arguments)
    times.append((time.perf_counter() - started) * 1000)
    return reply


def _milliseconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return (time.perf_counter() - started) * 1000
