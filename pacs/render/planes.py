"""Where a frame lies in the patient (PS3.3 C.7.6.2, C.7.6.16.2), and one frame brought onto the grid of another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pacs.render.description import numbers
from pacs.render.header import FrameHeader

_SAME_PIXELS = 0.1  # grids that differ by less than this part of a pixel are one
_PARALLEL = 0.01

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plane:
    """A grid of pixels. `origin` is the centre of the first one in mm of the patient, `across` and `down` are the steps
    in mm to the next column and row, `thickness` is that of the slice in mm, 0 where it is not told."""

    origin: Vector
    across: Vector
    down: Vector
    rows: int
    columns: int
    thickness: float

    @property
    def normal(self) -> Vector:
        """Of length 1."""
        normal = np.cross(self.across, self.down)
        return normal / np.linalg.norm(normal)

    def is_grid_of(self, other: Plane) -> bool:
        """Whether the pixels of both stand above each other."""
        if (self.rows, self.columns) != (other.rows, other.columns):
            return False
        pixel = min(np.linalg.norm(self.across), np.linalg.norm(self.down))
        between = other.origin - self.origin
        apart = np.linalg.norm(between - (between @ self.normal) * self.normal)
        far = (
            float(apart),
            float(np.linalg.norm(self.across - other.across) * self.columns),
            float(np.linalg.norm(self.down - other.down) * self.rows),
        )
        return max(far) < _SAME_PIXELS * float(pixel)


def plane_of(header: FrameHeader, rows: int, columns: int) -> Plane | None:
    """The plane of a frame; None where its header does not say where it lies."""
    position = _first(header, "ImagePositionPatient", "PlanePositionSequence", 3)
    directions = _first(header, "ImageOrientationPatient", "PlaneOrientationSequence", 6)
    spacing = _first(header, "PixelSpacing", "PixelMeasuresSequence", 2)
    if not position or not directions or not spacing or min(spacing) <= 0:
        return None
    along = np.array(directions, np.float64).reshape(2, 3)
    if np.abs(np.linalg.norm(along, axis=1) - 1).max() > _PARALLEL or abs(along[0] @ along[1]) > _PARALLEL:
        return None
    thickness = max(
        header.number("SliceThickness", "PixelMeasuresSequence") or 0.0,
        header.number("SpacingBetweenSlices", "PixelMeasuresSequence") or 0.0,
        0.0,
    )
    return Plane(np.array(position, np.float64), along[0] * spacing[1], along[1] * spacing[0], rows, columns, thickness)


def resampled(values: NDArray[np.float32], own: Plane, onto: Plane) -> NDArray[np.float32]:
    """(rows, columns) of `onto` out of `values` on the grid `own`: of each pixel the nearest one, 0 where none is.

    What lies further from the plane than half the thicker of both slices is not there; where neither tells how thick it
    is, the plane is looked at along its normal, however far it is.
    """
    across, down, away = _places(own, onto)
    at_column, at_row = np.rint(across).astype(np.int64), np.rint(down).astype(np.int64)
    there = (np.abs(away) <= _reach(own, onto)) & (at_row >= 0) & (at_row < own.rows)
    there &= (at_column >= 0) & (at_column < own.columns)
    found = np.zeros((onto.rows, onto.columns), np.float32)
    found[there] = values[at_row[there], at_column[there]]
    return found


def stacked(
    slices: Iterable[tuple[NDArray[np.float32], Plane]], onto: Plane
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """(rows, columns) of `onto` out of several slices, and where there is any: of each pixel the slice that is nearest,
    linear between its pixels. How far a slice reaches is that of `resampled`."""
    found = np.zeros((onto.rows, onto.columns), np.float32)
    nearest = np.full(found.shape, np.inf)
    for values, own in slices:
        across, down, away = _places(own, onto)
        away = np.abs(away)
        closer = (away <= _reach(own, onto)) & (away < nearest)
        for places, size in ((across, own.columns), (down, own.rows)):
            closer &= (places >= -0.5 - 1e-6) & (places <= size - 0.5 + 1e-6)
        found[closer] = _between(values, down[closer], across[closer])
        nearest[closer] = away[closer]
    return found, np.isfinite(nearest)


def _places(own: Plane, onto: Plane) -> tuple[Vector, Vector, Vector]:
    """Of every pixel of `onto`, in pixels of `own`: how far across and down; and in mm how far away from its plane."""
    row, column = np.arange(onto.rows)[:, None], np.arange(onto.columns)[None, :]
    between = onto.origin - own.origin

    def along(step: Vector) -> Vector:
        scale = step / (step @ step)
        return np.asarray(between @ scale + row * (onto.down @ scale) + column * (onto.across @ scale))

    return along(own.across), along(own.down), along(own.normal)


def _reach(own: Plane, onto: Plane) -> float:
    return float(max(own.thickness, onto.thickness) / 2 * (1 + 1e-6) or np.inf)


def _between(values: NDArray[np.float32], rows: Vector, columns: Vector) -> Vector:
    """Values at places between pixels, those of the border outside of them."""
    rows, columns = (np.clip(at, 0, size - 1) for at, size in zip((rows, columns), values.shape, strict=True))
    top, left = rows.astype(np.int64), columns.astype(np.int64)
    below, right = np.minimum(top + 1, values.shape[0] - 1), np.minimum(left + 1, values.shape[1] - 1)
    aside = columns - left
    upper = values[top, left] * (1 - aside) + values[top, right] * aside
    lower = values[below, left] * (1 - aside) + values[below, right] * aside
    return np.asarray(upper + (rows - top) * (lower - upper))


def _first(header: FrameHeader, keyword: str, macro: str, length: int) -> list[float]:
    for dataset in header.within(macro):
        found = numbers(dataset, keyword)
        if len(found) == length:
            return found
    return []
