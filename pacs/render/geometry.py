"""Source region and viewport (PS3.18 8.3.5.1.3): crop, flip, and scale to fit with the aspect kept.

Pixels are taken as square: Pixel Aspect Ratio is for the viewer, which knows its screen.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pacs.errors import QueryRefused
from pacs.render.native import Pixels
from pacs.render.values import Viewport

_BLOCK_VALUES = 1 << 22


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


def fit(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Scale to the largest size of the same aspect within `width` x `height` pixels, at least 1 x 1."""
    rows, columns = pixels.shape[:2]
    factor = min(width / columns, height / rows)
    new_rows, new_columns = max(round(rows * factor), 1), max(round(columns * factor), 1)
    if (new_rows, new_columns) == (rows, columns):
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
