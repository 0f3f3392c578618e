"""Modality, VOI and presentation, by the formulas of PS3.3 C.11."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from pacs.render import grayscale
from pacs.render.description import PixelDescription
from pacs.render.header import FrameHeader, read_header
from tests.support.render import EXPLICIT_VR_LITTLE_ENDIAN, grey_job


def shown(
    pixels: np.ndarray[Any, Any], window: tuple[float, float, str] | None = None, **attributes: object
) -> np.ndarray[Any, Any]:
    """The grey image that the header's attributes make of the pixels."""
    job = grey_job(pixels, **attributes)
    dataset = read_header(bytes(job.header), EXPLICIT_VR_LITTLE_ENDIAN)
    vr = {"f4": "OF", "f8": "OD"}.get(pixels.dtype.str[1:], "OW")
    description = PixelDescription.from_dataset(dataset, EXPLICIT_VR_LITTLE_ENDIAN, vr)
    header = FrameHeader(dataset, 1, little_endian=True)
    modality = grayscale.modality_transform(header, description)
    voi = grayscale.voi_transform(header, description, modality, window, pixels)
    padded = grayscale.padding(header, description)
    return grayscale.apply(pixels, lambda v: voi(modality(v)), grayscale.inverted(header, description), padded)


def table(first: int, bits: int, entries: list[int]) -> Dataset:
    lut = Dataset()
    lut.add_new(0x00283002, "US", [len(entries), first & 0xFFFF, bits])
    lut.add_new(0x00283006, "OW", np.array(entries, "<u2").tobytes())
    return lut


def test_padding_is_black_however_the_image_is_shown() -> None:
    pixels = np.array([[0, 5, 63, 100, 200]], np.uint16)
    window = (100, 201, "linear-exact")
    plain = shown(pixels, window, PhotometricInterpretation="MONOCHROME1")
    padded = shown(
        pixels, window, PhotometricInterpretation="MONOCHROME1", PixelPaddingValue=0, PixelPaddingRangeLimit=5
    )
    assert plain[0, 0] > 250
    assert padded[0, :2].tolist() == [0, 0]
    assert np.array_equal(padded[0, 2:], plain[0, 2:])


RAMP = np.arange(-1024, 3072, dtype=np.int16).reshape(64, 64)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        # PS3.3 C.11.2.1.2.1: y = ((x - (c - 0.5)) / (w - 1) + 0.5), c = 40, w = 400
        ("linear", {-160: 0, -161: 0, 40: 128, 239: 255, 240: 255, 140: 192}),
        ("linear-exact", {-160: 0, 40: 128, 140: 191, 240: 255}),
        ("sigmoid", {40: 128, 140: 186, 240: 225, -160: 30}),
    ],
)
def test_windows(function: str, expected: dict[int, int]) -> None:
    grey = shown(RAMP, (40, 400, function)).reshape(-1)
    assert {value: int(grey[value + 1024]) for value in expected} == expected


def test_a_linear_window_of_width_one_is_a_threshold() -> None:
    grey = shown(np.array([[9, 10, 11]], np.int16), (10, 1, "linear"))
    assert grey.tolist() == [[0, 255, 255]]


def test_the_window_is_in_the_modalitys_units() -> None:
    stored = np.array([[0, 1064, 2048]], np.uint16)
    assert shown(stored, (40, 400, "linear"), RescaleSlope="1", RescaleIntercept="-1024").tolist() == [[0, 128, 255]]


def test_the_requests_window_beats_the_objects() -> None:
    own = {"WindowCenter": "1000", "WindowWidth": "10"}
    assert shown(np.array([[0, 20]], np.int16), (10, 21, "linear-exact"), **own).tolist() != [[0, 0]]
    assert shown(np.array([[0, 20]], np.int16), **own).tolist() == [[0, 0]]


@pytest.mark.parametrize("own", [("0", "0"), ("0", "-5"), ("nan", "10")])
def test_a_window_that_is_none_is_passed_over(own: tuple[str, str]) -> None:
    grey = shown(RAMP, WindowCenter=own[0] if own[0] != "nan" else None, WindowWidth=own[1])
    assert grey.min() == 0
    assert grey.max() == 255


