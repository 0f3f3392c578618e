"""What a viewer has to show of an image, by pydicom and numpy alone: values, greys of the default window, distances."""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import imagecodecs
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
from pydicom.pixels.utils import pixel_array
from pydicom.uid import JPEGExtended12Bit

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Expected:
    """One frame: modality values (rows, columns), or red, green and blue (rows, columns, 3)."""

    values: Values
    low: float
    high: float
    """Values shown as 0 and 255; of a sigmoid the center and the width."""
    sigmoid: bool
    inverted: bool
    aspect: float
    """Height of a pixel over its width."""
    chest_wall: str = ""
    """Of a mammogram: left or right, the side of the image where it lies."""

    def shown(self, values: Values) -> Values:
        """Greys 0..255 of modality values in the default window (PS3.3 C.11.2.1.2); colours as they are."""
        if self.values.ndim == 3:
            return values
        if self.sigmoid:
            grey = 255 / (1 + np.exp(-4 * (values - self.low) / self.high))
        else:
            grey = np.clip((values - self.low) / max(self.high - self.low, 1e-12), 0, 1) * 255
        return np.asarray(255 - grey if self.inverted else grey)


def _flat(dataset: pydicom.Dataset, number: int) -> pydicom.Dataset:
    """The attributes of one frame: functional groups laid over the top level."""
    flat = pydicom.Dataset()
    flat.update({element.tag: element for element in dataset if element.tag.group < 0x7FE0})
    groups = [dataset.get("SharedFunctionalGroupsSequence"), dataset.get("PerFrameFunctionalGroupsSequence")]
    for sequence, index in zip(groups, (0, number - 1), strict=True):
        if sequence is None or index >= len(sequence):
            continue
        for macro in sequence[index]:
            if macro.VR == "SQ" and macro.value:
                flat.update({element.tag: element for element in macro.value[0]})
    return flat


