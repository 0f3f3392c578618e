"""CT slices that are ready for the wire before a clock starts, and get new UIDs between runs without being built again.

512×512, 16 bits, 535,508 bytes as a data set: 145 top-level elements, a private element of 8 KB, correlated noise. Two
studies of two series. The UIDs have one length, so that new ones are written over the old ones in the finished PDUs.
"""

from __future__ import annotations

import itertools
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydicom._dicom_dict import DicomDictionary
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from tests.support.factories import ct_slice
from tests.support.modality import prepare

ELEMENTS = 145
DATASET_BYTES = 535_508
STUDIES, SERIES_PER_STUDY = 2, 2
SOP_CLASS_UID, TRANSFER_SYNTAX_UID = str(CTImageStorage), str(ExplicitVRLittleEndian)

_PDV_OVERHEAD = 6  # PDV length, context and control header: within the PDU's length
_UID_TENS = 38

_ACQUISITION = range(0x00180010, 0x00190000)
_VALUES = {"LO": "Synthetic", "SH": "SYN", "CS": "NONE", "DS": "12.5", "IS": "12", "DA": "20261123", "TM": "101500"}
"""What an attribute of each of these VRs is filled with."""


@dataclass(frozen=True, slots=True)
class Run:
    """The UIDs of one run: fresh, and all of one length. Instance `n` is `first_instance + n`."""

    patient_id: str
    first: int

    def study(self, number: int) -> str:
        """Study Instance UID of study `number`."""
        return _uid(self.first + number)

    def series(self, number: int) -> str:
        """Series Instance UID of series `number`, counted over all studies."""
        return _uid(self.first + 100 + number)

    def instance(self, number: int) -> str:
        """SOP Instance UID of instance `number`."""
        return _uid(self.first + 1000 + number)


@dataclass(slots=True)
class Slice:
    """One instance's C-STORE-RQ as P-DATA-TF PDUs, joined; `places` are where its UIDs stand in `stream`."""

    number: int
    series: int
    stream: bytearray
    places: tuple[tuple[str, tuple[int, ...]], ...]

    def rename(self, run: Run) -> None:
        """Make it another instance: the one of `run` with the same number."""
        names = {
            "patient": run.patient_id,
            "study": run.study(self.series // SERIES_PER_STUDY),
            "series": run.series(self.series),
            "instance": run.instance(self.number),
        }
        for name, offsets in self.places:
            value = names[name].encode("ascii")
            for offset in offsets:
                self.stream[offset : offset + len(value)] = value


def runs() -> Iterator[Run]:
    """Runs without end; no two have a UID in common, not even those of two processes."""
    start = int.from_bytes(os.urandom(12)) * 10**8
    for number in itertools.count():
        yield Run(f"BENCH-{number:06d}", start + number * 10**5)


_TEMPLATE = Run("BENCH-??????", 0)


def datasets(count: int) -> list[bytes]:
    """`count` encoded data sets (Explicit VR Little Endian) of DATASET_BYTES each, all different, template UIDs."""
    base = _template()
    pixels = np.frombuffer(base.PixelData, np.uint16).reshape(base.Rows, base.Columns)
    encoded = []
    for number in range(count):
        base.InstanceNumber, base.SliceLocation, base.ImagePositionPatient = _position(number)
        base.StudyInstanceUID = _TEMPLATE.study(_series_of(number, count) // SERIES_PER_STUDY)
        base.SeriesInstanceUID = _TEMPLATE.series(_series_of(number, count))
        base.SOPInstanceUID = _TEMPLATE.instance(number)
        base.PixelData = np.roll(pixels, (number * 7, number * 13), (0, 1)).tobytes()
        encoded.append(encode(base))
    return encoded


def slices(encoded: list[bytes], pdu_bytes: int) -> list[Slice]:
    """The data sets of `datasets` as messages whose PDUs have at most `pdu_bytes` after their header."""
    made = []
    for number, dataset in enumerate(encoded):
        series = _series_of(number, len(encoded))
        command = prepare(SOP_CLASS_UID, _TEMPLATE.instance(number), TRANSFER_SYNTAX_UID, b"").pdus
        stream = bytearray(command)
        step = pdu_bytes - _PDV_OVERHEAD
        for offset in range(0, len(dataset), step):
            fragment = dataset[offset : offset + step]
            last = 2 * (offset + step >= len(dataset))  # PS3.8 E.2: data set, last fragment
            stream += struct.pack(">BxLLBB", 4, len(fragment) + 6, len(fragment) + 2, 1, last) + fragment
        names = {
            "patient": _TEMPLATE.patient_id,
            "study": _TEMPLATE.study(series // SERIES_PER_STUDY),
            "series": _TEMPLATE.series(series),
            "instance": _TEMPLATE.instance(number),
        }
        header = bytes(stream[: 8 * 1024])
        places = tuple((name, _occurrences(header, value.encode("ascii"))) for name, value in names.items())
        made.append(Slice(number, series, stream, places))
    return made


def encode(dataset: Dataset) -> bytes:
    """The data set in Explicit VR Little Endian, without file meta."""
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = False, True
    write_dataset(stream, dataset)
    return stream.getvalue()


def _series_of(number: int, count: int) -> int:
    """Which of the series instance `number` of `count` is in; each is one stretch."""
    return number * STUDIES * SERIES_PER_STUDY // count


def _template() -> Dataset:
    """One slice with ELEMENTS elements and DATASET_BYTES bytes."""
    dataset = ct_slice(rows=512, columns=512, seed=1)
    dataset.PatientID = _TEMPLATE.patient_id
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = _TEMPLATE.study(0), _TEMPLATE.series(0)
    dataset.SOPInstanceUID, dataset.FrameOfReferenceUID = _TEMPLATE.instance(0), _uid(50)
    dataset.InstanceNumber, dataset.SliceLocation, dataset.ImagePositionPatient = _position(0)
    block = dataset.private_block(0x0029, "SYNTHETIC SCANNER", create=True)
    block.add_new(0x10, "OB", np.random.default_rng(2).integers(0, 256, 8192, np.uint8).tobytes())
    for tag, (vr, _, _, retired, _) in sorted(DicomDictionary.items()):
        if len(dataset) + 1 < ELEMENTS and tag in _ACQUISITION and vr in _VALUES and tag not in dataset and not retired:
            dataset.add_new(tag, vr, _VALUES[vr])
    dataset.ImageComments = ""
    dataset.ImageComments = "x" * (DATASET_BYTES - len(encode(dataset)))
    return dataset


def _position(number: int) -> tuple[str, str, list[str]]:
    """Instance Number, Slice Location and Image Position of a slice, in texts of one length."""
    return f"{number + 1:06d}", f"{number + 1:08.2f}", ["-179.650", "-179.650", f"{number + 1:08.2f}"]


def _uid(number: int) -> str:
    """A UID under 2.25 (PS3.5 B.2) of 44 characters, for numbers below 10**38."""
    return f"2.25.{10**_UID_TENS + number}"


def _occurrences(data: bytes, value: bytes) -> tuple[int, ...]:
    """Every place of `value` in `data`."""
    places = []
    place = data.find(value)
    while place >= 0:
        places.append(place)
        place = data.find(value, place + 1)
    return tuple(places)
