"""A copy of the whole archive in a folder: a snapshot of the index first, then every object that the snapshot names.

    objects/…                         as in the store, shared by all snapshots: what is there is not copied again
    snapshots/20261125T031500Z/       index.db (SQLite) or index.dump (PostgreSQL)
                                      manifest.sha256   a line an object, for `sha256sum --check` in the folder
                                      backup.json       what it is; written last: without it, it is not finished

Objects never change, and are kept for their grace after no row names them, so in this order nothing is missing.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from pacs.archive import rows
from pacs.archive.digests import digests_in
from pacs.archive.proof import Recorded
from pacs.errors import NodeFailed, NodeRunning
from pacs.index.copies import POSTGRESQL_NAME, SQLITE_NAME, copy_name, put_back_postgresql, put_back_sqlite, snapshot
from pacs.index.engine import Index
from pacs.index.migrations import revision
from pacs.index.schema import instance
from storage.directories import make_folder, sync_directory
from storage.errors import KeyMissing, StorageError
from storage.protocol import ObjectStore

SNAPSHOTS, MANIFEST, DESCRIPTION = "snapshots", "manifest.sha256", "backup.json"
NAME = "%Y%m%dT%H%M%SZ"
FORM = 1
CHUNK_BYTES = 1 << 20
ROWS_AT_ONCE = 1000
TOLD_EVERY = 100

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A finished snapshot; `database` is sqlite or postgresql, `size` of its objects in bytes."""

    form: int
    release: str
    database: str
    revision: str
    taken_at: str
    objects: int
    size: int
    missing: int  # objects that its index names and that were not to be had as they came


@dataclass(frozen=True, slots=True)
class Report:
    """What a backup did: its folder, how many objects it names and how many of them were copied, what was missing."""

    folder: Path
    objects: int
    copied: int
    size: int
    missing: tuple[str, ...]
    revision: str


def snapshots(backup: Path) -> list[Path]:
    """The folders of the finished snapshots, the newest last."""
    return sorted(file.parent for file in (backup / SNAPSHOTS).glob(f"*/{DESCRIPTION}"))


def described(folder: Path) -> Snapshot:
    """What a snapshot is. Raises NodeFailed for one of another making."""
    try:
        told = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        if told["form"] != FORM:
            raise NodeFailed(f"the snapshot {folder} was made by a newer release", "restore it with that release")
        return Snapshot(**told)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NodeFailed(f"{folder} is no snapshot: {error}", "name a folder that `pacs backup` has made") from error


# Taking it -------------------------------------------------------------------------------------------------------


def back_up(
    index: Index, store: ObjectStore, backup: Path, *, release: str, now: datetime, keep: int, tell: Tell
) -> Report:
    """Take a snapshot into `backup` beside whatever runs, and keep the newest `keep` of them.

    Raises NodeFailed, NodeRunning where another backup into it is under way.
    """
    with _failures(backup):
        make_folder(backup / "objects")
        make_folder(backup / SNAPSHOTS)
        backup.chmod(0o700)
        with _alone(backup):
            before = snapshots(backup)
            folder = backup / SNAPSHOTS / now.astimezone(UTC).strftime(NAME)
            if folder in before:
                raise NodeFailed(f"there is a snapshot {folder.name} already", "wait a second")
            shutil.rmtree(folder, ignore_errors=True)
            make_folder(folder)
            report = _fill(index, store, backup, folder, before[-1] if before else None, tell)
            said = Snapshot(
                FORM,
                release,
                index.url.get_backend_name(),
                report.revision,
                now.isoformat(),
                report.objects,
                report.size,
                len(report.missing),
            )
            _write(folder / DESCRIPTION, json.dumps(asdict(said), indent=2) + "\n")
            _forget_old(backup, keep)
    return report


def _fill(index: Index, store: ObjectStore, backup: Path, folder: Path, before: Path | None, tell: Tell) -> Report:
    objects = copied = size = 0
    missing: list[str] = []
    named = select(*rows.RECORDED_COLUMNS)
    known = _Manifest(before)
    tell("the index is copied")
    with (
        snapshot(index, folder / copy_name(index)) as connection,
        (folder / MANIFEST).open("w", encoding="ascii") as manifest,
    ):
        form = revision(connection)
        found = connection.execution_options(yield_per=ROWS_AT_ONCE).execute(named.order_by(instance.c.object_key))
        for row in found:
            recorded = rows.recorded(row)
            digest = known.of(recorded.object_key)
            if digest is None or not _is_there(backup, recorded):
                digest = _copied(store, backup, recorded)
                copied += digest is not None
            if digest is None:
                missing.append(recorded.object_key)
                continue
            objects, size = objects + 1, size + recorded.digests.size
            manifest.write(f"{digest}  {recorded.object_key}\n")
            if objects % TOLD_EVERY == 0:
                tell(f"{objects} objects, {copied} of them copied")
        manifest.flush()
        os.fsync(manifest.fileno())
    for leftover in folder.glob(f"{copy_name(index)}-*"):  # of looking at it
        leftover.unlink()
    sync_directory(folder)
    return Report(folder, objects, copied, size, tuple(missing), form)


class _Manifest:
    """The digests of an earlier snapshot, asked for in the order of the keys, as both are sorted by them."""

    def __init__(self, folder: Path | None) -> None:
        self._lines = _manifest(folder) if folder is not None else iter(())
        self._next = next(self._lines, None)

    def of(self, object_key: str) -> str | None:
        """The SHA-256 of the whole object, None where that snapshot has no such key."""
        while self._next is not None and self._next[1] < object_key:
            self._next = next(self._lines, None)
        return self._next[0] if self._next is not None and self._next[1] == object_key else None


