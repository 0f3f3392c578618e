"""Out of the archive: the header, a frame, the metadata of one stored instance, each by range reads."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, bindparam, select

from pacs.archive.outgoing import Outgoing, outgoing
from pacs.archive.standing import of_instance
from pacs.dicom.context import little_endian
from pacs.dicom.frames import FrameTable
from pacs.dicom.headers import Buffer
from pacs.dicom.json import BulkDataURI, bulk_data_range, dataset_json
from pacs.dicom.paged import bytes_at
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, transfer_syntax
from pacs.dicom.walker import inflate
from pacs.errors import NotFound, StoreFailed, Unreadable
from pacs.index.engine import Index
from pacs.index.schema import IS_LIVE, instance, series, study
from pacs.index.writer import Statement
from pacs.model import DICOMWEB_ROOT, StorageState, StoredInstance
from storage.errors import StorageError
from storage.protocol import ByteRange

if TYPE_CHECKING:
    from pacs.archive.archive import Archive

_COLUMNS = (
    instance.c.row,
    instance.c.object_key,
    instance.c.study_instance_uid,
    instance.c.series_instance_uid,
    instance.c.sop_instance_uid,
    instance.c.sop_class_uid,
    instance.c.transfer_syntax_uid,
    instance.c.instance_number,
    instance.c.size,
    instance.c.dataset_offset,
    instance.c.dataset_length,
    instance.c.pixel_element_offset,
    instance.c.pixel_element_end,
    instance.c.pixel_data_vr,
    instance.c.frame_table,
    instance.c.dataset_sha256,
    instance.c.storage,
    series.c.changes,
)
"""What StoredInstance has as fields."""

_FIELDS = tuple(column.name for column in _COLUMNS)
_STORAGE = _FIELDS.index("storage")
_CHANGES = _FIELDS.index("changes")
_SOP_INSTANCE_UID = _FIELDS.index("sop_instance_uid")

_ONE = (
    select(*_COLUMNS)
    .select_from(instance.join(series, instance.c.series_row == series.c.row))
    .where(
        instance.c.sop_instance_uid == bindparam("sop_instance_uid"),
        IS_LIVE,
        instance.c.study_instance_uid == bindparam("study_instance_uid"),
    )
)
_ONE_OF_STUDY = Statement(_ONE)
_ONE_OF_SERIES = Statement(_ONE.where(instance.c.series_instance_uid == bindparam("series_instance_uid")))
_ALL = (
    select(*_COLUMNS, series.c.series_number)
    .select_from(
        study.join(series, series.c.study_row == study.c.row).join(instance, instance.c.series_row == series.c.row)
    )
    .where(study.c.study_instance_uid == bindparam("study_instance_uid"), IS_LIVE)
)
_OF_STUDY = Statement(_ALL)
_OF_SERIES = Statement(_ALL.where(series.c.series_instance_uid == bindparam("series_instance_uid")))

TAG_BYTES = 4
ELEMENT_HEAD_BYTES_MAX = 12


def instances(
    index: Index, study_instance_uid: str, series_instance_uid: str | None, sop_instance_uid: str | None
) -> list[StoredInstance]:
    """See `Archive.instances`; empty when there are none."""
    uids = {
        "study_instance_uid": study_instance_uid,
        "series_instance_uid": series_instance_uid,
        "sop_instance_uid": sop_instance_uid,
    }
    if sop_instance_uid is not None:
        one = _ONE_OF_STUDY if series_instance_uid is None else _ONE_OF_SERIES
        return [_stored_instance(row) for row in index.ask(one, uids)]
    rows = index.ask(_OF_STUDY if series_instance_uid is None else _OF_SERIES, uids)
    found = [(_stored_instance(row), _whole(row[-1], 1 << 40)) for row in rows]
    found.sort(key=_reading_order)
    return [stored for stored, _ in found]


def live_by_row(index: Index, *conditions: ColumnElement[bool], limit: int) -> list[StoredInstance]:
    """The first `limit` live instances under `conditions` on their table, in the order of their rows."""
    statement = (
        select(*_COLUMNS)
        .select_from(instance.join(series, instance.c.series_row == series.c.row))
        .where(IS_LIVE, *conditions)
        .order_by(instance.c.row)
        .limit(limit)
    )
    with index.read() as connection:
        return [_stored_instance(tuple(row)) for row in connection.execute(statement)]


def instance_at_once(
    index: Index, study_instance_uid: str, series_instance_uid: str, sop_instance_uid: str
) -> StoredInstance | None:
    """See `Archive.instance_at_once`."""
    uids = {
        "study_instance_uid": study_instance_uid,
        "series_instance_uid": series_instance_uid,
        "sop_instance_uid": sop_instance_uid,
    }
    rows = index.ask_at_once(_ONE_OF_SERIES, uids)
    return _stored_instance(rows[0]) if rows else None


def _stored_instance(row: Sequence[Any]) -> StoredInstance:
    """A row that begins with _COLUMNS as a value."""
    changes = row[_CHANGES] and of_instance(row[_CHANGES], row[_SOP_INSTANCE_UID])
    settled = {"storage": StorageState(row[_STORAGE]), "changes": changes}
    return StoredInstance(**dict(zip(_FIELDS, row, strict=False)) | settled)


def _reading_order(found: tuple[StoredInstance, int]) -> tuple[int, str, int, str]:
    """How the instances of a study are listed: series number, series, instance number, UID."""
    stored, series_number = found
    return (
        series_number,
        stored.series_instance_uid,
        _whole(stored.instance_number, 1 << 40),
        stored.sop_instance_uid,
    )


def refuse_damaged(stored: StoredInstance) -> None:
    """Raise Unreadable for an object that no longer is what was stored: it is never served as if it were."""
    if stored.storage is StorageState.DAMAGED:
        raise Unreadable(
            f"instance {stored.sop_instance_uid} is damaged in storage",
            "send it again from its source: that repairs it",
            "damaged",
        )


def header(archive: Archive, stored: StoredInstance) -> bytes:
    """See `Archive.header`."""
    if stored.changes:
        return bytes(outgoing(stored, partial(_read, archive, stored)).head[:])
    if transfer_syntax(stored.transfer_syntax_uid).deflated:
        return inflate(_dataset(archive, stored))[: stored.pixel_element_offset]
    length = stored.dataset_length if stored.pixel_element_offset is None else stored.pixel_element_offset
    return _read(archive, stored, 0, length)


def frame(archive: Archive, stored: StoredInstance, frame_number: int) -> bytes:
    """See `Archive.frame`."""
    ranges = frame_ranges(stored, frame_number)
    if transfer_syntax(stored.transfer_syntax_uid).deflated:
        dataset = inflate(_dataset(archive, stored))
        return b"".join(dataset[offset : offset + length] for offset, length in ranges)
    return b"".join(_read(archive, stored, offset, length) for offset, length in ranges)


def frame_ranges(stored: StoredInstance, frame_number: int) -> list[tuple[int, int]]:
    """Where the frame's bytes are, as (offset, length) within the (inflated) data set. Raises NotFound, Unreadable."""
    return frame_table(stored).ranges(frame_number)


