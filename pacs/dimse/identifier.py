"""Short data sets of messages: keys of a query read, elements of an answer written (PS3.4 C.2, PS3.5 chapter 7), and
the attributes that N services exchange, which the node keeps as DICOM JSON (PS3.18 Annex F)."""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pacs.dicom.charset import decode_text, encode_text
from pacs.dicom.dictionary import LONG_VRS, TEXT_VRS
from pacs.dicom.elements import ELEMENT, ITEM, ITEM_END, SEQUENCE, SEQUENCE_END, Limits, scan
from pacs.dicom.json import dataset_json
from pacs.dicom.uids import IMPLICIT_VR_LITTLE_ENDIAN, transfer_syntax

SPECIFIC_CHARACTER_SET: Final = 0x00080005

LIMITS: Final = Limits(depth=8, elements=4096, items=1024)

_BINARY: Final = {
    "US": struct.Struct("<H"),
    "SS": struct.Struct("<h"),
    "UL": struct.Struct("<I"),
    "SL": struct.Struct("<i"),
    "UV": struct.Struct("<Q"),
    "SV": struct.Struct("<q"),
    "FL": struct.Struct("<f"),
    "FD": struct.Struct("<d"),
}
_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
_LONG: Final = frozenset(LONG_VRS.values())
_SHORT_LENGTH_MAX: Final = 65534

Items = Sequence[Mapping[str, Any]]
"""Items of a sequence as DICOM JSON objects (PS3.18 Annex F)."""


@dataclass(frozen=True, slots=True)
class Key:
    """An attribute of an identifier. `value` is as sent; `items` None where it is no sequence."""

    tag: int
    vr: str
    value: bytes
    items: tuple[Mapping[int, Key], ...] | None = None

    def text(self, character_set: str) -> str:
        """The value as text, numbers in decimal, several values joined by backslashes."""
        binary = _BINARY.get(self.vr)
        if binary is None:
            return decode_text(self.value, self.vr, character_set).strip(" \0")
        whole = len(self.value) - len(self.value) % binary.size
        return "\\".join(str(number) for (number,) in binary.iter_unpack(self.value[:whole]))


@dataclass(frozen=True, slots=True)
class Element:
    """An attribute of an answer: text (several values joined by backslashes) or the items of a sequence."""

    tag: int
    vr: str
    value: str | Items


def read_identifier(data: bytes | bytearray, transfer_syntax_uid: str) -> dict[int, Key]:
    """The keys of a request by tag, without group lengths. Raises IncompleteDataSet, NotUnderstood."""
    top: dict[int, Key] = {}
    datasets: list[dict[int, Key]] = [top]
    sequences: list[tuple[int, list[Mapping[int, Key]]]] = []
    view = bytes(data)
    for kind, tag, vr, _, value, length in scan(view, transfer_syntax(transfer_syntax_uid), limits=LIMITS):
        if kind == ELEMENT and tag & 0xFFFF:
            datasets[-1][tag] = Key(tag, vr, view[value : value + length])
        elif kind == SEQUENCE:
            sequences.append((tag, []))
        elif kind == ITEM:
            datasets.append({})
        elif kind == ITEM_END:
            sequences[-1][1].append(datasets.pop())
        elif kind == SEQUENCE_END:
            tag, items = sequences.pop()
            datasets[-1][tag] = Key(tag, "SQ", b"", tuple(items))
    return top


def character_set_for(elements: Sequence[Element], requested: str) -> str:
    """Specific Character Set of an answer: "" where ISO IR 6 does, the requester's own where every letter fits, else
    UTF-8; a letter is never lost (PS3.4 C.4.1.1.3.2)."""
    text = "".join(letters for element in elements for letters in _letters(element.vr, element.value))
    return "" if text.isascii() else encode_text(text, requested)[1] or ""


def write_identifier(elements: Sequence[Element], transfer_syntax_uid: str, character_set: str) -> bytes:
    """The data set of `elements` in Implicit or Explicit VR Little Endian, in the order of their tags."""
    implicit = transfer_syntax_uid == IMPLICIT_VR_LITTLE_ENDIAN
    declared = [Element(SPECIFIC_CHARACTER_SET, "CS", character_set)] if character_set else []
    return _data_set([*declared, *elements], implicit, character_set)


