"""Every codec against pixels that other programs decoded, and against what was encoded."""

from __future__ import annotations

import hashlib
import struct
import subprocess
import warnings
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.pixels.decoders.base import get_decoder

from pacs.errors import Unreadable
from pacs.render.codecs import DECODERS, NATIVE, decode_frame, decoded_photometric_interpretation
from pacs.render.description import PixelDescription
from tests.support.corpus import CorpusFile
from tests.support.peers import program
from tests.support.render import decodable, read_image

LOSSY_TOLERANCE = 4
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
STANDARD = "1.2.840.10008.1.2"


def described(pixels: np.ndarray[Any, Any], uid: str, **changes: Any) -> PixelDescription:
    bits = pixels.dtype.itemsize * 8
    values: dict[str, Any] = {
        "transfer_syntax_uid": uid,
        "rows": pixels.shape[0],
        "columns": pixels.shape[1],
        "samples_per_pixel": pixels.shape[2] if pixels.ndim == 3 else 1,
        "photometric_interpretation": "RGB" if pixels.ndim == 3 else "MONOCHROME2",
        "planar_configuration": 0,
        "bits_allocated": bits,
        "bits_stored": bits,
        "high_bit": bits - 1,
        "pixel_representation": int(pixels.dtype.kind == "i"),
    }
    return PixelDescription(**(values | changes))


def test_the_corpus_is_whole(test_data: Path) -> None:
    assert len(decodable()) >= 595


@pytest.mark.parametrize("file", decodable(), ids=lambda file: file.name[-60:])
def test_decoded_pixels_equal_those_of_other_decoders(file: CorpusFile, tmp_path: Path) -> None:
    image = read_image(file.path)
    uid = image.transfer_syntax_uid
    description = PixelDescription.from_dataset(image.dataset, uid, image.pixel_data_vr)
    extents = [int(extent) for extent in file.decoded_shape.split("x")]
    count = int(np.prod(extents)) // (description.pixels * description.samples_per_pixel)
    frames = [decode_frame(description, frame, n + 1) for n, frame in enumerate(image.frames(count))]
    decoded = np.stack(frames).reshape(extents)
    assert decoded.dtype.newbyteorder("<") == np.dtype(file.decoded_dtype)
    if hashlib.sha256(np.ascontiguousarray(decoded)).hexdigest() != file.decoded_sha256:
        assert file.lossy, "lossless pixels differ from the manifest's"
        reference = lossy_reference(file, tmp_path).reshape(extents)
        difference = np.abs(decoded.astype(np.int64) - reference.astype(np.int64))
        assert difference.max() <= LOSSY_TOLERANCE


def lossy_reference(file: CorpusFile, folder: Path) -> np.ndarray[Any, Any]:
    """GDCM's pixels; of 12-bit JPEG, which it cannot read, DCMTK's."""
    if file.transfer_syntax_uid == JPEG_EXTENDED:
        native = folder / "native.dcm"
        subprocess.run([program("dcmdjpeg", "dcmtk"), file.path, native], check=True, timeout=60)
        return pydicom.dcmread(native).pixel_array
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(file.path)
        pixels, _ = get_decoder(dataset.file_meta.TransferSyntaxUID).as_array(dataset, raw=True, decoding_plugin="gdcm")
    return pixels


GREY = (np.arange(64 * 48, dtype=np.uint32) * 2654435761 % 4096).astype(np.uint16).reshape(48, 64)
COLOUR = (np.arange(48 * 64 * 3, dtype=np.uint32) * 40503 % 251).astype(np.uint8).reshape(48, 64, 3)
LOSSLESS = {
    "4.57": lambda a: imagecodecs.jpeg8_encode(a, lossless=True, predictor=1),
    "4.70": lambda a: imagecodecs.jpeg8_encode(a, lossless=True, predictor=1),
    "4.80": imagecodecs.jpegls_encode,
    "4.90": lambda a: imagecodecs.jpeg2k_encode(a, codecformat="J2K", reversible=True, level=0),
    "4.91": lambda a: imagecodecs.jpeg2k_encode(a, codecformat="J2K", reversible=True, level=0),
    "4.110": lambda a: imagecodecs.jpegxl_encode(a, lossless=True),
    "4.112": lambda a: imagecodecs.jpegxl_encode(a, lossless=True),
    "4.201": lambda a: imagecodecs.htj2k_encode(a, reversible=True),
    "4.202": lambda a: imagecodecs.htj2k_encode(a, reversible=True, tlm=True),
    "4.203": lambda a: imagecodecs.htj2k_encode(a, reversible=True),
    "8.1": lambda a: zlib.compress(a.tobytes(), wbits=-zlib.MAX_WBITS),
}


PIXELS = {"grey16": GREY, "grey8": GREY.astype(np.uint8), "colour": COLOUR}
# the encoder at hand writes no lossless JPEG in RGB; the corpus has one
ENCODED = [(s, kind) for s in LOSSLESS for kind in PIXELS if (s, kind) not in {("4.57", "colour"), ("4.70", "colour")}]


@pytest.mark.parametrize(("suffix", "kind"), ENCODED)
def test_what_was_encoded_comes_back(suffix: str, kind: str) -> None:
    pixels = PIXELS[kind]
    uid = f"{STANDARD}.{suffix}"
    decoded = decode_frame(described(pixels, uid), bytes(LOSSLESS[suffix](pixels)))
    assert decoded.dtype == pixels.dtype
    assert np.array_equal(decoded, pixels)