def frame_table(stored: StoredInstance) -> FrameTable:
    """Where the frames are within the (inflated) data set. Raises NotFound where there are none, Unreadable."""
    if stored.frame_table is None:
        raise NotFound(f"instance {stored.sop_instance_uid} has no frames", "ask for the instance itself")
    return FrameTable.from_bytes(stored.frame_table)


def identity(stored: StoredInstance) -> dict[str, Any]:
    """The least that metadata can say of an instance, from the index alone."""
    number = _whole(stored.instance_number, -1)
    return {
        "00080016": {"vr": "UI", "Value": [stored.sop_class_uid]},
        "00080018": {"vr": "UI", "Value": [stored.sop_instance_uid]},
        "0020000D": {"vr": "UI", "Value": [stored.study_instance_uid]},
        "0020000E": {"vr": "UI", "Value": [stored.series_instance_uid]},
        "00200013": {"vr": "IS", "Value": [number]} if number >= 0 else {"vr": "IS"},
    }


def metadata(archive: Archive, stored: StoredInstance) -> dict[str, Any]:
    """See `Archive.instance_metadata`."""
    root = (
        f"{DICOMWEB_ROOT}/studies/{stored.study_instance_uid}/series/{stored.series_instance_uid}"
        f"/instances/{stored.sop_instance_uid}/bulkdata/"
    )
    syntax = transfer_syntax(stored.transfer_syntax_uid)
    if stored.changes:
        return _corrected_metadata(archive, stored, root.__add__)
    if syntax.deflated:
        return dataset_json(inflate(_dataset(archive, stored)), EXPLICIT_VR_LITTLE_ENDIAN, bulk_data_uri=root.__add__)
    offset, end = stored.pixel_element_offset, stored.pixel_element_end
    if offset is None or end is None or end - offset <= ELEMENT_HEAD_BYTES_MAX:
        return dataset_json(_dataset(archive, stored), stored.transfer_syntax_uid, bulk_data_uri=root.__add__)
    # All but the pixels, which may be gigabytes.
    before = _read(archive, stored, 0, offset + TAG_BYTES)
    behind = _read(archive, stored, end, stored.dataset_length - end)
    return _around_pixels(stored, stored.transfer_syntax_uid, before, behind, root.__add__)


