"""What bounds an arrival, and how much room is kept free."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.protocol import Space

GIB = 1 << 30
INODES_MIN = 1000
INODES_WARN = 10_000


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what was taken out of sight can be brought back before it is erased."""

    undo: timedelta = timedelta(days=30)  # what somebody deleted, and what a note gives up as too old
    rejected: timedelta | None = None  # what a note rejects otherwise; None: until somebody has it erased

    def undo_until(self, at: datetime) -> datetime:
        """When what is deleted at `at` is erased."""
        return at + self.undo

    def rejected_until(self, at: datetime) -> datetime | None:
        """When what is rejected at `at` is erased."""
        return None if self.rejected is None else at + self.rejected


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """Bytes of one upload, uploads of one account, and how long one is kept that nobody goes on with."""

    bytes_max: int = 64 * GIB
    count_max: int = 32
    kept: timedelta = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class IngestLimits:
    """What bounds one arrival, and the watermarks; of bytes and percent of the disk the smaller counts."""

    instance_bytes_max: int
    free_bytes_min: int
    free_percent_min: float
    warn_bytes_min: int = 20 * GIB
    warn_percent_min: float = 10.0
    ballast_bytes: int = 0  # kept on the index's disk for the index alone

    def floor(self, space: Space) -> int:
        """Free bytes under which nothing is taken in, 0 where the store cannot tell."""
        return min(self.free_bytes_min, int((space.total_bytes or 0) * self.free_percent_min / 100))

    def warning(self, space: Space) -> int:
        """Free bytes under which somebody has to see to it."""
        return min(self.warn_bytes_min, int((space.total_bytes or 0) * self.warn_percent_min / 100))
