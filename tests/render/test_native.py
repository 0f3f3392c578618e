"""Native pixel cells: bit depths, planes, subsampling, byte order and the bits nobody stored."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pacs.errors import Unreadable
from pacs.render.codecs import decode_frame
from pacs.render.description import PixelDescription

LITTLE, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"


def described(**changes: Any) -> PixelDescription:
    values: dict[str, Any] = {
        "transfer_syntax_uid": LITTLE,
        "rows": 2,
        "columns": 2,
        "samples_per_pixel": 1,
        "photometric_interpretation": "MONOCHROME2",
        "planar_configuration": 0,
        "bits_allocated": 16,
        "bits_stored": 16,
        "high_bit": 15,
        "pixel_representation": 0,
    }
    return PixelDescription(**(values | changes))


def decoded(description: PixelDescription, data: bytes, number: int = 1) -> list[Any]:
    pixels = decode_frame(description, data, number)
    assert pixels.dtype == description.dtype
    return pixels.tolist()


@pytest.mark.parametrize("dtype", ["u1", "i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8"])
def test_whole_numbers_of_every_depth(dtype: str) -> None:
    limits = np.iinfo(dtype)
    pixels = np.array([[limits.min, limits.max], [0, 1]], dtype)
    bits = pixels.dtype.itemsize * 8
    description = described(bits_allocated=bits, bits_stored=bits, pixel_representation=int(pixels.dtype.kind == "i"))
    assert decoded(description, pixels.tobytes()) == pixels.tolist()


@pytest.mark.parametrize(("dtype", "uid"), [("<f4", LITTLE), ("<f8", LITTLE), (">f4", BIG), (">f8", BIG)])
def test_floating_point(dtype: str, uid: str) -> None:
    pixels = np.array([[0.5, -1.5], [1e30, np.inf]], dtype)
    bits = pixels.dtype.itemsize * 8
    description = described(transfer_syntax_uid=uid, bits_allocated=bits, bits_stored=bits, floating=True)
    assert decoded(description, pixels.tobytes()) == pixels.tolist()


def test_big_endian_words() -> None:
    assert decoded(described(transfer_syntax_uid=BIG), bytes.fromhex("0001 0203 0405 fffe")) == [
        [1, 515],
        [1029, 65534],
    ]


def test_big_endian_bytes_lie_swapped_in_words_only() -> None:
    eight = {"transfer_syntax_uid": BIG, "bits_allocated": 8, "bits_stored": 8}
    assert decoded(described(**eight, pixel_data_vr="OB"), b"\1\2\3\4") == [[1, 2], [3, 4]]
    assert decoded(described(**eight, pixel_data_vr="OW"), b"\1\2\3\4") == [[2, 1], [4, 3]]


def test_a_frame_that_ends_inside_a_big_endian_word_is_not_guessed() -> None:
    odd = described(
        transfer_syntax_uid=BIG,
        rows=1,
        columns=3,
        bits_allocated=8,
        bits_stored=8,
        pixel_data_vr="OW",
        number_of_frames=2,
    )
    with pytest.raises(Unreadable, match="big-endian word"):
        decode_frame(odd, b"\1\2\3\4")


def test_single_bits_start_anywhere_in_the_first_byte() -> None:
    frames = np.random.default_rng(7).integers(0, 2, (5, 3, 3), dtype=np.uint8)
    packed = np.packbits(frames.reshape(-1), bitorder="little").tobytes()
    description = described(rows=3, columns=3, bits_allocated=1, bits_stored=1, high_bit=0, number_of_frames=5)
    for number in range(1, 6):
        first, last = (number - 1) * 9 // 8, (number * 9 - 1) // 8
        assert decoded(description, packed[first : last + 1], number) == frames[number - 1].tolist()


def test_bits_above_the_stored_ones_are_cleared() -> None:
    words = np.array([[0xF001, 0x8FFF], [0x0800, 0x7000]], "<u2")
    description = described(bits_stored=12, high_bit=11)
    assert decoded(description, words.tobytes()) == [[1, 4095], [2048, 0]]


def test_bits_above_the_stored_ones_carry_the_sign() -> None:
    words = np.array([[0x0FFF, 0x0800], [0xF7FF, 0x0001]], "<u2")
    description = described(bits_stored=12, high_bit=11, pixel_representation=1)
    assert decoded(description, words.tobytes()) == [[-1, -2048], [2047, 1]]


def test_planes_become_pixels() -> None:
    description = described(
        samples_per_pixel=3,
        photometric_interpretation="RGB",
        planar_configuration=1,
        bits_allocated=8,
        bits_stored=8,
    )
    expected = [[[0, 4, 8], [1, 5, 9]], [[2, 6, 10], [3, 7, 11]]]
    assert decoded(description, bytes(range(12))) == expected


def test_subsampled_chroma_is_replicated() -> None:
    description = described(
        rows=1, samples_per_pixel=3, photometric_interpretation="YBR_FULL_422", bits_allocated=8, bits_stored=8
    )
    assert decoded(description, bytes([10, 20, 100, 200])) == [[[10, 100, 200], [20, 100, 200]]]


def test_frames_that_only_claim_to_be_subsampled_are_read_in_full() -> None:
    description = described(
        rows=1, samples_per_pixel=3, photometric_interpretation="YBR_FULL_422", bits_allocated=8, bits_stored=8
    )
    assert decoded(description, bytes(range(6))) == [[[0, 1, 2], [3, 4, 5]]]


@pytest.mark.parametrize("bits", [1, 8, 16, 32])
def test_a_frame_that_is_too_short_is_unreadable(bits: int) -> None:
    description = described(rows=8, columns=8, bits_allocated=bits, bits_stored=bits)
    with pytest.raises(Unreadable, match="bytes of pixels"):
        decode_frame(description, bytes(64 * bits // 8 - 1))
