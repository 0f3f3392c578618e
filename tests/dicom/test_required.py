"""Attributes of type 1: those of the standard's tables, and what is told to be missing of each modality's images."""

from __future__ import annotations

import json
from collections import defaultdict
from importlib.resources import files
from typing import Any

import pytest
from pydicom.datadict import dictionary_VR, tag_for_keyword

from pacs.dicom.required import PIXEL_DATA, missing, of_class

STORAGE = "1.2.840.10008.5.1.4.1.1."
ALWAYS = {"00080016", "00080018", "00080060", "0020000D", "0020000E"}
CONDITIONAL = {
    "sr-document-content": {"ValueType"},
    "sr-document-general": {"ContentDate", "ContentTime", "InstanceNumber", "CompletionFlag", "VerificationFlag"},
}
"""Of modules whose tables in highdicom do not tell what depends on the kind of a content item, what does not."""


def test_the_table_is_that_of_the_standard() -> None:
    classes, iods, modules = (
        json.loads(files("highdicom").joinpath(f"_standard/{name}.json").read_bytes())
        for name in ("sop_class_iod_map", "iod_module_map", "module_attribute_map")
    )
    wanted: dict[str, set[str]] = defaultdict(set)
    for sop_class, iod in classes.items():
        for module in iods.get(iod, ()):
            for one in modules.get(module["key"], ()) if module["usage"] == "M" else ():
                tag = tag_for_keyword(one["keyword"])
                told = one["keyword"] in CONDITIONAL.get(module["key"], {one["keyword"]})
                if one["type"] == "1" and not one["path"] and tag is not None and told:
                    wanted[sop_class].add(f"{tag:08X}")
    for sop_class, tags in wanted.items():
        assert tags - ALWAYS <= set(of_class(sop_class)), sop_class
        assert set(of_class(sop_class)) - tags <= {
            "00080008",
            "00080064",
            "00280301",
            "00282110",
            "0040E001",
            "004008EA",
        }


def bare(sop_class: str) -> dict[str, Any]:
    """A document with nothing but what identifies it and its pixels."""
    tags = [*ALWAYS, "00280002", "00280004", "00280010", "00280011", "00280100", "00280101", "00280102", "00280103"]
    document = {tag: {"vr": dictionary_VR(int(tag, 16)), "Value": [1]} for tag in tags}
    return document | {"00080016": {"vr": "UI", "Value": [STORAGE + sop_class]}, PIXEL_DATA: {"BulkDataURI": "x"}}


@pytest.mark.parametrize(
    ("sop_class", "some"),
    [
        ("2", {"ImageType", "PixelSpacing", "ImageOrientationPatient", "RescaleSlope", "FrameOfReferenceUID"}),
        ("4", {"ScanningSequence", "SequenceVariant", "ImagePositionPatient"}),
        ("6.1", set()),
        ("3.1", {"NumberOfFrames", "FrameIncrementPointer"}),
        ("12.1", {"PixelIntensityRelationship", "RadiationSetting"}),
        ("1.2", {"PresentationIntentType", "PositionerType", "ImagerPixelSpacing", "ImageLaterality"}),
        ("1.1", {"PixelIntensityRelationshipSign", "PresentationLUTShape"}),
        ("1", set()),
        ("20", {"NumberOfEnergyWindows", "NumberOfDetectors"}),
        ("128", {"Units", "DecayCorrection", "SeriesType", "FrameReferenceTime"}),
        ("2.1", {"SharedFunctionalGroupsSequence", "DimensionOrganizationSequence"}),
        ("66.4", {"SegmentSequence", "SegmentationType"}),
        ("88.33", {"ValueType", "CompletionFlag", "VerificationFlag"}),
        ("481.3", {"StructureSetLabel"}),
        ("9.1.1", {"WaveformSequence", "AcquisitionDateTime"}),
        ("7", {"ConversionType"}),
    ],
)
def test_what_is_missing_is_named(sop_class: str, some: set[str]) -> None:
    document = bare(sop_class)
    told = set(missing(document))
    assert some <= told
    assert bool(told) == bool(some)
    for keyword in told:
        document[f"{tag_for_keyword(keyword):08X}"] = {"vr": "LO", "Value": ["x"]}
    assert missing(document) == []


def test_an_image_has_pixels_and_one_frame_needs_no_increment() -> None:
    document = bare("6.1")
    del document[PIXEL_DATA]
    assert missing(document) == ["PixelData"]
    cine = bare("3.1") | {"00280008": {"vr": "IS", "Value": ["1"]}}
    assert missing(cine) == []
    assert missing(bare("4711")) == []
