"""R5: bits flip, objects are cut short or change places, a page of the index or of its log is lost.

`pacs verify` and one `pacs scrub` have to name every damaged thing and nothing else; what is marked as damaged is never
served as good; a second copy or the source's re-send heals it; and the objects alone bring a lost index back.
"""

from __future__ import annotations

import io
import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import select, update

from pacs.archive import retrieve
from pacs.archive.archive import Archive
from pacs.archive.recovery import rebuild
from pacs.archive.scrub import scrub
from pacs.archive.verify import verify
from pacs.errors import Unreadable
from pacs.index.engine import Index
from pacs.index.schema import instance
from pacs.model import InstanceState, StorageState, utc_now
from storage.filesystem import FolderStore
from storage.protocol import ByteRange, ObjectStore
from tests.faults.acknowledged import Acknowledged
from tests.faults.beside import digests
from tests.faults.doors import OBJECT, SERIES, STUDY, NodeDoor
from tests.faults.instances import Mix
from tests.faults.rig import Outcome, Rig
from tests.faults.small_disk import SmallDisk, needs
from tests.faults.witness import SUCCESS, contradictions, deliver, instead, kept_as_sent, seeded
from tests.support.archives import open_archive
from tests.support.modality import Prepared
from tests.support.process import NodeProcess

INSTANCES = 20
LARGE_EVERY = 3
FLIPPED, CUT, SWAPPED = 5, 1, 2
PAGE_BYTES = 4096


def _mix() -> Mix:
    """Small instances and large ones, whose digests come from the hasher of a node."""
    return Mix(96, lambda number: number % LARGE_EVERY == 0)


def damage(objects: Path, choose: random.Random) -> set[str]:
    """Flip a bit in some objects under `objects`, cut one short, swap two; the keys of all of them."""
    files = choose.sample(sorted(objects.rglob("*.dcm")), FLIPPED + CUT + SWAPPED)
    flipped, cut, swapped = files[:FLIPPED], files[FLIPPED : FLIPPED + CUT], files[-SWAPPED:]
    for file in flipped:
        content = bytearray(file.read_bytes())
        content[choose.randrange(len(content))] ^= 1 << choose.randrange(8)
        _overwrite(file, bytes(content))
    for file in cut:
        whole = file.read_bytes()
        _overwrite(file, whole[: choose.randrange(len(whole))])
    first, second = (file.read_bytes() for file in swapped)
    _overwrite(swapped[0], second)
    _overwrite(swapped[1], first)
    return {str(file.relative_to(objects.parent)) for file in files}


def _overwrite(file: Path, content: bytes) -> None:
    file.chmod(0o600)
    file.write_bytes(content)
    file.chmod(0o440)


def _mark(index: Index, keys: set[str]) -> None:
    """What a scrub does with what it finds."""
    marked = update(instance).where(instance.c.object_key.in_(keys)).values(storage=StorageState.DAMAGED.value)
    index.write(lambda connection: connection.execute(marked).close())


def _compared(named: set[str], damaged: set[str]) -> list[str]:
    found = [f"verify does not name {key}" for key in sorted(damaged - named)]
    return found + [f"verify names what is sound: {key}" for key in sorted(named - damaged)]


# A node of its own -------------------------------------------------------------------------------------------------


def node_rots(seed: int, folder: Path) -> Outcome:
    """Objects are damaged under a running (odd seeds) or stopped node; verify, scrub, ask, heal, verify.

    They are healed from a copy that was made before at every other pair of seeds, else sent again.
    """
    choose, template, acknowledged = random.Random(seed), _mix(), Acknowledged()
    sent = {one.sop_instance_uid: one for one in map(template.make, range(1, INSTANCES + 1))}
    violations: list[str] = []
    node = NodeProcess(folder / "node")
    try:
        node.start()
        _send_all(node, list(sent.values()), acknowledged, violations)
        hashed = digests(node) or 0
        copy, has_copy = folder / "copy", seed // 2 % 2 == 1
        shutil.copytree(node.data / "store" / "objects", copy / "objects")
        if seed % 2 == 0:
            node.stop()
        damaged = damage(node.data / "store" / "objects", choose)
        named = _named(node)
        violations += _compared(named, damaged)
        violations += _compared(_scrubbed(node, "no sound copy was found"), damaged)
        if not node.running:
            node.start()
        uids = _uids(node, damaged)
        violations += _asked(node, sent, uids)
        if has_copy:
            violations += _compared(_scrubbed(node, "repaired from the second store", "--from", str(copy)), damaged)
        else:
            _send_all(node, [one for uid, one in sent.items() if uid in uids], acknowledged, violations)
        door = NodeDoor(node)
        violations += [f"not healed: {uid}" for uid, one in sent.items() if not door.reads(one)]
        door.close()
        node.stop()
        violations += _looked_at(node, acknowledged)
    finally:
        node.kill()
    details = {"damaged": len(damaged), "named": len(named), "acknowledged": len(acknowledged.digests)}
    details["hashed elsewhere"] = hashed
    return Outcome(len(damaged), seeded(seed, violations), details)


