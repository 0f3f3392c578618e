"""Colour: palettes, YCbCr, and samples of any depth, to RGB of 8 bits (PS3.3 C.7.6.3.1.2, C.7.9)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pacs.errors import Unreadable
from pacs.render.description import PixelDescription
from pacs.render.header import FrameHeader
from pacs.render.native import Pixels

Bytes = NDArray[np.uint8]

_PALETTE_MAX = 1 << 16
_BLOCK_ROWS = 256
_COLOURS = ("Red", "Green", "Blue")
# PS3.3 C.7.6.3.1.2, the inverse of its matrices: rows R, G, B; columns Y, Cb, Cr
_FULL = np.array([[1.0, 0.0, 1.402], [1.0, -0.344136, -0.714136], [1.0, 1.772, 0.0]], np.float32)
_PARTIAL = np.array([[1.1644, 0.0, 1.5960], [1.1644, -0.3917, -0.8129], [1.1644, 2.0173, 0.0]], np.float32)


def from_palette(header: FrameHeader, description: PixelDescription, pixels: Pixels) -> Bytes:
    """Palette indices to RGB; an index beyond the table takes its nearest entry (C.7.6.3.1.5). Raises Unreadable."""
    tables = [_palette(header, description, colour) for colour in _COLOURS]
    shown = np.empty((*pixels.shape, 3), np.uint8)
    for row in range(0, pixels.shape[0], _BLOCK_ROWS):
        block = pixels[row : row + _BLOCK_ROWS].astype(np.int64)
        for sample, (start, entries) in enumerate(tables):
            shown[row : row + _BLOCK_ROWS, :, sample] = entries[np.clip(block - start, 0, len(entries) - 1)]
    return shown


def from_whole_palette(header: FrameHeader, description: PixelDescription, grey: Bytes) -> Bytes:
    """Grey of 8 bits to RGB, its whole range over the whole palette (PS3.3 C.11.14). Raises Unreadable."""
    shades = [_palette(header, description, colour)[1] for colour in _COLOURS]
    steps = np.arange(256)
    tables = [entries[np.rint(steps * (len(entries) - 1) / 255).astype(np.int64)] for entries in shades]
    return np.stack([table[grey] for table in tables], axis=-1)


def _palette(header: FrameHeader, description: PixelDescription, colour: str) -> tuple[int, Bytes]:
    """(first stored value mapped, entries) of one colour."""
    descriptor = header.words(header.dataset, f"{colour}PaletteColorLookupTableDescriptor")
    if len(descriptor) != 3:
        raise Unreadable(f"the {colour.lower()} palette has no descriptor", "the colours of this image are lost")
    length, start, bits = (int(value) for value in descriptor)
    length = length or _PALETTE_MAX
    if description.pixel_representation and start > 0x7FFF:
        start -= 1 << 16
    data = header.words(header.dataset, f"{colour}PaletteColorLookupTableData")
    if not len(data):
        segments = header.words(header.dataset, f"Segmented{colour}PaletteColorLookupTableData")
        data = expand_segments(segments)
    elif bits == 8 and len(data) * 2 == length + length % 2:  # bytes packed two to a word
        data = np.stack((data & 0xFF, data >> 8), axis=1).reshape(-1)
    data = data[:length]
    if not len(data):
        raise Unreadable(f"the {colour.lower()} palette is empty", "the colours of this image are lost")
    # 16-bit tables that hold 8-bit values are common
    deep = bits > 8 and int(data.max()) > 0xFF
    return start, (data >> 8 if deep else data).astype(np.uint8)


def expand_segments(words: NDArray[np.int64]) -> NDArray[np.int64]:
    """A segmented palette (C.7.9.2): discrete, linear, indirect segments; at most 65536 entries. Raises Unreadable."""
    values: list[int] = []
    _expand([int(word) for word in words], 0, len(words), values, indirect=True)
    return np.array(values[:_PALETTE_MAX], np.int64)


def _expand(words: list[int], position: int, segments: int, values: list[int], *, indirect: bool) -> None:
    for _ in range(segments):
        if position + 2 > len(words) or len(values) >= _PALETTE_MAX:
            return
        opcode, length = words[position : position + 2]
        if opcode == 0:
            values += words[position + 2 : position + 2 + length]
            position += 2 + length
        elif opcode == 1 and values and position + 2 < len(words):
            ends = (values[-1], words[position + 2])
            values += [round(value) for value in np.linspace(*ends, length + 1)[1:]]
            position += 3
        elif opcode == 2 and indirect and position + 3 < len(words):
            offset = words[position + 2] | words[position + 3] << 16
            _expand(words, offset, length, values, indirect=False)
            position += 4
        else:
            raise Unreadable("a segment of the palette makes no sense", "the colours of this image are lost")


def to_rgb(description: PixelDescription, photometric_interpretation: str, pixels: Pixels) -> Bytes:
    """Three samples a pixel, already in `photometric_interpretation`, to RGB."""
    bits = description.bits_stored
    if photometric_interpretation == "RGB" and bits == 8 and pixels.dtype == np.uint8:
        return pixels.astype(np.uint8, copy=False)
    shown = np.empty(pixels.shape, np.uint8)
    scale = np.float32(255.0 / ((1 << bits) - 1))
    for row in range(0, pixels.shape[0], _BLOCK_ROWS):
        samples = pixels[row : row + _BLOCK_ROWS].astype(np.float32) * scale
        if photometric_interpretation.startswith("YBR_PARTIAL"):
            samples = (samples - np.array([16, 128, 128], np.float32)) @ _PARTIAL.T
        elif photometric_interpretation.startswith("YBR"):
            samples = (samples - np.array([0, 128, 128], np.float32)) @ _FULL.T
        shown[row : row + _BLOCK_ROWS] = np.clip(np.rint(samples), 0, 255).astype(np.uint8)
    return shown
