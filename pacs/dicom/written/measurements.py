"""What was measured on images, as a structured report: TID 1500 Measurement Report (PS3.16), Comprehensive SR, or
Comprehensive 3D SR where something was measured on planes through a volume.

Every measurement is a group of its own: with a region TID 1410, else TID 1501, where the figures refer to the points.
The Tracking Identifiers are those by which viewers on Cornerstone know their tools, so that they can take them over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from pacs.dicom.written.common import Image, Writing, made_uid
from pacs.dicom.written.documents import evidence, finished, observer
from pacs.dicom.written.values import KINDS, DrawnMeasurement, Figure, FigureName

MODALITY: Final = "SR"
SERIES_NUMBER: Final = 99001


_IDENTIFIER: Final = "Cornerstone3DTools@^0.1.0"
_OWN_IDENTIFIER: Final = "Suret"  # of what no tool of theirs draws

_AXIS_WORDS: Final[Mapping[FigureName, str]] = {
    "time": "Time",
    "velocity": "Velocity",
    "frequency": "Frequency",
    "distance": "Distance",
    "quantity": "Quantity",
}

_FIGURES: Final[Mapping[FigureName, Code]] = {
    "length": Code("410668003", "SCT", "Length"),
    "long_axis": Code("103339001", "SCT", "Long Axis"),
    "short_axis": Code("103340004", "SCT", "Short Axis"),
    "angle": Code("1483009", "SCT", "Angle"),
    "area": Code("42798000", "SCT", "Area"),
    "perimeter": Code("131191004", "SCT", "Perimeter"),
    "mean": Code("373098007", "SCT", "Mean"),
    "standard_deviation": Code("386136009", "SCT", "Standard Deviation"),
    "minimum": Code("255605001", "SCT", "Minimum"),
    "maximum": Code("56851009", "SCT", "Maximum"),
    "value": Code("112031", "DCM", "Attenuation Coefficient"),
}
_ON_AXES: Final[Mapping[FigureName, tuple[Code, Code]]] = {
    name: (
        Code(name.upper(), "99SURET", f"{words}, by the axis of the image region"),
        Code(f"{name.upper()}_SPAN", "99SURET", f"{words} between the ends, by the axis of the image region"),
    )
    for name, words in _AXIS_WORDS.items()
}
"""Of a point where it lies, of all else how far its ends lie apart; no code of the standard tells both apart."""
_PLAIN_VALUE: Final = Code("246205007", "SCT", "Quantity")  # of a pixel that is not in Hounsfield units
_COBB_ANGLE: Final = Code("285285000", "SCT", "Cobb angle")
_IMAGE_REGION: Final = Code("111030", "DCM", "Image Region")
_COMMENT: Final = Code("121106", "DCM", "Comment")
_CURVE_POINTS: Final = Code("CURVE_POINTS", "99SURET", "Points that the curve is laid through")
_EXTENT: Final = (
    Code("REGION_EXTENT", "99SURET", "Extent of the region"),
    Code("PARTLY_OUTSIDE", "99SURET", "Partly outside the image, figures are of the part inside"),
)
_AT_DETECTOR: Final = Code("AT_DETECTOR", "99SURET", "At the detector, not corrected for magnification")
_IMAGING_PROCEDURE: Final = Code("363679005", "SCT", "Imaging procedure")

_UNITS: Final[Mapping[str, Code]] = {
    "": Code("1", "UCUM", "no units"),
    "mm": Code("mm", "UCUM", "millimeter"),
    "mm2": Code("mm2", "UCUM", "square millimeter"),
    "px": Code("{pixels}", "UCUM", "pixels"),
    "px2": Code("{pixels}2", "UCUM", "square pixels"),
    "deg": Code("deg", "UCUM", "degree"),
    "HU": Code("[hnsf'U]", "UCUM", "Hounsfield unit"),
    "SUVbw": Code("{SUVbw}g/ml", "UCUM", "Standardized Uptake Value body weight"),
    "Bq/mL": Code("Bq/ml", "UCUM", "Becquerels/milliliter"),
    "g/mL": Code("g/ml", "UCUM", "grams/milliliter"),
    "%": Code("%", "UCUM", "percent"),
    "Gy": Code("Gy", "UCUM", "Gray"),
    "s": Code("s", "UCUM", "second"),
    "Hz": Code("Hz", "UCUM", "Hertz"),
    "cm/s": Code("cm/s", "UCUM", "centimeter/second"),
    "dB": Code("dB", "UCUM", "decibel"),
    "dB/s": Code("dB/s", "UCUM", "decibel/second"),
    "cm2": Code("cm2", "UCUM", "square centimeter"),
    "cm2/s": Code("cm2/s", "UCUM", "square centimeter/second"),
    "cm3": Code("cm3", "UCUM", "cubic centimeter"),
    "cm3/s": Code("cm3/s", "UCUM", "cubic centimeter/second"),
}


def measurement_report(
    measurements: Sequence[DrawnMeasurement],
    images: Mapping[str, Image],
    writing: Writing,
    predecessors: Sequence[Dataset] = (),
) -> bytes:
    """The report as a Part 10 file. `images` are those referred to, by SOP Instance UID, of one study.

    `predecessors` are earlier reports whose measurements this one takes the place of, as data sets with their UIDs.
    """
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_person_context=observer(writing)),
        procedure_reported=_IMAGING_PROCEDURE,
        imaging_measurements=[_group(one, images[one.sop_instance_uid]) for one in measurements] or [_nothing()],
        title=codes.DCM.ImagingMeasurementReport,
    )
    if not measurements:
        items = content[0].ContentSequence
        items.pop()  # the library writes no report without a measurement
        items.append(sr.TextContentItem(_COMMENT, "No measurements", relationship_type="CONTAINS"))
    referred = [evidence(image) for image in images.values()]
    document = sr.Comprehensive3DSR if any(one.space for one in measurements) else sr.ComprehensiveSR
    report = document(
        referred,
        content,
        "1.1",  # the series is said below
        SERIES_NUMBER,
        writing.sop_instance_uid,
        writing.instance_number,
        is_complete=True,
        previous_versions=list(predecessors) or None,
    )
    return finished(
        report,
        next(iter(images.values())),
        writing,
        modality=MODALITY,
        description="Measurements",
        number=SERIES_NUMBER,
    )


def _nothing() -> Any:
    return sr.MeasurementsAndQualitativeEvaluations(sr.TrackingIdentifier(made_uid(), "none"))


def _group(measurement: DrawnMeasurement, image: Image) -> Any:
    kind = KINDS[measurement.kind]
    figures = [
        sr.Measurement(
            _figure_name(measurement, figure),
            figure.value,
            _unit(figure.unit),
            method=_AT_DETECTOR if figure.at_detector else None,
            referenced_coordinates=[_coordinates(measurement, image, figure)],
        )
        for figure in measurement.figures
    ]
    # by Cornerstone's name other viewers would read seconds as millimetres
    is_own = kind.in_space or any(figure.name in _ON_AXES for figure in measurement.figures)
    group = sr.MeasurementsAndQualitativeEvaluations(
        sr.TrackingIdentifier(measurement.tracking_uid, f"{_OWN_IDENTIFIER if is_own else _IDENTIFIER}:{kind.tool}"),
        measurements=figures or None,
        qualitative_evaluations=[sr.QualitativeEvaluation(*_EXTENT)] if measurement.partly_outside else None,
        source_images=[_source_of_group(image, measurement.frame_number)] if measurement.space else None,
    )
    items = group[0].ContentSequence
    if kind.region:
        group[0].ContentTemplateSequence[0].TemplateIdentifier = "1410"
    if kind.region or not figures:  # figures refer to lines; a length in seconds, say, has none
        items.append(_region(measurement, image))
    if kind.in_space:
        items.append(_laid_through(measurement))
    if measurement.label:
        items.append(sr.TextContentItem(_COMMENT, measurement.label, relationship_type="CONTAINS"))
    return group


def _region(measurement: DrawnMeasurement, image: Image) -> Any:
    points = _graphic(measurement)
    if measurement.space:
        return sr.Scoord3DContentItem(
            _IMAGE_REGION,
            _graphic_type_in_space(measurement),
            points,
            measurement.frame_of_reference_uid,
            relationship_type="CONTAINS",
        )
    region = sr.ScoordContentItem(
        _IMAGE_REGION, KINDS[measurement.kind].graphic_type, points, relationship_type="CONTAINS"
    )
    region.ContentSequence = sr.ContentSequence([_source(image, measurement.frame_number)])
    return region


def _laid_through(measurement: DrawnMeasurement) -> Any:
    """What a curve is made of again; the length refers to the curve itself."""
    points = np.array(measurement.space, np.float64)
    return sr.Scoord3DContentItem(
        _CURVE_POINTS, "MULTIPOINT", points, measurement.frame_of_reference_uid, relationship_type="CONTAINS"
    )


def _graphic_type_in_space(measurement: DrawnMeasurement) -> str:
    """PS3.3 C.18.9.1.2: closed lines are polygons there; an arrow there and back encloses nothing and stays a line."""
    kind = KINDS[measurement.kind]
    return "POLYGON" if kind.closed and measurement.kind != "arrow" else kind.graphic_type


def _figure_name(measurement: DrawnMeasurement, figure: Figure) -> Code:
    if figure.name in _ON_AXES:
        at_point, between = _ON_AXES[figure.name]
        return at_point if measurement.kind == "probe" else between
    if figure.name == "angle" and measurement.kind == "cobb":
        return _COBB_ANGLE
    if figure.name == "value" and figure.unit != "HU":
        return _PLAIN_VALUE
    return _FIGURES[figure.name]


def _unit(unit: str) -> Code:
    known = _UNITS.get(unit)
    return known or Code(f"{{{unit[:14]}}}", "UCUM", unit[:64])


def _source(image: Image, frame_number: int) -> Any:
    frames = [frame_number] if image.number_of_frames is not None else None
    return sr.SourceImageForRegion(image.sop_class_uid, image.sop_instance_uid, frames)


def _source_of_group(image: Image, frame_number: int) -> Any:
    """What is in space says by itself of no image."""
    frames = [frame_number] if image.number_of_frames is not None else None
    return sr.SourceImageForMeasurementGroup(image.sop_class_uid, image.sop_instance_uid, frames)


def _coordinates(measurement: DrawnMeasurement, image: Image, figure: Figure) -> Any:
    points = _graphic(measurement)
    if measurement.kind == "bidirectional":
        points = points[2:] if figure.name == "short_axis" else points[:2]
    if measurement.space:
        return sr.CoordinatesForMeasurement3D(
            _graphic_type_in_space(measurement), points, measurement.frame_of_reference_uid
        )
    return sr.CoordinatesForMeasurement(
        KINDS[measurement.kind].graphic_type, points, _source(image, measurement.frame_number)
    )


def _graphic(measurement: DrawnMeasurement) -> np.ndarray[Any, Any]:
    points: list[tuple[float, ...]] = list(measurement.line or measurement.space or measurement.points)
    if measurement.kind == "angle":  # two lines, as Cobb's
        points.insert(1, points[1])
    if KINDS[measurement.kind].closed:
        points.append(points[0])
    return np.array(points, np.float64 if measurement.space else np.float32)