def _send_all(node: NodeProcess, prepared: list[Prepared], acknowledged: Acknowledged, violations: list[str]) -> None:
    with NodeDoor.modality(node) as modality:
        for one in prepared:
            status = modality.store(one)
            acknowledged.note_sent(one, status)
            if status != SUCCESS:
                violations.append(f"answered with {status:04X}: {one.sop_instance_uid}")


def _named(node: NodeProcess) -> set[str]:
    """The objects that `pacs verify` names."""
    said = node.command("verify", "--grace-minutes", "0")
    assert said.returncode in (0, 1), said.stderr
    lines = said.stdout.splitlines()
    return {line.split('"subject": "')[1].split('"')[0] for line in lines}


def _scrubbed(node: NodeProcess, outcome: str, *arguments: str) -> set[str]:
    """The objects that `pacs scrub` says this of."""
    said = node.command("scrub", *arguments)
    assert said.returncode == (1 if outcome.startswith("no ") else 0), said.stderr
    return {line.partition(":")[0] for line in said.stdout.splitlines() if line.endswith(outcome)}


def _uids(node: NodeProcess, keys: set[str]) -> set[str]:
    index = Index(f"sqlite:///{node.data / 'index.db'}", read_only=True)
    try:
        with index.read() as connection:
            chosen = select(instance.c.sop_instance_uid).where(instance.c.object_key.in_(keys))
            return set(connection.execute(chosen).scalars())
    finally:
        index.close()


def _asked(node: NodeProcess, sent: Mapping[str, Prepared], damaged: set[str]) -> list[str]:
    """What of the damaged is served as good, and what of the sound is not served."""
    door, found = NodeDoor(node), []
    try:
        for uid, prepared in sent.items():
            below = f"/series/{SERIES}/instances/{uid}"
            if uid not in damaged:
                if not door.reads(prepared):
                    found.append(f"sound and not served: {uid}")
                continue
            for resource, accept in (
                (below, OBJECT),
                (f"{below}/metadata", "application/dicom+json"),
                (f"{below}/frames/1", 'multipart/related; type="application/octet-stream"; transfer-syntax=*'),
                (f"{below}/rendered", "image/jpeg"),
            ):
                answer = door.get(resource, accept)
                if answer.status_code < 400:
                    found.append(f"damaged and served with {answer.status_code}: {resource}")
        whole = door.get("", 'multipart/related; type="application/dicom"; transfer-syntax=*')
        parts = whole.content.count(b"Content-Location")
        if whole.status_code != 206 or parts != len(sent) - len(damaged) or "warning" not in whole.headers:
            found.append(f"the study came with {whole.status_code} and {parts} parts")
    finally:
        door.close()
    return found


def _looked_at(node: NodeProcess, acknowledged: Acknowledged) -> list[str]:
    index = Index(f"sqlite:///{node.data / 'index.db'}", read_only=True)
    try:
        return contradictions(index, FolderStore(node.data / "store"), acknowledged)
    finally:
        index.close()


# A page of the index, and of its log -------------------------------------------------------------------------------


