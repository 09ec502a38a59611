"""Files and folders, outside SQLite. No function here opens a database that is in use.

Closing any descriptor of a file drops all locks of the process on it, those of its SQLite connections as well.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from ...errors import StorageFailure

Identity = tuple[int, int]

# File systems without reliable locks and shared memory between machines. 9p and virtiofs are not among them: sandboxes
# and virtual machines have them as their root, where one kernel handles all locks.
_NETWORK_FILE_SYSTEMS = frozenset(
    """
    afs beegfs ceph cifs coda davfs gpfs lustre ncpfs nfs nfs4 orangefs pvfs2 smb3 smbfs
    fuse.ceph fuse.davfs2 fuse.gcsfuse fuse.glusterfs fuse.goofys fuse.rclone fuse.s3fs fuse.sshfs
    """.split()  # noqa: SIM905 - one word for each, not one line
)


def identity(path: Path) -> Identity | None:
    """Return the device and inode of a file, which no other existing file has; None if there is no file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def side_files(path: Path) -> tuple[Path, Path]:
    """Return the -wal and the -shm of a database; they are beside the file that a symbolic link points at."""
    real = os.path.realpath(path)
    return Path(f"{real}-wal"), Path(f"{real}-shm")


def create_private(path: Path) -> None:
    """Create an empty file that only this user can read and write.

    Raises:
        FileExistsError: there is one already.
    """
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))


def make_private_folders(folder: Path) -> None:
    """Create the missing folders of a path, private to this user, so that they survive a loss of power."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)
        sync_folder(one.parent)


def sync_folder(folder: Path) -> None:
    """Write the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def require_local(*paths: Path) -> None:
    """Refuse a network file system. Only Linux reports it, and a container may hide its mounts.

    Raises:
        StorageFailure: one of the paths is on a network file system; the failure names the first path.
        OSError: a path does not exist.
    """
    mounts = Path("/proc/self/mountinfo")
    if not mounts.exists():
        return
    kind = network_file_system(mounts.read_text(errors="surrogateescape"), [path.stat().st_dev for path in paths])
    if kind is not None:
        raise StorageFailure(
            paths[0],
            f"is on a network file system ({kind}), where locks between machines are not reliable",
            "name a file on a local disk with --db or AGENT_RUNTIME_DB",
        )


def network_file_system(mountinfo: str, devices: Sequence[int]) -> str | None:
    """Return the type of the first network file system among the devices, or None.

    Args:
        mountinfo: the text of proc_pid_mountinfo(5).
        devices: device numbers of stat(2).
    """
    wanted = {f"{os.major(device)}:{os.minor(device)}" for device in devices}
    for line in mountinfo.splitlines():
        mount, _, file_system = line.partition(" - ")
        kind = file_system.split(" ", 1)[0]
        if kind in _NETWORK_FILE_SYSTEMS and mount.split(" ", 3)[2] in wanted:
            return kind
    return None
