"""R3: the disk or its inodes run out, also in the middle of COMMIT and of a checkpoint of SQLite's log.

The node has to refuse in words (0xA700), serve what it has, delete nothing, and go on by itself when room returns.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import Connection, delete, event, insert, select

from pacs.archive import spool
from pacs.archive.archive import Archive
from pacs.archive.limits import INODES_MIN, IngestLimits
from pacs.archive.recovery import recover
from pacs.errors import OutOfResources
from pacs.index import engine
from pacs.index.engine import Index
from pacs.index.schema import ai_rule, instance
from storage.filesystem import FolderStore
from tests.faults.acknowledged import Acknowledged
from tests.faults.doors import ArchiveDoor, Door, NodeDoor
from tests.faults.instances import Template
from tests.faults.rig import Outcome, Rig
from tests.faults.small_disk import MIB, SmallDisk, needs
from tests.faults.witness import (
    OUT_OF_RESOURCES,
    SUCCESS,
    contradictions,
    deliver,
    instead,
    on_commit_of_reception,
    seeded,
)
from tests.support.archives import open_archive
from tests.support.modality import Prepared
from tests.support.process import NodeProcess

DISK_MIB = 96
PERCENT = 5.0
PATIENCE_S = 60.0
SENDS_MAX = 600
PACE_S = 0.02  # the node looks at its room once a second: slow enough that it sees the watermark before the brim


@dataclass(slots=True)
class Story:
    """Fill, be refused, read, get room again; what contradicts the promise on the way is in `violations`."""

    door: Door
    disk: SmallDisk
    floor: int
    """Bytes under which the node has to refuse; 0: it refuses when the disk does."""
    inodes: bool
    objects: Path
    acknowledged: Acknowledged = field(default_factory=Acknowledged)
    violations: list[str] = field(default_factory=list)
    _sent: list[Prepared] = field(default_factory=list)
    _template: Template = field(default_factory=Template)

    def run(self, choose: random.Random) -> None:
        for _ in range(10):
            self._expect(self._send(), SUCCESS)
        self._come_near()
        if not self._send_until(OUT_OF_RESOURCES):
            self.violations.append("never refused, though there is no room")
        if self.floor and not self.inodes and self.disk.free_bytes < self.floor // 4:
            self.violations.append(f"refused at {self.disk.free_bytes} bytes free, far under its {self.floor}")
        before = self._files()
        self.disk.take_inodes() if self.inodes else self.disk.fill()
        for _ in range(20):
            self._send()
        for prepared in choose.sample(self._sent, min(8, len(self._sent))):
            if not self.door.reads(prepared):
                self.violations.append(f"not served while full: {prepared.sop_instance_uid}")
        if self.door.count() != len(self._sent):
            self.violations.append(f"a query while full finds {self.door.count()} of {len(self._sent)}")
        gone = before - self._files()
        self.violations += [f"deleted while full: {name}" for name in sorted(gone)]
        self.disk.relieve()
        if not self._send_until(SUCCESS):
            self.violations.append("still refuses, though there is room again")
        for _ in range(5):
            self._expect(self._send(), SUCCESS)

    def _come_near(self) -> None:
        if self.inodes:
            self.disk.take_inodes(INODES_MIN + 40 if self.floor else 40)
        else:
            self.disk.fill(self.floor + MIB)

    def _send(self) -> int:
        prepared = self._template.make(self.acknowledged.sent + 1)
        self.acknowledged.sent += 1
        status = self.door.send(prepared)
        self.acknowledged.note_sent(prepared, status)
        if status == SUCCESS:
            self._sent.append(prepared)
        elif status != OUT_OF_RESOURCES:
            self.violations.append(f"answered with {status:04X} instead of A700 or success")
        return status

    def _send_until(self, wanted: int) -> bool:
        deadline = time.monotonic() + PATIENCE_S
        for _ in range(SENDS_MAX):
            if self._send() == wanted:
                return True
            if time.monotonic() > deadline:
                break
            time.sleep(PACE_S)
        return False

    def _expect(self, status: int, wanted: int) -> None:
        if status != wanted:
            self.violations.append(f"answered with {status:04X} where {wanted:04X} was due")

    def _files(self) -> set[str]:
        return {str(path.relative_to(self.objects)) for path in self.objects.rglob("*.dcm")}


# A real node on a real file system -----------------------------------------------------------------------------


def node_runs_out(seed: int, folder: Path) -> Outcome:
    """One node, filled and relieved: bytes on ext4 or tmpfs, inodes on ext4; at its watermark and to the brim."""
    kind, inodes = [("ext4", 0), ("tmpfs", 0), ("ext4", 4000)][seed % 3]
    watermark = (seed // 3) % 2 == 0
    with SmallDisk(folder, kind, DISK_MIB, inodes=inodes) as disk:
        node = NodeProcess(
            folder / "node",
            {
                "DATA": str(disk.path / "data"),
                "ARCHIVE__FREE_PERCENT_MIN": str(PERCENT if watermark else 0),
                "ARCHIVE__STUDY_QUIET_S": "0.5",
            },
        )
        node.data = disk.path / "data"
        try:
            node.start()
            door = NodeDoor(node)
            # Inodes have a watermark that no setting takes away.
            floor = int(DISK_MIB * MIB * PERCENT / 100) if watermark or inodes else 0
            story = Story(door, disk, floor, bool(inodes), node.data / "store" / "objects")
            first = node.pid
            story.run(random.Random(seed))
            door.close()
            if not node.running or node.pid != first:
                story.violations.append("the node ended")
            node.stop()
            node.start().stop()  # adopts the objects whose rows found no room
            story.violations += _looked_at(node.data, story.acknowledged)
        finally:
            node.kill()
    return _outcome(seed, story, 1)


def _looked_at(data: Path, acknowledged: Acknowledged) -> list[str]:
    index = Index(f"sqlite:///{data / 'index.db'}", read_only=True)
    try:
        return contradictions(index, FolderStore(data / "store"), acknowledged)
    finally:
        index.close()


def _outcome(seed: int, story: Story, trials: int) -> Outcome:
    acknowledged = story.acknowledged
    refused = acknowledged.refused.get(OUT_OF_RESOURCES, 0)
    details = {"sent": acknowledged.sent, "acknowledged": len(acknowledged.digests), "refused": refused}
    return Outcome(trials, seeded(seed, story.violations), details)


# The same in this process, for mutants -------------------------------------------------------------------------

Mutant = Callable[[Archive], AbstractContextManager[Any]]


def archive_runs_out(seed: int, folder: Path, mutant: Mutant | None = None, *, watermark: bool = True) -> Outcome:
    """The story of a node over an archive in this process, its objects on the small disk and its index elsewhere."""
    with SmallDisk(folder, "ext4", DISK_MIB) as disk:
        story = _archive_story(seed, folder / "index", disk, mutant, watermark)
    return _outcome(seed, story, 1)


def _archive_story(seed: int, folder: Path, disk: SmallDisk, mutant: Mutant | None, watermark: bool) -> Story:
    limits = IngestLimits(1 << 32, 1 << 40, PERCENT if watermark else 0)
    floor = int(DISK_MIB * MIB * PERCENT / 100) if watermark else 0
    acknowledged = Acknowledged()
    with open_archive(folder, store=FolderStore(disk.path / "store"), limits=limits) as archive:
        door = ArchiveDoor(archive)
        story = Story(door, disk, floor, False, disk.path / "store" / "objects", acknowledged)
        with mutant(archive) if mutant else ExitStack():
            story.run(random.Random(seed))
        story.violations += contradictions(archive.index, archive.store, acknowledged)
        door.close()
    return story


@contextmanager
def recycle(archive: Archive) -> Iterator[None]:
    """Makes room by deleting what came first."""
    real = archive.room.refuse_when_full

    def deletes_the_oldest() -> None:
        try:
            real()
        except OutOfResources:
            with archive.index.read() as connection:
                oldest = select(instance.c.object_key).order_by(instance.c.object_key).limit(5)
                keys = list(connection.execute(oldest).scalars())
            archive.index.write(
                lambda connection: connection.execute(delete(instance).where(instance.c.object_key.in_(keys))).close()
            )
            for key in keys:
                archive.store.delete(key)
            raise

    with instead(archive.room, "refuse_when_full", deletes_the_oldest):
        yield


def no_watermark(archive: Archive) -> AbstractContextManager[Any]:
    """Takes in until the disk refuses."""
    return instead(archive.room, "refuse_when_full", lambda: None)


class _LyingWrites:
    """`os` as the spool sees it, whose `write` says that everything was written, however little was."""

    def __init__(self, real: ModuleType) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def write(self, descriptor: int, data: memoryview) -> int:
        real = self._real
        end = real.lseek(descriptor, 0, real.SEEK_CUR) + len(data)
        with suppress(OSError):
            real.write(descriptor, data)
        real.truncate(descriptor, max(end, real.fstat(descriptor).st_size))
        real.lseek(descriptor, end, real.SEEK_SET)
        return len(data)


def short_write_ignored(_archive: Archive) -> AbstractContextManager[Any]:
    """Does not look how much of the data was written."""
    return instead(spool, "os", _LyingWrites(os))


# The index alone ------------------------------------------------------------------------------------------------


def index_runs_out(seed: int, folder: Path, *, ballast_bytes: int = 1 << 20) -> Outcome:
    """Others fill the index's disk to the brim: it commits all the same, takes nothing in, and goes on by itself."""
    template, violations = Template(), []
    limits = IngestLimits(1 << 32, 0, 0, ballast_bytes=ballast_bytes)
    with SmallDisk(folder, "ext4", DISK_MIB) as disk:
        with open_archive(disk.path / "data", store=FolderStore(folder / "store"), limits=limits) as archive:
            archive.room.watch()
            violations += _answered(archive, template.make(1), SUCCESS, "while there is room")
            disk.fill()
            archive.room.watch()
            for number in range(3):
                try:
                    archive.index.write(partial(_write_much, number=number))
                except OutOfResources:
                    violations.append(f"the index does not commit on a full disk ({number})")
            violations += _answered(archive, template.make(2), OUT_OF_RESOURCES, "with the reserve in use")
            disk.relieve()
            archive.room.watch()
            violations += _answered(archive, template.make(3), SUCCESS, "with room again")
            if ballast_bytes and not (disk.path / "data" / "ballast").exists():
                violations.append("the reserve is not there again")
        del archive
    return Outcome(1, seeded(seed, violations), {})


