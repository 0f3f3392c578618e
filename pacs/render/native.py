"""Native pixel cells to arrays (PS3.5 8.1.1, 8.2), and decoded values into the form which the header describes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pacs.errors import Unreadable
from pacs.render.description import SUBSAMPLED, PixelDescription

Pixels = NDArray[Any]
Buffer = bytes | memoryview


def decode_native(description: PixelDescription, data: Buffer, frame_number: int) -> Pixels:
    """One native frame; of a 1-bit frame `data` holds every byte it touches. Raises Unreadable when it is short."""
    if description.big_endian and description.bits_allocated <= 8 and description.pixel_data_vr == "OW":
        data = _words_to_bytes(description, data)
    if description.bits_allocated == 1:
        return _bits(description, data, frame_number)
    if description.photometric_interpretation in SUBSAMPLED and len(data) < description.frame_bytes:
        return _subsampled(description, data)
    _require(description.frame_bytes, data)
    stored_type = description.dtype.newbyteorder(">") if description.big_endian else description.dtype
    samples = np.frombuffer(data, dtype=stored_type, count=description.pixels * description.samples_per_pixel)
    return as_stored(description, _interleaved(description, samples.astype(description.dtype, copy=False)))


def _interleaved(description: PixelDescription, samples: Pixels) -> Pixels:
    if description.samples_per_pixel > 1 and description.planar_configuration == 1:
        planes = samples.reshape(description.samples_per_pixel, description.rows, description.columns)
        return np.ascontiguousarray(np.moveaxis(planes, 0, -1))
    return samples.reshape(description.shape)


def _bits(description: PixelDescription, data: Buffer, frame_number: int) -> Pixels:
    """Bits are packed from the least significant on, and frames follow each other without padding (PS3.5 8.1.1)."""
    wanted = description.pixels * description.samples_per_pixel
    skipped = (frame_number - 1) * wanted % 8
    _require((skipped + wanted + 7) // 8, data)
    unpacked = np.unpackbits(np.frombuffer(data, np.uint8), count=skipped + wanted, bitorder="little")
    return _interleaved(description, unpacked[skipped:])


def _subsampled(description: PixelDescription, data: Buffer) -> Pixels:
    """Native 4:2:2: Y1 Y2 Cb Cr for every two pixels of a row (PS3.3 C.7.6.3.1.2); chroma is replicated."""
    if description.columns % 2 or description.bits_allocated != 8:
        raise Unreadable("subsampled colour with an odd width or more than 8 bits", "the pixel data cannot be read")
    _require(description.pixels * 2, data)
    packed = np.frombuffer(data, np.uint8, count=description.pixels * 2).reshape(description.rows, -1, 4)
    full = np.empty(description.shape, np.uint8)
    full[:, 0::2, 0], full[:, 1::2, 0] = packed[:, :, 0], packed[:, :, 1]
    for sample in (1, 2):
        full[:, 0::2, sample] = full[:, 1::2, sample] = packed[:, :, sample + 1]
    return full


def _words_to_bytes(description: PixelDescription, data: Buffer) -> bytes:
    """Small samples in big-endian OW: the first sample is the low byte of its word (PS3.5 8.1.1, A.3)."""
    bits = description.pixels * description.samples_per_pixel * description.bits_allocated
    if len(data) % 2 or (description.number_of_frames > 1 and bits % 16):
        raise Unreadable("a frame starts or ends inside a big-endian word", "fetch the object as it is stored")
    return np.frombuffer(data, "<u2").byteswap().tobytes()


def _require(length: int, data: Buffer) -> None:
    if len(data) < length:
        raise Unreadable(
            f"the frame has {len(data)} bytes of pixels, the header asks for {length}", "the object is incomplete"
        )


def as_stored(description: PixelDescription, pixels: Pixels, sign_bits: int | None = None) -> Pixels:
    """The header's sample type, with the bits above the stored ones cleared, or carrying the sign.

    They may hold overlays in old objects (PS3.5 8.1.1). `sign_bits` is where a signed sample has its sign when that is
    not at Bits Stored.
    """
    if description.floating:
        return pixels.astype(description.dtype, copy=False)
    bits = sign_bits if sign_bits and description.pixel_representation else description.bits_stored
    allocated = description.dtype.itemsize * 8
    unsigned = np.dtype(f"<u{description.dtype.itemsize}")
    words = pixels if pixels.dtype == unsigned else pixels.astype(unsigned)
    spare = allocated - bits
    if spare <= 0 or description.bits_allocated == 1:
        return words.view(description.dtype)
    if description.pixel_representation:
        shift = words.dtype.type(spare)
        signed: Pixels = np.left_shift(words, shift).view(description.dtype)
        return np.asarray(np.right_shift(signed, description.dtype.type(spare)))
    return np.asarray(np.bitwise_and(words, words.dtype.type((1 << bits) - 1)))
