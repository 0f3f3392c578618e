"""Source region and viewport (PS3.18 8.3.5.1.3): crop, flip, and scale to fit with the aspect kept.

Pixels of a picture are square: an image of others is stretched, so that what is round stays round on any screen.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pacs.errors import QueryRefused
from pacs.render.header import FrameHeader, number
from pacs.render.native import Pixels
from pacs.render.values import OUTPUT_PIXELS_MAX, Viewport

_BLOCK_VALUES = 1 << 22
_ASPECT_MIN = 0.005  # closer to square than half a percent is square
_ASPECT_MAX = 20.0
_SPACINGS = (
    ("PixelAspectRatio", ()),
    ("PixelSpacing", ("PixelMeasuresSequence",)),
    ("ImagerPixelSpacing", ()),
    ("NominalScannedPixelSpacing", ()),
)


def crop(pixels: Pixels, viewport: Viewport) -> Pixels:
    """The part of (rows, columns, …) that the source region touches, flipped where its extent is negative; a view.

    Raises QueryRefused when the region lies outside the image.
    """
    rows = _span(viewport.source_y, viewport.source_height, pixels.shape[0])
    columns = _span(viewport.source_x, viewport.source_width, pixels.shape[1])
    part = pixels[rows, columns]
    part = part[::-1] if (viewport.source_height or 0) < 0 else part
    return part[:, ::-1] if (viewport.source_width or 0) < 0 else part


def _span(origin: float | None, extent: float | None, size: int) -> slice:
    start = origin or 0.0
    length = abs(extent) if extent is not None else size
    first, last = max(math.floor(start), 0), min(math.ceil(start + length), size)
    if first >= last:
        raise QueryRefused("the viewport's source region lies outside the image", f"the image is {size} pixels there")
    return slice(first, last)


def aspect(header: FrameHeader) -> float:
    """Height of a pixel by its width; 1 where nothing is said, or what is said is no ratio of pixels.

    Pixel Aspect Ratio (PS3.3 C.7.6.3.1.7), else the spacing in the patient, else that on the detector.
    """
    for keyword, macros in _SPACINGS:
        for dataset in header.within(*macros):
            vertical, horizontal = (number(dataset, keyword, index) for index in (0, 1))
            if vertical and horizontal and vertical > 0 and horizontal > 0:
                ratio = vertical / horizontal
                return ratio if abs(ratio - 1.0) > _ASPECT_MIN and 1 / _ASPECT_MAX <= ratio <= _ASPECT_MAX else 1.0
    return 1.0


def size(rows: int, columns: int, pixel_aspect: float, viewport: Viewport | None) -> tuple[int, int]:
    """Rows and columns of the picture of `rows` x `columns` pixels.

    The largest that the viewport holds, or the image's own where that is smaller and the viewport does not enlarge, at
    least 1 x 1; without one the image's own, with the narrow side of its pixels stretched. Raises
    QueryRefused when that is too large.
    """
    if viewport is not None:
        factor = min(viewport.width / columns, viewport.height / (rows * pixel_aspect))
        if not viewport.enlarges:
            factor = min(factor, max(1.0 / pixel_aspect, 1.0))
        return max(round(rows * pixel_aspect * factor), 1), max(round(columns * factor), 1)
    new_rows, new_columns = round(rows * max(pixel_aspect, 1.0)), round(columns * max(1.0 / pixel_aspect, 1.0))
    if new_rows * new_columns > max(OUTPUT_PIXELS_MAX, rows * columns):
        raise QueryRefused("the picture would be too large", "ask for a viewport")
    return new_rows, new_columns


def scaled(pixels: NDArray[np.uint8], new_rows: int, new_columns: int) -> NDArray[np.uint8]:
    """(rows, columns, …) resampled."""
    if (new_rows, new_columns) == pixels.shape[:2]:
        return pixels
    return _scaled_rows(_scaled_rows(pixels, new_rows).swapaxes(0, 1), new_columns).swapaxes(0, 1)


def _scaled_rows(pixels: NDArray[np.uint8], new_rows: int) -> NDArray[np.uint8]:
    """Resample axis 0 with a triangle as wide as the shrinking, so that nothing is skipped and nothing rings."""
    rows = pixels.shape[0]
    if rows == new_rows:
        return pixels
    sources, weights = _taps(rows, new_rows)
    flat = pixels.reshape(rows, -1)
    scaled = np.empty((new_rows, flat.shape[1]), np.uint8)
    block = max(_BLOCK_VALUES // new_rows, 1)
    for start in range(0, flat.shape[1], block):
        part = flat[:, start : start + block]
        total = np.zeros((new_rows, part.shape[1]), np.float32)
        for source, weight in zip(sources, weights, strict=True):
            total += part[source] * weight[:, None]
        scaled[:, start : start + block] = np.clip(np.rint(total), 0, 255).astype(np.uint8)
    return scaled.reshape(new_rows, *pixels.shape[1:])


def _taps(size: int, new_size: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """(taps, new_size) each: source pixels of every target pixel, and their weights, which sum to 1 over the taps."""
    ratio = size / new_size
    reach = max(ratio, 1.0)
    centers = (np.arange(new_size, dtype=np.float64) + 0.5) * ratio - 0.5
    sources = np.ceil(centers - reach).astype(np.int64) + np.arange(math.floor(2 * reach) + 1)[:, None]
    weights = np.clip(1.0 - np.abs(sources - centers) / reach, 0.0, None)
    weights[(sources < 0) | (sources >= size)] = 0.0
    weights /= weights.sum(axis=0)
    return np.clip(sources, 0, size - 1), weights.astype(np.float32)