def _write_much(connection: Connection, number: int) -> None:
    """More than the log's file has room for already."""
    rows = [{"id": f"{number}-{row}", "rule": "x" * 16_000, "created_at": 0} for row in range(12)]
    connection.execute(insert(ai_rule), rows)


def _answered(archive: Archive, prepared: Prepared, wanted: int, when: str) -> list[str]:
    status = deliver(archive, prepared)
    return [] if status == wanted else [f"answered with {status:04X} {when}, where {wanted:04X} was due"]


# In the middle of COMMIT and of a checkpoint -------------------------------------------------------------------


def full_at_commit(seed: int, folder: Path, *, checkpoint_pages: int = 1000, rounds: int = 6) -> Outcome:
    """The disk becomes full at the moment of COMMIT, again and again, with three senders.

    With few `checkpoint_pages` the log is moved into the file at every other commit, so that a checkpoint meets the
    full disk too.
    """
    choose, template, acknowledged = random.Random(seed), Template(), Acknowledged()
    violations: list[str] = []
    restarts = 0
    pragmas = (*engine.WRITER_PRAGMAS, f"wal_autocheckpoint={checkpoint_pages}")
    with SmallDisk(folder, "ext4", 32) as disk, instead(engine, "WRITER_PRAGMAS", pragmas):
        for _ in range(rounds):
            with open_archive(disk.path / "data") as archive:
                violations += _one_full_commit(archive, disk, choose, template, acknowledged)
                restarts += archive.index.broken
                # Success means that the row is there now; an object whose sender was refused waits for the next start.
                found = contradictions(archive.index, archive.store, acknowledged)
                violations += [line for line in found if "'I2'" not in line]
            with open_archive(disk.path / "data") as archive:
                recover(archive, adopt_hours=24)
                violations += contradictions(archive.index, archive.store, acknowledged)
            del archive
            if violations:
                break
    details = {"sent": acknowledged.sent, "acknowledged": len(acknowledged.digests), "restarts": restarts}
    return Outcome(rounds, seeded(seed, violations), details)


