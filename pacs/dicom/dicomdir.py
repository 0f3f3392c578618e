"""A DICOMDIR of patients, studies, series and instances (PS3.3 Annex F, PS3.10 8), out of the metadata of instances."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.fileset import _FOUR_LEVEL_SOP_CLASSES as RECORD_TYPES
from pydicom.filewriter import write_dataset

from pacs.dicom.part10 import file_meta
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN

MEDIA_STORAGE_DIRECTORY: Final = "1.2.840.10008.1.3.10"

Metadata = Mapping[str, Mapping[str, Any]]
"""A DICOM JSON object (PS3.18 Annex F)."""

_MORE_RECORD_TYPES: Final = {
    "1.2.840.10008.5.1.4.1.1.104.1": "ENCAP DOC",
    "1.2.840.10008.5.1.4.1.1.104.2": "ENCAP DOC",
    "1.2.840.10008.5.1.4.1.1.104.3": "ENCAP DOC",
    "1.2.840.10008.5.1.4.1.1.104.4": "ENCAP DOC",
    "1.2.840.10008.5.1.4.1.1.104.5": "ENCAP DOC",
    "1.2.840.10008.5.1.4.1.1.481.5": "RT PLAN",
    "1.2.840.10008.5.1.4.1.1.481.8": "RT PLAN",
}
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "PATIENT": ("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    "STUDY": ("StudyDate", "StudyTime", "AccessionNumber", "StudyDescription", "StudyInstanceUID", "StudyID"),
    "SERIES": ("Modality", "SeriesDescription", "SeriesInstanceUID", "SeriesNumber"),
    "IMAGE": ("ImageType", "InstanceNumber", "NumberOfFrames", "Rows", "Columns"),
    "RT DOSE": ("InstanceNumber", "DoseSummationType"),
    "RT STRUCTURE SET": ("InstanceNumber", "StructureSetLabel", "StructureSetDate", "StructureSetTime"),
    "RT PLAN": ("InstanceNumber", "RTPlanLabel", "RTPlanDate", "RTPlanTime"),
    "RT TREAT RECORD": ("InstanceNumber", "TreatmentDate", "TreatmentTime"),
    "PRESENTATION": (
        *("InstanceNumber", "ContentLabel", "ContentDescription", "PresentationCreationDate"),
        *("PresentationCreationTime", "ContentCreatorName", "ReferencedSeriesSequence", "BlendingSequence"),
    ),
    "SR DOCUMENT": (
        *("ContentDate", "ContentTime", "InstanceNumber", "ConceptNameCodeSequence"),
        *("CompletionFlag", "VerificationFlag", "VerificationDateTime"),
    ),
    "KEY OBJECT DOC": ("ContentDate", "ContentTime", "InstanceNumber", "ConceptNameCodeSequence"),
    "SPECTROSCOPY": (
        *("ImageType", "ContentDate", "ContentTime", "InstanceNumber", "NumberOfFrames"),
        *("Rows", "Columns", "DataPointRows", "DataPointColumns"),
    ),
    "ENCAP DOC": (
        *("ContentDate", "ContentTime", "InstanceNumber", "ConceptNameCodeSequence"),
        *("DocumentTitle", "MIMETypeOfEncapsulatedDocument"),
    ),
}
_KEYS_OF_OTHERS: Final = ("ContentDate", "ContentTime", "InstanceNumber", "ContentLabel", "ContentDescription")
# of what must not be empty in a record (type 1), when the object lacks it
_INVENTED: Final[Mapping[str, str]] = {
    "PatientID": "UNKNOWN",
    "StudyDate": "19000101",
    "StudyTime": "000000",
    "StudyID": "0",
    "Modality": "OT",
    "SeriesNumber": "0",
    "InstanceNumber": "0",
    "ContentDate": "19000101",
    "ContentTime": "000000",
}
_TYPES_OF_LEVELS: Final = (("PATIENT", "PatientID"), ("STUDY", "StudyInstanceUID"), ("SERIES", "SeriesInstanceUID"))
_UL: Final = struct.Struct("<HH2sHI")
_ITEM: Final = struct.Struct("<HHI")
_NEXT_AT, _LOWER_AT = 8, 30  # values within a record: after one element head, and after two more elements
_IN_USE: Final = 0xFFFF


@dataclass(slots=True)
class _Record:
    """A directory record, written but for its two offsets."""

    content: bytes
    below: dict[str, _Record] = field(default_factory=dict)


class DicomDir:
    """Takes instances one after the other, then gives the file."""

    def __init__(self, file_set_id: str = "SURET") -> None:
        self._file_set_id = file_set_id
        self._root: dict[str, _Record] = {}

    def add(self, metadata: Metadata, file_id: tuple[str, ...], transfer_syntax_uid: str) -> None:
        """Add the instance of `metadata`, whose file is `file_id` (PS3.10 8.2) in `transfer_syntax_uid`."""
        level = self._root
        for record_type, keyword in _TYPES_OF_LEVELS:
            key = _text(metadata, keyword)
            record = level.get(key)
            if record is None:
                level[key] = record = _Record(_written(record_type, metadata))
            level = record.below
        sop_class_uid = _text(metadata, "SOPClassUID")
        record_type = _MORE_RECORD_TYPES.get(sop_class_uid) or RECORD_TYPES.get(sop_class_uid) or "IMAGE"  # type: ignore[call-overload]
        referenced = {
            "ReferencedFileID": file_id,
            "ReferencedSOPClassUIDInFile": sop_class_uid,
            "ReferencedSOPInstanceUIDInFile": _text(metadata, "SOPInstanceUID"),
            "ReferencedTransferSyntaxUIDInFile": transfer_syntax_uid,
        }
        level["\\".join(file_id)] = _Record(_written(record_type, metadata, referenced))

    def file(self, sop_instance_uid: str) -> bytes:
        """The whole file. Offsets count from its first byte (PS3.3 F.3.2.2)."""
        meta = file_meta(MEDIA_STORAGE_DIRECTORY, sop_instance_uid, EXPLICIT_VR_LITTLE_ENDIAN)
        name = self._file_set_id.encode("ascii")
        name += b" " * (len(name) & 1)
        head = _UL.pack(4, 0x1130, b"CS", len(name), 0)[:8] + name
        first_record = len(meta) + len(head) + 2 * 12 + 10 + 12
        placed = _placed(self._root, first_record + _ITEM.size)
        items = b"".join(_ITEM.pack(0xFFFE, 0xE000, len(content)) + content for _, content in placed.records)
        return b"".join(
            (
                meta,
                head,
                _UL.pack(4, 0x1200, b"UL", 4, placed.first),
                _UL.pack(4, 0x1202, b"UL", 4, placed.last),
                struct.pack("<HH2sHH", 4, 0x1212, b"US", 2, 0),
                struct.pack("<HH2sHI", 4, 0x1220, b"SQ", 0, len(items)),
                items,
            )
        )


@dataclass(slots=True)
class _Placed:
    """Records in the order of the file with their places; `first` and `last` are those of the uppermost level."""

    records: list[tuple[int, bytes]]
    first: int
    last: int


def _placed(level: Mapping[str, _Record], start: int) -> _Placed:
    """`start` is where the content of the first record begins; the links name where its item begins."""
    records: list[tuple[int, bytes]] = []
    heads: list[tuple[int, _Record, int]] = []
    position = start - _ITEM.size
    for record in level.values():
        begins = position
        position += _ITEM.size + len(record.content)
        below = _placed(record.below, position + _ITEM.size)
        heads.append((begins, record, below.first))
        records.append((begins, record.content))
        records += below.records
        position += sum(_ITEM.size + len(content) for _, content in below.records)
    following = {begins: after for (begins, _, _), (after, _, _) in itertools.pairwise(heads)}
    linked = {begins: (following.get(begins, 0), lower) for begins, _, lower in heads}
    records = [
        (begins, _linked(content, *linked[begins]) if begins in linked else content) for begins, content in records
    ]
    return _Placed(records, heads[0][0] if heads else 0, heads[-1][0] if heads else 0)


def _linked(content: bytes, following: int, lower: int) -> bytes:
    out = bytearray(content)
    struct.pack_into("<I", out, _NEXT_AT, following)
    struct.pack_into("<I", out, _LOWER_AT, lower)
    return bytes(out)


def _written(record_type: str, metadata: Metadata, referenced: Mapping[str, Any] | None = None) -> bytes:
    """A record in Explicit VR Little Endian, its offsets 0."""
    record = Dataset()
    record.DirectoryRecordType = record_type
    for keyword, value in (referenced or {}).items():
        setattr(record, keyword, list(value) if isinstance(value, tuple) else value)
    record.SpecificCharacterSet = "ISO_IR 192"
    for keyword in _KEYS.get(record_type, _KEYS_OF_OTHERS):
        tag = tag_for_keyword(keyword)
        assert tag is not None, keyword
        element = metadata.get(f"{tag:08X}")
        if element is not None and element.get("Value"):
            found = Dataset.from_json({f"{tag:08X}": element}, bulk_data_uri_handler=lambda _: b"")
            record.add(found[tag])
        elif keyword in _INVENTED:
            record.add_new(tag, dictionary_VR(tag), _INVENTED[keyword])
        elif dictionary_VR(tag) != "SQ":
            record.add_new(tag, dictionary_VR(tag), None)
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = False, True
    write_dataset(stream, record, parent_encoding="utf-8")
    links = _UL.pack(4, 0x1400, b"UL", 4, 0) + struct.pack("<HH2sHH", 4, 0x1410, b"US", 2, _IN_USE)
    return links + _UL.pack(4, 0x1420, b"UL", 4, 0) + stream.getvalue()


def _text(metadata: Metadata, keyword: str) -> str:
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    values = metadata.get(f"{tag:08X}", {}).get("Value")
    return str(values[0]) if values and values[0] is not None else ""
