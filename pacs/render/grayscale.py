"""The grayscale path: stored values → modality LUT → VOI LUT → presentation (PS3.4 N.2, PS3.3 C.11.1, C.11.2).

Everything here maps a value by itself, so images of up to 16 bits go through one table; wider and floating ones are
mapped in blocks of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from pacs.render.description import PixelDescription, text
from pacs.render.header import FrameHeader, item, number
from pacs.render.native import Pixels

Values = NDArray[np.float64]
Transform = Callable[[Values], Values]

_TRANSFORMATION = "PixelValueTransformationSequence"
_VOI = "FrameVOILUTSequence"
_BLOCK_VALUES = 1 << 20
_SAMPLED_MAX = 1 << 20
_PERCENTILES = (0.1, 99.9)
_FUNCTIONS = {"LINEAR": "linear", "LINEAR_EXACT": "linear-exact", "SIGMOID": "sigmoid"}


@dataclass(frozen=True, slots=True)
class LookUpTable:
    """`entries` are the outputs from `first` on; inputs outside take the nearest one (PS3.3 C.11.1.1.1, C.11.2.1.1)."""

    first: int
    bits: int
    entries: Values

    def __call__(self, values: Values) -> Values:
        indices = np.clip(np.nan_to_num(values) - self.first, 0, len(self.entries) - 1)
        return np.asarray(self.entries[indices.astype(np.int64)])


def read_table(header: FrameHeader, dataset: Dataset, signed_input: bool) -> LookUpTable | None:
    """The table of a Modality or VOI LUT Sequence item; None when it is not usable."""
    descriptor = header.words(dataset, "LUTDescriptor")
    entries = header.words(dataset, "LUTData")
    if len(descriptor) != 3 or not len(entries):
        return None
    length, start, bits = (int(value) for value in descriptor)
    length = length or 1 << 16
    if signed_input and start > 0x7FFF:
        start -= 1 << 16
    if bits <= 8 and len(entries) * 2 == length + length % 2:  # 8-bit entries packed two to a word
        entries = np.stack((entries & 0xFF, entries >> 8), axis=1).reshape(-1)
    entries = entries[:length]
    if not 1 <= bits <= 16:
        bits = max(int(entries.max()).bit_length(), 1)
    return LookUpTable(start, bits, entries.astype(np.float64))


def modality_transform(header: FrameHeader, description: PixelDescription) -> Transform:
    """Stored values to the modality's unit: LUT sequence, else slope and intercept, else dose grid scaling."""
    sequence = item(header.dataset, "ModalityLUTSequence")
    table = read_table(header, sequence, bool(description.pixel_representation)) if sequence is not None else None
    if table is not None:
        return table
    return linear_transform(*rescale(header))


def rescale(header: FrameHeader) -> tuple[float, float]:
    """Slope and intercept of stored values, 1 and 0 where nothing is said."""
    slope = header.number("RescaleSlope", _TRANSFORMATION)
    intercept = header.number("RescaleIntercept", _TRANSFORMATION)
    if slope is None and intercept is None:
        slope = header.number("DoseGridScaling")  # PS3.3 C.8.8.3.2: stored value times scaling is the dose
    return slope or 1.0, intercept or 0.0  # a slope of 0 would erase the image


def linear_transform(slope: float, intercept: float) -> Transform:
    """PS3.3 C.11.1.1.2."""
    return lambda values: values * slope + intercept


def voi_transform(
    header: FrameHeader,
    description: PixelDescription,
    modality: Transform,
    window: tuple[float, float, str] | None,
    pixels: Pixels,
) -> Transform:
    """Modality values to 0..1: the request's window, else the object's, else its VOI LUT, else its own range."""
    if window is None:
        window = own_window(header, description)
    if window is not None:
        return window_transform(*window)
    table = own_table(header, description, modality)
    if table is not None:
        top = float((1 << table.bits) - 1)
        return lambda values: table(values) / top
    low, high = _range(header, description, modality, pixels)
    width = max(high - low, np.finfo(np.float64).tiny)
    return lambda values: np.clip((values - low) / width, 0.0, 1.0)


def window_transform(center: float, width: float, function: str) -> Transform:
    """PS3.3 C.11.2.1.2 (linear), C.11.2.1.3.2 (linear exact), C.11.2.1.3.1 (sigmoid), output 0..1."""
    if function == "sigmoid":
        return lambda values: 1.0 / (1.0 + np.exp(np.clip(-4.0 * (values - center) / width, -700, 700)))
    if function == "linear-exact":
        return lambda values: np.clip((values - center) / width + 0.5, 0.0, 1.0)
    if width <= 1:  # a threshold: nothing lies between
        return lambda values: (values > center - 0.5).astype(np.float64)
    return lambda values: np.clip((values - (center - 0.5)) / (width - 1) + 0.5, 0.0, 1.0)


