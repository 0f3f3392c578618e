"""Objects that are ready for the wire before a clock starts, and get new UIDs between runs without being built again.

The UIDs have one length, so that new ones are written over the old ones in the finished PDUs.
"""

from __future__ import annotations

import itertools
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from pydicom._dicom_dict import DicomDictionary
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
)

from tests.support.factories import ct_slice
from tests.support.modality import prepare

STUDIES, SERIES_PER_STUDY = 2, 2
TRANSFER_SYNTAX_UID = str(ExplicitVRLittleEndian)
HEADER_BYTES = 8 * 1024
"""The UIDs and the patient stand in the first so many bytes of a message, all in one fragment."""

_PDV_OVERHEAD = 6  # PDV length, context and control header: within the PDU's length
_UID_TENS = 38
_UID_LENGTH = len("2.25.") + _UID_TENS + 1

_ACQUISITION = range(0x00180010, 0x00190000)
_VALUES = {"LO": "Synthetic", "SH": "SYN", "CS": "NONE", "DS": "12.5", "IS": "12", "DA": "20261123", "TM": "101500"}
"""What an attribute of each of these VRs is filled with."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What is sent: objects of one class, each of exactly `dataset_bytes`. `template` makes the first of them."""

    name: str
    what: str
    sop_class_uid: str
    dataset_bytes: int
    template: Callable[[], Dataset]


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
class Message:
    """One instance's C-STORE-RQ as P-DATA-TF PDUs, joined; `places` are where its UIDs stand in `stream`."""

    number: int
    series: int
    sop_class_uid: str
    stream: bytearray
    places: tuple[tuple[str, tuple[int, ...]], ...]

    def uids(self) -> dict[str, str]:
        """What it is called now: its study, series and instance."""
        lengths = {"patient": len(_TEMPLATE.patient_id)}
        return {
            name: self.stream[offsets[0] : offsets[0] + lengths.get(name, _UID_LENGTH)].decode("ascii")
            for name, offsets in self.places
        }

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