def test_a_voi_lut() -> None:
    voi = Sequence([table(10, 12, [0, 2048, 4095])])
    grey = shown(np.array([[0, 10, 11, 12, 99]], np.uint16), VOILUTSequence=voi)
    assert grey.tolist() == [[0, 0, 128, 255, 255]]


def test_a_voi_lut_over_negative_values() -> None:
    voi = Sequence([table(-2, 8, [0, 100, 200, 255])])
    attributes = {"VOILUTSequence": voi, "RescaleSlope": "1", "RescaleIntercept": "-2"}
    assert shown(np.array([[0, 1, 2, 3]], np.uint16), **attributes).tolist() == [[0, 100, 200, 255]]


def test_a_modality_lut_comes_before_the_window() -> None:
    lut = Sequence([table(0, 16, [500, 40, 0])])
    grey = shown(np.array([[0, 1, 2]], np.uint16), (40, 81, "linear-exact"), ModalityLUTSequence=lut)
    assert grey.tolist() == [[255, 128, 2]]


def test_an_empty_lut_is_passed_over() -> None:
    broken = Sequence([table(0, 16, [])])
    grey = shown(RAMP, ModalityLUTSequence=broken, VOILUTSequence=broken)
    assert (int(grey.min()), int(grey.max())) == (0, 255)


def test_monochrome1_and_an_inverse_presentation_show_the_lowest_value_white() -> None:
    pixels = np.array([[0, 255]], np.uint8)
    assert shown(pixels).tolist() == [[0, 255]]
    assert shown(pixels, PhotometricInterpretation="MONOCHROME1").tolist() == [[255, 0]]
    both = {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"}
    assert shown(pixels, **both).tolist() == [[255, 0]]
    assert shown(pixels, PresentationLUTShape="INVERSE").tolist() == [[255, 0]]


def test_padding_does_not_stretch_the_default_range() -> None:
    pixels = np.full((64, 64), -2000, np.int16)
    pixels[:, :32] = np.arange(32, dtype=np.int16) * 10
    padded = shown(pixels, PixelPaddingValue=-2000)
    assert padded[0, 16] in range(120, 140)
    assert shown(pixels)[0, 16] > 230


def test_a_padding_range() -> None:
    pixels = np.full((64, 64), 5, np.uint16)
    pixels[::2] = 9
    pixels[:, :32] = np.arange(1000, 1032, dtype=np.uint16)
    grey = shown(pixels, PixelPaddingValue=5, PixelPaddingRangeLimit=9)
    assert int(grey[0, 0]) == 0
    assert grey[0, 16] in range(120, 145)


def test_eight_bits_show_their_whole_range() -> None:
    assert shown(np.array([[10, 20]], np.uint8)).tolist() == [[10, 20]]


def test_one_value_everywhere_is_no_error() -> None:
    assert np.unique(shown(np.full((4, 4), 700, np.uint16))).size == 1


def test_dose_is_scaled() -> None:
    grey = shown(np.array([[0, 1000, 2000]], np.uint32), (1.0, 2.0, "linear-exact"), DoseGridScaling="0.001")
    assert grey.tolist() == [[0, 128, 255]]


def test_floating_values_nan_and_infinity() -> None:
    pixels = np.array([[0.0, 0.5, 1.0, np.nan, np.inf, -np.inf]], np.float32)
    bare = {"BitsStored": None, "HighBit": None, "PixelRepresentation": None}
    window = {"WindowCenter": "0.5", "WindowWidth": "1", "VOILUTFunction": "LINEAR"}
    assert shown(pixels, **bare, **window).tolist() == [[0, 128, 255, 0, 255, 0]]
    assert shown(pixels, **bare).tolist() == [[0, 127, 255, 0, 255, 0]]


def test_a_segmentation_spans_its_labels() -> None:
    assert shown(np.array([[0, 1, 2]], np.uint8), Modality="SEG").tolist() == [[0, 128, 255]]


def test_wide_and_narrow_types_are_mapped_alike() -> None:
    window = (500, 1000, "linear")
    narrow = shown(RAMP, window)
    assert np.array_equal(shown(RAMP.astype(np.int32), window), narrow)
    assert np.array_equal(shown(np.tile(RAMP.astype(np.int64), (40, 1)), window)[:64], narrow)
