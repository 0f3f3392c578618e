"""Frame headers of codestreams, whole, cut and forged."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest

from pacs.render.codestream import Codestream, read_jpeg, read_jpeg_2000

GREY = np.zeros((5, 7), np.uint8)
COLOUR = np.zeros((5, 7, 3), np.uint8)
FRAME = bytes.fromhex("ffc0 0011 08 0005 0007 03 011100 021100 031100")
ADOBE = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00"
JFIF = bytes.fromhex("ffe0 0010 4a46494600 0102 00 0001 0001 0000")


def test_jpeg_and_jpeg_ls() -> None:
    assert read_jpeg(imagecodecs.jpeg8_encode(GREY)) == Codestream(7, 5, 1, 8, ybr=False)
    assert read_jpeg(imagecodecs.jpegls_encode(GREY.astype(np.uint16))) == Codestream(7, 5, 1, 16, ybr=False)


@pytest.mark.parametrize("codec", ["J2K", "JP2"])
def test_jpeg_2000_bare_and_boxed(codec: str) -> None:
    signed = bytes(imagecodecs.jpeg2k_encode(GREY.astype(np.int16), codecformat=codec, reversible=True, level=0))
    assert read_jpeg_2000(signed) == Codestream(7, 5, 1, 16, signed=True)
    assert read_jpeg_2000(bytes(imagecodecs.htj2k_encode(COLOUR))) == Codestream(7, 5, 3, 8)


@pytest.mark.parametrize(
    ("segments", "ybr"),
    [
        (JFIF, True),
        (ADOBE + b"\x00", False),
        (ADOBE + b"\x01", True),
        (JFIF + ADOBE + b"\x00", False),
        (ADOBE + b"\xdb", None),
        (b"", None),
        (b"\xff\xff\xff", None),
    ],
)
def test_the_colour_of_a_jpeg(segments: bytes, ybr: bool | None) -> None:
    read = read_jpeg(b"\xff\xd8" + segments + FRAME)
    assert read is not None
    assert read.ybr is ybr


def test_components_named_rgb_are_rgb() -> None:
    named = FRAME.replace(b"\x01\x11", b"R\x11").replace(b"\x02\x11", b"G\x11").replace(b"\x03\x11", b"B\x11")
    read = read_jpeg(b"\xff\xd8" + named)
    assert read is not None
    assert read.ybr is False


def test_no_prefix_of_a_frame_upsets_the_reader() -> None:
    for data in (b"\xff\xd8" + JFIF + FRAME, imagecodecs.jpeg2k_encode(GREY, codecformat="J2K")):
        for length in range(len(data)):
            assert read_jpeg(data[:length]) in (None, read_jpeg(data))
            assert read_jpeg_2000(data[:length]) in (None, read_jpeg_2000(data))


def test_a_million_empty_segments_end_soon() -> None:
    assert read_jpeg(b"\xff\xd8" + b"\xff\xfe\x00\x02" * 1_000_000 + FRAME) is None
