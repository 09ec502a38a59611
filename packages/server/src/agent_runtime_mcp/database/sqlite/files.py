"""Files and folders before SQLite sees them. Whatever is opened here, it is never a database that is in use.

Closing any descriptor of a file drops all locks that the process has on it, those of its SQLite connections as well.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from ...errors import StorageFailure

Identity = tuple[int, int]

# File systems on which locks and shared memory don't hold between machines. Not 9p and virtiofs: sandboxes and virtual
# machines have them as their root, where one kernel sees to both.
_NETWORK_FILE_SYSTEMS = frozenset(
    """
    afs beegfs ceph cifs coda davfs gpfs lustre ncpfs nfs nfs4 orangefs pvfs2 smb3 smbfs
    fuse.ceph fuse.davfs2 fuse.gcsfuse fuse.glusterfs fuse.goofys fuse.rclone fuse.s3fs fuse.sshfs
    """.split()  # noqa: SIM905 - a word, not a line, for each
)


def identity(path: Path) -> Identity | None:
    """Return what tells a file from any other that there is meanwhile, or None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def side_files(path: Path) -> tuple[Path, Path]:
    """Return the -wal and the -shm of a database, which stand beside the file that a symbolic link points at."""
    real = os.path.realpath(path)
    return Path(f"{real}-wal"), Path(f"{real}-shm")


def create_private(path: Path) -> None:
    """Make an empty file that was not there, for this user alone."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))


def make_private_folders(folder: Path) -> None:
    """Make what is missing of a path, each level for this user alone, and have the names survive a loss of power."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)
        parent = os.open(one.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)


def require_local(*paths: Path) -> None:
    """Refuse a network file system on Linux, where the kernel tells; a container may hide its mounts.

    Raises:
        StorageFailure: the first of the paths, or another one, is on a network file system.
        OSError: a path is not there.
    """
    mounts = Path("/proc/self/mountinfo")
    if not mounts.exists():
        return
    kind = network_file_system(mounts.read_text(errors="surrogateescape"), [path.stat().st_dev for path in paths])
    if kind is not None:
        raise StorageFailure(
            paths[0],
            f"is on a network file system ({kind}), where locks between machines can't be relied on",
            "name a file on a local disk with --db or AGENT_RUNTIME_DB",
        )


def network_file_system(mountinfo: str, devices: Sequence[int]) -> str | None:
    """Return the type of the network file system that one of the devices is, or None.

    Args:
        mountinfo: the text of proc_pid_mountinfo(5).
        devices: device numbers as stat(2) gives them.
    """
    wanted = {f"{os.major(device)}:{os.minor(device)}" for device in devices}
    for line in mountinfo.splitlines():
        mount, _, file_system = line.partition(" - ")
        kind = file_system.split(" ", 1)[0]
        if kind in _NETWORK_FILE_SYSTEMS and mount.split(" ", 3)[2] in wanted:
            return kind
    return None
