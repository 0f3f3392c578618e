"""The one way in: bytes to a spool, a walk, the object, then one transaction, and only then success.

What `put` promises is in storage/README.md. Whatever fails before it leaves nothing; an object whose row was not
committed is harmless and is adopted at the next start, so a row never points at nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sqlalchemy import Connection

from pacs.access.principals import Principal
from pacs.archive.arrived import Arrived, Twin, content_length, identified, writer_of
from pacs.archive.digests import DatasetDigest, envelope_sha256
from pacs.archive.extended_values import read_later
from pacs.archive.hasher import Hasher
from pacs.archive.keys import object_key
from pacs.archive.proof import Recorded, proven
from pacs.archive.registration import Proof, register
from pacs.archive.spool import Spool, renamed
from pacs.dicom.paged import bytes_at
from pacs.dicom.part10 import FileMeta, file_meta, read_file_meta
from pacs.dicom.rejection import read_note
from pacs.dicom.uids import valid_uid
from pacs.dicom.walker import walk
from pacs.errors import DoesNotMatch, IncompleteDataSet, InstanceTooLarge
from pacs.model import Announced, Outcome, StorageState, Stored, to_microseconds
from pacs.troubles import STORE_FAILED, trouble_of
from storage.errors import StorageError

if TYPE_CHECKING:
    from pacs.archive.archive import Archive

OBJECT_SCHEMA = "1"
HASH_BEHIND_BYTES = 4 << 20
HASH_FAR_BEHIND_BYTES = 16 << 20


class Reception:
    """One object on its way in. Leaving the context without `commit` removes every trace of it.

    Where nothing was announced (`announced` None) the stream is a whole file, and group 0002 is read from it.
    """

    def __init__(
        self,
        archive: Archive,
        principal: Principal,
        announced: Announced | None,
        *,
        protocol: str,
        calling_ae_title: str,
        study_instance_uid: str = "",
        twin: Twin | None = None,
    ) -> None:
        self._archive = archive
        self._principal = principal
        self._announced = announced
        self._is_file = announced is None
        self._twin = twin
        self._study_instance_uid = study_instance_uid or (announced.study_instance_uid if announced else "")
        self._protocol = protocol
        self._calling_ae_title = calling_ae_title
        self._ulid = archive.arrivals.next()
        self._spool: Spool | None = None
        self._head = bytearray()
        self._digest = DatasetDigest()
        self._hashing: Future[None] | None = None
        self._settling: Future[None] | None = None
        self._hasher: Hasher | None = None
        self._settled = False
        self._put_away = False
        if announced is not None:
            try:
                self._begin(announced)
            except Exception as error:
                self._tell(error)
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes. Raises InstanceTooLarge, OutOfResources, StoreFailed, NotUnderstood."""
        try:
            self._take(data)
        except Exception as error:
            self._tell(error)
            raise

    def _take(self, data: bytes | bytearray | memoryview) -> None:
        if self._announced is None:
            self._head += data
            meta = read_file_meta(self._head)
            if meta is None:
                return
            rest, self._head = memoryview(self._head)[meta.dataset_offset :], bytearray()
            self._begin(self._from_file_meta(meta))
            data = rest
        spool = self._spool
        assert spool is not None, "what is announced has begun"
        if spool.size + len(data) > self._archive.limits.instance_bytes_max:
            raise InstanceTooLarge(
                f"the instance is larger than {self._archive.limits.instance_bytes_max} bytes",
                "raise dimse.instance_bytes_max on the node if such objects are wanted",
            )
        spool.append(data)
        if spool.dataset_length - self._digest.hashed >= HASH_BEHIND_BYTES:
            self._hash_what_came(spool)

    def commit(self) -> Stored:
        """Prove that the object is whole, put it, commit its row. Returns only when both are on stable storage.

        Raises IncompleteDataSet, NotUnderstood, DoesNotMatch, OutOfResources, StoreFailed; then nothing is promised.
        """
        try:
            return self._stored()
        except Exception as error:
            self._tell(error)
            raise

    def _stored(self) -> Stored:
        if self._announced is None or self._spool is None:
            raise IncompleteDataSet("the file ends inside its File Meta Information", "send the whole file")
        # What is in memory goes to the disk now, and is walked and hashed while the disk takes it.
        self._hasher = self._spool.begin_hash()
        self._write_down(self._spool)
        arrived = self._examined(self._announced, self._spool)
        if self._twin is not None and not self._twin.is_of(arrived):
            raise DoesNotMatch("it is not the data set that it should be a copy of")
        self._put(arrived)
        return _taken(record(self._archive, arrived))

    def discard(self) -> None:
        """Forget what came; harmless after `commit`. Raises nothing."""
        spool, self._spool = self._spool, None
        if spool is not None:
            self._await_others()
            spool.discard(keep=self._put_away)

    def _tell(self, error: Exception) -> None:
        """Keep why it is not taken in. Raises the refusal that an error amounts to which is none itself."""
        self._archive.refusals.tell(error, self._principal, self._protocol)

    def _begin(self, announced: Announced) -> None:
        self._announced = announced
        archive = self._archive
        self._spool = Spool(self._path(), self._file_meta(announced), archive.buffers, archive.ready)

    def _path(self, suffix: str = "part") -> Path:
        return self._archive.store.incoming / f"{self._ulid}.{suffix}"

    def _file_meta(self, announced: Announced) -> bytes:
        return file_meta(
            announced.sop_class_uid, announced.sop_instance_uid, announced.transfer_syntax_uid, self._calling_ae_title
        )

    def _from_file_meta(self, meta: FileMeta) -> Announced:
        announced = Announced(
            meta.sop_class_uid, meta.sop_instance_uid, meta.transfer_syntax_uid, self._study_instance_uid
        )
        self._archive.check_transfer_syntax(meta.transfer_syntax_uid)
        self._calling_ae_title = self._calling_ae_title or writer_of(meta)
        return announced

    def _hash_what_came(self, spool: Spool) -> None:
        """Keep the digest near the end of what was written, while it is still in the page cache; in another thread."""
        left = spool.dataset_length - self._digest.hashed
        if self._hashing is not None:
            if not self._hashing.done() and left < HASH_FAR_BEHIND_BYTES:
                return
            self._hashing.result()
        start, length = self._digest.hashed, spool.dataset_length
        if start < length:
            self._hashing = self._archive.settling.submit(self._digest.follow, spool.read_into, length)

    def _write_down(self, spool: Spool) -> None:
        """Begin what `_put` waits for. A large file is synced by another thread: its last megabytes take their time."""
        if spool.in_memory:
            spool.write_down()
        else:
            self._settling = self._archive.settling.submit(spool.settle, self._archive.store)

    def _examined(self, announced: Announced, spool: Spool) -> Arrived:
        """Walk and hash what came; the spool is then the object that is described."""
        dataset = spool.dataset() or bytes_at(spool.read, spool.dataset_length)
        found = walk(dataset, announced.transfer_syntax_uid)
        length = content_length(found, len(dataset), announced.transfer_syntax_uid)
        if self._hashing is not None:
            self._hashing.result()
        if not spool.in_memory:
            self._digest.follow(spool.read_into, length)
        digest = self._hashed_elsewhere(spool, length) or self._digest.finish(dataset, length)
        named = _named_by_data_set(announced, found.values) if self._is_file else announced
        self._check(named, found.values)
        if named != announced:
            announced = named
            spool = self._write_anew(named, spool)
            dataset = spool.dataset() or bytes_at(spool.read, spool.dataset_length)
        values, oddities = identified(found, announced.sop_class_uid, announced.sop_instance_uid)
        extended = self._archive.extended.current
        return Arrived(
            object_key=object_key(self._ulid),
            sop_class_uid=announced.sop_class_uid,
            transfer_syntax_uid=announced.transfer_syntax_uid,
            dataset_sha256=digest,
            envelope_sha256=envelope_sha256(spool.head, dataset, length),
            size=spool.size,
            dataset_offset=len(spool.head),
            dataset_length=spool.dataset_length,
            padding_length=len(dataset) - length,
            walk=found,
            values=values,
            oddities=oddities,
            principal=self._principal,
            protocol=self._protocol,
            calling_ae_title=self._calling_ae_title,
            received_at=self._archive.clock(),
            note=read_note(dataset, announced.transfer_syntax_uid, values),
            told=extended.told_by(dataset, announced.transfer_syntax_uid),
            told_of=extended.generation,
        )

    def _hashed_elsewhere(self, spool: Spool, length: int) -> str | None:
        """The digest of the first `length` bytes of the data set, where another process took it; the disk is waited for
        meanwhile. Raises OutOfResources, StoreFailed."""
        if self._hasher is None:
            return None
        with _refusals():
            spool.settle(self._archive.store)
        self._settled = True
        hasher, self._hasher = self._hasher, None
        digest = hasher.end()
        return digest if length == spool.dataset_length else None

    def _await_others(self) -> None:
        """Wait until nobody else reads or syncs the spool any more. Raises nothing."""
        if self._hasher is not None:
            self._hasher.end()
            self._hasher = None
        for other in (self._hashing, self._settling):
            if other is not None:
                other.exception()
        self._hashing = self._settling = None

    def _write_anew(self, named: Announced, old: Spool) -> Spool:
        """The same data set behind a File Meta Information that says what it is."""
        self._await_others()  # with a file that is not the object
        self._spool = None
        self._settled = False
        try:
            archive = self._archive
            self._spool = renamed(old, self._path("named.part"), self._file_meta(named), archive.buffers, archive.ready)
        finally:
            old.discard(keep=False)
        self._write_down(self._spool)
        return self._spool

    def _check(self, announced: Announced, values: Mapping[str, str]) -> None:
        for keyword, told in (
            ("SOPClassUID", announced.sop_class_uid),
            ("SOPInstanceUID", announced.sop_instance_uid),
            ("StudyInstanceUID", self._study_instance_uid),
        ):
            # A data set that does not name itself is what its sender says it is; another study's is never taken.
            in_dataset = values.get(keyword, "")
            if told and in_dataset != told and (in_dataset or keyword == "StudyInstanceUID"):
                raise DoesNotMatch(f"{keyword} is {in_dataset or 'missing'} in the data set and {told} in the request")
        for keyword, uid in (
            ("SOPClassUID", announced.sop_class_uid),
            ("SOPInstanceUID", announced.sop_instance_uid),
            ("StudyInstanceUID", values.get("StudyInstanceUID") or announced.sop_instance_uid),
            ("SeriesInstanceUID", values.get("SeriesInstanceUID") or announced.sop_instance_uid),
        ):
            if not valid_uid(uid):
                raise DoesNotMatch(f"{keyword} {uid[:64]!r} is not a UID", "UIDs are digits and dots, at most 64")

    def _put(self, arrived: Arrived) -> None:
        assert self._spool is not None
        store = self._archive.store
        with _refusals():
            if self._settling is not None:
                self._settling.result()
            elif not self._settled:
                self._spool.settle(store)
            # a file keeps no metadata
            metadata = {} if self._archive.keeps_files else _metadata(arrived)
            store.put(arrived.object_key, self._spool.path, metadata, settled=True)
            self._put_away = True