def own_window(header: FrameHeader, description: PixelDescription) -> tuple[float, float, str] | None:
    """The object's first window, if it is one."""
    for dataset in header.within(_VOI):
        at = FrameHeader(dataset, 1, header.little_endian)
        center, width = at.number("WindowCenter"), at.number("WindowWidth")
        if center is None or width is None:
            continue
        function = _FUNCTIONS.get(text(dataset, "VOILUTFunction"), "linear")
        if description.floating and function == "linear":
            function = "linear-exact"  # the half steps of linear are made for whole numbers
        if width >= 1 or (width > 0 and function != "linear"):
            return center, width, function
    return None


def own_table(header: FrameHeader, description: PixelDescription, modality: Transform) -> LookUpTable | None:
    lowest = -(1 << (description.bits_stored - 1)) if description.pixel_representation else 0
    signed = bool(modality(np.array([float(lowest)]))[0] < 0)
    for dataset in header.within(_VOI):
        sequence = item(dataset, "VOILUTSequence")
        table = read_table(header, sequence, signed) if sequence is not None else None
        if table is not None:
            return table
    return None


def _range(
    header: FrameHeader, description: PixelDescription, modality: Transform, pixels: Pixels
) -> tuple[float, float]:
    """Lowest and highest modality value to show when the object does not say: padding does not count."""
    step = max(pixels.size // _SAMPLED_MAX, 1)
    sample = pixels.reshape(-1)[::step]
    if text(header.dataset, "Modality") == "SEG":  # labels and fractions start at nothing
        low, high = 0.0, max(float(pixels.max()), 1.0)
    elif description.bits_stored <= 8 and not description.floating and not description.pixel_representation:
        low, high = 0.0, float((1 << description.bits_stored) - 1)
    else:
        kept = sample[_shown(header, description, sample)]
        low, high = _spread(kept if kept.size else sample)
    ends = modality(np.array([low, high]))
    return float(ends.min()), float(ends.max())


def _spread(sample: Pixels) -> tuple[float, float]:
    values = sample.astype(np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(values, _PERCENTILES))
    return (low, high) if high > low else (float(values.min()), float(values.max()))


def padding(header: FrameHeader, description: PixelDescription) -> tuple[float, float] | None:
    """The lowest and highest stored value that is padding (PS3.3 C.7.5.1.1.2), None where there is none."""
    dataset = header.dataset
    if description.floating:
        for keyword in ("FloatPixelPadding", "DoubleFloatPixelPadding"):
            value = number(dataset, f"{keyword}Value")
            if value is not None:
                limit = number(dataset, f"{keyword}RangeLimit")
                return (value, value) if limit is None else (min(value, limit), max(value, limit))
        return None
    if "PixelPaddingValue" not in dataset:
        return None
    ends = [
        _stored_value(int(words[0]), description)
        for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit")
        if len(words := header.words(dataset, keyword))
    ]
    return (min(ends), max(ends)) if ends else None


def _shown(header: FrameHeader, description: PixelDescription, sample: Pixels) -> NDArray[np.bool_]:
    """Where a sample is no padding."""
    ends = padding(header, description)
    return np.ones(sample.shape, np.bool_) if ends is None else np.asarray((sample < ends[0]) | (sample > ends[1]))


def _stored_value(word: int, description: PixelDescription) -> int:
    return word - (1 << 16) if description.pixel_representation and word > 0x7FFF else word


def inverted(header: FrameHeader, description: PixelDescription) -> bool:
    """Whether the lowest value is to be shown white (PS3.3 C.7.6.3.1.2, C.11.6.1.2)."""
    return (
        description.photometric_interpretation == "MONOCHROME1"
        or text(header.dataset, "PresentationLUTShape") == "INVERSE"
    )


def apply(
    pixels: Pixels, transform: Transform, invert: bool, padded: tuple[float, float] | None = None
) -> NDArray[np.uint8]:
    """Map stored pixels of any type to 0..255; those within `padded` are no image and stay black, inverted or not."""

    def grey(values: Values) -> NDArray[np.uint8]:
        with np.errstate(all="ignore"):  # NaN and overflow come from floating pixels and end as black or white
            shown = np.nan_to_num(np.clip(transform(values), 0.0, 1.0), nan=0.0)
            shown = 1.0 - shown if invert else shown
            if padded is not None:
                shown[(values >= padded[0]) & (values <= padded[1])] = 0.0
        return np.rint(255.0 * shown).astype(np.uint8)

    if pixels.dtype.kind in "ui" and pixels.dtype.itemsize <= 2 and pixels.size:
        # a table of the values that occur, addressed by their bits
        unsigned = f"u{pixels.dtype.itemsize}"
        codes = np.arange(int(pixels.min()), int(pixels.max()) + 1).astype(pixels.dtype.newbyteorder("="))
        table = np.zeros(1 << (8 * pixels.dtype.itemsize), np.uint8)
        table[codes.view(unsigned)] = grey(codes.astype(np.float64))
        return np.asarray(np.take(table, pixels.view(f"<{unsigned}")))
    shown = np.empty(pixels.shape, np.uint8)
    block = max(_BLOCK_VALUES // max(pixels.shape[1], 1), 1)
    for start in range(0, pixels.shape[0], block):
        shown[start : start + block] = grey(pixels[start : start + block].astype(np.float64))
    return shown