def datasets(workload: Workload, count: int) -> list[bytes]:
    """`count` encoded data sets (Explicit VR Little Endian), all different, under the UIDs of the template."""
    base = workload.template()
    base.PatientID = _TEMPLATE.patient_id
    base.InstanceNumber = _number(0)
    base.StudyInstanceUID, base.SeriesInstanceUID, base.SOPInstanceUID = (
        _TEMPLATE.study(0),
        _TEMPLATE.series(0),
        _TEMPLATE.instance(0),
    )
    base.ImageComments = ""
    base.ImageComments = "x" * (workload.dataset_bytes - len(encode(base)))
    pixels = np.frombuffer(base.PixelData, np.uint16).reshape(-1, base.Columns)
    encoded = []
    for number in range(count):
        base.InstanceNumber = _number(number)
        base.StudyInstanceUID = _TEMPLATE.study(_series_of(number, count) // SERIES_PER_STUDY)
        base.SeriesInstanceUID = _TEMPLATE.series(_series_of(number, count))
        base.SOPInstanceUID = _TEMPLATE.instance(number)
        base.PixelData = np.roll(pixels, (number * 7, number * 13), (0, 1)).tobytes()
        encoded.append(encode(base))
    return encoded


def renamed(dataset: bytes, number: int, count: int, run: Run) -> bytes:
    """Data set `number` of the `count` of `datasets` under the UIDs of `run`."""
    series = _series_of(number, count)
    head = dataset[:HEADER_BYTES]
    for old, new in (
        (_TEMPLATE.patient_id, run.patient_id),
        (_TEMPLATE.study(series // SERIES_PER_STUDY), run.study(series // SERIES_PER_STUDY)),
        (_TEMPLATE.series(series), run.series(series)),
        (_TEMPLATE.instance(number), run.instance(number)),
    ):
        head = head.replace(old.encode("ascii"), new.encode("ascii"))
    return head + dataset[HEADER_BYTES:]


def messages(workload: Workload, encoded: list[bytes], pdu_bytes: int) -> list[Message]:
    """The data sets of `datasets` as messages whose PDUs have at most `pdu_bytes` after their header."""
    made = []
    for number, dataset in enumerate(encoded):
        series = _series_of(number, len(encoded))
        command = prepare(workload.sop_class_uid, _TEMPLATE.instance(number), TRANSFER_SYNTAX_UID, b"").pdus
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
        header = bytes(stream[:HEADER_BYTES])
        places = tuple((name, _occurrences(header, value.encode("ascii"))) for name, value in names.items())
        made.append(Message(number, series, workload.sop_class_uid, stream, places))
    return made


def encode(dataset: Dataset) -> bytes:
    """The data set in Explicit VR Little Endian, without file meta."""
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = False, True
    write_dataset(stream, dataset)
    return stream.getvalue()


# What is sent -----------------------------------------------------------------------------------------------------


def _image(side: int, elements: int, sop_class_uid: str = CTImageStorage, modality: str = "CT") -> Dataset:
    """An image of `side`² pixels of 16 bits with correlated noise, filled up to so many top-level elements."""
    dataset = ct_slice(rows=side, columns=side, seed=1)
    dataset.SOPClassUID, dataset.Modality = sop_class_uid, modality
    dataset.FrameOfReferenceUID = _uid(50)
    dataset.SliceLocation, dataset.ImagePositionPatient = "00001.00", ["-179.650", "-179.650", "00001.00"]
    block = dataset.private_block(0x0029, "SYNTHETIC SCANNER", create=True)
    block.add_new(0x10, "OB", np.random.default_rng(2).integers(0, 256, 8192, np.uint8).tobytes())
    dataset.ImageComments = ""
    for tag, (vr, _, _, retired, _) in sorted(DicomDictionary.items()):
        if len(dataset) < elements and tag in _ACQUISITION and vr in _VALUES and tag not in dataset and not retired:
            dataset.add_new(tag, vr, _VALUES[vr])
    return dataset


def _enhanced() -> Dataset:
    """200 frames in one object, each with its place and its window in the per-frame groups (PS3.3 C.7.6.16)."""
    dataset = _image(512, 60, EnhancedCTImageStorage)
    frame = dataset.PixelData
    dataset.NumberOfFrames = FRAMES
    groups = []
    for number in range(FRAMES):
        position, content, window, group = Dataset(), Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = ["-179.650", "-179.650", f"{number:08.2f}"]
        content.StackID, content.InStackPositionNumber, content.DimensionIndexValues = "1", number + 1, [1, number + 1]
        window.WindowCenter, window.WindowWidth = "40", "400"
        group.PlanePositionSequence = Sequence([position])
        group.FrameContentSequence = Sequence([content])
        group.FrameVOILUTSequence = Sequence([window])
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = Sequence(groups)
    dataset.PixelData = frame * FRAMES
    return dataset


FRAMES = 200
CT_ELEMENTS = 145
CT = Workload("ct", "CT slices of 535,508 bytes", str(CTImageStorage), 535_508, lambda: _image(512, CT_ELEMENTS))
MR = Workload(
    "mr", "MR slices of 142,104 bytes", str(MRImageStorage), 142_104, lambda: _image(256, 90, MRImageStorage, "MR")
)
DX = Workload(
    "dx",
    "radiographs of 18 MB",
    str(DigitalXRayImageStorageForPresentation),
    18_010_000,
    lambda: _image(3000, 90, DigitalXRayImageStorageForPresentation, "DX"),
)
ENHANCED = Workload(
    "enhanced", f"enhanced CT of {FRAMES} frames, 105 MB", str(EnhancedCTImageStorage), 104_900_000, _enhanced
)


def _series_of(number: int, count: int) -> int:
    """Which of the series instance `number` of `count` is in; each is one stretch."""
    return number * STUDIES * SERIES_PER_STUDY // count


def _number(number: int) -> str:
    """Instance Number, always of one length."""
    return f"{number + 1:06d}"


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