@contextmanager
def _refusals() -> Iterator[None]:
    """What the store raises as what whoever brought the object hears."""
    try:
        yield
    except StorageError as error:
        raise (trouble_of(error) or STORE_FAILED).refused(str(error)) from error


def _named_by_data_set(announced: Announced, values: Mapping[str, str]) -> Announced:
    """In a file the data set says what it is, whatever the File Meta Information says."""
    return replace(
        announced,
        sop_class_uid=values.get("SOPClassUID") or announced.sop_class_uid,
        sop_instance_uid=values.get("SOPInstanceUID") or announced.sop_instance_uid,
    )


def record(archive: Archive, arrived: Arrived, met: Recorded | None = None) -> Stored:
    """The transaction that makes an object which is already put visible; also for objects that are adopted.

    An object that was `met` with the same data set is read here, outside the transaction: when storage does not give
    it back whole, the one that has just been put takes its place.
    """
    looked_at: dict[str, StorageState] = {}
    while True:
        if met is not None:
            looked_at[met.object_key] = proven(archive.store, met) or StorageState.DAMAGED
        found = archive.index.write(partial(_register, archive, arrived, looked_at.get))
        if isinstance(found, Stored):
            archive.events.announce()
            return found
        met = found


def _register(archive: Archive, arrived: Arrived, proof: Proof, connection: Connection) -> Stored | Recorded:
    tags = archive.extended.current
    if arrived.told_of == tags.generation:
        return register(connection, arrived, proof, archive.clock(), archive.retention)
    # the tags have changed since it was read, or it was not read for them
    found = register(connection, replace(arrived, told=()), proof, archive.clock(), archive.retention)
    if tags.read and isinstance(found, Stored):
        read_later(connection, arrived.object_key)
        archive.extended.changed.set()
    return found


def _taken(stored: Stored) -> Stored:
    """What was stored. Raises DoesNotMatch where the sender's duplicates are refused."""
    if stored.outcome is Outcome.REFUSED:
        raise DoesNotMatch(
            "other content is stored under this SOP Instance UID", "send it under a UID of its own, or ask the operator"
        )
    return stored


def _metadata(arrived: Arrived) -> dict[str, str]:
    """What a bare object needs to be found again without the index."""
    values = arrived.values
    return {
        "sop": values["SOPInstanceUID"],
        "series": values["SeriesInstanceUID"],
        "study": values["StudyInstanceUID"],
        "dataset_sha256": arrived.dataset_sha256,
        "envelope_sha256": arrived.envelope_sha256,
        "size": str(arrived.size),
        "received": str(to_microseconds(arrived.received_at)),
        "calling_ae": arrived.calling_ae_title,
        "schema": OBJECT_SCHEMA,
    }
