"""Rejection notes: Key Object Selections whose title says not to use what they name any more (IHE RAD IOCM)."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from pydicom import Dataset, FileMetaDataset, dcmwrite
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from pacs.dicom.headers import Buffer
from pacs.dicom.json import dataset_json
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, transfer_syntax
from pacs.dicom.walker import inflate

KEY_OBJECT_SELECTION = "1.2.840.10008.5.1.4.1.1.88.59"
NOTE_BYTES_MAX = 32 << 20
COPIED = ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex")
COPIED_OF_STUDY = ("StudyDate", "StudyTime", "AccessionNumber", "StudyID", "ReferringPhysicianName")


class RejectionCode(StrEnum):
    """Titles of rejection notes (PS3.16 CID 7011, coding scheme DCM)."""

    QUALITY = "113001"
    PATIENT_SAFETY = "113037"
    WORKLIST_ENTRY = "113038"
    RETENTION_EXPIRED = "113039"


MEANINGS = MappingProxyType(
    {
        RejectionCode.QUALITY: "Rejected for Quality Reasons",
        RejectionCode.PATIENT_SAFETY: "Rejected for Patient Safety Reasons",
        RejectionCode.WORKLIST_ENTRY: "Incorrect Modality Worklist Entry",
        RejectionCode.RETENTION_EXPIRED: "Data Retention Policy Expired",
    }
)


@dataclass(frozen=True, slots=True)
class Referenced:
    """An instance that a note names."""

    study_instance_uid: str
    series_instance_uid: str
    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class RejectionNote:
    """What a note says: why, and of which instances (each once)."""

    code: RejectionCode
    references: tuple[Referenced, ...]


def title_of(values: Mapping[str, str]) -> RejectionCode | None:
    """The title of a rejection note out of the walk's `values`; None where the object is none."""
    if values.get("SOPClassUID") != KEY_OBJECT_SELECTION:
        return None
    for item in json.loads(values.get("ConceptNameCodeSequence") or "[]"):
        code, scheme = _first(item, "00080100"), _first(item, "00080102")
        if scheme == "DCM" and code in set(RejectionCode):
            return RejectionCode(code)
    return None


def read_note(dataset: Buffer, transfer_syntax_uid: str, values: Mapping[str, str]) -> RejectionNote | None:
    """The note that a walked data set is; None where it is none, or larger than NOTE_BYTES_MAX."""
    code = title_of(values)
    if code is None or len(dataset) > NOTE_BYTES_MAX:
        return None
    plain = dataset[:]
    if transfer_syntax(transfer_syntax_uid).deflated:
        plain, transfer_syntax_uid = inflate(plain)[:], EXPLICIT_VR_LITTLE_ENDIAN
    found = dataset_json(plain, transfer_syntax_uid, bulk_data_uri=str)
    references: dict[str, Referenced] = {}
    for study in _items(found, "0040A375"):
        for series in _items(study, "00081115"):
            for item in _items(series, "00081199"):
                named = Referenced(
                    _first(study, "0020000D"),
                    _first(series, "0020000E"),
                    _first(item, "00081150"),
                    _first(item, "00081155"),
                )
                if named.study_instance_uid and named.sop_instance_uid:
                    references[named.sop_instance_uid] = named
    return RejectionNote(code, tuple(references.values()))


def _items(element: Mapping[str, Any], tag: str) -> list[Mapping[str, Any]]:
    return [item for item in element.get(tag, {}).get("Value", []) if isinstance(item, dict)]


def _first(element: Mapping[str, Any], tag: str) -> str:
    value = (element.get(tag, {}).get("Value") or [""])[0]
    return value.strip() if isinstance(value, str) else ""


def make_note(
    code: RejectionCode,
    references: Iterable[Referenced],
    values: Mapping[str, str],
    *,
    at: datetime,
    description: str = "",
) -> bytes:
    """A Part 10 file: the note that rejects `references`, all of one study, whose patient and study `values` tell
    (PS3.3 A.35.4, PS3.16 TID 2010)."""
    named = list(references)
    note = Dataset()
    note.SpecificCharacterSet = "ISO_IR 192"
    note.SOPClassUID, note.SOPInstanceUID = KEY_OBJECT_SELECTION, generate_uid(prefix=None)
    note.StudyInstanceUID, note.SeriesInstanceUID = named[0].study_instance_uid, generate_uid(prefix=None)
    for keyword in (*COPIED, *COPIED_OF_STUDY):
        if values.get(keyword) or keyword != "IssuerOfPatientID":
            setattr(note, keyword, values.get(keyword, ""))
    note.Modality, note.Manufacturer = "KO", "Suret"
    note.SeriesNumber, note.InstanceNumber = 1, 1
    note.ContentDate, note.ContentTime = f"{at:%Y%m%d}", f"{at:%H%M%S}"
    note.TimezoneOffsetFromUTC = "+0000"
    note.ReferencedPerformedProcedureStepSequence = []
    note.ValueType, note.ContinuityOfContent = "CONTAINER", "SEPARATE"
    note.ConceptNameCodeSequence = [_code(code.value, MEANINGS[code])]
    template = Dataset()
    template.MappingResource, template.TemplateIdentifier = "DCMR", "2010"
    note.ContentTemplateSequence = [template]
    note.CurrentRequestedProcedureEvidenceSequence = [_evidence(named)]
    content = [_text(description)] if description else []
    note.ContentSequence = content + [_composite(reference) for reference in named]
    note.file_meta = FileMetaDataset()
    note.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = io.BytesIO()
    dcmwrite(buffer, note, enforce_file_format=True)
    return buffer.getvalue()


def _evidence(named: list[Referenced]) -> Dataset:
    study = Dataset()
    study.StudyInstanceUID = named[0].study_instance_uid
    by_series: dict[str, list[Dataset]] = {}
    for reference in named:
        by_series.setdefault(reference.series_instance_uid, []).append(_sop(reference))
    study.ReferencedSeriesSequence = []
    for series_instance_uid, items in by_series.items():
        series = Dataset()
        series.SeriesInstanceUID, series.ReferencedSOPSequence = series_instance_uid, items
        study.ReferencedSeriesSequence.append(series)
    return study


def _sop(reference: Referenced) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = reference.sop_class_uid
    item.ReferencedSOPInstanceUID = reference.sop_instance_uid
    return item


def _composite(reference: Referenced) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "COMPOSITE"
    item.ReferencedSOPSequence = [_sop(reference)]
    return item


def _text(description: str) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType, item.TextValue = "CONTAINS", "TEXT", description
    item.ConceptNameCodeSequence = [_code("113012", "Key Object Description")]
    return item


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item
