"""What a file of a consumer's format is as DICOM: its transfer syntax, the attributes that it determines, its bytes.

Compressed pictures and video become encapsulated pixel data unchanged; PNG, GIF and JPEG of processes that DICOM has no
transfer syntax for are unpacked (PS3.18 Table 10.5.2-1). Documents stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from pacs.dicom.encode import Bulk
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN
from pacs.dicom.video import ReadAt
from pacs.dicom.video import describe as describe_video
from pacs.errors import InstanceTooLarge, NotUnderstood, Unreadable
from pacs.render.codestream import Codestream, jpeg_2000_coding, jpeg_transfer_syntax, read_jpeg, read_jpeg_2000
from pacs.render.values import FRAME_BYTES_MAX, GIF, JPEG, PNG, UnpackedPicture

Unpack = Callable[[bytes, str], UnpackedPicture]
"""A picture file of a media type, as plain values; in a sandbox. Raises Unreadable, Busy."""

Json = dict[str, Any]

_HEAD_BYTES: Final = 4 << 20
_PIECE_BYTES: Final = 1 << 20
_J2K_BOXES_MAX: Final = 64

IMAGE, VIDEO, DOCUMENT = "image", "video", "document"

DOCUMENTS: Final = MappingProxyType(
    {
        "application/pdf": ("application/pdf", b"%PDF-"),
        "text/xml": ("text/xml", b"<"),
        "application/xml": ("text/xml", b"<"),
        "application/hl7-cda+xml": ("text/xml", b"<"),
        "model/stl": ("model/stl", b""),
        "model/x.stl-binary": ("model/stl", b""),
        "application/sla": ("model/stl", b""),
        "model/obj": ("model/obj", b""),
        "model/mtl": ("model/mtl", b""),
    }
)
"""Media type of a part to the MIME type that the object has, and how the document has to begin."""

_JPEG_FAMILY: Final = frozenset({JPEG, "image/jls"})
_JPEG_2000_FAMILY: Final = frozenset({"image/jp2", "image/jpx", "image/jph", "image/jphc"})
VIDEOS: Final = frozenset({"video/mp4", "video/mpeg", "video/mpeg2", "video/mp2t", "video/h265", "video/quicktime"})
_UNPACKED: Final = frozenset({PNG, GIF})

_CDA_ID: Final = re.compile(rb"<(?:\w+:)?id\b[^>]*>")
_XML_VALUE: Final = MappingProxyType(
    {name: re.compile(rb"\b" + name.encode() + rb"\s*=\s*[\"']([^\"'<>]{1,512})") for name in ("root", "extension")}
)

_LOSSY_METHODS: Final = MappingProxyType(
    {
        "1.2.840.10008.1.2.4.50": "ISO_10918_1",
        "1.2.840.10008.1.2.4.51": "ISO_10918_1",
        "1.2.840.10008.1.2.4.81": "ISO_14495_1",
        "1.2.840.10008.1.2.4.91": "ISO_15444_1",
        "1.2.840.10008.1.2.4.203": "ISO_15444_15",
        "1.2.840.10008.1.2.4.100": "ISO_13818_2",
        "1.2.840.10008.1.2.4.101": "ISO_13818_2",
        "1.2.840.10008.1.2.4.102": "ISO_14496_10",
        "1.2.840.10008.1.2.4.104": "ISO_14496_10",
        "1.2.840.10008.1.2.4.106": "ISO_14496_10",
        "1.2.840.10008.1.2.4.107": "ISO_23008_2",
        "1.2.840.10008.1.2.4.108": "ISO_23008_2",
    }
)
"""Lossy Image Compression Method by transfer syntax (PS3.3 C.7.6.1.1.5.1)."""


@dataclass(frozen=True, slots=True)
class Media:
    """One part of a body as it goes into an object. `attributes` are what the bytes say, as DICOM JSON; `octets` of
    unknown meaning have none and no `kind`."""

    content: Bulk
    transfer_syntax_uid: str = EXPLICIT_VR_LITTLE_ENDIAN
    kind: str = ""
    attributes: Json = field(default_factory=dict)
    is_encapsulated: bool = False


def is_known(media_type: str) -> bool:
    """Whether a part of this type can be taken."""
    return (
        media_type in DOCUMENTS
        or media_type in VIDEOS
        or media_type in _JPEG_FAMILY | _JPEG_2000_FAMILY | _UNPACKED
        or media_type in ("application/octet-stream", "image/dicom-rle", "image/jxl")
    )


def describe(media_type: str, transfer_syntax_uid: str, read: ReadAt, length: int, unpack: Unpack) -> Media:
    """What `length` bytes that come as `media_type` are; `transfer_syntax_uid` where their sender names one, else "".

    Raises NotUnderstood for what is not of that type or has no form in DICOM.
    """
    whole = _bulk(read, 0, length)
    if media_type in DOCUMENTS:
        return _document(media_type, whole, read)
    if media_type in VIDEOS:
        return _video(transfer_syntax_uid, whole, read)
    if media_type in _UNPACKED:
        return _unpacked(media_type, read, length, unpack)
    if media_type in _JPEG_FAMILY:
        head = read(0, min(length, _HEAD_BYTES))
        frame, syntax = read_jpeg(head), jpeg_transfer_syntax(head)
        if frame is not None and not syntax and media_type == JPEG:
            return _unpacked(JPEG, read, length, unpack)
        return _compressed(
            frame, syntax, transfer_syntax_uid, whole, mixed=frame is not None and frame.ybr is not False
        )
    if media_type in _JPEG_2000_FAMILY:
        start, end = _codestream_of_jp2(read, length)
        head = read(start, min(end - start, _HEAD_BYTES))
        syntax, mixed = jpeg_2000_coding(head)
        return _compressed(read_jpeg_2000(head), syntax, transfer_syntax_uid, _bulk(read, start, end), mixed=mixed)
    if media_type in ("image/dicom-rle", "image/jxl"):
        default = "1.2.840.10008.1.2.5" if media_type == "image/dicom-rle" else "1.2.840.10008.1.2.4.110"
        return Media(whole, transfer_syntax_uid or default, IMAGE, is_encapsulated=True)
    return Media(whole, transfer_syntax_uid or EXPLICIT_VR_LITTLE_ENDIAN)


def _bulk(read: ReadAt, start: int, end: int) -> Bulk:
    return Bulk(
        end - start,
        lambda: (read(offset, min(_PIECE_BYTES, end - offset)) for offset in range(start, end, _PIECE_BYTES)),
    )


def attribute(vr: str, *values: object) -> Json:
    """A DICOM JSON attribute of `values`."""
    return {"vr": vr, "Value": list(values)}


def _document(media_type: str, whole: Bulk, read: ReadAt) -> Media:
    mime_type, begins = DOCUMENTS[media_type]
    head = read(0, _HEAD_BYTES >> 6).lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head.startswith(begins) or not whole.length:
        raise NotUnderstood(f"the part is no {mime_type}", "send the document as it is, under its own media type")
    attributes = {"00420012": attribute("LO", mime_type), "00420015": attribute("UL", whole.length)}
    identifier = _CDA_ID.search(head) if mime_type == "text/xml" else None
    if identifier is not None:
        root, extension = (_XML_VALUE[name].search(identifier[0]) for name in ("root", "extension"))
        if root is not None:
            text = root[1].decode("utf-8", "replace")
            if extension is not None:
                text += "^" + extension[1].decode("utf-8", "replace")
            attributes["0040E001"] = attribute("ST", text)
    return Media(whole, kind=DOCUMENT, attributes=attributes)


def _image(rows: int, columns: int, samples: int, interpretation: str, allocated: int, stored: int) -> Json:
    """The Image Pixel Description Macro (PS3.3 C.7.6.3)."""
    planar = {"00280006": attribute("US", 0)} if samples > 1 else {}
    return planar | {
        "00280002": attribute("US", samples),
        "00280004": attribute("CS", interpretation),
        "00280010": attribute("US", rows),
        "00280011": attribute("US", columns),
        "00280100": attribute("US", allocated),
        "00280101": attribute("US", stored),
        "00280102": attribute("US", stored - 1),
        "00280103": attribute("US", 0),
    }


def _lossy(transfer_syntax_uid: str, raw_bytes: float, length: int) -> Json:
    method = _LOSSY_METHODS.get(transfer_syntax_uid)
    if method is None:
        return {}
    ratio = round(raw_bytes / max(1, length), 2)
    return {
        "00282110": attribute("CS", "01"),
        "00282112": attribute("DS", ratio),
        "00282114": attribute("CS", method),
    }


def _compressed(frame: Codestream | None, found: str, named: str, content: Bulk, *, mixed: bool) -> Media:
    if frame is None or not found:
        raise NotUnderstood("the part is no picture of its media type", "send each file under its own media type")
    if not frame.rows * frame.columns:
        raise NotUnderstood("the picture has no size", "send the whole file")
    if frame.components not in (1, 3):
        raise NotUnderstood(f"a picture of {frame.components} components has no form here", "convert it to gray or RGB")
    syntax = _agreed(found, named)
    allocated = 8 if frame.precision <= 8 else 16
    attributes = _image(
        frame.rows,
        frame.columns,
        frame.components,
        _interpretation(frame.components, syntax, mixed),
        allocated,
        frame.precision,
    )
    if frame.signed:
        attributes["00280103"] = attribute("US", 1)
    attributes |= _lossy(syntax, frame.rows * frame.columns * frame.components * allocated / 8, content.length)
    return Media(content, syntax, IMAGE, attributes, is_encapsulated=True)


_SAME: Final = (
    frozenset({"1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"}),
    frozenset({"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"}),
    frozenset({"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"}),
    frozenset({"1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"}),
    frozenset({f"1.2.840.10008.1.2.4.{number}" for number in (201, 202, 203)}),
)
"""Syntaxes of one coding: which it is, the sender knows better (a reversible stream may have been cut short)."""


def _agreed(found: str, named: str) -> str:
    if not named or named == found or any({found, named} <= family for family in _SAME):
        return named or found
    raise NotUnderstood(f"the part is said to be in transfer syntax {named} and is in {found}")


def _interpretation(components: int, syntax: str, mixed: bool) -> str:
    """Photometric Interpretation (PS3.5 8.2): `mixed` components are brightness and colour differences."""
    if components == 1:
        return "MONOCHROME2"
    return _MIXED.get(syntax, "RGB") if mixed else "RGB"


_MIXED: Final = MappingProxyType(
    {
        # however the colour of a JPEG is sampled (PS3.3 C.7.6.3.1.2)
        **dict.fromkeys((f"1.2.840.10008.1.2.4.{number}" for number in (50, 51)), "YBR_FULL_422"),
        **dict.fromkeys((f"1.2.840.10008.1.2.4.{number}" for number in (90, 201, 202)), "YBR_RCT"),
        **dict.fromkeys((f"1.2.840.10008.1.2.4.{number}" for number in (91, 203)), "YBR_ICT"),
    }
)


def _codestream_of_jp2(read: ReadAt, length: int) -> tuple[int, int]:
    """Where the codestream stands in a JP2 file; the whole where it is bare (PS3.5 A.4.4 takes no boxes)."""
    if read(0, 12)[4:8] != b"jP  ":
        return 0, length
    position = 0
    for _ in range(_J2K_BOXES_MAX):
        header = read(position, 16)
        if len(header) < 8:
            break
        size, content = int.from_bytes(header[:4], "big"), position + 8
        if size == 1:
            size, content = int.from_bytes(header[8:16], "big"), position + 16
        after = length if size == 0 else position + size
        if not content <= after <= length:
            break
        if header[4:8] == b"jp2c":
            return content, after
        position = after
    raise NotUnderstood("the JP2 file holds no codestream", "send the whole file")


def _unpacked(media_type: str, read: ReadAt, length: int, unpack: Unpack) -> Media:
    if length > FRAME_BYTES_MAX:
        raise InstanceTooLarge(f"a picture to be unpacked is at most {FRAME_BYTES_MAX} bytes")
    try:
        picture = unpack(read(0, length), media_type)
    except Unreadable as error:
        raise NotUnderstood(f"the part is no {media_type} that can be read: {error.message}") from error
    interpretation = "RGB" if picture.samples_per_pixel == 3 else "MONOCHROME2"
    bits = picture.bits_allocated
    attributes = _image(picture.rows, picture.columns, picture.samples_per_pixel, interpretation, bits, bits)
    if picture.number_of_frames > 1:
        attributes |= _frames(picture.number_of_frames, picture.frame_time_ms)
    if media_type == JPEG:
        attributes |= _lossy("1.2.840.10008.1.2.4.50", len(picture.data), length)
    data = picture.data
    return Media(Bulk(len(data), lambda: iter((data,))), kind=IMAGE, attributes=attributes)


def _frames(count: int, frame_time_ms: float) -> Json:
    time = {"00181063": attribute("DS", round(frame_time_ms, 4))} if frame_time_ms else {}
    return time | {"00280008": attribute("IS", count)}


def _video(named: str, whole: Bulk, read: ReadAt) -> Media:
    video = describe_video(read, whole.length)
    syntax = _video_syntax(video.transfer_syntax_uid, named)
    allocated = 8 if video.bits == 8 else 16
    attributes = _image(video.rows, video.columns, 3, "YBR_PARTIAL_420", allocated, video.bits)
    attributes |= _frames(video.number_of_frames, video.frame_time_ms)
    attributes["00280009"] = {"vr": "AT", "Value": ["00181063"]}
    raw = video.rows * video.columns * 1.5 * allocated / 8 * video.number_of_frames
    return Media(whole, syntax, VIDEO, attributes | _lossy(syntax, raw, whole.length), is_encapsulated=True)


_VIDEO_FAMILIES: Final = ((100, 101), (102, 103, 104, 105, 106), (107, 108))


def _video_syntax(found: str, named: str) -> str:
    if not named or named == found:
        return found
    root = "1.2.840.10008.1.2.4."
    for family in _VIDEO_FAMILIES:
        uids = {f"{root}{number}" for number in family} | {f"{root}{number}.1" for number in family}
        if {found, named} <= uids:
            return named
    raise NotUnderstood(f"the part is said to be in transfer syntax {named} and is in {found}")


def contradictions(given: Mapping[str, Any], media: Media) -> list[tuple[str, str, str]]:
    """(tag, what the metadata say, what the bytes say) of each attribute that the two do not agree about."""
    found = []
    strict = _STRICT if media.is_encapsulated or media.kind == DOCUMENT else _STRICT & _SHAPE
    for tag, element in media.attributes.items():
        told = given.get(tag, {}).get("Value")
        if not told or tag not in strict or _same(tag, told, element["Value"]):
            continue
        found.append((tag, _shown(told), _shown(element["Value"])))
    return found


_STRICT: Final = frozenset(
    {"00280002", "00280004", "00280008", "00280010", "00280011", "00280100", "00280101", "00280103", "00420012"}
)
_SHAPE: Final = frozenset({"00280002", "00280008", "00280010", "00280011"})  # the rest of what is unpacked is made here
_COLOURS: Final = (
    frozenset({"YBR_FULL_422", "YBR_FULL"}),
    frozenset({"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"}),
    frozenset({"YBR_PARTIAL_420", "YBR_PARTIAL_422"}),
)


def _same(tag: str, told: list[Any], found: list[Any]) -> bool:
    if tag == "00280004":
        return told == found or any({*map(str, told), *found} <= family for family in _COLOURS)
    return [str(value) for value in told] == [str(value) for value in found]


def _shown(values: list[Any]) -> str:
    return "\\".join(str(value)[:64] for value in values)
