"""Which file system a path is on, and which of them may not keep what was written to them."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

MOUNTS = Path("/proc/self/mountinfo")

_ELSEWHERE = "durability is the file server's"
_NFS = "durability is the file server's: export it with 'sync'"

NETWORK_FILE_SYSTEMS = MappingProxyType(
    {
        "nfs": _NFS,
        "nfs4": _NFS,
        **dict.fromkeys(("cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs"), _ELSEWHERE),
    }
)
"""Type to what to tell the operator."""

VOLATILE_FILE_SYSTEMS = MappingProxyType(
    {
        "overlay": "it goes with the container; mount a volume there",
        "tmpfs": "it is in memory and goes at the next restart",
        "ramfs": "it is in memory and goes at the next restart",
    }
)
"""Type to what to tell the operator."""


def file_system_of(path: Path, mounts: Path = MOUNTS) -> str:
    """The type of the file system that holds `path`, "" where the mount table cannot be read (proc(5), mountinfo)."""
    best, kind = -1, ""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        left, _, right = line.partition(" - ")
        point = Path(left.split(" ")[4].replace("\\040", " "))
        # The last of two mounts on one point is the one that is seen.
        if path.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), right.split(" ")[0]
    return kind
