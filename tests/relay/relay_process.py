"""One process of several on one file: `python relay_process.py FILE VERB ...`, one line of JSON for what came of it."""

import json
import os
import signal
import sys

import apsw
import attrs

from agent_runtime_kernel.errors import AgentRuntimeError
from agent_runtime_relay import Relays

OUTPUT = "x" * 4096


def relays_of(path):
    connection = apsw.Connection(path)
    connection.transaction_mode = "IMMEDIATE"
    connection.set_busy_timeout(60_000)
    connection.pragma("foreign_keys", True)
    return Relays(connection, clock=lambda: 1_800_000_000.0)


def advance(relays, baton_id, quality_score="0.9"):
    answer = relays.advance(
        1, float(quality_score), 0.9, 100, baton_id=baton_id, output=OUTPUT, output_summary="sum", sources=["a"]
    )
    return attrs.asdict(answer)


def claim(relays, worker):
    reading = relays.baton(1, claim=True, worker=worker)
    return {"baton_id": reading.baton.baton_id, "worker": reading.claim.worker}


def retry(relays):
    return {"baton_id": relays.retry(1, 0, "again").baton.baton_id}


def fail(relays, baton_id):
    return attrs.asdict(relays.fail_attempt(1, baton_id, "timeout", "no answer", tokens_used=30, output=OUTPUT))


VERBS = {"advance": advance, "claim": claim, "retry": retry, "fail": fail}


def die_before(connection, statement):
    """Kill this process before its n-th statement, counting from 1."""
    seen = 0

    def count(_cursor, _sql, _bindings):
        nonlocal seen
        seen += 1
        if seen == statement:
            os.kill(os.getpid(), signal.SIGKILL)
        return True

    connection.exec_trace = count


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(path, verb, *arguments):
    relays = relays_of(path)
    if "DIE_BEFORE" in os.environ:
        die_before(relays.connection, int(os.environ["DIE_BEFORE"]))
    say("ready")
    if "DIE_BEFORE" not in os.environ:
        sys.stdin.readline()
    try:
        answer = VERBS[verb](relays, *arguments)
    except AgentRuntimeError as error:
        answer = {"error": type(error).__name__}
    say(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
