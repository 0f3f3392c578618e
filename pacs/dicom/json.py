"""DICOM JSON (PS3.18 Annex F), written straight from the bytes and tolerant of every bad value.

A value that is no number where one should be is given as the string that stands there; nothing here ever raises over a
value. Text comes out as Unicode, so (0008,0005) says ISO_IR 192.
"""

from __future__ import annotations

import base64
import json
import math
import re
import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, NamedTuple

from pacs.dicom.charset import UTF8, decode_text
from pacs.dicom.context import NOTED, Context, little_endian
from pacs.dicom.dictionary import WORD_BYTES, dictionary_vr, private_vr
from pacs.dicom.elements import (
    ELEMENT,
    FRAGMENTS,
    FRAGMENTS_END,
    ITEM,
    ITEM_END,
    SEQUENCE,
    SEQUENCE_END,
    TRAILING_PADDING,
    scan,
)
from pacs.dicom.headers import Buffer
from pacs.dicom.uids import IMPLICIT_VR_LITTLE_ENDIAN, TransferSyntax, transfer_syntax
from pacs.errors import NotFound, SuretError

BulkDataURI = Callable[[str], str]
Element = dict[str, Any]

_SPECIFIC_CHARACTER_SET: Final = 0x00080005
_PIXEL_ELEMENTS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_BINARY_VRS: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_ONE_TEXT_VRS: Final = frozenset({"LT", "ST", "UT", "UR"})
_NUMBERS: Final = {"FL": "f", "FD": "d", "SL": "i", "SS": "h", "UL": "I", "US": "H", "SV": "q", "UV": "Q"}
# numbers and long text that may be bulk data as well (PS3.18 10.4.3.3.2), once they are very long
_MAY_BE_BULK: Final = frozenset({*_NUMBERS, "DS", "IS", "LT", "ST", "UC", "UT"})
_INLINE_TEXT_MAX: Final = 64 * 1024
_INTEGER: Final = re.compile(r"[+-]?[0-9]+")
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_EXACT_INTEGER_MAX: Final = 2**53
_EXACT_DIGITS: Final = 15
_NAME_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")


