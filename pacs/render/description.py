"""What the header says about the pixels (PS3.3 C.7.6.3), checked before anything is allocated."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from pacs.dicom.uids import EXPLICIT_VR_BIG_ENDIAN
from pacs.errors import Unreadable
from pacs.render.values import FRAME_BYTES_MAX

SUBSAMPLED = frozenset({"YBR_FULL_422", "YBR_PARTIAL_422"})
_BITS_ALLOCATED = (1, 8, 16, 32, 64)
_SAMPLES = (1, 3, 4)
_FLOATING_VR = MappingProxyType({"OF": 32, "OD": 64})


@dataclass(frozen=True, slots=True)
class PixelDescription:
    """The pixel module of one object. Raises Unreadable for values that describe no image that can be decoded.

    `floating`: Float or Double Float Pixel Data. `pixel_data_vr` is empty where it is not known.
    """

    transfer_syntax_uid: str
    rows: int
    columns: int
    samples_per_pixel: int
    photometric_interpretation: str
    planar_configuration: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    pixel_representation: int
    number_of_frames: int = 1
    floating: bool = False
    pixel_data_vr: str = ""

    def __post_init__(self) -> None:
        if not (1 <= self.rows <= 0xFFFF and 1 <= self.columns <= 0xFFFF):
            raise _bad("Rows and Columns", f"{self.rows} x {self.columns}")
        if self.samples_per_pixel not in _SAMPLES:
            raise _bad("Samples per Pixel", self.samples_per_pixel)
        if self.bits_allocated not in _BITS_ALLOCATED:
            raise _bad("Bits Allocated", self.bits_allocated)
        if self.floating and self.bits_allocated < 32:
            raise _bad("Bits Allocated of floating point pixels", self.bits_allocated)
        if self.frame_bytes > FRAME_BYTES_MAX:
            raise Unreadable(
                f"one frame would take {self.frame_bytes} bytes decoded, over the limit of {FRAME_BYTES_MAX}",
                "fetch the object as it is stored",
            )

    @classmethod
    def from_dataset(cls, dataset: Dataset, transfer_syntax_uid: str, pixel_data_vr: str = "") -> Self:
        """From the top level of `dataset`, with the standard's defaults for what is absent. Raises Unreadable."""
        bits_allocated = integer(dataset, "BitsAllocated")
        bits_stored = integer(dataset, "BitsStored", bits_allocated)
        if not 1 <= bits_stored <= bits_allocated:
            bits_stored = bits_allocated
        # The floating point modules have neither of these two (PS3.3 C.7.6.24)
        described = "BitsStored" in dataset or "PixelRepresentation" in dataset
        floating = pixel_data_vr in _FLOATING_VR or (not described and bits_allocated in _FLOATING_VR.values())
        return cls(
            transfer_syntax_uid=transfer_syntax_uid,
            rows=integer(dataset, "Rows"),
            columns=integer(dataset, "Columns"),
            samples_per_pixel=integer(dataset, "SamplesPerPixel", 1),
            photometric_interpretation=text(dataset, "PhotometricInterpretation", "MONOCHROME2"),
            planar_configuration=integer(dataset, "PlanarConfiguration", 0),
            bits_allocated=bits_allocated,
            bits_stored=bits_stored,
            high_bit=integer(dataset, "HighBit", bits_stored - 1),
            pixel_representation=integer(dataset, "PixelRepresentation", 0) & 1,
            number_of_frames=_number_of_frames(dataset),
            floating=floating,
            pixel_data_vr=pixel_data_vr,
        )

    @property
    def pixels(self) -> int:
        """Pixels in one frame."""
        return self.rows * self.columns

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The little-endian type of one decoded sample; a 1-bit sample takes a byte."""
        kind = "f" if self.floating else "ui"[self.pixel_representation]
        return np.dtype(f"<{kind}{max(self.bits_allocated // 8, 1)}")

    @property
    def frame_bytes(self) -> int:
        """Size of one decoded frame, in bytes."""
        return self.pixels * self.samples_per_pixel * self.dtype.itemsize

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one decoded frame: (rows, columns) or (rows, columns, samples)."""
        plane = (self.rows, self.columns)
        return plane if self.samples_per_pixel == 1 else (*plane, self.samples_per_pixel)

    @property
    def big_endian(self) -> bool:
        """Whether native pixels are stored in Explicit VR Big Endian (PS3.5 A.3)."""
        return self.transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN


def first(dataset: Dataset, keyword: str, index: int = 0) -> object:
    """The value of an element at `index`; None when it is absent, empty or cannot be converted."""
    try:
        value = dataset.get(keyword)
    except (ValueError, TypeError, AttributeError, OverflowError):
        return None
    if isinstance(value, bytes):  # an ambiguous VR, left as bytes by the reader: US in little endian
        words = value[2 * index : 2 * index + 2]
        value = struct.unpack("<H", words)[0] if len(words) == 2 else None
    elif not isinstance(value, str) and isinstance(value, Sequence):
        value = value[index] if len(value) > index else None
    elif index:
        value = None
    return None if value == "" else value


def numbers(dataset: Dataset, keyword: str) -> list[float]:
    """Every value of an element as finite numbers; empty when it is absent or holds something else."""
    try:
        value = dataset.get(keyword)
        if value is None or isinstance(value, str | bytes):
            return []
        found = [float(str(one)) for one in (value if isinstance(value, Sequence) else [value])]
        return found if all(np.isfinite(found)) else []
    except (ValueError, TypeError, AttributeError, OverflowError):
        return []


def integers(dataset: Dataset, name: str | tuple[int, int]) -> list[int]:
    """Every value of an element, by its keyword or tag, as integers; empty when it is absent or holds no numbers."""
    try:
        value = dataset.get(name)
        value = value.value if isinstance(value, DataElement) else value
        if isinstance(value, bytes):
            return list(struct.unpack(f"<{len(value) // 2}H", value[: len(value) // 2 * 2]))
        if value is None or value == "":
            return []
        many = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        return [int(float(str(one))) for one in many]
    except (ValueError, TypeError, AttributeError, OverflowError):
        return []


def integer(dataset: Dataset, keyword: str, default: int | None = None) -> int:
    """The first value as an integer; `default` when it is absent or empty. Raises Unreadable."""
    value = first(dataset, keyword)
    if value is None:
        if default is None:
            raise Unreadable(f"{keyword} is missing", "this object holds no image that can be shown")
        return default
    try:
        return int(str(value))
    except ValueError as error:
        raise _bad(keyword, "no whole number") from error


def text(dataset: Dataset, keyword: str, default: str = "") -> str:
    """The first value as stripped text; `default` when it is absent, empty or cannot be converted."""
    value = first(dataset, keyword)
    return (str(value).strip() if value is not None else "") or default


def _number_of_frames(dataset: Dataset) -> int:
    """1 where it is absent or no number: one frame can be shown whatever their number is."""
    try:
        return max(integer(dataset, "NumberOfFrames", 1), 1)
    except Unreadable:
        return 1


def _bad(name: str, value: object) -> Unreadable:
    return Unreadable(f"{name} is {value}", "the header describes no image that can be decoded")
