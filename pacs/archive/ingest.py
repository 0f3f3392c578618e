"""The one way in: bytes to a spool file, a walk, the object, then one transaction, and only then success.

What `put` promises is in storage/README.md. Whatever fails before it leaves nothing; an object whose row was not
committed is harmless and is adopted at the next start, so a row never points at nothing.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pacs.access.principals import Principal
from pacs.archive.arrived import Arrived, Twin, content_length, identified, writer_of
from pacs.archive.digests import DatasetDigest, envelope_sha256
from pacs.archive.keys import object_key
from pacs.archive.proof import Recorded, proven
from pacs.archive.registration import register
from pacs.dicom.paged import bytes_at
from pacs.dicom.part10 import FileMeta, file_meta, read_file_meta
from pacs.dicom.uids import valid_uid
from pacs.dicom.walker import walk
from pacs.errors import (
    ArrivalRefused,
    DoesNotMatch,
    IncompleteDataSet,
    InstanceTooLarge,
    OutOfResources,
    StoreFailed,
)
from pacs.model import Announced, Outcome, StorageState, Stored, to_microseconds
from storage.errors import StorageError, StorageFull

if TYPE_CHECKING:
    from pacs.archive.archive import Archive

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
OBJECT_SCHEMA = "1"
COPY_BYTES = 1 << 20
HASH_BEHIND_BYTES = 4 << 20


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
        self._path = archive.store.incoming / f"{self._ulid}.part"
        self._descriptor = -1
        self._size = 0
        self._dataset_offset = 0
        self._head = bytearray()
        self._digest = DatasetDigest()
        self._file_head = b""
        self._put_away = False
        self._settling: Future[None] | None = None
        if announced is not None:
            try:
                self._begin(announced)
            except BaseException:
                self.discard()  # nobody holds this reception yet, so nobody else will
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes. Raises InstanceTooLarge, OutOfResources, StoreFailed, NotUnderstood."""
        if self._announced is None:
            self._head += data
            meta = read_file_meta(self._head)
            if meta is None:
                return
            rest, self._head = memoryview(self._head)[meta.dataset_offset :], bytearray()
            self._begin(self._from_file_meta(meta))
            data = rest
        if self._size + len(data) > self._archive.limits.instance_bytes_max:
            raise InstanceTooLarge(
                f"the instance is larger than {self._archive.limits.instance_bytes_max} bytes",
                "raise dimse.instance_bytes_max on the node if such objects are wanted",
            )
        self._append(data)
        if self._size - self._dataset_offset - self._digest.hashed >= HASH_BEHIND_BYTES:
            self._hash_what_came()

    def commit(self) -> Stored:
        """Prove that the object is whole, put it, commit its row. Returns only when both are on stable storage.

        Raises IncompleteDataSet, NotUnderstood, DoesNotMatch, OutOfResources, StoreFailed; then nothing is promised.
        """
        if self._announced is None:
            raise IncompleteDataSet("the file ends inside its File Meta Information", "send the whole file")
        # The disk works while this thread reads: small objects are hashed only now, beside the sync.
        self._settling = self._archive.settling.submit(self._archive.store.settle, self._descriptor)
        arrived = self._examined(self._announced)
        if self._twin is not None and not self._twin.is_of(arrived):
            raise DoesNotMatch("it is not the data set that it should be a copy of")
        placed: Future[None] = Future()
        if self._archive.store.local_path(arrived.object_key) is None:
            self._put(arrived)  # nobody else waits for a service on the network
            placed.set_result(None)
            return _taken(record(self._archive, arrived))
        registered = self._archive.index.submit(
            lambda connection: register(connection, arrived, lambda _object_key: None, arrived.received_at),
            after=placed,
        )
        try:
            self._put(arrived)
        except BaseException as error:
            placed.set_exception(error)
            raise
        placed.set_result(None)
        met = registered.result()
        if not isinstance(met, Stored):
            return _taken(record(self._archive, arrived, met))
        self._archive.events.announce()
        return _taken(met)

    def discard(self) -> None:
        """Forget what came; harmless after `commit`. Raises nothing."""
        if self._descriptor >= 0:
            self._await_settling()
            descriptor, self._descriptor = self._descriptor, -1
            # What fails here changes nothing about the answer: the next start removes what is left.
            with contextlib.suppress(OSError):
                os.close(descriptor)
            if not self._put_away:
                with contextlib.suppress(OSError):
                    self._path.unlink(missing_ok=True)

    def _begin(self, announced: Announced) -> None:
        self._announced = announced
        try:
            self._descriptor = os.open(
                self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise _refusal(error) from error
        head = file_meta(
            announced.sop_class_uid, announced.sop_instance_uid, announced.transfer_syntax_uid, self._calling_ae_title
        )
        self._file_head, self._dataset_offset = head, len(head)
        self._append(head)

    def _from_file_meta(self, meta: FileMeta) -> Announced:
        announced = Announced(
            meta.sop_class_uid, meta.sop_instance_uid, meta.transfer_syntax_uid, self._study_instance_uid
        )
        self._archive.check_transfer_syntax(meta.transfer_syntax_uid)
        self._calling_ae_title = self._calling_ae_title or writer_of(meta)
        return announced

    def _append(self, data: bytes | bytearray | memoryview) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            raise _refusal(error) from error
        self._size += len(data)

    def _hash_what_came(self) -> None:
        """Keep the digest near the end of what was written, while it is still in the page cache."""
        while left := self._size - self._dataset_offset - self._digest.hashed:
            self._digest.update(self._read(self._digest.hashed, min(COPY_BYTES, left)))

    def _read(self, offset: int, length: int) -> bytes:
        """Bytes of the data set out of the spool file. Raises StoreFailed."""
        try:
            data = os.pread(self._descriptor, length, self._dataset_offset + offset)
        except OSError as error:
            raise _refusal(error) from error
        if len(data) != length:
            raise StoreFailed("the incoming file became shorter", "send again; if it goes on, see the node's log")
        return data

    def _examined(self, announced: Announced) -> Arrived:
        """Walk and hash what came; the spool file is then the object that is described."""
        dataset = bytes_at(self._read, self._size - self._dataset_offset)
        found = walk(dataset, announced.transfer_syntax_uid)
        length = content_length(found, len(dataset), announced.transfer_syntax_uid)
        digest = self._digest.finish(dataset, length)
        named = _named_by_data_set(announced, found.values) if self._is_file else announced
        self._check(named, found.values)
        if named != announced:
            announced = named
            self._write_anew(named)
        values, oddities = identified(found, announced.sop_class_uid, announced.sop_instance_uid)
        return Arrived(
            object_key=object_key(self._ulid),
            sop_class_uid=announced.sop_class_uid,
            transfer_syntax_uid=announced.transfer_syntax_uid,
            dataset_sha256=digest,
            envelope_sha256=envelope_sha256(self._file_head, dataset, length),
            size=self._size,
            dataset_offset=self._dataset_offset,
            dataset_length=self._size - self._dataset_offset,
            padding_length=len(dataset) - length,
            walk=found,
            values=values,
            oddities=oddities,
            principal=self._principal,
            protocol=self._protocol,
            calling_ae_title=self._calling_ae_title,
            received_at=self._archive.clock(),
        )

    def _await_settling(self) -> bool:
        """Wait until nobody syncs the spool file any more; False when that was never begun. Raises nothing."""
        settling, self._settling = self._settling, None
        if settling is None:
            return False
        settling.exception()
        return True

    def _write_anew(self, named: Announced) -> None:
        """The same data set behind a File Meta Information that says what it is."""
        old, path, dataset_offset = self._descriptor, self._path, self._dataset_offset
        self._path = path.with_suffix(".named.part")
        self._await_settling()  # of a file that is not the object
        self._size = 0
        self._descriptor = -1  # the old one is closed here and nowhere else: its number may soon be another's
        try:
            self._begin(named)
            os.lseek(old, dataset_offset, os.SEEK_SET)
            while chunk := os.read(old, COPY_BYTES):
                self._append(chunk)
        finally:
            os.close(old)
            path.unlink()

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
        try:
            settled = self._settling is not None
            if self._settling is not None:
                self._settling.result()
            self._archive.store.put(arrived.object_key, self._path, _metadata(arrived), settled=settled)
            self._put_away = True
        except StorageFull as error:
            raise OutOfResources(str(error), "free space on the node's storage, then send again") from error
        except StorageError as error:
            raise StoreFailed(str(error), "send again; if it goes on, see the node's log") from error


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
        found = archive.index.write(lambda connection: register(connection, arrived, looked_at.get, archive.clock()))
        if isinstance(found, Stored):
            archive.events.announce()
            return found
        met = found


def _taken(stored: Stored) -> Stored:
    """What was stored. Raises DoesNotMatch where the sender's duplicates are refused."""
    if stored.outcome is Outcome.REFUSED:
        raise DoesNotMatch(
            "other content is stored under this SOP Instance UID", "send it under a UID of its own, or ask the operator"
        )
    return stored


def _refusal(error: OSError) -> ArrivalRefused:
    if error.errno in FULL:
        return OutOfResources("no room left on the node's storage", "free space, then send again")
    return StoreFailed(f"the node's storage failed: {error.strerror}", "send again; if it goes on, see the node's log")


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
