"""R16: backups are taken while senders work, the archive is lost, and the backup restored.

Every image that was acknowledged before the backup began has to be there, whole, and the restored archive consistent.
"""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pacs.archive import backup as backup_module
from pacs.archive.archive import Archive
from pacs.archive.backup import Report, back_up, restore
from pacs.errors import NodeFailed
from pacs.index import copies
from pacs.index.engine import Index
from pacs.model import utc_now
from storage.filesystem import FolderStore
from tests.faults.acknowledged import Acknowledged
from tests.faults.instances import Template
from tests.faults.rig import Outcome, Rig
from tests.faults.witness import SUCCESS, contradictions, deliver, instead, seeded
from tests.support.archives import open_archive

SENDERS = 3
BEFORE, DURING = 12, 6
PATIENCE_S = 60.0


@dataclass(slots=True)
class _Load:
    """Senders that go on until they are told to stop; what was acknowledged so far."""

    archive: Archive
    acknowledged: Acknowledged = field(default_factory=Acknowledged)
    violations: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _template: Template = field(default_factory=Template)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        for sender in range(SENDERS):
            thread = threading.Thread(target=self._send, args=(sender,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def wait_for(self, more: int) -> None:
        """Until `more` answers have come."""
        wanted, deadline = self.acknowledged.answers + more, time.monotonic() + PATIENCE_S
        while self.acknowledged.answers < wanted and time.monotonic() < deadline:
            time.sleep(0.005)

    def so_far(self) -> Acknowledged:
        """A copy of what was acknowledged until now."""
        with self.acknowledged.lock:
            return Acknowledged({uid: set(digests) for uid, digests in self.acknowledged.digests.items()})

    def _send(self, sender: int) -> None:
        number = sender
        while not self._over.is_set():
            number += SENDERS
            prepared = self._template.make(number)
            status = deliver(self.archive, prepared)
            self.acknowledged.note_sent(prepared, status)
            if status != SUCCESS:
                self.violations.append(f"answered with {status:04X} during a backup")


def drill(seed: int, folder: Path, mutant: Callable[[_Load], Any] | None = None) -> Outcome:
    """Two backups under load, the second on top of the first; then each is restored into an empty place."""
    choose, violations = random.Random(seed), []
    reports: list[tuple[Report, Acknowledged]] = []
    with open_archive(folder / "site") as archive:
        load = _Load(archive)
        load.start()
        try:
            for number in range(2):
                load.wait_for(BEFORE + choose.randrange(BEFORE))
                promised = load.so_far()
                try:
                    with mutant(load) if mutant else ExitStack():
                        reports.append((_back_up(archive, folder / "backup", number), promised))
                except NodeFailed as error:
                    violations.append(f"there is no backup {number}: {error}")
        finally:
            load.stop()
        violations += load.violations
    shutil.rmtree(folder / "site")
    for number, (report, promised) in enumerate(reports):
        violations += [f"backup {number} misses {key}" for key in report.missing]
        violations += _restored(folder / "backup", report.folder, folder / f"restored{number}", promised)
    copied = sum(report.copied for report, _ in reports)
    details = {"acknowledged": len(load.acknowledged.digests), "copied": copied}
    return Outcome(len(reports), seeded(seed, violations), details)


def _back_up(archive: Archive, backup: Path, number: int) -> Report:
    index = Index(archive.index.url.render_as_string(hide_password=False), read_only=True)
    try:
        moment = utc_now().replace(year=2030 + number)  # two in one second have one name
        return back_up(index, archive.store, backup, release="rig", now=moment, keep=7, tell=lambda progress: None)
    finally:
        index.close()


def _restored(backup: Path, snapshot: Path, folder: Path, promised: Acknowledged) -> list[str]:
    url, store = f"sqlite:///{folder / 'index.db'}", FolderStore(folder / "store")
    try:
        restore(backup, snapshot, url, store, lambda progress: None)
        with open_archive(folder, store=store) as archive:
            return contradictions(archive.index, store, promised)
    except Exception as error:
        return [f"{snapshot.name} cannot be restored: {type(error).__name__}: {error}"]


# Mutants -------------------------------------------------------------------------------------------------------------


def copy_without_log(_load: _Load) -> Any:
    """The file of the index is copied as any other, without its log."""
    return instead(copies, "_copy_sqlite", lambda source, file: shutil.copyfile(source, file))


@contextmanager
def objects_before_index(load: _Load) -> Iterator[None]:
    """The objects of one moment, and then the index of a later one."""
    real = backup_module.snapshot  # type: ignore[attr-defined]

    @contextmanager
    def late(index: Index, file: Path) -> Iterator[Any]:
        with index.read() as connection:
            yield connection
        load.wait_for(DURING)
        with real(index, file):
            pass

    with instead(backup_module, "snapshot", late):
        yield


def _without_reading(stream: Any, recorded: Any, copy: Any = None) -> str:
    if copy is not None:
        shutil.copyfileobj(stream, copy)
    return str(recorded.digests.dataset_sha256)


def unread_copies(_load: _Load) -> Any:
    """Copies whose digest nobody computed."""
    return instead(backup_module, "_digest", _without_reading)


RIG = Rig(
    name="restore",
    noun="restored backups",
    goal=1000,
    slice=drill,
    mutants={
        "copy-db-without-wal": lambda seed, folder: drill(seed, folder, copy_without_log),
        "objects-before-index": lambda seed, folder: drill(seed, folder, objects_before_index),
        "unread-copies": lambda seed, folder: drill(seed, folder, unread_copies),
    },
)
