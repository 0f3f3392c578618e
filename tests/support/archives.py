"""An archive on real back ends, for tests: SQLite and a folder, or PostgreSQL and S3."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom import Dataset

from pacs.access.principals import OPERATOR, Principal
from pacs.archive.archive import Archive
from pacs.archive.limits import IngestLimits
from pacs.index.engine import Index
from pacs.index.writer import WAITING_MAX
from pacs.model import Clock, Stored, utc_now
from storage.filesystem import FolderStore
from storage.open import S3Options, open_store
from storage.protocol import ObjectStore
from tests.support.factories import part10
from tests.support.indexes import migrated_file

LIMITS = IngestLimits(
    instance_bytes_max=1 << 32, free_bytes_min=0, free_percent_min=0, warn_bytes_min=0, warn_percent_min=0
)


@contextmanager
def open_archive(
    folder: Path,
    *,
    database: str = "",
    store: ObjectStore | None = None,
    limits: IngestLimits = LIMITS,
    clock: Clock = utc_now,
    prepared: bool = False,
) -> Iterator[Archive]:
    """An archive whose files are under `folder`; open it again on the same folder to see what a restart sees."""
    folder.mkdir(parents=True, exist_ok=True)
    index = Index(database or migrated_file(folder / "index.db"))
    try:
        index.migrate()
        archive = Archive(
            index,
            store or FolderStore(folder / "store"),
            derived=folder / "derived",
            limits=limits,
            clock=clock,
            prepared=prepared,
        )
        try:
            yield archive
        finally:
            archive.close_prepared()
    finally:
        index.close()


def s3_store(location: str, folder: Path, options: S3Options) -> ObjectStore:
    """The S3 store of `location`, with its spool under `folder`."""
    return open_store(location, folder, options)


def send(archive: Archive, dataset: Dataset | bytes, principal: Principal = OPERATOR) -> Stored:
    """Bring one object, or the bytes of a Part 10 file, through the archive's own door."""
    content = dataset if isinstance(dataset, bytes) else part10(dataset)
    with archive.receive_part10(principal, protocol="test") as reception:
        reception.write(content)
        return reception.commit()


@contextmanager
def full_queue(index: Index) -> Iterator[None]:
    """The writer stands still and its queue is full, as when the database is away."""
    started, released = threading.Event(), threading.Event()

    def stand_still(connection: object) -> None:
        started.set()
        released.wait(60)

    index.submit(stand_still)
    assert started.wait(30)
    for _ in range(WAITING_MAX):
        index.submit(lambda connection: None)
    try:
        yield
    finally:
        released.set()
