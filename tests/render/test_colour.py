"""Palettes and colour spaces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pacs.errors import Unreadable
from pacs.render.colour import expand_segments, from_palette, to_rgb
from pacs.render.description import PixelDescription
from pacs.render.header import FrameHeader, read_header
from tests.support.render import EXPLICIT_VR_LITTLE_ENDIAN, grey_job


def words(*values: int) -> bytes:
    return np.array(values, "<u2").tobytes()


def coloured(pixels: np.ndarray[Any, Any], **attributes: object) -> list[Any]:
    job = grey_job(pixels, PhotometricInterpretation="PALETTE COLOR", **attributes)
    dataset = read_header(bytes(job.header), EXPLICIT_VR_LITTLE_ENDIAN)
    description = PixelDescription.from_dataset(dataset, EXPLICIT_VR_LITTLE_ENDIAN)
    return from_palette(FrameHeader(dataset, 1, little_endian=True), description, pixels).tolist()


def palette(descriptor: list[int], red: bytes, green: bytes, blue: bytes, prefix: str = "") -> dict[str, object]:
    colours = {"Red": red, "Green": green, "Blue": blue}
    descriptors = {f"{name}PaletteColorLookupTableDescriptor": descriptor for name in colours}
    return descriptors | {f"{prefix}{name}PaletteColorLookupTableData": data for name, data in colours.items()}


def test_sixteen_bit_entries_and_indices_beyond_both_ends() -> None:
    tables = palette([2, 10, 16], words(0xFF00, 0x8000), words(0, 0xFFFF), words(0x0100, 0))
    pixels = np.array([[0, 10, 11, 255]], np.uint8)
    first, second = [255, 0, 1], [128, 255, 0]
    assert coloured(pixels, **tables) == [[first, first, second, second]]


def test_signed_indices() -> None:
    tables = palette([2, -1, 8], words(1, 2), words(3, 4), words(5, 6))
    assert coloured(np.array([[-1, 0]], np.int16), **tables) == [[[1, 3, 5], [2, 4, 6]]]


def test_eight_bit_entries_packed_two_to_a_word() -> None:
    tables = palette([4, 0, 8], bytes([1, 2, 3, 4]), bytes([5, 6, 7, 8]), bytes([9, 10, 11, 12]))
    assert coloured(np.array([[0, 3]], np.uint8), **tables) == [[[1, 5, 9], [4, 8, 12]]]


def test_sixteen_bit_tables_that_hold_eight_bit_values() -> None:
    tables = palette([2, 0, 16], words(7, 200), words(7, 200), words(7, 200))
    assert coloured(np.array([[0, 1]], np.uint8), **tables) == [[[7] * 3, [200] * 3]]


def test_segmented_tables() -> None:
    # PS3.3 C.7.9.2: discrete 0, 0x4000; linear in 3 steps to 0xA000; the discrete segment again
    segments = words(0, 2, 0, 0x4000, 1, 3, 0xA000, 2, 1, 0, 0)
    assert expand_segments(np.frombuffer(segments, "<u2").astype(np.int64)).tolist() == [
        *(0, 0x4000),
        *(0x6000, 0x8000, 0xA000),
        *(0, 0x4000),
    ]
    tables = palette([7, 0, 16], segments, segments, segments, prefix="Segmented")
    assert coloured(np.array([[1, 4]], np.uint8), **tables) == [[[0x40] * 3, [0xA0] * 3]]


@pytest.mark.parametrize("segments", [[9, 1, 1], [1, 5, 7], [2, 1, 0, 0, 2, 1, 0, 0]])
def test_segments_that_make_no_sense_are_unreadable(segments: list[int]) -> None:
    with pytest.raises(Unreadable, match="palette"):
        expand_segments(np.array(segments, np.int64))


def test_segments_that_repeat_each_other_stay_bounded() -> None:
    linear = [0, 1, 0, *([1, 65535, 1] * 400)]
    indirect = [2, 400, 0, 0] * 400
    assert len(expand_segments(np.array(linear + indirect, np.int64))) == 65536


@pytest.mark.parametrize("tables", [{}, palette([2, 0, 16], b"", b"", b"")], ids=["no descriptor", "no entries"])
def test_a_palette_that_is_not_there_is_unreadable(tables: dict[str, object]) -> None:
    with pytest.raises(Unreadable, match="palette"):
        coloured(np.zeros((1, 1), np.uint8), **tables)


def rgb(space: str, *pixels: tuple[int, int, int], dtype: str = "u1", bits: int = 8) -> list[Any]:
    samples = np.array([pixels], dtype)
    job = grey_job(samples, SamplesPerPixel=3, BitsStored=bits, PhotometricInterpretation=space)
    dataset = read_header(bytes(job.header), EXPLICIT_VR_LITTLE_ENDIAN)
    description = PixelDescription.from_dataset(dataset, EXPLICIT_VR_LITTLE_ENDIAN)
    return to_rgb(description, space, samples).tolist()[0]


def test_rgb_stays() -> None:
    assert rgb("RGB", (1, 2, 3)) == [[1, 2, 3]]


def test_full_range_ybr() -> None:
    # PS3.3 C.7.6.3.1.2: red is Y 76, Cb 85, Cr 255
    for got, wanted in zip(rgb("YBR_FULL", (76, 85, 255), (128, 128, 128)), ([254, 0, 0], [128] * 3), strict=True):
        assert np.abs(np.subtract(got, wanted)).max() <= 1


def test_partial_range_ybr() -> None:
    assert rgb("YBR_PARTIAL_422", (16, 128, 128), (235, 128, 128)) == [[0] * 3, [255] * 3]


def test_deep_colour_is_scaled_by_its_stored_bits() -> None:
    assert rgb("RGB", (0, 0x8000, 0xFFFF), dtype="<u2", bits=16) == [[0, 128, 255]]
    assert rgb("RGB", (0, 0x200, 0x3FF), dtype="<u2", bits=10) == [[0, 128, 255]]