def index_rots(seed: int, folder: Path, pages: int = 4) -> Outcome:
    """Pages of index.db are zeroed one by one; verify says so where SQLite's own check does; the objects rebuild it."""
    choose, template, acknowledged = random.Random(seed), _mix(), Acknowledged()
    violations: list[str] = []
    node = NodeProcess(folder / "node")
    database = node.data / "index.db"
    damaging = 0
    try:
        node.start()
        _send_all(node, [template.make(number) for number in range(1, INSTANCES + 1)], acknowledged, violations)
        node.stop()
        good = database.read_bytes()
        for page in choose.sample(range(len(good) // PAGE_BYTES), pages):
            _lay(database, good[: page * PAGE_BYTES] + bytes(PAGE_BYTES) + good[(page + 1) * PAGE_BYTES :])
            damaging += (matters := not _sound(database))
            if matters and node.command("verify", "--grace-minutes", "0").returncode == 0:
                violations.append(f"verify says nothing of the lost page {page}")
        _lay(database)
        remade = node.command("rebuild")
        if remade.returncode != 0:
            violations.append(f"rebuild: {remade.stderr[-300:]}")
        with node:
            door = NodeDoor(node)
            sent = [template.make(number) for number in range(1, INSTANCES + 1)]
            violations += [f"lost with the index: {one.sop_instance_uid}" for one in sent if not door.reads(one)]
            door.close()
        violations += _without_history(_looked_at(node, acknowledged))
    finally:
        node.kill()
    return Outcome(pages, seeded(seed, violations), {"pages": pages, "damaging": damaging})


def _lay(database: Path, content: bytes | None = None) -> None:
    """Put this in the place of the index and its log; nothing, when None."""
    for name in ("", "-wal", "-shm"):
        Path(f"{database}{name}").unlink(missing_ok=True)
    if content is not None:
        database.write_bytes(content)


def _sound(database: Path) -> bool:
    """A second opinion on a copy."""
    copy = database.with_name("copy.db")
    shutil.copyfile(database, copy)
    try:
        with sqlite3.connect(copy) as connection:
            return bool(connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)])
    except sqlite3.DatabaseError:
        return False
    finally:
        connection.close()
        for name in ("", "-wal", "-shm"):
            Path(f"{copy}{name}").unlink(missing_ok=True)


def _without_history(found: list[str]) -> list[str]:
    """Events and audit records go with the index: no object tells them."""
    return [line for line in found if not line.startswith("live without an event")]


