"""Overlay planes, groups 6000 to 601E (PS3.3 C.9.2): in elements of their own, or in spare bits of the pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from pacs.render.description import PixelDescription, integers
from pacs.render.native import Pixels

Mask = NDArray[np.bool_]

_GROUPS = range(0x6000, 0x6020, 2)
_ROWS, _COLUMNS, _FRAMES, _TYPE, _ORIGIN, _FIRST_FRAME = 0x0010, 0x0011, 0x0015, 0x0040, 0x0050, 0x0051
_BITS, _BIT_POSITION, _DATA, _LAYER = 0x0100, 0x0102, 0x3000, 0x1001


@dataclass(frozen=True, slots=True)
class Overlay:
    """One plane over one frame: its `mask` in the image's matrix, and the layer in which a state shows it."""

    group: int
    mask: Mask
    layer: str = ""


def groups(dataset: Dataset) -> list[int]:
    """The overlay groups that the data set describes."""
    return sorted({tag.group for tag in dataset.keys() if tag.group in _GROUPS})  # noqa: SIM118 - iterating parses


def overlays(
    dataset: Dataset,
    description: PixelDescription,
    frame_number: int,
    words: Callable[[], Pixels],
    image: tuple[int, int] | None = None,
) -> Iterator[Overlay]:
    """The planes that lie over a frame. `words` gives the frame with all its allocated bits, asked only if needed.

    `image` is (rows, columns) of the image under them, by default that of `description`. A region of interest is given
    as its outline, so that what it surrounds stays to be seen. A plane that is damaged is left out.
    """
    rows, columns = image or (description.rows, description.columns)
    for group in groups(dataset):
        plane = _plane(dataset, group, description, frame_number, words)
        if plane is None:
            continue
        mask = np.zeros((rows, columns), np.bool_)
        top, left = (value - 1 for value in [*_whole(dataset, group, _ORIGIN, [1, 1]), 1, 1][:2])
        _put(mask, plane, top, left)
        if _text(dataset, group, _TYPE) == "R":
            mask = outline(mask)
        yield Overlay(group, mask, _text(dataset, group, _LAYER))


def outline(mask: Mask) -> Mask:
    """The pixels of a region that touch what is outside."""
    padded = np.pad(mask, 1)
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.asarray(mask & ~inside)


def _plane(
    dataset: Dataset, group: int, description: PixelDescription, frame_number: int, words: Callable[[], Pixels]
) -> Mask | None:
    if (group, _DATA) not in dataset:
        position = _whole(dataset, group, _BIT_POSITION, [0])[0]
        spare = 0 < position < description.bits_allocated and description.samples_per_pixel == 1
        return np.asarray((words() >> position) & 1, np.bool_) if spare and not description.floating else None
    element = dataset[group, _DATA]
    rows, columns = (_whole(dataset, group, number, [0])[0] for number in (_ROWS, _COLUMNS))
    frames = max(_whole(dataset, group, _FRAMES, [1])[0], 1)
    first = _whole(dataset, group, _FIRST_FRAME, [0])[0]
    # a single plane without a frame of its own lies over all of them
    index = 0 if frames == 1 and not first else frame_number - max(first, 1)
    value = element.value
    if not isinstance(value, bytes) or rows < 1 or columns < 1 or not 0 <= index < frames:
        return None
    if description.big_endian and element.VR == "OW":
        value = np.frombuffer(value[: len(value) // 2 * 2], "<u2").byteswap().tobytes()
    start = index * rows * columns
    if (start + rows * columns + 7) // 8 > len(value):
        return None
    octets = np.frombuffer(value, np.uint8)[start // 8 : (start + rows * columns + 7) // 8]
    bits = np.unpackbits(octets, bitorder="little")[start % 8 :][: rows * columns]
    return bits.reshape(rows, columns).astype(np.bool_)


def _put(mask: Mask, plane: Mask, top: int, left: int) -> None:
    rows, columns = mask.shape
    plane = plane[max(-top, 0) :, max(-left, 0) :]
    top, left = max(top, 0), max(left, 0)
    part = plane[: max(rows - top, 0), : max(columns - left, 0)]
    mask[top : top + part.shape[0], left : left + part.shape[1]] = part


def _whole(dataset: Dataset, group: int, element: int, default: list[int]) -> list[int]:
    return integers(dataset, (group, element)) or default


def _text(dataset: Dataset, group: int, element: int) -> str:
    return str(dataset[group, element].value or "").strip() if (group, element) in dataset else ""
