"""The work of the test processes, each with its own connection to one file."""

import os
import sys
from multiprocessing.synchronize import Barrier, Event

import apsw

from agent_runtime_breakers import Breakers

AGENT = "coder"
WAIT = 60


def open_breakers(path: str, now: float) -> Breakers:
    """Open the breakers of a file at a moment that stands still."""
    connection = apsw.Connection(path)
    connection.transaction_mode = "IMMEDIATE"
    connection.set_busy_timeout(WAIT * 1000)
    connection.pragma("journal_mode", "WAL")
    connection.pragma("synchronous", "OFF")
    return Breakers(connection, clock=lambda: now, is_alive=is_alive)


def this_process() -> str:
    """Return the text by which other processes can tell whether this one lives."""
    return str(os.getpid())


def is_alive(holder: str) -> bool | None:
    """Look at the process itself."""
    try:
        os.kill(int(holder), 0)
    except ProcessLookupError:
        return False
    return True


def fail_often(path: str, now: float, times: int, start: Barrier) -> None:
    """Report failures, all processes at once."""
    breakers = open_breakers(path, now)
    start.wait(WAIT)
    for _ in range(times):
        breakers.record_failure(AGENT, "exception", f"from {this_process()}")


def ask_once(path: str, now: float, answers: str, start: Barrier) -> None:
    """Ask for a permit, all processes at once, and write down the answer; each waits until all have asked."""
    breakers = open_breakers(path, now)
    start.wait(WAIT)
    admission = breakers.acquire(AGENT, holder=this_process())
    with open(answers, "a") as file:  # noqa: PTH123 - one short line, appended in one write
        file.write(f"{admission.kind or admission.reason}\n")
    start.wait(WAIT)


def succeed_until(path: str, now: float, start: Barrier, stop: Event) -> None:
    """Take permits and report successes, with and without them, until told to stop."""
    breakers = open_breakers(path, now)
    permits = [breakers.acquire(AGENT).permit_id for _ in range(20)]
    start.wait(WAIT)
    for permit in permits:
        breakers.record_success(AGENT, permit_id=permit)
    while not stop.is_set():
        breakers.record_success(AGENT)


def probe_and_hang(path: str, now: float) -> None:
    """Take the probe, say so, and wait to be killed."""
    admission = open_breakers(path, now).acquire(AGENT, worker="hanging", holder=this_process())
    sys.stdout.write(f"{admission.kind}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    probe_and_hang(sys.argv[1], float(sys.argv[2]))
