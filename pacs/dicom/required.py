"""What an object made of metadata and bulk data has to have (type 1, PS3.3), and what it has empty (type 2).

The attributes of every class of the standard are in `required.json`: what the modules that the class always has (usage
M) name as type 1 outside of sequences. `tests/dicom/test_required.py` makes it of the tables that highdicom carries.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from pacs.dicom.documents import label

_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."

SECONDARY_CAPTURE: Final = f"{_STORAGE}7"
SECONDARY_CAPTURE_BYTES: Final = f"{_STORAGE}7.2"
SECONDARY_CAPTURE_WORDS: Final = f"{_STORAGE}7.3"
SECONDARY_CAPTURE_COLOUR: Final = f"{_STORAGE}7.4"
VIDEO_PHOTOGRAPHIC: Final = f"{_STORAGE}77.1.4.1"
ENCAPSULATED: Final = MappingProxyType(
    {
        "application/pdf": f"{_STORAGE}104.1",
        "text/xml": f"{_STORAGE}104.2",
        "model/stl": f"{_STORAGE}104.3",
        "model/obj": f"{_STORAGE}104.4",
        "model/mtl": f"{_STORAGE}104.5",
    }
)
"""MIME type of a document to the class that holds it."""

PIXEL_DATA: Final = "7FE00010"

_ALWAYS: Final = ("00080016", "00080018", "00080060", "0020000D", "0020000E")
# fmt: off
_PIXELS: Final = (
    "00280002", "00280004", "00280010", "00280011", "00280100", "00280101", "00280102", "00280103",
)
# fmt: on
_OTHER_PIXEL_DATA: Final = ("7FE00008", "7FE00009")
_FRAMES, _INCREMENT, _ROWS = "00280008", "00280009", "00280010"
_CONVERSION, _BURNED_IN, _IMAGE_TYPE, _LOSSY = "00080064", "00280301", "00080008", "00282110"
_MULTI_FRAME: Final = (_CONVERSION, _BURNED_IN, _FRAMES)
_PHOTOGRAPH: Final = (_IMAGE_TYPE, _LOSSY)
_OF_FILES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        SECONDARY_CAPTURE: (_CONVERSION,),
        SECONDARY_CAPTURE_BYTES: _MULTI_FRAME,
        SECONDARY_CAPTURE_WORDS: _MULTI_FRAME,
        SECONDARY_CAPTURE_COLOUR: _MULTI_FRAME,
        **dict.fromkeys((f"{_STORAGE}77.1.{number}" for number in (1, 2, 3, 4)), _PHOTOGRAPH),
        **dict.fromkeys((f"{_STORAGE}77.1.{number}.1" for number in (1, 2, 4)), (*_PHOTOGRAPH, _FRAMES, _INCREMENT)),
        ENCAPSULATED["text/xml"]: ("0040E001",),
        **dict.fromkeys((ENCAPSULATED[kind] for kind in ("model/stl", "model/obj", "model/mtl")), (_CONVERSION,)),
        **dict.fromkeys((ENCAPSULATED[kind] for kind in ("model/stl", "model/obj")), (_CONVERSION, "004008EA")),
    }
)
"""What classes that files are wrapped into need under conditions which a file always meets."""

_EMPTY: Final = MappingProxyType(
    {
        "00080020": "DA",
        "00080030": "TM",
        "00080050": "SH",
        "00080090": "PN",
        "00100010": "PN",
        "00100020": "LO",
        "00100030": "DA",
        "00100040": "CS",
        "00200010": "SH",
        "00200011": "IS",
        "00200013": "IS",
    }
)
_EMPTY_DOCUMENT: Final = MappingProxyType(
    {"00080023": "DA", "00080033": "TM", "0008002A": "DT", "0040A043": "SQ", "00420010": "ST", "00080070": "LO"}
)
_EMPTY_IMAGE: Final = MappingProxyType({"00080070": "LO", "00200020": "CS", "00200060": "CS", "00400555": "SQ"})


def missing(document: Mapping[str, Any]) -> list[str]:
    """The names of the attributes of type 1 that are absent or empty; `document` is a DICOM JSON object by tag."""
    wanted = list(_ALWAYS)
    if PIXEL_DATA in document:
        wanted += _PIXELS
        if _number(document, "00280002") > 1:
            wanted.append("00280006")
    values = document.get("00080016", {}).get("Value") or [""]
    wanted += of_class(str(values[0]))
    if _ROWS in wanted and not any(tag in document for tag in _OTHER_PIXEL_DATA):
        wanted.append(PIXEL_DATA)
    if _number(document, _FRAMES) == 1 and _INCREMENT in wanted:
        wanted.remove(_INCREMENT)  # nothing increments
    return [label(tag) for tag in dict.fromkeys(wanted) if not _has_value(document.get(tag, {}))]


def needs(sop_class_uid: str, tag: str) -> bool:
    """Whether the class has the attribute as one of its own of type 1."""
    return tag in of_class(sop_class_uid)


def of_class(sop_class_uid: str) -> tuple[str, ...]:
    """The tags of type 1 of a class besides those of all composite objects; none of one that is not known."""
    return (*_table().get(sop_class_uid, ()), *_OF_FILES.get(sop_class_uid, ()))


@cache
def _table() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for row in json.loads(files("pacs.dicom").joinpath("required.json").read_bytes()):
        found |= dict.fromkeys(row["classes"], tuple(row["tags"]))
    return found


def with_empty(document: Mapping[str, Any], *, is_image: bool) -> dict[str, Any]:
    """The document with those attributes of type 2 that it lacks, empty: of composite objects and of its kind."""
    lacking = {**_EMPTY, **(_EMPTY_IMAGE if is_image else _EMPTY_DOCUMENT)}
    return {**{tag: {"vr": vr} for tag, vr in lacking.items()}, **document}


def _has_value(element: Mapping[str, Any]) -> bool:
    if "BulkDataURI" in element or element.get("InlineBinary"):
        return True
    return any(value not in (None, "", {}) for value in element.get("Value") or ())


def _number(document: Mapping[str, Any], tag: str) -> int:
    values = document.get(tag, {}).get("Value") or [0]
    text = str(values[0]).strip()
    return int(text) if text.isascii() and text.isdecimal() else 0