def read_attributes(data: bytes, transfer_syntax_uid: str, source_charset: str | None = None) -> dict[str, Any]:
    """The data set as a DICOM JSON object in Unicode, binary values inline, without Specific Character Set.

    `source_charset` is what the peer is known to mean where it declares none. Raises IncompleteDataSet, NotUnderstood.
    """
    document = dataset_json(
        data,
        transfer_syntax_uid,
        bulk_data_uri=str,  # pixel data have no place here and are left out
        inline_bytes_max=len(data),
        source_charset=source_charset,
    )
    return {
        tag: body
        for tag, body in document.items()
        if tag != f"{SPECIFIC_CHARACTER_SET:08X}" and "BulkDataURI" not in body
    }


def write_attributes(document: Mapping[str, Any], transfer_syntax_uid: str, requested_charset: str = "") -> bytes:
    """The data set of a DICOM JSON object, in the requested character set where every letter fits, else in UTF-8."""
    elements = elements_of(document)
    return write_identifier(elements, transfer_syntax_uid, character_set_for(elements, requested_charset))


def elements_of(document: Mapping[str, Any]) -> list[Element]:
    """The attributes of a DICOM JSON object."""
    return [Element(int(tag, 16), str(body.get("vr", "UN")), _from_json(body)) for tag, body in document.items()]


def _data_set(elements: Sequence[Element], implicit: bool, character_set: str) -> bytes:
    parts: list[bytes] = []
    for element in sorted(elements, key=lambda element: element.tag):
        if isinstance(element.value, str):
            raw = _value(element.vr, element.value, character_set)
        else:
            raw = b"".join(_item(item, implicit, character_set) for item in element.value)
        parts += (_header(element.tag, element.vr, len(raw), implicit), raw)
    return b"".join(parts)


def _header(tag: int, vr: str, length: int, implicit: bool) -> bytes:
    group, number = tag >> 16, tag & 0xFFFF
    if implicit:
        return struct.pack("<HHI", group, number, length)
    if vr not in _LONG and length > _SHORT_LENGTH_MAX:
        vr = "UN"  # PS3.5 6.2.2
    code = vr.encode("ascii")
    if vr in _LONG:
        return struct.pack("<HH2sHI", group, number, code, 0, length)
    return struct.pack("<HH2sH", group, number, code, length)


def _item(item: Mapping[str, Any], implicit: bool, character_set: str) -> bytes:
    raw = _data_set(elements_of(item), implicit, character_set)
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(raw)) + raw


def _value(vr: str, text: str, character_set: str) -> bytes:
    binary = _BINARY.get(vr)
    if binary is not None:
        return b"".join(_number(binary, part) for part in text.split("\\") if part)
    if vr == "AT":
        tags = [int(part, 16) for part in text.split("\\") if _TAG.fullmatch(part)]
        return b"".join(struct.pack("<HH", tag >> 16, tag & 0xFFFF) for tag in tags)
    if vr == "UN" or vr in _LONG - TEXT_VRS - {"UR"}:
        raw = base64.b64decode(text)
    else:
        raw = encode_text(text, character_set)[0]
    return raw + (b"\0" if vr in ("UI", "UN", "OB") else b" ") if len(raw) & 1 else raw


def _number(binary: struct.Struct, text: str) -> bytes:
    try:
        return binary.pack(float(text) if binary.format in ("<f", "<d") else int(text))
    except (ValueError, struct.error):
        return b""


def _from_json(body: Mapping[str, Any]) -> str | Items:
    values = body.get("Value", [])
    if body.get("vr") == "SQ":
        return [item for item in values if isinstance(item, dict)]
    if "InlineBinary" in body:
        return str(body["InlineBinary"])
    return "\\".join(_text_of(value) for value in values)


def _text_of(value: Any) -> str:
    if isinstance(value, dict):  # a person name by groups
        groups = [str(value.get(group, "")) for group in ("Alphabetic", "Ideographic", "Phonetic")]
        return "=".join(groups).rstrip("=")
    return "" if value is None else str(value)


def _letters(vr: str, value: str | Items) -> Iterator[str]:
    """The text that Specific Character Set applies to."""
    if isinstance(value, str):
        if vr in TEXT_VRS:
            yield value
        return
    for item in value:
        for body in item.values():
            yield from _letters(str(body.get("vr", "")), _from_json(body))
