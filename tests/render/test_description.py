"""The pixel module of a header, sane or not."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset

from pacs.errors import Unreadable
from pacs.render.description import PixelDescription, integer, text
from pacs.render.header import read_header
from tests.support.render import EXPLICIT_VR_LITTLE_ENDIAN, header_of


def described(vr: str = "OW", **attributes: object) -> PixelDescription:
    dataset = read_header(header_of(**attributes), EXPLICIT_VR_LITTLE_ENDIAN)
    return PixelDescription.from_dataset(dataset, EXPLICIT_VR_LITTLE_ENDIAN, vr)


def test_a_plain_image() -> None:
    description = described(Rows=3, Columns=5, SamplesPerPixel=3, PhotometricInterpretation="RGB")
    assert description.shape == (3, 5, 3)
    assert description.frame_bytes == 90
    assert description.dtype == "<u2"
    assert described(PixelRepresentation=1).dtype == "<i2"


def test_what_is_absent_has_the_standards_default() -> None:
    description = described(SamplesPerPixel=None, PhotometricInterpretation=None, BitsStored=None, HighBit=None)
    assert (description.samples_per_pixel, description.photometric_interpretation) == (1, "MONOCHROME2")
    assert (description.bits_stored, description.high_bit, description.number_of_frames) == (16, 15, 1)


@pytest.mark.parametrize(
    ("vr", "bits", "dtype"), [("OF", 32, "<f4"), ("OD", 64, "<f8"), ("", 32, "<f4"), ("", 64, "<f8")]
)
def test_floating_pixels_are_known_by_their_vr_or_by_what_their_module_lacks(vr: str, bits: int, dtype: str) -> None:
    attributes: dict[str, Any] = {"BitsStored": None, "HighBit": None, "PixelRepresentation": None}
    assert described(vr, BitsAllocated=bits, **attributes).dtype == dtype


def test_whole_pixels_of_32_bits_stay_whole() -> None:
    assert described("", BitsAllocated=32, BitsStored=32).dtype == "<u4"


@pytest.mark.parametrize("stored", [0, 17, 65535])
def test_nonsense_in_bits_stored_means_all_of_them(stored: int) -> None:
    assert described(BitsStored=stored).bits_stored == 16


@pytest.mark.parametrize(
    "attributes",
    [
        {"Rows": 0},
        {"Columns": 0},
        {"Rows": None},
        {"BitsAllocated": 12},
        {"BitsAllocated": 0},
        {"BitsAllocated": None},
        {"SamplesPerPixel": 2},
        {"SamplesPerPixel": 65535},
    ],
    ids=str,
)
def test_what_describes_no_image_is_unreadable(attributes: dict[str, object]) -> None:
    with pytest.raises(Unreadable):
        described(**attributes)


def test_a_frame_over_the_limit_is_refused_by_arithmetic() -> None:
    with pytest.raises(Unreadable, match=str(65535 * 65535 * 8)):
        described(Rows=65535, Columns=65535, BitsAllocated=64, BitsStored=64)


def test_numbers_that_are_none() -> None:
    dataset = read_header(header_of(NumberOfFrames="3\\4"), EXPLICIT_VR_LITTLE_ENDIAN)
    assert integer(dataset, "NumberOfFrames") == 3
    odd_frames = read_header(header_of() + b"\x28\x00\x08\x00IS\x02\x001A", EXPLICIT_VR_LITTLE_ENDIAN)
    assert PixelDescription.from_dataset(odd_frames, EXPLICIT_VR_LITTLE_ENDIAN).number_of_frames == 1
    odd = Dataset()
    odd.add_new(0x00280010, "LO", "many")
    with pytest.raises(Unreadable, match="Rows is no whole number"):
        integer(odd, "Rows")
    assert text(odd, "PhotometricInterpretation", "MONOCHROME2") == "MONOCHROME2"
