"""The archive: what every wire asks, and the only thing it asks. Holds no protocol; the wires hold no archive logic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from pacs.access.grants import Action, may
from pacs.access.principals import Principal
from pacs.archive import retrieve
from pacs.archive.arrived import Twin
from pacs.archive.damage import Doubts
from pacs.archive.derived import DerivedFrames
from pacs.archive.events import EventLog
from pacs.archive.extended import ExtendedTags
from pacs.archive.forgetting import Erased, Forgetting
from pacs.archive.hasher import shared_memory
from pacs.archive.ingest import Reception
from pacs.archive.keys import ArrivalOrder, object_key
from pacs.archive.limits import IngestLimits, Retention, UploadLimits
from pacs.archive.metadata import SeriesMetadata, SeriesMetadataCache
from pacs.archive.outgoing import Outgoing
from pacs.archive.ready_files import ReadyFiles
from pacs.archive.refusals import Refusals
from pacs.archive.room import Room
from pacs.archive.spool import BUFFER_BYTES, BUFFERS_MAX, Buffers
from pacs.archive.tombstones import missing
from pacs.archive.totals import Totals
from pacs.archive.uploads import Uploads
from pacs.attributes import Vocabulary
from pacs.dicom.uids import valid_uid
from pacs.errors import NotAuthorised, NotFound, TransferSyntaxRefused
from pacs.index import query as index_query
from pacs.index.abandonment import Abandonment
from pacs.index.criteria import Query
from pacs.index.engine import Index
from pacs.model import Announced, Clock, StorageState, StoredInstance, utc_now
from pacs.troubles import INDEX_STOPPED
from storage.protocol import ByteRange, ObjectStore

SETTLING_MAX = 64
DERIVED_FRAMES_BYTES_MAX = 2 << 30
PAGE_ROWS = 1000


@dataclass(frozen=True, slots=True)
class FoundPage:
    """Rows; whether `more` follow, and then the last row there was, which the next pages are asked with."""

    rows: list[dict[str, str]]
    more: bool
    last_row: int | None


class Archive:
    """One archive over an index and a store. Safe to use from many threads."""

    def __init__(
        self,
        index: Index,
        store: ObjectStore,
        *,
        derived: Path,
        limits: IngestLimits,
        clock: Clock = utc_now,
        retention: Retention = Retention(),  # noqa: B008 - frozen
        derived_frames_bytes_max: int = DERIVED_FRAMES_BYTES_MAX,
        upload_limits: UploadLimits = UploadLimits(),  # noqa: B008 - frozen
        prepared: bool = False,
    ) -> None:
        """With `prepared` it is the only one over the store, for as long as a node runs: it makes files before they are
        needed, and has a process that hashes."""
        self.index = index
        self.store = store
        self.limits = limits
        self.retention = retention
        self.clock = clock
        self.derived = derived
        self.arrivals = ArrivalOrder(clock)
        self.keeps_files = store.local_path(object_key(self.arrivals.next())) is not None
        self.events = EventLog(index)
        self.doubts = Doubts()
        self.refusals = Refusals(index, clock)
        self.room = Room(store, index, derived.parent, limits)
        makes_ready = prepared and self.keeps_files
        self.buffers = Buffers(hasher=shared_memory(BUFFERS_MAX * BUFFER_BYTES) if makes_ready else None)
        self.ready = ReadyFiles(store.incoming.with_name("ready")) if makes_ready else None
        self.uploads = Uploads(self, derived.parent / "uploads", upload_limits)
        # Incoming files are written, synced and hashed here, each beside the walk of the same object.
        self.settling: Executor = ThreadPoolExecutor(SETTLING_MAX, "settle")
        self.derived_frames = DerivedFrames(derived, derived_frames_bytes_max, self.room.lacking)
        self._metadata = SeriesMetadataCache(self, derived)
        self.forgetting = Forgetting(index, self.events, derived / "forgotten")
        self.forgetting.tell(self._forget)
        self._totals = Totals(index)
        self.extended = ExtendedTags(index, clock)

    def prepared(self) -> dict[str, int]:
        """What is prepared for the next arrivals and how often it helped; empty where nothing is."""
        hasher = self.buffers.hasher
        return (self.ready.statistics() if self.ready else {}) | (hasher.statistics() if hasher else {})

    def close_prepared(self) -> None:
        """Give back what was prepared for the next arrivals; what comes all the same goes on without."""
        if self.ready is not None:
            self.ready.close()
        if self.buffers.hasher is not None:
            self.buffers.hasher.close()

    def _forget(self, erased: Sequence[Erased]) -> None:
        self.derived_frames.forget({one.sop_instance_uid for one in erased})
        for study, series in {(one.study_instance_uid, one.series_instance_uid) for one in erased}:
            self._metadata.forget(study, series)

    # In --------------------------------------------------------------------------------------------------------

    def receive(
        self, announced: Announced, principal: Principal, *, protocol: str, calling_ae_title: str = ""
    ) -> Reception:
        """Begin to take in an object whose class, instance and transfer syntax were told beforehand (C-STORE).

        Raises NotAuthorised, TransferSyntaxRefused, OutOfResources, StoreFailed before a byte is taken.
        """
        self.admit(principal, announced.study_instance_uid, protocol)
        self.check_transfer_syntax(announced.transfer_syntax_uid)
        return Reception(self, principal, announced, protocol=protocol, calling_ae_title=calling_ae_title)

    def receive_part10(
        self,
        principal: Principal,
        *,
        protocol: str,
        study_instance_uid: str = "",
        calling_ae_title: str = "",
        twin: Twin | None = None,
    ) -> Reception:
        """Begin to take in a whole Part 10 file (STOW, import); `study_instance_uid`, when given, has to be its study,
        and `twin` what it is.

        Raises NotAuthorised, OutOfResources, StoreFailed before a byte is taken.
        """
        self.admit(principal, study_instance_uid, protocol)
        return Reception(
            self,
            principal,
            None,
            protocol=protocol,
            calling_ae_title=calling_ae_title,
            study_instance_uid=study_instance_uid,
            twin=twin,
        )

    def check_transfer_syntax(self, transfer_syntax_uid: str) -> None:
        """Raise TransferSyntaxRefused where no syntax is named; an unknown one is for the walker to make sense of."""
        if not valid_uid(transfer_syntax_uid):
            raise TransferSyntaxRefused(
                f"transfer syntax {transfer_syntax_uid or '(none)'} is not stored here",
                "send Explicit VR Little Endian or one of the syntaxes in docs/conformance.md",
            )

    def admit(self, principal: Principal, study_instance_uid: str = "", protocol: str = "") -> None:
        """Whether something may come in now; asked for every object, and before a body that is to become objects.

        Raises NotAuthorised, OutOfResources, StoreFailed.
        """
        if not may(principal, Action.STORE, study_instance_uid or None):
            raise NotAuthorised(f"{principal.name} may not store here", "ask the administrator to allow it")
        try:
            if self.index.broken:
                raise INDEX_STOPPED.refused()
            self.room.admit()
        except Exception as error:
            self.refusals.tell(error, principal, protocol)
            raise

    # Find ------------------------------------------------------------------------------------------------------

    @property
    def vocabulary(self) -> Vocabulary:
        """Every attribute that can be asked for now."""
        return self.extended.current.vocabulary

    def find(self, query: Query) -> Iterator[dict[str, str]]:
        """Rows of the answer, keyword to text, streamed from the index in a total order.

        A row has the asked attributes of the level and above ("" when empty, several values joined by a backslash,
        sequences as the text of their DICOM JSON array), and always the unique keys of the level and above.
        """
        with self.index.read() as connection:
            yield from index_query.find(connection, query)

    def find_page(self, query: Query) -> FoundPage:
        """The rows of one page; see `find`. The query has a limit."""
        assert query.limit is not None, "a page ends somewhere"
        with self.index.read() as connection:
            rows = list(index_query.find(connection, replace(query, limit=query.limit + 1)))
            more = len(rows) > query.limit
            last = query.last_row
            if more and last is None:
                last = index_query.last_row(connection, query.level)
        return FoundPage(rows[: query.limit], more, last)

    def find_in_pages(self, query: Query, abandoned: Abandonment | None = None) -> Iterator[dict[str, str]]:
        """`find` (without `offset`) for whom a slow peer may keep waiting: no connection to the index is held while a
        row is dealt with, and however many rows there are, one page of them is held.

        Each page is of its own moment; what comes to stand before a page that was given is not told. Raises Abandoned
        soon after `abandoned` says that nobody waits any more, in the middle of a long scan too.
        """
        left, place = query.limit, None
        while left is None or left > 0:
            with self.index.read(abandoned) as connection:
                page = index_query.page(connection, query, place, PAGE_ROWS)
            rows = page.rows if left is None else page.rows[:left]
            yield from rows
            left = None if left is None else left - len(rows)
            place = page.last
            if place is None:
                return

    def count(self, query: Query) -> int:
        """How many rows `find` gives without limit and offset, now or a moment ago."""
        return self._totals.of(query)

    # Out -------------------------------------------------------------------------------------------------------

    def instances(
        self, study_instance_uid: str, series_instance_uid: str | None = None, sop_instance_uid: str | None = None
    ) -> list[StoredInstance]:
        """The live instances of a study, series or single instance, by series number, instance number and UID.

        Raises NotFound when there are none, Gone when they have been deleted.
        """
        found = retrieve.instances(self.index, study_instance_uid, series_instance_uid, sop_instance_uid)
        if not found:
            with self.index.read() as connection:
                raise missing(connection, study_instance_uid, series_instance_uid or "", sop_instance_uid or "")
        return found

    def instance_at_once(
        self, study_instance_uid: str, series_instance_uid: str, sop_instance_uid: str
    ) -> StoredInstance | None:
        """The live instance, without waiting for anything; None where `instances` has to be asked, from a thread."""
        return retrieve.instance_at_once(self.index, study_instance_uid, series_instance_uid, sop_instance_uid)

    def missing(self, study_instance_uid: str) -> NotFound:
        """The error for a study that is not there: Gone where it has been deleted."""
        with self.index.read() as connection:
            return missing(connection, study_instance_uid)

    def open(self, stored: StoredInstance, byte_range: ByteRange | None = None) -> BinaryIO:
        """The object's bytes as they are stored, a whole Part 10 file.

        Raises Unreadable for a damaged object, StoreFailed. Its `read` raises StorageFailed.
        """
        retrieve.refuse_damaged(stored)
        with retrieve.as_store_failed(self, stored):
            return self.store.open(stored.object_key, byte_range)

    def doubt(self, stored: StoredInstance) -> None:
        """Told by whoever reads an object and does not find all of it: the node looks, and marks it damaged if it is.

        Never waits; harmless for an object that is sound or marked already.
        """
        if stored.storage is not StorageState.DAMAGED:
            self.doubts.add(stored.object_key)

    def read(self, stored: StoredInstance, offset: int, length: int) -> bytes:
        """`length` bytes from `offset` of the object. Raises Unreadable where it is damaged or shorter, StoreFailed."""
        return retrieve.read(self, stored, offset, length)

    def read_into(self, stored: StoredInstance, offset: int, buffer: memoryview) -> None:
        """Fill `buffer` from `offset` of the object; raises what `read` raises."""
        retrieve.read_into(self, stored, offset, buffer)

    def read_at_once(self, stored: StoredInstance, offset: int, buffer: memoryview) -> bool:
        """The same without waiting for anything; False where it cannot be done, for whatever reason."""
        return stored.storage is not StorageState.DAMAGED and self.store.read_at_once(stored.object_key, offset, buffer)

    def as_it_goes_out(self, stored: StoredInstance) -> Outgoing:
        """An object that has corrections (`stored.changes`), with what they make of it. Raises what `read` raises."""
        return retrieve.as_it_goes_out(self, stored)

    def header(self, stored: StoredInstance) -> bytes:
        """The data set up to its pixel data, in its own syntax (deflated: inflated, which is Explicit VR LE), with
        what corrections make of it."""
        return retrieve.header(self, stored)

    def frame(self, stored: StoredInstance, frame_number: int) -> bytes:
        """The bytes of a frame as stored, fragments joined; frames count from 1. Raises NotFound, Unreadable."""
        return retrieve.frame(self, stored, frame_number)

    def series_metadata(self, study_instance_uid: str, series_instance_uid: str) -> SeriesMetadata:
        """The metadata of a series as stored compressed DICOM JSON. Raises NotFound."""
        return self._metadata.get(study_instance_uid, series_instance_uid)

    def instance_metadata(self, stored: StoredInstance) -> dict[str, Any]:
        """The DICOM JSON object of one instance (PS3.18 Annex F), large values as BulkDataURI."""
        return retrieve.metadata(self, stored)

    def bulk_data(self, stored: StoredInstance, path: str) -> bytes:
        """The value that a BulkDataURI of `instance_metadata` points at, little endian whatever the object is
        (PS3.18 8.7.3.3.1). Raises NotFound."""
        return retrieve.bulk_data(self, stored, path)
