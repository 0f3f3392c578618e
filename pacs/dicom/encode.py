"""DICOM JSON (PS3.18 Annex F) to a data set in Explicit VR Little Endian, piece by piece: bulk data are never held."""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydicom.valuerep import format_number_as_ds

from pacs.dicom.charset import UTF8
from pacs.dicom.dictionary import LONG_VRS, SHORT_VRS, TEXT_VRS, dictionary_vr
from pacs.dicom.documents import label, tag_of
from pacs.dicom.headers import UNDEFINED_LENGTH
from pacs.errors import NotUnderstood

DEPTH_MAX: Final = 64
DS_CHARACTERS_MAX: Final = 16
FRAGMENT_BYTES_MAX: Final = 0xFFFF_FFF0
_SHORT_LENGTH_MAX: Final = 65534
_ITEM: Final = struct.Struct("<HHI")
_OPEN_ITEM: Final = _ITEM.pack(0xFFFE, 0xE000, UNDEFINED_LENGTH)
_ITEM_DELIMITER: Final = _ITEM.pack(0xFFFE, 0xE00D, 0)
_SEQUENCE_DELIMITER: Final = _ITEM.pack(0xFFFE, 0xE0DD, 0)
_LONG: Final = frozenset(LONG_VRS.values())
_KNOWN: Final = _LONG | frozenset(SHORT_VRS.values())
_NUMBERS: Final = {"FL": "f", "FD": "d", "SL": "i", "SS": "h", "UL": "I", "US": "H", "SV": "q", "UV": "Q"}
_OCTETS: Final = _LONG - TEXT_VRS - {"UR", "SQ", "SV", "UV"}
_NULL_PADDED: Final = _OCTETS | {"UI"}
_CHARACTER_SET: Final = "00080005"
_ONE_VALUE_VRS: Final = frozenset({"LT", "ST", "UR", "UT"})
_FORMS: Final = {
    "DA": re.compile(r"\d{8}|\d{4}\.\d\d\.\d\d|"),
    "DS": re.compile(r" *[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)? *|"),
    "IS": re.compile(r" *[+-]?\d+ *|"),
}
"""What text of these VRs looks like (PS3.5 6.2); of other VRs what devices write is taken."""

_NAME_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")

Piece = bytes | memoryview
Read = Callable[[], Iterator[Piece]]


@dataclass(frozen=True, slots=True)
class Bulk:
    """A value that comes in pieces, `length` bytes together; `read` gives them from the start."""

    length: int
    read: Read


@dataclass(frozen=True, slots=True)
class Fragments:
    """Encapsulated pixel data: one fragment a frame (PS3.5 A.4), a longer one split."""

    frames: tuple[Bulk, ...]


