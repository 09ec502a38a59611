"""Agents as programs that tests write, and the processes that come of them."""

import contextlib
import os
import sys
import textwrap
import time
from pathlib import Path

GOOD = {"quality_score": 0.9, "confidence": 0.9, "relevance": 0.9, "tokens_used": 100}
_PREAMBLE = f"""\
import json, os, signal, sys
GOOD = {GOOD!r}
RESULT = os.environ["AGENT_RUNTIME_RESULT"]
def hand_in(**fields):
    with open(RESULT + ".part", "w") as file:
        json.dump({{**GOOD, **fields}}, file)
    os.rename(RESULT + ".part", RESULT)
"""


def program(path: Path, body: str) -> tuple[str, ...]:
    """Write the program of an agent and return how it is started; -I and -S halve the time that takes."""
    path.write_text(_PREAMBLE + textwrap.dedent(body))
    return (sys.executable, "-I", "-S", str(path))


def is_gone(process: int) -> bool:
    """Tell whether a process has ended, also where nobody waits for it."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


def wait_until(condition, seconds: float = 60.0) -> None:
    """Return as soon as something holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.01)
