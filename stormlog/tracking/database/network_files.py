"""Tells whether a file lies on another machine.

The promise: a file system that nobody here knows counts as one of the network if a program serves it (FUSE), because
a write-ahead log that machines share loses data, and one that is missing costs a little time.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["is_on_network"]

_NETWORK: Final = {
    "9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fakeowner", "fhgfs", "gfs", "gfs2", "glusterfs", "gpfs",
    "lustre", "lustre_lite", "mfs", "moosefs", "ncpfs", "nfs", "nfs3", "nfs4", "ocfs2", "orangefs", "panfs", "prl_fs",
    "pvfs2", "smb2", "smb3", "smbfs", "sshfs", "vboxsf", "virtiofs", "vmhgfs", "wekafs",
}  # fmt: skip

#: File systems that a program serves and whose data is on this machine, without what comes before the dot.
_LOCAL_FUSE: Final = {
    "apfs-fuse", "archivemount", "bindfs", "cryfs", "encfs", "exfat", "exfat-fuse", "fuse-overlayfs", "fuse2fs",
    "fuseiso", "gocryptfs", "lxcfs", "mergerfs", "ntfs", "ntfs-3g", "securefs", "squashfuse", "unionfs",
    "unionfs-fuse", "veracrypt", "zfs-fuse",
}  # fmt: skip

#: The kernel writes blanks, tabs, line ends and backslashes in names as octal numbers.
_OCTAL: Final = re.compile(rb"\\([0-3][0-7]{2})")


class _Mount(NamedTuple):
    place: bytes
    kind: str


def is_on_network(file: Path, mounts: bytes | None = None) -> bool:
    """Return whether a file is, or would be, on a network file system, as far as the system tells.

    Args:
        file: It need not exist; links are followed.
        mounts: What ``/proc/self/mountinfo`` or ``/proc/mounts`` says; by default that of this process.
    """
    if mounts is None:
        mounts = _mounts()
    path = os.fsencode(os.path.realpath(file))
    # Of those that begin the path the longest one counts, and of two at one place the later one, which hides the other.
    covering = [
        mount for mount in map(_mount_of, mounts.splitlines()) if mount and _covers(mount.place, path)
    ]
    return bool(covering) and _is_network(max(reversed(covering), key=lambda mount: len(mount.place)).kind)


def _mounts() -> bytes:
    for name in ("/proc/self/mountinfo", "/proc/self/mounts", "/proc/mounts"):
        try:
            return Path(name).read_bytes()
        except OSError:
            continue
    return b""


def _mount_of(line: bytes) -> _Mount | None:
    """Return what a line of either file says, or None if it says nothing."""
    mounted, dash, rest = line.partition(b" - ")
    fields, kinds = mounted.split(), rest.split()
    if dash and len(fields) >= 6 and kinds:
        # number, parent, device, root, place, options, ... - kind, source, options
        place, kind = fields[4], kinds[0]
    elif len(line.split()) >= 4:
        # source, place, kind, options, ...
        _, place, kind, *_ = line.split()
    else:
        return None
    return _Mount(_unescaped(place).rstrip(b"/"), _unescaped(kind).decode(errors="replace").lower())


def _unescaped(text: bytes) -> bytes:
    return _OCTAL.sub(lambda found: bytes([int(found[1], 8)]), text)


def _covers(place: bytes, path: bytes) -> bool:
    return path == place or path.startswith(place + b"/")


def _is_network(kind: str) -> bool:
    base, _, served = kind.partition(".")
    if base == "fuse":
        # Without a name nobody can tell which program it is.
        return served not in _LOCAL_FUSE
    return base in _NETWORK or base.startswith(("nfs", "smb", "cifs"))
