"""A runner in a process of its own: `python runner_process.py FILE FOLDER PROGRAM...` runs pipeline 1 to its end.

It prints the last event, and the most memory that it took.
"""

import asyncio
import json
import sys
from pathlib import Path

from relay_process import relays_of

from agent_runtime_relay.runner import Runner, Warden, crew_of_command


async def run(path, folder, argv):
    with Warden() as warden:
        runner = Runner(relays_of(path), crew_of_command(argv, warden), worker="runner", folder=Path(folder))
        events = [event async for event in runner.run(1)]
    return str(events[-1].status)


def most_memory():
    """Return the bytes of memory that this process took at most, without what its parent took before it began."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    [kib] = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(kib) * 1024


def main(path, folder, *argv):
    status = asyncio.run(run(path, folder, argv))
    sys.stdout.write(json.dumps({"status": status, "memory": most_memory()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