def _manifest(folder: Path) -> Iterator[tuple[str, str]]:
    with (folder / MANIFEST).open(encoding="ascii") as lines:
        for line in lines:
            digest, _, object_key = line.rstrip("\n").partition("  ")
            yield digest, object_key


def _is_there(backup: Path, recorded: Recorded) -> bool:
    try:
        return (backup / recorded.object_key).stat().st_size == recorded.digests.size
    except FileNotFoundError:
        return False


def _copied(store: ObjectStore, backup: Path, recorded: Recorded) -> str | None:
    """The SHA-256 of the object, once it is in the backup; None where the store does not give it as it came.

    One that an interrupted backup has copied already is read instead.
    """
    place = backup / recorded.object_key
    if _is_there(backup, recorded):
        with place.open("rb") as stream:
            digest = _digest(stream, recorded)
        if digest is not None:
            return digest
    if not place.parent.is_dir():
        make_folder(place.parent)
    fresh = place.with_name(f".{place.name}.new")
    try:
        with store.open(recorded.object_key) as stream, fresh.open("wb") as copy:
            digest = _digest(stream, recorded, copy)
            copy.flush()
            os.fsync(copy.fileno())
    except StorageError:
        digest = None
    if digest is None:
        fresh.unlink(missing_ok=True)
        return None
    fresh.chmod(0o440)
    fresh.replace(place)
    sync_directory(place.parent)
    return digest


def _digest(stream: BinaryIO, recorded: Recorded, copy: BinaryIO | None = None) -> str | None:
    """The SHA-256 of the whole object, written to `copy` on the way; None when it is not what was recorded of it."""
    whole = hashlib.sha256()

    def take(chunk: bytes) -> None:
        whole.update(chunk)
        if copy is not None:
            copy.write(chunk)

    found = digests_in(stream, recorded.dataset_offset, recorded.content_length, take)
    return whole.hexdigest() if found == recorded.digests else None


def _forget_old(backup: Path, keep: int) -> None:
    """Remove the snapshots before the newest `keep`, and what was never finished; objects stay."""
    kept = set(snapshots(backup)[-keep:])
    for folder in (backup / SNAPSHOTS).iterdir():
        if folder not in kept and folder.is_dir():
            shutil.rmtree(folder)


# Putting it back -------------------------------------------------------------------------------------------------


def restore(backup: Path, folder: Path, index_url: str, store: ObjectStore, tell: Tell) -> Snapshot:
    """Put the snapshot in `folder` back: its objects into `store`, then its index to `index_url`, where none is.

    Stopped in between it is begun again: what is there already is looked at, not copied. The caller holds the node
    lock. Raises NodeFailed.
    """
    said = described(folder)
    backend = "sqlite" if index_url.startswith("sqlite") else "postgresql"
    if said.database != backend:
        raise NodeFailed(f"the snapshot's index is of {said.database}", "set PACS_DATABASE to such a database")
    file = Path(index_url.removeprefix("sqlite:///"))
    if backend == "sqlite" and file.exists():
        raise NodeFailed(f"there is an index at {file} already", "move it, its -wal and its -shm away first")
    with _failures(backup):
        for objects, (digest, object_key) in enumerate(_manifest(folder)):
            _put_back(store, backup / object_key, object_key, digest)
            if objects % TOLD_EVERY == 0:
                tell(f"{objects} of {said.objects} objects")
        tell("the index is put back")
        if backend == "sqlite":
            put_back_sqlite(folder / SQLITE_NAME, file)
        else:
            index = Index(index_url)
            try:
                put_back_postgresql(folder / POSTGRESQL_NAME, index)
            finally:
                index.close()
    return said


def _put_back(store: ObjectStore, source: Path, object_key: str, digest: str) -> None:
    try:
        with store.open(object_key) as stream:
            if _sha256(stream, None) == digest:
                return
        raise NodeFailed(
            f"the store has another object under {object_key}",
            "restore into an empty store, or delete the damaged object there",
        )
    except KeyMissing:
        pass
    part = store.incoming / f"{source.stem}.part"
    try:
        with source.open("rb") as stream, part.open("wb") as copy:
            found = _sha256(stream, copy)
            if found != digest:
                raise NodeFailed(f"{source} in the backup is damaged", "restore an older snapshot, or another backup")
            copy.flush()
            store.put(object_key, part, {"sha256": digest})
    finally:
        part.unlink(missing_ok=True)


def _sha256(stream: BinaryIO, copy: BinaryIO | None) -> str:
    whole = hashlib.sha256()
    while chunk := stream.read(CHUNK_BYTES):
        whole.update(chunk)
        if copy is not None:
            copy.write(chunk)
    return whole.hexdigest()


# Both ------------------------------------------------------------------------------------------------------------


def _write(file: Path, content: str) -> None:
    with file.open("w", encoding="utf-8") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    sync_directory(file.parent)


@contextmanager
def _alone(backup: Path) -> Iterator[None]:
    with (backup / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NodeRunning(f"another backup into {backup} is under way", "wait for it") from None
        yield


@contextmanager
def _failures(backup: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NodeFailed(f"the backup in {backup} failed: {error}", "see to its disk, then run it again") from error
    except StorageError as error:
        raise NodeFailed(f"the object store failed: {error}", "see to it, then run this again") from error
    except SQLAlchemyError as error:
        raise NodeFailed(f"the index failed: {error.__cause__ or error}", "see to it, then run this again") from error
