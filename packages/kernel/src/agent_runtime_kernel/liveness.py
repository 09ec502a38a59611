"""Liveness: tell whether the process behind a claim is still alive.

    holder = this_process()          # stored with a claim
    is_alive(holder)                 # True, False, or None where it can't be known, by any process at any later time

A holder is a text of five parts: the machine (a digest of its id), the boot, the pid namespace, the process id, and the
start time of the process. A process id alone is not enough, as it is given again, after a reboot at the latest.

Liveness is asked for when it matters. Only the descriptors of living processes are remembered, and a descriptor stays
that of its process however often the process id is given again.
"""

import functools
import hashlib
import os
import select
import sys
from pathlib import Path

import attrs

_UNKNOWN = "-"
_MOST_DESCRIPTORS = 64
_LINUX_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_LINUX_MACHINE_IDS = ("/etc/machine-id", "/var/lib/dbus/machine-id")
_LINUX_PID_NAMESPACE = "/proc/self/ns/pid"

_descriptors: dict[str, int] = {}  # by holder, for the processes that were asked for


def this_process() -> str:
    """Return the holder that names this process, by which any process can later tell whether it is alive."""
    return _own(os.getpid()).holder


def is_alive(holder: str) -> bool | None:
    """Tell whether the process that a holder names is alive.

    Args:
        holder: the text that `this_process` returned in that process.

    Returns:
        True or False where that is certain; False also after a reboot, and if another process has its id now. None
        where it can't be known: for a process of another machine or pid namespace, or for a text of another origin.
    """
    own = _own(os.getpid())
    if holder == own.holder:
        return True
    parts = holder.split(" ")
    if len(parts) != 5 or not parts[3].isascii() or not parts[3].isdecimal():
        return None
    machine, boot, namespace, pid, started = parts
    if _UNKNOWN in (boot, own.boot):
        return None
    if boot != own.boot:
        return False if machine == own.machine != _UNKNOWN else None
    if namespace != own.namespace or started == _UNKNOWN:
        return None
    return _watched(holder, int(pid), started)


@attrs.frozen(eq=False, repr=False)
class _Process:
    """The identity of a process."""

    machine: str
    boot: str
    namespace: str
    holder: str


@functools.lru_cache(maxsize=1)
def _own(pid: int) -> _Process:
    machine, boot, namespace = _linux() if sys.platform == "linux" else _macos()
    started = _status_and_start(pid)[1] if boot != _UNKNOWN else _UNKNOWN
    return _Process(machine, boot, namespace, f"{machine} {boot} {namespace} {pid} {started}")


def _linux() -> tuple[str, str, str]:
    try:
        if Path("/proc/self").readlink().name != str(os.getpid()):
            return _UNKNOWN, _UNKNOWN, _UNKNOWN  # /proc shows another pid namespace than ours
        namespace = str(Path(_LINUX_PID_NAMESPACE).stat().st_ino)
        boot = _read(_LINUX_BOOT_ID).strip()
    except OSError:
        return _UNKNOWN, _UNKNOWN, _UNKNOWN
    for path in _LINUX_MACHINE_IDS:
        try:
            machine = _read(path).strip()
        except OSError:
            continue
        if machine:
            return _digest(machine), boot, namespace
    return _UNKNOWN, boot, namespace


def _macos() -> tuple[str, str, str]:
    """Read the ids of the hardware and of the boot; macOS has no pid namespaces."""
    import ctypes

    library = ctypes.CDLL(None)
    machine = ctypes.create_string_buffer(16)
    at_most_a_second = (ctypes.c_long * 2)(1, 0)
    boot = ctypes.create_string_buffer(64)
    size = ctypes.c_size_t(len(boot))
    machine_known = library.gethostuuid(machine, at_most_a_second) == 0
    boot_known = library.sysctlbyname(b"kern.bootsessionuuid", boot, ctypes.byref(size), None, ctypes.c_size_t(0)) == 0
    return (
        _digest(machine.raw.hex()) if machine_known else _UNKNOWN,
        boot.value.decode() if boot_known and boot.value else _UNKNOWN,
        "0",
    )


def _digest(machine: str) -> str:
    """Return a name for the machine that does not reveal its id, which systemd asks to keep private."""
    return hashlib.sha256(f"agent-runtime {machine}".encode()).hexdigest()[:16]


def _watched(holder: str, pid: int, started: str) -> bool | None:
    """Ask a descriptor of the process, which costs a tenth of reading /proc.

    Each claim of a task asks for every process that holds another one.
    """
    descriptor = _descriptors.get(holder)
    if descriptor is None:
        try:
            descriptor = os.pidfd_open(pid)
        except (AttributeError, OSError, OverflowError):  # not Linux, forbidden, too many files, no such process
            return _runs(pid, started)
        runs = _runs(pid, started)
        if runs is not True:
            os.close(descriptor)
            return runs
        _watch(holder, descriptor)
    ends = select.poll()
    ends.register(descriptor, select.POLLIN)
    if not ends.poll(0):
        return True
    os.close(_descriptors.pop(holder))
    return False


def _watch(holder: str, descriptor: int) -> None:
    """Remember a descriptor; when there are too many, forget all others first."""
    if len(_descriptors) >= _MOST_DESCRIPTORS:
        for other in _descriptors.values():
            os.close(other)
        _descriptors.clear()
    _descriptors[holder] = descriptor


def _runs(pid: int, started: str) -> bool | None:
    status, start = _status_and_start(pid)
    if start != _UNKNOWN:
        return start == started and status not in ("Z", "X")
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return None
    return None


def _status_and_start(pid: int) -> tuple[str, str]:
    """Return the state letter and the start time of a process, each unknown if it can't be seen."""
    return _from_proc(pid) if sys.platform == "linux" else _from_ps(pid)


def _from_proc(pid: int) -> tuple[str, str]:
    """Read proc_pid_stat(5): the state is the third field, the start in clock ticks since boot the twenty-second."""
    try:
        text = _read(f"/proc/{pid}/stat")
    except OSError:
        return _UNKNOWN, _UNKNOWN
    fields = text[text.rindex(")") + 2 :].split(" ", 20)  # the name in parentheses may hold anything
    return fields[0], fields[19]


def _from_ps(pid: int) -> tuple[str, str]:
    """Ask ps(1), as POSIX offers nothing else; it takes a few milliseconds."""
    import subprocess

    answer = subprocess.run(  # noqa: S603 - a number is all that is passed
        ["/bin/ps", "-o", "state=", "-o", "lstart=", "-p", str(pid)],
        env={"LC_ALL": "C", "TZ": "UTC0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    status, _, start = answer.stdout.strip().partition(" ")
    return (status[:1], "-".join(start.split())) if start else (_UNKNOWN, _UNKNOWN)


def _read(path: str) -> str:
    """Read a small file of the operating system in a third of the time that open() takes."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 4096).decode("utf-8", "replace")
    finally:
        os.close(descriptor)
