"""What bounds an arrival, and when there is no room for one."""

from __future__ import annotations

from dataclasses import dataclass

from pacs.errors import OutOfResources
from storage.protocol import Space

INODES_MIN = 1000


@dataclass(frozen=True, slots=True)
class IngestLimits:
    """What bounds one arrival."""

    instance_bytes_max: int
    free_bytes_min: int
    free_percent_min: float


def refuse_when_full(space: Space, limits: IngestLimits) -> None:
    """Raise OutOfResources when free bytes are under the watermark; reads go on, nothing is deleted to make room."""
    if space.free_bytes is None or space.total_bytes is None:
        return
    floor = min(limits.free_bytes_min, int(space.total_bytes * limits.free_percent_min / 100))
    if space.free_bytes < floor:
        raise OutOfResources(
            f"the node's storage has {space.free_bytes >> 20} MiB left and keeps {floor >> 20} MiB for itself",
            "free space or enlarge the disk, then send again",
        )
    if space.free_inodes is not None and space.total_inodes and space.free_inodes < INODES_MIN:
        raise OutOfResources("the node's storage has no inodes left", "free inodes, then send again")
