"""Digital subtraction angiography (PS3.3 C.7.6.10): frames without contrast taken away from one with it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from pacs.errors import NotAcceptable
from pacs.render import grayscale
from pacs.render.description import PixelDescription, integers, numbers, text
from pacs.render.header import FrameHeader, item, items
from pacs.render.native import Pixels

_SHOWN = 99.9  # percent of the differences that the window holds where none is asked for
_SHIFT_MAX = 64.0

Difference = NDArray[np.float64]


def difference(
    header: FrameHeader, description: PixelDescription, pixels: Pixels, masks: Sequence[Pixels]
) -> Difference:
    """The frame less the mean of its masks, in the modality's unit; of what is linear to the intensity of the X-rays,
    of the logarithms (PS3.3 C.8.7.1.1.2)."""
    modality = grayscale.modality_transform(header, description)
    is_table = item(header.dataset, "ModalityLUTSequence") is not None
    linear = text(header.dataset, "PixelIntensityRelationship") == "LIN" and not is_table

    def attenuation(frame: Pixels) -> Difference:
        values = np.asarray(modality(frame.astype(np.float64)), np.float64)
        return np.log(np.maximum(values, 0.0) + 1.0) if linear else values

    shift = _sub_pixel_shift(_item_about(items(header.dataset, "MaskSubtractionSequence"), header.frame_number))
    return subtracted(attenuation, pixels, masks, shift)


def state_shift(
    state: Dataset, masking: Sequence[Dataset], presentations: Sequence[Dataset], frame_number: int
) -> tuple[tuple[float, float], float]:
    """How far a presentation state moves the mask (rows down, columns to the right), and which part of it it leaves.

    `masking` and `presentations` are those items of its Mask Subtraction and Multi-frame Presentation Sequence that are
    about the image. Raises NotAcceptable.
    """
    one = _item_about(masking, frame_number)
    shift = _sub_pixel_shift(one)
    for dataset in (state, one):
        moved = _item_about(items(dataset, "PixelShiftSequence"), frame_number, "PixelShiftFrameRange")
        regions = items(moved, "RegionPixelShiftSequence")
        if len(regions) > 1 or any("VerticesOfTheRegion" in region for region in regions):
            raise NotAcceptable(
                "this state moves parts of its mask by themselves, which is not made here",
                "ask for its images by themselves",
            )
        shift = _sub_pixel_shift(regions[0]) if regions else shift
    return shift, _visibility((*presentations, state), frame_number)


def subtracted(
    transform: grayscale.Transform,
    pixels: Pixels,
    masks: Sequence[Pixels],
    shift: tuple[float, float],
    visibility: float = 0.0,
) -> Difference:
    """The transformed frame less the mean of its masks, moved, but for the part `visibility` (0 to 1) of it."""
    mask = np.mean([transform(one.astype(np.float64)) for one in masks], axis=0)
    return np.asarray(transform(pixels.astype(np.float64)) - (1.0 - visibility) * _shifted(mask, *shift))


def difference_window(values: Difference) -> tuple[float, float, str]:
    """What shows nothing as the grey in the middle, and nearly everything else."""
    strength = float(np.percentile(np.abs(values), _SHOWN)) if values.size else 0.0
    return 0.0, max(2.0 * strength, float(np.finfo(np.float32).tiny)), "linear-exact"


def _item_about(sequence: Sequence[Dataset], frame_number: int, keyword: str = "ApplicableFrameRange") -> Dataset:
    """The item whose ranges hold the frame, an empty one where none does."""
    for one in sequence:
        ranges = integers(one, keyword)
        pairs = zip(ranges[::2], ranges[1::2], strict=False)
        if not ranges or any(low <= frame_number <= high for low, high in pairs):
            return one
    return Dataset()


def _sub_pixel_shift(one: Dataset) -> tuple[float, float]:
    """Rows down and columns to the right."""
    found = numbers(one, "MaskSubPixelShift")
    shift = (found[0], found[1]) if len(found) == 2 else (0.0, 0.0)
    return shift if max(map(abs, shift)) <= _SHIFT_MAX else (0.0, 0.0)


def _visibility(presentations: Sequence[Dataset], frame_number: int) -> float:
    """Mask Visibility Percentage of the display item that holds the frame, as a part of 1."""
    for presentation in presentations:
        for one in items(presentation, "FrameDisplaySequence"):
            start, stop = (integers(one, keyword)[:1] for keyword in ("StartTrim", "StopTrim"))
            found = numbers(one, "MaskVisibilityPercentage")
            if found and start and stop and start[0] <= frame_number <= stop[0]:
                return min(max(found[0] / 100.0, 0.0), 1.0)
    return 0.0


def _shifted(values: Difference, down: float, right: float) -> Difference:
    """Moved, and interpolated between pixels; what comes in from outside is the border's."""
    for axis, distance in enumerate((down, right)):
        if distance:
            size = values.shape[axis]
            at = np.clip(np.arange(size) - distance, 0, size - 1)
            low = np.floor(at).astype(np.int64)
            part = (at - low).reshape((-1, 1) if axis == 0 else (1, -1))
            high = np.minimum(low + 1, size - 1)
            values = np.take(values, low, axis) * (1 - part) + np.take(values, high, axis) * part
    return values