@pytest.mark.parametrize(
    ("uid", "index"), [(uid, index) for uid, all_of in DECODERS.items() for index in range(1, len(all_of))]
)
def test_second_decoders_give_the_same_pixels(uid: str, index: int) -> None:
    suffix = uid[len(STANDARD) + 1 :]
    pixels = GREY.astype(np.uint8)
    lossy = suffix in ("4.50", "4.81")
    encode = {"4.50": imagecodecs.jpeg8_encode, "4.81": imagecodecs.jpegls_encode}.get(suffix) or LOSSLESS[suffix]
    data = bytes(encode(pixels))
    description = described(pixels, uid)
    first, other = (np.asarray(DECODERS[uid][n](description, data)) for n in (0, index))
    assert other.shape == pixels.shape
    assert np.abs(first.astype(int) - other.astype(int)).max() <= (1 if lossy else 0)


def test_every_compressed_syntax_that_the_node_can_show_is_in_the_table() -> None:
    jpeg = ("4.50", "4.51", "4.57", "4.70", "4.80", "4.81", "4.90", "4.91")
    newer = ("4.110", "4.111", "4.112", "4.201", "4.202", "4.203")
    suffixes = (*jpeg, *newer, "5", "8.1")
    assert set(DECODERS) == {f"{STANDARD}.{suffix}" for suffix in suffixes}
    assert {STANDARD, f"{STANDARD}.1", f"{STANDARD}.1.99", f"{STANDARD}.2"} == NATIVE


def test_an_unsigned_codestream_under_a_signed_header_gets_its_sign_at_the_codestreams_precision() -> None:
    stored = np.array([[0, 1, 4095, 2048]], np.uint16)
    data = bytes(imagecodecs.jpeg2k_encode(stored, codecformat="J2K", reversible=True, level=0, bitspersample=12))
    description = described(stored, f"{STANDARD}.4.90", bits_stored=16, pixel_representation=1)
    assert decode_frame(description, data).tolist() == [[0, 1, -1, -2048]]


def test_a_lossless_jpeg_has_its_sign_at_bits_stored() -> None:
    stored = np.array([[0, 1, 0x0FFF, 0x0800] * 4] * 4, np.uint16)
    data = bytes(imagecodecs.jpeg8_encode(stored, lossless=True, predictor=1, bitspersample=16))
    twelve = described(stored, f"{STANDARD}.4.70", bits_stored=12, pixel_representation=1)
    assert decode_frame(twelve, data)[0].tolist() == [0, 1, -1, -2048] * 4
    sixteen = described(stored, f"{STANDARD}.4.70", bits_stored=16, pixel_representation=1)
    assert decode_frame(sixteen, data)[0].tolist() == [0, 1, 4095, 2048] * 4


def test_a_signed_codestream_under_an_unsigned_header_keeps_its_bits() -> None:
    stored = np.array([[0, 1, -1, -32768]], np.int16)
    data = bytes(imagecodecs.jpeg2k_encode(stored, codecformat="J2K", reversible=True, level=0))
    description = described(stored, f"{STANDARD}.4.90", pixel_representation=0)
    assert decode_frame(description, data).tolist() == [[0, 1, 65535, 32768]]


@pytest.mark.parametrize("uid", sorted(DECODERS))
@pytest.mark.parametrize("data", [b"", b"\0", b"\xff\xd8\xff\xff", bytes(range(256)) * 8], ids=len)
def test_garbage_is_unreadable_in_every_syntax(uid: str, data: bytes) -> None:
    with pytest.raises(Unreadable):
        decode_frame(described(GREY, uid), data)


@pytest.mark.parametrize("suffix", ["4.80", "4.90", "4.201"])
def test_a_codestream_of_another_size_is_refused_before_it_is_decoded(suffix: str) -> None:
    data = bytes(LOSSLESS[suffix](GREY))
    with pytest.raises(Unreadable, match="48x64 with 1 samples, the header says 49x64 with 1"):
        decode_frame(replace(described(GREY, f"{STANDARD}.{suffix}"), rows=49), data)


def test_a_codestream_that_claims_a_gigantic_image_is_not_believed() -> None:
    data = bytearray(LOSSLESS["4.90"](GREY))
    at = data.index(b"\xff\x51")
    struct.pack_into(">II", data, at + 6, 65535, 65535)
    with pytest.raises(Unreadable, match="65535x65535"):
        decode_frame(described(GREY, f"{STANDARD}.4.90"), bytes(data))


def test_an_unknown_syntax_is_unreadable() -> None:
    with pytest.raises(Unreadable, match=r"1\.2\.3"):
        decode_frame(described(GREY, "1.2.3"), b"")


@pytest.mark.parametrize(
    ("suffix", "stated", "expected"),
    [
        ("4.90", "YBR_RCT", "RGB"),
        ("4.91", "YBR_ICT", "RGB"),
        ("4.110", "YBR_FULL_422", "RGB"),
        ("4.80", "YBR_FULL", "YBR_FULL"),
        ("1", "YBR_FULL_422", "YBR_FULL"),
        ("4.50", "YBR_FULL_422", "YBR_FULL"),
    ],
)
def test_colour_space_after_decoding(suffix: str, stated: str, expected: str) -> None:
    description = described(COLOUR, f"{STANDARD}.{suffix}", photometric_interpretation=stated)
    assert decoded_photometric_interpretation(description, b"") == expected


def test_the_codestream_of_a_jpeg_knows_its_colour_better_than_the_header() -> None:
    ybr = bytes(imagecodecs.jpeg8_encode(COLOUR))
    description = described(COLOUR, f"{STANDARD}.4.50", photometric_interpretation="RGB")
    assert decoded_photometric_interpretation(description, ybr) == "YBR_FULL"
