"""What every object written here has in common: whose study it is of, who wrote it when, and its bytes."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any, Final
from uuid import UUID, uuid4, uuid5

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.filebase import DicomFileLike
from pydicom.filewriter import write_dataset

from pacs.dicom.part10 import file_meta
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN

MANUFACTURER: Final = "Suret"

# Patient and General Study modules (PS3.3 C.7.1.1, C.7.2.1): what makes an object one of the study.
_OF_STUDY: Final = (
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
    "StudyID",
    "StudyDescription",
)
_NEVER_ABSENT: Final = frozenset(_OF_STUDY) - {"IssuerOfPatientID", "StudyDescription"}  # type 1 and 2
_REPEATED_NAMES: Final = UUID("0d0f7a52-5c0c-4c4e-8f5d-5b6e3f9b7c42")
_SERIES_NAMES: Final = UUID("6a2f3c0e-6a5e-4f0d-9a0e-0a6d5f3c7b11")
_QUIET: Final = threading.RLock()


@dataclass(frozen=True, slots=True)
class Image:
    """An image that is referred to, by its metadata as DICOM JSON."""

    metadata: Mapping[str, Any]

    def text(self, keyword: str) -> str:
        """The first value, "" where there is none."""
        values = self.metadata.get(_tag(keyword), {}).get("Value") or [""]
        return "" if values[0] is None else str(values[0])

    def number(self, keyword: str, default: int) -> int:
        """The first value as a whole number."""
        try:
            return int(float(self.text(keyword)))
        except ValueError:
            return default

    @property
    def sop_instance_uid(self) -> str:
        """SOP Instance UID."""
        return self.text("SOPInstanceUID")

    @property
    def sop_class_uid(self) -> str:
        """SOP Class UID."""
        return self.text("SOPClassUID")

    @property
    def series_instance_uid(self) -> str:
        """Series Instance UID."""
        return self.text("SeriesInstanceUID")

    @property
    def number_of_frames(self) -> int | None:
        """None for an image that has no frames to be counted."""
        return self.number("NumberOfFrames", 1) if _tag("NumberOfFrames") in self.metadata else None


def made_uid() -> str:
    """A UID of its own (PS3.5 B.2)."""
    return f"2.25.{uuid4().int}"


@dataclass(frozen=True, slots=True)
class Writing:
    """Who writes the object, when, and which of its series it is (from 1). `software_version` is the node's own."""

    reader: str
    at: datetime
    instance_number: int
    software_version: str
    sop_instance_uid: str = field(default_factory=made_uid)

    @property
    def reader_name(self) -> str:
        """The reader as a person name of one component; the caret tells that no more is known (PS3.5 6.2.1.2)."""
        return self.reader if "^" in self.reader else f"{self.reader}^"


@contextmanager
def quiet() -> Iterator[None]:
    """What studies say of themselves is taken over as it is, odd or not. One thread at a time, also nested."""
    with _QUIET, warnings.catch_warnings():  # the filters are the process's: two that interleave would leave it deaf
        warnings.simplefilter("ignore")
        yield


def repeated_uid(asked: str) -> str:
    """The UID of what is made of `asked`: the same again where the same is asked."""
    return f"2.25.{uuid5(_REPEATED_NAMES, asked).int}"


def series_uid(study_instance_uid: str, modality: str) -> str:
    """The series in which everything of a kind that is written of a study lies."""
    return f"2.25.{uuid5(_SERIES_NAMES, f'{study_instance_uid} {modality}').int}"


def patient_and_study(image: Image) -> Dataset:
    """The attributes of patient and study as the image has them, what has to be there empty where it has none."""
    tags = {keyword: _tag(keyword) for keyword in _OF_STUDY}
    found = Dataset.from_json({tag: image.metadata[tag] for tag in tags.values() if tag in image.metadata})
    for keyword in _NEVER_ABSENT:
        if keyword not in found:
            setattr(found, keyword, None if dictionary_VR(keyword) != "SQ" else [])
    return found


def complete(dataset: Dataset, image: Image, writing: Writing, *, modality: str, description: str, number: int) -> None:
    """Make `dataset` an object of the image's study, in the series of its kind, made by this node."""
    dataset.update(patient_and_study(image))
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.Modality = modality
    dataset.SeriesInstanceUID = series_uid(image.text("StudyInstanceUID"), modality)
    dataset.SeriesNumber = number
    dataset.SeriesDescription = description
    dataset.InstanceNumber = writing.instance_number
    dataset.InstanceCreationDate = writing.at.strftime("%Y%m%d")
    dataset.InstanceCreationTime = writing.at.strftime("%H%M%S.%f")
    dataset.TimezoneOffsetFromUTC = "+0000"
    dataset.Manufacturer = MANUFACTURER
    dataset.ManufacturerModelName = MANUFACTURER
    dataset.SoftwareVersions = writing.software_version
    dataset.DeviceSerialNumber = "1"


def identity(image: Image) -> Dataset:
    """The UIDs of an object, its series and its study."""
    made = Dataset()
    for keyword in ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
        setattr(made, keyword, image.text(keyword))
    return made


def references_by_series(images: Sequence[Image], keyword: str) -> list[Dataset]:
    """Items of a Referenced Series Sequence, their images in a sequence called `keyword`."""
    series: dict[str, Dataset] = {}
    for image in images:
        item = series.setdefault(image.series_instance_uid, Dataset())
        item.SeriesInstanceUID = image.series_instance_uid
        if keyword not in item:
            setattr(item, keyword, [])
        item[keyword].value.append(reference(image))
    return list(series.values())


def reference(image: Image, frames: Sequence[int] = ()) -> Dataset:
    """An item that refers to an image, or to some frames of it."""
    made = Dataset()
    made.ReferencedSOPClassUID = image.sop_class_uid
    made.ReferencedSOPInstanceUID = image.sop_instance_uid
    if frames and image.number_of_frames is not None:
        made.ReferencedFrameNumber = list(frames)
    return made


def encoded(dataset: Dataset) -> bytes:
    """The object as a Part 10 file in Explicit VR Little Endian."""
    written = BytesIO()
    buffer = DicomFileLike(written)
    buffer.is_little_endian = True
    buffer.is_implicit_VR = False
    body = Dataset({element.tag: element for element in dataset})
    with quiet():
        write_dataset(buffer, body)
    head = file_meta(str(dataset.SOPClassUID), str(dataset.SOPInstanceUID), EXPLICIT_VR_LITTLE_ENDIAN)
    return head + written.getvalue()


def _tag(keyword: str) -> str:
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    return f"{tag:08X}"
