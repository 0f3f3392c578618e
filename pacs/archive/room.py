"""The room in every place that an archive writes to: two watermarks, and a reserve for the index.

Under the lower watermark it warns; under the higher nothing is taken in any more, reads go on, and nothing is deleted
to make room. When others fill the disk to the brim all the same, the reserve is given back to it, so that deletions,
the audit trail and whatever else is a row still commit.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from pacs.archive.limits import INODES_MIN, INODES_WARN, IngestLimits
from pacs.troubles import NO_ROOM
from storage.directories import sync_directory
from storage.filesystem import space_of
from storage.protocol import ObjectStore, Space

if TYPE_CHECKING:
    from pacs.index.engine import Index

log = structlog.get_logger()

MIB = 1 << 20
BALLAST_PERCENT_MAX = 1.0
GOOD_FOR_S = 1.0
ROOM_TO_REMAKE = 4  # ballasts


class Level(IntEnum):
    """How much room there is."""

    ENOUGH = 0
    LOW = 1  # under the lower watermark: somebody has to see to it
    FULL = 2  # under the higher: nothing is taken in


@dataclass(frozen=True, slots=True)
class Shortage:
    """Where there is too little room, in words."""

    level: Level
    message: str


class Room:
    """The places of one archive: where objects lie, where they come in, where the index is."""

    def __init__(self, store: ObjectStore, index: Index, data: Path, limits: IngestLimits) -> None:
        self._store = store
        self._limits = limits
        self._folders = {"the folder of what is on its way in": store.incoming, "PACS_DATA": data}
        self.ballast: Ballast | None = None
        if index.is_sqlite:
            folder = Path(index.url.database or "").absolute().parent
            self._folders["the index's disk"] = folder
            if limits.ballast_bytes:
                self.ballast = Ballast(folder / "ballast", limits.ballast_bytes)
        self._level = Level.ENOUGH
        self._good_until = 0.0

    def admit(self) -> None:
        """`refuse_when_full` for every arrival; what was found good is looked at again after a second."""
        now = time.monotonic()
        if now >= self._good_until:
            self.refuse_when_full()
            self._good_until = now + GOOD_FOR_S

    def refuse_when_full(self) -> None:
        """Raise OutOfResources while there is too little room to take anything in. Raises StorageError."""
        for shortage in self.shortages():
            if shortage.level is Level.FULL:
                raise NO_ROOM.refused(shortage.message)

    def shortages(self) -> Iterator[Shortage]:
        """Every place with too little room. Raises StorageError."""
        if self.ballast is not None and self.ballast.is_given_back:
            yield Shortage(Level.FULL, "the index's disk was full to the brim and the reserve on it is in use")
        for name, space in self._spaces():
            shortage = _shortage(name, space, self._limits)
            if shortage is not None:
                yield shortage

    def lacking(self, folder: Path) -> int:
        """How many bytes the disk of `folder` is under its lower watermark; 0 where there is enough, or no such folder
        yet."""
        if _device(folder) is None:
            return 0
        space = space_of(folder)
        return 0 if space.free_bytes is None else max(0, self._limits.warning(space) - space.free_bytes)

    def watch(self) -> None:
        """Called again and again: keep the reserve or give it back, and log when the room becomes less or more."""
        if self.ballast is not None:
            floor = self._limits.floor(space_of(self.ballast.file.parent))
            self.ballast.see_to(floor)
        self._good_until = 0.0
        found = list(self.shortages())
        level = max((shortage.level for shortage in found), default=Level.ENOUGH)
        if level is not self._level:
            tell = log.info if level is Level.ENOUGH else log.warning if level is Level.LOW else log.error
            tell("room", level=level.name.lower(), places=[shortage.message for shortage in found])
            self._level = level

    def statistics(self) -> dict[str, float]:
        """The level (0 enough, 1 low, 2 full) when it was last looked at, and whether the reserve is there."""
        held = self.ballast is not None and not self.ballast.is_given_back
        return {"level": float(self._level), "reserve_held": float(held)}

    def _spaces(self) -> Iterator[tuple[str, Space]]:
        """Each disk once, by the first name that it has."""
        objects = self._store.space()
        yield "the node's storage", objects
        seen = set() if objects.total_bytes is None else {_device(self._store.incoming)}
        for name, folder in self._folders.items():
            device = _device(folder)
            if device is not None and device not in seen:
                seen.add(device)
                yield name, space_of(folder)


def _device(folder: Path) -> int | None:
    try:
        return os.stat(folder).st_dev
    except OSError:
        return None


def _shortage(name: str, space: Space, limits: IngestLimits) -> Shortage | None:
    if space.free_bytes is None or space.total_bytes is None:
        return None
    floor, warn = limits.floor(space), limits.warning(space)
    mebibytes = space.free_bytes // MIB
    if space.free_bytes < floor:
        return Shortage(Level.FULL, f"{name} has {mebibytes} MiB left and keeps {floor // MIB} MiB for itself")
    if space.free_inodes is not None and space.total_inodes and space.free_inodes < INODES_MIN:
        return Shortage(Level.FULL, f"{name} has no inodes left")
    if space.free_bytes < warn:
        return Shortage(
            Level.LOW, f"{name} has {mebibytes} MiB left; under {floor // MIB} MiB nothing is taken in any more"
        )
    if space.free_inodes is not None and space.total_inodes and space.free_inodes < INODES_WARN:
        return Shortage(
            Level.LOW, f"{name} has {space.free_inodes} inodes left; under {INODES_MIN} nothing is taken in any more"
        )
    return None


class Ballast:
    """A file that holds room until the disk is full to the brim; at most one percent of the disk."""

    def __init__(self, file: Path, size: int) -> None:
        self.file = file
        self.is_given_back = False
        self._wanted = size

    def see_to(self, floor: int) -> None:
        """Give the room back when nothing else is left, and take it again when there is enough above `floor`.

        Raises StorageError.
        """
        space = space_of(self.file.parent)
        assert space.free_bytes is not None
        assert space.total_bytes is not None
        size = min(self._wanted, int(space.total_bytes * BALLAST_PERCENT_MAX / 100))
        is_held = self.file.exists()
        if is_held and space.free_bytes < size:
            log.error("reserve_given_back", free_bytes=space.free_bytes, hint="free space on the disk of the index")
            self._give_back()
        elif not is_held:
            self.is_given_back = not (space.free_bytes > floor + ROOM_TO_REMAKE * size and self._take(size))

    def _take(self, size: int) -> bool:
        fresh = self.file.with_suffix(".new")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                if size:
                    os.posix_fallocate(descriptor, 0, size)
            finally:
                os.close(descriptor)
            fresh.rename(self.file)
        except OSError as error:
            log.warning("reserve_not_made", cause=error.strerror)
            fresh.unlink(missing_ok=True)
            return False
        return True

    def _give_back(self) -> None:
        self.is_given_back = True
        try:
            self.file.unlink(missing_ok=True)
            sync_directory(self.file.parent)
        except OSError as error:
            log.error("reserve_not_given_back", cause=error.strerror)
