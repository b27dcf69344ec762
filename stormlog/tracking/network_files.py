"""Tells whether a file lies on another machine."""

from __future__ import annotations

from pathlib import Path

__all__ = ["is_on_network"]

_NETWORK_TYPES = {
    "9p", "afs", "beegfs", "ceph", "cifs", "fuse.ceph", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs", "gpfs", "lustre",
    "nfs", "nfs4", "smb3", "smbfs",
}  # fmt: skip


def is_on_network(file: Path) -> bool:
    """Return whether a file is on a network file system, as far as the system tells."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return _file_system(str(file.resolve()), lines) in _NETWORK_TYPES


def _file_system(path: str, lines: list[str]) -> str | None:
    best, found = -1, None
    for line in lines:
        mounted, _, kind = line.partition(" - ")
        fields = mounted.split()
        if len(fields) < 5 or not kind:
            continue
        # The kernel writes blanks as octal numbers.
        place = fields[4].replace("\\040", " ").replace("\\011", "\t").rstrip("/")
        if (path == place or path.startswith(f"{place}/")) and len(place) >= best:
            best, found = len(place), kind.split()[0]
    return found
