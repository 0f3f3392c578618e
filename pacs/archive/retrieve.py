"""Out of the archive: the header, a frame, the metadata of one stored instance, each by range reads."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from pacs.dicom.frames import FrameTable
from pacs.dicom.json import bulk_data_range, dataset_json
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, TransferSyntax, transfer_syntax
from pacs.dicom.walker import inflate
from pacs.errors import NotFound, Unreadable
from pacs.index.schema import instance, series, study
from pacs.model import StorageState, StoredInstance
from storage.protocol import ByteRange

if TYPE_CHECKING:
    from pacs.archive.archive import Archive

COLUMNS = (
    instance.c.row,
    instance.c.object_key,
    study.c.study_instance_uid,
    series.c.series_instance_uid,
    instance.c.sop_instance_uid,
    instance.c.sop_class_uid,
    instance.c.transfer_syntax_uid,
    instance.c.instance_number,
    instance.c.number_of_frames,
    instance.c.size,
    instance.c.dataset_offset,
    instance.c.dataset_length,
    instance.c.pixel_element_offset,
    instance.c.frame_table,
    instance.c.dataset_sha256,
    instance.c.storage,
    series.c.series_number,
)

DICOMWEB_ROOT = "/dicom-web"
ELEMENT_HEAD_BYTES = 12
UNDEFINED_LENGTH = 0xFFFFFFFF
IMPLICIT_PIXEL_VRS = {"7FE00008": "OF", "7FE00009": "OD"}


def stored_instance(row: Any) -> StoredInstance:
    """A row of COLUMNS as a value."""
    values = dict(row._mapping)
    del values["series_number"]
    values["number_of_frames"] = _whole(values["number_of_frames"], 1)
    values["storage"] = StorageState(values["storage"])
    return StoredInstance(**values)


def reading_order(row: Any) -> tuple[int, str, int, str]:
    """How the instances of a study are listed: series number, series, instance number, UID."""
    return (
        _whole(row.series_number, 1 << 40),
        row.series_instance_uid,
        _whole(row.instance_number, 1 << 40),
        row.sop_instance_uid,
    )


def refuse_damaged(stored: StoredInstance) -> None:
    """Raise Unreadable for an object that no longer is what was stored: it is never served as if it were."""
    if stored.storage is StorageState.DAMAGED:
        raise Unreadable(
            f"instance {stored.sop_instance_uid} is damaged in storage",
            "send it again from its source: that repairs it",
        )


def header(archive: Archive, stored: StoredInstance) -> bytes:
    """See `Archive.header`."""
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
    table = FrameTable.from_bytes(stored.frame_table) if stored.frame_table is not None else None
    if table is None:
        raise NotFound(f"instance {stored.sop_instance_uid} has no frames", "ask for the instance itself")
    if not 1 <= frame_number <= table.number_of_frames:
        raise NotFound(f"there is no frame {frame_number}", f"the instance has frames 1 to {table.number_of_frames}")
    return table.ranges(frame_number)


def metadata(archive: Archive, stored: StoredInstance) -> dict[str, Any]:
    """See `Archive.instance_metadata`."""
    root = (
        f"{DICOMWEB_ROOT}/studies/{stored.study_instance_uid}/series/{stored.series_instance_uid}"
        f"/instances/{stored.sop_instance_uid}/bulkdata/"
    )
    syntax = transfer_syntax(stored.transfer_syntax_uid)
    if syntax.deflated:
        return dataset_json(inflate(_dataset(archive, stored)), EXPLICIT_VR_LITTLE_ENDIAN, bulk_data_uri=root.__add__)
    if stored.pixel_element_offset is None:
        return dataset_json(_dataset(archive, stored), stored.transfer_syntax_uid, bulk_data_uri=root.__add__)
    head = _read(archive, stored, stored.pixel_element_offset, ELEMENT_HEAD_BYTES)
    tag, vr, end = _pixel_element(stored, head, syntax)
    around = header(archive, stored) + _read(archive, stored, end, stored.dataset_length - end)
    found = dataset_json(around, stored.transfer_syntax_uid, bulk_data_uri=root.__add__)
    found[tag] = {"vr": vr, "BulkDataURI": root + tag}
    return dict(sorted(found.items()))


def _pixel_element(stored: StoredInstance, head: bytes, syntax: TransferSyntax) -> tuple[str, str, int]:
    """Tag and VR of the pixel data element and where the data set goes on behind it, without reading the pixels."""
    assert stored.pixel_element_offset is not None
    order = ">" if syntax.big_endian else "<"
    group, element = struct.unpack_from(f"{order}HH", head)
    tag = f"{group:04X}{element:04X}"
    if syntax.implicit:
        vr, head_bytes, length = IMPLICIT_PIXEL_VRS.get(tag, "OW"), 8, struct.unpack_from("<L", head, 4)[0]
    else:
        vr, head_bytes, length = head[4:6].decode("ascii", "replace"), 12, struct.unpack_from(f"{order}L", head, 8)[0]
    if length != UNDEFINED_LENGTH:
        end = stored.pixel_element_offset + head_bytes + length
    elif stored.frame_table is None:
        end = stored.dataset_length
    else:
        # Behind the last fragment stands the sequence delimiter, eight bytes (PS3.5 A.4).
        offset, size = FrameTable.from_bytes(stored.frame_table).ranges(stored.number_of_frames)[-1]
        end = offset + size + 8
    return tag, vr, min(end, stored.dataset_length)


def bulk_data(archive: Archive, stored: StoredInstance, path: str) -> bytes:
    """See `Archive.bulk_data`."""
    dataset = _dataset(archive, stored)
    if transfer_syntax(stored.transfer_syntax_uid).deflated:
        dataset = inflate(dataset)
    found = bulk_data_range(dataset, _json_syntax(stored), path)
    if found is None:
        raise NotFound(f"instance {stored.sop_instance_uid} has no bulk data at {path}", "use a BulkDataURI as given")
    offset, length = found
    return dataset[offset : offset + length]


def _json_syntax(stored: StoredInstance) -> str:
    syntax = transfer_syntax(stored.transfer_syntax_uid)
    return EXPLICIT_VR_LITTLE_ENDIAN if syntax.deflated else stored.transfer_syntax_uid


def _dataset(archive: Archive, stored: StoredInstance) -> bytes:
    return _read(archive, stored, 0, stored.dataset_length)


def _read(archive: Archive, stored: StoredInstance, offset: int, length: int) -> bytes:
    with archive.open(stored, ByteRange(stored.dataset_offset + offset, length)) as stream:
        data = stream.read()
    if len(data) != length:
        raise Unreadable(
            f"instance {stored.sop_instance_uid} is shorter in storage than it was when it came",
            "run `pacs verify`, then send it again from its source",
        )
    return data


def _whole(text: str, otherwise: int) -> int:
    try:
        return int(text)
    except ValueError:
        return otherwise