def normalized(document: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes by tag in their order, without group lengths, the groups 0000 and 0002 and the character set;
    each has its VR. Attributes may be given by keyword. Raises NotUnderstood."""
    found: dict[str, Any] = {}
    for name, body in document.items():
        tag = tag_of(str(name))
        if tag is None or not isinstance(body, Mapping):
            raise NotUnderstood(
                f"{str(name)[:64]!r} is no attribute of DICOM JSON", "give tags of 8 hexadecimal digits, each an object"
            )
        if tag[4:] == "0000" or tag[:4] in ("0000", "0002") or tag == _CHARACTER_SET:
            continue
        vr = str(body.get("vr") or dictionary_vr(int(tag, 16)).split(" ")[0])
        if vr not in _KNOWN:
            raise NotUnderstood(f"{label(tag)} has the unknown VR {vr[:8]!r}", "see PS3.5 6.2")
        if not isinstance(body.get("Value") or [], list):
            raise NotUnderstood(f"the Value of {label(tag)} is no array")
        if not isinstance(body.get("BulkDataURI", ""), str):
            raise NotUnderstood(f"the BulkDataURI of {label(tag)} is no text")
        found[tag] = {**body, "vr": vr}
    return dict(sorted(found.items()))


def encoded(document: Mapping[str, Any], bulk: Mapping[str, Bulk | Fragments]) -> Iterator[Piece]:
    """The pieces of the data set of `document`, text in ASCII or UTF-8. `bulk` has the values of its BulkDataURIs.

    Raises NotUnderstood, on the way, for what no attribute can hold.
    """
    top = normalized(document)
    if not _is_ascii(top):
        top = dict(sorted({**top, _CHARACTER_SET: {"vr": "CS", "Value": [UTF8]}}.items()))
    return _data_set(top, bulk, 0)


def _data_set(document: Mapping[str, Any], bulk: Mapping[str, Bulk | Fragments], depth: int) -> Iterator[Piece]:
    if depth > DEPTH_MAX:
        raise NotUnderstood(f"sequences are nested deeper than {DEPTH_MAX}")
    for name, body in document.items():
        tag, vr = int(name, 16), body["vr"]
        if vr == "SQ":
            yield from _sequence(name, body, bulk, depth)
        elif "BulkDataURI" in body:
            yield from _bulk_value(name, vr, bulk.get(str(body["BulkDataURI"])))
        else:
            raw = _inline(name, body) if "InlineBinary" in body else _value(name, vr, body.get("Value") or ())
            raw += (b"\0" if vr in _NULL_PADDED else b" ") * (len(raw) & 1)
            yield _head(tag, vr, len(raw)) + raw


def _sequence(name: str, body: Mapping[str, Any], bulk: Mapping[str, Bulk | Fragments], depth: int) -> Iterator[Piece]:
    yield _head(int(name, 16), "SQ", UNDEFINED_LENGTH)
    for item in body.get("Value") or ():
        if not isinstance(item, Mapping | None):
            raise NotUnderstood(f"{label(name)} has an item that is no object")
        yield _OPEN_ITEM
        yield from _data_set(normalized(item or {}), bulk, depth + 1)
        yield _ITEM_DELIMITER
    yield _SEQUENCE_DELIMITER


def _bulk_value(name: str, vr: str, value: Bulk | Fragments | None) -> Iterator[Piece]:
    tag = int(name, 16)
    if value is None:
        raise NotUnderstood(
            f"the bulk data of {label(name)} is not in the body",
            "send a part whose Content-Location is its BulkDataURI",
        )
    if isinstance(value, Fragments):
        yield _head(tag, "OB", UNDEFINED_LENGTH)
        yield from _fragments(value)
        yield _SEQUENCE_DELIMITER
        return
    if value.length > FRAGMENT_BYTES_MAX:
        raise NotUnderstood(f"the bulk data of {label(name)} is longer than an attribute can be")
    yield _head(tag, vr, value.length + (value.length & 1))
    yield from value.read()
    if value.length & 1:
        yield b"\0" if vr in _NULL_PADDED or vr in _NUMBERS else b" "


def _fragments(value: Fragments) -> Iterator[Piece]:
    """A Basic Offset Table where every offset fits into it, then the frames."""
    offsets, position = [], 0
    for frame in value.frames:
        offsets.append(position)
        position += sum(8 + length + (length & 1) for length in _fragment_lengths(frame.length))
    table = struct.pack(f"<{len(offsets)}I", *offsets) if len(offsets) > 1 and offsets[-1] < 1 << 32 else b""
    yield _ITEM.pack(0xFFFE, 0xE000, len(table)) + table
    for frame in value.frames:
        lengths = _fragment_lengths(frame.length)
        left = lengths.pop(0)
        yield _ITEM.pack(0xFFFE, 0xE000, left + (left & 1))
        for piece in frame.read():
            view = memoryview(piece)
            while left < len(view):
                yield view[:left]
                view = view[left:]
                left = lengths.pop(0)
                yield _ITEM.pack(0xFFFE, 0xE000, left + (left & 1))
            yield view
            left -= len(view)
        if frame.length & 1:
            yield b"\0"


def _fragment_lengths(length: int) -> list[int]:
    """What a frame is split into; all but the last are even."""
    whole, rest = divmod(length, FRAGMENT_BYTES_MAX)
    return [FRAGMENT_BYTES_MAX] * whole + ([rest] if rest or not whole else [])


def _head(tag: int, vr: str, length: int) -> bytes:
    if vr not in _LONG and length > _SHORT_LENGTH_MAX:
        vr = "UN"  # PS3.5 6.2.2
    if vr in _LONG:
        return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr.encode("ascii"), 0, length)
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode("ascii"), length)


def _inline(name: str, body: Mapping[str, Any]) -> bytes:
    try:
        return base64.b64decode(body["InlineBinary"], validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise NotUnderstood(f"the InlineBinary of {label(name)} is not Base64") from None


def _value(name: str, vr: str, values: Sequence[Any]) -> bytes:
    try:
        if vr in _NUMBERS:
            convert = float if vr in ("FL", "FD") else int
            return b"".join(struct.pack(f"<{_NUMBERS[vr]}", convert(value)) for value in values if value is not None)
        if vr == "AT":
            return b"".join(struct.pack("<HH", int(value[:4], 16), int(value[4:], 16)) for value in values)
        if vr in _OCTETS and values:
            raise NotUnderstood(f"{label(name)} is binary", "give it as InlineBinary or BulkDataURI")
        return "\\".join(_text(vr, value) for value in values).encode("utf-8")
    except (ValueError, TypeError, OverflowError, struct.error, UnicodeEncodeError):
        raise NotUnderstood(f"{label(name)} has a value that {vr} cannot hold") from None


def _text(vr: str, value: Any) -> str:
    text = _as_text(vr, value)
    if "\\" in text and vr not in _ONE_VALUE_VRS:  # it would be two values (PS3.18 F.2.4)
        raise ValueError
    if vr in _FORMS and not _FORMS[vr].fullmatch(text):
        raise ValueError
    return text


def _as_text(vr: str, value: Any) -> str:
    if value is None:
        return ""
    if vr == "PN" and isinstance(value, Mapping):
        return "=".join(str(value.get(group) or "") for group in _NAME_GROUPS).rstrip("=")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError
        if vr == "IS":
            return str(int(value))
        text = repr(value)
        return text if len(text) <= DS_CHARACTERS_MAX else format_number_as_ds(value)
    return str(value)


def _is_ascii(body: Any) -> bool:
    if isinstance(body, str):
        return body.isascii()
    if isinstance(body, Mapping):
        return all(map(_is_ascii, body.values()))
    return all(map(_is_ascii, body)) if isinstance(body, list) else True
