"""The program of a warden, run by its path. It imports nothing of this package, so it starts in milliseconds.

It reads lines of a sign and the number of a process group: + for a group that began, - for one that ended. When its
input ends, its runner has ended, and it kills the groups that are left.
"""

import contextlib
import os
import signal
import sys


def main() -> None:
    """Keep the list of groups until the input ends, then kill those left."""
    groups: set[int] = set()
    for line in sys.stdin.buffer:
        change, group = line[:1], int(line[1:])
        if change == b"+":
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