class _Writer:
    """One data set on its way to JSON."""

    def __init__(
        self,
        data: Buffer,
        syntax: TransferSyntax,
        bulk_data_uri: BulkDataURI,
        inline_bytes_max: int,
        source_charset: str | None,
        charset: str,
    ) -> None:
        self._data = data
        self._syntax = syntax
        self._bulk_data_uri = bulk_data_uri
        self._inline_bytes_max = inline_bytes_max
        self._source_charset = source_charset
        self._charsets = [charset]
        self._context = Context(data, syntax)
        self._levels: list[dict[str, Element]] = [{}]
        self._sequences: list[list[dict[str, Element]]] = []
        self._paths = [""]
        self._big_endian = [syntax.big_endian]
        self._within_unknown = False
        self._creators: list[dict[int, str]] = [{}]  # (group, block) to private creator, a level

    def write(self) -> dict[str, Element]:
        """The data set as a DICOM JSON object."""
        odd: set[str] = set()
        for kind, tag, vr, _, value, length in scan(self._data, self._syntax, oddities=odd):
            if kind == ELEMENT:
                self._element(tag, vr, value, length)
            elif kind == SEQUENCE:
                self._sequences.append([])
                # what is UN with undefined length is little endian within, whatever is around it (PS3.5 6.2.2)
                self._big_endian.append(self._big_endian[-1] and vr != "UN")
            elif kind == ITEM:
                self._open_item(tag)
            elif kind == ITEM_END:
                self._close_item("tag_order" in odd)
            elif kind == SEQUENCE_END:
                items = self._sequences.pop()
                self._big_endian.pop()
                self._put(tag, {"vr": "SQ", "Value": items} if items else {"vr": "SQ"})
            elif kind == FRAGMENTS:
                self._put(tag, {"vr": "OB", "BulkDataURI": self._bulk_data_uri(self._path(tag))})
        return dict(sorted(self._levels[0].items())) if "tag_order" in odd else self._levels[0]

    def _open_item(self, tag: int) -> None:
        self._paths.append(f"{self._path(tag)}/{len(self._sequences[-1]) + 1}/")
        self._levels.append({})
        self._charsets.append(self._charsets[-1])
        self._creators.append({})
        self._context.enter()

    def _close_item(self, unordered: bool) -> None:
        level = self._levels.pop()
        self._sequences[-1].append(dict(sorted(level.items())) if unordered else level)
        self._paths.pop()
        self._charsets.pop()
        self._creators.pop()
        self._context.leave()

    def _path(self, tag: int) -> str:
        return f"{self._paths[-1]}{tag:08X}"

    def _put(self, tag: int, element: Element) -> None:
        if _shown(tag):
            self._levels[-1][f"{tag:08X}"] = element

    def _element(self, tag: int, vr: str, value: int, length: int) -> None:
        if not _shown(tag):
            return
        big_endian = self._big_endian[-1]
        if tag == _SPECIFIC_CHARACTER_SET:
            self._charsets[-1] = decode_text(self._raw(value, length), "CS").strip()
            self._put(tag, {"vr": "CS", "Value": [UTF8]} if length else {"vr": "CS"})
            return
        if tag in NOTED:
            self._context.note(tag, self._raw(value, length), big_endian)
        group, number = tag >> 16, tag & 0xFFFF
        if group & 1 and 0x0010 <= number <= 0x00FF:
            self._creators[-1][group << 8 | number] = decode_text(self._raw(value, length), "LO")
        if vr == "UN":
            # what is known was written like Implicit VR Little Endian by someone who did not know it (PS3.5 6.2.2)
            creator = self._creators[-1].get(group << 8 | number >> 8, "")
            vr, big_endian = private_vr(creator, tag) if group & 1 else dictionary_vr(tag), False
            if vr == "SQ":
                known = self._unknown_sequence(tag, value, length)
                self._put(tag, known or self._value(tag, "UN", value, length, big_endian=False))
                return
        vr = self._context.resolve(vr)
        self._put(tag, self._value(tag, vr, value, length, big_endian))

    def _value(self, tag: int, vr: str, value: int, length: int, big_endian: bool) -> Element:
        if length == 0:
            return {"vr": vr}
        if tag in _PIXEL_ELEMENTS and len(self._levels) == 1:
            return {"vr": vr, "BulkDataURI": self._bulk_data_uri(self._path(tag))}
        if vr in _BINARY_VRS:
            if length > self._inline_bytes_max:
                return {"vr": vr, "BulkDataURI": self._bulk_data_uri(self._path(tag))}
            raw = self._raw(value, length)
            if big_endian:
                raw = little_endian(raw, self._context.word_bytes(tag, vr))
            return {"vr": vr, "InlineBinary": base64.b64encode(raw).decode("ascii")}
        if length > max(self._inline_bytes_max, _INLINE_TEXT_MAX):
            vr = vr if vr in _MAY_BE_BULK else "UN"  # so long a value of any other VR is damage
            return {"vr": vr, "BulkDataURI": self._bulk_data_uri(self._path(tag))}
        raw = self._raw(value, length)
        if vr in _NUMBERS or vr == "AT":
            values = binary_values(raw, vr, "big" if big_endian else "little")
            if values is None:
                return {"vr": "UN", "InlineBinary": base64.b64encode(raw).decode("ascii")}
            if vr in ("FL", "FD") and not all(map(math.isfinite, values)):
                return {"vr": vr, "BulkDataURI": self._bulk_data_uri(self._path(tag))}
            return {"vr": vr, "Value": values}
        return _text_element(vr, decode_text(raw, vr, self._charsets[-1], self._source_charset))

    def _unknown_sequence(self, tag: int, value: int, length: int) -> Element | None:
        """A sequence that was written as UN with a length, where its bytes are one; not once more inside of it."""
        if length == 0:
            return {"vr": "SQ"}
        if self._within_unknown:
            return None
        # as an element of its own, in the implicit form which UN has
        element = struct.pack("<HHI", tag >> 16, tag & 0xFFFF, length) + self._raw(value, length)
        implicit = transfer_syntax(IMPLICIT_VR_LITTLE_ENDIAN)
        charset = self._charsets[-1]
        writer = _Writer(element, implicit, self._bulk_data_uri, self._inline_bytes_max, self._source_charset, charset)
        writer._paths = self._paths[-1:]
        writer._within_unknown = True
        try:
            written = writer.write().get(f"{tag:08X}")
        except SuretError:
            return None
        return written if written is not None and written["vr"] == "SQ" else None

    def _raw(self, value: int, length: int) -> bytes:
        return bytes(self._data[value : value + length])


def dataset_json(
    data: Buffer,
    transfer_syntax_uid: str,
    *,
    bulk_data_uri: BulkDataURI,
    inline_bytes_max: int = 1024,
    source_charset: str | None = None,
    inherited_charset: str = "",
) -> dict[str, Element]:
    """The data set as a DICOM JSON object: everything but group 0002, group lengths and padding.

    `data` is walked and, if it was deflated, inflated. `bulk_data_uri` gives the URI for a path such as ``7FE00010``
    or ``00400275/1/00420011`` (item numbers count from 1), which `bulk_data_range` finds again. Pixel data and binary
    values over `inline_bytes_max` bytes become such URIs, numbers and free text beyond 64 KiB too.
    `inherited_charset` is that of a data set around this one.
    """
    syntax = transfer_syntax(transfer_syntax_uid)
    return _Writer(data, syntax, bulk_data_uri, inline_bytes_max, source_charset, inherited_charset).write()