def _around_pixels(
    stored: StoredInstance, transfer_syntax_uid: str, before: bytes, behind: bytes, bulk_data_uri: BulkDataURI
) -> dict[str, Any]:
    """The metadata of what stands `before` the pixel data, with their tag, and `behind` them."""
    offset = len(before) - TAG_BYTES
    found = dataset_json(before[:offset] + behind, transfer_syntax_uid, bulk_data_uri=bulk_data_uri)
    big_endian = transfer_syntax(transfer_syntax_uid).big_endian
    group, element = struct.unpack_from(">HH" if big_endian else "<HH", before, offset)
    tag = f"{group:04X}{element:04X}"
    found[tag] = {"vr": stored.pixel_data_vr, "BulkDataURI": bulk_data_uri(tag)}
    return dict(sorted(found.items()))


def _corrected_metadata(archive: Archive, stored: StoredInstance, bulk_data_uri: BulkDataURI) -> dict[str, Any]:
    made = outgoing(stored, partial(_read, archive, stored))
    deflated = transfer_syntax(stored.transfer_syntax_uid).deflated
    uid = EXPLICIT_VR_LITTLE_ENDIAN if deflated else stored.transfer_syntax_uid
    offset, end = made.stored.pixel_element_offset, made.stored.pixel_element_end
    if offset is None or end is None or end - offset <= ELEMENT_HEAD_BYTES_MAX:
        return dataset_json(made.dataset[:], uid, bulk_data_uri=bulk_data_uri)
    return _around_pixels(stored, uid, bytes(made.dataset[: offset + TAG_BYTES]), made.behind, bulk_data_uri)


def bulk_data(archive: Archive, stored: StoredInstance, path: str) -> bytes:
    """See `Archive.bulk_data`."""
    dataset: Buffer = bytes_at(partial(_read, archive, stored), stored.dataset_length)
    if stored.changes:
        dataset = outgoing(stored, partial(_read, archive, stored)).dataset
    elif transfer_syntax(stored.transfer_syntax_uid).deflated:
        dataset = inflate(dataset)
    found = bulk_data_range(dataset, stored.transfer_syntax_uid, path)
    return little_endian(bytes(dataset[found.offset : found.offset + found.length]), found.word_bytes)


def _dataset(archive: Archive, stored: StoredInstance) -> bytes:
    return _read(archive, stored, 0, stored.dataset_length)


@contextmanager
def as_store_failed(archive: Archive, stored: StoredInstance) -> Iterator[None]:
    """Raise StoreFailed for an error of the store, and let the node look at the object."""
    try:
        yield
    except StorageError as error:
        archive.doubt(stored)
        hint = "try again; if it goes on, run `pacs verify`"
        raise StoreFailed(f"the object cannot be read: {error}", hint, "read_failed") from error


def _read(archive: Archive, stored: StoredInstance, offset: int, length: int) -> bytes:
    return read(archive, stored, stored.dataset_offset + offset, length)


def read(archive: Archive, stored: StoredInstance, offset: int, length: int) -> bytes:
    """See `Archive.read`."""
    with archive.open(stored, ByteRange(offset, length)) as stream, as_store_failed(archive, stored):
        data = stream.read()
    _refuse_short(archive, stored, len(data), length)
    return data


def read_into(archive: Archive, stored: StoredInstance, offset: int, buffer: memoryview) -> None:
    """See `Archive.read_into`."""
    filled = 0
    with archive.open(stored, ByteRange(offset, len(buffer))) as stream, as_store_failed(archive, stored):
        while count := stream.readinto(buffer[filled:]):  # type: ignore[attr-defined]
            filled += count
    _refuse_short(archive, stored, filled, len(buffer))


def _refuse_short(archive: Archive, stored: StoredInstance, found: int, length: int) -> None:
    if found != length:
        archive.doubt(stored)
        raise Unreadable(
            f"instance {stored.sop_instance_uid} is shorter in storage than it was when it came",
            "run `pacs verify`, then send it again from its source",
            "damaged",
        )


def _whole(text: str, otherwise: int) -> int:
    try:
        return int(text)
    except ValueError:
        return otherwise


def as_it_goes_out(archive: Archive, stored: StoredInstance) -> Outgoing:
    """See `Archive.as_it_goes_out`."""
    return outgoing(stored, partial(_read, archive, stored))