def expected(dataset: pydicom.Dataset, number: int) -> Expected:
    """What frame `number` (from 1) shows. Raises whatever pydicom raises for what it cannot decode."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _expected(dataset, number)


def _expected(dataset: pydicom.Dataset, number: int) -> Expected:
    pixels = _decoded(dataset, number)
    flat = _flat(dataset, number)
    interpretation = str(flat.get("PhotometricInterpretation", "MONOCHROME2"))
    if interpretation == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, _little_endian(dataset))
    if pixels.ndim == 3:
        depth = 16 if interpretation == "PALETTE COLOR" and pixels.dtype.itemsize == 2 else int(dataset.BitsStored)
        colours = np.floor(pixels.astype(np.float64) / 2.0 ** max(0, depth - 8))
        return Expected(colours, 0, 255, False, False, _aspect(flat))
    values = _modality(pixels, flat)
    sigmoid, (low, high) = _window(values, flat)
    inverted = interpretation == "MONOCHROME1" or flat.get("Modality") == "PT"  # dark uptake on white
    return Expected(values, low, high, sigmoid, inverted, _aspect(flat), _chest_wall(flat))


def _little_endian(dataset: pydicom.Dataset) -> pydicom.Dataset:
    """With palettes as pydicom takes them for, whatever the order of the bytes."""
    if dataset.original_encoding[1] is not False:
        return dataset
    turned = copy.deepcopy(dataset)
    for colour in ("Red", "Green", "Blue"):
        keyword = f"{colour}PaletteColorLookupTableData"
        setattr(turned, keyword, np.frombuffer(dataset[keyword].value, ">u2").astype("<u2").tobytes())
    return turned


def _decoded(dataset: pydicom.Dataset, number: int) -> NDArray[Any]:
    if dataset.file_meta.TransferSyntaxUID == JPEGExtended12Bit and dataset.BitsStored > 8:  # pydicom has no decoder
        frames = pydicom.encaps.generate_frames(
            dataset.PixelData, number_of_frames=int(dataset.get("NumberOfFrames", 1))
        )
        return np.asarray(imagecodecs.jpeg_decode(list(frames)[number - 1]))
    return pixel_array(dataset, index=number - 1)


def _modality(pixels: NDArray[Any], flat: pydicom.Dataset) -> Values:
    if "DoseGridScaling" in flat and "RescaleSlope" not in flat:
        return np.asarray(pixels.astype(np.float64) * float(flat.DoseGridScaling))
    return np.asarray(apply_modality_lut(pixels, flat), np.float64)


def _number(flat: pydicom.Dataset, keyword: str) -> float | None:
    value = flat.get(keyword)
    if isinstance(value, pydicom.multival.MultiValue):
        value = value[0] if len(value) else None
    return None if value is None or value == "" else float(value)


def _window(values: Values, flat: pydicom.Dataset) -> tuple[bool, tuple[float, float]]:
    """SUV 0 to 5 of PET, else the first window of the image, else its own range."""
    factor = uptake_factor(flat)
    if factor is not None:
        return False, (0.0, 5 / factor)
    center, width = _number(flat, "WindowCenter"), _number(flat, "WindowWidth")
    if center is None or width is None or width <= 0:
        return False, (float(values.min()), float(values.max()))
    if flat.get("VOILUTFunction") == "SIGMOID":
        return True, (center, width)
    if flat.get("VOILUTFunction") == "LINEAR_EXACT":
        return False, (center - width / 2, center + width / 2)
    return False, (center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2)


def _seconds(date: str, time: str) -> float:
    return datetime.strptime(date + time.partition(".")[0], "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()


def uptake_factor(flat: pydicom.Dataset) -> float | None:
    """From Bq/mL to SUV by body weight, corrected to the beginning of the series; None where it is not of that kind."""
    if flat.get("Modality") != "PT" or flat.get("Units") != "BQML" or flat.get("DecayCorrection") != "START":
        return None
    tracer = flat.RadiopharmaceuticalInformationSequence[0]
    if "RadionuclideTotalDose" not in tracer or "PatientWeight" not in flat:
        return None
    waited = _seconds(flat.SeriesDate, flat.SeriesTime) - _seconds(flat.SeriesDate, tracer.RadiopharmaceuticalStartTime)
    dose = float(tracer.RadionuclideTotalDose) * 0.5 ** (waited / float(tracer.RadionuclideHalfLife))
    return float(float(flat.PatientWeight) * 1000 / dose)


def _aspect(flat: pydicom.Dataset) -> float:
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio"):
        pair = flat.get(keyword)
        if pair is not None and len(pair) == 2 and min(map(float, pair)) > 0:
            return float(pair[0]) / float(pair[1])
    return 1.0


def _chest_wall(flat: pydicom.Dataset) -> str:
    """Rows of a mammogram go away from it (PS3.3 C.7.6.1.1.1): to the front it is at their beginning."""
    rows = str((flat.get("PatientOrientation") or [""])[0])[:1]
    return {"A": "left", "P": "right"}.get(rows, "") if flat.get("Modality") == "MG" else ""


def sampled(plane: Values, columns: Values, rows: Values) -> Values:
    """The plane between its pixels, linearly; positions are those of pixel centres from 0."""
    left = np.clip(np.floor(columns).astype(int), 0, plane.shape[1] - 1)
    top = np.clip(np.floor(rows).astype(int), 0, plane.shape[0] - 1)
    right, bottom = np.minimum(left + 1, plane.shape[1] - 1), np.minimum(top + 1, plane.shape[0] - 1)
    x, y = np.clip(columns - left, 0, 1), np.clip(rows - top, 0, 1)
    if plane.ndim == 3:
        x, y = x[:, None], y[:, None]
    above = plane[top, left] * (1 - x) + plane[top, right] * x
    below = plane[bottom, left] * (1 - x) + plane[bottom, right] * x
    return np.asarray(above * (1 - y) + below * y)
