"""One of several processes that claim and complete tasks of one file for a while; it prints what it did as JSON.

Run as a script with the file, how durable writes are, and the seconds; it begins when a line comes in.
"""

import json
import sys
import time
from pathlib import Path

from agent_runtime_kernel.liveness import this_process
from agent_runtime_mcp.database.database import Database
from agent_runtime_mcp.runtime.libraries import Libraries, all_schemas


def work(database: Database[Libraries], worker: str, seconds: float) -> dict[str, float]:
    """Claim and complete until the time is up."""
    holder = this_process()
    done, worst = 0, 0.0
    started = time.perf_counter()
    while (now := time.perf_counter()) - started < seconds:
        claimed = database.run_blocking(
            lambda libraries: libraries.tasks.claim_next(worker=worker, holder=holder), writes=True
        )
        worst = max(worst, time.perf_counter() - now)
        task, token = claimed.task, claimed.claim_token
        if task is None:
            raise RuntimeError("there are too few tasks to claim")
        database.run_blocking(
            lambda libraries, task=task, token=token: libraries.tasks.update_status(
                task.task_id, "completed", worker=worker, claim_token=token, result="done"
            ),
            writes=True,
        )
        done += 1
    return {"done": done, "seconds": time.perf_counter() - started, "worst_claim_ms": worst * 1000}


def main() -> None:
    """Work for as long as the command line says."""
    path, synchronous, seconds, worker = sys.argv[1:]
    database = Database(Path(path), Libraries, all_schemas, synchronous=synchronous)
    database.run_blocking(lambda libraries: libraries.tasks.queue(), writes=False)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    sys.stdout.write(json.dumps(work(database, worker, float(seconds))) + "\n")
    database.close()


if __name__ == "__main__":
    main()
