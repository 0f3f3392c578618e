"""Nodes that break the promise, each in one way; the simulation has to see every one of them."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from greenlet import getcurrent
from sqlalchemy import Connection, bindparam, delete, insert, literal, select, update
from ulid import ULID

from pacs.archive import amendments, housekeeping, ingest, out_of_sight, recovery, registration, rows
from pacs.archive.archive import Archive
from pacs.archive.arrived import Arrived
from pacs.archive.correction import Corrections
from pacs.archive.events import EventLog
from pacs.archive.keys import ArrivalOrder
from pacs.archive.proof import Recorded
from pacs.index import engine
from pacs.index.deletions import tombstone
from pacs.index.engine import Index
from pacs.index.schema import garbage, instance
from pacs.index.writer import Statement
from pacs.model import GarbageReason, InstanceState, StorageState, Stored, to_microseconds
from storage.errors import KeyMissing
from storage.filesystem import FolderStore
from tests.faults.simulated.disk import Disk, Inode

Mutant = Callable[[Path], AbstractContextManager[None]]
"""From the template of the index to a context in which the product is broken."""


# The disk --------------------------------------------------------------------------------------------------------


def _without_fsync(skipped: Callable[[Disk, Inode], bool]) -> Mutant:
    @contextmanager
    def mutant(template: Path) -> Iterator[None]:
        original = Disk.fsync

        def fsync(disk: Disk, descriptor: int) -> None:
            inode = disk.inode(descriptor)
            if inode is None or not skipped(disk, inode):
                original(disk, descriptor)

        with patch.object(Disk, "fsync", fsync):
            yield

    return mutant


@contextmanager
def retry_fsync(template: Path) -> Iterator[None]:
    """An fsync that failed is tried again on the same descriptor, and that is believed."""
    original = Disk.fsync

    def fsync(disk: Disk, descriptor: int) -> None:
        for _ in range(3):
            with contextlib.suppress(OSError):
                return original(disk, descriptor)
        return original(disk, descriptor)

    with patch.object(Disk, "fsync", fsync):
        yield


@contextmanager
def rename_before_fsync(template: Path) -> Iterator[None]:
    """The object gets its name before its bytes are on stable storage."""
    original, settle = FolderStore.put, FolderStore.settle

    def put(store: FolderStore, key: str, file: Path, metadata: Mapping[str, str], *, settled: bool = False) -> None:
        original(store, key, file, metadata, settled=True)
        descriptor = os.open(store.local_path(key) or file, os.O_RDONLY)
        try:
            settle(store, descriptor)
        finally:
            os.close(descriptor)

    with patch.object(FolderStore, "put", put), patch.object(FolderStore, "settle", lambda store, descriptor: None):
        yield


@contextmanager
def adopt_unsecured(template: Path) -> Iterator[None]:
    """An orphan gets its row while its name is still in the page cache only."""
    with patch.object(FolderStore, "secure", lambda store: None):
        yield


@contextmanager
def key_reuse(template: Path) -> Iterator[None]:
    """Keys come again, and a rename replaces what was there."""
    original = ArrivalOrder.next

    def again(order: ArrivalOrder) -> ULID:
        drawn = original(order)
        return ULID(drawn.bytes[:6] + bytes(9) + bytes([drawn.bytes[-1] % 4]))

    def place(disk: Disk, file: Path, directory: int, name: str) -> None:
        disk.rename(file, name, dst_dir_fd=directory)

    with patch.object(ArrivalOrder, "next", again), patch.object(Disk, "place", place):
        yield


# The index -------------------------------------------------------------------------------------------------------


@contextmanager
def wal_normal(template: Path) -> Iterator[None]:
    """COMMIT does not sync the log."""
    pragmas = tuple(pragma.replace("=FULL", "=NORMAL") for pragma in engine.WRITER_PRAGMAS)
    with patch.object(engine, "WRITER_PRAGMAS", pragmas), patch.object(engine, "SYNCHRONOUS_FULL", 1):
        yield


@contextmanager
def success_before_commit(template: Path) -> Iterator[None]:
    """The sender is answered when the statements have run."""

    def write(index: Index, work: Callable[[Connection], Any]) -> Any:
        early: Future[Any] = Future()

        def run(connection: Connection) -> Any:
            result = work(connection)
            if not early.done():
                early.set_result(result)
            return result

        def failed(late: Future[Any]) -> None:
            if not early.done():
                early.set_exception(late._exception)

        index.submit(run).add_done_callback(failed)
        return early.result()

    with patch.object(Index, "write", write):
        yield


@contextmanager
def publish_before_commit(template: Path) -> Iterator[None]:
    """The row is committed before the object is put."""
    original_write, original_put = Index.write, FolderStore.put
    waiting: dict[Any, Callable[[], None]] = {}

    def put(store: FolderStore, *what: Any, **more: Any) -> None:
        waiting[getcurrent()] = lambda: original_put(store, *what, **more)

    def write(index: Index, work: Callable[[Connection], Any]) -> Any:
        put_now = waiting.pop(getcurrent(), lambda: None)
        result = original_write(index, work)
        put_now()
        return result

    with patch.object(Index, "write", write), patch.object(FolderStore, "put", put):
        yield


@contextmanager
def event_after(template: Path) -> Iterator[None]:
    """The event is a transaction of its own."""
    original, waiting = EventLog.append, []

    def append(connection: Connection, *what: Any, **more: Any) -> None:
        waiting.append((what, more))

    def announce(log: EventLog) -> None:
        while waiting:
            what, more = waiting.pop()
            log._index.write(lambda connection, what=what, more=more: original(connection, *what, **more))  # type: ignore[misc]

    with patch.object(EventLog, "append", append), patch.object(EventLog, "announce", announce):
        yield


@contextmanager
def select_then_insert(template: Path) -> Iterator[None]:
    """Whether a UID is known is asked outside of the transaction that inserts it, and no index forbids a second."""
    connection = sqlite3.connect(template)
    connection.execute("DROP INDEX uq_instance_live")
    connection.close()
    asked = rows.LOOK
    insert_blindly = Statement(
        insert(instance)
        .values({column.name: bindparam(column.name) for column in instance.columns if column.name != "row"})
        .returning(instance.c.row)
    )
    original = Index.__init__
    opened: list[Index] = []

    def opening(index: Index, *what: Any, **more: Any) -> None:
        opened[:] = [index]
        original(index, *what, **more)

    class Elsewhere:
        @staticmethod
        def one(connection: Connection, parameters: Mapping[str, Any]) -> tuple[Any, ...] | None:
            with opened[0].read() as other:
                outside = asked.one(other, parameters)
            inside = asked.one(connection, parameters)
            assert outside is not None
            assert inside is not None
            return outside[: rows.KNOWN_COUNT] + inside[rows.KNOWN_COUNT :]

    with (
        patch.object(Index, "__init__", opening),
        patch.object(rows, "LOOK", Elsewhere),
        patch.object(rows, "INSERT_LIVE", insert_blindly),
        patch.object(recovery, "rebuild", lambda archive: None),  # is one transaction, in which this makes no sense
    ):
        yield


# The archive -----------------------------------------------------------------------------------------------------


@contextmanager
def collide_overwrites(template: Path) -> Iterator[None]:
    """Other content under a known UID takes the row of the first."""
    original = registration.register

    def register(connection: Connection, arrived: Arrived, *more: Any) -> Stored | Recorded:
        connection.execute(
            update(instance)
            .where(
                instance.c.sop_instance_uid == arrived.values["SOPInstanceUID"],
                instance.c.state == InstanceState.LIVE,
                instance.c.dataset_sha256 != arrived.dataset_sha256,
            )
            .values(dataset_sha256=arrived.dataset_sha256, storage=StorageState.DAMAGED)
        )
        return original(connection, arrived, *more)

    with patch.object(ingest, "register", register):
        yield


@contextmanager
def object_deleted_first(template: Path) -> Iterator[None]:
    """What becomes garbage is removed before the transaction that says so is committed.

    Of what is healed alone the next start would make good the loss: it adopts the new object that has no row.
    """
    original, opening, give_up = registration.register, FolderStore.__init__, out_of_sight._give_up
    stores: list[FolderStore] = []

    def opened(store: FolderStore, root: Path) -> None:
        stores[:] = [store]
        opening(store, root)

    def register(connection: Connection, arrived: Arrived, *more: Any) -> Stored | Recorded:
        stored = original(connection, arrived, *more)
        live = select(instance.c.object_key).where(instance.c.object_key == garbage.c.object_key).exists()
        thrown_away = select(garbage.c.object_key).where(garbage.c.reason == GarbageReason.DAMAGED, ~live)
        for object_key in connection.execute(thrown_away).scalars().all():
            with contextlib.suppress(KeyMissing):
                stores[0].delete(object_key)
        return stored

    def given_up(connection: Connection, identifier: str, moment: int) -> int:
        mine = select(tombstone.c.object_key).where(tombstone.c.deletion_id == identifier, tombstone.c.erased == 0)
        object_keys = connection.execute(mine).scalars().all()
        count = give_up(connection, identifier, moment)
        for object_key in object_keys:
            with contextlib.suppress(KeyMissing):
                stores[0].delete(object_key)
        return count

    with (
        patch.object(FolderStore, "__init__", opened),
        patch.object(ingest, "register", register),
        patch.object(out_of_sight, "_give_up", given_up),
    ):
        yield


@contextmanager
def purge_without_recheck(template: Path) -> Iterator[None]:
    """The remover trusts the garbage list."""

    def remove_garbage(archive: Archive, grace: timedelta) -> int:
        due = select(garbage.c.object_key).where(garbage.c.since <= to_microseconds(archive.clock() - grace))
        with archive.index.read() as connection:
            keys = list(connection.execute(due).scalars())
        for object_key in keys:
            with contextlib.suppress(KeyMissing):
                archive.store.delete(object_key)
        archive.index.write(
            lambda connection: connection.execute(delete(garbage).where(garbage.c.object_key.in_(keys)))
        )
        return len(keys)

    with patch.object(housekeeping, "remove_garbage", remove_garbage):
        yield


# Deletion and correction ------------------------------------------------------------------------------------------


@contextmanager
def deleted_at_once(template: Path) -> Iterator[None]:
    """What is deleted is left to the remover, and not only what is erased."""
    original = out_of_sight._hide

    def hide(connection: Connection, identifier: str, *more: Any) -> None:
        original(connection, identifier, *more)
        mine = (tombstone.c.object_key, literal(GarbageReason.ERASED.value), literal(0))
        hidden = select(*mine).where(tombstone.c.deletion_id == identifier)
        connection.execute(insert(garbage).from_select(["object_key", "reason", "since"], hidden))

    with patch.object(out_of_sight, "_hide", hide):
        yield


@contextmanager
def corrected_in_two(template: Path) -> Iterator[None]:
    """A correction is committed, and what it changes in a transaction of its own."""
    original = Corrections._written
    apply = amendments.apply

    def written(corrections: Corrections, make: Any) -> Any:
        later: list[tuple[Any, ...]] = []
        with patch.object(amendments, "apply", lambda connection, *what: later.append(what)):
            made = original(corrections, make)
        corrections._archive.index.write(lambda connection: [apply(connection, *what) for what in later])
        return made

    with patch.object(Corrections, "_written", written):
        yield


MUTANTS: Mapping[str, Mutant] = {
    "no-fsync": _without_fsync(lambda disk, inode: not inode.is_directory),
    "no-directory-fsync": _without_fsync(lambda disk, inode: inode.is_directory),
    "no-parent-fsync": _without_fsync(lambda disk, inode: disk.kind(inode) == "directory"),
    "rename-before-fsync": rename_before_fsync,
    "retry-fsync": retry_fsync,
    "wal-normal": wal_normal,
    "success-before-commit": success_before_commit,
    "publish-before-commit": publish_before_commit,
    "event-after": event_after,
    "key-reuse": key_reuse,
    "collide-overwrites": collide_overwrites,
    "object-deleted-first": object_deleted_first,
    "purge-without-recheck": purge_without_recheck,
    "select-then-insert": select_then_insert,
    "adopt-unsecured": adopt_unsecured,
    "deleted-at-once": deleted_at_once,
    "corrected-in-two": corrected_in_two,
}