def sequence_text(data: Buffer, syntax: TransferSyntax, tag: int, charset: str, source_charset: str | None) -> str:
    """The compact text of the JSON array of one sequence; `data` is that element alone, its header included.

    A binary value in it is only named by a BulkDataURI: it is for the index. An empty sequence is "".
    """
    writer = _Writer(data, syntax, lambda path: path, 0, source_charset, charset)
    items = writer.write().get(f"{tag:08X}", {}).get("Value")
    return json.dumps(items, ensure_ascii=False, separators=(",", ":"), allow_nan=False) if items else ""


class BulkValue(NamedTuple):
    """Where a value is, in bytes from the start of the data set; a word of more than one byte is big endian."""

    offset: int
    length: int
    word_bytes: int


def bulk_data_range(data: Buffer, transfer_syntax_uid: str, path: str) -> BulkValue:
    """Where the value is that `dataset_json` named `path`.

    Encapsulated pixel data: from the Basic Offset Table item up to the delimiter. Raises NotFound.
    """
    syntax = transfer_syntax(transfer_syntax_uid)
    context = Context(data, syntax)
    big_endian = [syntax.big_endian]
    paths = [""]
    counts: list[int] = []
    begun = -1
    for kind, tag, vr, start, value, length in scan(data, syntax):
        if kind == ITEM:
            counts[-1] += 1
            paths.append(f"{paths[-1]}{tag:08X}/{counts[-1]}/")
            context.enter()
        elif kind == ITEM_END:
            paths.pop()
            context.leave()
        elif kind == SEQUENCE:
            counts.append(0)
            # what is UN with undefined length is little endian within (PS3.5 6.2.2)
            big_endian.append(big_endian[-1] and vr != "UN")
        elif kind == SEQUENCE_END:
            counts.pop()
            big_endian.pop()
        elif kind == ELEMENT:
            if tag in NOTED:
                context.note(tag, bytes(data[value : value + length]), big_endian[-1])
            if f"{paths[-1]}{tag:08X}" == path:
                return BulkValue(value, length, context.word_bytes(tag, vr) if big_endian[-1] else 1)
        elif kind == FRAGMENTS:
            begun = value
        elif kind == FRAGMENTS_END and f"{paths[-1]}{tag:08X}" == path:
            return BulkValue(begun, start - begun, 1)
    raise NotFound(f"there is no bulk data at {path}", "take the URI from the metadata of this instance")


def _shown(tag: int) -> bool:
    group = tag >> 16
    return bool(tag & 0xFFFF) and group not in (0x0000, 0x0002) and tag != TRAILING_PADDING


def binary_values(raw: bytes, vr: str, order: str) -> list[Any] | None:
    """The numbers of a binary VR, strings where JSON numbers lose precision; None where the length does not fit."""
    if vr == "AT":
        if len(raw) % 4:
            return None
        numbers = struct.unpack(f"{'>' if order == 'big' else '<'}{len(raw) // 2}H", raw)
        return [f"{numbers[i]:04X}{numbers[i + 1]:04X}" for i in range(0, len(numbers), 2)]
    size = WORD_BYTES[vr]
    if len(raw) % size:
        return None
    words = struct.unpack(f"{'>' if order == 'big' else '<'}{len(raw) // size}{_NUMBERS[vr]}", raw)
    if vr in ("SV", "UV"):
        return [word if abs(word) <= _EXACT_INTEGER_MAX else str(word) for word in words]
    return list(words)


def _text_element(vr: str, text: str) -> Element:
    if vr in _ONE_TEXT_VRS:
        return {"vr": vr, "Value": [text]} if text else {"vr": vr}
    convert = _CONVERSIONS.get(vr, _string)
    values = [convert(part.strip(" \0")) for part in text.split("\\")]
    return {"vr": vr, "Value": values} if any(value is not None for value in values) else {"vr": vr}


def _string(text: str) -> str | None:
    return text or None


def _person_name(text: str) -> dict[str, str] | None:
    groups = {name: group for name, group in zip(_NAME_GROUPS, text.split("="), strict=False) if group}
    return groups or None


def _integer_string(text: str) -> int | str | None:
    if _INTEGER.fullmatch(text) and len(text) <= _EXACT_DIGITS + 1:
        return int(text)
    return text or None


def _decimal_string(text: str) -> int | float | str | None:
    if not _DECIMAL.fullmatch(text):
        return text or None
    if _INTEGER.fullmatch(text) and len(text) <= _EXACT_DIGITS:
        return int(text)
    number = float(text)
    if not math.isfinite(number):
        return text
    if sum(map(str.isdigit, text)) > _EXACT_DIGITS and Decimal(text) != Decimal(repr(number)):
        return text
    return number


_CONVERSIONS: Final[dict[str, Callable[[str], Any]]] = {
    "PN": _person_name,
    "IS": _integer_string,
    "DS": _decimal_string,
}