def _one_full_commit(
    archive: Archive, disk: SmallDisk, choose: random.Random, template: Template, acknowledged: Acknowledged
) -> list[str]:
    after, violations = iter(range(choose.randrange(1, 12), -1, -1)), []

    def on_commit(_connection: object) -> None:
        if next(after, None) == 0:
            disk.fill()

    event.listen(archive.index._writing, "commit", on_commit)
    base = acknowledged.sent
    acknowledged.sent += 45

    def sender(numbers: range) -> None:
        for number in numbers:
            prepared = template.make(number)
            status = deliver(archive, prepared)
            acknowledged.note_sent(prepared, status)
            if status not in (SUCCESS, OUT_OF_RESOURCES) and not archive.index.broken:
                violations.append(f"answered with {status:04X} on a full disk")

    threads = [threading.Thread(target=sender, args=(range(base + first, base + 46, 3),)) for first in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    disk.relieve()
    again = template.make(base + 1)
    status = deliver(archive, again)
    acknowledged.note_sent(again, status)
    if status != (OUT_OF_RESOURCES if archive.index.broken else SUCCESS):
        violations.append(f"answered with {status:04X} though there is room again")
    return violations


def answered_though_refused(seed: int, folder: Path) -> Outcome:
    """A mutant: success although the index had no room for the row."""

    def commit(real: Callable[[Any], Any], reception: Any) -> Any:
        try:
            return real(reception)
        except OutOfResources:
            return None

    with on_commit_of_reception(commit):
        return full_at_commit(seed, folder)


def run_slice(seed: int, folder: Path) -> Outcome:
    """One node that runs out, its index alone, then COMMIT and checkpoints on a full disk."""
    parts = [
        node_runs_out(seed, folder / "node"),
        index_runs_out(seed, folder / "index"),
        full_at_commit(seed, folder / "commit"),
        full_at_commit(seed, folder / "checkpoint", checkpoint_pages=10),
    ]
    details: dict[str, int] = {}
    for part in parts:
        for name, count in part.details.items():
            details[name] = details.get(name, 0) + count
    return Outcome(
        sum(part.trials for part in parts), tuple(line for part in parts for line in part.violations), details
    )


RIG = Rig(
    name="disk-full",
    noun="full disks",
    goal=1000,
    slice=run_slice,
    mutants={
        "recycle": lambda seed, folder: archive_runs_out(seed, folder, recycle),
        "no-ballast": lambda seed, folder: index_runs_out(seed, folder, ballast_bytes=0),
        "no-watermark": lambda seed, folder: archive_runs_out(seed, folder, no_watermark),
        "short-write-ignored": lambda seed, folder: archive_runs_out(
            seed, folder, short_write_ignored, watermark=False
        ),
        "answered-though-refused": answered_though_refused,
    },
    needs=needs,
)
