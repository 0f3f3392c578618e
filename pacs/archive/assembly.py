"""An object out of its metadata and bulk data (PS3.18 10.5.2): what the bytes say is joined with what the metadata say.

Where the metadata name no SOP Class, the bytes choose one, and what that class needs and nobody else can know is said
as whoever converts a file says it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import uuid4

from pacs.archive.media import DOCUMENT, IMAGE, VIDEO, Media, attribute, contradictions
from pacs.dicom.documents import label
from pacs.dicom.encode import DEPTH_MAX, Bulk, Fragments, Piece, encoded, normalized
from pacs.dicom.part10 import file_meta
from pacs.dicom.required import (
    ENCAPSULATED,
    PIXEL_DATA,
    SECONDARY_CAPTURE,
    SECONDARY_CAPTURE_BYTES,
    SECONDARY_CAPTURE_COLOUR,
    SECONDARY_CAPTURE_WORDS,
    VIDEO_PHOTOGRAPHIC,
    missing,
    needs,
    with_empty,
)
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, transfer_syntax
from pacs.errors import DoesNotMatch, NotUnderstood

Json = Mapping[str, Any]

_SOP_CLASS, _SOP_INSTANCE, _STUDY, _SERIES, _MODALITY = "00080016", "00080018", "0020000D", "0020000E", "00080060"
_DOCUMENT_DATA: Final = "00420011"
_OF_METADATA_ONLY: Final = frozenset({"00083002", "00083001"})  # Available Transfer Syntax UID, and its older place
_FRAMES, _INCREMENT, _FRAME_TIME, _PAGES = "00280008", "00280009", "00181063", "00182001"
_MODALITIES: Final = {IMAGE: "OT", VIDEO: "XC", DOCUMENT: "DOC"}
_MODELS: Final = frozenset({"model/stl", "model/obj", "model/mtl"})
_WHOLE: Final = re.compile(r"[0-9]{1,9}")
_NESTED_MAX: Final = 3 * DEPTH_MAX  # an attribute, its values and an item for each sequence
_GEOMETRIES: Final = frozenset({"model/stl", "model/obj"})


@dataclass(slots=True)
class MadeUids:
    """The UIDs made for what has none in one request: one study, and in it a series for each modality and class."""

    study: str = ""
    series: dict[tuple[str, ...], str] = field(default_factory=dict)

    def complete(self, document: dict[str, Any], study_instance_uid: str) -> None:
        """Give `document` the UIDs that it lacks; `study_instance_uid` is the study of the request, or ""."""
        if not _first(document, _STUDY):
            self.study = self.study or study_instance_uid or _made_uid()
            document[_STUDY] = attribute("UI", self.study)
        if not _first(document, _SERIES):
            key = tuple(_first(document, tag) for tag in (_STUDY, _MODALITY, _SOP_CLASS))
            document[_SERIES] = attribute("UI", self.series.setdefault(key, _made_uid()))
        if not _first(document, _SOP_INSTANCE):
            document[_SOP_INSTANCE] = attribute("UI", _made_uid())


@dataclass(frozen=True, slots=True)
class Assembled:
    """A whole Part 10 file in pieces, and what it is."""

    sop_class_uid: str
    sop_instance_uid: str
    pieces: Iterator[Piece]


def references(document: Any) -> set[str]:
    """Every BulkDataURI of a DICOM JSON object. Raises NotUnderstood for one that is nested without end."""
    found: set[str] = set()
    waiting = [(document, 0)]
    while waiting:
        body, depth = waiting.pop()
        if depth > _NESTED_MAX:
            raise NotUnderstood("the metadata are nested too deeply")
        if isinstance(body, Mapping):
            if isinstance(body.get("BulkDataURI"), str):
                found.add(body["BulkDataURI"])
            waiting += [(value, depth + 1) for value in body.values()]
        elif isinstance(body, list):
            waiting += [(value, depth + 1) for value in body]
    return found


def assembled(
    given: Json, bulk: Mapping[str, Sequence[Media]], made: MadeUids, study_instance_uid: str = ""
) -> Assembled:
    """The object of metadata `given` and the parts of its BulkDataURIs; several parts of one are its frames.

    Raises NotUnderstood and DoesNotMatch with every reason.
    """
    document = {tag: body for tag, body in normalized(given).items() if tag not in _OF_METADATA_ONLY}
    for uri in sorted(references(document) - bulk.keys()):
        raise NotUnderstood(
            f"the bulk data {uri[:200]} is not in the body", "send a part whose Content-Location is the BulkDataURI"
        )
    medias = {tag: bulk[body["BulkDataURI"]] for tag, body in document.items() if "BulkDataURI" in body}
    pixels, papers = medias.get(PIXEL_DATA), medias.get(_DOCUMENT_DATA)
    syntax = EXPLICIT_VR_LITTLE_ENDIAN
    values: dict[str, Bulk | Fragments] = {uri: _joined(parts) for uri, parts in bulk.items()}
    leading = pixels or papers
    if leading is not None and leading[0].kind:
        _join(document, leading)
    if pixels is not None:
        syntax, values[document[PIXEL_DATA]["BulkDataURI"]] = _pixel_data(document, pixels)
    made.complete(document, study_instance_uid)
    lacking = missing(document)
    if lacking:
        raise DoesNotMatch(
            f"{', '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} missing", "the class of the object needs it"
        )
    sop_class_uid, sop_instance_uid = _first(document, _SOP_CLASS), _first(document, _SOP_INSTANCE)
    head = file_meta(sop_class_uid, sop_instance_uid, syntax)
    return Assembled(sop_class_uid, sop_instance_uid, _file(head, dict(sorted(document.items())), values))


def _file(head: bytes, document: Json, values: Mapping[str, Bulk | Fragments]) -> Iterator[Piece]:
    yield head
    yield from encoded(document, values)


def _join(document: dict[str, Any], medias: Sequence[Media]) -> None:
    """What the bytes say into `document`. Raises DoesNotMatch where they contradict it, or each other."""
    first = medias[0]
    facts = dict(first.attributes)
    if len(medias) > 1:
        facts[_FRAMES] = attribute("IS", len(medias))
        for number, media in enumerate(medias[1:], 2):
            other = contradictions(first.attributes, media)
            if other:
                raise DoesNotMatch(f"frame {number} is not like the first: {_told(other)}")
    elif first.kind == IMAGE and (_FRAMES in document or needs(_first(document, _SOP_CLASS), _FRAMES)):
        facts.setdefault(_FRAMES, attribute("IS", 1))
    found = contradictions(document, replace(first, attributes=facts))
    if found:
        raise DoesNotMatch(f"the metadata do not fit the bytes: {_told(found)}", "leave out what the bytes tell")
    named = {tag for tag, body in document.items() if body.get("Value")}
    # pixels that were unpacked are as they lie there now, whatever the file was
    keep = named if first.is_encapsulated else frozenset[str]()
    document.update({tag: body for tag, body in facts.items() if tag not in keep})
    if not _first(document, _SOP_CLASS):
        _choose_class(document, first)
    if first.kind == DOCUMENT:
        document[_DOCUMENT_DATA] = {**document[_DOCUMENT_DATA], "vr": "OB"}
    else:
        _say_how_frames_follow(document)
    document.update(with_empty(document, is_image=first.kind != DOCUMENT))


def _told(found: Sequence[tuple[str, str, str]]) -> str:
    return "; ".join(f"{label(tag)} is {told} and in the bytes {said}" for tag, told, said in found)


def _choose_class(document: dict[str, Any], media: Media) -> None:
    """The class that holds such bytes, and what it needs that only a converter says."""
    defaults: dict[str, Any] = {_MODALITY: attribute("CS", _MODALITIES[media.kind])}
    if media.kind == VIDEO:
        chosen = VIDEO_PHOTOGRAPHIC
        defaults["00080008"] = attribute("CS", "ORIGINAL", "PRIMARY")
    elif media.kind == DOCUMENT:
        mime_type = _first(document, "00420012")
        chosen = ENCAPSULATED[mime_type]
        if mime_type in _MODELS:
            defaults[_MODALITY] = attribute("CS", "M3D")
        if mime_type in _GEOMETRIES:
            defaults["00200052"] = attribute("UI", _made_uid())
    else:
        chosen = _secondary_capture(document)
    if media.kind != VIDEO:
        defaults["00080064"] = attribute("CS", "WSD")
        defaults["00280301"] = attribute("CS", "YES")
    defaults |= {"00200011": attribute("IS", 1), "00200013": attribute("IS", 1)}
    for tag, body in defaults.items():
        if not document.get(tag, {}).get("Value"):
            document[tag] = body
    document[_SOP_CLASS] = attribute("UI", chosen)


def _secondary_capture(document: Json) -> str:
    if _number(document, _FRAMES, 1) == 1:
        return SECONDARY_CAPTURE
    if _first(document, "00280002") != "1":
        return SECONDARY_CAPTURE_COLOUR
    return SECONDARY_CAPTURE_BYTES if _first(document, "00280100") == "8" else SECONDARY_CAPTURE_WORDS


def _say_how_frames_follow(document: dict[str, Any]) -> None:
    """Frame Increment Pointer (PS3.3 C.7.6.6): by their time where that is known, else as pages."""
    count = _number(document, _FRAMES, 1)
    if count == 1 or document.get(_INCREMENT, {}).get("Value"):
        return
    if _first(document, _FRAME_TIME):
        document[_INCREMENT] = {"vr": "AT", "Value": [_FRAME_TIME]}
    else:
        document[_INCREMENT] = {"vr": "AT", "Value": [_PAGES]}
        document[_PAGES] = attribute("IS", *range(1, count + 1))


def _pixel_data(document: dict[str, Any], medias: Sequence[Media]) -> tuple[str, Bulk | Fragments]:
    """The transfer syntax of the object and its pixel data. Raises DoesNotMatch."""
    syntaxes = {media.transfer_syntax_uid for media in medias}
    if len(syntaxes) != 1:
        raise DoesNotMatch("the frames are in several transfer syntaxes", "send all of them in one")
    syntax = syntaxes.pop()
    described = transfer_syntax(syntax)
    if described.implicit or described.big_endian or described.deflated:
        raise DoesNotMatch(f"pixel data cannot be given in {described.name}", "give octets in little endian")
    if described.encapsulated:
        document[PIXEL_DATA] = {**document[PIXEL_DATA], "vr": "OB"}
        return syntax, Fragments(tuple(media.content for media in medias))
    bits = _number(document, "00280100", 16)
    document[PIXEL_DATA] = {**document[PIXEL_DATA], "vr": "OW" if bits > 8 else "OB"}
    value = _joined(medias)
    _check_length(document, value.length)
    return syntax, value


def _check_length(document: Json, length: int) -> None:
    tags = ("00280010", "00280011", "00280002", "00280100")
    numbers = [_first(document, tag) for tag in tags]
    frames = _number(document, _FRAMES, 1)
    if not all(map(_WHOLE.fullmatch, numbers)):
        return  # the missing one is told
    rows, columns, samples, bits = map(int, numbers)
    if _first(document, "00280004") in ("YBR_FULL_422", "YBR_PARTIAL_422"):
        samples = 2
    expected = (rows * columns * samples * bits * frames + 7) // 8
    if length not in (expected, expected + (expected & 1)):
        raise DoesNotMatch(
            f"the pixel data are {length} bytes and the metadata say {expected} "
            f"(Rows {rows}, Columns {columns}, {samples} samples of {bits} bits, {frames} frames)"
        )


def _joined(medias: Sequence[Media]) -> Bulk:
    if len(medias) == 1:
        return medias[0].content

    def read() -> Iterator[Piece]:
        for media in medias:
            yield from media.content.read()

    return Bulk(sum(media.content.length for media in medias), read)


def _first(document: Json, tag: str) -> str:
    values = document.get(tag, {}).get("Value") or [""]
    return "" if values[0] is None else str(values[0])


def _number(document: Json, tag: str, default: int) -> int:
    """The number of a value. Raises NotUnderstood for what is none."""
    text = _first(document, tag)
    if text and not _WHOLE.fullmatch(text):
        raise NotUnderstood(f"{label(tag)} {text[:32]!r} is not a number")
    return int(text) if text else default


def _made_uid() -> str:
    return f"2.25.{uuid4().int}"  # PS3.5 B.2
