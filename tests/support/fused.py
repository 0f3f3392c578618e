"""CT with PET over it, of one space and two lattices: the values of both anywhere, and the colours of their blend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import PositronEmissionTomographyImageStorage

from tests.support.factories import ct_series, uid

Array = NDArray[np.float64]

SLICES, SIZE = 20, 48
SPACING = np.array([1.75, 1.5, 3.0])
"""Of columns, rows and slices, mm: the pixels are not square."""
ASPECT = float(SPACING[1] / SPACING[0])
ORIGIN = np.array([-30.0, -36.0, 15.0])
TILT = np.radians(20)
DIRECTION = np.array([[1, 0, 0], [0, np.cos(TILT), np.sin(TILT)], [0, -np.sin(TILT), np.cos(TILT)]])
"""Of columns, rows and slices: axial and coronal planes of the patient are oblique to the voxels."""


def voxels_of_ct() -> Array:
    """Hounsfield units by slice, row and column: every direction another, and not linear."""
    z, y, x = np.mgrid[0:SLICES, 0:SIZE, 0:SIZE]
    return np.asarray(np.round(300 * np.sin(x / 6) * np.cos(y / 8) + 15 * z + 4 * x), np.float64)


def fused_ct() -> list[Dataset]:
    made = ct_series(SLICES, study="depth", rows=SIZE, columns=SIZE)
    for index, dataset in enumerate(made):
        dataset.PixelSpacing, dataset.RescaleSlope, dataset.RescaleIntercept = [1.5, 1.75], 1, -1024
        dataset.ImageOrientationPatient = [float(value) for value in DIRECTION[:2].ravel()]
        dataset.ImagePositionPatient = [float(round(value, 9)) for value in ORIGIN + 3.0 * index * DIRECTION[2]]
        dataset.WindowCenter, dataset.WindowWidth = 100.5, 801
        dataset.FrameOfReferenceUID = uid("scanner")
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 15, 0
        dataset.PixelData = (voxels_of_ct()[index] + 1024).astype("<u2").tobytes()
    return made


PET_SLICES, PET_SIZE, PET_SPACING = 20, 24, 4.0
PET_ORIGIN = np.array([-34.0, -50.0, 5.0])


def uptake_of_pet() -> Array:
    """Bq/mL by slice, row and column of an axial PET: uptake in the middle, some everywhere."""
    z, y, x = np.mgrid[0:PET_SLICES, 0:PET_SIZE, 0:PET_SIZE]
    away = (x - 9) ** 2 + (y - 9) ** 2 + (z - 11) ** 2
    return np.asarray(np.round(1500 + 20_000 * np.exp(-away / 30)), np.float64)


def fused_pet(frame_of_reference: str) -> list[Dataset]:
    made = ct_series(PET_SLICES, study="depth", series=f"pet {frame_of_reference}", rows=PET_SIZE, columns=PET_SIZE)
    for index, dataset in enumerate(made):
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = PositronEmissionTomographyImageStorage
        dataset.Modality, dataset.SeriesDescription, dataset.SeriesNumber = "PT", f"PET {frame_of_reference}", 90
        dataset.FrameOfReferenceUID = uid(frame_of_reference)
        dataset.PixelSpacing, dataset.ImageOrientationPatient = [PET_SPACING] * 2, [1, 0, 0, 0, 1, 0]
        dataset.ImagePositionPatient = [float(value) for value in PET_ORIGIN + index * np.array([0, 0, PET_SPACING])]
        dataset.SeriesDate = dataset.AcquisitionDate = "20260102"
        dataset.SeriesTime, dataset.AcquisitionTime = "150000", "110500"  # made four hours after the scan
        dataset.ActualFrameDuration, dataset.FrameReferenceTime = 180_000, round(1000 * (300 + MEAN_COUNT_RATE), 3)
        dataset.Units, dataset.CorrectedImage, dataset.DecayCorrection = "BQML", ["DECY", "ATTN"], "START"
        tracer = Dataset()
        tracer.RadionuclideTotalDose, tracer.RadionuclideHalfLife = 370_000_000, 6586.2
        tracer.RadiopharmaceuticalStartTime = "100000"
        dataset.RadiopharmaceuticalInformationSequence, dataset.PatientWeight = [tracer], 70
        slope = 0.5 * (1 + index % 2)  # scanners choose one for each slice
        dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = slope, 0, None
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 15, 0
        dataset.PixelData = (uptake_of_pet()[index] / slope).astype("<u2").tobytes()
    return made


_DECAY = np.exp(-np.log(2) / 6586.2 * np.linspace(0, 180, 100_001)).mean()
MEAN_COUNT_RATE = -np.log(_DECAY) / (np.log(2) / 6586.2)
"""Seconds of a frame of 180 until the decay is that of its mean (PS3.3 C.8.9.4.1, Frame Reference Time)."""
SUV = 70_000 / (370_000_000 * 0.5 ** (3600 / 6586.2))
"""Of a Bq/mL."""


def values_at(
    points: Array,
    voxels: Array | None = None,
    origin: Array = ORIGIN,
    direction: Array = DIRECTION,
    spacing: Array = SPACING,
) -> Array:
    """Between voxels linear in each direction; NaN outside."""
    at = ((points - origin) @ direction.T) / spacing
    voxels = voxels_of_ct() if voxels is None else voxels
    last = np.array(voxels.shape[::-1]) - 1
    low = np.clip(np.floor(at), 0, last - 1).astype(int)
    share = at - low
    found = np.zeros(len(points))
    for corner in np.ndindex(2, 2, 2):
        column, row, slice_ = (low + corner).T
        found += np.prod(np.where(corner, share, 1 - share), axis=1) * voxels[slice_, row, column]
    return np.where(np.all((at >= 0) & (at <= last), axis=1), found, np.nan)


def on_image(index: int, column: Array | int, row: Array | int) -> Array:
    """Points of an image in the patient, mm."""
    place = np.stack(np.broadcast_arrays(column, row, index), axis=-1)
    return np.asarray(ORIGIN + (place * SPACING) @ DIRECTION)


def greys_of_ct(points: Array) -> Array:
    """0 to 1, in the window that its images name; NaN outside."""
    return np.clip((values_at(points) + 300) / 800, 0, 1)


def uptake_at(points: Array) -> Array:
    """Bq/mL; NaN outside."""
    return values_at(points, uptake_of_pet(), PET_ORIGIN, np.eye(3), np.full(3, PET_SPACING))


def level_of_pet(points: Array, full: float) -> Array:
    """0 to 1, which is of `full` Bq/mL and more; NaN outside."""
    return np.clip(uptake_at(points) / full, 0, 1)


EVENLY, BY_VALUE = "even", "value"


@dataclass(frozen=True, slots=True)
class Looks:
    """How PET lies over CT."""

    opacity: float
    colours: Array
    ramp: str = EVENLY

    def over(self, below: Array, level: Array) -> Array:
        """Red, green and blue, 0 to 255, of `level` over greys."""
        return blended(below, level, self.opacity, self.colours, ramped=self.ramp == BY_VALUE)


def blended(below: Array, level: Array, opacity: float, colours: Array, *, ramped: bool) -> Array:
    """Red, green and blue, 0 to 255, of `level` in `colours` (levels, 3; 0 to 1) over greys.

    `ramped`: nothing of level 0, `opacity` of level 1; else `opacity` of each.
    """
    places = np.linspace(0, 1, len(colours))
    above = np.stack([np.interp(level, places, one) for one in colours.T], axis=1)
    share = (np.clip(level, 0, 1) if ramped else np.ones_like(level))[:, None] * opacity
    return np.asarray(255 * ((1 - share) * below[:, None] + share * above))
