"""Digital subtraction angiography (PS3.3 C.7.6.10): frames without contrast taken away from one with it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

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

    mask = np.mean([attenuation(one) for one in masks], axis=0)
    return attenuation(pixels) - _shifted(mask, *_shift(header.dataset, header.frame_number))


def difference_window(values: Difference) -> tuple[float, float, str]:
    """What shows nothing as the grey in the middle, and nearly everything else."""
    strength = float(np.percentile(np.abs(values), _SHOWN)) if values.size else 0.0
    return 0.0, max(2.0 * strength, float(np.finfo(np.float32).tiny)), "linear-exact"


def _shift(dataset: Dataset, frame_number: int) -> tuple[float, float]:
    """Mask Sub-pixel Shift of the item that speaks of the frame: rows down and columns to the right."""
    for one in items(dataset, "MaskSubtractionSequence"):
        ranges = integers(one, "ApplicableFrameRange")
        pairs = zip(ranges[::2], ranges[1::2], strict=False)
        if not ranges or any(low <= frame_number <= high for low, high in pairs):
            found = numbers(one, "MaskSubPixelShift")
            shift = (found[0], found[1]) if len(found) == 2 else (0.0, 0.0)
            return shift if max(map(abs, shift)) <= _SHIFT_MAX else (0.0, 0.0)
    return 0.0, 0.0


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
