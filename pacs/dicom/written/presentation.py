"""How images were displayed, as a softcopy presentation state (PS3.3 A.33.1, A.33.2): grayscale, or color for RGB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from PIL import ImageCms
from pydicom.dataset import Dataset

from pacs.dicom.written.common import Image, Writing, complete, encoded, reference, references_by_series
from pacs.dicom.written.values import KINDS, Area, DisplayState, DrawnMeasurement

MODALITY: Final = "PR"
SERIES_NUMBER: Final = 99003
GRAYSCALE: Final = "1.2.840.10008.5.1.4.1.1.11.1"
COLOR: Final = "1.2.840.10008.5.1.4.1.1.11.2"

_LAYER: Final = "MEASUREMENTS"
_GREYS: Final = frozenset({"MONOCHROME1", "MONOCHROME2"})
# What has to be alike in images that one state is about: the state's modality transform and area hold for all.
_ALIKE: Final = ("SOPClassUID", "PhotometricInterpretation", "Rows", "Columns", "RescaleSlope", "RescaleIntercept")


def alike(first: Image, other: Image) -> bool:
    """Whether one state can be about both."""
    return all(first.text(keyword) == other.text(keyword) for keyword in _ALIKE)


def presentation_state(
    state: DisplayState,
    images: Sequence[Image],
    frames: Mapping[str, Sequence[int]],
    measurements: Sequence[DrawnMeasurement],
    writing: Writing,
) -> bytes:
    """The state of `images`, which are `alike`, as a Part 10 file; with `measurements` drawn, each with its label.

    `frames` are those meant of an image, by SOP Instance UID; all of them where it says none.
    """
    first = images[0]
    grey = first.text("PhotometricInterpretation") in _GREYS
    made = Dataset()
    made.SOPClassUID = GRAYSCALE if grey else COLOR
    made.SOPInstanceUID = writing.sop_instance_uid
    complete(made, first, writing, modality=MODALITY, description="Display states", number=SERIES_NUMBER)
    made.ContentLabel = state.label or "SURET"
    made.ContentDescription = state.description
    made.ContentCreatorName = writing.reader_name
    made.PresentationCreationDate = writing.at.strftime("%Y%m%d")
    made.PresentationCreationTime = writing.at.strftime("%H%M%S.%f")
    made.ReferencedSeriesSequence = references_by_series(images, "ReferencedImageSequence")
    for series in made.ReferencedSeriesSequence:
        for one in series.ReferencedImageSequence:
            numbers = frames.get(one.ReferencedSOPInstanceUID)
            if numbers:
                one.ReferencedFrameNumber = list(numbers)
    made.DisplayedAreaSelectionSequence = [_area(state.area, first)]
    if state.rotation or state.flipped:
        made.ImageHorizontalFlip = "Y" if state.flipped else "N"
        made.ImageRotation = state.rotation
    if grey:
        _say_greys(made, state, first)
    else:
        made.ICCProfile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    if measurements:
        by_uid = {image.sop_instance_uid: image for image in images}
        made.GraphicAnnotationSequence = [_annotation(one, by_uid[one.sop_instance_uid]) for one in measurements]
        layer = Dataset()
        layer.GraphicLayer, layer.GraphicLayerOrder = _LAYER, 1
        layer.GraphicLayerRecommendedDisplayGrayscaleValue = 0xFFFF
        made.GraphicLayerSequence = [layer]
    return encoded(made)


def _say_greys(made: Dataset, state: DisplayState, image: Image) -> None:
    if image.text("RescaleSlope"):
        made.RescaleIntercept = image.text("RescaleIntercept") or "0"
        made.RescaleSlope = image.text("RescaleSlope")
        made.RescaleType = image.text("RescaleType") or "US"
    if state.window is not None:
        voi = Dataset()
        voi.WindowCenter, voi.WindowWidth = _decimal(state.window.center), _decimal(state.window.width)
        if image.text("VOILUTFunction"):
            voi.VOILUTFunction = image.text("VOILUTFunction")
        made.SoftcopyVOILUTSequence = [voi]
    inverse = state.inverted != (image.text("PhotometricInterpretation") == "MONOCHROME1")
    made.PresentationLUTShape = "INVERSE" if inverse else "IDENTITY"


def _decimal(value: float) -> str:
    """A decimal string of at most 16 characters (PS3.5 6.2)."""
    return next(text for digits in range(16, 0, -1) if len(text := f"{value:.{digits}g}") <= 16)


def _area(area: Area, image: Image) -> Dataset:
    made = Dataset()
    made.DisplayedAreaTopLeftHandCorner = [area.left, area.top]
    made.DisplayedAreaBottomRightHandCorner = [area.right, area.bottom]
    made.PresentationSizeMode = "SCALE TO FIT"
    spacing = image.metadata.get("00280030", {}).get("Value") or image.metadata.get("00181164", {}).get("Value")
    if spacing and len(spacing) == 2 and all(spacing):
        made.PresentationPixelSpacing = [_decimal(float(one)) for one in spacing]
    else:
        made.PresentationPixelAspectRatio = image.metadata.get("00280034", {}).get("Value") or [1, 1]
    return made


def _annotation(measurement: DrawnMeasurement, image: Image) -> Dataset:
    made = Dataset()
    made.ReferencedImageSequence = [reference(image, [measurement.frame_number])]
    made.GraphicLayer = _LAYER
    lines = _lines(measurement)
    if lines:
        made.GraphicObjectSequence = [_figure(graphic_type, points) for graphic_type, points in lines]
    if measurement.label:
        made.TextObjectSequence = [_text(measurement)]
    return made


def _lines(measurement: DrawnMeasurement) -> list[tuple[str, Sequence[tuple[float, float]]]]:
    points = measurement.points
    if measurement.kind == "text":
        return []
    if measurement.kind in ("bidirectional", "cobb"):
        return [("POLYLINE", points[:2]), ("POLYLINE", points[2:])]
    kind = KINDS[measurement.kind]
    closed = kind.closed and len(points) > 2
    return [(kind.graphic_type, (*points, points[0]) if closed else points)]


def _figure(graphic_type: str, points: Sequence[tuple[float, float]]) -> Dataset:
    made = Dataset()
    made.GraphicAnnotationUnits = "PIXEL"
    made.GraphicDimensions = 2
    made.NumberOfGraphicPoints = len(points)
    made.GraphicData = [value for point in points for value in point]
    made.GraphicType = graphic_type
    if graphic_type in ("ELLIPSE", "CIRCLE") or points[0] == points[-1]:
        made.GraphicFilled = "N"
    return made


def _text(measurement: DrawnMeasurement) -> Dataset:
    """The words at the lowest point of the measurement."""
    lowest: tuple[float, float] = max(measurement.points, key=_row)
    made = Dataset()
    made.UnformattedTextValue = measurement.label
    made.AnchorPoint = list(lowest)
    made.AnchorPointAnnotationUnits = "PIXEL"
    made.AnchorPointVisibility = "N"
    return made


def _row(point: tuple[float, float]) -> float:
    return point[1]
