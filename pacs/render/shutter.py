"""Display shutters (PS3.3 C.7.6.11, C.7.6.15): what lies outside of them is covered with one shade."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset

from pacs.render.cielab import Colour, read_colour
from pacs.render.description import first, integers
from pacs.render.header import FrameHeader

_FRAME_SHUTTER = "FrameDisplayShutterSequence"
_VERTICES_MAX = 4096


@dataclass(frozen=True, slots=True)
class Shutter:
    """`covered` marks the pixels that are not to be seen; `shade` is what stands in their place (RGB, 0 to 255)."""

    covered: NDArray[np.bool_]
    shade: Colour


def image_shutter(header: FrameHeader, rows: int, columns: int) -> Shutter | None:
    """The shutter of an image's frame, None where it has none."""
    for dataset in header.within(_FRAME_SHUTTER):
        found = shutter(dataset, rows, columns)
        if found is not None:
            return found
    return None


def shutter(dataset: Dataset, rows: int, columns: int) -> Shutter | None:
    """The shutter that `dataset` itself describes: what every one of its shapes leaves open is seen."""
    if "ShutterShape" not in dataset:
        return None
    value = dataset.get("ShutterShape")
    shapes = [value] if isinstance(value, str) else list(value or [])
    open_parts = [part for shape in shapes if (part := _open(dataset, str(shape).strip(), rows, columns)) is not None]
    if not open_parts:
        return None
    return Shutter(~np.logical_and.reduce(open_parts), shade(dataset))


def shade(dataset: Dataset) -> Colour:
    """What covers, black where nothing is said."""
    return read_colour(dataset, "ShutterPresentationColorCIELabValue", "ShutterPresentationValue") or (0, 0, 0)


def _open(dataset: Dataset, shape: str, rows: int, columns: int) -> NDArray[np.bool_] | None:
    """Rows and columns count from 1, edges and vertices are open themselves."""
    y, x = np.ogrid[1 : rows + 1, 1 : columns + 1]
    if shape == "RECTANGULAR":
        names = ("LeftVerticalEdge", "RightVerticalEdge", "UpperHorizontalEdge", "LowerHorizontalEdge")
        edges = [first(dataset, f"Shutter{name}") for name in names]
        if None in edges:
            return None
        left, right, upper, lower = (int(str(edge)) for edge in edges)
        return np.asarray((x >= left) & (x <= right) & (y >= upper) & (y <= lower))
    if shape == "CIRCULAR":
        center = integers(dataset, "CenterOfCircularShutter")
        radius = integers(dataset, "RadiusOfCircularShutter")
        if len(center) != 2 or not radius:
            return None
        return np.asarray((y - center[0]) ** 2 + (x - center[1]) ** 2 <= radius[0] ** 2)
    if shape == "POLYGONAL":
        return _polygon(integers(dataset, "VerticesOfThePolygonalShutter"), rows, columns)
    return None


def _polygon(vertices: Sequence[int], rows: int, columns: int) -> NDArray[np.bool_] | None:
    if len(vertices) < 6 or len(vertices) > 2 * _VERTICES_MAX:
        return None
    points = [(column - 1, row - 1) for row, column in zip(vertices[0::2], vertices[1::2], strict=False)]
    canvas = Image.new("L", (columns, rows))
    ImageDraw.Draw(canvas).polygon(points, fill=1, outline=1)
    return np.asarray(canvas).astype(np.bool_)
