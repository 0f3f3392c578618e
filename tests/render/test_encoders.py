"""What is compressed here comes back bit for bit, also through decoders of others, and in the form its syntax asks."""

from __future__ import annotations

import io
import struct
import subprocess
import warnings
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder

from pacs.errors import NotAcceptable, Unreadable
from pacs.render.codecs import JPEG_BASELINE, decode_frame
from pacs.render.description import PixelDescription
from pacs.render.encoders import (
    ENCODERS,
    encode_frame,
    encoded_photometric_interpretation,
    encoded_planar_configuration,
)
from pacs.render.values import ENCODABLE
from pacs.render.workers import DecodeWorkers
from tests.render.test_codecs import described
from tests.support.factories import ct_slice
from tests.support.peers import program
from tests.support.render import grey_job

STANDARD = "1.2.840.10008.1.2"
NATIVE = f"{STANDARD}.1"
LOSSLESS = sorted(set(ENCODERS) - {JPEG_BASELINE})
JPEG_XL = (f"{STANDARD}.4.110", f"{STANDARD}.4.112")
JPEG_LOSSLESS = (f"{STANDARD}.4.57", f"{STANDARD}.4.70")
HTJ2K = tuple(f"{STANDARD}.4.{number}" for number in (201, 202, 203))
RANDOM = np.random.default_rng(7)
PIXELS: dict[str, tuple[np.ndarray[Any, Any], int, str]] = {
    "8 bits": (RANDOM.integers(0, 256, (37, 53), np.uint8), 8, "MONOCHROME2"),
    "4 of 8 bits": (RANDOM.integers(0, 16, (37, 53), np.uint8), 4, "MONOCHROME1"),
    "12 of 16 bits": (RANDOM.integers(0, 4096, (37, 53), np.uint16), 12, "MONOCHROME2"),
    "16 bits": (RANDOM.integers(0, 65536, (70, 130), np.uint16), 16, "PALETTE COLOR"),
    "12 of 16 bits, signed": (RANDOM.integers(-2048, 2048, (37, 53), np.int16), 12, "MONOCHROME2"),
    "16 bits, signed": (RANDOM.integers(-32768, 32768, (37, 53), np.int16), 16, "MONOCHROME2"),
    "a row": (RANDOM.integers(0, 4096, (1, 300), np.uint16), 12, "MONOCHROME2"),
    "red, green, blue": (RANDOM.integers(0, 256, (37, 53, 3), np.uint8), 8, "RGB"),
    "luminance, chrominance": (RANDOM.integers(0, 256, (37, 53, 3), np.uint8), 8, "YBR_FULL"),
    "smooth luminance, chrominance": (
        np.stack([np.add.outer(np.arange(48) * n, np.arange(64)) // 2 % 256 for n in (1, 2, 3)], -1).astype(np.uint8),
        8,
        "YBR_FULL",
    ),
}


def of(name: str) -> tuple[PixelDescription, np.ndarray[Any, Any], str]:
    pixels, bits, interpretation = PIXELS[name]
    description = described(
        pixels, NATIVE, bits_stored=bits, high_bit=bits - 1, photometric_interpretation=interpretation
    )
    return description, pixels, interpretation


def test_the_table_is_what_the_node_promises() -> None:
    assert set(ENCODERS) == ENCODABLE


@pytest.mark.parametrize("name", PIXELS)
@pytest.mark.parametrize("uid", LOSSLESS)
def test_others_read_the_same_pixels(uid: str, name: str) -> None:
    description, pixels, interpretation = of(name)
    if uid in JPEG_XL and (description.pixel_representation or interpretation == "YBR_FULL"):
        with pytest.raises(NotAcceptable):
            encode_frame(description, pixels, interpretation, uid)
        return
    data = encode_frame(description, pixels, interpretation, uid)
    if uid in JPEG_XL:  # which pydicom does not know
        assert np.array_equal(imagecodecs.jpegxl_decode(data), pixels)
        return
    if uid in JPEG_LOSSLESS and description.bits_stored < 8:  # where GDCM ends the process
        assert np.array_equal(imagecodecs.jpeg8_decode(data), pixels)
        return
    found, _ = get_decoder(uid).as_array(
        encapsulate([data]),
        raw=True,
        rows=description.rows,
        columns=description.columns,
        samples_per_pixel=description.samples_per_pixel,
        photometric_interpretation=encoded_photometric_interpretation(interpretation, uid),
        planar_configuration=encoded_planar_configuration(uid),
        bits_allocated=description.bits_allocated,
        bits_stored=description.bits_stored,
        pixel_representation=description.pixel_representation,
        number_of_frames=1,
        pixel_keyword="PixelData",
    )
    assert np.array_equal(found.astype(pixels.dtype), pixels)


@pytest.mark.parametrize("uid", HTJ2K)
@pytest.mark.parametrize(("rows", "columns", "decompositions"), [(512, 512, 5), (40, 4096, 6), (2100, 30, 6)])
def test_htj2k_is_in_order_of_resolution_with_the_lengths_of_its_tile_parts(
    uid: str, rows: int, columns: int, decompositions: int
) -> None:
    """PS3.5 10.18: RPCL, a base of at most 64 pixels, TLM; one tile-part a resolution, so a prefix is whole."""
    smooth = (np.add.outer(np.arange(rows), np.arange(columns)) % 4096).astype(np.uint16)
    data = encode_frame(described(smooth, NATIVE, bits_stored=12), smooth, "MONOCHROME2", uid)
    segments = dict(_segments(data))
    progression, _, _, levels = struct.unpack_from(">BHBB", segments[0x52], 1)
    assert (progression, levels) == (2, decompositions)
    assert -(-max(rows, columns) // 2**levels) <= 64
    entries = segments[0x55][2:]
    lengths = [int.from_bytes(entries[at + 2 : at + 6], "big") for at in range(0, len(entries), 6)]
    start = data.index(b"\xff\x90\x00\x0a")
    assert len(lengths) == decompositions + 1
    for length in lengths:
        assert data[start : start + 2] == b"\xff\x90"
        start += length
    assert data[start:] == b"\xff\xd9"
    half = np.asarray(imagecodecs.htj2k_decode(data[: start - lengths[-1]], skipres=1, resilient=True))
    assert np.array_equal(half, np.asarray(imagecodecs.htj2k_decode(data, skipres=1)))


def _segments(data: bytes) -> Any:
    at = 2
    while data[at + 1] != 0x90:
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        yield data[at + 1], data[at + 4 : at + 2 + length]
        at += 2 + length


def test_first_order_prediction_is_what_sv1_means() -> None:
    description, pixels, interpretation = of("12 of 16 bits")
    data = encode_frame(description, pixels, interpretation, f"{STANDARD}.4.70")
    scan = data.index(b"\xff\xda")
    assert b"\xff\xc3" in data[:scan]
    assert data[scan + 7] == 1  # one component: its selector is the byte of the predictor (ISO 10918-1 H.1)


def test_baseline_is_close_and_only_for_eight_bits() -> None:
    smooth = np.repeat(np.arange(0, 256, 4, dtype=np.uint8)[None], 64, axis=0)
    data = encode_frame(described(smooth, NATIVE), smooth, "MONOCHROME2", JPEG_BASELINE)
    assert np.abs(decode_frame(described(smooth, JPEG_BASELINE), data).astype(int) - smooth).max() < 8
    colour = np.stack([smooth, smooth.T, 255 - smooth], axis=-1)
    data = encode_frame(described(colour, NATIVE), colour, "RGB", JPEG_BASELINE)
    again = np.asarray(imagecodecs.jpeg8_decode(data))
    assert np.abs(again.astype(int) - colour).max() < 24
    for name in ("12 of 16 bits", "16 bits, signed"):
        with pytest.raises(NotAcceptable):
            encode_frame(*of(name), JPEG_BASELINE)


def test_pixels_that_have_no_form_are_refused_with_a_reason() -> None:
    wide = RANDOM.integers(0, 2**32, (4, 4), np.uint32)
    assert (
        decode_frame(
            described(wide, f"{STANDARD}.5"),
            encode_frame(described(wide, NATIVE), wide, "MONOCHROME2", f"{STANDARD}.5"),
        ).tolist()
        == wide.tolist()
    )
    for uid in LOSSLESS[1:]:
        if uid != f"{STANDARD}.5":
            with pytest.raises(NotAcceptable, match="32 bits"):
                encode_frame(described(wide, NATIVE), wide, "MONOCHROME2", uid)
    bits = described(np.ones((4, 4), np.uint8), NATIVE, bits_allocated=1, bits_stored=1, high_bit=0)
    with pytest.raises(NotAcceptable, match="single bit"):
        encode_frame(bits, np.ones((4, 4), np.uint8), "MONOCHROME2", f"{STANDARD}.5")
    with pytest.raises(NotAcceptable, match="no encoder"):
        encode_frame(*of("8 bits"), f"{STANDARD}.4.51")


def test_a_loss_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    import pacs.render.encoders as encoders

    lossy = dict(ENCODERS) | {f"{STANDARD}.4.81": lambda d, p, rgb: bytes(imagecodecs.jpegls_encode(p, level=3))}
    monkeypatch.setattr(encoders, "ENCODERS", lossy)
    with pytest.raises(Unreadable, match="did not survive"):
        encode_frame(*of("8 bits"), f"{STANDARD}.4.81")


@pytest.mark.interop
@pytest.mark.parametrize(("uid", "tool"), [(f"{STANDARD}.4.70", "dcmdjpeg"), (f"{STANDARD}.4.80", "dcmdjpls")])
def test_dcmtk_reads_them(uid: str, tool: str, tmp_path: Path) -> None:
    dataset = ct_slice()
    description = PixelDescription.from_dataset(dataset, NATIVE, "OW")
    pixels = dataset.pixel_array
    dataset.PixelData = encapsulate([encode_frame(description, pixels, "MONOCHROME2", uid)])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(uid)
    written = io.BytesIO()
    pydicom.dcmwrite(written, dataset, enforce_file_format=True)
    coded, plain = tmp_path / "coded.dcm", tmp_path / "plain.dcm"
    coded.write_bytes(written.getvalue())
    subprocess.run([program(tool, "dcmtk"), coded, plain], check=True, timeout=60)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.array_equal(pydicom.dcmread(plain).pixel_array, pixels)


def test_a_worker_encodes_within_its_walls() -> None:
    pixels = PIXELS["12 of 16 bits"][0]
    job = grey_job(pixels, BitsStored=12, HighBit=11)
    with DecodeWorkers(1) as workers:
        for uid in LOSSLESS:
            frame = workers.encode(job, uid)
            assert np.array_equal(decode_frame(described(pixels, uid, bits_stored=12), frame.data), pixels)
            assert (frame.bits_allocated, frame.bits_stored, frame.pixel_representation) == (16, 12, 0)
        with pytest.raises(NotAcceptable):
            workers.encode(job, JPEG_BASELINE)
        assert len(workers.process_ids) == 1
