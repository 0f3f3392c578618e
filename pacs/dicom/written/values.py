"""What a reader measured, marked and set, as values; nothing here knows how objects are written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from pacs.dicom.uids import valid_uid

MeasurementKind = Literal[
    "length", "bidirectional", "angle", "cobb", "ellipse", "rectangle", "freehand", "arrow", "text", "probe", "curve"
]  # fmt: skip
FigureName = Literal[
    "length", "long_axis", "short_axis", "angle", "area", "perimeter", "mean", "standard_deviation", "minimum",
    "maximum", "value", "time", "velocity", "frequency", "distance", "quantity",
]  # fmt: skip
Point = tuple[float, float]
SpacePoint = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a measurement, its unit by UCUM code or as the image has it ("HU"); "" where it has none.

    ``time``, ``velocity``, ``frequency``, ``distance`` and ``quantity`` are by the axes of a region of ultrasound
    (PS3.3 C.8.5.5): of a ``probe`` where it lies, of all else how far the ends lie apart.

    `at_detector`: millimetres of a projection's receptor, which are more than those in the patient (PS3.3 10.7.1.3).
    """

    name: FigureName
    value: float
    unit: str = ""
    at_detector: bool = False


@dataclass(frozen=True, slots=True)
class DrawnMeasurement:
    """One measurement on one frame. `points` are columns and rows, (0, 0) the corner of the first pixel (PS3.3 C.18.6).

    ``length`` has both ends; ``bidirectional`` those of the long axis, then of the short one; ``angle`` three points
    and ``cobb`` four, in the order of the lines; ``ellipse`` the ends of its axes, the longer first; ``rectangle``
    its corners around it and ``freehand`` its outline, the first point not repeated; ``arrow`` tip and tail;
    ``text`` and ``probe`` a point.

    What was drawn on a plane through a volume has ``space`` in their place: mm in the patient, in the frame of
    reference named; the image is then one of the volume's.

    ``curve`` is through a volume always: ``space`` has the points that it is laid through, ``line`` the curve itself,
    from point to point so near to each other that it is as long as they are apart.

    ``partly_outside``: a region lies in part beside the image or volume, and its figures are of the rest.
    """

    kind: MeasurementKind
    series_instance_uid: str
    sop_instance_uid: str
    points: tuple[Point, ...]
    tracking_uid: str
    frame_number: int = 1
    label: str = ""
    figures: tuple[Figure, ...] = ()
    frame_of_reference_uid: str = ""
    space: tuple[SpacePoint, ...] = ()
    line: tuple[SpacePoint, ...] = ()
    partly_outside: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """How a kind is written: the name of its tool, its points and their graphic type (PS3.3 C.18.6.1.2)."""

    tool: str
    points: int | None  # None: `least` or more
    graphic_type: str
    region: bool = False
    closed: bool = False
    least: int = 3
    in_space: bool = False


KINDS: Final[Mapping[MeasurementKind, Written]] = {
    "length": Written("Length", 2, "POLYLINE"),
    "bidirectional": Written("Bidirectional", 4, "POLYLINE"),
    "angle": Written("Angle", 3, "POLYLINE"),
    "cobb": Written("CobbAngle", 4, "POLYLINE"),
    "ellipse": Written("EllipticalROI", 4, "ELLIPSE", region=True),
    "rectangle": Written("RectangleROI", 4, "POLYLINE", region=True, closed=True),
    "freehand": Written("PlanarFreehandROI", None, "POLYLINE", region=True, closed=True),
    "arrow": Written("ArrowAnnotate", 2, "POLYLINE", region=True, closed=True),
    "text": Written("Label", 1, "POINT", region=True),
    "probe": Written("Probe", 1, "POINT", region=True),
    "curve": Written("Curve", None, "POLYLINE", least=2, in_space=True),
}
"""Every kind; arrows, which no template knows, as a line there and back. A curve has no place on a single image."""

POINTS_MAX: Final = 8000
SPACE_POINTS_MAX: Final = 5000
"""With three coordinates each; more would not fit into an element of single precision (PS3.5 7.1.2)."""
LABEL_MAX: Final = 1024
COORDINATE_MAX: Final = 1e7


@dataclass(frozen=True, slots=True)
class Marked:
    """An image that is meant: the whole of it, or one of its frames (from 1)."""

    series_instance_uid: str
    sop_instance_uid: str
    frame_number: int | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """In modality values (PS3.3 C.11.2)."""

    center: float
    width: float


@dataclass(frozen=True, slots=True)
class Area:
    """The part of the image that is displayed: columns and rows from 1, both ends within; may lie beside the image."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True)
class DisplayState:
    """How images look: turned clockwise by `rotation` degrees, then mirrored left to right where `flipped`."""

    area: Area
    window: Window | None = None
    inverted: bool = False
    rotation: int = 0
    flipped: bool = False
    label: str = ""
    description: str = ""


def mistakes(measurement: DrawnMeasurement) -> str:
    """What is wrong with it; "" where nothing is."""
    kind = KINDS[measurement.kind]
    if measurement.space and (measurement.points or not valid_uid(measurement.frame_of_reference_uid)):
        return f"{measurement.kind} in space has points on an image too, or no frame of reference"
    if kind.in_space and not measurement.space:
        return f"{measurement.kind} lies in space, and has no points there"
    points: tuple[tuple[float, ...], ...] = measurement.space or measurement.points
    found, most = len(points), SPACE_POINTS_MAX if measurement.space else POINTS_MAX
    if kind.points is None and not kind.least <= found <= most:
        return f"{measurement.kind} has {found} points, {kind.least} to {most} are wanted"
    if kind.points is not None and found != kind.points:
        return f"{measurement.kind} has {found} points, {kind.points} are wanted"
    if kind.in_space and not kind.least <= len(measurement.line) <= SPACE_POINTS_MAX:
        return f"the line of {measurement.kind} has {len(measurement.line)} points, {kind.least} to {most} are wanted"
    if kind.in_space and not measurement.figures:
        return f"{measurement.kind} has no length"
    if measurement.partly_outside and not kind.region:
        return f"{measurement.kind} is no region that could lie partly outside"
    if not kind.in_space and measurement.line:
        return f"{measurement.kind} has no line beside its points"
    points += measurement.line
    if not all(math.isfinite(value) and abs(value) < COORDINATE_MAX for point in points for value in point):
        return f"{measurement.kind} has a point that is nowhere"
    if not all(math.isfinite(figure.value) for figure in measurement.figures):
        return f"{measurement.kind} has a figure that is no number"
    if len(measurement.label) > LABEL_MAX:
        return f"the text of {measurement.kind} is longer than {LABEL_MAX} characters"
    if not valid_uid(measurement.tracking_uid):
        return f"the tracking_uid {measurement.tracking_uid[:64]!r} of {measurement.kind} is not a UID"
    return ""
