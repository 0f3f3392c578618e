"""Objects that are about images: presentation states and segmentations, made by hand from the standard."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from tests.support.factories import _finish_plain, _object, ct_slice, uid

GRAYSCALE_STATE = "1.2.840.10008.5.1.4.1.1.11.1"
PSEUDO_COLOR_STATE = "1.2.840.10008.5.1.4.1.1.11.3"
BLENDING_STATE = "1.2.840.10008.5.1.4.1.1.11.4"
ANGIOGRAPHY_STATE = "1.2.840.10008.5.1.4.1.1.11.5"


def item(**attributes: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def image_reference(image: Dataset, frames: Sequence[int] = ()) -> Dataset:
    reference = item(ReferencedSOPClassUID=image.SOPClassUID, ReferencedSOPInstanceUID=image.SOPInstanceUID)
    if frames:
        reference.ReferencedFrameNumber = list(frames)
    return reference


def displayed_area(image: Dataset, box: tuple[int, int, int, int] | None = None, **attributes: object) -> Dataset:
    """The area from (column, row) to (column, row), both from 1; the whole image where none is given."""
    left, top, right, bottom = box or (1, 1, image.Columns, image.Rows)
    area = item(
        DisplayedAreaTopLeftHandCorner=[left, top],
        DisplayedAreaBottomRightHandCorner=[right, bottom],
        PresentationSizeMode="SCALE TO FIT",
    )
    if "PresentationPixelSpacing" not in attributes:
        area.PresentationPixelAspectRatio = [1, 1]
    for keyword, value in attributes.items():
        setattr(area, keyword, value)
    return area


def presentation_state(images: Iterable[Dataset], sop_class: str = GRAYSCALE_STATE, **attributes: object) -> Dataset:
    """A state over `images` of one study (PS3.3 A.33.1); by default it shows them whole, in HU, with no window."""
    images = list(images)
    image = images[0]
    state = _object(uid(""), "PR", _patient(image), "study", "pr", 1, "State")
    for keyword in ("StudyInstanceUID", "StudyDate", "StudyTime", "AccessionNumber", "StudyID"):
        setattr(state, keyword, getattr(image, keyword))
    state.SOPClassUID = sop_class
    state.SOPInstanceUID = uid("state", *[one.SOPInstanceUID for one in images], *attributes)
    state.SeriesInstanceUID = uid("states", image.StudyInstanceUID)
    state.ContentLabel, state.ContentDescription, state.ContentCreatorName = "STATE", "", "House^Gregory"
    state.PresentationCreationDate, state.PresentationCreationTime = "20261124", "090000"
    series: dict[str, list[Dataset]] = {}
    for one in images:
        series.setdefault(one.SeriesInstanceUID, []).append(image_reference(one))
    state.ReferencedSeriesSequence = [
        item(SeriesInstanceUID=name, ReferencedImageSequence=references) for name, references in series.items()
    ]
    state.DisplayedAreaSelectionSequence = [displayed_area(image)]
    state.PresentationLUTShape = "IDENTITY"
    if "RescaleSlope" in image:
        state.RescaleIntercept, state.RescaleSlope, state.RescaleType = image.RescaleIntercept, image.RescaleSlope, "HU"
    return _finish_plain(state, ExplicitVRLittleEndian, attributes)


def blending_state(
    under: Sequence[Dataset],
    over: Sequence[Dataset],
    opacity: float,
    palette: np.ndarray[Any, Any],
    windows: Sequence[tuple[float, float]] = ((0, 1000), (0, 1000)),
    **attributes: object,
) -> Dataset:
    """A state that lays `over`, in `palette` (entries, 3) of 8 bits, on `under`; windows by center and width."""
    state = presentation_state([*under], BLENDING_STATE)
    for keyword in ("ReferencedSeriesSequence", "PresentationLUTShape", "RescaleSlope", "RescaleIntercept"):
        delattr(state, keyword)
    state.BlendingSequence = [
        item(
            BlendingPosition=position,
            StudyInstanceUID=images[0].StudyInstanceUID,
            ReferencedSeriesSequence=[
                item(
                    SeriesInstanceUID=images[0].SeriesInstanceUID,
                    ReferencedImageSequence=[image_reference(one) for one in images],
                )
            ],
            RescaleIntercept=images[0].RescaleIntercept,
            RescaleSlope=images[0].RescaleSlope,
            RescaleType="US",
            SoftcopyVOILUTSequence=[item(WindowCenter=center, WindowWidth=width, VOILUTFunction="LINEAR_EXACT")],
        )
        for position, images, (center, width) in zip(
            ("SUPERIMPOSED", "UNDERLYING"), (over, under), windows, strict=True
        )
    ]
    state.RelativeOpacity = opacity
    for colour, entries in zip(("Red", "Green", "Blue"), palette.T, strict=True):
        setattr(state, f"{colour}PaletteColorLookupTableDescriptor", [len(entries), 0, 16])
        setattr(state, f"{colour}PaletteColorLookupTableData", (entries.astype("<u2") * 257).tobytes())
    for keyword, value in attributes.items():
        setattr(state, keyword, value)
    return state


def figure(kind: str, points: Sequence[float], units: str = "PIXEL", filled: bool = False) -> Dataset:
    return item(
        GraphicAnnotationUnits=units,
        GraphicDimensions=2,
        NumberOfGraphicPoints=len(points) // 2,
        GraphicData=list(points),
        GraphicType=kind,
        GraphicFilled="Y" if filled else "N",
    )


def lettering(words: str, box: Sequence[float], units: str = "PIXEL") -> Dataset:
    return item(
        UnformattedTextValue=words,
        BoundingBoxAnnotationUnits=units,
        BoundingBoxTopLeftHandCorner=list(box[:2]),
        BoundingBoxBottomRightHandCorner=list(box[2:]),
        BoundingBoxTextHorizontalJustification="LEFT",
    )


def annotated(*objects: Dataset, layer: str = "MARKS", images: Sequence[Dataset] = ()) -> Dataset:
    """One item of the Graphic Annotation Sequence."""
    found = item(GraphicLayer=layer)
    figures = [one for one in objects if "GraphicType" in one]
    texts = [one for one in objects if "UnformattedTextValue" in one]
    if figures:
        found.GraphicObjectSequence = figures
    if texts:
        found.TextObjectSequence = texts
    if images:
        found.ReferencedImageSequence = [image_reference(image) for image in images]
    return found


def graphic_layer(name: str, order: int = 1, **attributes: object) -> Dataset:
    return item(GraphicLayer=name, GraphicLayerOrder=order, **attributes)


def lut_item(entries: np.ndarray[Any, Any], first: int, bits: int) -> Dataset:
    found = Dataset()
    found.add_new(0x00283002, "US", [len(entries), first, bits])
    found.add_new(0x00283006, "OW", entries.astype("<u2").tobytes())
    return found


def angiography(frames: np.ndarray[Any, Any], **attributes: object) -> Dataset:
    """An X-ray angiographic image (PS3.3 A.14) of `frames` (number, rows, columns), 16 bits unsigned."""
    number, rows, columns = frames.shape
    run = ct_slice(Rows=rows, Columns=columns, NumberOfFrames=number, series="run")
    run.SOPClassUID = run.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.12.1")
    run.Modality, run.PixelRepresentation = "XA", 0
    run.RescaleIntercept, run.RescaleSlope = 0, 1
    run.PixelData = frames.astype("<u2").tobytes()
    for keyword, value in attributes.items():
        setattr(run, keyword, value)
    return run


def segmentation(images: Sequence[Dataset], masks: dict[str, np.ndarray[Any, Any]], **attributes: object) -> Dataset:
    """A binary segmentation (PS3.3 A.51): for each label a mask over every image, frame by frame in that order."""
    image = images[0]
    found = _object(uid(""), "SEG", _patient(image), "study", "seg", 1, "Segments")
    for keyword in ("StudyInstanceUID", "StudyDate", "StudyTime", "AccessionNumber", "StudyID", "FrameOfReferenceUID"):
        setattr(found, keyword, getattr(image, keyword))
    found.SOPClassUID = "1.2.840.10008.5.1.4.1.1.66.4"
    found.SOPInstanceUID = uid("segmentation", *[one.SOPInstanceUID for one in images], *masks)
    found.SeriesInstanceUID = uid("segmentations", image.StudyInstanceUID)
    found.SegmentationType = "BINARY"
    found.Rows, found.Columns, found.NumberOfFrames = image.Rows, image.Columns, len(images) * len(masks)
    found.SamplesPerPixel, found.PhotometricInterpretation = 1, "MONOCHROME2"
    found.BitsAllocated = found.BitsStored = 1
    found.HighBit = found.PixelRepresentation = 0
    found.SegmentSequence = [
        item(SegmentNumber=number, SegmentLabel=label, SegmentAlgorithmType="MANUAL")
        for number, label in enumerate(masks, 1)
    ]
    found.SharedFunctionalGroupsSequence = [Dataset()]
    found.PerFrameFunctionalGroupsSequence = [
        item(
            SegmentIdentificationSequence=[item(ReferencedSegmentNumber=number)],
            DerivationImageSequence=[item(SourceImageSequence=[image_reference(one)])],
        )
        for number in range(1, len(masks) + 1)
        for one in images
    ]
    bits = np.concatenate([mask.reshape(-1) for mask in masks.values() for _ in images])
    packed = np.packbits(bits.astype(bool), bitorder="little").tobytes()
    found.PixelData = packed + b"\0" * (len(packed) % 2)
    found["PixelData"].VR = "OB"
    return _finish_plain(found, ExplicitVRLittleEndian, attributes)


def _patient(image: Dataset) -> Any:
    from tests.support.factories import Patient

    return Patient(str(image.PatientID), str(image.PatientName), image.PatientBirthDate, image.PatientSex)