def log_rots(seed: int, folder: Path) -> Outcome:
    """A page of SQLite's log is lost while the node is down: the commits behind it go, and the next start has them."""
    choose, template, acknowledged = random.Random(seed), _mix(), Acknowledged()
    violations: list[str] = []
    node = NodeProcess(folder / "node")
    try:
        node.start()
        _send_all(node, [template.make(number) for number in range(1, INSTANCES + 1)], acknowledged, violations)
        node.kill()
        log = node.data / "index.db-wal"
        content = bytearray(log.read_bytes())
        frames = (len(content) - 32) // (PAGE_BYTES + 24)
        # Of the later half: before it lie the accounts and the tables themselves, which no object tells.
        start = 32 + choose.randrange(frames // 2, frames) * (PAGE_BYTES + 24)
        content[start : start + PAGE_BYTES] = bytes(PAGE_BYTES)
        log.write_bytes(content)
        node.start()
        node.stop()
        violations += _looked_at(node, acknowledged)
    finally:
        node.kill()
    return Outcome(1, seeded(seed, violations), {"log_frames": frames})


# The same in this process, for mutants -----------------------------------------------------------------------------


class _Remembered:
    """A store that shows `verify` what it remembers of an object instead of what is there."""

    def __init__(self, store: ObjectStore, remembered: Mapping[str, bytes], *, when_same_size: bool) -> None:
        self._store, self._remembered, self._when_same_size = store, remembered, when_same_size

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def open(self, key: str, byte_range: ByteRange | None = None) -> BinaryIO:
        content = self._remembered[key]
        if self._when_same_size and self._store.stat(key).size != len(content):
            return self._store.open(key, byte_range)
        stream = io.BytesIO(content)
        if byte_range is not None:
            end = None if byte_range.length is None else byte_range.offset + byte_range.length
            stream = io.BytesIO(content[byte_range.offset : end])
        return stream

    def local_path(self, key: str) -> None:
        """Nothing may go around `open`."""


Looking = Callable[[ObjectStore, Mapping[str, bytes]], Any]


def archive_rots(seed: int, folder: Path, looking: Looking | None = None, *, unchecked: bool = False) -> Outcome:
    """Damage, verify, mark, read, rebuild, send again, in this process; `looking` stands between verify and store."""
    choose, template, acknowledged = random.Random(seed), _mix(), Acknowledged()
    violations: list[str] = []
    sent = [template.make(number) for number in range(1, INSTANCES + 1)]
    with open_archive(folder) as archive:
        for one in sent:
            acknowledged.note_sent(one, deliver(archive, one))
        remembered = {key: (folder / "store" / key).read_bytes() for key in archive.store.list()}
        damaged = damage(folder / "store" / "objects", choose)
        store: Any = looking(archive.store, remembered) if looking else archive.store
        now = utc_now() + timedelta(seconds=1)
        named = {found.subject for found in verify(archive.index, store, now=now, grace=timedelta())}
        violations += _compared(named, damaged)
        _mark(archive.index, damaged)
        with ExitStack() as stack:
            if unchecked:
                stack.enter_context(instead(retrieve, "refuse_damaged", lambda stored: None))
            violations += _opened(archive, damaged)
        report = rebuild(archive)
        violations += [f"rebuild makes good what is damaged: {key}" for key in sorted(_made_good(archive))]
        for one in sent:
            acknowledged.note_sent(one, deliver(archive, one))
        violations += [f"not healed: {one.sop_instance_uid}" for one in sent if not kept_as_sent(archive, one)]
        lost = set(report.unreadable)  # without a row and a healed twin beside them: named until somebody removes them
        found = contradictions(archive.index, archive.store, acknowledged)
        violations += [line for line in found if not any(key in line for key in lost)]
    details = {"damaged": len(damaged), "named": len(named)}
    return Outcome(len(damaged), seeded(seed, violations), details)


def _opened(archive: Archive, damaged: set[str]) -> list[str]:
    found = []
    for stored in archive.instances(STUDY):
        if stored.object_key in damaged:
            try:
                archive.open(stored).close()
            except Unreadable:
                continue
            found.append(f"damaged and opened: {stored.object_key}")
    return found


def _made_good(archive: Archive) -> set[str]:
    """Live objects that the index calls sound and whose content is another."""
    with archive.index.read() as connection:
        rows = connection.execute(
            select(
                instance.c.object_key,
                instance.c.dataset_sha256,
                instance.c.sop_instance_uid,
            ).where(instance.c.state == InstanceState.LIVE, instance.c.storage == StorageState.STORED)
        ).all()
    template = _mix()
    good = {one.sop_instance_uid: one for one in (template.make(number) for number in range(1, INSTANCES + 1))}
    return {
        row.object_key
        for row in rows
        if row.sop_instance_uid not in good or not kept_as_sent(archive, good[row.sop_instance_uid])
    }


# Under the page cache ----------------------------------------------------------------------------------------------


def disk_rots(seed: int, folder: Path, store: Callable[[Path], FolderStore] = FolderStore) -> Outcome:
    """Bits flip on the device while the page cache still holds the good bytes: one scrub finds every one of them."""
    choose, template, acknowledged = random.Random(seed), _mix(), Acknowledged()
    with SmallDisk(folder, "ext4", 64) as disk:
        objects = store(disk.path / "store")
        with open_archive(folder / "index", store=objects) as archive:
            for one in map(template.make, range(1, INSTANCES + 1)):
                acknowledged.note_sent(one, deliver(archive, one))
            os.sync()
            content = {key: (disk.path / "store" / key).read_bytes() for key in objects.list()}
            damaged = set(choose.sample(sorted(content), FLIPPED))
            for key in damaged:
                disk.flip(content[key], choose)
            hidden = sum((disk.path / "store" / key).read_bytes() == content[key] for key in damaged)
            violations = _compared({found.object_key for found in scrub(archive).found}, damaged)
        del archive, objects
    return Outcome(len(damaged), seeded(seed, violations), {"hidden_by_the_cache": hidden})


class ThroughTheCache(FolderStore):
    """A mutant that reads what memory remembers."""

    def forget(self, key: str) -> None:
        """Nothing."""


def run_slice(seed: int, folder: Path) -> Outcome:
    """A node, an archive and a disk that rot, the index and its log too."""
    parts = [
        node_rots(seed, folder / "objects"),
        index_rots(seed, folder / "index"),
        log_rots(seed, folder / "log"),
        *(archive_rots(seed * 10 + more, folder / f"archive{more}") for more in range(5)),
        *([] if needs() else [disk_rots(seed, folder / "disk")]),
    ]
    details: dict[str, int] = {}
    for part in parts:
        for name, count in part.details.items():
            details[name] = details.get(name, 0) + count
    return Outcome(
        sum(part.trials for part in parts), tuple(line for part in parts for line in part.violations), details
    )


RIG = Rig(
    name="bit-rot",
    noun="damaged things",
    goal=10_000,
    slice=run_slice,
    mutants={
        "size-only-verify": lambda seed, folder: archive_rots(
            seed, folder, lambda store, remembered: _Remembered(store, remembered, when_same_size=True)
        ),
        "verify-what-memory-says": lambda seed, folder: archive_rots(
            seed, folder, lambda store, remembered: _Remembered(store, remembered, when_same_size=False)
        ),
        "scrub-through-page-cache": lambda seed, folder: disk_rots(seed, folder, ThroughTheCache),
        "serve-unchecked-after-mark": lambda seed, folder: archive_rots(seed, folder, unchecked=True),
    },
)
